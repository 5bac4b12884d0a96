"""The state of a search: the candidates of each position, and the guesses made so far. Numpy only.

A round is the same in training and solving: the network reads the candidates, and those that it rules out are dropped
(`drop`). If a position has none left, or the network or checker says that the state has no solution, the last guess is
taken back (`take_back`). If hardly any were dropped, one position is guessed (`guess`). The scheme is that of Lattice
Deduction Transformers (arXiv:2605.08605) with a stack of guesses instead of chains that restart.
Shapes: B rows, L positions, S symbols.
"""

from dataclasses import dataclass, fields

import numpy as np

from gram.tasks.spec import PAD, TaskSpec, Tokens

KEPT = np.int16(2**15 - 1)
"""Level of a candidate that has not been dropped."""
RULED_OUT = np.int16(-1)
"""Level of a candidate that a given excludes; it never comes back."""


@dataclass
class Candidates:
    """The candidates of B rows. A guess opens a level; candidates dropped since then come back when it is taken
    back."""

    spec: TaskSpec
    before: Tokens
    """(B, answer_start) uint8: the tokens of the puzzle before its answer starts, such as the edges of a graph. These
    positions count as givens."""
    dropped: np.ndarray
    """(B, L, S) int16: the level at which each candidate was dropped; KEPT or RULED_OUT."""
    guesses: np.ndarray
    """(B, L, 2) int16: position and symbol of the guess that opened each level."""
    level: np.ndarray
    """(B,) int16: number of open guesses."""
    doubts: np.ndarray
    """(B,) int16: restarts of a row because there was no guess to take back."""

    @classmethod
    def of(cls, spec: TaskSpec, puzzles: Tokens) -> "Candidates":
        """The original puzzles (B, L): a given has only its own symbol as candidate, a blank has all."""
        B, L = len(puzzles), spec.length
        symbols = np.array(spec.symbols, np.uint8)
        given = np.isin(puzzles, symbols[symbols != spec.empty])[..., None]
        dropped = np.where(given & (puzzles[..., None] != symbols), RULED_OUT, KEPT)
        dropped[:, : spec.answer_start] = np.where(np.arange(len(symbols)) == 0, KEPT, RULED_OUT)
        before = puzzles[:, : spec.answer_start].astype(np.uint8)
        return cls(spec, before, dropped, np.zeros((B, L, 2), np.int16), np.zeros(B, np.int16), np.zeros(B, np.int16))

    def __len__(self) -> int:
        return len(self.level)

    @property
    def alive(self) -> np.ndarray:
        """(B, L, S) bool: the remaining candidates."""
        return self.dropped == KEPT

    @property
    def given(self) -> np.ndarray:
        """(B, L) bool: positions with a single candidate in the puzzle."""
        return (self.dropped == RULED_OUT).sum(2) == self.dropped.shape[2] - 1

    def counts(self) -> np.ndarray:
        """(B, L): number of candidates of each position."""
        return self.alive.sum(2)

    def tokens(self) -> Tokens:
        """Input of the network, (B, L * S) uint8, in the tokens of a unary model: the first symbol for the only
        candidate, the second for an excluded candidate, and the last token that is not a symbol for an open one."""
        alive = self.alive
        only = alive.sum(2, keepdims=True) == 1
        this, other = self.spec.symbols[:2]
        blank = max(t for t in range(self.spec.vocabulary) if t not in self.spec.symbols)
        tokens = np.where(alive, np.where(only, np.uint8(this), np.uint8(blank)), np.uint8(other))
        tokens[:, : self.spec.answer_start] = self.before[..., None]
        return tokens.reshape(len(alive), -1)

    def answers(self, logits: np.ndarray) -> Tokens:
        """The most likely candidate of each position by logits (B, L, S), (B, L) uint8; the first symbol if none is
        left. Padding before the answer starts."""
        answers = np.array(self.spec.symbols, np.uint8)[np.where(self.alive, logits, -np.inf).argmax(2)]
        answers[:, : self.spec.answer_start] = PAD
        return answers

    def complete(self) -> np.ndarray:
        """(B,) bool: whether every position has one candidate."""
        return (self.counts() == 1).all(1)

    def empty(self) -> np.ndarray:
        """(B,) bool: whether a position has no candidate left."""
        return np.asarray((self.counts() == 0).any(1))

    def lasting(self, solutions: np.ndarray, owners: np.ndarray) -> np.ndarray:
        """(N,) int16: the level at which the first part of each solution was dropped, KEPT if the candidates include
        it. solutions (N, L) as indices of symbols; owners (N,): the row that each belongs to."""
        return self.dropped[owners[:, None], np.arange(self.spec.length), solutions].min(1)

    # one round --------------------------------------------------------------------------------------------
    def drop(self, logits: np.ndarray, below: np.ndarray | float) -> np.ndarray:
        """Drop the candidates whose logit (B, L, S) is below a threshold, common or per row; givens stay. Returns the
        number of dropped candidates per row, (B,) int."""
        out = self.alive & (logits < np.reshape(below, (-1, 1, 1))) & ~self.given[..., None]
        self.dropped = np.where(out, self.level[:, None, None], self.dropped)
        return out.sum((1, 2))

    def take_back(self, rows: np.ndarray) -> None:
        """Exclude the last guess of these rows and restore the candidates dropped since. A row without a guess
        restarts, because it has dropped part of the solution."""
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
        """Restart these rows with all candidates that the givens allow."""
        self.dropped[rows] = np.where(self.dropped[rows] >= 0, KEPT, RULED_OUT)
        self.level[rows] = 0

    def guess(
        self, rows: np.ndarray, logits: np.ndarray, chance: np.ndarray, *, temperature: float = 0.0, fewest: bool = True
    ) -> None:
        """Make one guess in each of these rows: at a position with the `fewest` candidates (or any open one), chosen by
        chance (B, 2) in [0, 1), the most likely candidate by logits (B, L, S) or one drawn at `temperature`. Where
        positions can be empty, the one with the `fewest` candidates is one drawn by the odds that it is not."""
        counts, symbols = self.counts(), np.array(self.spec.symbols)
        for row in rows.tolist():
            open_ones = np.flatnonzero(counts[row] > 1)
            if not len(open_ones):
                continue
            if fewest and not self.spec.empty:
                open_ones = open_ones[counts[row, open_ones] == counts[row, open_ones].min()]
            if fewest and self.spec.empty:
                position = int(open_ones[_drawn(self.filled(logits[row, open_ones]), chance[row, 0])])
            else:
                position = int(open_ones[int(chance[row, 0] * len(open_ones))])
            alive = np.flatnonzero((self.dropped[row, position] == KEPT) & (symbols != self.spec.empty))
            scores = logits[row, position, alive].astype(np.float64)
            best = int(scores.argmax())
            if temperature:
                best = _drawn(scores, chance[row, 1], temperature)
            self.guesses[row, self.level[row]] = position, alive[best]
            self.level[row] += 1
            others = (self.dropped[row, position] == KEPT) & (np.arange(len(symbols)) != alive[best])
            self.dropped[row, position, others] = self.level[row]

    def filled(self, logits: np.ndarray) -> np.ndarray:
        """The logit that a position is not empty, (n,), from logits (n, S)."""
        empty = np.array(self.spec.symbols) == self.spec.empty
        logits = logits.astype(np.float64)
        return np.logaddexp.reduce(logits[:, ~empty], axis=1) - logits[:, empty][:, 0]

    # rows -------------------------------------------------------------------------------------------------
    def pick(self, rows: np.ndarray) -> "Candidates":
        """These rows alone."""
        return Candidates(self.spec, *(array[rows] for array in self.arrays().values()))

    def join(self, others: "Candidates") -> "Candidates":
        """These rows, followed by others."""
        pairs = zip(self.arrays().values(), others.arrays().values(), strict=True)
        return Candidates(self.spec, *(np.concatenate(pair) for pair in pairs))

    def put(self, rows: np.ndarray, new: "Candidates") -> None:
        """`new` at these rows."""
        for held, array in zip(self.arrays().values(), new.arrays().values(), strict=True):
            held[rows] = array

    def arrays(self) -> dict[str, np.ndarray]:
        """The arrays that a checkpoint needs."""
        return {field.name: getattr(self, field.name) for field in fields(self)[1:]}


def _drawn(logits: np.ndarray, chance: float, temperature: float = 1.0) -> int:
    """The index of one of n logits (n,), drawn from their softmax at `temperature` by chance in [0, 1)."""
    odds = np.exp((logits - logits.max()) / temperature).cumsum()
    return min(int(np.searchsorted(odds, chance * odds[-1], side="right")), len(odds) - 1)
