"""Boards of queens as people have them: rows of cells, FEN, the column of the queen in each row."""

import re
from collections.abc import Sequence
from typing import Any

from gram.tasks.reading.boards import COMMENT, TRAILING, Alphabet, flat, row_of, split

NONE = ".-_*"
FEN = re.compile(r"[Qq\d]+(?:/[Qq\d]+)+")  # linear, whatever the text


def alphabet(n: int) -> Alphabet:
    """The cells of an n x n board: a queen, or none."""
    return Alphabet(n, "Qq\u265b\u26551", ".0_*\u00b7\u25a1")


def boards_of(text: str, n: int) -> list[str]:
    """The boards of a text, n * n characters each, Q for a queen and `.` for none. ValueError names the line that does
    not fit, or both readings where there are two."""
    lines = []
    for line in text.split("\n"):
        bare = line.strip() if COMMENT.fullmatch(line) else TRAILING.sub("", line).strip()
        lines.append(fen(bare, n) or columns(bare.replace(",", " ").split(), n) or line)
    return [canonical(board) for board in split("\n".join(lines), alphabet(n))]


def canonical(board: str) -> str:
    """A board with Q for each queen; cells of 0 and 1 beside letters stay, for whoever reads them to refuse."""
    queens = "Qq\u265b\u2655" if set(board) & set("Qq\u265b\u2655") else "1"
    return "".join("Q" if cell in queens else cell for cell in board)


def fen(text: str, n: int) -> str | None:
    """The placement of a FEN record, which may have other fields behind it; None for anything else."""
    words = text.split()
    if not words or not FEN.fullmatch(words[0]):
        return None
    rows = []
    for row in words[0].split("/"):
        if len(row) == n and not set(row) - set("01Qq"):  # cells, not runs of empty ones
            return None
        parts = re.findall(r"[Qq]|\d+" if n > 9 else r"[Qq]|\d", row)
        rows.append("".join("Q" if part in "Qq" else "." * min(int(part[:3]), 99) for part in parts))
    return "".join(rows) if [len(row) for row in rows] == [n] * n else None


def columns(words: Sequence[str], n: int) -> str | None:
    """The column of the queen in each row, `.` where there is none -> a board; None for anything else. ValueError
    where columns may count from 0 or 1."""
    if len(words) == 1 and n <= 9 and len(words[0]) == n and words[0].isdecimal():
        words = list(words[0])
    if len(words) != n or not all(word in NONE or re.fullmatch(r"-1|\d{1,2}", word) for word in words):
        return None
    numbers = [int(word) if word.isdecimal() else None for word in words]
    given = [number for number in numbers if number is not None]
    if not given or max(given) < 2 or max(given) > n:
        return None
    if 0 in given and (max(given) == n or given.count(0) > 1):
        raise ValueError(
            f"In {' '.join(words)[:60]!r} 0 could be the first column, or a row without queen; write . for the latter."
        )
    if 0 not in given and n not in given:
        raise ValueError(
            f"The columns {' '.join(words)[:60]!r} could count from 0 or from 1; write the board as rows of Q and `.`."
        )
    first = 0 if 0 in given else 1
    return "".join("." * n if c is None else "." * (c - first) + "Q" + "." * (n - 1 - c + first) for c in numbers)


def is_board(value: Any, n: int) -> bool:
    """Whether a value of JSON is one board."""
    return isinstance(value, str) or _cells(value, n) is not None or _columns(value, n)


def of_value(value: Any, n: int) -> str:
    """A board of JSON or of an array as text."""
    if isinstance(value, str):
        return value
    cells = _cells(value, n)
    if cells is None:
        found = columns(["." if c in (None, -1) else str(c) for c in value], n)
        if found is None:
            raise ValueError(f"{str(value)[:60]} is no board of {n} queens; write rows of Q and `.`.")
        return found
    return canonical(row_of(cells, alphabet(n)))


def _cells(value: Any, n: int) -> list[Any] | None:
    cells = flat(value, n)
    numbers = cells is not None and any(type(cell) is int and cell > 1 for cell in cells)
    return None if numbers else cells


def _columns(value: Any, n: int) -> bool:
    return isinstance(value, list) and len(value) == n and all(c is None or type(c) is int for c in value)
