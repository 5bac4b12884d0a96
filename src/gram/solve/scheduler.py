"""Which trajectories start next, and when a puzzle has had enough of them."""

import math
from collections import deque
from collections.abc import Collection, Sequence

from gram.tasks.base import Tokens


class Scheduler:
    """Who starts next. Without `want` all trajectories of a puzzle; with it waves of them: `least` rows for each valid
    answer that is wanted, then, when these have left, as many as all before and the first wave once more. A wave starts
    whole, or who is first would depend on other puzzles. `width` and `want` have a number for each puzzle."""

    def __init__(self, width: Sequence[int], limit: int, want: Sequence[int] | None, least: int):
        self.width, self.limit, self.whole = width, limit, want is not None
        self.want: list[float] = [math.inf] * len(width) if want is None else list(want)
        self.first = [w if want is None else min(w, limit, want[i] * least) for i, w in enumerate(width)]
        self.waiting = deque((puzzle, range(n)) for puzzle, n in enumerate(self.first))
        self.started = [0] * len(width)
        self.answers: list[set[bytes]] = [set() for _ in width]

    def take(self, room: int) -> list[tuple[int, int]]:
        """The (puzzle, trajectory) rows that start now, at most `room`."""
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
        """A valid answer (L,) was found."""
        self.answers[puzzle].add(answer.tobytes())

    def enough(self, puzzle: int) -> bool:
        """Whether as many different ones were found as are wanted."""
        return len(self.answers[puzzle]) >= self.want[puzzle]

    def close(self, puzzles: Collection[int]) -> None:
        """No more rows of these start, and what was found is enough."""
        if len(puzzles):
            for puzzle in puzzles:
                self.want[puzzle] = 0
            self.waiting = deque(wave for wave in self.waiting if self.want[wave[0]])

    def advance(self, puzzles: set[int]) -> list[int]:
        """None of these has active rows: their next waves come to the front. Returns the puzzles that are over."""
        over = []
        for puzzle in sorted(puzzles, reverse=True):
            n = self.started[puzzle]
            if n == self.width[puzzle] or self.enough(puzzle):
                over.append(puzzle)
            elif self.whole:
                wave = range(n, min(self.width[puzzle], n + min(n + self.first[puzzle], self.limit)))
                self.waiting.appendleft((puzzle, wave))
        return over
