"""Recursive reasoning with tiny networks: gram.load(...) gives a Reasoner; gram.tasks has the puzzles."""

import importlib
import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gram import tasks
    from gram.solve.reasoner import Reasoner, load

# Threads that spin while they wait make a small network many times slower as soon as another program runs. Read when
# torch is loaded; an explicit setting wins.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

__all__ = ["Reasoner", "load", "tasks"]


def __getattr__(name: str) -> Any:
    """Import on first use, so that `import gram` and `gram.tasks` stay free of torch."""
    if name == "tasks":
        return importlib.import_module("gram.tasks")
    if name in ("Reasoner", "load"):
        return getattr(importlib.import_module("gram.solve.reasoner"), name)
    raise AttributeError(f"module 'gram' has no attribute {name!r}")
