"""Initial weights of a run."""

from pathlib import Path

import torch

from gram import weights as weight_files
from gram.models.build import AnyModel
from gram.tasks.base import Task

TOKENS = ("embed_x.weight", "core.posterior.embed_y.weight", "decoder.weight")
"""Tensors with one row per token."""


def begin_with(model: AnyModel, task: Task, folder: Path) -> list[str]:
    """Load the weights of `folder` into `model`. If the task numbers its tokens differently, rows are moved to the new
    numbers; new symbols keep the rows of a new network and are returned. A unary network may come from another size of
    its task. ValueError or FileNotFoundError if the weights do not fit."""
    config = weight_files.read(folder)
    renumbered = task.renumbered(config)
    if renumbered is None:
        if config.model.unary and config.task != task.spec.name:
            weight_files.load_resized(model, config, folder)
        else:
            weight_files.load_weights(model, folder / weight_files.WEIGHTS)
        return []
    config, before = weight_files.load(folder)
    state, fresh = before.state_dict(), model.state_dict()
    for name in TOKENS:
        if name in state:
            state[name] = fresh[name].index_copy(0, torch.from_numpy(renumbered.now), state[name])
    wanted = {name: tensor.shape for name, tensor in fresh.items()}
    if config.model != model.config or {name: tensor.shape for name, tensor in state.items()} != wanted:
        raise ValueError(f"{folder} has a different network; leave out --start, or give the same --model options.")
    model.load_state_dict(state)
    return renumbered.new
