"""Samples of p(x), drawn by the one sampler from the blank input (figures: gram.measure.samples)."""

import time
from dataclasses import dataclass
from typing import Any

import numpy as np

from gram.config import SolveConfig
from gram.solve.backend import Network
from gram.solve.sampler import ActiveBatch, Trajectories, sample, settle_temperature
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
    """n samples from the prior; the options are those of gram.solve.sampler.trajectories. No checker and no data take
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
    flight = ActiveBatch(network, task, task.blank[None], seed, settle_temperature(network, temperature))
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
