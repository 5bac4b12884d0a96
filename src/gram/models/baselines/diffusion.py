"""Diffusion over tokens: D3PM with uniform and absorbing noise (arXiv:2107.03006), and MDLM (arXiv:2406.07524).

The noise keeps a token until time t with probability alpha_t and otherwise replaces it by a draw from pi: the mask,
which is padding (absorbing), or any other token (uniform). Time runs from 0 (the answer) to T = denoising_steps
(noise). Shapes: B batch, L positions, D width, V vocabulary.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from gram.config import ModelConfig
from gram.models.baselines.base import Baseline, Losses, cross_entropy, draw, drawn, readout, uniform
from gram.models.core import State, Step
from gram.models.layers import Linear, rope_angles
from gram.models.stem import embedding
from gram.tasks.spec import PAD, TaskSpec

TINY = 1e-30
"""Probabilities below this count as 0."""


class Diffusion(Baseline):
    """The common part of the three: a network that predicts the answer from its noisy form, and the reverse steps."""

    alpha: Tensor
    """(T + 1,): share of tokens kept until each time."""
    pi: Tensor
    """(V,): distribution of the replaced tokens."""
    scored: Tensor
    """(L,) bool: the positions of the answer."""

    def __init__(self, spec: TaskSpec, config: ModelConfig):
        absorbing = config.kind != "d3pm-uniform"
        super().__init__(spec, config, **({} if absorbing else {"start": "random"}))
        self.T = config.denoising_steps
        self.embed_y = embedding(spec, config)
        mask = F.one_hot(torch.tensor(PAD), spec.vocabulary).float()
        pi = mask if absorbing else (1 - mask) / (spec.vocabulary - 1)
        self.register_buffer("alpha", linear(self.T) if absorbing else cosine(self.T), persistent=False)
        self.register_buffer("pi", pi, persistent=False)
        scored = torch.arange(spec.length) >= spec.answer_start
        self.register_buffer("scored", scored, persistent=False)

    @property
    def noise_shape(self) -> tuple[int, int, int]:
        return 1, self.spec.length, self.spec.vocabulary + 1

    def initial(self, batch: int, noise: Tensor | None = None) -> State:
        """h: the noisy answer, (B, L, 1) int64, from noise (2, B, L, V + 1) if it is uniform. l: the time T,
        (B, 1, 1) int64."""
        device = self.pi.device
        tokens = torch.full((batch, self.spec.length), PAD, device=device)
        if self.config.start == "random":
            assert noise is not None
            fresh = draw(self.pi.clamp(min=TINY).log(), noise[0, ..., :-1], 1.0)
            tokens = torch.where(self.scored, fresh, PAD)
        return State(tokens[..., None], torch.full((batch, 1, 1), self.T, device=device))

    def step(self, state: State, e_x: Tensor, noise: Tensor | None, *, temperature: float = 1.0) -> Step:
        """From time t to t - 1; nothing changes at time 0."""
        x_t, t = state.h.squeeze(-1), state.l.view(-1)
        belief = self.predict(x_t, t, e_x).softmax(-1)
        log_p = self.back(belief, x_t, t.clamp(min=1))
        fresh = draw(log_p, None if noise is None else noise[0, ..., :-1], temperature)
        tokens = torch.where(self.scored & (t > 0)[:, None], fresh, x_t)
        left = (t - 1).clamp(min=0)
        return Step(
            State(tokens[..., None], left.view(-1, 1, 1)),
            readout(drawn(tokens, self.spec.vocabulary), left, len(tokens)),
            [],
        )

    def predict(self, x_t: Tensor, t: Tensor, e_x: Tensor) -> Tensor:
        """Logits of the answer given its form at time t (B,), (B, L, V)."""
        return self.logits(self.core(e_x + self.embed_y(x_t, self.dtype)))

    def onward(self, answer: Tensor, t: Tensor) -> Tensor:
        """q(x_t | x_0) for x_0 ~ `answer` (B, L, V), (B, L, V); t (B,)."""
        alpha = self.alpha[t].view(-1, 1, 1)
        return alpha * answer + (1 - alpha) * self.pi

    def back(self, answer: Tensor, x_t: Tensor, t: Tensor) -> Tensor:
        """log p(x_{t-1} | x_t) for x_0 ~ `answer` (B, L, V), (B, L, V): the posterior of the noise, proportional to
        q(x_t | x_{t-1}) q(x_{t-1} | x_0) (D3PM's x_0-parameterization)."""
        kept = (self.alpha[t] / self.alpha[t - 1]).view(-1, 1, 1)
        arrived = F.one_hot(x_t, self.spec.vocabulary).float()
        here = kept * arrived + (1 - kept) * self.pi[x_t][..., None]
        return torch.log_softmax((here + TINY).log() + (self.onward(answer, t - 1) + TINY).log(), dim=-1)


class MDLM(Diffusion):
    """Masked diffusion in continuous time with the log-linear schedule alpha_t = 1 - t; sampling in T steps."""

    def __init__(self, spec: TaskSpec, config: ModelConfig, seed: int = 0):
        super().__init__(spec, config)
        self.reset(seed)

    def losses(self, x_BL: Tensor, y_BL: Tensor, noise: Tensor | None) -> Losses:
        """The bound in continuous time: cross-entropy of the masked tokens over t, for one t in (0, 1]."""
        assert noise is not None
        t = times(noise).clamp(min=1e-3)[:, None]
        masked = uniform(noise[0, ..., 0]) < t
        logits = self.predict(torch.where(masked, PAD, y_BL), t, self.encode(x_BL))
        nll = (masked / t * cross_entropy(logits, y_BL)).sum(1)
        return Losses(nll, torch.zeros_like(nll), torch.zeros_like(nll), logits.argmax(-1))


class D3PM(Diffusion):
    """Diffusion in T steps whose network predicts x_0; absorbing or uniform by `kind`."""

    clock: Tensor

    def __init__(self, spec: TaskSpec, config: ModelConfig, seed: int = 0):
        super().__init__(spec, config)
        angles = rope_angles(self.T + 1, config.width)
        self.register_buffer("clock", torch.cat([angles.cos(), angles.sin()], dim=1), persistent=False)
        self.embed_time = Linear(config.width, config.width)
        self.reset(seed)

    def predict(self, x_t: Tensor, t: Tensor, e_x: Tensor) -> Tensor:
        e_t = self.embed_time(self.clock.to(self.dtype))[t]  # all times: a row must not depend on others
        return super().predict(x_t, t, e_x + e_t[:, None])

    def losses(self, x_BL: Tensor, y_BL: Tensor, noise: Tensor | None) -> Losses:
        """The variational bound, T times its term of one t (the term of t = 1 is the reconstruction, and at T nothing
        of the answer is left), and the cross-entropy of the hybrid loss."""
        assert noise is not None
        t = (times(noise) * self.T).ceil().clamp(1, self.T).long()
        answer = F.one_hot(y_BL, self.spec.vocabulary).float()
        x_t = draw((self.onward(answer, t) + TINY).log(), noise[0, ..., :-1], 1.0)
        x_t = torch.where(y_BL == PAD, PAD, x_t)
        logits = self.predict(x_t, t, self.encode(x_BL))
        log_q, log_p = self.back(answer, x_t, t), self.back(logits.softmax(-1), x_t, t)
        kl = (log_q.exp() * (log_q - log_p)).sum(-1)
        nll = self.T * torch.where(y_BL == PAD, 0.0, kl).sum(1)
        return Losses(nll, torch.zeros_like(nll), cross_entropy(logits, y_BL).sum(1), logits.argmax(-1))


def linear(T: int) -> Tensor:
    """alpha_t = 1 - t / T, (T + 1,): beta_t = 1 / (T - t + 1) of absorbing D3PM, and MDLM's log-linear schedule."""
    return 1 - torch.arange(T + 1, dtype=torch.float64).div(T).float()


def cosine(T: int, offset: float = 0.008) -> Tensor:
    """alpha_t of the cosine schedule, (T + 1,), exactly 0 at the end (D3PM, uniform)."""
    angle = (torch.arange(T + 1, dtype=torch.float64) / T + offset) / (1 + offset) * math.pi / 2
    alpha = angle.cos().square() / angle[0].cos().square()
    return torch.cat([alpha[:-1], torch.zeros(1)]).float()


def times(noise: Tensor) -> Tensor:
    """A time in [0, 1] for each row of noise (1, B, L, V + 1), (B,): row i of B in the i-th part of the
    interval, which reduces the variance of the loss of a batch."""
    each = uniform(noise[0, :, 0, -1])
    return (torch.arange(len(each), device=each.device) + each) / len(each)
