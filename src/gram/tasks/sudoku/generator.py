"""Makes Sudoku puzzles with one solution: random grids, minimal puzzles, and puzzles with fewer clues by local search.

Digits here are 0..size-1 and -1 is blank, as in `solvers.Units`.
"""

from itertools import islice

import numpy as np

from gram.tasks.solvers import Units


def random_grids(units: Units, rng: np.random.Generator, count: int) -> np.ndarray:
    """Complete grids, (count, L) int8: the first filling found with digits in random order (not exactly uniform)."""
    blank = [-1] * len(units.peers)
    return np.array([next(units.solutions(blank, rng=rng)) for _ in range(count)], np.int8)


def minimal_puzzle(units: Units, rng: np.random.Generator, grid: np.ndarray) -> np.ndarray:
    """Clues (L,) int8 that leave `grid` (L,) as the one solution, and not one clue too many.

    Takes clues out in random order; a clue stays where a filling with another digit in its place exists."""
    clues = grid.tolist()
    for cell in rng.permutation(len(clues)).tolist():
        digit, clues[cell] = clues[cell], -1
        if next(units.solutions(clues, barred=(cell, digit)), None) is not None:
            clues[cell] = digit
    return np.array(clues, np.int8)


def exchange(units: Units, rng: np.random.Generator, grid: np.ndarray, clues: np.ndarray, out: int) -> np.ndarray:
    """`out` clues out and one in, if that leaves the puzzle (L,) its solution `grid` (L,); else the puzzle itself."""
    thinner = clues.copy()
    thinner[rng.choice(np.flatnonzero(clues >= 0), out, replace=False)] = -1
    fillings = np.array(list(islice(units.solutions(thinner.tolist()), 60)), np.int8)
    if len(fillings) == 60:
        return clues  # there may be more fillings than these, and hardly one clue rules them all out
    # one clue decides the puzzle if no filling but the grid itself has that digit there
    deciding = np.flatnonzero((fillings == grid).sum(axis=0) == 1)
    if not len(deciding):
        return clues
    cell = rng.choice(deciding)
    thinner[cell] = grid[cell]
    return thinner


def pool(units: Units, rng: np.random.Generator, count: int, fewest: int, least: int) -> tuple[np.ndarray, np.ndarray]:
    """Minimal puzzles of `count` random grids, (count, L) int8, fewest clues first, and those grids (count, L) int8.

    At least `least` of the puzzles have `fewest` clues or less: chance alone gives one 6x6 puzzle in 400 with 8 clues,
    so local search goes round the puzzles closest to that until there are enough: steps that lose a clue, and steps
    that only change one, to get away from puzzles where no step of the first kind is left."""
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
