"""Noise that is counted, not streamed: what a trajectory draws depends on (seed, puzzle, trajectory, step) and nothing
else, so that rows can be packed, dropped and run in any company. Shapes: T transitions, M rows of the state, D width.
"""

import hashlib
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass

import numpy as np

from gram.solve.threads import Threads
from gram.tasks.base import Tokens


@dataclass(frozen=True)
class Noise:
    """Standard normal noise of one supervision step of B rows, drawn when it is asked for: any thread can draw the
    share that it is about to use."""

    seed: int | Sequence[int]
    """The seed of all rows, or that of each."""
    rows: Sequence[tuple[Tokens, int, int]]
    """(puzzle, trajectory, step) of each row; steps are counted from 0."""
    shape: tuple[int, int, int]
    """(T, M, D) of one row, or (T, 1, D)."""
    scale: float = 1.0
    """What it is multiplied by; nothing is drawn for 0."""

    def __len__(self) -> int:
        return len(self.rows)

    def draw(self, rows: slice = slice(None)) -> np.ndarray:
        """(T, b, M, D) float32 of some rows, which lie one after the other in memory."""
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
        """The same, by so many threads of a pool, each a share of the rows."""
        first, last, _ = rows.indices(len(self))
        share = max(1, -(-(last - first) // threads))
        shares = [slice(at, min(at + share, last)) for at in range(first, last, share)]
        return np.concatenate([z.swapaxes(0, 1) for z in pool.map(self.draw, shares)]).swapaxes(0, 1)


def initial_noise(seed: int, puzzle: Tokens, trajectory: int, shape: tuple[int, ...]) -> np.ndarray:
    """Standard normal initial state of one trajectory, for models with start "random"; `shape` (2, M, D), float32."""
    return _generator(seed, puzzle, (1, trajectory, 0)).standard_normal(shape, dtype=np.float32)


def chances(seed: int, puzzle: Tokens, trajectory: int, step: int) -> np.ndarray:
    """Two uniform numbers in [0, 1) for the guess after supervision step `step` (counted from 1): where, and what."""
    return _generator(seed, puzzle, (2, trajectory, step)).random(2)


def _generator(seed: int, puzzle: Tokens, place: tuple[int, int, int]) -> np.random.Generator:
    """Philox4x64 with key (seed, first 8 bytes of the puzzle's sha256) and counter (0, *place), little end first."""
    digest = hashlib.sha256(np.ascontiguousarray(puzzle, np.uint8).tobytes()).digest()
    key = np.array([seed, int.from_bytes(digest[:8], "little")], np.uint64)
    bits = np.random.Philox(key=key, counter=np.array([0, *place], np.uint64))
    return np.random.Generator(bits)
