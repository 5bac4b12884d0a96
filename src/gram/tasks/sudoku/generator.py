"""Generates Sudoku puzzles with one solution: random grids, minimal puzzles, and local search for fewer clues. Above
9x9, removal.py removes the clues of many grids at once.

Digits here are 0..size-1 and -1 is blank, as in `solvers.Units`.
"""

from itertools import islice

import numpy as np

from gram.tasks.solvers import Units
from gram.tasks.sudoku.removal import Removal

CLUES = {4: (4, 8), 6: (8, 18), 9: (24, 40)}  # size -> fewest and most clues of generated puzzles
MOST = {12: 80, 16: 150, 25: 400}  # size -> most clues; the fewest are those that singles can prove
TRIES = 20
"""Nodes for each cell that the search for a large random grid may visit before it begins again."""


def random_grids(units: Units, rng: np.random.Generator, count: int) -> np.ndarray:
    """Complete grids, (count, L) int8: the first solution found with digits in random order (not exactly uniform)."""
    blank = [-1] * len(units.peers)
    budget = TRIES * len(blank) if units.size > 9 else None
    grids: list[list[int]] = []
    while len(grids) < count:
        try:
            grids.append(next(units.solutions(blank, rng=rng, budget=budget)))
        except RuntimeError:  # an early digit leaves hardly any solution
            continue
    return np.array(grids, np.int8)


def minimal_puzzle(units: Units, rng: np.random.Generator, grid: np.ndarray) -> np.ndarray:
    """A minimal set of clues (L,) int8 with `grid` (L,) as the only solution.

    Removes clues in random order. A clue stays if there is a solution with another digit in its cell."""
    clues = grid.tolist()
    for cell in rng.permutation(len(clues)).tolist():
        digit, clues[cell] = clues[cell], -1
        if next(units.solutions(clues, barred=(cell, digit)), None) is not None:
            clues[cell] = digit
    return np.array(clues, np.int8)


def exchange(units: Units, rng: np.random.Generator, grid: np.ndarray, clues: np.ndarray, out: int) -> np.ndarray:
    """Remove `out` clues and add one, if the puzzle (L,) keeps its only solution `grid` (L,); else return it
    unchanged."""
    thinner = clues.copy()
    thinner[rng.choice(np.flatnonzero(clues >= 0), out, replace=False)] = -1
    fillings = np.array(list(islice(units.solutions(thinner.tolist()), 60)), np.int8)
    if len(fillings) == 60:
        return clues  # there may be more solutions, and hardly any clue excludes all of them
    # a clue makes the puzzle unique if no solution but the grid has that digit there
    deciding = np.flatnonzero((fillings == grid).sum(axis=0) == 1)
    if not len(deciding):
        return clues
    cell = rng.choice(deciding)
    thinner[cell] = grid[cell]
    return thinner


def pool(units: Units, rng: np.random.Generator, examples: int) -> tuple[np.ndarray, np.ndarray]:
    """The puzzles to which clues are added for so many examples, (n, L) int8, and their grids (n, L) int8."""
    if units.size > 9:
        grids = random_grids(units, rng, 3 + examples // 10)
        return Removal(units).puzzles(rng, grids), grids
    return minimal_pool(units, rng, 50 + examples // 5, CLUES[units.size][0], 5 + examples // 1000)


def shown(size: int, rng: np.random.Generator, puzzles: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Which of `pool` (n, L) to take and with how many clues, (count,) each: never fewer than its own."""
    own = (puzzles >= 0).sum(axis=1)
    if size > 9:
        rows = rng.integers(len(puzzles), size=count)
        more = MOST[size] + 1 - own[rows]
        return rows, own[rows] + (rng.random(count) ** 2 * more).astype(int)  # half of them within a quarter
    fewest, most = CLUES[size]
    clues = rng.integers(fewest, most + 1, count)
    return (rng.random(count) * np.searchsorted(own, clues, side="right")).astype(int), clues


def minimal_pool(
    units: Units, rng: np.random.Generator, count: int, fewest: int, least: int
) -> tuple[np.ndarray, np.ndarray]:
    """Minimal puzzles of `count` random grids, (count, L) int8, fewest clues first, and the grids (count, L) int8.

    At least `least` of the puzzles have at most `fewest` clues. Chance alone yields one 6x6 puzzle in 400 with 8 clues,
    so local search improves the puzzles closest to that until there are enough. Its steps remove a clue, or exchange
    one to leave puzzles where no clue can be removed."""
    grids = random_grids(units, rng, count)
    puzzles = np.array([minimal_puzzle(units, rng, grid) for grid in grids])
    near = np.argsort((puzzles >= 0).sum(axis=1), kind="stable")[: max(least, count // 5)]
    turn = 0
    while ((puzzles[near] >= 0).sum(axis=1) <= fewest).sum() < least:
        row = near[turn % len(near)]
        if (puzzles[row] >= 0).sum() > fewest:
            puzzles[row] = exchange(units, rng, grids[row], puzzles[row], out=int(rng.integers(1, 3)))
        turn += 1
    order = np.argsort((puzzles >= 0).sum(axis=1), kind="stable")
    return puzzles[order], grids[order]
