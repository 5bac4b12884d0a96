"""The task interface: encode puzzles and check answers. Numpy only.

Its sequences and examples are those of gram.tasks.spec, whose names a task of another package may import from here.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from gram.config import Config
from gram.tasks.cases import Cases
from gram.tasks.reading.containers import Held, unpacked
from gram.tasks.reading.content import Content, Found, content_of
from gram.tasks.spec import IDENTITY, PAD, SPLITS, Examples, TaskSpec, Tokens, split_of, splits_of

__all__ = [
    "IDENTITY",
    "OWN",
    "PAD",
    "SPLITS",
    "Examples",
    "Renumbering",
    "Symmetry",
    "Task",
    "TaskSpec",
    "Tokens",
    "Unconditional",
    "split_of",
    "splits_of",
    "square_views",
]

OWN = "own"
"""Name of the task for your own data, which is described in a configuration."""


@dataclass(frozen=True)
class Symmetry:
    """A batch of symmetries: new[b, i] = tokens[b, old[b, positions[b, i]]].

    positions (B, L) int64 and tokens (B, V) int64 or uint8 hold one permutation per row.
    """

    positions: np.ndarray
    tokens: np.ndarray

    def apply(self, old: Tokens) -> Tokens:
        """(B, L) uint8 -> (B, L) uint8."""
        moved = np.take_along_axis(old, self.positions, axis=1)
        return np.take_along_axis(self.tokens, moved.astype(np.int64), axis=1).astype(np.uint8)

    def inverse(self) -> "Symmetry":
        return Symmetry(np.argsort(self.positions, axis=1), np.argsort(self.tokens, axis=1))


def square_views(n: int) -> np.ndarray:
    """The 8 symmetries of the square as permutations of its n * n cells, (8, n * n) int64."""
    cells = np.arange(n * n).reshape(n, n)
    return np.stack([np.rot90(side, turns).reshape(-1) for side in (cells, cells.T) for turns in range(4)])


class Renumbering(NamedTuple):
    """Tokens that other weights number otherwise."""

    now: np.ndarray
    """(V,) int64: the token of now for each of theirs."""
    new: list[str]
    """Symbols that they do not have."""


class Task(ABC):
    """One kind of puzzle: conversion between text and tokens, rules, exact answers, and symmetries.

    Array arguments are batches (B, L) of uint8 tokens unless stated otherwise.
    """

    spec: TaskSpec
    checkable: bool = True
    """Whether `check` needs only the puzzle and the answer. Otherwise it compares with known targets in training and
    evaluation, so answers to new puzzles are neither valid nor invalid, and the checker cannot select among them."""
    own_splits: bool = False
    """Whether examples are not split by the content of inputs. Then no augmented view may equal another input."""
    quick: int = 20_000
    """Nodes that the exact solver visits in a fraction of a second; incidental counts stay within this budget. It is a
    number of nodes, not seconds, so that a puzzle gives the same output on every machine."""
    numerals: str = ""
    """The characters for the numbers 0, 1, ... in a grid of numbers; empty if numbers have no meaning."""
    even: bool = True
    """Whether a position has the same meaning in every puzzle, because all have the same length."""
    rules: bool = True
    """Whether there are rules for correct answers. Without rules, `check` accepts every answer, so it is useless for
    halting and evaluation."""
    unconditional: bool = False
    """Whether all inputs are the same blank, so that answers are samples of p(x); see `sampled`."""
    withheld: str | None = None
    """The check that was not run because it is not trusted (your own data only)."""
    web: dict[str, Any] | None = None
    """What the page of a bundle needs to draw puzzles and check rules; None if it cannot (gram.ship.web)."""
    exhaustive: bool = True
    """Whether examples have all answers of each puzzle as targets, so that what no target has is wrong."""
    answered: tuple[str, ...] = ()
    """Suffixes of files that hold puzzles with answers, for `read_examples`."""

    cases: Cases | None = None
    """How puzzles are split into cases by the rules; None if they cannot be (gram.tasks.cases)."""
    votes: bool = False
    """Whether views of one input vote for its answer (ARC)."""
    completes: bool = False
    """Whether rows of a table are completed."""
    graphs: bool = False
    """Whether puzzles are graphs, whose vertices may count from 0 or 1."""
    paired: bool = False
    """Whether every data file holds inputs with their targets, in whatever form (`load`)."""

    def sampled(self) -> "Unconditional":
        """The task itself if it is unconditional. ValueError otherwise."""
        name = self.spec.name
        raise ValueError(f"{name} answers puzzles, so there are no samples to draw; use `gram solve {name}`.")

    def with_edges(self, probability: float) -> "Task":
        """The same task with another share of edges in its random graphs. ValueError where there are none."""
        raise ValueError("--edge-probability shapes the random graphs of coloring tasks; leave it out here.")

    def open(self, puzzles: Tokens) -> np.ndarray:
        """(B, L) bool: the positions of puzzles that hold nothing of the answer yet. ValueError where a puzzle holds
        nothing of its answer."""
        raise ValueError(f"{self.spec.name} has no positions for guesses; leave model.guesses false.")

    def drawable(self) -> np.ndarray:
        """(L, V) bool, or what broadcasts to it: the symbols that a guess may be at each position."""
        return np.arange(self.spec.vocabulary) != PAD

    def given(self, tokens: Tokens) -> Tokens:
        """Symbols of an answer as puzzles hold them, any shape."""
        return tokens

    def blank_unknowns(self) -> None:
        """From now on, symbols of inputs that are not known read as blanks. ValueError where a check judges."""
        raise ValueError("--unknown blank is for your own data without a check; leave one of them out.")

    def use_keys(self, input: str | None, target: str | None) -> None:
        """Names of the columns or keys of data files. ValueError where these are fixed."""
        raise ValueError("Completion uses the columns of the table; leave out the keys.")

    def renumbered(self, config: Config) -> "Renumbering | None":
        """What became of the tokens of weights with this `config`; None where they are the same."""
        return None

    @property
    def unchecked(self) -> str:
        """Why the checker cannot select among answers if it cannot (`checkable`), and what to do."""
        name = self.spec.name
        return (
            f'{name} was trained without a check, so no answer is known to be right; leave want and select "checked" '
            "out, or train with a check."
        )

    # text -------------------------------------------------------------------------------------------------
    @abstractmethod
    def encode(self, puzzle: str) -> Tokens:
        """Text of one puzzle -> tokens (L,). ValueError if the text is invalid or its givens contradict each other
        (conflicts that need no search)."""

    @abstractmethod
    def decode(self, tokens: Tokens) -> str:
        """Answer tokens (L,) -> text."""

    @abstractmethod
    def show(self, tokens: Tokens) -> str:
        """Puzzle tokens (L,) -> text that `encode` reads back."""

    @abstractmethod
    def render(self, puzzle: Tokens, answer: Tokens | None = None) -> str:
        """A terminal picture of a puzzle (L,), or of its answer with the givens marked."""

    def read(self, path: Path) -> Iterator[str]:
        """The puzzles of a file, each as text for `encode`."""
        return iter(self.take(unpacked(path, str(path))).puzzles)

    def take(self, held: Held, base: int | None = None) -> Found:
        """The puzzles of a file or of standard input, whose text or arrays are at hand, and the decisions made to read
        them. A task that reads lines of text of its own implements this, in place of `understand`."""
        return self.understand(content_of(held), base=base)

    def parse(self, text: str) -> list[str]:
        """The puzzles of a text in any form that files have, each as text for `encode`."""
        return self.take(Held("The text", "", text)).puzzles

    def understand(self, content: Content, *, base: int | None = None) -> Found:
        """The puzzles of an input, and the decisions made to read them. A task implements this, or `take`.
        `base`: the number of the first vertex, for graphs only."""
        raise ValueError(f"The task {self.spec.name} cannot read files; give its puzzles as text.")

    def read_examples(self, path: Path) -> Examples:
        """The puzzles and answers of a data file. ValueError if the task has no such files."""
        raise ValueError(f"Task {self.spec.name} takes no data files; leave `data` empty.")

    def load(self, paths: Sequence[Path]) -> Examples:
        """The examples of several data files, in order."""
        parts = [self.read_examples(path) for path in paths]
        return Examples.single(np.concatenate([p.inputs for p in parts]), np.concatenate([p.targets for p in parts]))

    # rules ------------------------------------------------------------------------------------------------
    @abstractmethod
    def conflicts(self, puzzles: Tokens, answers: Tokens) -> np.ndarray:
        """Violated constraints of each answer, (B,) int64; each unfilled position and each changed given counts as
        one."""

    def check(self, puzzles: Tokens, answers: Tokens) -> np.ndarray:
        """Whether each answer satisfies all constraints and keeps the givens, (B,) bool."""
        return self.conflicts(puzzles, answers) == 0

    @abstractmethod
    def solutions(self, puzzle: Tokens, limit: int | None = None, budget: int | None = None) -> Tokens:
        """All completions of one puzzle (L,), at most `limit`, as (S, L) uint8.

        RuntimeError if the search visits more than `budget` nodes before it ends, or its subclass NotImplementedError
        if answers cannot be enumerated. The number of answers then stays unknown."""

    def count(self, puzzle: Tokens, limit: int | None = None) -> int | None:
        """The number of completions of one puzzle (L,), counted up to `limit`; None if the exact solver needs more than
        `quick` nodes."""
        try:
            return len(self.solutions(puzzle, limit=limit, budget=self.quick))
        except RuntimeError:
            return None

    # symmetries -------------------------------------------------------------------------------------------
    @abstractmethod
    def symmetry(self, rng: np.random.Generator, batch: int) -> Symmetry:
        """Draw one symmetry of the rules per row."""

    def canonical(self, answers: Tokens) -> Tokens:
        """Map answers that differ only in names to one form (colorings); the identity for other tasks."""
        return answers

    def renamed(self, answers: Tokens) -> Tokens:
        """All answers that `canonical` maps to these (S, L); the answers themselves for tasks without names. ValueError
        if there are too many."""
        return answers

    def augment(self, symmetry: Symmetry, puzzles: Tokens, answers: Tokens) -> tuple[Tokens, Tokens]:
        """Apply `symmetry` to puzzles and answers."""
        return symmetry.apply(puzzles), self.canonical(symmetry.apply(answers))

    def invert(self, symmetry: Symmetry, answers: Tokens) -> Tokens:
        """Answers to augmented puzzles -> answers to the puzzles themselves."""
        return self.canonical(symmetry.inverse().apply(answers))

    def sides(self) -> np.ndarray:
        """Symmetries that only move positions, (sides, L) int64, new[i] = old[sides[s, i]], the identity first. No
        other than that by default."""
        return np.arange(self.spec.length)[None]

    def preferred(self, puzzles: Tokens, answers: Tokens) -> Tokens:
        """The targets to learn in place of equally correct answers (B, L): the answers themselves, unless a rule says
        which of them the data have."""
        return answers

    # data -------------------------------------------------------------------------------------------------
    def hide(self, rng: np.random.Generator, puzzles: Tokens) -> Tokens:
        """Training puzzles as shown in one visit: unchanged unless the task hides other parts each time."""
        return puzzles

    @abstractmethod
    def examples(self, split: str, seed: int = 0, count: int | None = None) -> Examples:
        """The task's own examples of a split, generated from `seed`: at most `count` (exactly `count` if there is no
        limit), or the published size if `count` is None. No input is in two splits."""


class Unconditional(Task):
    """A task that models p(x) instead of p(y | x): all inputs are the same blank, and answers are samples
    (`gram generate`)."""

    unconditional = True
    own_splits = True
    exhaustive = False
    blank: Tokens
    """The only input, (L,) uint8."""
    digits: bool = False
    """Whether samples are digits, which a classifier can score (gram.measure.images)."""

    def sampled(self) -> "Unconditional":
        return self

    def encode(self, puzzle: str) -> Tokens:
        raise ValueError(self.no_puzzles)

    def show(self, tokens: Tokens) -> str:
        """The blank has no text."""
        return ""

    def read(self, path: Path) -> Iterator[str]:
        raise ValueError(self.no_puzzles)

    @property
    def no_puzzles(self) -> str:
        """A message that says what to do instead of giving a puzzle."""
        return f"{self.spec.name} has no puzzles to answer; draw samples with `gram generate {self.spec.name}`."

    def support(self) -> Tokens | None:
        """All possible samples, (S, L) uint8, in a fixed order; None if they are too many to list."""
        return None

    @abstractmethod
    def picture(self, sample: Tokens) -> np.ndarray:
        """A sample (L,) as a gray image, uint8, 0 black and 255 white."""

    def all_of(self, samples: Tokens) -> Examples:
        """Samples (m, L) as the targets of the blank."""
        return Examples(self.blank[None], samples, np.array([0, len(samples)], np.int64))
