"""Reads one's own data: inputs and targets of a JSONL, CSV or NPZ file, as they were written.

JSONL: a line {"input": ..., "target": ...} or {"input": ..., "targets": [...]}; CSV: columns input and target; NPZ:
arrays inputs and targets, and first if inputs have several targets. An input that occurs again adds targets to it.
"""

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from gram.tasks.data.files import read_columns, read_text

Written = str | list[int]
"""A sequence as its owner wrote it: characters, or integers from 0."""


class Pairs(NamedTuple):
    """An input and the targets that its line adds; `where` is for error messages."""

    where: str
    input: Written
    targets: list[Written]


def read_pairs(path: Path, *, answered: bool = True) -> Iterator[Pairs]:
    """The lines of a file. `answered`: every input needs a target; without, targets are not read. FileNotFoundError;
    ValueError names the first line that is wrong."""
    if path.name.endswith((".jsonl", ".jsonl.gz")):
        return _jsonl(path, answered)
    if path.name.endswith((".csv", ".csv.gz")):
        return _csv(path, answered)
    if path.suffix == ".npz":
        return _npz(path, answered)
    raise ValueError(f"{path} is no .jsonl, .csv or .npz; write the data in one of these forms")


# JSONL ----------------------------------------------------------------------------------------------------
def _jsonl(path: Path, answered: bool) -> Iterator[Pairs]:
    for number, line in enumerate(read_text(path).split("\n"), 1):  # splitlines would split inside of strings
        where = f"{path}, line {number}"
        if not line.strip():
            continue
        try:
            values = json.loads(line)
        except ValueError as error:
            raise ValueError(f"{where} is no JSON ({error})") from None
        if not isinstance(values, dict) or "input" not in values:
            raise ValueError(f'{where} has no key "input"; write {{"input": ..., "target": ...}}')
        yield Pairs(where, _sequence(values["input"], where), _targets(values, where) if answered else [])


def _targets(values: dict[str, Any], where: str) -> list[Written]:
    if ("target" in values) == ("targets" in values):
        raise ValueError(f'{where} needs either "target" or "targets"')
    targets = [values["target"]] if "target" in values else values["targets"]
    if not isinstance(targets, list) or not targets:
        raise ValueError(f'{where}: "targets" must be a list of one target or more')
    return [_sequence(target, where) for target in targets]


def _sequence(value: Any, where: str) -> Written:
    if isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(v, int) and not isinstance(v, bool) and v >= 0 for v in value):
        return value
    raise ValueError(f"{where}: {json.dumps(value)[:60]} is neither a string nor a list of integers from 0")


# CSV ------------------------------------------------------------------------------------------------------
def _csv(path: Path, answered: bool) -> Iterator[Pairs]:
    inputs, *targets = read_columns(path, "input", *(["target"] if answered else []))
    cells = [*inputs, *(targets[0] if answered else [])]
    integers = any(" " in cell for cell in cells) and all(_numbers(cell) is not None for cell in cells)
    for row, text in enumerate(inputs):
        written = [text, *(column[row] for column in targets)]
        first, *rest = [_numbers(cell) or [] for cell in written] if integers else written
        yield Pairs(f"{path}, line {row + 2}", first, rest)


def _numbers(cell: str) -> list[int] | None:
    """ "3 14 15" -> [3, 14, 15]; None for anything else."""
    words = cell.split(" ") if cell else []
    return [int(word) for word in words] if all(word.isascii() and word.isdigit() for word in words) else None


# NPZ ------------------------------------------------------------------------------------------------------
def _npz(path: Path, answered: bool) -> Iterator[Pairs]:
    arrays = _arrays(path)
    inputs = _rows(arrays, "inputs", path)
    targets = _rows(arrays, "targets", path) if answered else []
    first = arrays.get("first", np.arange(len(inputs) + 1))
    if not answered:
        first = np.zeros(len(inputs) + 1, int)
    ordered = first.ndim == 1 and np.issubdtype(first.dtype, np.integer) and (np.diff(first) >= answered).all()
    if not ordered or len(first) != len(inputs) + 1 or first[0] != 0 or first[-1] != len(targets):
        raise ValueError(
            f"{path}: {len(inputs)} inputs and {len(targets)} targets do not fit; give a target for each input, or an "
            "array first of len(inputs) + 1 ascending integers: targets[first[i]:first[i + 1]] are those of input i"
        )
    for i, written in enumerate(inputs):
        yield Pairs(f"{path}, row {i}", written, targets[first[i] : first[i + 1]])


def _arrays(path: Path) -> dict[str, np.ndarray]:
    if not path.is_file():
        raise FileNotFoundError(f"no file {path}; give the path of a file of puzzles")
    try:
        with zipfile.ZipFile(path):  # np.load would take a file of another kind
            pass
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except (ValueError, EOFError, OSError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path} is no NPZ file of plain arrays ({error}); write it with numpy.savez") from error


def _rows(arrays: dict[str, np.ndarray], name: str, path: Path) -> list[Written]:
    """The rows of a rectangular array (n, length) of integers, without the negative entries that pad their ends."""
    if name not in arrays:
        raise ValueError(f"{path}: no array named {name}; there are {', '.join(arrays) or 'none'}")
    array = arrays[name]
    if array.ndim != 2 or not np.issubdtype(array.dtype, np.integer):
        raise ValueError(
            f"{path}: {name} has shape {array.shape} and type {array.dtype}; it must be a table (n, length) of "
            "integers, shorter rows filled with -1 at their ends"
        )
    held = array >= 0
    ragged = np.flatnonzero((held[:, 1:] > held[:, :-1]).any(1))
    if len(ragged):
        raise ValueError(f"{path}: row {ragged[0]} of {name} has a negative integer before others; they pad ends only")
    return [row[keep].tolist() for row, keep in zip(array, held, strict=True)]
