"""Stochastic guidance: the prior p(eps|u) and the posterior q(eps|u,y), diagonal Gaussians (paper, section 3)."""

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gram.guidance import Guidance
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
    Its value is the KL; only the gradient is shared out (paper, 0.8)."""
    return balance * kl(q.detach(), p) + (1 - balance) * kl(q, p.detach())


class GaussianHead(nn.Module):
    """Two SwiGLU MLPs, mu and sigma, position-wise or, with `gather` = (positions, channels), one for the whole example
    that reads so many channels of every position. With `embed_y`, which makes rows (B, L, D) of a target's tokens, it
    also sees that target: a posterior."""

    def __init__(
        self,
        width: int,
        hidden: int,
        *,
        guidance: Guidance,
        form: str,
        floor: float,
        start: float,
        gather: tuple[int, int] | None = None,
        embed_y: nn.Module | None = None,
        fusion: str = "add",
    ):
        super().__init__()
        self.form, self.floor, self.fusion = form, floor, fusion
        inputs = 2 * width if embed_y is not None and fusion == "concat" else width
        self.embed_y = embed_y
        self.gather = None if gather is None else Linear(inputs, gather[1])
        linear = Linear
        if gather is not None:
            inputs, linear = gather[0] * gather[1], RowLinear
        self.mu = SwiGLU(inputs, hidden, width, linear) if guidance.mean else None
        self.sigma = SwiGLU(inputs, hidden, width, linear) if guidance.sigma else None
        excess = start - floor
        # The output layers start at zero, so every sigma starts at exactly `start`.
        self.offset = math.log(math.expm1(excess)) if form == "softplus" else math.log(excess)

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
            u_BLD = torch.cat([u_BLD, e_y], dim=-1) if self.fusion == "concat" else u_BLD + e_y
        if self.gather is not None:
            u_BLD = self.gather(u_BLD).flatten(1)[:, None]
        mu = self.mu(u_BLD).float() if self.mu is not None else None
        raw = self.sigma(u_BLD).float() + self.offset if self.sigma is not None else None
        if raw is None:
            assert mu is not None
            sigma = torch.ones_like(mu)  # "mean only": a unit scale gives the KL a meaning; nothing is sampled
        else:
            sigma = (F.softplus(raw) if self.form == "softplus" else raw.clamp(max=10).exp()) + self.floor
        return Gaussian(torch.zeros_like(sigma) if mu is None else mu, sigma)
