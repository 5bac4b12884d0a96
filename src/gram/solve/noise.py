"""Counter-based noise: what a trajectory draws depends only on (seed, puzzle, trajectory, step), so rows can be packed,
dropped and batched with any others. Shapes: T transitions, M rows of the state, D width.
"""

import hashlib
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass

import numpy as np

from gram.solve.threads import Threads
from gram.tasks.spec import Tokens


@dataclass(frozen=True)
class Noise:
    """Standard normal noise of one supervision step of B rows. It is drawn on demand, so that each thread can draw its
    own share."""

    seed: int | Sequence[int]
    """One seed for all rows, or one per row."""
    rows: Sequence[tuple[Tokens, int, int]]
    """(puzzle, trajectory, step) of each row; steps count from 0."""
    shape: tuple[int, int, int]
    """(T, M, D) of one row, or (T, 1, D)."""
    scale: float = 1.0
    """Factor of the noise; nothing is drawn for 0."""

    def __len__(self) -> int:
        return len(self.rows)

    def draw(self, rows: slice = slice(None)) -> np.ndarray:
        """(T, b, M, D) float32 of some rows, contiguous by row in memory."""
        chosen = self.rows[rows]
        drawn = np.zeros((len(chosen), *self.shape), np.float32)
        if self.scale:
            seeds = [self.seed] * len(chosen) if isinstance(self.seed, int) else self.seed[rows]
            for row, seed, (puzzle, trajectory, step) in zip(drawn, seeds, chosen, strict=True):
                _generator(seed, puzzle, (0, trajectory, step)).standard_normal(out=row, dtype=np.float32)
        if self.scale not in (0, 1):
            drawn *= np.float32(self.scale)
        return drawn.swapaxes(0, 1)

    def draw_by(self, pool: Executor | Threads, threads: int, rows: slice = slice(None)) -> np.ndarray:
        """Like `draw`, with the rows divided among threads of a pool."""
        first, last, _ = rows.indices(len(self))
        share = max(1, -(-(last - first) // threads))
        shares = [slice(at, min(at + share, last)) for at in range(first, last, share)]
        return np.concatenate([z.swapaxes(0, 1) for z in pool.map(self.draw, shares)]).swapaxes(0, 1)


def initial_noise(seed: int, puzzle: Tokens, trajectory: int, shape: tuple[int, ...]) -> np.ndarray:
    """Standard normal initial state of one trajectory, for models with start "random"; `shape` (2, M, D), float32."""
    return _generator(seed, puzzle, (1, trajectory, 0)).standard_normal(shape, dtype=np.float32)


def chances(seed: int, puzzle: Tokens, trajectory: int, step: int) -> np.ndarray:
    """Two uniform numbers in [0, 1) for the guess after supervision step `step` (from 1): its position and symbol."""
    return _generator(seed, puzzle, (2, trajectory, step)).random(2)


def cell_chances(seed: int, puzzle: Tokens, trajectory: int, cells: int) -> np.ndarray:
    """Uniform numbers in [0, 1) by which the cells of a row are drawn, (cells,)."""
    return _generator(seed, puzzle, (3, trajectory, 0)).random(cells)


def _generator(seed: int, puzzle: Tokens, place: tuple[int, int, int]) -> np.random.Generator:
    """Philox4x64 with key (seed, first 8 bytes of the puzzle's sha256) and counter (0, *place), little-endian."""
    digest = hashlib.sha256(np.ascontiguousarray(puzzle, np.uint8).tobytes()).digest()
    key = np.array([seed, int.from_bytes(digest[:8], "little")], np.uint64)
    bits = np.random.Philox(key=key, counter=np.array([0, *place], np.uint64))
    return np.random.Generator(bits)
