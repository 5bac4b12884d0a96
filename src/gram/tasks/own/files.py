"""Reads one's own data: inputs and targets of a JSONL, JSON, CSV, TSV or NPZ file, as they were written.

JSONL: a line {"input": ..., "target": ...} or {"input": ..., "targets": [...]}; JSON: a list of such objects; CSV:
columns input and target (or question and answer, puzzle and solution, in any case); NPZ: arrays inputs and targets,
and first if inputs have several targets. An input that occurs again adds targets to it.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from gram import strict_json
from gram.tasks.data.files import place, read_columns, read_text
from gram.tasks.reading.containers import unpacked
from gram.tasks.reading.content import brief

Written = str | list[int]
"""A sequence as its owner wrote it: characters, or integers."""
TABLES = (".jsonl", ".json", ".csv", ".tsv", ".npz")
"""Endings of files that hold inputs and targets, `.gz` behind them or not."""
REMEDY = "write an object with the keys input and target"


class Pairs(NamedTuple):
    """An input and the targets that its line adds; `where` is for error messages."""

    where: str
    input: Written
    targets: list[Written]


def read_pairs(path: Path, *, answered: bool = True) -> Iterator[Pairs]:
    """The lines of a file. `answered`: every input needs a target; without, targets are not read. FileNotFoundError;
    ValueError names the first line that is wrong."""
    ending = next((ending for ending in TABLES if path.name.removesuffix(".gz").endswith(ending)), "")
    readers = {".jsonl": _jsonl, ".json": _json, ".csv": _csv, ".tsv": _csv, ".npz": _npz}
    if ending not in readers:
        raise ValueError(f"{path} is no {', '.join(TABLES[:-1])} or .npz; write the data in one of these forms")
    return readers[ending](path, answered)


# JSON -----------------------------------------------------------------------------------------------------
def _jsonl(path: Path, answered: bool) -> Iterator[Pairs]:
    for number, line in enumerate(read_text(path).split("\n"), 1):  # splitlines would split inside of strings
        if line.strip():
            where = f"{path}, line {number}"
            yield _pairs(strict_json.parse(line, where, REMEDY), where, answered)


def _json(path: Path, answered: bool) -> Iterator[Pairs]:
    values = strict_json.parse(read_text(path), str(path), "write a list of objects")
    if not isinstance(values, list):
        raise ValueError(f"{path} holds no list; write a list of objects with the keys input and target.")
    for number, value in enumerate(values, 1):
        yield _pairs(value, f"{path}, object {number}", answered)


def _pairs(values: Any, where: str, answered: bool) -> Pairs:
    names = list(values) if isinstance(values, dict) else []
    at = place(names, "input")
    if at is None:
        raise ValueError(f'{where} has no key "input"; write {{"input": ..., "target": ...}}')
    if answered and not {"target", "targets"} & values.keys() and (answer := place(names, "target")) is not None:
        values = values | {"target": values[names[answer]]}
    return Pairs(where, _sequence(values[names[at]], where), _targets(values, where) if answered else [])


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
    if isinstance(value, list) and value and all(isinstance(row, list) and len(row) == len(value[0]) for row in value):
        value = [cell for row in value for cell in row]  # a grid, row by row
    if isinstance(value, list) and all(isinstance(v, int) and not isinstance(v, bool) for v in value):
        return value
    raise ValueError(f"{where}: {brief(value)} is neither a string nor a list of integers or equally long rows of them")


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
    whole = all(re.fullmatch(r"-?[0-9]{1,40}", word) for word in words)
    return [int(word) for word in words] if whole else None


# NPZ ------------------------------------------------------------------------------------------------------
def _npz(path: Path, answered: bool) -> Iterator[Pairs]:
    arrays = _arrays(path)
    inputs = _rows(arrays, "inputs", path)
    targets = _rows(arrays, "targets", path) if answered else []
    first = arrays.get("first", np.arange(len(inputs) + 1))
    if first.dtype.kind == "u":
        first = first.astype(np.int64)  # differences of unsigned integers never fall
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
    arrays = unpacked(path, str(path)).arrays
    if arrays is None:
        raise ValueError(f"{path} is no NPZ file of plain arrays; write it with numpy.savez")
    return arrays


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
