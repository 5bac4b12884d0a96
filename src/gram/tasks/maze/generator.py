"""Generates batches of mazes, start and goal far apart. Half of them are winding corridors with some loops and have one
shortest path; half are fields of random obstacles, as the published 30x30 mazes are, where many paths are shortest.

Mazes of n x n cells are (B, n, n) bool, True for open cells. A cell is its number row * n + column.
"""

import numpy as np

LOOPS = 2.5
"""Up to LOOPS / n of the walls of a maze are opened again to make loops; the share is drawn per maze, from 0."""
OBSTACLES = 0.32, 0.42
"""Range of the share of walls in a field of obstacles, drawn per maze; that of the published mazes."""
FAR = 0.85
"""The goal of a field of obstacles is drawn among the cells that are at least this share of the longest distance away
from the start."""
STRAY = 0.3
"""In up to this share of the steps, drawn per maze, a maze grows from a random open cell instead of the newest."""


def distances(open_cells: np.ndarray, start: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Breadth-first search from the cells `start` (B,) -> moves to each cell, (B, n, n) int16, -1 if
    unreachable; and the number of shortest paths, 0, 1 or 2 (several), (B, n, n) uint8."""
    B, n, _ = open_cells.shape
    fresh = np.pad(open_cells, ((0, 0), (1, 1), (1, 1)))  # open and not yet reached
    moves, ways = np.full(fresh.shape, -1, np.int16), np.zeros(fresh.shape, np.uint8)
    row, column = np.divmod(start, n)
    frontier = np.zeros(fresh.shape, np.uint8)
    frontier[np.arange(B), row + 1, column + 1] = 1
    for move in range(n * n):
        reached = frontier > 0
        if not reached.any():
            break
        moves[reached] = move
        ways += frontier
        fresh &= ~reached
        spread = np.zeros_like(frontier)
        inner = spread[:, 1:-1, 1:-1]
        for beside in (frontier[:, 2:, 1:-1], frontier[:, :-2, 1:-1], frontier[:, 1:-1, 2:], frontier[:, 1:-1, :-2]):
            inner += beside
        frontier = np.minimum(spread, 2) * fresh
    return moves[:, 1:-1, 1:-1], ways[:, 1:-1, 1:-1]


def corridors(rng: np.random.Generator, batch: int, n: int) -> np.ndarray:
    """Trees of corridors, (batch, n, n) bool: next to the newest open cell (sometimes another), open a random cell that
    touches no other open cell; backtrack if there is none."""
    width = n + 2
    offsets = np.array([1, -1, width, -width])
    inside = np.zeros((width, width), bool)
    inside[1:-1, 1:-1] = True
    inside = inside.reshape(-1)
    open_cells = np.zeros((batch, width * width), bool)
    stack, size = np.zeros((batch, n * n), np.int64), np.ones(batch, np.int64)
    stack[:, 0] = rng.choice(np.flatnonzero(inside), batch)
    open_cells[np.arange(batch), stack[:, 0]] = True
    stray = STRAY * rng.random(batch)
    rows = np.arange(batch)
    while len(rows):
        top = size[rows] - 1
        other = np.where(rng.random(len(rows)) < stray[rows], (rng.random(len(rows)) * size[rows]).astype(int), top)
        stack[rows, top], stack[rows, other] = stack[rows, other], stack[rows, top]
        beside = stack[rows, top][:, None] + offsets
        touching = open_cells[rows[:, None, None], (beside * inside[beside])[:, :, None] + offsets].sum(2)
        fits = inside[beside] & ~open_cells[rows[:, None], beside] & (touching == 1)
        choice = beside[np.arange(len(rows)), (rng.random(beside.shape) * fits).argmax(1)]
        grows = fits.any(1)
        open_cells[rows[grows], choice[grows]] = True
        stack[rows[grows], top[grows] + 1] = choice[grows]
        size[rows] += np.where(grows, 1, -1)
        rows = rows[size[rows] > 0]
    return open_cells.reshape(batch, width, width)[:, 1:-1, 1:-1]


def make(rng: np.random.Generator, batch: int, n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """At most `batch` mazes: open cells (B, n, n) bool, starts (B,) and goals (B,). Half of them are `winding`, half
    are `fields`, in random order."""
    parts = zip(winding(rng, batch - batch // 2, n), fields(rng, batch // 2, n), strict=True)
    both = [np.concatenate(part) for part in parts]
    order = rng.permutation(len(both[0]))
    open_cells, start, goal = (part[order] for part in both)
    return open_cells, start, goal


def winding(rng: np.random.Generator, batch: int, n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """At most `batch` trees of corridors with loops, as `make` returns them.

    The goal is drawn among the cells with a single shortest path of at least `least` moves, preferring distant ones;
    mazes without such a cell are omitted."""
    open_cells = corridors(rng, batch, n)
    open_cells = open_cells | (rng.random(open_cells.shape) < LOOPS / n * rng.random((batch, 1, 1)))
    start = (rng.random(open_cells.shape) * open_cells).reshape(batch, -1).argmax(1)
    moves, ways = (found.reshape(batch, -1) for found in distances(open_cells, start))
    goals = (ways == 1) & (moves >= least(n))
    goal = (rng.random(goals.shape) * np.where(goals, moves, 0)).argmax(1)
    keep = goals.any(1)
    return open_cells[keep], start[keep], goal[keep]


def fields(rng: np.random.Generator, batch: int, n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """At most `batch` fields of random obstacles, as `make` returns them.

    The start is the cell farthest from a random one; the goal is among the cells farthest from it, and at least `least`
    moves away; fields without such a cell are omitted."""
    low, high = OBSTACLES
    walls = low + (high - low) * rng.random((batch, 1, 1))
    open_cells = rng.random((batch, n, n)) >= walls
    somewhere = (rng.random(open_cells.shape) * open_cells).reshape(batch, -1).argmax(1)
    start = distances(open_cells, somewhere)[0].reshape(batch, -1).argmax(1)
    moves = distances(open_cells, start)[0].reshape(batch, -1)
    longest = moves.max(1, keepdims=True)
    goal = (rng.random(moves.shape) * (moves >= np.maximum(FAR * longest, least(n)))).argmax(1)
    keep = longest[:, 0] >= least(n)
    return open_cells[keep], start[keep], goal[keep]


def least(n: int) -> int:
    """The fewest moves from start to goal."""
    return 2 * n if n >= 8 else n
