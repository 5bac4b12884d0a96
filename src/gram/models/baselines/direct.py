"""Answers in one pass: direct prediction, and a variational autoencoder with that as decoder.

Shapes: B batch, L positions, M rows of the state, D width, Z latent width.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gram.config import ModelConfig
from gram.models.baselines.base import Baseline, Losses, cross_entropy, readout
from gram.models.core import State, Step
from gram.models.guidance import SIGMA_FLOOR, Gaussian, kl
from gram.models.layers import Linear
from gram.models.stem import embedding
from gram.tasks.spec import TaskSpec


class Direct(Baseline):
    """A Transformer that reads the puzzle and predicts all positions at once, independently."""

    def __init__(self, spec: TaskSpec, config: ModelConfig, seed: int = 0):
        super().__init__(spec, config, guidance="none")
        self.reset(seed)

    def step(self, state: State, e_x: Tensor, noise: Tensor | None, *, temperature: float = 1.0) -> Step:
        rows = len(e_x) if noise is None else noise.shape[1]
        return Step(state, readout(self.logits(self.core(e_x)), 0, rows), [])

    def losses(self, x_BL: Tensor, y_BL: Tensor, noise: Tensor | None) -> Losses:
        logits = self.logits(self.core(self.encode(x_BL)))
        nll = cross_entropy(logits, y_BL).sum(1)
        return Losses(nll, torch.zeros_like(nll), torch.zeros_like(nll), logits.argmax(-1))


class VAE(Baseline):
    """Conditional variational autoencoder (arXiv:1312.6114): z ~ N(0, I) of width Z for the whole answer, an encoder
    q(z | x, y) that pools over positions, and a decoder p(y | x, z) with independent positions."""

    def __init__(self, spec: TaskSpec, config: ModelConfig, seed: int = 0):
        super().__init__(spec, config)
        self.core = nn.Sequential(self.trunk(), self.trunk())  # encoder and decoder
        self.embed_y = embedding(spec, config)
        self.embed_z = Linear(config.latent, config.width)
        self.posterior = Linear(config.width, 2 * config.latent)
        self.reset(seed)

    @property
    def noise_shape(self) -> tuple[int, int, int]:
        return 1, 1, self.config.latent

    def step(self, state: State, e_x: Tensor, noise: Tensor | None, *, temperature: float = 1.0) -> Step:
        if noise is None:
            noise = e_x.new_zeros(1, len(e_x), *self.noise_shape[1:])
        return Step(state, readout(self.generate(e_x, temperature * noise[0]), 0, noise.shape[1]), [])

    def losses(self, x_BL: Tensor, y_BL: Tensor, noise: Tensor | None) -> Losses:
        assert noise is not None
        e_x = self.encode(x_BL)
        q = self.infer(e_x, y_BL)
        logits = self.generate(e_x, q.sample(noise[0]))
        nll = cross_entropy(logits, y_BL).sum(1)
        prior = Gaussian(torch.zeros_like(q.mu), torch.ones_like(q.sigma))
        return Losses(nll, kl(q, prior).sum((1, 2)), torch.zeros_like(nll), logits.argmax(-1))

    def infer(self, e_x: Tensor, y_BL: Tensor) -> Gaussian:
        """q(z | x, y), (B, 1, Z); at first close to the prior."""
        encoder, _ = self.core
        h_BMD = encoder(e_x + self.embed_y(y_BL, self.dtype))
        mu, raw = self.posterior(h_BMD.float().mean(1, keepdim=True)).chunk(2, dim=-1)
        return Gaussian(mu, F.softplus(raw + 0.54) + SIGMA_FLOOR)  # softplus(0.54) = 1

    def generate(self, e_x: Tensor, z_B1Z: Tensor) -> Tensor:
        """Logits of p(y | x, z), (B, L, V)."""
        _, decoder = self.core
        z_BMZ = z_B1Z.expand(-1, self.places, -1)  # products with few rows would depend on other rows
        return self.logits(decoder(e_x + self.embed_z(z_BMZ.to(self.dtype))))
