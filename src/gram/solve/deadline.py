"""How long each puzzle has been worked on, and when that is too long."""

import time
from collections.abc import Callable

import numpy as np


class Deadline:
    """Shares out the time that passes among the active puzzles, by their rows, and tells which have had enough.

    `each` is what a puzzle may take of it, so that neighbors do not count against one another, and `total` what all
    together may take from now on; None is without end. A supervision step that has begun is ended. ValueError for
    limits that are not above 0."""

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
        """(n,) the time that each puzzle has taken."""
        self.late = np.zeros(puzzles, bool)
        """(n,) whether its time was up before it was over."""

    def resume(self) -> None:
        """What has passed since the last call went into no puzzle."""
        self.now = self.clock()

    def spend(self, owners: np.ndarray) -> np.ndarray:
        """The time since the last call went into rows of these puzzles (B,). Returns the puzzles whose time is up just
        now, those that have not begun included."""
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
