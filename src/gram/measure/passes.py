"""One pass through many puzzles, with the elapsed time and an estimate of the remaining time."""

import time
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from gram.solve.backend import Network
from gram.solve.deadline import Deadline
from gram.solve.options import SamplingOptions
from gram.solve.outlook import Outlook
from gram.solve.sampler import Stage, Trajectories, completed
from gram.tasks.base import Task, Tokens

SURE = 200
"""Rows that must have ended before an estimate is reliable."""
SURE_PUZZLES = 20
"""Puzzles that must have ended: the rows of one are alike, and hard ones are few."""


class Pass:
    """An iterator of (puzzle, trajectories) as puzzles (n, L) end. Time between iterations does not count."""

    def __init__(
        self,
        network: Network,
        task: Task,
        puzzles: Tokens,
        options: SamplingOptions,
        *,
        watch: Callable[[], None],
        clock: Callable[[], float] = time.perf_counter,
    ):
        """watch: called after every supervision step. With `options.want`, a puzzle may end before its rows."""
        self.puzzles, self.clock = len(puzzles), clock
        self.early = options.want is not None
        self.over, self.outlook = 0, Outlook.of(network, task, len(puzzles), options)
        self.cost, self.most = np.zeros(len(puzzles)), options.width * options.depth
        self.is_over = np.zeros(len(puzzles), bool)
        self.deadline = Deadline(len(puzzles), each=options.timeout, total=options.total_timeout)
        self.spent, self.since = 0.0, None
        self.marks: list[tuple[int, float]] = [(0, 0.0)]
        """(function evaluations, seconds) at the beginning and after every supervision step."""
        self.watch = watch
        self.found = completed(network, task, puzzles, options, watch=self.note, deadline=self.deadline)

    def __iter__(self) -> Iterator[tuple[int, Trajectories]]:
        return self

    def __next__(self) -> tuple[int, Trajectories]:
        self.since = self.clock()
        try:
            found = next(self.found)
            self.over += 1
            return found
        finally:
            self.spent, self.since = self.seconds, None

    @property
    def seconds(self) -> float:
        """Sampling seconds so far."""
        return self.spent + (0.0 if self.since is None else self.clock() - self.since)

    def note(self, stage: Stage) -> None:
        """Count the rows of a supervision step, and those that end with it."""
        self.outlook.note(stage)
        self.cost += np.bincount([puzzle for puzzle, _ in stage.rows], minlength=self.puzzles)
        self.is_over[stage.over] = True
        self.marks.append((self.evaluations, self.seconds))
        self.watch()

    @property
    def evaluations(self) -> int:
        """Function evaluations so far."""
        return self.outlook.evaluations

    @property
    def sure(self) -> bool:
        """Whether enough has ended for a reliable estimate."""
        enough = self.over >= min(SURE_PUZZLES, self.puzzles / 4)
        if not self.early:
            enough = enough and self.outlook.over >= min(SURE, self.outlook.rows / 4)
        return enough or self.over == self.puzzles

    @property
    def all_seconds(self) -> float | None:
        """Estimated seconds of the whole pass, None if unknown. Before `sure`, an upper bound: rows may
        take the full depth."""
        if not self.evaluations:
            return None
        if self.early:
            whole = self.puzzles * mean_cost(self.cost, self.is_over, self.most) if self.over else None
        else:
            whole = self.outlook.rows * self.outlook.steps(most=not self.sure)
        return None if whole is None else self.seconds + max(0.0, whole - self.evaluations) * self.pace

    @property
    def pace(self) -> float:
        """Seconds of a function evaluation, of late: over the second half of those made, so that an estimate follows
        a machine that becomes busy or idle."""
        half = bisect_left(self.marks, (self.evaluations / 2, 0.0), hi=len(self.marks) - 1)
        (before, then), (done, now) = self.marks[max(0, half - 1)], self.marks[-1]
        return (now - then) / max(1, done - before)


def mean_cost(cost: np.ndarray, over: np.ndarray, most: float) -> float:
    """Mean cost of a puzzle, at most `most`, while some still run: (n,) cost of each so far, 0 if it has not started.
    As in Outlook.steps: beyond the largest cost, the rest go on to end at the rate of the upper half of the costs."""
    begun = np.flatnonzero(cost)
    costs, order = np.sort(cost[begun]), begun[np.argsort(cost[begun], kind="stable")]
    left = np.cumprod(1 - over[order] / np.arange(len(order), 0, -1))
    area = costs[0] + float((left[:-1] * np.diff(costs)).sum())
    beyond = costs - costs[-1] / 2
    upper = beyond > 0
    rate, rest = over[order][upper].sum() / beyond[upper].sum(), max(0.0, most - costs[-1])
    return area + float(left[-1]) * (rest if rate == 0 else (1 - np.exp(-rate * rest)) / rate)


def abreast(passes: Sequence[Pass]) -> Iterator[tuple[Pass, int, Trajectories]]:
    """Interleave passes through the same puzzles, always continuing the one with fewer ended puzzles."""
    going = list(passes)
    while going:
        first = min(going, key=lambda each: each.over)
        for puzzle, found in first:
            yield first, puzzle, found
            break
        else:
            going.remove(first)
