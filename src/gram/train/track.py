"""Trackers for the metrics of a run (`gram train --track`): TensorBoard, trackio or wandb.

If a tracker fails, there is one message and training continues without it; metrics.jsonl always has everything.
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
"""Project of the runs in trackio and wandb."""
FOLDER = "tensorboard"
"""Folder of the event files in the run folder."""


class Tracker:
    """Receives metrics by name with their update; this one ignores them."""

    def log(self, metrics: dict[str, float], update: int) -> None:
        """Log metrics of one update."""

    def close(self) -> None:
        """End the run."""


class TensorBoard(Tracker):
    """Event files in the run folder: `tensorboard --logdir runs`."""

    def __init__(self, out: Path, update: int):
        """update: where the run continues; later entries are dropped."""
        from torch.utils.tensorboard import SummaryWriter

        self.writer = SummaryWriter(str(out / FOLDER), purge_step=update + 1 if update else None)

    def log(self, metrics: dict[str, float], update: int) -> None:
        for name, value in metrics.items():
            self.writer.add_scalar(name, value, update)
        self.writer.flush()

    def close(self) -> None:
        self.writer.close()


class Service(Tracker):
    """trackio or wandb, which share an interface. A run is named after its folder and continues under that name."""

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
    """Another tracker until it fails; then nothing is logged, and `warn` gets the reason."""

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
        except Exception as error:  # whatever error a service raises, the run must continue
            self.tracker = Tracker()
            reason = " ".join(str(error).split())[:200] or type(error).__name__
            self.warn(f"Warning: {self.name} cannot be reached ({reason}); training continues without it.")


def check_tracker(name: str | None) -> None:
    """ValueError if the package of a tracker is missing."""
    if name is not None and importlib.util.find_spec(name) is None:
        extra = "'gram-reasoning[track]'" if name == "tensorboard" else name
        raise ValueError(f"The package {name} is missing; run pip install {extra}, or leave out --track.")


def tracker(name: str | None, out: Path, config: Config, update: int, warn: Callable[[str], None]) -> Tracker:
    """The tracker of that name for the run in `out`, which continues at `update`; None logs nothing. `warn` is called
    once if it fails."""
    if name is None:
        return Tracker()
    if name == "tensorboard":
        return Guarded(name, lambda: TensorBoard(out, update), warn)
    return Guarded(name, lambda: Service(name, out, config), warn)


def scalars(kind: str, values: dict[str, Any]) -> dict[str, float]:
    """The numbers of a line of metrics.jsonl by name: train/ce; train/kl_by_step/1, ... for a list with one entry per
    supervision step; dev/halt_calibration/ece for an object."""
    return {name: number for key, value in values.items() for name, number in numbers(f"{kind}/{key}", value)}


def numbers(name: str, value: Any) -> Iterator[tuple[str, float]]:
    """The numbers in a value, with their names."""
    if isinstance(value, (int, float)):
        yield name, float(value)
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from numbers(f"{name}/{key}", inner)
    elif isinstance(value, list) and "_by_step" in name:
        for step, inner in enumerate(value, 1):
            yield from numbers(f"{name}/{step}", inner)
