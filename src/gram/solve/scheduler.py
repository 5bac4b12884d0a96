"""The order in which trajectories start, and when a puzzle has enough of them."""

import math
from collections import deque
from collections.abc import Collection, Sequence

from gram.tasks.spec import Tokens


class Scheduler:
    """Decides which rows start next. Without `want`, all trajectories of a puzzle; with `want`, waves: first `least`
    rows per wanted answer, then, once these have left, as many as all before plus the first wave. A wave starts as a
    whole, since otherwise the order would depend on other puzzles. `width` and `want` have one number per puzzle."""

    def __init__(self, width: Sequence[int], limit: int, want: Sequence[int] | None, least: int):
        self.width, self.limit, self.whole = width, limit, want is not None
        self.want: list[float] = [math.inf] * len(width) if want is None else list(want)
        self.first = [w if want is None else min(w, limit, want[i] * least) for i, w in enumerate(width)]
        self.waiting = deque((puzzle, range(n)) for puzzle, n in enumerate(self.first))
        self.started = [0] * len(width)
        self.answers: list[set[bytes]] = [set() for _ in width]

    def take(self, room: int) -> list[tuple[int, int]]:
        """The next (puzzle, trajectory) rows to start, at most `room`."""
        new: list[tuple[int, int]] = []
        while self.waiting and room >= (len(self.waiting[0][1]) if self.whole else 1):
            puzzle, wave = self.waiting.popleft()
            now, later = wave[:room], wave[room:]
            new += [(puzzle, trajectory) for trajectory in now]
            room -= len(now)
            self.started[puzzle] = now.stop
            if later:
                self.waiting.appendleft((puzzle, later))
        return new

    def note(self, puzzle: int, answer: Tokens) -> None:
        """Record a valid answer (L,)."""
        self.answers[puzzle].add(answer.tobytes())

    def enough(self, puzzle: int) -> bool:
        """Whether enough distinct valid answers were found."""
        return len(self.answers[puzzle]) >= self.want[puzzle]

    def close(self, puzzles: Collection[int]) -> None:
        """Start no more rows of these puzzles."""
        if len(puzzles):
            for puzzle in puzzles:
                self.want[puzzle] = 0
            self.waiting = deque(wave for wave in self.waiting if self.want[wave[0]])

    def advance(self, puzzles: set[int]) -> list[int]:
        """Queue the next waves of these puzzles, which have no active rows, first. Returns the puzzles that have
        ended."""
        over = []
        for puzzle in sorted(puzzles, reverse=True):
            n = self.started[puzzle]
            if n == self.width[puzzle] or self.enough(puzzle):
                over.append(puzzle)
            elif self.whole:
                wave = range(n, min(self.width[puzzle], n + min(n + self.first[puzzle], self.limit)))
                self.waiting.appendleft((puzzle, wave))
        return over
