"""Progress of long work on standard error: a bar on a terminal, otherwise occasional lines, or nothing."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

FIRST, EVERY = 2.0, 10.0
"""Seconds until the first line and between lines, without a terminal."""
REDRAW = 0.2
"""Seconds between two updates of a bar."""
ALIKE = 1.3
"""An estimate is sure if both ends of its range are within this factor."""


class Snapshot(NamedTuple):
    """The progress of some work."""

    share: float
    """Completed share, 0 to 1."""
    text: str


class Left(NamedTuple):
    """What is left of some work, in seconds or another unit: a likely value, and a range that holds the true one in
    nearly nine of ten cases."""

    least: float
    likely: float
    most: float

    @property
    def sure(self) -> bool:
        """Whether the true value is probably `likely`, within 30%."""
        return self.most <= ALIKE * self.likely and self.likely <= ALIKE * self.least

    def times(self, factor: float) -> "Left":
        """In another unit."""
        return Left(*(factor * each for each in self))

    def within(self, seconds: float) -> "Left":
        """No more than that."""
        return Left(*(max(0.0, min(seconds, each)) for each in self))

    @property
    def to_go(self) -> str:
        """Seconds for people: a likely value, with the range unless it is sure; only a bound where little is known."""
        least, likely, most = map(clock, self)
        if self.sure or least == most:
            return f"about {likely} to go"
        known = self.least >= self.most / 10
        return f"about {likely} to go ({least} to {most})" if known else f"at most {most} to go"


class Progress:
    """A progress display that shows nothing. A context manager, at whose end a bar disappears."""

    def __enter__(self):
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def at(self, now: Callable[[], Snapshot]) -> None:
        """Update the display. `now` is called only if its result is shown."""

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Hide the display while something else is printed."""
        yield


class Lines(Progress):
    """A plain line every `every` seconds, the first after `first`."""

    def __init__(self, first: float = FIRST, every: float = EVERY, clock: Callable[[], float] = time.monotonic):
        self.every, self.clock = every, clock
        self.next = clock() + first

    def at(self, now: Callable[[], Snapshot]) -> None:
        time_now = self.clock()
        if time_now >= self.next:
            self.next = time_now + self.every
            print(now().text, file=sys.stderr, flush=True)


class Bar(Progress):
    """A bar of rich, drawn in place."""

    def __init__(self, title: str):
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn

        title_column, text_column = (
            TextColumn(says, markup=False) for says in ("{task.description}", "{task.fields[says]}")
        )
        columns = title_column, BarColumn(24), text_column
        console = Console(stderr=True)
        self.bar = Progress(
            *columns, console=console, transient=True, auto_refresh=False, redirect_stdout=False, redirect_stderr=False
        )
        self.work = self.bar.add_task(title, total=1.0, says="")
        self.drawn = 0.0

    def __enter__(self):
        self.bar.start()
        self.bar.refresh()
        return self

    def __exit__(self, *_: object) -> None:
        self.bar.stop()

    def at(self, now: Callable[[], Snapshot]) -> None:
        if time.monotonic() >= self.drawn + REDRAW:
            self.drawn = time.monotonic()
            snapshot = now()
            self.bar.update(self.work, completed=snapshot.share, says=snapshot.text)
            self.bar.refresh()

    @contextmanager
    def aside(self) -> Iterator[None]:
        self.bar.stop()
        try:
            yield
        finally:
            self.bar.start()


def progress(title: str, *, quiet: bool = False, first: float = FIRST, every: float = EVERY) -> Progress:
    """The display for work called `title` ("Solving"). It shows nothing if `quiet` or if standard error is closed.
    `first`, `every`: see Lines."""
    if quiet or sys.stderr is None:
        return Progress()
    return Bar(title) if sys.stderr.isatty() else Lines(first, every)


def clock(seconds: float) -> str:
    """61 -> "1:01"; 3661 -> "1:01:01"."""
    seconds = max(0, round(seconds))
    hours, minutes = seconds // 3600, seconds % 3600 // 60
    return f"{hours}:{minutes:02}:{seconds % 60:02}" if hours else f"{minutes}:{seconds % 60:02}"
