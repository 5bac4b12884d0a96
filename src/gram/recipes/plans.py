"""What `gram reproduce NAME` trains and measures: each published table as a list of models, seeds and measurements.

Minutes are for laptop scale: one thread per run, two parallel runs on two cores, a whole table within three hours. All
models of a table have the same minutes. The paper's scale takes its updates from the paper-* recipes.
"""

import difflib
import math
import re
from dataclasses import dataclass, replace
from typing import Literal

from gram.config import Config
from gram.config.values import Select
from gram.recipes import change, recipe, split
from gram.recipes.variants import GRAM

Scale = Literal["laptop", "paper"]
CORES, THREADS = 2, 1
EXTREME = "sudoku/sudoku_extreme_dev.csv.gz"
MAZES = "maze/maze_30x30_hard_dev.csv.gz"


@dataclass(frozen=True, kw_only=True)
class Measure:
    """One call of `gram eval`; None means the tuned options of the weights."""

    split: Literal["dev", "test"] = "test"
    data: str | None = None
    width: int | None = None
    depth: int | None = None
    select: Select | None = None
    limit: int | None = None
    only: tuple[str, ...] = ()
    """The models measured this way; all if empty."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """One table."""

    title: str
    task: str
    models: tuple[str, ...]
    """GRAM, or the suffix of its recipe's name."""
    minutes: float
    """Training minutes per run at laptop scale."""
    after: float
    """Approximate minutes for the heads and measurements of a run."""
    seeds: tuple[int, ...]
    """Seeds at laptop scale; the paper's scale uses only the first."""
    measures: tuple[Measure, ...]
    whole: str | None = None
    """The task at the paper's scale, if laptop scale uses only part of it."""

    @property
    def total(self) -> float:
        """Approximate minutes of the whole table at laptop scale on CORES cores."""
        runs = len(self.models) * len(self.seeds)
        return math.ceil(runs / (CORES // THREADS)) * (self.minutes + self.after)


BASELINES = ("direct-8", "looped", "hrm", "trm", "autoregressive", "mdlm", GRAM)
COVERAGE = Measure(width=20, select="majority")
COVERAGE_200 = replace(COVERAGE, limit=200)
MECHANISMS = ("deterministic", "noise-only", "mean-only", "stochastic-decoder", "random-start", "single-pass")
ARCHITECTURES = ("looped", "looped-guided", "flat", "hrm", "trm")
OBJECTIVES = ("posterior-last", "posterior-all", "kl-all")
ABLATIONS = (*ARCHITECTURES, *MECHANISMS, *OBJECTIVES, GRAM)
ONE_SAMPLE = Measure(data=EXTREME, width=1, select="first", limit=200)

PLANS = {
    "queens-8": Plan(
        title="completions of 8 queens: baselines, variants and GRAM",
        task="queens-8",
        models=BASELINES,
        minutes=4,
        after=2,
        seeds=(0, 1, 2),
        measures=(COVERAGE_200,),
    ),
    "queens-10": Plan(
        title="completions of 10 queens: baselines, variants and GRAM",
        task="queens-10",
        models=BASELINES,
        minutes=30,
        after=10,
        seeds=(0,),
        measures=(COVERAGE_200,),
    ),
    "coloring-8": Plan(
        title="3-colorings of 8 vertices: baselines, variants and GRAM",
        task="coloring-8",
        models=BASELINES,
        minutes=4,
        after=2,
        seeds=(0, 1, 2),
        measures=(COVERAGE,),
    ),
    "coloring-10": Plan(
        title="3-colorings of 10 vertices: baselines, variants and GRAM",
        task="coloring-10",
        models=BASELINES,
        minutes=35,
        after=6,
        seeds=(0,),
        measures=(COVERAGE,),
    ),
    "sudoku": Plan(
        title="hard 9x9 Sudokus, one sample and twenty: variants and GRAM",
        task="sudoku-9",
        models=("direct-8", "looped", "hrm", "trm", GRAM),
        minutes=38,
        after=20,
        seeds=(0,),
        measures=(ONE_SAMPLE, Measure(data=EXTREME, width=20, select="value", limit=50)),
    ),
    "maze": Plan(
        title="mazes of 30x30: TRM and GRAM",
        task="maze-30",
        models=("trm", GRAM),
        minutes=120,
        after=30,
        seeds=(0,),
        measures=(Measure(data=MAZES, width=5, select="majority", limit=100),),
    ),
    "arc": Plan(
        title="ARC-AGI-1, at laptop scale its puzzles within 10 x 10: TRM and GRAM",
        task="arc-1-10",
        whole="arc-1",
        models=("trm", GRAM),
        minutes=60,
        after=10,
        seeds=(0,),
        measures=(Measure(),),
    ),
    "ablations": Plan(
        title="architecture, mechanism and objective on 8 queens",
        task="queens-8",
        models=ABLATIONS,
        minutes=4,
        after=2,
        seeds=(0, 1, 2),
        measures=(COVERAGE_200,),
    ),
    "ablations-coloring": Plan(
        title="architecture, mechanism and objective on 3-colorings of 8 vertices",
        task="coloring-8",
        models=ABLATIONS,
        minutes=4,
        after=2,
        seeds=(0, 1, 2),
        measures=(COVERAGE,),
    ),
    "ablations-sudoku": Plan(
        title="architecture and mechanism on hard 9x9 Sudokus, five samples",
        task="sudoku-9",
        models=(*ARCHITECTURES, *MECHANISMS, GRAM),
        minutes=18,
        after=10,
        seeds=(0,),
        measures=(Measure(data=EXTREME, width=5, select="value", limit=50),),
    ),
    "boards": Plan(
        title="complete Sudoku boards, unconditional: diffusion and GRAM",
        task="sudoku-boards",
        models=("d3pm-uniform", "d3pm-absorbing", GRAM),
        minutes=40,
        after=40,
        seeds=(0,),
        measures=(Measure(width=10_000),),
    ),
    "mnist": Plan(
        title="binarized MNIST, unconditional: VAE, diffusion, TRM and GRAM by depth",
        task="mnist",
        models=("vae", "d3pm-uniform", "trm", GRAM),
        minutes=15,
        after=5,
        seeds=(0,),
        measures=(Measure(), *(Measure(depth=depth, only=(GRAM,)) for depth in (8, 32, 64))),
    ),
    "scaling": Plan(
        title="8 queens by depth and width",
        task="queens-8",
        models=("trm", GRAM),
        minutes=20,
        after=10,
        seeds=(0,),
        measures=tuple(Measure(split="dev", width=20, depth=d, select="majority") for d in (1, 2, 4, 8, 16, 48)),
    ),
    "scaling-sudoku": Plan(
        title="hard 9x9 Sudokus by depth and width",
        task="sudoku-9",
        models=("trm", GRAM),
        minutes=110,
        after=50,
        seeds=(0,),
        measures=tuple(Measure(data=EXTREME, width=20, depth=d, select="value", limit=50) for d in (4, 8, 16, 32, 64)),
    ),
}

FIRST = "queens-10", "coloring-10", "boards", "arc"
LAST = "sudoku", "maze", "ablations-sudoku", "scaling-sudoku"
ALL = "all"
"""The name for all tables."""


def ordered() -> list[str]:
    """All tables in the order of `gram reproduce all`: first the unmeasured ones that say most per hour, last the
    slowest."""
    rest = [name for name in PLANS if name not in (*FIRST, *LAST)]
    return [name for name in (*FIRST, *rest, *LAST) if name in PLANS]


def plan(name: str) -> Plan:
    """The table of that name. ValueError with the closest name otherwise."""
    if name not in PLANS:
        closest = difflib.get_close_matches(name, PLANS, n=1, cutoff=0)[0]
        raise ValueError(f"There is no table {name!r}; did you mean {closest!r}? Known: {', '.join(PLANS)}, {ALL}.")
    return PLANS[name]


def of_task(task: str) -> str | None:
    """The name of the first table of a task, which is that with the baselines if there are several."""
    return next((name for name, chosen in PLANS.items() if chosen.task == task), None)


def shown(name: str, model: str) -> bool:
    """Whether a measured model belongs in the table: it is one of its models, or no other table of the task has it."""
    task = PLANS[name].task
    return model in PLANS[name].models or not any(model in p.models for p in PLANS.values() if p.task == task)


def configs(chosen: Plan, scale: Scale, seeds: tuple[int, ...] = ()) -> list[Config]:
    """The runs of a table, all models of a seed before the next seed. `seeds` replaces those of the table."""
    own = chosen.seeds if scale == "laptop" else chosen.seeds[:1]
    name = chosen.task if scale == "laptop" else f"paper-{chosen.whole or chosen.task}"
    budget = {"minutes": chosen.minutes, "threads": THREADS} if scale == "laptop" else {}
    return [
        change(recipe(name + ("" if model == GRAM else f"-{model}")), train={"seed": seed, **budget})
        for seed in dict.fromkeys(seeds or own)
        for model in chosen.models
    ]


def numbers(seeds: str | None) -> tuple[int, ...]:
    """ "0,1,2" -> (0, 1, 2); None -> ()."""
    if seeds is None:
        return ()
    if not re.fullmatch(r"\d{1,9}(,\d{1,9})*", seeds):
        raise ValueError(f"The seeds are {seeds!r}; write integers separated by commas, such as 0,1,2.")
    return tuple(map(int, seeds.split(",")))


def measures(chosen: Plan, name: str) -> list[Measure]:
    """The measurements of the recipe `name` for the table; at the paper's scale on all puzzles."""
    scale, _, variant = split(name)
    fitting = [m for m in chosen.measures if not m.only or (variant or GRAM) in m.only]
    return [replace(m, limit=m.limit if scale == "laptop" else None) for m in fitting]
