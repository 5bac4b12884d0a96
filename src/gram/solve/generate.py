"""Samples of p(x): drawn by the one sampler from the blank input, and the figures of model.md section 8 for them."""

import math
import time
from dataclasses import dataclass
from typing import Any

import numpy as np

from gram.config import SolveConfig
from gram.solve.sample import Flight, Network, Trajectories, sample, settle_temperature
from gram.tasks.base import Tokens, Unconditional


@dataclass(frozen=True)
class Samples:
    """n samples of one task, in the order of their trajectories."""

    tokens: Tokens
    """(n, L) uint8."""
    valid: np.ndarray | None
    """(n,) bool: whether each obeys the rules; None where there are none."""
    steps: np.ndarray
    """(n,) int64, supervision steps: function evaluations."""
    value: np.ndarray
    """(n,) float32."""
    seconds: float
    """Wall-clock time of the sampling."""

    def __len__(self) -> int:
        return len(self.tokens)

    @property
    def good(self) -> Tokens:
        """The valid ones; all where there are no rules."""
        return self.tokens if self.valid is None else self.tokens[self.valid]


def settle(
    defaults: SolveConfig,
    *,
    depth: int | None,
    seed: int,
    temperature: float | None,
    restart_every: int | None,
) -> dict[str, Any]:
    """Options of `draw`: what is None as the weights were tuned; restart_every 0 is never."""
    restart_every = defaults.restart_every if restart_every is None else restart_every
    return {
        "depth": defaults.depth if depth is None else depth,
        "seed": seed,
        "temperature": defaults.temperature if temperature is None else temperature,
        "halt_threshold": defaults.halt_threshold,
        "restart_every": restart_every or None,
    }


def draw(network: Network, task: Unconditional, *, n: int, depth: int, **options) -> Samples:
    """n samples from the prior; the options are those of gram.solve.sample.trajectories. No checker and no data take
    part. A deterministic member has one sample only, so that one comes back."""
    begin = time.perf_counter()
    found: Trajectories = sample(network, task, task.blank[None], width=n, depth=depth, **options)[0]
    seconds = time.perf_counter() - begin
    valid = task.check(np.broadcast_to(task.blank, found.answers.shape), found.answers) if task.rules else None
    return Samples(found.answers, valid, found.steps, found.value, seconds)


def evolution(
    network: Network,
    task: Unconditional,
    *,
    n: int,
    depth: int,
    seed: int = 0,
    temperature: float | None = None,
    halt_threshold: float | None = None,
    restart_every: int | None = None,
) -> Tokens:
    """What the first n samples of `draw` decode to after each supervision step, (n, depth, L) uint8; what has halted
    stays as it is."""
    flight = Flight(network, task, task.blank[None], seed, settle_temperature(network, temperature))
    flight.admit([(0, trajectory) for trajectory in range(n)])
    frames = np.zeros((n, depth, task.spec.length), np.uint8)
    halted = np.zeros(n, bool)
    for step in range(depth):
        answers, _, halt = flight.step()
        frames[:, step] = np.where(halted[:, None], frames[:, step - 1], answers)
        if halt_threshold is not None:
            halted |= halt > halt_threshold
        if restart_every is not None and (step + 1) % restart_every == 0:
            flight.restart(np.flatnonzero(~halted))
    return frames


def figures(task: Unconditional, samples: Samples) -> dict[str, Any]:
    """Figures of the samples alone, shares in [0, 1]:

    samples; valid: those that obey the rules, and conflicts: violated constraints over all samples (None without
    rules); distinct: distinct ones among the valid (among all, without rules); halting_step: mean supervision steps;
    function_evaluations; seconds; and where all that exist can be listed those of `evenness`.
    """
    blanks = np.broadcast_to(task.blank, samples.tokens.shape)
    good = samples.good
    values: dict[str, Any] = {
        "samples": len(samples),
        "valid": None if samples.valid is None else float(samples.valid.mean()),
        "distinct": len(np.unique(good, axis=0)) / len(good) if len(good) else 0.0,
        "conflicts": int(task.conflicts(blanks, samples.tokens).sum()) if task.rules else None,
        "halting_step": float(samples.steps.mean()),
        "function_evaluations": int(samples.steps.sum()),
        "seconds": samples.seconds,
    }
    support = task.support()
    return values if support is None else values | evenness(support, good)


def evenness(support: Tokens, valid: Tokens) -> dict[str, Any]:
    """How evenly valid samples (n, L) fall on all that exist (S, L).

    exist, reached: distinct ones; expected_reached: by as many uniform draws; least, most: times that one was drawn;
    chi_square: Pearson's statistic against the uniform distribution, with S - 1 degrees of freedom, and chi_square_p:
    the probability that uniform draws give as large a one (Wilson and Hilferty's approximation); both None without
    samples.
    """
    places = {board.tobytes(): i for i, board in enumerate(support)}
    counts = np.bincount([places[board.tobytes()] for board in valid], minlength=len(support))
    n, exist = len(valid), len(support)
    values = {
        "exist": exist,
        "reached": int((counts > 0).sum()),
        "expected_reached": exist * (1 - (1 - 1 / exist) ** n),
        "least": int(counts.min()),
        "most": int(counts.max()),
        "chi_square": None,
        "chi_square_p": None,
    }
    if n:
        statistic = float(((counts - n / exist) ** 2).sum() * exist / n)
        values |= {"chi_square": statistic, "chi_square_p": chi_square_tail(statistic, exist - 1)}
    return values


def chi_square_tail(statistic: float, freedom: int) -> float:
    """P(chi-square of `freedom` degrees > statistic), by Wilson and Hilferty's cube root (1931)."""
    spread = 2 / (9 * freedom)
    z = ((statistic / freedom) ** (1 / 3) - (1 - spread)) / math.sqrt(spread)
    return 0.5 * math.erfc(z / math.sqrt(2))
