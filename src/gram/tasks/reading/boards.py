"""Texts of boards: rows or whole boards a line, in frames or without, with labels, hashes and ratings beside them."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any
from xml.etree import ElementTree

import numpy as np

from gram.tasks.reading.content import brief, puzzle_name

ANSI = re.compile("\x1b\\[[0-9;]*m")
FRAME = re.compile("[\\s|+=!:,;/\\\\\"'`\\[\\](){}\u2500-\u257f]")
"""What stands between cells and around them."""
RULE = re.compile("[-=+|!:*.'`,\u2500-\u257f]+")
PARTS = re.compile("[\\s|,;:\"']+")
LABEL = re.compile(r"(?!x+\b)[^\W\d_]{3,}[\w\s:#.,()'&/-]{0,60}", re.IGNORECASE)
COMMENT = re.compile(r"\s*(?:#|//|%|;).*")
TRAILING = re.compile(r"\s(?:#|//|%).*")
Lines = list[tuple[int, str]]


@dataclass(frozen=True)
class Alphabet:
    """The cells of boards of size x size."""

    size: int
    filled: str
    """Characters that are no blank."""
    blanks: str = ".0_*?xX\u00b7"
    """Characters of a blank cell. A dash is one where that comes out even."""

    @property
    def numbers(self) -> bool:
        """Whether the cells may be written as numbers of two digits: more than 9 symbols, from 1 on."""
        return self.size == len(self.filled) > 9 and "0" not in self.filled

    @property
    def cells(self) -> int:
        return self.size**2

    def clean(self, line: str, dash: bool = True) -> str:
        """The cells of a line, `.` for each blank."""
        line = ANSI.sub("", line)
        if len(self.filled) > 9:
            line = (self.numbers and self.numbered(line, dash)) or line.upper()
        return FRAME.sub("", line).translate(_table(self.blanks, dash))

    def numbered(self, line: str, dash: bool = True) -> str:
        """The cells of a line of numbers with spaces, commas or bars between them; empty for any other line."""
        parts = [part for part in FRAME.sub(" ", line).split() if dash or set(part) != {"-"}]
        if len(parts) not in (self.size, self.cells) or max(map(len, parts)) != 2:
            return ""
        cells = [self.cell(part) for part in parts]
        return "" if "" in cells else "".join(cells)

    def cell(self, text: str) -> str:
        """A cell as one character, `.` for a blank: a symbol, a number, or one or two marks of a blank; empty for
        anything else."""
        if text and set(text) <= {*self.blanks, "-"}:
            return "."
        if text.isdecimal() and text.isascii():
            return self.filled[int(text) - 1] if 0 < int(text) <= self.size else ""
        return text.upper() if len(text) == 1 and text.upper() in self.filled else ""

    def holds(self, cells: str) -> bool:
        """Whether all characters of cleaned cells are some."""
        return not cells.strip(f"{self.filled}.")


@cache
def _table(blanks: str, dash: bool) -> dict[int, str]:
    return {ord(c): "." for c in blanks} | {ord("-"): "." if dash else ""}


def split(text: str, alphabet: Alphabet) -> list[str]:
    """The boards of a text, size * size characters each with `.` for a blank, or size ** 3 for boards of candidates.
    ValueError names the line that does not fit, or both readings where there are two."""
    if text.lstrip().startswith("<"):
        return _xml(text)
    lines = _lines(text)
    bare = [ANSI.sub("", line).replace(" ", "") for _, line in lines]
    within = any("-" in line and re.search(f"[{re.escape(alphabet.filled)}]", line) for line in bare)
    other = any(set(line) & set(alphabet.blanks) and not RULE.fullmatch(line) for line in bare)
    ways: dict[str, Callable[[], list[str]]] = {"- is a blank": lambda: _grouped(lines, alphabet)}
    if any("-" in line for line in bare):
        no_rules = [(number, line) for number, line in lines if set(line) - set("-| ")]
        ways["lines of - part the rows"] = lambda: _grouped(no_rules, alphabet)
        if other:
            ways.pop("- is a blank")
        ways["- is no cell"] = lambda: _grouped(no_rules, alphabet, dash=False)
    if any(" " in line for _, line in lines) and not other:
        ways["a space is a blank"] = lambda: _spaced(lines, alphabet)
    found: dict[str, list[str]] = {}
    wrong: list[ValueError] = []
    for name, way in ways.items():
        if name == "- is no cell" and (within and found):
            continue
        try:
            found[name] = way()
        except ValueError as error:
            wrong.append(error)
    readings = {tuple(boards): name for name, boards in found.items()}
    if len(readings) > 1:
        both = " or ".join(f"{len(boards)} (where {name})" for boards, name in list(readings.items())[:2])
        raise ValueError(f"The text could be boards in two ways, {both}; write . for a blank and no frames.")
    if not readings:
        return _a_line_each(lines, alphabet) or _raised(wrong[0])
    return list(next(iter(readings)))


def _raised(error: ValueError) -> list[str]:
    raise error


def _lines(text: str) -> Lines:
    """Numbered lines without comments; of a file with sections, the lines of [Puzzle]."""
    kept, section = [], "puzzle"
    for number, line in enumerate(text.split("\n"), 1):
        if match := re.fullmatch(r"\s*\[([A-Za-z ]{3,40})\]\s*", line):
            section = match[1].strip().lower()
        elif section == "puzzle" and line.strip() and not COMMENT.fullmatch(line):
            kept.append((number, TRAILING.sub("", line)))
    return kept


def _grouped(lines: Lines, alphabet: Alphabet, dash: bool = True) -> list[str]:
    size, boards, rows = alphabet.size, [], []
    for number, line in lines:
        cells = alphabet.clean(line, dash)
        joint = "".join(line.split())
        rule = RULE.fullmatch(joint) and re.search("--|==", joint) and set(joint) - set("-|")
        if not cells or rule:
            continue
        if len(cells) == size and (alphabet.holds(cells) or not LABEL.fullmatch(line.strip())):
            rows.append(cells)
        elif len(cells) == alphabet.cells and not rows:
            boards.append(cells)
        elif marks := _candidates(line, alphabet):
            rows.append(marks)
        elif rows:
            raise ValueError(f"line {number}: expected a row of {size} cells, got {len(cells)} characters")
        elif len(cells) == size**3 and alphabet.holds(cells):
            boards.append(cells)
        elif board := _part(line, alphabet):
            boards.append(board)
        elif not LABEL.fullmatch(line.strip()):
            raise ValueError(
                f"line {number}: expected a puzzle of {alphabet.cells} or a row of {size} cells, got {len(cells)} "
                "characters"
            )
        if len(rows) == size:
            boards.append(_joined(rows, alphabet))
            rows = []
    if rows:
        raise ValueError(f"the last puzzle has {len(rows)} of its {size} rows")
    return boards


def _part(line: str, alphabet: Alphabet) -> str | None:
    """The board among the parts of a line, such as a hash, a board and its rating; of a board and its solution the
    board."""
    parts = [alphabet.clean(part) for part in PARTS.split(line)]
    boards = [part for part in dict.fromkeys(parts) if len(part) == alphabet.cells and alphabet.holds(part)]
    asked = [board for board in boards if "." in board] or boards
    if len(asked) > 1:
        raise ValueError(f"One line holds two boards, {asked[0]} and {asked[1]}; keep the one that is asked.")
    return asked[0] if asked else None


def _candidates(line: str, alphabet: Alphabet) -> str | None:
    """A row of cells that are written as what they may hold, size characters a cell."""
    parts = [part for part in re.split(r"[\s|]+", ANSI.sub("", line)) if part]
    if (
        alphabet.numbers
        or len(parts) != alphabet.size
        or max(map(len, parts)) < 2
        or not all(part.isdigit() for part in parts)
    ):
        return None
    if not all(set(part) <= set(alphabet.filled) and len(set(part)) == len(part) for part in parts):
        return None
    return "".join(c if c in part else "." for part in parts for c in alphabet.filled)


def _joined(rows: Sequence[str], alphabet: Alphabet) -> str:
    """Rows as one board; of candidates if any row is of candidates."""
    if all(len(row) == alphabet.size for row in rows):
        return "".join(rows)
    everything = alphabet.filled
    whole = [row if len(row) > alphabet.size else _as_candidates(row, everything) for row in rows]
    return "".join(whole)


def _as_candidates(row: str, filled: str) -> str:
    return "".join(filled if cell == "." else "".join(c if c == cell else "." for c in filled) for cell in row)


def _spaced(lines: Lines, alphabet: Alphabet) -> list[str]:
    """Lines of exactly size or size * size characters in which a space is a blank."""
    rows = [line.replace(" ", ".") for _, line in lines]
    if not all(alphabet.holds(row) and len(row) in (alphabet.size, alphabet.cells) for row in rows):
        raise ValueError("spaces are no blanks here")
    return _grouped([(number, row) for (number, _), row in zip(lines, rows, strict=True)], alphabet)


def _a_line_each(lines: Lines, alphabet: Alphabet) -> list[str]:
    """A board or something wrong on each line, where no line is a row; else nothing."""
    cells = [(alphabet.clean(line), line) for _, line in lines]
    if (
        len(cells) < 2
        or any(len(c) == alphabet.size for c, _ in cells)
        or all(len(c) != alphabet.cells for c, _ in cells)
    ):
        return []
    return [c if len(c) == alphabet.cells else line for c, line in cells]


def _xml(text: str) -> list[str]:
    """The games of OpenSudoku."""
    if re.search(r"<!(DOCTYPE|ENTITY)", text):
        raise ValueError("The XML declares a document type or entities; remove them.")
    try:
        games = [game.get("data", "") for game in ElementTree.fromstring(text.encode()).iter("game")]
    except ElementTree.ParseError as error:
        raise ValueError(f"The XML is damaged ({error}); repair it.") from None
    if not games:
        raise ValueError("The XML holds no <game data='...'>; give a file of OpenSudoku.")
    return games


# arrays and lists -----------------------------------------------------------------------------------------
def chosen(items: Sequence[tuple[str, np.ndarray]]) -> tuple[str, np.ndarray]:
    """The array of puzzles among those of a file: the only one, or the one whose name says so."""
    if len(items) == 1:
        return items[0]
    arrays = {name.rsplit("/", 1)[-1]: array for name, array in items}
    name = "all__inputs" if "all__inputs" in arrays else puzzle_name(arrays)
    if name is None:
        raise ValueError(f"The file holds the arrays {', '.join(list(arrays)[:5])[:200]}; name one of them puzzles.")
    return name, arrays[name]


def tables(array: np.ndarray, size: int) -> Iterator[list[Any]]:
    """The boards of an array (size, size), (n, size, size), (L,) or (n, L) as flat lists. ValueError for another."""
    cells = size * size
    if array.dtype.kind == "f" and array.size and (array == np.round(array)).all():
        array = array.astype(np.int64)
    shape = array.shape
    fits = shape[-2:] == (size, size) or shape[-1:] == (cells,)
    if array.dtype.kind not in "iubUS" or not fits or array.size // cells > 10_000_000:
        raise ValueError(
            f"The array of {array.dtype} and shape {shape} is no board of {size} x {size} cells; save integers as "
            f"(boards, {size}, {size}) or (boards, {cells})."
        )
    if array.dtype.kind == "S":
        array = np.char.decode(array, "latin-1")
    return (board.tolist() for board in array.reshape(-1, cells))


def flat(value: Any, size: int, width: int = 1) -> list[Any] | None:
    """One board given as nested lists, a flat list with up to `width` characters a cell, or a list of rows as texts ->
    its cells; None for anything else."""
    if not isinstance(value, list) or len(value) not in (size, size * size):
        return None
    if len(value) == size * size:
        return None if any(isinstance(cell, list | dict) or len(str(cell)) > width for cell in value) else value
    rows = [list(row) if isinstance(row, str) else row for row in value]
    if not all(isinstance(row, list) and len(row) == size for row in rows):
        return None
    return (
        None if any(isinstance(cell, list | dict) for row in rows for cell in row) else [c for row in rows for c in row]
    )


def row_of(cells: Sequence[Any], alphabet: Alphabet) -> str:
    """Cells as JSON and arrays have them -> text: None, "", 0 and the blanks are blank. ValueError for what is no
    cell."""
    texts = ["." if cell in (None, "", " ") else str(cell) for cell in cells]
    if alphabet.numbers:
        texts = [alphabet.cell(text) or text for text in texts]
    wrong = next((text for text in texts if len(text) != 1), None)
    if wrong is not None or any(isinstance(cell, bool) for cell in cells):
        raise ValueError(f"{brief(wrong or 'true or false')} is no cell of a board; write 0 for a blank.")
    return "".join("." if text in alphabet.blanks or text == "-" else text for text in texts)
