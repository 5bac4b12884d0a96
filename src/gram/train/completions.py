"""After training of completions: choose the depth whose samples give held-out rows the highest likelihood.

In training, a later supervision step starts from a state that the posterior has made, and so knows the row. Sampling
starts it from a state that only guesses, and then it makes the guess too sure (docs/log/own-data.md, 2026-12-01).
"""

import time
from dataclasses import replace

import numpy as np
from scipy.special import logsumexp

from gram.config import Config
from gram.measure.rows import log_values
from gram.solve.backend import Network
from gram.solve.options import SamplingOptions
from gram.solve.sampler import deterministic, rollout
from gram.tasks.own.rows import HIDDEN, Rows
from gram.tasks.spec import PAD, Examples

DEPTH, WIDTH, CHUNK = 8, 20, 16
"""Greatest depth, trajectories of a held-out row, and rows that are sampled together."""
USUAL = 24
"""The depth of the recipe."""


def fit_depth(network: Network, task: Rows, config: Config, dev: Examples, seconds: float | None = None) -> Config:
    """`config` with the depth of completions (see `smallest`), without halting or restarts; unchanged if `solve.depth`
    is another than the usual one, and so was set by the user or fitted before. With `seconds`, fewer rows are used, to
    end in about this time."""
    if config.solve.depth != USUAL:
        return config
    begin, found = time.monotonic(), []
    for first in range(0, len(dev), CHUNK):
        some = dev.select(np.arange(first, min(first + CHUNK, len(dev))))
        found.append(likelihoods(network, task, config, some))
        if seconds is not None and time.monotonic() - begin >= seconds:
            break
    solve = replace(config.solve, depth=smallest(np.concatenate(found)), restart_every=None, halt_threshold=None)
    return replace(config, solve=solve)


def smallest(likelihoods: np.ndarray) -> int:
    """The smallest depth whose log-likelihood of the rows (n, DEPTH) is within a standard error of the best, since few
    rows tell depths hardly apart, and fewer steps take less time."""
    lost = likelihoods[:, [likelihoods.mean(0).argmax()]] - likelihoods
    error = lost.std(0) / np.sqrt(len(lost))
    return int((lost.mean(0) <= error).argmax()) + 1


def likelihoods(network: Network, task: Rows, config: Config, examples: Examples) -> np.ndarray:
    """The log-likelihood of all hidden cells of each row together at each depth, (n, DEPTH): the mean over WIDTH
    trajectories of the product of their probabilities."""
    options = SamplingOptions(
        width=WIDTH, depth=DEPTH, temperature=config.solve.temperature, seed=config.train.seed + 2
    )
    width = 1 if deterministic(network, task, options) else WIDTH
    found = np.zeros((len(examples), DEPTH, width))
    scored = (examples.inputs == HIDDEN) & (examples.targets != PAD)
    values = examples.targets.astype(int) - HIDDEN - 1
    for stage in rollout(network, task, examples.inputs, options):
        log_p = log_values(task, stage.logits)
        for i, (row, trajectory) in enumerate(stage.rows):
            at = np.flatnonzero(scored[row])
            found[row, stage.steps[i] - 1, trajectory] = log_p[i, at, values[row, at]].sum()
    return logsumexp(found, axis=2) - np.log(width)
