"""Answers drawn symbol by symbol as active rows: the `ActiveBatch` of a network with guesses.

A step begins at z0 and reads the input with what was drawn so far. Then the symbol of one unsure position is drawn from
its probabilities, and is an input from the next step on. So choices that several positions share agree, and a
trajectory is a sample of the whole answer, in random order (as in order-agnostic autoregression, arXiv:2110.02037). A
row has halted once all other positions are sure.
"""

import numpy as np

from gram.solve.active_batch import SURE, ActiveBatch
from gram.solve.noise import chances
from gram.tasks.spec import PAD, Tokens


class GuessBatch(ActiveBatch):
    """The active rows of a network with guesses."""

    def admit(self, new: list[tuple[int, int]]) -> None:
        if not self.rows:
            self.drawn, self.log_p, self.drawable = self.tokens[:0], np.zeros(0), self.task.drawable()
        super().admit(new)
        self.drawn = np.concatenate([self.drawn, np.zeros((len(new), self.puzzles.shape[1]), np.uint8)])
        self.log_p = np.concatenate([self.log_p, np.zeros(len(new))])  # of what was drawn

    def sparse(self) -> np.ndarray:
        """No row, since each step guesses."""
        return np.zeros(len(self.rows), bool)

    def step(self) -> tuple[Tokens, np.ndarray, np.ndarray]:
        """One more symbol of every row: the answers (B, L) uint8, their probabilities (B,) float32, and as halting
        logit 1 for rows that are sure, else -1 (B,)."""
        assert self.state is not None
        out = self.network.step(self.state, self.e_x, None, temperature=0.0)
        self.logits, self.pooled, self.steps = np.where(self.drawable, out.logits, -np.inf), out.pooled, self.steps + 1
        log_p = self.logits - self.logits.max(-1, keepdims=True)
        log_p -= np.log(np.exp(log_p).sum(-1, keepdims=True))
        left, likeliest = self.task.open(self.tokens), log_p.max(-1)
        answers = np.where(self.drawn == PAD, log_p.argmax(-1), self.drawn).astype(np.uint8)
        row, place = np.nonzero(self.drawn)
        self.logits[row, place] = -np.inf
        self.logits[row, place, self.drawn[row, place]] = 0.0
        answers[:, : self.task.spec.answer_start] = PAD
        value = np.exp(self.log_p + np.where(left, likeliest, 0.0).sum(1))
        unsure = left & (likeliest < np.log(SURE))
        guessing = unsure.any(1)
        for i in np.flatnonzero(guessing).tolist():
            self.guess_one(i, np.flatnonzero(unsure[i]), log_p[i])
        self.read(np.flatnonzero(guessing))
        return self.task.canonical(answers), value.astype(np.float32), np.where(guessing, -1.0, 1.0).astype(np.float32)

    def guess_one(self, i: int, places: np.ndarray, log_p: np.ndarray) -> None:
        """Draw the symbol of one of these places of row i, with log probabilities (L, V), at the temperature."""
        puzzle, trajectory = self.rows[i]
        where, what = chances(self.seed, self.puzzles[puzzle], self.first + trajectory, int(self.steps[i]))
        place = places[int(where * len(places))]
        scaled = log_p[place].astype(np.float64) / max(self.temperature, 1e-6)
        odds = np.exp(scaled - scaled.max()).cumsum()
        symbol = min(int(np.searchsorted(odds, what * odds[-1], side="right")), len(odds) - 1)
        self.drawn[i, place], self.log_p[i] = symbol, self.log_p[i] + log_p[place, symbol]
        self.tokens[i, place] = self.task.given(self.drawn[i, place])

    def read(self, rows: np.ndarray) -> None:
        """Embed these rows as they are now."""
        if len(rows):
            self.e_x = self.network.put(self.e_x, rows, self.network.encode(self.tokens[rows]))

    def restart(self, rows: np.ndarray) -> None:
        """Begin these rows again with other guesses."""
        for i in rows.tolist():
            self.tokens[i], self.drawn[i], self.log_p[i] = self.puzzles[self.rows[i][0]], PAD, 0.0
        self.read(rows)

    def keep(self, rows: np.ndarray) -> None:
        if len(rows) < len(self.rows):
            self.drawn, self.log_p = self.drawn[rows], self.log_p[rows]
        super().keep(rows)
