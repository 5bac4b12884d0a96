"""Every named experiment: one small function each, from nothing to a whole Config.

Laptop recipes train in minutes on one core and made the shipped weights. Paper recipes restate arXiv:2605.19376 and
want a GPU. A baseline or an ablation is another recipe with changed fields.
"""

import dataclasses
import difflib
import re
from collections.abc import Callable
from typing import Any

from gram.config import ArcConfig, Config, ModelConfig, SolveConfig, TrainConfig

KINDS = r"own|mnist|sudoku-boards(?:-4)?|arc-[12](?:-\d+)?|(?:queens|coloring|sudoku|maze)-\d+(?:-k\d+)?"


def recipe(name: str) -> Config:
    """The recipe of that name. ValueError with the closest name otherwise."""
    scale, task, variant = split(name)
    makers = PAPER if scale == "paper" else LAPTOP
    if maker := makers.get(task) or makers.get(task.split("-")[0]):
        config = dataclasses.replace(maker(task), recipe=name)
        if variant is None:
            return config
        if variant in VARIANTS:
            large = LARGE.get(variant, {}) if scale == "paper" else {}
            return change(change(config, **VARIANTS[variant]), model=large)
    known = [*names(), *(f"{name}-{variant}" for name in names() for variant in VARIANTS)]
    close = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {close[0]!r}?" if close else f"known: {', '.join(names())}."
    raise ValueError(f"There is no recipe {name!r}; {hint}")


def split(name: str) -> tuple[str, str, str | None]:
    """The name of a recipe -> its scale ("laptop" or "paper"), task and variant (None for GRAM itself). What is no
    such name has the task ""."""
    match = re.fullmatch(rf"(paper-)?({KINDS})(?:-([a-z][a-z0-9-]*))?", name)
    if match is None:
        return "laptop", "", None
    paper, task, variant = match.groups()
    return "paper" if paper else "laptop", task, variant


def names() -> list[str]:
    """The recipes behind the shipped weights and the tables. queens-N, coloring-N, arc-1-N and arc-2-N exist for every
    size, and every recipe with every variant: queens-8-trm, paper-sudoku-9-hrm."""
    tasks = ["queens-8", "queens-10", "coloring-8", "coloring-10", "sudoku-4", "sudoku-6", "sudoku-9"]
    samples = ["sudoku-boards", "sudoku-boards-4", "mnist"]
    both = ["queens-8", "queens-10", "coloring-8", "coloring-10", "sudoku-9", "maze-30", "sudoku-boards", "mnist"]
    puzzles = ["maze-10", "maze-30", "arc-1", "arc-1-10", "arc-2"]
    return [*tasks, *puzzles, *samples, "own", *(f"paper-{name}" for name in [*both, "arc-1", "arc-2"])]


def change(config: Config, **sections: dict[str, Any]) -> Config:
    """`config` with changed fields: change(c, model={"K": 2}, train={"beta": 1.0})."""
    parts = {section: dataclasses.replace(getattr(config, section), **fields) for section, fields in sections.items()}
    return dataclasses.replace(config, **parts)


# laptop scale ---------------------------------------------------------------------------------------------
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
"""beta where nothing is given. A fifth of the KL trains the posterior (kl_balance), so from 5 on it tells nothing; a
little below, it tells a little of every position in each step, which is what independent noise can imitate (LOG.md)."""
ONE_ANSWER: Any = {"prior_rows": 0.5, "prior_learns": True}  # with several answers that costs coverage


def queens(task: str) -> Config:
    """N-Queens completion. One transition a step and a beta at which a step tells little (LOG.md). Few evaluations: 256
    boards every two minutes took two fifths of the time."""
    minutes = 18.0 if int(task.split("-")[1]) < 10 else 80.0
    return Config(
        recipe=task,
        task=task,
        model=dataclasses.replace(SMALL, mixer="swiglu", mixer_hidden=128, T=1),
        train=TrainConfig(
            minutes=minutes,
            updates=ENDLESS,
            N_sup=12,
            lr=4e-3,
            beta=3.5,
            evaluate_every=300.0,
            evaluate_examples=64,
        ),
        solve=SolveConfig(depth=48, restart_every=12),
    )


def coloring(task: str) -> Config:
    """Graph colouring. Vertices are told apart by learned positions: canonical colours depend on their order."""
    minutes = 25.0 if int(task.split("-")[1]) < 10 else 35.0
    return Config(
        recipe=task,
        task=task,
        model=dataclasses.replace(SMALL, positions="learned", T=1),
        train=TrainConfig(
            minutes=minutes,
            updates=ENDLESS,
            beta=LITTLE_AT_A_TIME,
            augment=True,
            evaluate_every=300.0,
            evaluate_examples=64,
        ),
        solve=SolveConfig(depth=48, restart_every=12),
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


def own(task: str) -> Config:
    """One's own data, or a task of another package: positions are learnt, since nothing is known of them."""
    return Config(
        recipe=task,
        task=task,
        model=dataclasses.replace(SMALL, mixer="attention", heads=4, positions="learned"),
        train=TrainConfig(minutes=10.0, updates=ENDLESS),
        solve=SolveConfig(depth=24, restart_every=12),
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
"""A step reaches (K + 1) * T * blocks = 20 cells further."""


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
        solve=SolveConfig(depth=48),
    )


def maze_30(task: str) -> Config:
    """The 1,000 official training mazes of 30 x 30 cells, in eight views."""
    files = {"data": ("maze/maze_30x30_hard_train.csv.gz",), "dev": ("maze/maze_30x30_hard_dev.csv.gz",)}
    train = {"minutes": 120.0, "batch": 8, "N_sup": 24, "evaluate_every": 1200.0}
    config = change(maze(task), train=train, solve={"depth": 64})
    return dataclasses.replace(config, **files)


def arc_files(task: str) -> ArcConfig:
    """Training and evaluation tasks of the set, and ConceptARC where it is there."""
    number = task.split("-")[1]
    return ArcConfig(
        known=(f"arc/arc{number}_training.json.gz",),
        more=("arc/conceptarc.json.gz",),
        asked=(f"arc/arc{number}_evaluation.json.gz",),
    )


def arc(task: str) -> Config:
    """ARC puzzles, of a size that a laptop can learn: arc-1-10 are those within 10 x 10. Small steps and few variants,
    so that there are many updates; the vector of a puzzle is added everywhere, without registers."""
    model = dataclasses.replace(SMALL, width=64, hidden=64, mixer_hidden=16, K=1, T=1, guidance_hidden=32)
    return Config(
        recipe=task,
        task=task,
        model=model,
        train=TrainConfig(
            minutes=25.0,
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
        arc=dataclasses.replace(arc_files(task), variants=2),
    )


def sudoku_boards(task: str) -> Config:
    """Complete 9x9 boards from nothing. One transition a step: then the target guides each of them (LOG.md)."""
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
    """All 288 complete 4x4 boards from nothing."""
    return Config(
        recipe=task,
        task=task,
        model=UNARY,
        train=TrainConfig(minutes=5.0, updates=ENDLESS, N_sup=8, lr=3e-3, lr_rest=2e-3, beta=3.5),
        solve=SolveConfig(width=2880, depth=48, restart_every=16),
    )


def mnist(task: str) -> Config:
    """Binarised MNIST. No rules, so nothing halts and no row runs on the prior."""
    model = dataclasses.replace(
        SMALL,
        K=2,
        T=1,
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
            minutes=45.0,
            updates=ENDLESS,
            batch=32,
            N_sup=12,
            lr=1.5e-3,
            beta=4.7,  # 784 pixels each tell a little
            prior_rows=0.0,
            evaluate_every=900.0,
            evaluate_examples=64,
            save_every=300.0,
        ),
        solve=SolveConfig(width=1000, depth=64),
    )


LAPTOP: dict[str, Callable[[str], Config]] = {
    "own": own,
    "queens": queens,
    "coloring": coloring,
    "sudoku-4": small_sudoku,
    "sudoku-6": small_sudoku,
    "sudoku-9": sudoku_9,
    "sudoku-boards": sudoku_boards,
    "sudoku-boards-4": sudoku_boards_4,
    "maze": maze,
    "maze-30": maze_30,
    "arc": arc,
    "mnist": mnist,
}
"""By task, or by kind of task where there is one for every size."""


# the paper's scale ----------------------------------------------------------------------------------------
def paper(task: str, *, beta: float, epochs: int, examples: int, **model: Any) -> Config:
    """Section 4 of model.md: AdamW, lr 1e-4, weight decay 1.0, batch 768, EMA 0.9999, N_sup 16."""
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
    """The 1,000 official training mazes in eight views. The paper has none: attention without registers, K = 4 and the
    settings of its other tasks with one answer."""
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


# members of the family, ablations and rivals: fields changed in any recipe ------------------------------------
def rival(kind: str, depth: int = 1024, **model: Any) -> dict[str, dict[str, Any]]:
    """A rival of about 0.5M parameters. It halts when it is done; `depth` is only a ceiling."""
    size = {"width": 128, "blocks": 4, "hidden": 128, "heads": 4, "mixer": "attention", "positions": "learned"}
    return {
        "model": {"kind": kind, "unary": False} | size | model,
        "train": {"beta": 1.0, "N_sup": 1, "prior_rows": 0.0, "prior_learns": False, "evaluate_examples": 64},
        "solve": {"depth": depth, "restart_every": None, "halt_threshold": 0.0},
    }


VARIANTS: dict[str, dict[str, dict[str, Any]]] = {
    "trm": {"model": {"guidance": "none", "shared": True}},
    "hrm": {"model": {"guidance": "none", "blocks": 4, "gradient": "one-step", "halting": "halt-continue"}},
    "looped": {
        "model": {"guidance": "none", "hierarchy": False, "T": 12, "gradient": "full"},
        "train": {"N_sup": 1},
        "solve": {"depth": 2},
    },
    "looped-guided": {
        "model": {"hierarchy": False, "T": 12, "gradient": "full"},
        "train": {"N_sup": 1},
        "solve": {"depth": 2},
    },
    "flat": {"model": {"hierarchy": False}},
    "deterministic": {"model": {"guidance": "none"}},
    "noise-only": {"model": {"guidance": "noise"}},
    "mean-only": {"model": {"guidance": "mean"}},
    "stochastic-decoder": {"model": {"guidance": "decoder"}},
    "random-start": {"model": {"guidance": "none", "start": "random"}},
    "direct": {"model": {"guidance": "none", "K": 1, "T": 1}, "train": {"N_sup": 1}, "solve": {"depth": 1}},
    "several": {"model": {"T": 2}},
    "literal": {"model": {"T": 2}, "train": {"posterior_transitions": "all"}},
    "all-pay": {"model": {"T": 2}, "train": {"posterior_transitions": "all", "kl_transitions": "all"}},
    "attention": {"model": {"mixer": "attention", "positions": "rope", "heads": 4}},
    "swiglu": {"model": {"mixer": "swiglu", "positions": "none", "mixer_hidden": 128}},
    "groups": {"model": {"mixer": "groups", "positions": "none", "mixer_hidden": 64}},
    "direct-8": rival("direct", depth=1, guidance="none", width=96, blocks=8, hidden=96),
    "direct-32": rival("direct", depth=1, guidance="none", width=48, blocks=32, hidden=48),
    "autoregressive": rival("autoregressive"),
    "mdlm": rival("mdlm"),
    "d3pm-uniform": rival("d3pm-uniform", start="random"),
    "d3pm-absorbing": rival("d3pm-absorbing"),
    "vae": rival("vae", depth=1, blocks=2),
}
MEMBER: Any = {"hidden": 1536, "registers": 16}  # expansion 4 and 16 puzzle tokens
D3PM: Any = {"width": 512, "blocks": 5, "hidden": 1344, "heads": 8, "denoising_steps": 1000}
LARGE: dict[str, dict[str, Any]] = {
    "trm": MEMBER,
    "hrm": MEMBER,
    "looped": MEMBER,
    "direct-8": {"width": 512, "hidden": 1536, "heads": 8},  # 27M
    "direct-32": {"width": 256, "hidden": 768, "heads": 8},  # 27M
    "autoregressive": {"width": 384, "blocks": 6, "hidden": 1024, "heads": 6},  # 10.6M
    "mdlm": {"width": 512, "blocks": 4, "hidden": 1360, "heads": 8, "denoising_steps": 1000},  # 12.6M
    "d3pm-uniform": D3PM,  # 15.9M
    "d3pm-absorbing": D3PM,
    "vae": {"width": 512, "blocks": 3, "hidden": 512, "heads": 8},  # as GRAM
    **dict.fromkeys(("several", "literal", "all-pay"), {"T": 3}),
}
"""What variants change at the paper's scale: the sizes of its tables."""
