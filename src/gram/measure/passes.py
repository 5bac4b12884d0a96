"""One pass through many puzzles, with the elapsed time and an estimate of the remaining time."""

import time
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from gram.progress import Left
from gram.solve.backend import Network
from gram.solve.deadline import Deadline
from gram.solve.forecast import DRAWS, spread
from gram.solve.options import SamplingOptions
from gram.solve.outlook import Outlook, PuzzleOutlook
from gram.solve.sampler import Stage, Trajectories, completed
from gram.tasks.base import Task
from gram.tasks.spec import Tokens


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
        self.puzzles, self.clock, self.over = len(puzzles), clock, 0
        if options.want is None:
            self.outlook = Outlook.of(network, task, len(puzzles), options)
        else:
            self.outlook = PuzzleOutlook(len(puzzles), options.width * options.depth)
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
        self.marks.append((self.evaluations, self.seconds))
        self.watch()

    @property
    def evaluations(self) -> int:
        """Function evaluations so far."""
        return self.outlook.evaluations

    def left(self) -> np.ndarray | None:
        """Draws of the seconds that are left, see gram.solve.forecast.rest. None before anything has ended."""
        draws = self.outlook.draws()
        return None if draws is None else draws * self.pace

    @property
    def bound(self) -> float:
        """Function evaluations that are left at most."""
        return self.outlook.bound

    @property
    def pace(self) -> float:
        """Seconds of a function evaluation, of late: over the second half of those made, so that an estimate follows
        a machine that becomes busy or idle."""
        half = bisect_left(self.marks, (self.evaluations / 2, 0.0), hi=len(self.marks) - 1)
        (before, then), (done, now) = self.marks[max(0, half - 1)], self.marks[-1]
        return (now - then) / max(1, done - before)


def remaining(passes: Sequence[Pass]) -> Left | None:
    """Seconds that passes through the same puzzles still take together; None before the first step. Of one in which
    nothing has ended, it is known only that it takes no longer than another one."""
    pace = max(each.pace for each in passes)
    if pace == 0:
        return None
    known = {each: draws for each in passes if (draws := each.left()) is not None}
    if not known:
        most = pace * sum(each.bound for each in passes)
        return Left(0.0, most, most)
    whole = np.max([each.seconds + draws for each, draws in known.items()], axis=0)
    guess = whole * np.random.default_rng(1).uniform(size=DRAWS)
    left = [known[each] if each in known else np.maximum(0.0, guess - each.seconds) for each in passes]
    return spread(np.sum(left, axis=0))


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
