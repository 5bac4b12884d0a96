"""Whether a file of a public data set holds what it should: its form, and what the published file holds."""

import csv
import functools
import hashlib
import io
import itertools
import json
import zlib
from collections.abc import Iterator
from pathlib import Path

from gram import strict_json, unpack
from gram.tasks.data import mnist_files
from gram.tasks.data.files import read_text
from gram.tasks.data.names import CONTENT
from gram.tasks.reading.content import brief

LINE = 1 << 16
"""Characters of a line of a CSV at most; the rest counts as another one."""
ROWS = 1_000_000
"""Rows that are compared: the files whose content is known have a thousand."""


def authentic(folder: Path, file: str) -> None:
    """ValueError if what a file of a set holds is not what it is known to hold, whatever it is packed with."""
    if file not in CONTENT:
        return
    path, total = folder / file, hashlib.sha256()
    if file.endswith(".csv.gz"):
        for question, answer in itertools.islice(_rows(path), ROWS):
            total.update(f"{question},{answer}\n".encode())
    elif file.endswith(".json.gz"):
        content = strict_json.parse(read_text(path), str(path), "get it again")
        total.update(json.dumps(content, sort_keys=True, separators=(",", ":")).encode())
    else:
        total.update(mnist_files.content(path))
    if total.hexdigest() != CONTENT[file]:
        raise ValueError(
            f"{path} does not hold what the published file holds; get it again, or give your own by --data."
        )


def _rows(path: Path) -> Iterator[tuple[str, str]]:
    """Question and answer of each row of a gzip'd CSV. ValueError if it is damaged or none."""
    try:
        with unpack.opened(path, str(path)) as file, io.TextIOWrapper(file, encoding="utf-8", newline="") as text:
            lines = iter(functools.partial(text.readline, LINE), "")
            header, *_ = csv.reader([next(lines, "")])
            if not {"question", "answer"} <= set(header):
                raise ValueError("it has no columns question and answer")
            places = [header.index(name) for name in ("question", "answer")]
            for number, row in enumerate(csv.reader(lines), 2):
                if len(row) <= max(places):
                    raise ValueError(f"row {number} has {len(row)} columns")
                yield row[places[0]], row[places[1]]
    except unpack.Refused:
        raise
    except UnicodeDecodeError:
        raise ValueError(f"{path} is no text in UTF-8; get it again.") from None
    except (OSError, EOFError, zlib.error, csv.Error, ValueError) as error:
        raise ValueError(f"{path} is damaged ({str(error)[:100]}); get it again.") from None


# forms --------------------------------------------------------------------------------------------------
def check_maze(path: Path) -> None:
    """Every row is a maze with a shortest path."""
    from gram.tasks.maze.task import Maze

    Maze(30).read_examples(path)


def check_sudoku(path: Path) -> None:
    """The columns that are read. Rows are checked when they are: the whole file has millions."""
    try:
        with unpack.opened(path, str(path)) as file:
            header = file.readline(1000).decode().rstrip("\r\n").split(",")
    except (OSError, EOFError, zlib.error, UnicodeDecodeError):
        raise ValueError(f"{path} is not gzip'd UTF-8 text; get it again.") from None
    missing = [name for name in ("question", "answer") if name not in header]
    if missing:
        raise ValueError(f"{path}: no column named {' or '.join(missing)}; the header is {brief(','.join(header))}.")
