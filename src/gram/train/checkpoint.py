"""The run folder: the averaged weights, readable by `gram.load`, and the full state to continue from.

RUN/config.json model.safetensors      the averaged weights
RUN/metrics.jsonl
RUN/checkpoints/00000200.pt            everything else that a bit-exact continuation needs; the last two are kept
"""

import dataclasses
import hashlib
import re
from pathlib import Path
from typing import Any

from torch import Tensor

from gram import weights as weight_files
from gram.config import Config, ModelConfig
from gram.messages import log

KEPT = 2
NAMED = re.compile(r"\d{8,12}\.pt|\.\d{8,12}\.pt\..*\.tmp")
"""Files that may be deleted: checkpoints, and the remains of killed processes."""


def paths(folder: Path) -> list[Path]:
    """The checkpoints of a run, newest first."""
    ours = [path for path in (folder / "checkpoints").glob("*.pt") if NAMED.fullmatch(path.name)]
    return sorted(ours, key=lambda path: int(path.stem), reverse=True)


def save(folder: Path, update: int, state: dict[str, Any]) -> Path:
    """Write checkpoint `update` atomically and drop all but the last two."""
    path = folder / "checkpoints" / f"{update:08}.pt"
    path.parent.mkdir(parents=True, exist_ok=True)
    weight_files.write_state(path, state)
    # later ones are damaged, since the run continues from an earlier one
    kept = [p for p in paths(folder) if int(p.stem) <= update][:KEPT]
    for old in {*path.parent.glob("*.pt"), *path.parent.glob(".*.tmp")} - set(kept):
        if NAMED.fullmatch(old.name):
            old.unlink()
    return path


def fixed(config: Config) -> dict[str, Any]:
    """The fields that cannot change when resuming, because the state depends on them."""
    c = config.train
    model = {f"model.{k}": v for k, v in dataclasses.asdict(config.model).items()}
    train = {"train.batch": c.batch, "train.N_sup": c.N_sup, "train.optimizer": c.optimizer}
    table = config.table and dataclasses.asdict(dataclasses.replace(config.table, files=(), check=None))
    arc = {}
    if config.arc is not None:
        puzzles = hashlib.sha256(" ".join(config.arc.contents).encode()).hexdigest()[:16]
        arc = {"arc.variants": config.arc.variants, "the puzzles": f"{len(config.arc.contents)} ({puzzles})"}
    rows = {} if config.rows is None else {"rows": dataclasses.asdict(dataclasses.replace(config.rows, files=()))}
    return {"task": config.task, "table": table} | rows | arc | model | train


def complete(state: Any) -> bool:
    """Whether the state has the parts that identify a run; the others are checked when restored."""
    if not isinstance(state, dict):
        return False
    fixed, progress = state.get("fixed"), state.get("progress")
    return isinstance(fixed, dict) and isinstance(progress, dict) and isinstance(progress.get("update"), int)


def within(tensors: dict[str, Tensor], bounds: dict[str, int]) -> None:
    """ValueError names the first of the tensors of integers that has one outside of 0 <= n < its bound."""
    for name, bound in bounds.items():
        tensor = tensors[name]
        if tensor.is_floating_point() or bool(((tensor < 0) | (tensor >= bound)).any()):
            raise ValueError(f"{name} holds other numbers than 0 to {bound - 1}")


def newest(folder: Path, config: Config) -> dict[str, Any]:
    """The newest readable state of a run. FileNotFoundError or ValueError with one sentence if none fits."""
    found = paths(folder)
    if not found:
        raise FileNotFoundError(
            f"{folder} has no checkpoint to resume from; give the folder of an earlier `gram train`."
        )
    for path in found:
        try:
            state = weight_files.read_state(path)
            if not complete(state):
                raise ValueError(f"{path} is not a training state.")
        except (OSError, ValueError) as error:
            said = str(error) if isinstance(error, ValueError) else f"{path} cannot be read ({error.strerror})."
            log.warning(f"{said} Continuing from the previous checkpoint, if there is one.")
            continue
        wanted = fixed(config) | {f"model.{name}": value for name, value in ModelConfig.FORMER.items()}
        for name, value in state["fixed"].items():
            if wanted.get(name) != value:
                raise ValueError(
                    f"{path} was trained with {name} = {value!r} and cannot continue with {wanted.get(name)!r}; "
                    f"resume with the config in {folder} or train a new run."
                )
        return state
    raise ValueError(f"No checkpoint in {folder / 'checkpoints'} is readable; train again or restore a backup.")
