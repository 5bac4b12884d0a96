"""Trackers that a run can also tell its metrics (`gram train --track`): TensorBoard, trackio, wandb, or nobody.

A tracker that fails is said once, and training goes on without it: metrics.jsonl has everything in any case.
"""

import importlib
import importlib.util
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from gram.config import Config

NAMES = "tensorboard", "trackio", "wandb"
PROJECT = "gram"
"""What runs are filed under in trackio and wandb."""
FOLDER = "tensorboard"
"""Of its event files, in the run directory."""


class Tracker:
    """What is told metrics by name, and the update that they are of; this one tells nobody."""

    def log(self, metrics: dict[str, float], update: int) -> None:
        """Metrics at one update."""

    def close(self) -> None:
        """The run is over."""


class TensorBoard(Tracker):
    """Event files in the run directory: `tensorboard --logdir runs`."""

    def __init__(self, out: Path, update: int):
        """update: where the run goes on; what was told of later ones counts no more."""
        from torch.utils.tensorboard import SummaryWriter

        self.writer = SummaryWriter(str(out / FOLDER), purge_step=update + 1 if update else None)

    def log(self, metrics: dict[str, float], update: int) -> None:
        for name, value in metrics.items():
            self.writer.add_scalar(name, value, update)
        self.writer.flush()

    def close(self) -> None:
        self.writer.close()


class Service(Tracker):
    """trackio or wandb, which have one interface. A run has the name of its directory, and goes on under it."""

    def __init__(self, name: str, out: Path, config: Config):
        module = importlib.import_module(name)
        options: dict[str, Any] = {"project": PROJECT, "name": out.name, "config": asdict(config), "resume": "allow"}
        if name == "wandb":
            options |= {"id": out.name, "dir": str(out), "settings": module.Settings(init_timeout=30, silent=True)}
        self.run = module.init(**options)

    def log(self, metrics: dict[str, float], update: int) -> None:
        self.run.log(metrics, step=update)

    def close(self) -> None:
        self.run.finish()


class Guarded(Tracker):
    """Another tracker until it fails; then nobody, and `warn` has said why."""

    def __init__(self, name: str, begin: Callable[[], Tracker], warn: Callable[[str], None]):
        self.name, self.warn = name, warn
        self.tracker = Tracker()
        self._try(lambda: setattr(self, "tracker", begin()))

    def log(self, metrics: dict[str, float], update: int) -> None:
        self._try(lambda: self.tracker.log(metrics, update))

    def close(self) -> None:
        self._try(self.tracker.close)

    def _try(self, act: Callable[[], None]) -> None:
        try:
            act()
        except Exception as error:  # whatever a service makes of its failure, the run is worth more
            self.tracker = Tracker()
            reason = " ".join(str(error).split())[:200] or type(error).__name__
            self.warn(f"Warning: {self.name} cannot be reached ({reason}); training goes on without it.")


def check_tracker(name: str | None) -> None:
    """ValueError if the package of a tracker is missing."""
    if name is not None and importlib.util.find_spec(name) is None:
        extra = "'gram-reasoning[track]'" if name == "tensorboard" else name
        raise ValueError(f"The package {name} is missing; run pip install {extra}, or leave --track out.")


def tracker(name: str | None, out: Path, config: Config, update: int, warn: Callable[[str], None]) -> Tracker:
    """The tracker of that name for the run in `out`, which goes on at `update`; None is nobody. `warn` is told once
    what fails."""
    if name is None:
        return Tracker()
    if name == "tensorboard":
        return Guarded(name, lambda: TensorBoard(out, update), warn)
    return Guarded(name, lambda: Service(name, out, config), warn)


def scalars(kind: str, values: dict[str, Any]) -> dict[str, float]:
    """The numbers of one line of metrics.jsonl by name: train/ce; train/kl_by_step/1, ... of a list with an entry for
    each supervision step; dev/halt_calibration/ece of an object."""
    return {name: number for key, value in values.items() for name, number in numbers(f"{kind}/{key}", value)}


def numbers(name: str, value: Any) -> Iterator[tuple[str, float]]:
    """What of a value is numbers, with their names."""
    if isinstance(value, (int, float)):
        yield name, float(value)
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from numbers(f"{name}/{key}", inner)
    elif isinstance(value, list) and "_by_step" in name:
        for step, inner in enumerate(value, 1):
            yield from numbers(f"{name}/{step}", inner)
