"""Progress of sampling, estimated from what has ended and what still runs: rows, or puzzles that a checker ends."""

import time
from collections.abc import Callable

import numpy as np

from gram.progress import Left, Progress, Snapshot, clock
from gram.solve.backend import Network
from gram.solve.forecast import bound, rest, spread
from gram.solve.options import SamplingOptions
from gram.solve.sampler import Stage, Watch, numbers
from gram.tasks.base import Task


class Outlook:
    """The progress of `width` rows of each puzzle, of at most `most` supervision steps each."""

    def __init__(self, puzzles: int, width: int, most: int):
        self.most, self.evaluations = most, 0
        self.age, self.ended = np.zeros((puzzles, width), np.int64), np.zeros((puzzles, width), bool)

    @classmethod
    def of(cls, network: Network, task: Task, puzzles: int, options: SamplingOptions) -> "Outlook":
        """The outlook for sampling this many puzzles."""
        width = max(numbers(network, task, puzzles, options, None, None)[0], default=1)
        return cls(puzzles, width, options.depth)

    def note(self, stage: Stage) -> None:
        """Count the rows of a supervision step, and those that end with it."""
        self.evaluations += int(np.broadcast_to(stage.since, len(stage.steps)).sum())
        puzzle, row = np.array(stage.rows).T
        self.age[puzzle, row] = stage.steps
        self.ended[puzzle, row] = stage.leave
        self.ended[stage.over] = True  # rows that were never needed, or had no time

    def shown(self, bar: Progress, says: Callable[[], str]) -> Watch:
        """A `watch` function that shows the progress on a bar: `says`, and the remaining time."""
        begin = time.perf_counter()

        def now() -> Snapshot:
            seconds = time.perf_counter() - begin
            left = self.left.times(seconds / max(1, self.evaluations))
            return Snapshot(seconds / max(1e-9, seconds + left.likely), f"{says()} in {clock(seconds)}, {left.to_go}")

        def watch(stage: Stage) -> None:
            self.note(stage)
            bar.at(now)

        return watch

    @property
    def rows(self) -> int:
        """Number of rows; of puzzles where these count as a whole."""
        return self.age.size

    @property
    def over(self) -> int:
        """Number of those that have ended."""
        return int(self.ended.sum())

    def draws(self) -> np.ndarray | None:
        """See gram.solve.forecast.rest. Rows of a single puzzle are samples, each like a puzzle."""
        age, ended = (self.age.T, self.ended.T) if len(self.age) == 1 else (self.age, self.ended)
        return rest(age, ended, self.most)

    @property
    def share(self) -> float:
        """Completed share of the function evaluations, 0 to 1; too small while no row has ended."""
        return self.evaluations / max(1.0, self.evaluations + self.left.likely)

    @property
    def bound(self) -> float:
        """Function evaluations that are left at most."""
        return bound(self.age, self.ended, self.most)

    @property
    def left(self) -> Left:
        """Function evaluations that are left."""
        draws = self.draws()
        return Left(0.0, self.bound, self.bound) if draws is None else spread(draws)


class PuzzleOutlook(Outlook):
    """The progress of puzzles that end once their answers are found, each a row whose age is its function evaluations.
    Stages may number the puzzles of each part of a long list from 0."""

    def __init__(self, puzzles: int, most: int):
        super().__init__(puzzles, 1, most)
        self.first = 0

    def note(self, stage: Stage) -> None:
        """Count the rows of a supervision step, and the puzzles that end with it."""
        begun = np.count_nonzero(self.age)
        if self.over == begun and stage.rows[0][0] < begun - self.first:  # a part begins
            self.first = begun
        np.add.at(self.age[:, 0], self.first + np.array([puzzle for puzzle, _ in stage.rows]), stage.since)
        self.ended[self.first + np.array(stage.over, int)] = True
        self.evaluations += int(np.broadcast_to(stage.since, len(stage.rows)).sum())
        self.most = max(self.most, int(self.age.max()))

    def refuse(self) -> None:
        """Count one puzzle less, which has not begun."""
        self.age, self.ended = self.age[:-1], self.ended[:-1]
