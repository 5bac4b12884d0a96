"""Puzzles and a tiny run of ARC."""

from dataclasses import replace

import numpy as np

from gram.config import ArcConfig, Config, ModelConfig, SolveConfig, TrainConfig

MODEL = ModelConfig(
    width=16, hidden=16, heads=2, K=1, T=1, positions="learned", registers=2, guidance_hidden=8, pool="mean"
)
TRAIN = TrainConfig(
    updates=12, batch=8, N_sup=2, warmup=2, augment=True, dtype="float32", compile=False, evaluate_every=1e9,
    save_every=1e9, evaluate_examples=4,
)  # fmt: skip
SOLVE = SolveConfig(width=2, depth=2, select="majority")


def config(files: ArcConfig, **model) -> Config:
    return Config(recipe="tiny", task="arc-1-6", model=replace(MODEL, **model), train=TRAIN, solve=SOLVE, arc=files)


def raw(rng: np.random.Generator, count: int, side: int = 5, *, asked: bool = True) -> dict:
    """Puzzles that paint every cell in one color each, as JSON."""

    def pair() -> dict:
        H, W = rng.integers(1, side + 1, size=2)
        cells = rng.integers(0, 10, size=(H, W))
        return {"input": cells.tolist(), "output": np.where(cells > 0, color, 0).tolist()}

    made = {}
    for i in range(count):
        color = int(rng.integers(1, 10))
        made[f"p{i:02}"] = {"train": [pair() for _ in range(3)], "test": [pair()] if asked else []}
    return made
