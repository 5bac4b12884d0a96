"""One run of `gram reproduce`: checked, trained, measured. Finished work is recognized and not repeated."""

import dataclasses
import gc
from collections.abc import Sequence
from pathlib import Path

import torch

from gram import tasks
from gram import weights as weight_files
from gram.config import Config, differences, read_config
from gram.console import evaluation as console
from gram.measure import record
from gram.measure.record import TRAINING
from gram.recipes.plans import Measure
from gram.report import results
from gram.tasks.data.store import data_file
from gram.train import checkpoint, loop

RUNS, RESULTS, REPORT = "runs", "results", "report"
"""The folders of a reproduction."""


def check_data(configs: Sequence[Config]) -> None:
    """FileNotFoundError for missing data of runs or of their measurements."""
    for file in dict.fromkeys(file for config in configs for file in (*config.data, *config.dev)):
        data_file(file)
    for config in {config.task: config for config in configs}.values():
        task = tasks.of(config)
        if not task.rules:  # samples are compared with examples from files
            task.examples("test", count=1)


def check_run(config: Config, folder: Path) -> None:
    """ValueError if `folder` holds another run, or the run cannot be trained here."""
    if (folder / weight_files.CONFIG).is_file():
        made = read_config(folder / weight_files.CONFIG)
        # training sets the halt threshold and names the puzzles of ARC
        if changed := differences(dataclasses.replace(made, solve=config.solve, arc=config.arc), config):
            raise ValueError(f"{folder} is a run with other settings ({', '.join(changed)}); choose another --out.")
    if config.recipe.startswith("paper-") and not finished(folder) and not torch.cuda.is_available():
        raise ValueError("The paper's scale needs a GPU, and there is none here; use --scale laptop.")


def finished(folder: Path) -> bool:
    """Whether the run has been trained."""
    return (folder / TRAINING).is_file()


def train(config: Config, folder: Path) -> None:
    """Train a new run, continue an interrupted one, or do nothing if it is finished."""
    if finished(folder):
        return
    torch.compiler.reset()  # the compiler counts earlier runs as variants of this one and gives up after eight
    gc.collect()
    loop.train(config, folder, resume=bool(checkpoint.paths(folder)))


def measure(config: Config, measures: Sequence[Measure], folder: Path, into: Path) -> None:
    """Measure what the results folder `into` still lacks of a finished run."""
    torch.set_num_threads(config.train.threads)
    trained = read_config(folder / weight_files.CONFIG)
    for wanted in measures:
        if key(wanted, trained) in known(config, into):
            continue
        console.evaluate(
            config.task,
            weights=str(folder),
            data=None if wanted.data is None else Path(wanted.data),
            split=wanted.split,
            limit=wanted.limit,
            edge_probability=None,
            early_stop=False,
            record=into,
            as_json=False,
            asked={"width": wanted.width, "depth": wanted.depth, "select": wanted.select},
        )


def key(wanted: Measure, config: Config) -> str:
    """The key that `gram eval` records the measurement under."""
    names = ("width", "depth") if tasks.of(config).unconditional else ("width", "depth", "select")
    asked = {name: getattr(wanted, name) or getattr(config.solve, name) for name in names}
    return record.key(wanted.split if wanted.data is None else Path(wanted.data).name, asked | {"limit": wanted.limit})


def known(config: Config, folder: Path) -> set[str]:
    """The keys of the measurements of a run that the results folder has."""
    path = folder / config.recipe / f"{config.train.seed}.json"
    return set(results.result(path, folder).figures) if path.is_file() else set()


def last_line(log: Path) -> str | None:
    """The last line of a log that is not empty; None without one."""
    try:
        with open(log, "rb") as file:
            file.seek(max(0, log.stat().st_size - 4096))
            lines = file.read().decode("utf-8", errors="replace").splitlines()
    except OSError:
        return None
    return next((line.strip() for line in reversed(lines) if line.strip()), None)
