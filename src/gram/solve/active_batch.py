"""The active rows of a sampler: their states and embeddings, restarts and guesses.

Shapes: B active rows, L positions of the task, M rows of the state, D width, T transitions, V vocabulary.
"""

import numpy as np

from gram.solve.backend import Array, Network
from gram.solve.noise import Noise, chances, initial_noise
from gram.tasks.base import Task
from gram.tasks.spec import PAD, Tokens

SURE = 0.95
"""Guesses are made at positions whose most likely symbol has a probability below this, if there are any."""

GUESSES = 3
"""Guesses of a row before it drops them all and starts over with other ones, times 1, 1, 2, 1, 1, 2, 4, ...: a wrong
guess cannot be told from a right one, and the more there are, the likelier one of them is wrong; but some puzzles need
many (docs/log/sudoku.md, 2026-12-01)."""

MOST = 4
"""The largest of these numbers. Eight times as many guesses nearly fill a Sudoku, and a halting head that has never
seen such a board takes it for right."""


def luby(n: int) -> int:
    """The n-th number, from 1, of Luby's sequence 1, 1, 2, 1, 1, 2, 4, ...: restarts at these lengths take at most a
    logarithmic factor longer than at the best one (Luby, Sinclair, Zuckerman 1993)."""
    power = n.bit_length()
    return 2 ** (power - 1) if n == 2**power - 1 else luby(n - 2 ** (power - 1) + 1)


def noisy(network: Network, temperature: float) -> bool:
    """Whether the transitions draw noise."""
    return network.config.guide.sigma and temperature > 0


class ActiveBatch:
    """The active rows with their indices, states and embeddings."""

    def __init__(
        self,
        network: Network,
        task: Task,
        puzzles: Tokens,
        seed: int,
        temperature: float,
        *,
        first: int = 0,
        views: int = 1,
    ):
        """first, views: see SamplingOptions."""
        self.network, self.task, self.puzzles = network, task, puzzles
        self.seed, self.temperature, self.first = seed, temperature, first
        self.views = task.sides()[:views]
        self.inverse = self.views.argsort(1)
        self.rows: list[tuple[int, int]] = []
        self.steps = np.zeros(0, np.int64)
        self.tokens = np.zeros((0, puzzles.shape[1]), np.uint8)  # the puzzle as each row sees it, including guesses
        self.guesses = np.zeros(0, np.int64)  # of each round so far; not counted where the puzzle is nearly empty
        self.logits = np.zeros((0, 0, 0), np.float32)  # of the last step
        self.rounds = np.ones(0, np.int64)  # of guesses; all are dropped between two
        self.unguessed: dict[tuple[int, int], np.ndarray] = {}  # logits (L, V) of a row before its first guess
        self.pooled: Array = None  # the input of the heads at that step
        self.state: tuple[Array, Array] | None = None
        self.e_x: Array = None
        self.embedded: dict[tuple[int, int], Array] = {}  # by puzzle and view

    def admit(self, new: list[tuple[int, int]]) -> None:
        """Add (puzzle, trajectory) rows in their initial states. A puzzle is embedded once in each view and kept until
        `forget`."""
        if not new:
            return
        join, pick = self.network.join, self.network.pick
        seen = [(puzzle, self.view(n)) for puzzle, n in new]
        unseen = sorted({*seen} - self.embedded.keys())
        if unseen:
            e_x = self.embed(self.turned(unseen))
            self.embedded |= {each: pick(e_x, np.array([i])) for i, each in enumerate(unseen)}
        e_x = join([self.embedded[each] for each in seen])
        state = self.initial(new)
        if self.rows:
            assert self.state is not None
            state = join([self.state[0], state[0]]), join([self.state[1], state[1]])
            e_x = join([self.e_x, e_x])
        self.state, self.e_x = state, e_x
        self.rows = [*self.rows, *new]
        self.tokens = np.concatenate([self.tokens, self.turned(seen)])
        self.steps = np.concatenate([self.steps, np.zeros(len(new), np.int64)])
        self.guesses = np.concatenate([self.guesses, np.zeros(len(new), np.int64)])
        self.rounds = np.concatenate([self.rounds, np.ones(len(new), np.int64)])

    def embed(self, puzzles: Tokens) -> Array:
        """Original puzzles (n, L) -> e_x (n, M, D)."""
        return self.network.encode(puzzles)

    def forget(self, puzzle: int) -> None:
        """Drop the embeddings of a puzzle that needs no more rows."""
        self.embedded = {each: e_x for each, e_x in self.embedded.items() if each[0] != puzzle}

    def view(self, trajectory: int) -> int:
        """The view of a trajectory."""
        return (self.first + trajectory) % len(self.views)

    def turned(self, seen: list[tuple[int, int]]) -> Tokens:
        """Puzzles in their views, (n, L), for (puzzle, view) pairs."""
        return np.stack([self.puzzles[puzzle][self.views[view]] for puzzle, view in seen])

    def turned_back(self, logits: np.ndarray) -> np.ndarray:
        """Logits (B, L, V) of all rows at the positions of their puzzles."""
        if len(self.views) == 1:
            return logits
        inverse = np.stack([self.inverse[self.view(n)] for _, n in self.rows])
        return np.take_along_axis(logits, inverse[..., None], axis=1)

    def sparse(self) -> np.ndarray:
        """(B,) bool: rows with fewer givens than `spec.sparse`."""
        return self.few(self.tokens)

    def few(self, tokens: Tokens) -> np.ndarray:
        """(B,) bool: which of these puzzles (B, L) have fewer givens than `spec.sparse`."""
        return np.isin(tokens, self.task.spec.symbols).sum(1) < self.task.spec.sparse

    def initial(self, rows: list[tuple[int, int]]) -> tuple[Array, Array]:
        """z0 of (puzzle, trajectory) rows."""
        drawn = None
        if self.network.config.start == "random":
            shape = self.network.start_shape
            drawn = np.stack([initial_noise(self.seed, self.puzzles[p], self.first + n, shape) for p, n in rows], 1)
        return self.network.initial(len(rows), drawn)

    def reject(self, rows: np.ndarray) -> None:
        """Continue these rows after a rejected answer: they restart; a search takes back its last guess."""
        self.restart(rows)

    def restart(self, rows: np.ndarray) -> None:
        """Restart these rows with fresh noise and, if givens can be guessed, with one more given each; at the end of a
        round (see GUESSES) with the puzzle's own givens and one other guess."""
        if not len(rows) or not (self.task.spec.givens or noisy(self.network, self.temperature)):
            return  # without a guess or noise, a row would repeat itself
        assert self.state is not None
        put = self.network.put
        if self.task.spec.givens:
            for i in rows.tolist():
                self.guess(i)
            self.e_x = put(self.e_x, rows, self.network.encode(self.tokens[rows]))
        h, l = self.initial([self.rows[i] for i in rows.tolist()])  # noqa: E741
        self.state = put(self.state[0], rows, h), put(self.state[1], rows, l)

    def guess(self, i: int) -> None:
        """Fix a symbol of row i as a given, drawn from its last softmax. The position is a random blank without a SURE
        symbol, or else the least sure blank."""
        logits_LV = self.logits[i]
        before = self.unguessed.setdefault(self.rows[i], logits_LV)
        if self.guesses[i] >= GUESSES * min(MOST, luby(int(self.rounds[i]))):
            self.tokens[i], self.guesses[i], logits_LV = self.puzzles[self.rows[i][0]], 0, before
            self.rounds[i] += 1
        self.guesses[i] += not self.few(self.puzzles[[self.rows[i][0]]])[0]
        symbols = np.array(self.task.spec.symbols)
        blank = np.flatnonzero(~np.isin(self.tokens[i], symbols))
        if not len(blank):
            return
        logits = logits_LV[blank][:, symbols].astype(np.float64)
        odds = np.exp(logits - logits.max(1, keepdims=True))
        odds /= odds.sum(1, keepdims=True)
        best = odds.max(1)
        unsure = np.flatnonzero(best < SURE)
        if not len(unsure):
            unsure = np.array([best.argmin()])
        puzzle, trajectory = self.rows[i]
        where, what = chances(self.seed, self.puzzles[puzzle], self.first + trajectory, int(self.steps[i]))
        at = unsure[int(where * len(unsure))]
        drawn = min(int(np.searchsorted(odds[at].cumsum(), what, side="right")), len(symbols) - 1)
        self.tokens[i, blank[at]] = symbols[drawn]

    def step(self) -> tuple[Tokens, np.ndarray, np.ndarray]:
        """One supervision step of every row: answers (B, L) uint8, value (B,) and halting logit (B,) float32."""
        assert self.state is not None
        state, e_x, noise = self.state, self.e_x, self.noise()
        if noise is not None and self.alike():  # one row serves for all until the first noise
            first = np.array([0])
            state = self.network.pick(state[0], first), self.network.pick(state[1], first)
            e_x = self.network.pick(e_x, first)
        output = self.network.step(state, e_x, noise, temperature=self.temperature)
        self.state, self.logits, self.pooled = output.state, self.turned_back(output.logits), output.pooled
        self.steps = self.steps + 1
        answers = self.logits.argmax(-1).astype(np.uint8)
        answers[:, : self.task.spec.answer_start] = PAD
        return self.task.canonical(answers), output.value, output.halt

    def alike(self) -> bool:
        """Whether all rows are at the start of the same puzzle, so that only the coming noise differs."""
        one = len({puzzle for puzzle, _ in self.rows}) == 1
        return one and len(self.views) == 1 and not self.steps.any() and self.network.config.start == "fixed"

    def noise(self) -> Noise | None:
        """Noise of the next step; None if the network needs none."""
        drawn = noisy(self.network, self.temperature)
        if not drawn and not self.network.config.guide.learned:
            return None
        steps = zip(self.rows, self.steps.tolist(), strict=True)
        rows = [(self.puzzles[p], self.first + n, step) for (p, n), step in steps]
        return Noise(self.seed, rows, self.network.noise_shape, scale=float(drawn))

    def keep(self, rows: np.ndarray) -> None:
        """Drop all rows but these, in this order."""
        if len(rows) == len(self.rows):
            return
        assert self.state is not None
        pick = self.network.pick
        self.state, self.e_x = (pick(self.state[0], rows), pick(self.state[1], rows)), pick(self.e_x, rows)
        self.rows, self.steps = [self.rows[i] for i in rows], self.steps[rows]
        self.tokens, self.logits, self.pooled = self.tokens[rows], self.logits[rows], pick(self.pooled, rows)
        self.guesses, self.rounds = self.guesses[rows], self.rounds[rows]
        kept = set(self.rows)
        self.unguessed = {row: logits for row, logits in self.unguessed.items() if row in kept}
