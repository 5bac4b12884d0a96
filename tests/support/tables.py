"""Tables of `gram reproduce` that take seconds."""

import json
from collections.abc import Iterator, Sequence
from contextlib import redirect_stdout
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from gram.config import Config
from gram.models import device
from gram.recipes import change, plans, recipe
from gram.recipes.plans import PLANS, Measure, Plan
from gram.report import page
from gram.reproduce import all_tables
from gram.reproduce.processes import Job
from gram.train import loop
from support.configs import NARROW
from support.training import NEVER

TINY = Plan(
    title="five queens",
    task="queens-5",
    models=("trm", "gram"),
    minutes=NEVER,
    after=0.0,
    seeds=(0, 1),
    measures=(Measure(width=20, select="majority"), Measure(split="dev", width=2, depth=1, only=("gram",))),
)
TRAIN: dict[str, Any] = {"updates": 6, "batch": 8, "N_sup": 2, "dtype": "float32", "compile": False, "save_every": 0.0}
TRAIN |= {"evaluate_every": NEVER, "evaluate_examples": 4}


def tiny(name: str) -> Config:
    return change(recipe(name), model=NARROW, train=TRAIN, solve={"depth": 2})


def make_tiny(monkeypatch) -> None:
    """The table "tiny", and runs of a second."""
    monkeypatch.setitem(PLANS, "tiny", TINY)
    monkeypatch.setattr(plans, "recipe", tiny)
    monkeypatch.setattr(loop, "fit_heads", lambda model, task, config, *_: config)
    monkeypatch.setattr(device, "arithmetic", lambda *_: (torch.float32, "as the test wants"))
    monkeypatch.setattr(page, "drawable", lambda: False)


def table(out: Path) -> dict[str, Any]:
    """All weights, and all figures without what depends on the clock, the day and a commit made meanwhile."""
    found: dict[str, Any] = {p.parent.name: p.read_bytes() for p in (out / "runs").rglob("model.safetensors")}
    for path in sorted((out / "results").rglob("*.json")):
        for key, figures in json.loads(path.read_text())["figures"].items():
            other = ("seconds", "checked_seconds", "date", "weights", "commit", "dirty")
            found[f"{path.parent.name} {path.stem} {key}"] = {k: v for k, v in figures.items() if k not in other}
    return found


def make_campaign(monkeypatch) -> None:
    """`gram reproduce all` is "tiny" and a table that shares a run with it, and all works in this process."""
    make_tiny(monkeypatch)
    shared = Plan(
        title="the same run again",
        task="queens-5",
        models=("looped", "gram"),
        minutes=NEVER,
        after=0.0,
        seeds=(0,),
        measures=(TINY.measures[0], Measure(split="dev", width=3, depth=1, select="first")),
    )
    monkeypatch.setitem(PLANS, "tiny", replace(TINY, seeds=(0,)))
    monkeypatch.setitem(PLANS, "shared", shared)
    monkeypatch.setattr(plans, "ordered", lambda: ["tiny", "shared"])
    monkeypatch.setattr(all_tables, "side_by_side", in_turn)


def in_turn(jobs: Sequence[Job], *_: Any) -> Iterator[tuple[Job, Any]]:
    """The jobs one after the other."""
    for job in jobs:
        job.log.parent.mkdir(parents=True, exist_ok=True)
        with open(job.log, "a", encoding="utf-8") as log, redirect_stdout(log):
            done = job.work(*job.arguments)
        yield job, done


def one(*arguments: Any) -> str | None:
    """`all_tables.one` in a process of its own, which knows nothing of these tables."""
    with pytest.MonkeyPatch.context() as patch:
        make_campaign(patch)
        return ONE(*arguments)


ONE = all_tables.one
