"""A tiny search over candidates with random weights."""

import torch

from gram import tasks
from gram.models.build import build, cast
from gram.models.recursive import Model
from gram.recipes import change, recipe
from gram.solve.reasoner import Reasoner
from gram.solve.torch_backend import TorchNetwork

TASK = tasks.task("sudoku-4")
PUZZLES = TASK.examples("dev", count=12)
SMALL = change(
    recipe("sudoku-4-search"),
    model={"width": 16, "hidden": 32, "mixer_hidden": 8, "T": 2},
    train={
        "minutes": None,
        "updates": 12,
        "batch": 8,
        "N_sup": 6,
        "compile": False,
        "dtype": "float32",
        "threads": 1,
        "evaluate_examples": 4,
    },
    solve={"depth": 60, "width": 2},
)


def reasoner(seed: int = 0, dtype: torch.dtype = torch.float32) -> Reasoner:
    model = build(TASK.spec, SMALL.model, seed)
    assert isinstance(model, Model)
    assert model.candidate is not None
    torch.nn.init.normal_(model.candidate.weight, std=0.3, generator=torch.Generator().manual_seed(seed))
    return Reasoner(SMALL, TorchNetwork(cast(model, dtype)), TASK)
