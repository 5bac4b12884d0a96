"""`gram reproduce`: a table from scratch. Trains missing runs, measures them and writes the report.

OUT/runs/RECIPE-SEED    run folders
OUT/results/            measurements, as `gram eval --record` writes them
OUT/report/             tables and figures

Runs are trained in parallel, one process each (processes.py). Finished work is not repeated: a run is recognized by its
training.json, a measurement by its key. An interrupted run continues from its last checkpoint.
"""

import os
import shlex
import time
from collections.abc import Sequence
from pathlib import Path

from gram import tasks
from gram.config import Config
from gram.console.text import counted
from gram.progress import Snapshot, clock, progress
from gram.recipes import plans, split
from gram.recipes.plans import PLANS, Plan, Scale
from gram.recipes.variants import GRAM
from gram.report import page
from gram.reproduce import runs
from gram.reproduce.processes import Job, side_by_side
from gram.reproduce.runs import REPORT, RESULTS, RUNS
from gram.train import loop


def reproduce(
    name: str | None,
    *,
    scale: Scale,
    out: Path | None,
    seeds: str | None,
    jobs: int | None,
    listed: bool,
    quiet: bool = False,
) -> int:
    """Train, measure and report the table `name` into `out` (runs/reproduce/NAME if not given).

    If interrupted and started again, it continues; with a budget in updates it ends with the same metrics. A run whose
    loss becomes NaN leaves its row empty; the others continue, and a ValueError names it at the end. ValueError or
    FileNotFoundError for an unknown name, missing data, an `out` with other contents or with runs of other settings,
    and at the paper's scale without a GPU. `listed` only prints the plan. jobs: parallel runs; None means one per CPU
    core at laptop scale, one on a GPU. quiet: no progress.
    """
    if name is None:
        if not listed:
            raise ValueError(f"Name a table after `gram reproduce`: {', '.join(PLANS)}.")
        print(overview(scale))
        return 0
    chosen = plans.plan(name)
    out = Path("runs/reproduce") / name if out is None else out
    configs = plans.configs(chosen, scale, plans.numbers(seeds))
    if listed:
        print(listing(chosen, configs, scale, out))
        return 0
    if jobs is not None and jobs < 1:
        raise ValueError(f"jobs is {jobs}; it must be at least 1.")
    check(configs, out)
    if jobs is None:
        jobs = 1 if scale == "paper" else max(1, (os.cpu_count() or 1) // plans.THREADS)
    if scale == "paper":
        print(several_gpus(configs[0], out))
    try:
        broken = steps(chosen, configs, out, jobs, quiet)
        if (out / RESULTS).is_dir():
            report(chosen, configs, out)
    except KeyboardInterrupt:
        raise KeyboardInterrupt("Stopped; the same command continues from here.") from None
    if broken:
        raise ValueError(f"These runs failed, and their rows are missing: {'; '.join(broken)}")
    return 0


# checks -----------------------------------------------------------------------------------------------------
def check(configs: list[Config], out: Path) -> None:
    """ValueError or FileNotFoundError for every error that can be found before hours of training."""
    if "WORLD_SIZE" in os.environ:
        raise ValueError("Run gram reproduce without torchrun; use torchrun with `gram train`, as --list shows.")
    check_out(out)
    runs.check_data(configs)
    for config in configs:
        runs.check_run(config, run(config, out))
        runs.known(config, out / RESULTS)


def check_out(out: Path) -> None:
    """ValueError if `out` exists and holds more than the files of earlier calls, including killed ones."""
    own = {RUNS, RESULTS, REPORT}
    if out.exists() and not (out.is_dir() and all(p.name in own or p.suffix == ".tmp" for p in out.iterdir())):
        raise ValueError(f"{out} is not an earlier reproduction; choose another --out.")
    page.check_out(out / REPORT)


def run(config: Config, out: Path) -> Path:
    return out / RUNS / f"{config.recipe}-{config.train.seed}"


# steps ------------------------------------------------------------------------------------------------------
def steps(chosen: Plan, configs: list[Config], out: Path, jobs: int, quiet: bool = True) -> list[str]:
    """Train and measure every run. Returns messages about runs whose loss became NaN."""
    titles = [f"[{n} of {len(configs)}] {c.recipe}, seed {c.train.seed}" for n, c in enumerate(configs, 1)]
    if jobs > 1:
        work = [
            Job(title, run(config, out).with_suffix(".log"), one, (chosen, config, out))
            for title, config in zip(titles, configs, strict=True)
        ]
        with progress("Runs", quiet=quiet, every=60.0) as bar:
            begin = time.monotonic()

            def alive(running: Sequence[Job], ended: int) -> None:
                bar.at(lambda: Snapshot(ended / len(work), going(running, ended, len(work), time.monotonic() - begin)))

            return [said for _, said in side_by_side(work, jobs, alive) if said]
    broken = []
    for title, config in zip(titles, configs, strict=True):
        print(title, flush=True)
        broken.append(one(chosen, config, out))
    return [said for said in broken if said]


def going(running: Sequence[Job], ended: int, of: int, seconds: float) -> str:
    """The progress of runs: how many have ended, and the last line of each of the others."""
    parts = [f"{ended} of {counted(of, 'run')} in {clock(seconds)}"]
    for job in running:
        parts.append(f"{job.title}: {runs.last_line(job.log) or 'begins'}")
    return "; ".join(parts)


def one(chosen: Plan, config: Config, out: Path) -> str | None:
    """Train and measure one run. Returns a message if its loss became NaN."""
    folder = run(config, out)
    try:
        runs.train(config, folder)
    except loop.NotFinite as error:
        return f"{config.recipe}, seed {config.train.seed}: {error}"
    runs.measure(config, plans.measures(chosen, config.recipe), folder, out / RESULTS)
    return None


def report(chosen: Plan, configs: list[Config], out: Path) -> None:
    """Write tables and figures, with the losses of GRAM's first run and either its trajectories beside TRM's or samples
    of all models."""
    first = {split(c.recipe)[2] or GRAM: run(c, out) for c in reversed(configs) if runs.finished(run(c, out))}
    task = tasks.of(configs[0])
    puzzles = page.drawable() and not (task.unconditional or task.spec.identities)
    traced = [str(first[model]) for model in (GRAM, "trm") if model in first and puzzles]
    drawn = [str(first[m]) for m in chosen.models if m in first and page.drawable() and task.unconditional]
    learned = [first[GRAM]] if GRAM in first else []
    page.report(out / RESULTS, out / REPORT, run=learned, weights=traced, samples=drawn)


# for people -------------------------------------------------------------------------------------------------
def overview(scale: Scale) -> str:
    """One line per table."""
    longest = max(map(len, PLANS))
    lines = [f"{name:<{longest}} {about(chosen, scale)}  {chosen.title}" for name, chosen in PLANS.items()]
    lines.append(
        "gram reproduce NAME --list shows the runs of a table; gram reproduce all runs what is missing of all."
    )
    return "\n".join(lines)


def listing(chosen: Plan, configs: list[Config], scale: Scale, out: Path) -> str:
    """Every run and measurement of a table."""
    lines = [f"{chosen.title}; {about(chosen, scale).strip()}"]
    for config in configs:
        budget = f"{chosen.minutes:g} min" if scale == "laptop" else counted(config.train.updates, "update")
        lines.append(f"  {config.recipe}, seed {config.train.seed}: {budget}")
        for wanted in plans.measures(chosen, config.recipe):
            options = {name: value for name, value in vars(wanted).items() if value is not None and name != "only"}
            asked = " ".join(f"--{k} {v}" for k, v in options.items() if k != "split" or wanted.data is None)
            lines.append(f"    gram eval {config.task} --weights {run(config, out)} {asked}")
    return "\n".join([*lines, *([several_gpus(configs[0], out)] if scale == "paper" else [])])


def about(chosen: Plan, scale: Scale) -> str:
    """Runs and time."""
    if scale == "paper":
        return f"{counted(len(chosen.models), 'run'):>7} on a GPU"
    runs = len(chosen.models) * len(chosen.seeds)
    return f"{counted(runs, 'run'):>7}, about {chosen.total / 60:.1f} h"


def several_gpus(config: Config, out: Path) -> str:
    """How to train a run on several GPUs."""
    seed, folder = str(config.train.seed), str(run(config, out))
    words = ["train", config.recipe, "--train.seed", seed, "--out", folder]
    return (
        "On one GPU, runs are trained one after the other. On several GPUs, train each run first, for example\n"
        f"  torchrun --nproc-per-node 8 -m gram.cli {shlex.join(words)}\n"
        "Finished runs are then used as they are."
    )
