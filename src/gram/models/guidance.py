"""Stochastic guidance: the prior p(eps|u) and the posterior q(eps|u,y), diagonal Gaussians (paper, section 3)."""

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gram.config import GuidanceConfig
from gram.models.layers import Linear, RowLinear, SwiGLU


class Gaussian(NamedTuple):
    """Mean and standard deviation, both (B, L, D), or (B, 1, D) over a whole example, float32."""

    mu: Tensor
    sigma: Tensor

    def sample(self, noise: Tensor) -> Tensor:
        """mu + sigma * noise, noise ~ N(0, I) of the same shape."""
        return self.mu + self.sigma * noise

    def detach(self) -> "Gaussian":
        return Gaussian(self.mu.detach(), self.sigma.detach())


def kl(q: Gaussian, p: Gaussian) -> Tensor:
    """KL(q || p) in nats per entry, (B, L, D) float32."""
    ratio = (q.sigma / p.sigma).square()
    return 0.5 * (ratio + ((q.mu - p.mu) / p.sigma).square() - 1.0 - ratio.log())


def kl_balanced(q: Gaussian, p: Gaussian, balance: float) -> Tensor:
    """balance * KL(sg(q) || p) + (1 - balance) * KL(q || sg(p)) per entry, (B, L, D); sg stops the gradient.
    Its value is the KL; only the gradient is split (paper, 0.8)."""
    return balance * kl(q.detach(), p) + (1 - balance) * kl(q, p.detach())


SIGMA_FLOOR = 0.01
"""Smallest standard deviation."""
CHANNELS = 8
"""Channels of each position that a head over the whole example reads."""


class GaussianHead(nn.Module):
    """Two SwiGLU MLPs for mu and sigma, position-wise or for the whole example, then reading a few channels of every
    position (`guidance_over`). With `embed_y`, which embeds a target's tokens as (B, L, D), it also sees the target and
    is a posterior."""

    def __init__(self, width: int, length: int, config: GuidanceConfig, embed_y: nn.Module | None = None):
        """width D and length L of the state."""
        super().__init__()
        hidden, self.concat = config.guidance_hidden, embed_y is not None and config.fusion == "concat"
        inputs, linear = 2 * width if self.concat else width, Linear
        self.embed_y = embed_y
        self.gather = Linear(inputs, CHANNELS) if config.guidance_over == "example" else None
        if self.gather is not None:
            inputs, linear = length * CHANNELS, RowLinear
        self.mu = SwiGLU(inputs, hidden, width, linear) if config.guide.mean else None
        self.sigma = SwiGLU(inputs, hidden, width, linear) if config.guide.sigma else None
        # the output layers start at zero, so every sigma starts exactly at sigma_start
        self.offset = math.log(math.expm1(config.sigma_start - SIGMA_FLOOR))

    def reset(self, generator: torch.Generator) -> None:
        for mlp in (self.mu, self.sigma):
            if mlp is not None:
                mlp.gate_up.reset(generator)
                nn.init.zeros_(mlp.down.weight)
        if self.embed_y is not None:
            self.embed_y.reset(generator)  # pyright: ignore[reportCallIssue]

    def forward(self, u_BLD: Tensor, y_BL: Tensor | None = None) -> Gaussian:
        if self.embed_y is not None:
            assert y_BL is not None
            e_y = self.embed_y(y_BL, u_BLD.dtype)
            u_BLD = torch.cat([u_BLD, e_y], dim=-1) if self.concat else u_BLD + e_y
        if self.gather is not None:
            u_BLD = self.gather(u_BLD).flatten(1)[:, None]
        mu = self.mu(u_BLD).float() if self.mu is not None else None
        raw = self.sigma(u_BLD).float() + self.offset if self.sigma is not None else None
        if raw is None:
            assert mu is not None
            sigma = torch.ones_like(mu)  # "mean only": a unit scale defines the KL; nothing is sampled
        else:
            sigma = F.softplus(raw) + SIGMA_FLOOR
        return Gaussian(torch.zeros_like(sigma) if mu is None else mu, sigma)
