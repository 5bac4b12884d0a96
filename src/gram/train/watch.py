"""Posterior leakage and collapse of diversity, and what a run does against them (LOG.md).

The posterior leaks when it tells the answer to the decoder in a code that the prior cannot speak: it is right, samples
are not, and the KL is high. Nothing of this needs a check. What an answer holds has a bound that the data give, and a
posterior that tells more than this tells it again and again, or what is not the answer."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from gram.config import Config
from gram.tasks.base import PAD, Examples, Task

SHARE = 0.1
"""Share of the run after which leakage is looked for."""
GAP = 0.25
"""The posterior leaks if samples of the prior are right this many times as often, or less."""
LEAST = 0.3
"""Of a posterior that is right in fewer rows, nothing can be said."""
PRICE = 0.84
"""What a nat that is told costs the posterior in nats of cross-entropy, after the cure: beta * (1 - kl_balance). From 1
on it tells nothing; a little below is what independent noise can imitate."""
WARMUP = 0.2
LOWER = 0.7
"""Factor on beta where diversity has collapsed."""


def plain_nats(task: Task, examples: Examples, most: int = 20_000) -> float:
    """An upper bound of what an answer holds, given its input, in nats: the entropy of each symbol, given the symbol
    that the input has there, summed over positions."""
    owners = np.repeat(np.arange(len(examples)), examples.counts)[:most]
    x = task.hide(np.random.default_rng(0), examples.inputs[owners]).astype(np.int64)
    y = examples.targets[:most].astype(np.int64)
    total = 0.0
    for at in range(y.shape[1]):
        said = y[:, at] != PAD
        if said.any():
            pairs = np.bincount(256 * x[said, at] + y[said, at], minlength=256 * 256).reshape(256, 256)
            total += entropy(pairs) - entropy(pairs.sum(1))
    return total / len(y) if len(y) else 0.0


def entropy(counts: np.ndarray) -> float:
    """In nats, times the sum of `counts`."""
    held = counts[counts > 0].astype(float)
    return float((held * np.log(held.sum() / held)).sum())


def leak(share: float, values: Mapping[str, Any], most: float) -> str | None:
    """What to say of `values`, the metrics of the last updates, if they are those of a leak: more is told in a
    trajectory than an answer can hold (`most`), the posterior is right and samples are not. None if they are not."""
    if share < SHARE or "prior_validity" not in values:
        return None
    posterior, prior = values.get("posterior_accuracy", 0.0), values["prior_validity"]
    information = sum(values.get("kl_by_step", ()))
    if posterior < LEAST or prior >= GAP * posterior or information <= most:
        return None
    return (
        f"The posterior leaks: it is right in {posterior:.0%} of the rows and samples in {prior:.0%}, and it tells "
        f"{information:.1f} nats of an answer that holds {most:.1f} at most."
    )


def cured(config: Config) -> Config | None:
    """`config` with one transition and a beta that lets the posterior tell little; None if it is like this already."""
    c = config.train
    beta = PRICE / max(1e-9, 1 - c.kl_balance)
    if config.model.T == 1 and c.beta >= beta * (1 - 1e-6):
        return None
    train = dataclasses.replace(c, beta=max(c.beta, beta), beta_warmup=max(c.beta_warmup, WARMUP))
    return dataclasses.replace(config, train=train, model=dataclasses.replace(config.model, T=1))


def widened(config: Config) -> Config:
    """`config` with a lower beta, so that the posterior tells more."""
    return dataclasses.replace(config, train=dataclasses.replace(config.train, beta=LOWER * config.train.beta))
