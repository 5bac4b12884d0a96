"""Runs of training that take a second."""

from dataclasses import replace
from typing import Any

from gram.config import Config, ModelConfig, SolveConfig, TrainConfig

MODEL = ModelConfig(
    width=32,
    heads=4,
    hidden=32,
    mixer="groups",
    mixer_hidden=8,
    positions="none",
    K=1,
    T=2,
    guidance_hidden=32,
    pool="mean",
)
NEVER = 1e9
TRAIN = TrainConfig(
    updates=40,
    batch=8,
    N_sup=3,
    warmup=5,
    dtype="float32",
    compile=False,
    evaluate_every=NEVER,
    evaluate_examples=4,
    save_every=NEVER,
)
QUEENS = Config(recipe="tiny", task="queens-5", model=MODEL, train=TRAIN, solve=SolveConfig(width=2, depth=3))


def change(config: Config, model: dict[str, Any] | None = None, **train) -> Config:
    return replace(config, model=replace(config.model, **(model or {})), train=replace(config.train, **train))


def tiny(model: dict[str, Any] | None = None, **train) -> Config:
    return change(QUEENS, model, **train)
