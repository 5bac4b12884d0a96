"""Time limits of puzzles."""

import time
from collections.abc import Callable

import numpy as np


class Deadline:
    """Divides the elapsed time among the active puzzles, by their rows, and says whose time is up.

    `each` limits the share of a puzzle, so that puzzles do not count against each other; `total` limits all of them
    together; None means no limit. A supervision step always finishes. ValueError for limits that are not above 0."""

    def __init__(
        self,
        puzzles: int,
        *,
        each: float | None = None,
        total: float | None = None,
        clock: Callable[[], float] = time.perf_counter,
    ):
        for name, limit in (("timeout", each), ("total_timeout", total)):
            if limit is not None and not limit > 0:
                raise ValueError(f"{name} is {limit}; it must be above 0.")
        self.each, self.total, self.clock = each, total, clock
        self.begin = self.now = clock()
        self.seconds = np.zeros(puzzles)
        """(n,) time spent on each puzzle."""
        self.late = np.zeros(puzzles, bool)
        """(n,) whether its time was up before it was finished."""

    def resume(self) -> None:
        """Do not count the time since the last call."""
        self.now = self.clock()

    def spend(self, owners: np.ndarray) -> np.ndarray:
        """Count the time since the last call for the rows of these puzzles (B,). Returns the puzzles whose time is now
        up, including those that have not started."""
        before, self.now = self.now, self.clock()
        np.add.at(self.seconds, owners, (self.now - before) / len(owners))
        late = np.zeros(len(self.late), bool)
        if self.each is not None:
            late |= self.seconds >= self.each
        if self.total is not None and self.now - self.begin >= self.total:
            late[:] = True
        fresh = np.flatnonzero(late & ~self.late)
        self.late |= late
        return fresh
