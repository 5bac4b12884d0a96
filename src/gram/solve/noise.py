"""Noise that is counted, not streamed: what a trajectory draws depends on (seed, puzzle, trajectory, step) and nothing
else, so that rows can be packed, dropped and run in any company. Shapes: T transitions, M rows of the state, D width.
"""

import hashlib

import numpy as np

from gram.tasks.base import Tokens


def noise(seed: int, puzzle: Tokens, trajectory: int, step: int, shape: tuple[int, ...]) -> np.ndarray:
    """Standard normal noise of one supervision step (counted from 0) of one trajectory; `shape` (T, M, D), float32."""
    return _normal(seed, puzzle, (0, trajectory, step), shape)


def initial_noise(seed: int, puzzle: Tokens, trajectory: int, shape: tuple[int, ...]) -> np.ndarray:
    """Standard normal initial state of one trajectory, for models with start "random"; `shape` (2, M, D), float32."""
    return _normal(seed, puzzle, (1, trajectory, 0), shape)


def chances(seed: int, puzzle: Tokens, trajectory: int, step: int) -> np.ndarray:
    """Two uniform numbers in [0, 1) for the guess after supervision step `step` (counted from 1): where, and what."""
    return _generator(seed, puzzle, (2, trajectory, step)).random(2)


def _normal(seed: int, puzzle: Tokens, place: tuple[int, int, int], shape: tuple[int, ...]) -> np.ndarray:
    return _generator(seed, puzzle, place).standard_normal(shape, dtype=np.float32)


def _generator(seed: int, puzzle: Tokens, place: tuple[int, int, int]) -> np.random.Generator:
    """Philox4x64 with key (seed, first 8 bytes of the puzzle's sha256) and counter (0, *place), little end first."""
    digest = hashlib.sha256(np.ascontiguousarray(puzzle, np.uint8).tobytes()).digest()
    key = np.array([seed, int.from_bytes(digest[:8], "little")], np.uint64)
    bits = np.random.Philox(key=key, counter=np.array([0, *place], np.uint64))
    return np.random.Generator(bits)
