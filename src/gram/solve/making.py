"""Sudokus of a wanted difficulty: made at random, rated by a search, and kept if the rating fits.

The rating of a puzzle is the number of evaluations that the search with these weights needs for it, at seed 0. A
puzzle that needs no guess takes one or two.
"""

from collections.abc import Iterator
from itertools import count
from typing import NamedTuple

import numpy as np

from gram.solve.reasoner import Reasoner
from gram.tasks.spec import Tokens
from gram.tasks.sudoku.generator import exchange, minimal_puzzle, random_grids
from gram.tasks.sudoku.removal import Removal
from gram.tasks.sudoku.task import BLANK, Sudoku

LEVELS: dict[str, tuple[int, int | None]] = {"easy": (1, 2), "medium": (3, 5), "hard": (6, 25), "extreme": (26, None)}
"""Level -> fewest and most evaluations (docs/log/sudoku.md, 2026-12-01)."""
MORE = {"easy": 0.2, "medium": 0.05}
"""Level -> greatest share of the blanks of a minimal puzzle that are filled again."""
TOGETHER = 24
"""Puzzles that are made and rated together."""
FRUITLESS = 60
"""Rounds without a puzzle of the level until it is given up."""
BEST = 8
"""The hardest puzzles so far, whose clues are exchanged in the search for harder ones."""
CLIMBED = ("hard", "extreme")
"""Levels that chance alone hardly reaches: one minimal puzzle in 75 is hard (docs/log/sudoku.md, 2026-12-01)."""


class Made(NamedTuple):
    """A puzzle with one solution."""

    puzzle: Tokens
    """(L,) uint8."""
    answer: Tokens
    """(L,) uint8."""
    rating: int | None = None
    """Evaluations of the search; None if it was not rated."""

    @property
    def clues(self) -> int:
        """The number of givens."""
        return int((self.puzzle != BLANK).sum())


def level_of(rating: int | None) -> str | None:
    """The level of a rating."""
    if rating is None:
        return None
    return next(name for name, (_, most) in LEVELS.items() if most is None or rating <= most)


def minimal(task: Sudoku, rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Minimal puzzles, (n, L) int8 with -1 for a blank, and their grids (n, L): by the exact solver up to 9x9,
    above as far as singles prove it."""
    grids = random_grids(task.units, rng, n)
    if task.size > 9:
        return Removal(task.units).puzzles(rng, grids), grids
    return np.array([minimal_puzzle(task.units, rng, grid) for grid in grids]), grids


def filled(rng: np.random.Generator, puzzles: np.ndarray, grids: np.ndarray, most: float) -> np.ndarray:
    """Puzzles (n, L) with random blanks filled again, each with another share of them up to `most`."""
    share = rng.random((len(puzzles), 1)) * most
    return np.where(rng.random(puzzles.shape) < share, grids, puzzles)


def unrated(task: Sudoku, seed: int) -> Iterator[Made]:
    """Endless puzzles of any difficulty."""
    for turn in count():
        rng = np.random.default_rng([seed, 0, turn])
        puzzles, grids = minimal(task, rng, TOGETHER)
        for puzzle, grid in zip(filled(rng, puzzles, grids, MORE["easy"]), grids, strict=True):
            yield Made(tokens(puzzle), tokens(grid))


def rated(reasoner: Reasoner, level: str, seed: int) -> Iterator[Made]:
    """Endless puzzles of a level with distinct solutions. ValueError if none is found for long."""
    task, (least, most) = reasoner.task, LEVELS[level]
    assert isinstance(task, Sudoku)
    seen: set[bytes] = set()
    best: list[tuple[int, np.ndarray, np.ndarray]] = []
    fruitless = 0
    for turn in count():
        rng = np.random.default_rng([seed, 1 + list(LEVELS).index(level), turn])
        puzzles, grids = candidates(task, rng, level, best)
        ratings = rate(reasoner, tokens(puzzles))
        fruitless += 1
        for rating, puzzle, grid in zip(ratings, puzzles, grids, strict=True):
            if rating < least or (most is not None and rating > most) or grid.tobytes() in seen:
                continue
            fruitless = 0
            seen.add(grid.tobytes())
            yield Made(tokens(puzzle), tokens(grid), rating)
        if fruitless >= FRUITLESS:
            tried = FRUITLESS * TOGETHER
            raise ValueError(f"None of {tried:,} puzzles of {task.spec.name} is {level}; ask for another difficulty.")
        best = [each for each in (*best, *zip(ratings, puzzles, grids, strict=True)) if each[2].tobytes() not in seen]
        best = sorted(best, key=lambda each: -each[0])[:BEST]


def candidates(
    task: Sudoku, rng: np.random.Generator, level: str, best: list[tuple[int, np.ndarray, np.ndarray]]
) -> tuple[np.ndarray, np.ndarray]:
    """The puzzles of a round, (n, L), and their grids: for the levels CLIMBED, up to 9x9, two thirds are the hardest so
    far with clues exchanged."""
    kept = level in CLIMBED and task.size <= 9 and bool(best)
    puzzles, grids = minimal(task, rng, TOGETHER // 3 if kept else TOGETHER)
    puzzles = filled(rng, puzzles, grids, MORE.get(level, 0.0))
    if not kept:
        return puzzles, grids
    chosen = [best[i] for i in rng.integers(len(best), size=TOGETHER - len(puzzles))]
    changed = [exchange(task.units, rng, grid, puzzle, int(rng.integers(1, 3))) for _, puzzle, grid in chosen]
    return np.concatenate([puzzles, changed]), np.concatenate([grids, [grid for *_, grid in chosen]])


def rate(reasoner: Reasoner, puzzles: Tokens) -> list[int]:
    """The evaluations that the search needs for puzzles (n, L); 0 for one that it does not solve."""
    return [answer.evaluations if answer.valid else 0 for answer in reasoner.solve(list(puzzles), seed=0)]


def tokens(digits: np.ndarray) -> Tokens:
    """Digits 0.. with -1 for a blank -> tokens."""
    return (digits + 2).astype(np.uint8)
