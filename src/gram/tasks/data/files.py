"""Text and CSV files, with clear errors."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from gram.tasks.reading.containers import Held, unpacked
from gram.tasks.reading.content import DELIMITERS, brief, puzzle_name
from gram.tasks.spec import Tokens

ANSWERS = {"answer", "answers", "solution", "solutions", "target", "targets", "output", "outputs", "label", "labels"}


def read_text(path: Path) -> str:
    """The text of a file, in any Unicode encoding, compressed or not. FileNotFoundError; ValueError for what is no text
    and for a damaged file."""
    return text_of(unpacked(path, str(path)))


def text_of(held: Held) -> str:
    """The text of what was unpacked. ValueError for arrays."""
    if held.arrays is not None:
        raise ValueError(f"{held.where} holds arrays; give a CSV or text file of puzzles.")
    return held.text


def read_columns(path: Path, *names: str) -> list[list[str]]:
    """`columns_of` a file. FileNotFoundError."""
    return columns_of(unpacked(path, str(path)), *names)


def columns_of(held: Held, *names: str) -> list[list[str]]:
    """The named columns of a CSV file, with commas, semicolons or tabs between them. A column is found by its name, in
    any case, or by another name for the same thing. ValueError if one is missing, or names the line that is too
    short."""
    text = text_of(held)
    head = text.split("\n", 1)[0]
    try:
        delimiter = max(DELIMITERS, key=head.count)
        header, *rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)) or [[]]
    except csv.Error as error:
        raise ValueError(f"{held.where} is not a CSV file ({error}); repair it.") from error
    places = [place(header, name) for name in names]
    missing = [name for name, found in zip(names, places, strict=True) if found is None]
    if missing:
        wanted, there = " or ".join(missing), brief(",".join(header))
        raise ValueError(f"{held.where}: no column named {wanted}; the header is {there}.")
    columns = [found for found in places if found is not None]
    for number, row in enumerate(rows, 2):
        if len(row) <= max(columns):
            raise ValueError(f"{held.where}, line {number}: {len(row)} columns, but the header has {len(header)}.")
    return [[row[column] for row in rows] for column in columns]


def place(header: Sequence[str], name: str) -> int | None:
    """The index of the column or key `name`, or of its only synonym."""
    if name in header:
        return header.index(name)
    folded = [cell.strip().lower() for cell in header]
    if name in folded:
        return folded.index(name)
    if name in ANSWERS:
        found = [i for i, cell in enumerate(folded) if cell in ANSWERS]
        if len(found) > 1:
            raise ValueError(
                f"Both {brief(header[found[0]])} and {brief(header[found[1]])} could be the {name}; rename one."
            )
        return found[0] if found else None
    if puzzle_name([name]) is None:  # a custom name
        return None
    other = puzzle_name(header)
    return None if other is None else header.index(other)


def tokens_of(texts: list[str], token_of: np.ndarray, length: int, path: Path) -> Tokens:
    """Texts of `length` characters -> tokens (n, length), all at once. token_of (256,): the token of each character
    code, 0 where it is none. ValueError names the first row of `path` that is wrong."""
    for row, text in enumerate(texts, 1):
        if len(text) != length:
            raise ValueError(f"{path}: expected {length} characters in row {row}, got {len(text)}: {brief(text)}.")
    codes = np.frombuffer("".join(texts).encode("latin-1", "replace"), np.uint8)  # one byte per character
    tokens = token_of[codes].reshape(-1, length)
    bad = np.argwhere(tokens == 0)
    if len(bad):
        row, cell = bad[0]
        raise ValueError(f"{path}: {texts[row][cell]!r} in row {row + 1} is no cell of such a puzzle.")
    return tokens
