"""Recursive reasoning with tiny networks: gram.load(...) returns a Reasoner; gram.tasks has the puzzles."""

import importlib
import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gram import tasks
    from gram.fitting import fit
    from gram.loading import load
    from gram.measure.evaluation import Evaluation
    from gram.measure.puzzles import evaluate
    from gram.measure.submission import score_submission, submission
    from gram.solve.answer import Answer
    from gram.solve.options import SamplingOptions
    from gram.solve.reasoner import Reasoner
    from gram.solve.records import to_records
    from gram.weights import shipped

# Threads that spin while waiting make a small network many times slower as soon as another program runs. This is read
# when torch is loaded; an explicit setting wins.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

__version__ = "0.1.0"

PLACES = {
    "Answer": "gram.solve.answer",
    "Evaluation": "gram.measure.evaluation",
    "Reasoner": "gram.solve.reasoner",
    "SamplingOptions": "gram.solve.options",
    "evaluate": "gram.measure.puzzles",
    "fit": "gram.fitting",
    "load": "gram.loading",
    "score_submission": "gram.measure.submission",
    "shipped": "gram.weights",
    "submission": "gram.measure.submission",
    "tasks": "gram.tasks",
    "to_records": "gram.solve.records",
}
"""Module of each public name. Modules are imported on first use, so that `import gram` and `gram.tasks` do not load
torch."""

__all__ = [
    "Answer",
    "Evaluation",
    "Reasoner",
    "SamplingOptions",
    "__version__",
    "evaluate",
    "fit",
    "load",
    "score_submission",
    "shipped",
    "submission",
    "tasks",
    "to_records",
]


def __getattr__(name: str) -> Any:
    if name not in PLACES:
        raise AttributeError(f"module 'gram' has no attribute {name!r}")
    module = importlib.import_module(PLACES[name])
    return module if PLACES[name] == f"gram.{name}" else getattr(module, name)


def __dir__() -> list[str]:
    return sorted(__all__)
