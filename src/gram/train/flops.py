"""The cost of an update or a supervision step, counted rather than timed: operations of the matrix products, forward
and backward, and bytes kept for the backward pass. Optimizer, norms and activations are not counted."""

import dataclasses
from typing import NamedTuple

import torch
from torch import Tensor
from torch.autograd.graph import saved_tensors_hooks
from torch.utils.flop_counter import FlopCounterMode

from gram.config import Config
from gram.models.recursive import Model
from gram.tasks.base import Task
from gram.train.objective import Inputs, Learner


class Cost(NamedTuple):
    """The cost of one row."""

    operations: int
    """Multiplications and additions."""
    bytes: int
    """Bytes kept for the backward pass without a compiler; with one there are fewer."""


def of_update(config: Config, task: Task, dtype: torch.dtype) -> Cost:
    """The cost of one row of a training update, measured as the difference between two rows and one, without
    weights."""
    one, two = (_update(config, task, dtype, rows) for rows in (1, 2))
    return Cost(two.operations - one.operations, two.bytes - one.bytes)


def _update(config: Config, task: Task, dtype: torch.dtype, rows: int) -> Cost:
    model = Model(task.spec, config.model)
    model.dtype = dtype
    learner = Learner(model, dataclasses.replace(config.train, batch=rows), task.check)
    x = torch.full((rows, task.spec.length), 1)
    state, noise, done, pooled = blank(model, rows, config.train.N_sup)
    held = {p.untyped_storage().data_ptr() for p in model.parameters()}
    kept: dict[int, Tensor] = {}

    def pack(tensor: Tensor) -> Tensor:
        if tensor.untyped_storage().data_ptr() not in held:
            kept[tensor.untyped_storage().data_ptr()] = tensor
        return tensor

    with FlopCounterMode(display=False) as counter:
        with saved_tensors_hooks(pack, lambda tensor: tensor):
            inputs = Inputs(x, x, state, noise, done, pooled, torch.zeros(rows, dtype=torch.bool))
            loss = learner.objective(inputs, learner(inputs)).loss
        size = sum(tensor.untyped_storage().nbytes() for tensor in kept.values())
        loss.backward()
    return Cost(counter.get_total_flops(), size)


def of_step(model: Model) -> Cost:
    """The cost of one row of a supervision step when sampling, a function evaluation."""
    x = torch.full((1, model.spec.length), 1, device=next(model.parameters()).device)
    state, noise, _, _ = blank(model, 1, 1)
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        model.decode(model.step(state, model.encode(x), noise).readout)
    return Cost(counter.get_total_flops(), 0)


def blank(model: Model, rows: int, N_sup: int):
    """State, noise, steps done and pooled states of `rows` new rows."""
    device, D = next(model.parameters()).device, model.config.width
    noise, start = (torch.zeros(T, rows, *one, device=device) for T, *one in (model.noise_shape, model.start_shape))
    done = torch.zeros(rows, dtype=torch.int64, device=device)
    return model.initial(rows, start), noise, done, torch.zeros(rows, N_sup, D, device=device)
