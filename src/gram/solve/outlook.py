"""Progress of sampling, estimated from the rows that have ended and those still active."""

import time
from collections.abc import Callable

import numpy as np

from gram.progress import Progress, Snapshot, clock
from gram.solve.backend import Network
from gram.solve.options import SamplingOptions
from gram.solve.sampler import Stage, Watch, numbers
from gram.tasks.base import Task


class Outlook:
    """The progress of `rows` trajectories of at most `depth` supervision steps each."""

    def __init__(self, rows: int, depth: int):
        self.rows, self.depth, self.evaluations = rows, depth, 0
        self.at_risk, self.ended = np.zeros(depth + 1), np.zeros(depth + 1)

    @classmethod
    def of(cls, network: Network, task: Task, puzzles: int, options: SamplingOptions) -> "Outlook":
        """The outlook for sampling this many puzzles."""
        return cls(sum(numbers(network, task, puzzles, options, None, None)[0]), options.depth)

    def note(self, stage: Stage) -> None:
        """Count the rows of a supervision step, and those that end with it."""
        self.evaluations += len(stage.steps)
        self.at_risk += np.bincount(stage.steps, minlength=self.depth + 1)
        self.ended += np.bincount(stage.steps[stage.leave], minlength=self.depth + 1)

    def shown(self, bar: Progress, says: Callable[[], str]) -> Watch:
        """A `watch` function that shows the progress on a bar: `says`, and the remaining time."""
        begin = time.perf_counter()

        def now() -> Snapshot:
            share, seconds = self.share, time.perf_counter() - begin
            return Snapshot(share, f"{says()} in {clock(seconds)}, about {clock(seconds / share - seconds)} to go")

        def watch(stage: Stage) -> None:
            self.note(stage)
            bar.at(now)

        return watch

    @property
    def over(self) -> int:
        """Number of rows that have ended."""
        return int(self.ended.sum())

    @property
    def share(self) -> float:
        """Completed share of the function evaluations, 0 to 1; an underestimate while few rows have ended."""
        return min(1.0, self.evaluations / (self.rows * self.steps()))

    def steps(self, *, most: bool = False) -> float:
        """Mean supervision steps of a row: the area under the Kaplan-Meier survival curve, so that active rows are
        included. Beyond the steps that a row has reached, rows go on to end at the rate of the upper half of these;
        most: they end as late as possible."""
        hazard = np.divide(self.ended, self.at_risk, out=np.zeros(self.depth + 1), where=self.at_risk > 0)
        left = np.cumprod(1 - hazard[: self.depth])
        reached = int(np.flatnonzero(self.at_risk).max(initial=0))
        if reached < self.depth and not most:
            upper = slice(reached // 2 + 1, reached + 1)
            rate = self.ended[upper].sum() / max(1.0, self.at_risk[upper].sum())
            left[reached:] = left[reached] * np.exp(-rate * np.arange(self.depth - reached))
        return float(left.sum())
