"""Records of metrics with their conditions: results/RECIPE/SEED.json, the only source of published numbers."""

import datetime
import json
import os
import platform
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from gram import strict_json, tasks
from gram import weights as weight_files
from gram.atomic import lock
from gram.config import Config
from gram.fields import Range
from gram.machine import processor
from gram.messages import log
from gram.models.build import build, parameter_table

if TYPE_CHECKING:
    from gram.solve.reasoner import Reasoner

PACKAGE = Path(__file__).parent.parent
TRAINING = "training.json"
"""File beside weights without their run: {"seconds": ..., "updates": ...}."""


def keep(results: Path, reasoner: "Reasoner", weights: Path, name: str, metrics: dict[str, Any]) -> None:
    """Write the metrics of a reasoner under `name` to results/RECIPE/SEED.json atomically, and print the path; other
    names in the file stay.

    The file: recipe, task, seed of the training, parameters, commit and dirty (of the last metrics written), date,
    hardware, seconds and updates of the training (null if unknown), figures: name -> metrics with their own commit and
    date.
    """
    config = reasoner.config
    path = results / config.recipe / f"{config.train.seed}.json"
    here = origin() | {"date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")}
    new = {"recipe": config.recipe, "task": config.task, "seed": config.train.seed}
    new |= {"parameters": parameters(config)["total"]} | here
    new |= {"hardware": hardware() | {"dtype": reasoner.network.dtype}} | training(weights)
    path.parent.mkdir(parents=True, exist_ok=True)
    with lock(path.parent, wait=True):  # several evaluations of a recipe may end at the same time
        values = strict_json.read_object(path) if path.is_file() else {}
        weight_files.write_json(path, values | new | {"figures": values.get("figures", {}) | {name: metrics | here}})
    log.info(f"Recorded in {path} as {name!r}.")


def key(data: str, asked: dict[str, Any]) -> str:
    """The name of metrics in a results file: their data and options."""
    return " ".join([data, *(f"{k}={v}" for k, v in asked.items() if v is not None)])


def parameters(config: Config) -> dict[str, int]:
    """Parameters by part, "total" included."""
    return parameter_table(build(tasks.of(config).spec, config.model))


def origin() -> dict[str, Any]:
    """commit: HEAD of the checkout of this package, null outside of a checkout; dirty: whether its code differs."""
    if _git("ls-files", "--error-unmatch", "weights.py") is None or (commit := _git("rev-parse", "HEAD")) is None:
        return {"commit": None, "dirty": None}
    return {"commit": commit, "dirty": bool(_git("status", "--porcelain", "--", "*.py"))}


def _git(*arguments: str) -> str | None:
    command = ["git", "-C", str(PACKAGE), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def hardware() -> dict[str, Any]:
    """cpu, cores, gpu (null if none), torch, python, threads."""
    return {
        "cpu": processor(),
        "cores": os.cpu_count(),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "torch": torch.__version__,
        "python": platform.python_version(),
        "threads": torch.get_num_threads(),
    }


def training(weights: Path) -> dict[str, Any]:
    """seconds and updates of the training: from training.json or the run's metrics.jsonl beside the weights."""
    found: dict[str, Any] = {}
    try:
        if (weights / TRAINING).is_file():
            found = strict_json.read_object(weights / TRAINING)
        else:
            lines = (weights / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
            last = next(line for line in reversed(lines) if line.startswith(('{"kind": "train"', '{"kind": "dev"')))
            found = strict_json.parse(last, "metrics.jsonl", "remove the line")
            found["updates"], found["seconds"] = found.get("update"), found.get("trained_seconds", found.get("seconds"))
    except (OSError, ValueError, StopIteration):
        found = {}
    numbers = {name: found.get(name) for name in ("seconds", "updates")}
    return {name: n if Range(0, 1e12).fits(n) else None for name, n in numbers.items()}


def print_json(values: dict[str, Any], out: Path | None) -> None:
    """Print the metrics of a benchmark as JSON, and write them to the file `out` if given."""
    print(json.dumps(values, indent=2), flush=True)
    if out is not None:
        out.parent.mkdir(parents=True, exist_ok=True)
        weight_files.write_json(out, values)
