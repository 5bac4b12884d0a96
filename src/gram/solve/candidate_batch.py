"""A search over candidates as active rows: the `ActiveBatch` of a network with candidates.

A trajectory is one depth-first search. A step reads the candidates of each position, drops those that the network rules
out, takes back the last guess if the state has no solution, and guesses if hardly any were dropped (see
gram.solve.candidates). The trajectory has halted once each position has one candidate; if the checker rejects that
answer, the last guess is taken back. Trajectories differ in where they guess.
"""

import numpy as np

from gram.solve.active_batch import ActiveBatch
from gram.solve.backend import Array, Network
from gram.solve.candidates import Candidates
from gram.solve.noise import chances
from gram.tasks.base import Task
from gram.tasks.spec import Tokens

FEW = 3
"""Dropped candidates up to which a step also guesses: to wait for the last ones takes more steps than it saves guesses
(docs/log/sudoku.md, 2026-12-01)."""
STRICTER = 1.0
"""Reduction of a search's thresholds each time that it has no guess left to take back: it has dropped a candidate of
the solution or given up a state with a solution, and would do so again with the same thresholds. In the limit, the
search only guesses."""


class CandidateBatch(ActiveBatch):
    """The active rows of a network with candidates."""

    def __init__(
        self,
        network: Network,
        task: Task,
        puzzles: Tokens,
        seed: int,
        temperature: float,
        *,
        first: int,
        drop_below: float,
        give_up_below: float,
    ):
        super().__init__(network, task, puzzles, seed, temperature, first=first)
        self.drop_below, self.give_up_below = drop_below, give_up_below
        self.candidates = Candidates.of(task.spec, puzzles[:0])

    def admit(self, new: list[tuple[int, int]]) -> None:
        super().admit(new)
        if new:
            self.candidates = self.candidates.join(Candidates.of(self.task.spec, self.tokens[-len(new) :]))

    def embed(self, puzzles: Tokens) -> Array:
        return self.network.encode(Candidates.of(self.task.spec, puzzles).tokens())

    def sparse(self) -> np.ndarray:
        """No row, since a search guesses by itself."""
        return np.zeros(len(self.rows), bool)

    def step(self) -> tuple[Tokens, np.ndarray, np.ndarray]:
        """One round of every row: the most likely candidates (B, L) uint8, the logit that the state has a solution
        (B,), and as halting logit 1 for rows with one candidate at every position, else -1 (B,)."""
        assert self.state is not None
        out = self.network.step(self.state, self.e_x, self.noise(), temperature=self.temperature)
        self.state, self.logits, self.pooled = out.state, out.logits, out.pooled
        self.steps = self.steps + 1
        search, scores = self.candidates, self.logits[..., np.array(self.task.spec.symbols)]
        doubt = STRICTER * search.doubts
        fewer = search.drop(out.candidates, self.drop_below - doubt)
        answers = self.task.canonical(search.answers(scores))
        dead = search.empty() | (out.value < self.give_up_below - doubt)
        complete = search.complete() & ~dead
        search.guess(np.flatnonzero(~dead & ~complete & (fewer <= FEW)), scores, self.chances())
        self.take_back(np.flatnonzero(dead))
        self.e_x = self.network.encode(search.tokens())
        return answers, out.value, np.where(complete, 1.0, -1.0).astype(np.float32)

    def chances(self) -> np.ndarray:
        """Two uniform numbers for the guess of each row, (B, 2)."""
        rows = zip(self.rows, self.steps.tolist(), strict=True)
        drawn = [chances(self.seed, self.puzzles[p], self.first + n, step) for (p, n), step in rows]
        return np.array(drawn).reshape(-1, 2)

    def take_back(self, rows: np.ndarray) -> None:
        """Take back the last guess of these rows."""
        self.candidates.take_back(rows)
        self.reset_states(rows)

    def reset_states(self, rows: np.ndarray) -> None:
        """Reset these rows to initial states."""
        if not len(rows):
            return
        assert self.state is not None
        h, l = self.initial([self.rows[i] for i in rows.tolist()])  # noqa: E741
        self.state = self.network.put(self.state[0], rows, h), self.network.put(self.state[1], rows, l)

    def reject(self, rows: np.ndarray) -> None:
        self.take_back(rows)
        self.embed_again(rows)

    def restart(self, rows: np.ndarray) -> None:
        self.candidates.restart(rows)
        self.reset_states(rows)
        self.embed_again(rows)

    def embed_again(self, rows: np.ndarray) -> None:
        """Embed the changed candidates of these rows."""
        if len(rows):
            self.e_x = self.network.put(self.e_x, rows, self.network.encode(self.candidates.pick(rows).tokens()))

    def keep(self, rows: np.ndarray) -> None:
        if len(rows) < len(self.rows):
            self.candidates = self.candidates.pick(rows)
        super().keep(rows)
