"""A table before it is written: its cells, where the values of each row come from, and what is said about it. Its text
is Markdown; html.py writes it for a browser."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

DASH = "–"
LONGEST = 300
"""Maximum characters of a cell."""
UNEQUAL = "Unequal protocols"
Row = tuple[str, ...]


@dataclass(frozen=True)
class Origin:
    """Where values come from: a results file, or a paper."""

    name: str
    """In words."""
    at: Path | str
    """The file, or the address of the paper; "" for neither."""
    command: str = ""
    """The command that makes the values again."""
    detail: str = ""
    """Seed, commit and machine."""


class Line(NamedTuple):
    """A row of values, with what they come from."""

    cells: Row
    origins: tuple[Origin, ...] = ()


@dataclass(frozen=True)
class Grid:
    """A table."""

    head: Row
    lines: Sequence[Line]
    notes: Sequence[str] = ()
    """Sentences about it."""
    unequal: str = ""
    """How our protocol and the published ones differ; "" if they do not, or if only one of them is there."""

    def __str__(self) -> str:
        """Markdown: the table, then the sentences."""
        unequal = [f"**{UNEQUAL}.** {escape(self.unequal, None)}"] if self.unequal else []
        rows = markdown([self.head, *(line.cells for line in self.lines)])
        return "\n\n".join([rows, *unequal, *(escape(note, None) for note in self.notes)])


def grid(head: Row, lines: Sequence[Line]) -> Grid | None:
    """A table; None without rows."""
    return Grid(head, lines) if lines else None


def markdown(rows: Sequence[Row]) -> str:
    """A Markdown table; the first row holds the headings. Cells are plain text: markup in them is escaped."""
    head, *body = (tuple(map(escape, row)) for row in rows)
    lines = [head, tuple("---" for _ in head), *body]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def plain(text: str) -> str:
    """Text on one line, without control characters."""
    return "".join(c if c.isprintable() else " " for c in text)


def escape(text: str, longest: int | None = LONGEST) -> str:
    """Escape text for Markdown, on one line; code between backticks stays code."""
    line = plain(text)
    for sign, written in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), *((c, f"\\{c}") for c in "|[]!")):
        line = line.replace(sign, written)
    return shortened(line, longest)


def shortened(line: str, longest: int | None = LONGEST) -> str:
    """At most `longest` characters of a line."""
    return line if longest is None or len(line) <= longest else f"{line[: longest - 3]}..."
