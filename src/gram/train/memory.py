"""Checks of memory before allocation, since a system without memory kills processes without a message."""

import torch

from gram.config import Config
from gram.machine import free_memory as main_memory
from gram.models.device import arithmetic
from gram.models.recursive import Model
from gram.solve.memory import GIB
from gram.tasks.base import Task
from gram.train.flops import Cost, of_update

OPTIMIZER = 24
"""Bytes per parameter: weight, gradient, two moments, average, and room for one more."""
ROOM = 1.3
"""Memory of a row as a multiple of the bytes kept for the backward pass, to include temporaries."""
STATES = 1000
"""A row keeps less than this many of its states. If those fit, counting, which takes seconds, is skipped."""


def check_batch(config: Config, task: Task, device: torch.device) -> None:
    """ValueError with the batch that fits if an update of `config` needs more memory than is free. Baselines
    are small and are not counted."""
    free = free_memory(device)
    if config.model.kind != "recursive" or free is None:
        return
    model = Model(task.spec, config.model)
    if STATES * config.train.batch * model.rows * config.model.width * 4 > free:
        dtype, _ = arithmetic(config.train.dtype, config.model.width, device)
        parameters = sum(p.numel() for p in model.parameters())
        check_memory(config.train.batch, of_update(config, task, dtype), parameters, device)


def check_memory(batch: int, cost: Cost, parameters: int, device: torch.device) -> None:
    """ValueError with the batch that fits if this one needs more memory than is free."""
    free = free_memory(device)
    needed = ROOM * cost.bytes * batch
    if free is not None and needed + OPTIMIZER * parameters > free:
        fits = max(0, int((free - OPTIMIZER * parameters) / (ROOM * cost.bytes)))
        advice = f"use a batch of {fits}" if fits else "choose a smaller recipe"
        raise ValueError(
            f"A batch of {batch} needs about {needed / GIB:.1f} GiB and {free / GIB:.1f} GiB are free; {advice}."
        )


def free_memory(device: torch.device) -> int | None:
    """Free bytes, or None if unknown."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    return main_memory()
