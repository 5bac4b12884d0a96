"""Posterior leakage and collapse of diversity, and the remedies of a run (docs/log/queens.md, 2026-11-24).

The posterior leaks if it passes the answer to the decoder in a code that the prior cannot produce (a private code):
answers under the posterior are correct, samples are not, and the KL is high. Detecting this needs no check. The data
bound the information of an answer; a KL above this bound repeats the answer or carries something else."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from gram.config import Config
from gram.tasks.base import Task
from gram.tasks.spec import PAD, Examples

SHARE = 0.1
"""Share of the run after which leakage is checked."""
GAP = 0.25
"""The posterior leaks if samples of the prior are correct at most this many times as often."""
LEAST = 0.3
"""Minimum share of rows with a correct posterior for a diagnosis."""
PRICE = 0.84
"""Cost of a nat of KL for the posterior, in nats of cross-entropy, after a restart: beta * (1 - kl_balance). From 1 on
the posterior carries no information; a little below, independent noise can imitate it."""
WARMUP = 0.2
LOWER = 0.7
"""Factor on beta after a collapse of diversity."""


def plain_nats(task: Task, examples: Examples, most: int = 20_000) -> float:
    """An upper bound of the information of an answer given its input, in nats: the entropy of each symbol given the
    input symbol at its position, summed over positions."""
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
    """Entropy in nats, times the sum of `counts`."""
    held = counts[counts > 0].astype(float)
    return float((held * np.log(held.sum() / held)).sum())


def leak(share: float, values: Mapping[str, Any], most: float) -> str | None:
    """A message if `values`, the metrics of the last updates, show a leak: the KL of a trajectory exceeds the
    information of an answer (`most`), and the posterior is correct but samples are not. Otherwise None."""
    if share < SHARE or "prior_validity" not in values:
        return None
    posterior, prior = values.get("posterior_accuracy", 0.0), values["prior_validity"]
    information = sum(values.get("kl_by_step", ()))
    if posterior < LEAST or prior >= GAP * posterior or information <= most:
        return None
    return (
        f"Posterior leakage: the posterior is correct in {posterior:.0%} of the rows and samples in {prior:.0%}, and "
        f"the KL is {information:.1f} nats for an answer with at most {most:.1f}."
    )


def cured(config: Config) -> Config | None:
    """`config` with one transition and a beta that allows the posterior little information; None if it already is."""
    c = config.train
    beta = PRICE / max(1e-9, 1 - c.kl_balance)
    if config.model.T == 1 and c.beta >= beta * (1 - 1e-6):
        return None
    train = dataclasses.replace(c, beta=max(c.beta, beta), beta_warmup=max(c.beta_warmup, WARMUP))
    return dataclasses.replace(config, train=train, model=dataclasses.replace(config.model, T=1))


def widened(config: Config) -> Config:
    """`config` with a lower beta, so that the posterior carries more information."""
    return dataclasses.replace(config, train=dataclasses.replace(config.train, beta=LOWER * config.train.beta))
