"""The run directory: the averaged weights as a folder that `gram.load` reads, and the full state to continue from.

RUN/config.json model.safetensors      the averaged weights
RUN/metrics.jsonl
RUN/checkpoints/00000200.pt            everything else that a bit-exact continuation needs; the last two are kept
"""

import dataclasses
import hashlib
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch

from gram import weights as weight_files
from gram.config import Config

KEPT = 2


def paths(folder: Path) -> list[Path]:
    """The checkpoints of a run, newest first."""
    return sorted((folder / "checkpoints").glob("*.pt"), reverse=True)


def save(folder: Path, update: int, state: dict[str, Any]) -> Path:
    """Write checkpoint `update` atomically and drop all but the last two."""
    path = folder / "checkpoints" / f"{update:08}.pt"
    path.parent.mkdir(parents=True, exist_ok=True)
    weight_files.write_state(path, state)
    # Later ones are torn: the run continues from an earlier one.
    kept = [p for p in paths(folder) if p <= path][:KEPT]
    for old in {*path.parent.glob("*.pt"), *path.parent.glob(".*.tmp")} - set(kept):  # .tmp: left by a kill
        old.unlink()
    return path


def fixed(config: Config) -> dict[str, Any]:
    """The fields that a continuation cannot change, because the state is shaped by them."""
    c = config.train
    model = {f"model.{k}": v for k, v in dataclasses.asdict(config.model).items()}
    train = {"train.batch": c.batch, "train.N_sup": c.N_sup, "train.optimizer": c.optimizer}
    table = config.table and dataclasses.asdict(dataclasses.replace(config.table, files=(), check=None))
    arc = {}
    if config.arc is not None:
        puzzles = hashlib.sha256(" ".join(config.arc.contents).encode()).hexdigest()[:16]
        arc = {"arc.variants": config.arc.variants, "the puzzles": f"{len(config.arc.contents)} ({puzzles})"}
    return {"task": config.task, "table": table} | arc | model | train


def newest(folder: Path, config: Config) -> dict[str, Any]:
    """The newest readable state of a run. FileNotFoundError or ValueError with one sentence if none fits."""
    found = paths(folder)
    if not found:
        raise FileNotFoundError(
            f"{folder} holds no checkpoint to resume from; give the folder of an earlier `gram train`."
        )
    for path in found:
        try:
            state = torch.load(path, map_location="cpu", weights_only=True)
        except (RuntimeError, EOFError, OSError, ValueError, UnpicklingError):
            continue  # torn by a crash of the machine; the one before is whole
        wanted = fixed(config)
        for name, value in state["fixed"].items():
            if wanted.get(name) != value:
                raise ValueError(
                    f"{path} was trained with {name} = {value!r} and cannot go on with {wanted.get(name)!r}; "
                    f"resume with the config in {folder} or train a new run."
                )
        return state
    raise ValueError(f"No checkpoint in {folder / 'checkpoints'} is readable; train again or restore a backup.")
