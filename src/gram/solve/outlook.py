"""How much of a sampling is done, told from the rows that have ended and from those still active."""

import time
from collections.abc import Callable

import numpy as np

from gram.progress import Progress, Snapshot, clock
from gram.solve.backend import Network
from gram.solve.options import SamplingOptions
from gram.solve.sampler import Stage, Watch, numbers
from gram.tasks.base import Task


class Outlook:
    """Of `rows` trajectories that may run `depth` supervision steps each."""

    def __init__(self, rows: int, depth: int):
        self.rows, self.depth, self.evaluations = rows, depth, 0
        self.at_risk, self.ended = np.zeros(depth + 1), np.zeros(depth + 1)

    @classmethod
    def of(cls, network: Network, task: Task, puzzles: int, options: SamplingOptions) -> "Outlook":
        """Of the sampling of so many puzzles."""
        return cls(sum(numbers(network, task, puzzles, options, None, None)[0]), options.depth)

    def note(self, stage: Stage) -> None:
        """Count the rows of a supervision step, and those that end with it."""
        self.evaluations += len(stage.steps)
        self.at_risk += np.bincount(stage.steps, minlength=self.depth + 1)
        self.ended += np.bincount(stage.steps[stage.leave], minlength=self.depth + 1)

    def shown(self, bar: Progress, says: Callable[[], str]) -> Watch:
        """What watches the sampling and shows it: `says`, and the time to go."""
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
        """Rows that have ended."""
        return int(self.ended.sum())

    @property
    def share(self) -> float:
        """Of the function evaluations of all rows, 0 to 1; rather too little as long as few have ended."""
        return min(1.0, self.evaluations / (self.rows * self.steps()))

    def steps(self) -> float:
        """Supervision steps that a row takes in the mean: the area under the curve of rows that have not ended yet
        (Kaplan and Meier), so that the active rows count for what they show. A step that none has reached ends as
        few rows as could be."""
        hazard = np.divide(self.ended, self.at_risk, out=np.zeros(self.depth + 1), where=self.at_risk > 0)
        return float(np.cumprod(1 - hazard[: self.depth]).sum())
