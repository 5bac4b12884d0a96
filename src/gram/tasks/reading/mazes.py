"""Mazes as people have them: rows of cells in blocks or digits, with borders, or walls drawn between cells."""

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from gram.advice import fitting
from gram.tasks.reading.boards import ANSI, tables
from gram.tasks.reading.content import brief

WALLS = "#\u2588\u2593\u2592\u25a0\u2b1b"
OPEN = " .\u00b7\u25a1\u2591\u2b1c"
STARTS, GOALS = "SsA", "GgEeB"
DRAWN = re.compile(r"\+(?:-{1,3}\+|[ ]{1,3}\+)+")
BORDER = re.compile("[-+=\u2500-\u257f]+")
SIDE = "|!\u2502\u2503\u2551"
Rows = list[str]


class Read(NamedTuple):
    """A maze of n rows of `#`, blank, `S` and `G` with `/` between them, and what was changed to make it n x n."""

    text: str
    note: str = ""


def mazes_of(text: str, n: int) -> list[Read]:
    """The mazes of a text; smaller ones are filled with walls. ValueError says what does not fit, or names both
    readings where there are two."""
    found: list[Read] = []
    text = ANSI.sub("", text)
    for first, block in _blocks(text, n):
        try:
            whole = len(block) == 1 and len(block[0]) == n * n
            if first > 1 and not found and len(block) < n and not text[: text.find(block[0])].strip():
                raise ValueError(
                    f"This could be a maze of {len(block)} rows, or begin with rows of free cells; write ."
                )
            found.append(Read(block[0]) if whole else filled(_rows(block, n), n))
        except ValueError as error:
            raise ValueError(f"line {first}: {error}") from None
    return found


def _blocks(text: str, n: int) -> list[tuple[int, Rows]]:
    """The lines of each maze and the number of the first. Mazes stand on a line each, or have n lines each, or blank
    lines between them."""
    lines = text.split("\n")
    while lines and not lines[-1]:
        lines.pop()
    blocks: list[tuple[int, Rows]] = []
    rows: Rows = []
    for number, line in enumerate(lines, 1):
        whole = len(line) == n * n > 0 or (line.count("/") > 1 and not rows)
        if whole and rows:
            raise ValueError(f"line {number}: expected a row of {n} characters, got {len(line)}")
        if whole:
            blocks.append((number, line.split("/") if "/" in line else [line]))
        elif line.strip() or len(line) == n or (line and 0 < len(rows) < n and not _ended(rows)):
            rows.append(line)
        elif rows and len(rows) < n and not _ended(rows) and _goes_on(lines[number:], n - len(rows) - 1):
            rows.append(line)  # a row of free cells whose blanks were stripped
        elif rows:
            blocks.append((number - len(rows), rows))
            rows = []
        if rows and len(rows) == n and all(len(row) == n for row in rows):
            blocks.append((number - n + 1, rows))
            rows = []
    return [*blocks, (len(lines) - len(rows) + 1, rows)] if rows else blocks


def _ended(rows: Rows) -> bool:
    """Whether rows hold a start and a goal already."""
    text = "".join(rows)
    return any(c in text for c in STARTS) and any(c in text for c in GOALS)


def _goes_on(lines: Rows, rest: int) -> bool:
    """Whether as many lines follow as a maze still needs, with no blank one behind them."""
    return rest > 0 and len(lines) >= rest and (len(lines) == rest or not lines[rest].strip())


def _rows(lines: Rows, n: int) -> Rows:
    """The rows of one maze in `#`, blank, `S` and `G`, all of one width."""
    if DRAWN.fullmatch(lines[0].rstrip()):
        drawn = _drawn(lines)
        return [_letters(row) for row in drawn]
    lines = _unframed(lines)
    if len(lines) > 1 and _halves(lines, n):
        lines = [line[::2] for line in lines]
    if len(lines) < 2:
        raise ValueError(f"expected a maze of {n * n} or a row of {n} characters, got {len(lines[0])}")
    width = max(map(len, lines))
    short = next((i for i, line in enumerate(lines) if len(line) < width), None)
    free = " " in "".join(lines) or not set("".join(lines)) & set(OPEN[1:])
    if short is not None and (not free or set("".join(lines)) & set("01")):
        raise ValueError(f"row {short + 1} has {len(lines[short])} characters where others have {width}")
    if free and not set("".join(lines)) & set("01") and not any(line.endswith(" ") for line in lines):
        _refuse_lost(lines, width, n)
    rows = [line.ljust(width) for line in lines]
    text = "".join(rows)
    digits = _digits(rows) if set(text) & set("01") else rows
    return [_letters(row) for row in digits]


def _refuse_lost(lines: Rows, width: int, n: int) -> None:
    """ValueError for a maze of fewer than n rows or columns that may be the rest of an n x n one of which free cells at
    the ends of rows, or whole rows of them, got lost. Behind a row or column of walls they would not matter."""
    last = {line[width - 1 : width] for line in lines}
    if (width < n and last != {"#"}) or (len(lines) < n and set(lines[-1]) != {"#"}):
        raise ValueError(
            f"This could be a maze of {len(lines)} x {width}, or one of {n} x {n} that lost blanks at its ends; "
            "write . for a free cell."
        )


def _letters(row: str) -> str:
    table = {**dict.fromkeys(WALLS, "#"), **dict.fromkeys(OPEN, " "), **dict.fromkeys(STARTS, "S")}
    return row.translate(str.maketrans(table | dict.fromkeys(GOALS, "G")))


def _unframed(lines: Rows) -> Rows:
    """Rows without a border of lines around them."""
    ruled = [bool(BORDER.fullmatch(lines[end].strip())) for end in (0, -1)]
    inner = lines[ruled[0] : len(lines) - ruled[1]]
    sides = [line.rstrip() for line in inner]
    if ruled == [True, True] and sides and all(s and s.lstrip()[0] in SIDE and s[-1] in SIDE for s in sides):
        return [side.lstrip()[1:-1] for side in sides]
    return lines


def _halves(lines: Rows, n: int) -> bool:
    """Whether every cell is two characters wide: doubled, or with a blank behind it."""
    width = max(map(len, lines))
    if width % 2 and all(set(line[1::2]) <= {" "} for line in lines):
        return width > n or width == 2 * len(lines) - 1
    pairs = [line.ljust(width)[at : at + 2] for line in lines for at in range(0, width, 2)]
    return width == 2 * len(lines) and all(pair[1:] in (pair[0], " ") for pair in pairs)


def _drawn(lines: Rows) -> Rows:
    """Cells with walls drawn between them as +--+ and | -> a maze with a cell for each wall, without its border."""
    joints = [at for at, c in enumerate(lines[0].rstrip()) if c == "+"]
    gaps = {b - a for a, b in pairwise(joints)}
    if len(gaps) != 1 or len(lines) % 2 == 0:
        raise ValueError("the walls of +--+ are not evenly apart; write rows of # and `.`")
    step, lines = gaps.pop(), [line.ljust(joints[-1] + 1) for line in lines]
    rows = []
    for number, line in enumerate(lines[1:-1], 1):
        row = ""
        for left in joints[:-1]:
            inner = line[left + 1 : left + step].strip()
            if number % 2 and len(inner) > 1:
                raise ValueError(f"the cell {brief(inner)} holds more than one character; write S, G or nothing")
            row += (inner or " ") if number % 2 else ("#" if "-" in inner else " ")
            row += "#" if line[left + step] in "|+" else " "
        rows.append(row[:-1])
    return rows


def _digits(rows: Rows) -> Rows:
    """Rows of 0 and 1: 1 is a wall if only so a way leads from start to goal, 0 if only so."""
    if set("".join(rows)) & set(WALLS):
        raise ValueError("digits and # stand side by side; write walls in one way")
    one, zero = ([row.replace(wall, "#").replace(free, " ") for row in rows] for wall, free in ("10", "01"))
    ways = [connected([_letters(row) for row in some]) for some in (one, zero)]
    if all(ways):
        raise ValueError("The walls could be the 1s or the 0s, and a way leads to the goal in both; write # and `.`.")
    return zero if ways[1] else one


def connected(rows: Rows) -> bool:
    """Whether a way leads from S to G, where there is one of each."""
    width, text = len(rows[0]), "".join(rows)
    if text.count("S") != 1 or text.count("G") != 1:
        return False
    seen, todo, goal = {text.index("S")}, [text.index("S")], text.index("G")
    while todo:
        cell = todo.pop()
        beside = [cell + step for step, at in ((-1, 0), (1, width - 1)) if cell % width != at]
        for other in (cell - width, cell + width, *beside):
            if 0 <= other < len(text) and text[other] != "#" and other not in seen:
                seen.add(other)
                todo.append(other)
    return goal in seen


def filled(rows: Rows, n: int) -> Read:
    """A border of walls is left out where it is too much, and walls fill what is missing."""
    width = len(rows[0])
    size = len(rows), width
    while max(len(rows), width) > n and min(len(rows), width) > 2 and _walled(rows):
        rows, width = [row[1:-1] for row in rows[1:-1]], width - 2
    if max(len(rows), width) > n:
        side = max(len(rows), width)
        hint = fitting(f"maze-{n}", side) if side <= 40 else "tasks have up to 40, so cut it."
        raise ValueError(f"The maze has {len(rows)} rows of {width} cells, more than {n}; {hint}")
    text = "/".join([*(row.ljust(n, "#") for row in rows), *["#" * n] * (n - len(rows))])
    done = "without its border" if max(size) > n else "filled with walls, below and to the right,"
    return Read(text, "" if size == (n, n) else f"a maze of {size[0]} x {size[1]}, {done} to be {n} x {n}")


def _walled(rows: Rows) -> bool:
    return not set(rows[0] + rows[-1] + "".join(row[0] + row[-1] for row in rows)) - {"#"}


# arrays and lists -----------------------------------------------------------------------------------------
def of_rows(rows: Sequence[Sequence[Any]], n: int, *, tokens: bool = False) -> Read:
    """A maze given as rows of texts, characters or numbers: 0 free, 1 wall, 2 start, 3 goal, or tokens 1 to 4."""
    lines = ["".join(_cell(cell, tokens) for cell in row) for row in rows]
    if len({len(line) for line in lines}) != 1:
        raise ValueError("the rows of the maze are of different lengths; make them alike")
    return filled(_rows(lines, n), n)


def _cell(cell: Any, tokens: bool) -> str:
    if isinstance(cell, str) and len(cell) < 2:
        return cell or " "
    if type(cell) is int and tokens and 1 <= cell <= 4:
        return "# SG"[cell - 1]
    if type(cell) is int and not tokens and 0 <= cell <= 3:
        return "01SG"[cell]
    raise ValueError(f"{str(cell)[:20]!r} is no cell of a maze; write 0 free, 1 wall, 2 start, 3 goal, or rows as text")


def is_maze(value: Any) -> bool:
    """Whether a value of JSON is one maze: a text, or a list of rows."""
    if not isinstance(value, list) or len(value) < 2:
        return isinstance(value, str)
    if all(isinstance(row, str) for row in value):
        return len({len(row) for row in value}) == 1 and 1 < len(value[0]) <= 62 and "/" not in value[0]
    return all(isinstance(row, list) and row and not isinstance(row[0], list) for row in value)


def of_array(name: str, array: np.ndarray, n: int) -> list[Read]:
    """Mazes of an array (n, n), (mazes, n, n) or (mazes, n * n): tokens in `all__inputs`, else 0 free, 1 wall, 2 start
    and 3 goal."""
    if array.ndim in (2, 3) and array.dtype.kind in "iubU" and array.shape[-1] != n * n and array.size < 10_000_000:
        boards = array.reshape(-1, *array.shape[-2:]).tolist()
    else:
        boards = [[cells[at : at + n] for at in range(0, n * n, n)] for cells in tables(array, n)]
    tokens = name == "all__inputs" or (array.dtype.kind in "iu" and array.size > 0 and int(array.max()) == 4)
    return [of_rows(board, n, tokens=tokens) for board in boards]
