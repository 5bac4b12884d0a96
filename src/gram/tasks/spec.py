"""What a task is to a network: the sizes of its sequences, and examples of it as arrays. Numpy only.

A puzzle and its answer are sequences of small integers with one fixed length L, so that models treat all tasks alike.
Token 0 is padding: puzzles do not contain it, and target positions with it are not scored.
"""

import hashlib
from dataclasses import dataclass

import numpy as np

PAD = 0
SPLITS = ("train", "dev", "test")
IDENTITY = 3
"""Prefix length in tasks with identities: these positions hold the number of the puzzle in base 256, lowest digit
first. They are not tokens of the vocabulary."""

Tokens = np.ndarray  # uint8


@dataclass(frozen=True, kw_only=True)
class TaskSpec:
    """Everything that a model knows about a task; stored in every checkpoint."""

    name: str
    """Name of the task, such as "sudoku-9"."""
    length: int
    """Positions L of a puzzle and of its answer."""
    vocabulary: int
    """Vocabulary size V, including padding (0)."""
    answer_start: int = 0
    """The answer is read from positions answer_start..L; targets before it are padding."""
    relations: tuple[tuple[tuple[int, ...], ...], ...] = ()
    """For each relation its groups of positions, such as the rows, columns and boxes of a Sudoku. They follow from the
    rules, not from the puzzle, and only the "groups" mixer uses them."""
    directed: tuple[tuple[tuple[int, int], ...], ...] = ()
    """For each directed relation its pairs (from, to) of positions, such as from a cell to the one below. Only the
    "groups" mixer uses them."""
    symbols: tuple[int, ...] = ()
    """The tokens of answers, consecutive; a "unary" model has one row of its state per symbol."""
    empty: int = 0
    """The symbol of an empty position, such as a cell without a queen; a puzzle holds it where nothing is given, and a
    search guesses other symbols. 0 if every symbol is something."""
    givens: bool = False
    """Whether a puzzle is its answer with some positions blank, so that further positions can be given."""
    sparse: int = 0
    """Up to this number of givens, a network trained on puzzles with one solution finds none, so a checked trajectory
    takes another guess after every step."""
    identities: int = 0
    """Above 0, the number of puzzles: the first IDENTITY positions of an input encode which one it is, and a model
    learns a vector for each. Answers start after these positions, and inputs and targets are canvases padded around
    their content."""

    def tokens(self, numbers: np.ndarray) -> Tokens:
        """Any array -> tokens (L,). ValueError for a wrong shape or dtype, or numbers that are not tokens of this
        task."""
        found = np.asarray(numbers)
        if found.shape != (self.length,) or not np.issubdtype(found.dtype, np.integer):
            raise ValueError(
                f"{self.name} needs {self.length} integer tokens, not {found.dtype} of shape {found.shape}."
            )
        prefix = IDENTITY if self.identities else 0
        limits = np.where(np.arange(self.length) < prefix, 256, self.vocabulary)
        if not ((found >= 0) & (found < limits)).all():
            raise ValueError(f"The tokens of {self.name} are 0 to {self.vocabulary - 1}; this array has others.")
        found = found.astype(np.uint8)
        if prefix and spelled(found[None])[0] >= self.identities:
            raise ValueError(f"These tokens are not a puzzle of {self.name}; compare them with the result of encode.")
        return found


@dataclass(frozen=True)
class Examples:
    """Puzzles with all targets that count as correct.

    inputs (n, L) uint8; targets (m, L) uint8, grouped by input; input i owns
    targets[first[i]:first[i + 1]], first (n + 1,) int64.
    """

    inputs: Tokens
    targets: Tokens
    first: np.ndarray

    def __post_init__(self):
        assert self.inputs.ndim == self.targets.ndim == 2
        assert self.inputs.dtype == self.targets.dtype == np.uint8
        assert self.first.shape == (len(self.inputs) + 1,)
        assert self.first[-1] == len(self.targets)

    def __len__(self) -> int:
        return len(self.inputs)

    @classmethod
    def single(cls, inputs: Tokens, targets: Tokens) -> "Examples":
        """One target per input."""
        return cls(inputs, targets, np.arange(len(inputs) + 1, dtype=np.int64))

    def join(self, others: "Examples") -> "Examples":
        """These examples, followed by others."""
        first = np.concatenate([self.first, self.first[-1] + others.first[1:]])
        return Examples(
            np.concatenate([self.inputs, others.inputs]), np.concatenate([self.targets, others.targets]), first
        )

    @property
    def counts(self) -> np.ndarray:
        """Targets per input, (n,) int64."""
        return np.diff(self.first)

    def targets_of(self, i: int) -> Tokens:
        """All targets of input i, (S, L) uint8."""
        return self.targets[self.first[i] : self.first[i + 1]]

    def select(self, rows: np.ndarray) -> "Examples":
        """The examples at `rows` (integers or a boolean mask), in that order."""
        rows = np.flatnonzero(rows) if rows.dtype == bool else rows
        counts = self.counts[rows]
        first = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        within = np.arange(first[-1]) - np.repeat(first[:-1], counts)
        return Examples(self.inputs[rows], self.targets[np.repeat(self.first[rows], counts) + within], first)


def spell(numbers: np.ndarray) -> Tokens:
    """Numbers of puzzles (n,) -> their IDENTITY prefix positions, (n, IDENTITY) uint8."""
    return (np.asarray(numbers)[:, None] >> (8 * np.arange(IDENTITY)) & 255).astype(np.uint8)


def spelled(tokens: Tokens) -> np.ndarray:
    """The inverse: inputs (n, L) -> numbers (n,) int64."""
    return (tokens[:, :IDENTITY].astype(np.int64) << (8 * np.arange(IDENTITY))).sum(1)


def bucket(tokens: Tokens) -> int:
    """sha256 of one input (L,) mod 100, a number that anyone can recompute from the content."""
    return int(hashlib.sha256(np.ascontiguousarray(tokens, np.uint8).tobytes()).hexdigest(), 16) % 100


def split_of(tokens: Tokens) -> str:
    """The split of one input (L,) by its content: 5% test, 10% dev, 85% train."""
    b = bucket(tokens)
    return "test" if b < 5 else "dev" if b < 15 else "train"


def splits_of(inputs: Tokens) -> np.ndarray:
    """`split_of` of every row, (n,) of str."""
    return np.array([split_of(row) for row in inputs], dtype="U5")
