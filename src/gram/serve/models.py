"""The weights that a server uses."""

import dataclasses
from collections.abc import Sequence

from gram import tasks
from gram.config import read_config
from gram.console.inputs import find, is_bundle, load
from gram.serve.engine import Engine
from gram.serve.settings import Settings
from gram.solve.reasoner import Reasoner


class Served:
    """Weights that answer under the name of their task."""

    def __init__(self, label: str, reasoner: Reasoner, settings: Settings):
        self.label, self.reasoner = label, within(reasoner, settings)
        self.name = reasoner.task.spec.name
        self.engine = Engine(self.reasoner, settings.queue)

    @property
    def generates(self) -> bool:
        """Whether it draws samples instead of answering puzzles."""
        return self.reasoner.task.unconditional


def within(reasoner: Reasoner, settings: Settings) -> Reasoner:
    """The same weights with a default width and depth that the limits allow."""
    solve = reasoner.config.solve
    width, depth = min(solve.width, settings.max_width), min(solve.depth, settings.max_depth)
    config = dataclasses.replace(reasoner.config, solve=dataclasses.replace(solve, width=width, depth=depth))
    return Reasoner(config, reasoner.network, reasoner.task, reasoner.reason)


def names(weights: Sequence[str]) -> list[str]:
    """The weights to serve; if none are named, the shipped weights of every task."""
    if weights:
        return list(weights)
    try:
        from gram.weights import shipped
    except ImportError as error:
        raise ValueError(
            f"Without {error.name}, only bundles can be served; name one or install {error.name}."
        ) from None
    return [name for name in shipped() if read_config(find(name, name) / "config.json").task == name]


def opened(weights: Sequence[str], dtype: str) -> dict[str, tuple[str, Reasoner]]:
    """The weights and Reasoner of each task. FileNotFoundError or ValueError if weights are missing, damaged,
    or share a task."""
    found: dict[str, tuple[str, Reasoner]] = {}
    for label in names(weights):
        folder = find(label, label)
        task = tasks.of(read_config(folder / "config.json"))
        name = task.spec.name
        if name in found:
            raise ValueError(f"{found[name][0]} and {label} are both for {name}; serve one of them.")
        reasoner, _, _ = load(task, str(folder), "auto" if is_bundle(folder) else dtype)
        found[name] = label, reasoner
    return found
