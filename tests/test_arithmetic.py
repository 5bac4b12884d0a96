"""Each set of weights that ships, in each arithmetic: answers are near those of float32, and a row's answer is its own.

Everything here runs on any processor; bfloat16 is slow where there are no instructions for it, but works everywhere.
"""

from functools import lru_cache

import numpy as np
import pytest
import torch
from torch import Tensor

from gram import tasks
from gram import weights as weight_files
from gram.models.build import AnyModel, settle
from gram.models.core import State
from gram.tasks.base import IDENTITY, Unconditional

SHIPPED = weight_files.shipped()
DTYPES = [torch.float32, torch.bfloat16]
LARGE = 100_000
"""Numbers of a state beyond which few rows have to do."""


@pytest.fixture(autouse=True)
def one_thread():
    """As in a thread of the sampler."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@lru_cache(maxsize=2)
def puzzles(name: str) -> Tensor:
    """Nine inputs of a task (n, L), three where a state is large; not all of them differ where there are fewer."""
    config, model = weight_files.load(name)
    task = tasks.of(config)
    count = 3 if model.rows * config.model.width > LARGE else 9
    if isinstance(task, Unconditional):
        found = task.blank[None]
    elif name.startswith("arc"):
        found = np.random.default_rng(0).integers(1, task.spec.vocabulary, (count, task.spec.length))
        found[:, :IDENTITY] = 0  # all of the first puzzle
    else:
        found = task.examples("dev", count=count).inputs
    return torch.from_numpy(np.resize(found, (count, task.spec.length)).astype(np.int64))


def model_of(name: str, dtype: torch.dtype) -> AnyModel:
    return settle(weight_files.load(name)[1], dtype)


def noise(model: AnyModel, rows: int) -> Tensor:
    T, *one = model.noise_shape
    return torch.randn(T, rows, *one, generator=torch.Generator().manual_seed(0))


@torch.inference_mode()
def step(model: AnyModel, e_x: Tensor, drawn: Tensor) -> Tensor:
    """All numbers of a supervision step from the initial state, (B, _) float32."""
    rows = len(e_x)
    state = State(*(z.expand(rows, -1, -1) for z in model.initial(rows)))
    out = model.step(state, e_x, drawn)
    logits, halt, value, _ = model.decode(out.readout)
    return torch.cat([z.float().flatten(1) for z in (*out.state, logits.clamp(min=-1e4), halt, value[:, None])], 1)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", SHIPPED)
def test_a_row_is_bitwise_the_same_whatever_stands_beside_it(name, dtype):
    model, x = model_of(name, dtype), puzzles(name)
    drawn = noise(model, len(x))
    with torch.inference_mode():
        e_x = torch.cat([model.encode(x[i : i + 1]) for i in range(len(x))])
        assert torch.equal(model.encode(x), e_x)
    alone = torch.cat([step(model, e_x[i : i + 1], drawn[:, i : i + 1]) for i in range(len(x))])
    for rows in range(2, len(x) + 1):
        assert torch.equal(step(model, e_x[:rows], drawn[:, :rows]), alone[:rows]), rows
