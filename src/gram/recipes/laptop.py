"""Laptop scale: minutes on one core."""

import dataclasses
from collections.abc import Callable
from typing import Any

from gram.config import ArcConfig, Config, ModelConfig, SolveConfig, TrainConfig
from gram.recipes.variants import change

SMALL = ModelConfig(
    width=128,
    hidden=128,
    mixer="groups",
    mixer_hidden=64,
    positions="none",
    K=2,
    T=2,
    guidance_hidden=128,
    pool="mean",
)
UNARY = ModelConfig(
    width=32,
    hidden=64,
    mixer="groups",
    mixer_hidden=16,
    unary=True,
    positions="none",
    K=2,
    T=2,
    guidance_hidden=32,
    pool="mean",
)
SUDOKU_TRAIN = (
    "sudoku/sudoku_bank_train.csv.gz",
    "sudoku/sudoku_tdoku_hard_train.csv.gz",
    "sudoku/sudoku_extreme_1k_train.csv.gz",
)
SUDOKU_DEV = tuple(name.replace("_1k_train", "_dev").replace("_train", "_dev") for name in SUDOKU_TRAIN)
ENDLESS = 10_000_000  # updates: the minutes are the budget
LITTLE_AT_A_TIME = 4.2
"""beta for tasks without givens. A fifth of the KL trains the posterior (kl_balance), so from 5 on the posterior
carries no information. A little below, it carries a little information on every position in each step, which
independent noise can imitate (docs/log/boards.md, 2026-11-24)."""
AT_FIRST = 1.5
"""beta with which a run on your own data begins. An answer is decoded right after its noise, so at 4.2 it does not pay
to pass on a choice that several positions share, such as which of two numbers of a date is the month. Where the
posterior leaks at it, the run restarts with 4.2 (gram.train.watch; docs/log/own-data.md, 2026-11-30)."""
ONE_ANSWER: Any = {"prior_rows": 0.5, "prior_learns": True}  # with several answers, this many would cost coverage


def queens(task: str) -> Config:
    """N-Queens completion. One transition per step and few steps: the first steps choose, the others repair, and rows
    on the prior learn both, with the completions of a board distributed among them. Evaluations are rare: 256 boards
    every two minutes took two fifths of the time. Below 10 queens, half the width and two steps per row give more
    optimizer steps and boards per minute. More noise than was learned finds more completions (docs/log/queens.md,
    2026-11-26)."""
    small = int(task.split("-")[1]) < 10
    width = 64 if small else 128
    return Config(
        recipe=task,
        task=task,
        model=dataclasses.replace(
            SMALL, width=width, hidden=width, guidance_hidden=width, mixer="swiglu", mixer_hidden=128, K=1, T=1
        ),
        train=TrainConfig(
            minutes=18.0 if small else 80.0,
            updates=ENDLESS,
            N_sup=2 if small else 4,
            lr=4e-3,
            beta=1.7,
            prior_rows=0.25,
            prior_learns=True,
            prior_together=4,
            evaluate_every=300.0,
            evaluate_examples=64,
        ),
        solve=SolveConfig(depth=48, restart_every=12, temperature=1.6 if small else 1.5),
    )


def coloring(task: str) -> Config:
    """Graph coloring. Learned positions distinguish the vertices, since canonical colors depend on their order. There
    is one low-level update, since short budgets need many optimizer steps. beta rises, since otherwise some seeds keep
    a KL of 0 for long. A little more noise than was learned covers more (docs/log/coloring.md, 2026-11-26)."""
    minutes = 25.0 if int(task.split("-")[1]) < 10 else 35.0
    return Config(
        recipe=task,
        task=task,
        model=dataclasses.replace(SMALL, positions="learned", K=1, T=1),
        train=TrainConfig(
            minutes=minutes,
            updates=ENDLESS,
            N_sup=4,
            lr=3e-3,
            beta=LITTLE_AT_A_TIME,
            beta_warmup=0.2,
            augment=True,
            evaluate_every=300.0,
            evaluate_examples=64,
        ),
        solve=SolveConfig(depth=48, restart_every=12, temperature=1.3),
    )


def small_sudoku(task: str) -> Config:
    """4x4 and 6x6 Sudoku from generated puzzles."""
    return Config(
        recipe=task,
        task=task,
        model=SMALL,
        train=TrainConfig(minutes=5.0, updates=ENDLESS, N_sup=8, beta=3.0, augment=True, **ONE_ANSWER),
        solve=SolveConfig(depth=16),
    )


def sudoku_9(task: str) -> Config:
    """Hard 9x9 Sudoku from the three training files."""
    return Config(
        recipe=task,
        task=task,
        data=SUDOKU_TRAIN,
        dev=("sudoku/sudoku_bank_dev.csv.gz", "sudoku/sudoku_extreme_dev.csv.gz"),
        model=UNARY,
        train=TrainConfig(
            minutes=66.0,
            updates=ENDLESS,
            batch=32,
            N_sup=16,
            halt_early=True,
            lr=3e-3,
            lr_rest=2e-3,
            beta=3.0,
            augment=True,
            **ONE_ANSWER,
            evaluate_every=1200.0,
            evaluate_examples=32,
            save_every=300.0,
        ),
        solve=SolveConfig(depth=64, restart_every=8),
    )


LARGE_BATCH = {12: 32, 16: 16, 25: 4}
"""Puzzles at once by size: a step then takes about as long and as much memory as 64 puzzles of 9x9."""


def large_sudoku(task: str) -> Config:
    """12x12, 16x16 and 25x25 Sudoku from generated puzzles."""
    config = dataclasses.replace(sudoku_9(task), data=(), dev=())
    return change(config, train={"batch": LARGE_BATCH[int(task.split("-")[1])], "minutes": 120.0})


def sudoku_9_search(config: Config) -> Config:
    """Only the hard puzzles of the training files, since easy ones are solved without a guess."""
    train = dataclasses.replace(config.train, minutes=115.0, evaluate_every=1500.0)
    return dataclasses.replace(config, data=SUDOKU_TRAIN[1:], train=train)


def sudoku_9_deep(config: Config) -> Config:
    """The network of the search with guidance, and training starts from it (`--start sudoku-9-search`). A trajectory
    changes little after four steps, right or wrong, and then restarts with a guess (docs/log/sudoku.md, 2026-12-01)."""
    train = {"minutes": 60.0, "lr": 2e-3, "lr_rest": 1.3e-3}
    return change(config, train=train, solve={"depth": 256, "restart_every": 4})


def large_search(config: Config) -> Config:
    """The network of the shipped sudoku-9-search, which is the same at every size, so that training starts from it
    (`--start sudoku-9-search`). Compilation would take minutes of the half hour."""
    batch = LARGE_BATCH[int(config.task.split("-")[1])]
    train = {"batch": batch, "lr": 2e-3, "lr_rest": 1.3e-3, "minutes": 30.0, "compile": False, "evaluate_every": 1500.0}
    return change(config, model={"T": 8}, train=train)


SHORT_SEARCH: Any = {"minutes": 10.0, "batch": 16, "evaluate_every": 600.0, "evaluate_examples": 64}


def queens_search(config: Config) -> Config:
    """Completions of N queens by search. Learned positions include those of the two symbols, which are not alike. A
    short budget needs many optimizer steps."""
    return change(config, model={"positions": "learned"}, train=SHORT_SEARCH)


def coloring_search(config: Config) -> Config:
    """Graph coloring by search: edges are rows of the state as vertices are, and colors are alike."""
    return change(config, train=SHORT_SEARCH)


def own(task: str) -> Config:
    """Your own data, or a task of another package. Positions are learned, since nothing is known about them. If
    positions have a fixed meaning, a SwiGLU mixes them, otherwise attention. The rest is as in graph coloring, with a
    lower beta: with several transitions, the posterior would leak the answer (docs/log/queens.md, 2026-11-24). If one
    answer is right, other fields hold (gram.train.answers)."""
    return Config(
        recipe=task,
        task=task,
        model=dataclasses.replace(SMALL, mixer="auto", heads=4, positions="learned", K=1, T=1),
        train=TrainConfig(
            minutes=10.0,
            updates=ENDLESS,
            N_sup=4,
            lr=3e-3,
            beta=AT_FIRST,
            beta_warmup=0.2,
            cure=True,
            answers="auto",
            evaluate_examples=64,
        ),
        solve=SolveConfig(depth=24, restart_every=12, temperature=0.7),
    )


MAZE = ModelConfig(
    width=32,
    hidden=64,
    mixer="groups",
    mixer_hidden=8,
    positions="none",
    K=4,
    T=2,
    guidance_hidden=32,
    pool="mean",
)
"""The network of mazes. A step carries information (K + 1) * T * blocks = 20 cells further."""


def maze(task: str) -> Config:
    """Mazes of up to 29 x 29 cells, generated."""
    return Config(
        recipe=task,
        task=task,
        model=MAZE,
        train=TrainConfig(
            minutes=30.0,
            updates=ENDLESS,
            batch=16,
            N_sup=12,
            halt_early=True,
            lr=3e-3,
            lr_rest=2e-3,
            beta=3.0,
            augment=True,
            **ONE_ANSWER,
            evaluate_every=300.0,
            evaluate_examples=64,
        ),
        solve=SolveConfig(depth=48, views=8),
    )


def maze_30(task: str) -> Config:
    """The 1,000 official training mazes of 30 x 30 cells and generated ones, in eight views. The rate is low, since
    training starts from weights of a smaller size, whose updates cost a fifth (`--start`, from maze-18)."""
    files = {"data": ("maze/maze_30x30_hard_train.csv.gz",), "dev": ("maze/maze_30x30_hard_dev.csv.gz",)}
    train = {"minutes": 46.0, "batch": 12, "N_sup": 16, "lr": 1.2e-3, "lr_rest": 8e-4, "evaluate_every": 1200.0}
    config = change(maze(task), train=train, solve={"depth": 64})
    return dataclasses.replace(config, generated=6_000, **files)


def arc_files(task: str) -> ArcConfig:
    """Training and evaluation tasks of the set, and ConceptARC if it is there."""
    number = task.split("-")[1]
    return ArcConfig(
        known=(f"arc/arc{number}_training.json.gz",),
        more=("arc/conceptarc.json.gz",),
        asked=(f"arc/arc{number}_evaluation.json.gz",),
    )


def arc(task: str) -> Config:
    """ARC puzzles of a size that a laptop can learn: arc-1-10 are those within 10 x 10. Steps are small, so that there
    are many updates; the vector of a puzzle is added at every position, without registers."""
    model = dataclasses.replace(SMALL, width=64, hidden=64, mixer_hidden=16, K=1, T=1, guidance_hidden=32)
    return Config(
        recipe=task,
        task=task,
        model=model,
        train=TrainConfig(
            minutes=55.0,
            updates=ENDLESS,
            batch=32,
            N_sup=4,
            beta=3.0,
            augment=True,
            **ONE_ANSWER,
            evaluate_every=300.0,
            evaluate_examples=64,
        ),
        solve=SolveConfig(width=4, depth=16, select="majority"),
        arc=arc_files(task),
    )


def sudoku_boards(task: str) -> Config:
    """Complete 9x9 boards, unconditional. With one transition per step, the target guides every transition
    (docs/log/boards.md, 2026-11-24)."""
    return Config(
        recipe=task,
        task=task,
        data=SUDOKU_TRAIN,
        dev=SUDOKU_DEV,
        model=dataclasses.replace(UNARY, K=3, T=1),
        train=TrainConfig(
            minutes=40.0,
            updates=ENDLESS,
            batch=32,
            N_sup=16,
            lr=1e-3,
            beta=LITTLE_AT_A_TIME,
            evaluate_every=600.0,
            evaluate_examples=64,
            save_every=300.0,
        ),
        solve=SolveConfig(width=1000, depth=96, restart_every=24),
    )


def sudoku_boards_4(task: str) -> Config:
    """All 288 complete 4x4 boards, unconditional."""
    return Config(
        recipe=task,
        task=task,
        model=UNARY,
        train=TrainConfig(minutes=5.0, updates=ENDLESS, N_sup=8, lr=3e-3, lr_rest=2e-3, beta=3.5),
        solve=SolveConfig(width=2880, depth=48, restart_every=16),
    )


def mnist(task: str) -> Config:
    """Binarized MNIST. There are no rules, so nothing halts and no row runs on the prior. The choice is the digit as a
    whole: one vector for all patches, and another transition that processes it before the loss. Prior and posterior
    learn equally fast, with nearly the weight of the bound (docs/log/digits.md, 2026-11-27)."""
    model = dataclasses.replace(
        SMALL,
        K=1,
        T=2,
        gradient="full",
        guidance_over="example",
        positions="learned",
        width=96,
        hidden=96,
        mixer="swiglu",
        mixer_hidden=128,
        guidance_hidden=96,
        stem="patches",
        stem_channels=16,
    )
    return Config(
        recipe=task,
        task=task,
        model=model,
        train=TrainConfig(
            minutes=15.0,
            updates=ENDLESS,
            batch=32,
            N_sup=6,
            lr=4e-3,
            beta=2.0,
            beta_warmup=0.3,
            kl_balance=0.5,
            posterior_transitions="all",
            kl_transitions="all",
            prior_rows=0.0,
            evaluate_every=900.0,
            evaluate_examples=64,
            save_every=300.0,
        ),
        solve=SolveConfig(width=1000, depth=16),
    )


LAPTOP: dict[str, Callable[[str], Config]] = {
    "own": own,
    "queens": queens,
    "coloring": coloring,
    "sudoku-4": small_sudoku,
    "sudoku-6": small_sudoku,
    "sudoku-6-3x2": small_sudoku,
    "sudoku-9": sudoku_9,
    "sudoku-12": large_sudoku,
    "sudoku-16": large_sudoku,
    "sudoku-25": large_sudoku,
    "sudoku-boards": sudoku_boards,
    "sudoku-boards-4": sudoku_boards_4,
    "maze": maze,
    "maze-30": maze_30,
    "arc": arc,
    "mnist": mnist,
}
"""Recipes by task, or by kind of task if the kind has one recipe for all sizes."""
VARIED: dict[str, Callable[[Config], Config]] = {
    "sudoku-9-search": sudoku_9_search,
    "sudoku-9-deep": sudoku_9_deep,
    "queens-search": queens_search,
    "coloring-search": coloring_search,
    **{f"sudoku-{size}-search": large_search for size in LARGE_BATCH},
}
"""Additional changes of a variant for one task, or for one kind of task."""
