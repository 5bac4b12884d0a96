"""The state of a search: what each position may still hold, and the guesses that led there. Numpy only.

One round is the same in training and in solving: the network reads the candidates; those that it rules out are dropped
(`drop`); where a position has none left, or the network or the checker says that the state has no solution, the last
guess is taken back (`take_back`); where nothing was dropped, one position is guessed (`guess`). The scheme is that of
Lattice Deduction Transformers (arXiv:2605.08605) with a stack of guesses in place of chains that restart.
Shapes: B rows, L positions, S symbols.
"""

from dataclasses import dataclass, fields

import numpy as np

from gram.tasks.base import TaskSpec, Tokens

KEPT = np.int16(2**15 - 1)
"""The level at which a candidate is dropped that is still possible, and"""
RULED_OUT = np.int16(-1)
"""of one that a given excludes: it never comes back."""


@dataclass
class Candidates:
    """What B rows may still hold. A guess opens a level; what is dropped above it comes back when it is taken back."""

    spec: TaskSpec
    dropped: np.ndarray
    """(B, L, S) int16: the level at which each candidate was dropped; KEPT or RULED_OUT."""
    guesses: np.ndarray
    """(B, L, 2) int16: position and symbol of the guess that opened each level."""
    level: np.ndarray
    """(B,) int16: open guesses."""
    doubts: np.ndarray
    """(B,) int16: how often a row has restarted because nothing was left to take back."""

    @classmethod
    def of(cls, spec: TaskSpec, puzzles: Tokens) -> "Candidates":
        """The puzzles (B, L) as they are asked: a given leaves its symbol only, a blank leaves all."""
        B, L = len(puzzles), spec.length
        symbols = np.array(spec.symbols, np.uint8)
        given = np.isin(puzzles, symbols)[..., None]
        dropped = np.where(given & (puzzles[..., None] != symbols), RULED_OUT, KEPT)
        return cls(spec, dropped, np.zeros((B, L, 2), np.int16), np.zeros(B, np.int16), np.zeros(B, np.int16))

    def __len__(self) -> int:
        return len(self.level)

    @property
    def alive(self) -> np.ndarray:
        """(B, L, S) bool: what is still possible."""
        return self.dropped == KEPT

    @property
    def given(self) -> np.ndarray:
        """(B, L) bool: positions of which the puzzle leaves one symbol."""
        return (self.dropped == RULED_OUT).sum(2) == self.dropped.shape[2] - 1

    def counts(self) -> np.ndarray:
        """(B, L): how many candidates each position has."""
        return self.alive.sum(2)

    def tokens(self) -> Tokens:
        """What the network reads, (B, L * S) uint8, in the tokens of a unary model: the first symbol for "this one",
        the only candidate, the second for "another one", and for what is open a token that is no symbol."""
        alive = self.alive
        only = alive.sum(2, keepdims=True) == 1
        this, other = self.spec.symbols[:2]
        blank = next(t for t in range(1, self.spec.vocabulary) if t not in self.spec.symbols)
        return np.where(alive, np.where(only, np.uint8(this), np.uint8(blank)), np.uint8(other)).reshape(len(alive), -1)

    def answers(self, logits: np.ndarray) -> Tokens:
        """The likeliest candidate of each position by logits (B, L, S), (B, L) uint8; the first symbol where none is
        left."""
        return np.array(self.spec.symbols, np.uint8)[np.where(self.alive, logits, -np.inf).argmax(2)]

    def complete(self) -> np.ndarray:
        """(B,) bool: one candidate at every position."""
        return (self.counts() == 1).all(1)

    def empty(self) -> np.ndarray:
        """(B,) bool: a position has no candidate left."""
        return np.asarray((self.counts() == 0).any(1))

    def holds(self, solution: np.ndarray) -> np.ndarray:
        """(B,) bool: whether the candidates of each row hold all of solution (B, L), as numbers of symbols."""
        return np.asarray(np.take_along_axis(self.alive, solution[..., None], 2)[..., 0].all(1))

    def doomed(self, solution: np.ndarray) -> np.ndarray:
        """(B,) bool: whether something of solution (B, L), as numbers of symbols, was dropped before any guess."""
        return np.asarray((np.take_along_axis(self.dropped, solution[..., None], 2)[..., 0] <= 0).any(1))

    # one round --------------------------------------------------------------------------------------------
    def drop(self, logits: np.ndarray, below: np.ndarray | float) -> np.ndarray:
        """Drop the candidates whose logit (B, L, S) is below a number, or one for each row; givens stay. (B,) int: how
        many of each row were dropped."""
        out = self.alive & (logits < np.reshape(below, (-1, 1, 1))) & ~self.given[..., None]
        self.dropped = np.where(out, self.level[:, None, None], self.dropped)
        return out.sum((1, 2))

    def take_back(self, rows: np.ndarray) -> None:
        """The last guess of these rows was wrong: what was dropped since comes back, and it is out. A row without a
        guess restarts, because something was dropped that should not have been."""
        for row in rows.tolist():
            dropped, level = self.dropped[row], int(self.level[row])
            if not level:
                self.restart(np.array([row]))
                self.doubts[row] += 1
                continue
            dropped[dropped >= level] = KEPT
            self.level[row] = level - 1
            position, symbol = self.guesses[row, level - 1]
            dropped[position, symbol] = level - 1

    def restart(self, rows: np.ndarray) -> None:
        """These rows restart, with all that the givens leave."""
        self.dropped[rows] = np.where(self.dropped[rows] >= 0, KEPT, RULED_OUT)
        self.level[rows] = 0

    def guess(
        self, rows: np.ndarray, logits: np.ndarray, chance: np.ndarray, *, temperature: float = 0.0, fewest: bool = True
    ) -> None:
        """One guess for each of these rows: at a position with the `fewest` candidates (or at any open one), chosen by
        chance (B, 2) in [0, 1), the likeliest candidate by logits (B, L, S), or one drawn at `temperature`."""
        counts = self.counts()
        for row in rows.tolist():
            open_ones = np.flatnonzero(counts[row] > 1)
            if not len(open_ones):
                continue
            if fewest:
                open_ones = open_ones[counts[row, open_ones] == counts[row, open_ones].min()]
            position = int(open_ones[int(chance[row, 0] * len(open_ones))])
            alive = np.flatnonzero(self.dropped[row, position] == KEPT)
            scores = logits[row, position, alive].astype(np.float64)
            best = int(scores.argmax())
            if temperature:
                odds = np.exp((scores - scores.max()) / temperature).cumsum()
                best = min(int(np.searchsorted(odds, chance[row, 1] * odds[-1], side="right")), len(alive) - 1)
            self.guesses[row, self.level[row]] = position, alive[best]
            self.level[row] += 1
            self.dropped[row, position, np.delete(alive, best)] = self.level[row]

    # rows -------------------------------------------------------------------------------------------------
    def pick(self, rows: np.ndarray) -> "Candidates":
        """These rows alone."""
        return Candidates(self.spec, *(array[rows] for array in self.arrays().values()))

    def join(self, others: "Candidates") -> "Candidates":
        """These rows and others after them."""
        pairs = zip(self.arrays().values(), others.arrays().values(), strict=True)
        return Candidates(self.spec, *(np.concatenate(pair) for pair in pairs))

    def put(self, rows: np.ndarray, new: "Candidates") -> None:
        """`new` at these rows."""
        for held, array in zip(self.arrays().values(), new.arrays().values(), strict=True):
            held[rows] = array

    def arrays(self) -> dict[str, np.ndarray]:
        """All that a checkpoint needs."""
        return {field.name: getattr(self, field.name) for field in fields(self)[1:]}
