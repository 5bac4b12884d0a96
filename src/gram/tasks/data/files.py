"""Text and CSV files, gzip'd or not, with plain errors."""

import csv
import gzip
import io
import zlib
from pathlib import Path

import numpy as np

from gram.tasks.base import Tokens


def read_text(path: Path) -> str:
    """The text of a UTF-8 file (`.gz` too). FileNotFoundError; ValueError for another encoding or a damaged file."""
    if not path.is_file():
        raise FileNotFoundError(f"no file {path}; give the path of a file of puzzles")
    data = path.read_bytes()
    try:
        return (gzip.decompress(data) if path.suffix == ".gz" else data).decode("utf-8-sig")  # spreadsheets mark it so
    except (gzip.BadGzipFile, zlib.error, EOFError, UnicodeDecodeError) as error:
        kind = "gzip'd UTF-8 text" if path.suffix == ".gz" else "UTF-8 text"
        raise ValueError(f"{path} is not {kind} ({error}); give a CSV or text file of puzzles") from error


def read_columns(path: Path, *names: str) -> list[list[str]]:
    """The named columns of a CSV file. ValueError if one is missing, or names the line that is too short."""
    try:
        header, *rows = list(csv.reader(io.StringIO(read_text(path), newline=""))) or [[]]
    except csv.Error as error:
        raise ValueError(f"{path} is no CSV ({error}); repair it") from error
    missing = [name for name in names if name not in header]
    if missing:
        raise ValueError(f"{path}: no column named {' or '.join(missing)}; the header is {','.join(header)!r}")
    places = [header.index(name) for name in names]
    for number, row in enumerate(rows, 2):
        if len(row) <= max(places):
            raise ValueError(f"{path}, line {number}: {len(row)} columns, but the header has {len(header)}")
    return [[row[place] for row in rows] for place in places]


def tokens_of(texts: list[str], token_of: np.ndarray, length: int, path: Path) -> Tokens:
    """Texts of `length` characters -> tokens (n, length), all at once. token_of (256,): the token of each character
    code, 0 where it is none. ValueError names the first row of `path` that is wrong."""
    for row, text in enumerate(texts, 1):
        if len(text) != length:
            raise ValueError(f"{path}: expected {length} characters in row {row}, got {len(text)}: {text!r}")
    codes = np.frombuffer("".join(texts).encode("latin-1", "replace"), np.uint8)  # one byte per character
    tokens = token_of[codes].reshape(-1, length)
    bad = np.argwhere(tokens == 0)
    if len(bad):
        row, cell = bad[0]
        raise ValueError(f"{path}: {texts[row][cell]!r} in row {row + 1} is no cell of such a puzzle")
    return tokens
