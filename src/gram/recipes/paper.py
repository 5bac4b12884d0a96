"""The scale of arXiv:2605.19376 with its settings, for a GPU."""

import dataclasses
from collections.abc import Callable
from typing import Any

from gram.config import Config, ModelConfig, SolveConfig, TrainConfig
from gram.recipes.laptop import SUDOKU_DEV, SUDOKU_TRAIN, arc_files
from gram.recipes.variants import change


def paper(task: str, *, beta: float, epochs: int, examples: int, **model: Any) -> Config:
    """The settings of arXiv:2605.19376: AdamW, lr 1e-4, weight decay 1.0, batch 768, EMA 0.9999, N_sup 16."""
    return Config(
        recipe=task,
        task=task,
        model=ModelConfig(**model),
        train=TrainConfig(
            updates=epochs * examples // 768,
            batch=768,
            N_sup=16,
            carry="lockstep",
            optimizer="adamw",
            lr=1e-4,
            weight_decay=1.0,
            lr_final=1.0,
            warmup=2000,
            ema=0.9999,
            beta=beta,
        ),
        solve=SolveConfig(depth=16, select="value"),
    )


def paper_queens(task: str) -> Config:
    """beta 0.07 (8x8) and 0.045 (10x10), 3,000 and 1,000 epochs."""
    if task == "queens-8":
        return paper(task, beta=0.07, epochs=3000, examples=7_200)
    return paper(task, beta=0.045, epochs=1000, examples=108_000)


def paper_coloring(task: str) -> Config:
    """beta 0.5 (8 vertices) and 0.45 (10), 5,000 epochs."""
    if task == "coloring-8":
        return paper(task, beta=0.5, epochs=5000, examples=7_002)
    return paper(task, beta=0.45, epochs=5000, examples=13_465)


def paper_sudoku(task: str) -> Config:
    """1,000 puzzles, augmented; position mixing instead of attention, K = 6, beta 0.1, 50,000 epochs."""
    config = paper(
        task, beta=0.1, epochs=50_000, examples=1000, mixer="swiglu", mixer_hidden=512, positions="none", K=6
    )
    data = {"data": ("sudoku/sudoku_extreme_1k_train.csv.gz",), "dev": ("sudoku/sudoku_extreme_dev.csv.gz",)}
    return dataclasses.replace(change(config, train={"augment": True}), **data)


def paper_maze(task: str) -> Config:
    """The 1,000 official training mazes in eight views. The paper has no mazes: attention without registers, K = 4
    and the settings of its other tasks with one answer."""
    config = paper(task, beta=0.1, epochs=50_000, examples=1000)
    files = {"data": ("maze/maze_30x30_hard_train.csv.gz",), "dev": ("maze/maze_30x30_hard_dev.csv.gz",)}
    return dataclasses.replace(change(config, train={"augment": True}), **files)


def paper_arc(task: str) -> Config:
    """Attention, K = 4, 16 puzzle tokens of which the first is the puzzle's own, 1,000 variants of each puzzle, beta
    0.04 (ARC-AGI-1) and 0.1 (2), 200,000 epochs of the 3,808 and 5,253 training pairs."""
    first = task.startswith("arc-1")
    beta, pairs = (0.04, 3808) if first else (0.1, 5253)
    config = paper(task, beta=beta, epochs=200_000, examples=pairs, registers=16)
    training = {"augment": True, "evaluate_every": 3600.0, "save_every": 1800.0}  # a checkpoint has gigabytes
    config = change(config, train=training, solve={"width": 1, "select": "majority"})
    return dataclasses.replace(config, arc=dataclasses.replace(arc_files(task), variants=1000, translate=True))


def paper_boards(task: str) -> Config:
    """50,000 boards, not augmented, beta 0.05, EMA 0.999, 200 epochs."""
    config = paper(
        task, beta=0.05, epochs=200, examples=50_000, mixer="swiglu", mixer_hidden=512, positions="none", K=6
    )
    config = change(config, train={"ema": 0.999}, solve={"width": 1000})
    return dataclasses.replace(config, data=SUDOKU_TRAIN, dev=SUDOKU_DEV)


def paper_mnist(task: str) -> Config:
    """Stem of two convolutions, beta 0.07, 1,800 epochs."""
    config = paper(task, beta=0.07, epochs=1800, examples=60_000, stem="patches")
    return change(config, train={"prior_rows": 0.0}, solve={"width": 1000})


PAPER: dict[str, Callable[[str], Config]] = {
    "queens": paper_queens,
    "coloring": paper_coloring,
    "sudoku-9": paper_sudoku,
    "sudoku-boards": paper_boards,
    "maze-30": paper_maze,
    "arc": paper_arc,
    "mnist": paper_mnist,
}
