"""What a file holds before any task looks at it: text, or puzzles that are apart already. Compression, encodings, CSV
and JSON end here; a task knows its own cells only."""

import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from gram import strict_json
from gram.tasks.reading import containers

PUZZLES = ("puzzle", "quiz", "question", "input", "board", "grid", "sudoku", "maze", "graph", "problem", "unsolved")
"""Names of a column or key that holds puzzles, in any case, and their plurals."""
DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs"}
JSON = re.compile(r'\s*(\[\s*[\[{"\-0-9\]]|\{\s*["}]|"[^\n]*"\s*$)')
T = TypeVar("T")
REMEDY = "write a list of puzzles, or an object with the key puzzle on each line"


@dataclass(frozen=True)
class Content:
    """The content of a file, of standard input or of the command line."""

    where: str
    """Its name in messages."""
    name: str = ""
    """Its file name, which says the format of some."""
    text: str = ""
    """With `items` None, a text that the task takes apart; its lines end in a line feed."""
    items: list[Any] | None = None
    """Puzzles that are apart: texts, or nested lists, objects and arrays of a JSON or numpy file."""
    form: tuple[str, ...] = ()
    """How it was read, for people: "gzip", "UTF-16", "CSV, column quizzes"."""


class Unreadable(str):
    """A puzzle that stands beside others and cannot be read; a task that encodes it says why."""

    why: str

    @classmethod
    def of(cls, text: str, why: str) -> "Unreadable":
        """text: as it is shown to people."""
        made = cls(text)
        made.why = why
        return made


@dataclass(frozen=True)
class Found:
    """The puzzles of an input as a task understands them."""

    puzzles: list[str]
    """Each as text that Task.encode takes; one that cannot be read, beside others, is Unreadable."""
    form: tuple[str, ...] = ()
    """How they were read, for people."""
    notes: tuple[str, ...] = ()
    """What was decided where it is not plain, for their owner to see."""
    warnings: tuple[str, ...] = ()
    """Sentences about what does not fit, though it can be read."""


def of_texts(texts: Sequence[str], where: str = "the command line") -> Content:
    """Puzzles of the command line, a text each."""
    return Content(where, items=list(texts))


def opened(path: Path, where: str | None = None, limit: int = containers.LIMIT) -> Content:
    """The content of a file, or of a folder with `all__inputs.npy`. FileNotFoundError; ValueError for what is neither
    text nor arrays, for a damaged file and for one that is larger than `limit` bytes when unpacked."""
    where = where or str(path)
    return content_of(containers.unpacked(path, where, limit))


def of_bytes(data: bytes, where: str) -> Content:
    """`opened` for what is no file, such as standard input."""
    return content_of(containers.unpacked_bytes(data, where))


def content_of(held: containers.Held) -> Content:
    """What was unpacked, with its items."""
    if held.arrays is not None:
        items: list[Any] = [(name, array) for name, array in held.arrays.items() if array.size]
        return Content(held.where, held.name, items=items, form=held.form)
    return parsed(Content(held.where, held.name, held.text, form=held.form))


def parsed(content: Content) -> Content:
    """The same with the items of JSON, JSON Lines, or a CSV whose header names a column of puzzles."""
    text = content.text
    if JSON.match(text):
        values, form = json_values(text, content.where)
        return replace(content, items=[of_object(value) for value in values], form=(*content.form, form))
    return columns(content)


# JSON -----------------------------------------------------------------------------------------------------
def json_values(text: str, where: str) -> tuple[list[Any], str]:
    """The values of JSON Lines, or the value of one JSON text as a list of one."""
    lines = [(number, line) for number, line in enumerate(text.split("\n"), 1) if line.strip()]
    if len(lines) > 1 and all(JSON.match(line) and line.rstrip()[-1] in ']}"' for _, line in lines):
        return [strict_json.parse(line, f"{where}, line {number}", REMEDY) for number, line in lines], "JSON Lines"
    return [strict_json.parse(text, where, REMEDY)], "JSON"


def of_object(value: Any) -> Any:
    """The puzzle of an object that names one by its key, such as a line of `gram solve --json`; anything else as it
    is, lists of such objects included."""
    if isinstance(value, list):
        return [of_object(part) for part in value]
    if isinstance(value, dict):
        key = puzzle_name(value)
        return value if key is None else value[key]
    return value


def puzzle_name(names: Iterable[str]) -> str | None:
    """The name that says puzzle, or None. ValueError if several do."""
    known = {form for name in PUZZLES for form in (name, f"{name}s", f"{name}zes")}
    found = [name for name in names if name.strip().lower() in known]
    if len(found) > 1:
        raise ValueError(
            f"Both {brief(found[0])} and {brief(found[1])} could hold the puzzles; keep one of them, or rename the "
            "other."
        )
    return found[0] if found else None


def single(value: Any, is_one: Callable[[Any], bool], depth: int = 4) -> list[Any]:
    """The puzzles in a value of JSON: itself, or those in its lists. ValueError for what is none."""
    if is_one(value):
        return [value]
    if isinstance(value, list) and value and depth:
        return [one for part in value for one in single(part, is_one, depth - 1)]
    raise ValueError(f"{brief(value)} is no puzzle; write each as text, or as a list of rows.")


def one(puzzle: str, strictly: Callable[[str], T], forms: Callable[[str], list[str]]) -> T:
    """What `strictly` makes of a text, or of the one puzzle that the text is in any of the forms that `forms` takes
    apart. ValueError of `strictly` where it is in none, and of `forms` where it could be read in two ways."""
    try:
        return strictly(puzzle)
    except ValueError as error:
        plain = error
    try:
        found = forms(puzzle)
    except ValueError as error:
        if str(error)[:1].isupper() or (": " in (message := str(error)) and message.split(": ", 1)[1][:1].isupper()):
            raise ValueError(str(error).split(": ", 1)[-1]) from None
        raise plain from None
    if len(found) != 1:
        raise plain
    return strictly(found[0])


def brief(value: Any) -> str:
    """A value for messages, cut."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


# CSV ------------------------------------------------------------------------------------------------------
def columns(content: Content) -> Content:
    """The items of the column that the header of a CSV names; without such a header, the content as it is."""
    head = next((line for line in content.text.split("\n", 50) if line.strip()), "")
    delimiter = max(DELIMITERS, key=head.count)
    names = [cell.strip().strip("\"'").strip() for cell in head.split(delimiter)]
    column = puzzle_name(names)
    if column is None:
        return content
    place = names.index(column)
    if len(names) == 1 and '"' not in content.text:  # a heading: the task knows what follows, rows or whole puzzles
        return replace(content, text=content.text.replace(head, "", 1))
    items = []
    for number, row in rows(content, delimiter):
        if not number or not any(cell.strip() for cell in row):
            continue
        if len(row) <= place:
            raise ValueError(
                f"{content.where}, row {number + 1}: {len(row)} columns, but the header has {len(names)}; repair it."
            )
        items.append(row[place])
    kind = f"columns between {DELIMITERS[delimiter]}, " if len(names) > 1 else ""
    return replace(content, items=items, form=(*content.form, f"CSV, {kind}puzzles in {brief(column)}"))


def rows(content: Content, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """The numbered rows of a CSV. ValueError if it is none."""
    try:
        yield from enumerate(csv.reader(io.StringIO(content.text.lstrip("\n"), newline=""), delimiter=delimiter))
    except csv.Error as error:
        raise ValueError(f"{content.where} is no CSV ({error}); repair it.") from None
