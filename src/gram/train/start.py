"""Initial weights of a run."""

from dataclasses import fields, replace
from pathlib import Path

import torch

from gram import weights as weight_files
from gram.config import GuidanceConfig, ModelConfig
from gram.models.build import AnyModel
from gram.tasks.base import Task

TOKENS = ("embed_x.weight", "core.posterior.embed_y.weight", "decoder.weight")
"""Tensors with one row per token."""
HEADS = ("halt.", "value.")
"""Tensors of the heads."""


def begin_with(model: AnyModel, task: Task, folder: Path) -> list[str]:
    """Load the weights of `folder` into `model`. If the task numbers its tokens differently, rows are moved to the new
    numbers; new symbols keep the rows of a new network and are returned. A unary network may come from another size of
    its task, and a network with guidance from one without, such as that of a search. ValueError or FileNotFoundError if
    the weights do not fit."""
    config = weight_files.read(folder)
    renumbered = task.renumbered(config)
    if renumbered is None and config.task == task.spec.name and gains_guidance(config.model, model.config):
        backbone(model, weight_files.load(folder)[1])
        return []
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


def gains_guidance(before: ModelConfig, now: ModelConfig) -> bool:
    """Whether `now` is the network of `before` with guidance."""
    plain = {field.name: field.default for field in fields(GuidanceConfig)} | {"candidates": False}
    return not before.guide.learned and now.guide.learned and replace(before, **plain) == replace(now, **plain)


def backbone(model: AnyModel, before: AnyModel) -> None:
    """Load the network of a model without guidance into one with it. The guidance and the heads of halting and value
    stay new."""
    state = model.state_dict()
    known = {name: tensor for name, tensor in before.state_dict().items() if name in state}
    model.load_state_dict(state | {name: t for name, t in known.items() if not name.startswith(HEADS)})
