"""Build the model of a configuration: recursive or baseline."""

from collections.abc import Callable

import torch
from torch import nn

from gram.config import ModelConfig
from gram.models.baselines.autoregressive import Autoregressive
from gram.models.baselines.base import Baseline
from gram.models.baselines.diffusion import D3PM, MDLM
from gram.models.baselines.direct import VAE, Direct
from gram.models.layers import Linear
from gram.models.recursive import Model
from gram.tasks.spec import TaskSpec

AnyModel = Model | Baseline
KINDS: dict[str, Callable[[TaskSpec, ModelConfig, int], AnyModel]] = {
    "recursive": Model,
    "direct": Direct,
    "autoregressive": Autoregressive,
    "mdlm": MDLM,
    "d3pm-absorbing": D3PM,
    "d3pm-uniform": D3PM,
    "vae": VAE,
}


def build(spec: TaskSpec, config: ModelConfig, seed: int = 0) -> AnyModel:
    """A new model for the task. ValueError for a configuration that contradicts itself."""
    if spec.identities and config.kind != "recursive":
        raise ValueError(
            f'kind "{config.kind}" cannot distinguish puzzles, as {spec.name} requires; choose "recursive".'
        )
    for name in ("candidates", "guesses"):
        if getattr(config, name) and config.kind != "recursive":
            raise ValueError(f'{name} = true needs kind "recursive", not "{config.kind}"; change one of them.')
    return KINDS[config.kind](spec, config, seed)


def cast(model: AnyModel, dtype: torch.dtype) -> AnyModel:
    """`model` with arithmetic and matrices in `dtype`, for inference without further casts."""
    model.dtype = dtype
    for module in model.modules():
        if isinstance(module, Linear):
            module.cast(dtype)
    return model


def parameter_table(model: AnyModel) -> dict[str, int]:
    """Parameters by part, and their "total"."""
    table = {}
    for name, modules in model.parts().items():
        sizes = [
            m.numel() if isinstance(m, nn.Parameter) else sum(p.numel() for p in m.parameters())
            for m in modules
            if m is not None
        ]
        table[name] = sum(sizes)
    table["total"] = sum(table.values())
    assert table["total"] == sum(p.numel() for p in model.parameters())
    return table
