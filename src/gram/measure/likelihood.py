"""How likely held-out answers are: bounds on log p(y | x), and bits per dimension, that is per pixel of an image.

The model of N supervision steps draws eps_m from the prior p(eps_m | s_m) at every transition m, where s_m is what the
transitions before made of it, and every position of y from the softmax of the last step. For any posterior q

    -log p(y | x) <= E_q [ -log p(y | s) + sum over m of KL(q(eps_m | s_m, y) || p(eps_m | s_m)) ],

along trajectories that q draws. Every transition pays. Where the posterior is not used (`posterior_transitions`
"last"), q is the prior and pays nothing, so the bound holds there as well. Training minimizes something else: the
cross-entropy and KL of each step, with no gradient between steps.

A bound sees the answer. It is no accuracy, and says nothing about how samples look. Shapes: B batch, N supervision
steps.
"""

import math
import time
from dataclasses import asdict, dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from gram.models.baselines.base import Baseline, cross_entropy
from gram.models.build import AnyModel
from gram.models.guidance import kl
from gram.models.recursive import Model
from gram.tasks.base import Task, Unconditional
from gram.tasks.spec import PAD, Tokens

DRAWS, DRAWS_BASELINE, DRAWS_ORDERS = 2, 8, 8
"""Trajectories of each answer, of a recursive model and of a baseline, whose draw is a single evaluation."""
CHUNK = 50
"""Answers that are computed together."""
EXACT = "direct", "autoregressive"
"""Kinds of baselines whose likelihood is exact."""


class Bound(NamedTuple):
    """Averages over puzzles, in nats per puzzle."""

    reconstruction: float
    """log p(y | h) at the end."""
    kl: list[float]
    """KL of each supervision step, over all its transitions that sample from the posterior."""

    @property
    def elbo(self) -> float:
        return self.reconstruction - sum(self.kl)


class Terms(NamedTuple):
    """The parts of the bound on -log p(y | x) of each row, in nats."""

    nll: Tensor
    """(B,): -log p(y | s) after the last step."""
    kl: Tensor
    """(B, N): the KL of each step over its transitions; zeros without latent variables."""


@torch.no_grad()
def trajectory(
    model: Model, x: Tensor, y: Tensor, *, N_sup: int, posterior_transitions: str, generator: torch.Generator
) -> Terms:
    """The parts along one trajectory of each row, which the posterior draws. A deterministic variant has no latent
    variables unless it starts at random, so its nll is the likelihood itself."""
    e_x = model.encode(x)

    def draw(T: int, *one: int) -> Tensor:
        return torch.randn(T, len(x), *one, generator=generator).to(x.device)

    noise = draw(*model.start_shape) if model.config.start == "random" else None
    state, kls, readout = model.initial(len(x), noise), [], None
    options = {"y": y, "posterior_transitions": posterior_transitions, "kl_transitions": posterior_transitions}
    for _ in range(N_sup):
        if model.stochastic:
            step = model.step(state, e_x, draw(*model.noise_shape), **options)
        else:
            step = model.step(state, e_x, None)
        state, readout = step.state, step.readout
        kls.append(sum((kl(q, p).sum((1, 2)) for q, p in step.guides), torch.zeros(len(x), device=x.device)))
    assert readout is not None
    return Terms(cross_entropy(model.decode(readout).logits, y).sum(1), torch.stack(kls, dim=1))


@torch.no_grad()
def of_baseline(model: Baseline, x: Tensor, y: Tensor, *, generator: torch.Generator) -> Terms:
    """The parts of a baseline for one draw of its noise, N = 1; exact for autoregressive and direct prediction."""
    T, *one = model.noise_shape
    out = model.losses(x, y, torch.randn(T, len(x), *one, generator=generator).to(x.device))
    return Terms(out.nll, out.kl[:, None])


def full_elbo(
    model: Model, x: Tensor, y: Tensor, *, N_sup: int, posterior_transitions: str, generator: torch.Generator
) -> Bound:
    """The full bound on log p(y | x) along one posterior trajectory of each row (paper, Figure 8; a monitor)."""
    if not model.stochastic:
        raise ValueError("A deterministic variant has no latent variable and no ELBO; choose one with guidance.")
    options = {"N_sup": N_sup, "posterior_transitions": posterior_transitions}
    terms = trajectory(model, x, y, **options, generator=generator)
    return Bound(-terms.nll.mean().item(), terms.kl.mean(0).tolist())


def baseline_elbo(
    model: Baseline, x: Tensor, y: Tensor, *, generator: torch.Generator, draws: int = DRAWS_BASELINE
) -> Bound:
    """The bound on log p(y | x), averaged over `draws` of the noise."""
    made = [of_baseline(model, x, y, generator=generator) for _ in range(draws)]
    nll, nats = (torch.stack([getattr(terms, name) for terms in made]).mean().item() for name in ("nll", "kl"))
    return Bound(-nll, [nats])


@torch.no_grad()
def order_bound(
    model: Model, task: Task, x: np.ndarray, y: np.ndarray, *, seed: int, draws: int = DRAWS_ORDERS
) -> float:
    """A lower bound on log p(y | x) of a network with guesses, in nats, the mean over puzzles and targets (n, L) uint8:
    that of drawing the symbols in a random order (arXiv:2110.02037), estimated from `draws` orders and numbers
    of symbols that are drawn already."""
    rng, device = np.random.default_rng(seed), next(model.parameters()).device
    places, drawable = task.open(x) & (y != PAD), torch.from_numpy(task.drawable()).to(device)
    count, target = places.sum(1), torch.from_numpy(y.astype(np.int64)).to(device)[..., None]
    total = 0.0
    for _ in range(draws):
        order = np.where(places, rng.random(x.shape), 2.0).argsort(1).argsort(1)
        known = (rng.random(len(x)) * count).astype(int)  # below `count`
        tokens = np.where(places & (order < known[:, None]), task.given(y), x).astype(np.int64)
        step = model.step(model.initial(len(x)), model.encode(torch.from_numpy(tokens).to(device)), None)
        logits = model.decode(step.readout).logits.masked_fill(~drawable, float("-inf"))
        log_p = logits.log_softmax(-1).gather(-1, target).squeeze(-1).cpu().numpy()
        left = np.where(places & (order >= known[:, None]), log_p, 0.0).sum(1)
        total += float((left * count / np.maximum(1, count - known)).mean())
    return total / draws


# bits per dimension -----------------------------------------------------------------------------------------
@dataclass(frozen=True, kw_only=True)
class Likelihood:
    """A bound on the likelihood of held-out answers. Bits are per dimension: nats / (positions * ln 2), for a digit
    784 positions."""

    bits_per_dim: float
    """Mean over answers; at most this many bits, so less is better."""
    bits_per_dim_error: float | None
    """Standard error over the answers; None for a single one."""
    reconstruction_bits: float
    """The part of the last step's cross-entropy."""
    kl_bits: float
    """The part of the KL."""
    exact: bool
    """Whether it is the likelihood itself, since nothing is latent."""
    examples: int
    """Answers."""
    depth: int
    """Supervision steps."""
    draws: int
    """Trajectories of each answer; the bound is their mean."""
    seed: int
    """Seed of the noise."""
    function_evaluations: int
    """Rows times supervision steps."""
    seconds: float

    def to_dict(self) -> dict[str, float | int | bool | None]:
        """Plain values, for results files."""
        return asdict(self)


def bits(
    model: AnyModel,
    task: Unconditional,
    targets: Tokens,
    *,
    depth: int,
    posterior_transitions: str,
    seed: int = 0,
    draws: int | None = None,
) -> Likelihood:
    """The bound of answers `targets` (n, L) uint8 of an unconditional task, without halting and at temperature 1.
    ValueError if the model has no bound. depth: supervision steps of a recursive model; ignored for a baseline.
    draws: trajectories of each answer; one if nothing is latent."""
    recursive = isinstance(model, Model)
    if recursive and model.stochastic and not model.config.guide.random:
        raise ValueError('guidance "mean" draws nothing, so its KL belongs to no bound; measure another variant.')
    latent = model.stochastic or model.config.start == "random"
    known = not latent if recursive else model.config.kind in EXACT
    draws = 1 if known else draws or (DRAWS if recursive else DRAWS_BASELINE)
    generator, began = torch.Generator().manual_seed(seed), time.perf_counter()
    device = next(model.parameters()).device
    parts: list[np.ndarray] = []  # (n, 2): nats of the reconstruction and of the KL
    for begin in range(0, len(targets), CHUNK):
        y = torch.from_numpy(targets[begin : begin + CHUNK].astype(np.int64)).to(device)
        x = torch.from_numpy(task.blank.astype(np.int64)).to(device).expand_as(y)
        made = []
        for _ in range(draws):
            if isinstance(model, Model):
                options = {"N_sup": depth, "posterior_transitions": posterior_transitions}
                made.append(trajectory(model, x, y, **options, generator=generator))
            else:
                made.append(of_baseline(model, x, y, generator=generator))
        nats = [torch.stack([terms.nll, terms.kl.sum(1)], dim=1).double() for terms in made]
        scored = (y != PAD).sum(1, keepdim=True)
        parts.append((torch.stack(nats).mean(0) / (scored * math.log(2))).cpu().numpy())
    each = np.concatenate(parts)
    total, n, steps = each.sum(1), len(each), depth if recursive else 1
    return Likelihood(
        bits_per_dim=float(total.mean()),
        bits_per_dim_error=float(total.std(ddof=1) / math.sqrt(n)) if n > 1 else None,
        reconstruction_bits=float(each[:, 0].mean()),
        kl_bits=float(each[:, 1].mean()),
        exact=known,
        examples=n,
        depth=steps,
        draws=draws,
        seed=seed,
        function_evaluations=n * draws * steps,
        seconds=time.perf_counter() - began,
    )
