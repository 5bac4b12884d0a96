"""Initial weights of a run."""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from gram import weights as weight_files
from gram.models.build import AnyModel
from gram.tasks.base import Task

TOKENS = ("embed_x.weight", "core.posterior.embed_y.weight", "decoder.weight")
"""Tensors with one row per token."""
EMBEDDED = TOKENS[:2]
"""Those of a unary network, whose scores have no rows of tokens."""


def begin_with(model: AnyModel, task: Task, folder: Path) -> list[str]:
    """Load the weights of `folder` into `model`. If the task numbers its tokens differently, rows are moved to the new
    numbers; new symbols keep the rows of a new network and are returned. A unary network may come from another size of
    its task, since it reads the same few tokens at every size. ValueError or FileNotFoundError if the weights do not
    fit."""
    config = weight_files.read(folder)
    renumbered = task.renumbered(config)
    if renumbered is None and not (config.model.unary and config.task != task.spec.name):
        weight_files.load_weights(model, folder / weight_files.WEIGHTS)
        return []
    config, before = weight_files.load(folder)
    state, fresh = before.state_dict(), model.state_dict()
    if renumbered is None:
        state = resized(state, fresh, task.spec.symbols[1] + 1)
    else:
        for name in TOKENS:
            if name in state:
                state[name] = fresh[name].index_copy(0, torch.from_numpy(renumbered.now), state[name])
    wanted = {name: tensor.shape for name, tensor in fresh.items()}
    same = config.model == model.config if renumbered else before.spec.symbols[:2] == task.spec.symbols[:2]
    if not same or {name: tensor.shape for name, tensor in state.items()} != wanted:
        raise ValueError(f"{folder} has a different network; leave out --start, or give the same --model options.")
    model.load_state_dict(state)
    return [] if renumbered is None else renumbered.new


def resized(state: Mapping[str, Tensor], fresh: Mapping[str, Tensor], read: int) -> dict[str, Tensor]:
    """The weights of a unary network at another number of symbols. Its inputs are padding, blank, and the first two
    symbols for a match and another symbol, the first `read` tokens; rows of further tokens are never read."""
    rows = {}
    for name in EMBEDDED:
        if name in state and name in fresh and state[name].shape[1] == fresh[name].shape[1]:
            rows[name] = torch.cat([state[name][:read], fresh[name][read:]])
    return {**state, **rows}
