"""Embeddings of tokens: a table, or for images a stem with one row per 2x2 patch.

Shapes: B batch, L pixels, C channels, D width, V vocabulary, M = L / 4 patches.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gram.config import ModelConfig
from gram.models.layers import Embedding, Linear, truncated_normal_
from gram.tasks.spec import TaskSpec

PATCH = 2
KERNEL = 5
GROUP = 8
"""Channels that are normalized together."""


def pixels_each(config: ModelConfig) -> int:
    """Number of tokens per row."""
    return PATCH**2 if config.stem == "patches" else 1


def embedding(spec: TaskSpec, config: ModelConfig) -> "Embedding | PatchStem":
    """A new embedding of tokens. ValueError if the configuration contradicts itself."""
    if config.stem == "tokens":
        return Embedding(spec.vocabulary, config.width)
    if config.mixer == "groups" or config.registers:
        raise ValueError('stem "patches" needs mixer "attention" or "swiglu" and registers = 0; change them.')
    return PatchStem(spec.length, spec.vocabulary, config.width, config.stem_channels)


class Conv(nn.Module):
    """A 5x5 convolution that keeps the size, without bias; the weight is kept in float32 and cast to the dtype of x."""

    def __init__(self, inputs: int, outputs: int):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(outputs, inputs, KERNEL, KERNEL))

    def reset(self, generator: torch.Generator) -> None:
        truncated_normal_(self.weight, 1 / math.sqrt(self.weight[0].numel()), generator)

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(x, self.weight.to(x.dtype), padding=KERNEL // 2)


class PatchStem(nn.Module):
    """Pixels in [-1, 1], twice [Conv 5x5, SiLU, GroupNorm], 2x2 patches, Linear. Replaces an Embedding."""

    def __init__(self, length: int, vocabulary: int, width: int, channels: int):
        super().__init__()
        self.side, self.vocabulary = math.isqrt(length), vocabulary
        if self.side**2 != length or self.side % PATCH:
            raise ValueError(f'stem "patches" needs square images of even sides, not {length} pixels; choose "tokens".')
        if channels % GROUP:
            raise ValueError(f"stem_channels is {channels}; it must be a multiple of {GROUP}.")
        self.convs = nn.ModuleList([Conv(1, channels), Conv(channels, channels)])
        self.out = Linear(PATCH**2 * channels, width)

    def reset(self, generator: torch.Generator) -> None:
        for part in (*self.convs, self.out):
            part.reset(generator)  # pyright: ignore[reportCallIssue]

    def forward(self, tokens_BL: Tensor, dtype: torch.dtype) -> Tensor:
        """(B, L) integers -> (B, M, D)."""
        gray = (tokens_BL - 1) * (2 / (self.vocabulary - 2)) - 1
        x = gray.to(dtype).view(-1, 1, self.side, self.side)
        for conv in self.convs:
            x = F.silu(conv(x))
            x = F.group_norm(x.float(), x.shape[1] // GROUP).to(dtype)
        return self.out(patches(x))


def patches(x_BCHW: Tensor) -> Tensor:
    """(B, C, H, W) -> (B, M, C * 4), patches row by row."""
    B, C, H, W = x_BCHW.shape
    parts = x_BCHW.view(B, C, H // PATCH, PATCH, W // PATCH, PATCH)
    return parts.permute(0, 2, 4, 1, 3, 5).reshape(B, -1, C * PATCH**2)


def pixels(x_BMC: Tensor) -> Tensor:
    """The inverse of `patches` with channels last and pixels in sequence: (B, M, C * 4) -> (B, L, C)."""
    B, M, width = x_BMC.shape
    side = math.isqrt(M)
    parts = x_BMC.view(B, side, side, width // PATCH**2, PATCH, PATCH)
    return parts.permute(0, 1, 4, 2, 5, 3).reshape(B, M * PATCH**2, -1)
