"""Read your own data: inputs and targets of a JSONL, JSON, CSV, TSV or NPZ file, as written.

JSONL: a line {"input": ..., "target": ...} or {"input": ..., "targets": [...]}; JSON: a list of such objects, or an
object of columns; CSV: columns input and target (or question and answer, puzzle and solution, in any case); NPZ: arrays
inputs and targets, and first if inputs have several targets. An input that occurs again adds targets to it. Other names
of keys and columns, and whether text is words: see Names.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np

from gram import strict_json
from gram.tasks.data.files import place, read_columns, read_text
from gram.tasks.reading.containers import unpacked
from gram.tasks.reading.content import brief

Written = str | list[int] | list[str]
"""A sequence as its owner wrote it: characters, integers, or words."""
TABLES = (".jsonl", ".json", ".csv", ".tsv", ".npz")
"""Endings of files that hold inputs and targets, `.gz` behind them or not."""


class Names(NamedTuple):
    """How a file names its inputs and targets, and whether their text is words with spaces between them."""

    input: str = "input"
    target: str = "target"
    words: bool = False

    @property
    def remedy(self) -> str:
        return f'write an object as {{"{self.input}": ..., "{self.target}": ...}}'


PLAIN = Names()


class Pairs(NamedTuple):
    """An input and the targets that its line adds; `where` is for error messages."""

    where: str
    input: Written
    targets: list[Written]


def read_pairs(path: Path, *, answered: bool = True, names: Names = PLAIN) -> Iterator[Pairs]:
    """The lines of a file. `answered`: every input needs a target; without, targets are not read, and JSON may hold
    inputs alone. FileNotFoundError; ValueError names the first line that is wrong."""
    ending = next((ending for ending in TABLES if path.name.removesuffix(".gz").endswith(ending)), "")
    readers = {".jsonl": _jsonl, ".json": _json, ".csv": _csv, ".tsv": _csv, ".npz": _npz}
    if ending not in readers:
        raise ValueError(f"{path} is no {', '.join(TABLES[:-1])} or .npz; write the data in one of these forms.")
    return readers[ending](path, answered, names)


def read_inputs(path: Path, kind: str, names: Names) -> Iterator[Written] | None:
    """The inputs of a file whose name says nothing, such as standard input, if what it holds is one of TABLES; None if
    it is lines of text. kind: of the sequences that are asked for."""
    held = unpacked(path, str(path))
    if held.arrays is not None:
        return (pairs.input for pairs in _npz(path, False, names))
    head = next((line.strip() for line in held.text.split("\n") if line.strip()), "")
    if re.match(r'\{\s*"', head) or (head.startswith("[") and kind != "characters"):
        lined = head.endswith(("}", "]")) and not re.match(r"\[\s*[\[{]", head)
        return (pairs.input for pairs in (_jsonl if lined else _json)(path, False, names))
    columns = [cell.strip() for cell in re.split(r"[,;\t]", head)]
    found = [place(columns, name) for name in (names.input, names.target)]
    if found[0] is not None and (found[1] is not None or kind == "integers"):
        return (pairs.input for pairs in _csv(path, False, names))
    return None


def kind_of(written: Written) -> Literal["integers", "characters", "words"] | None:
    """What a sequence is made of; None for an empty list, which is like any other."""
    if isinstance(written, str):
        return "characters"
    return None if not written else "words" if isinstance(written[0], str) else "integers"


# JSON -----------------------------------------------------------------------------------------------------
def _jsonl(path: Path, answered: bool, names: Names) -> Iterator[Pairs]:
    for number, line in enumerate(read_text(path).split("\n"), 1):  # splitlines would split inside of strings
        if line.strip():
            where = f"{path}, line {number}"
            yield _pairs(strict_json.parse(line, where, names.remedy), where, answered, names)


def _json(path: Path, answered: bool, names: Names) -> Iterator[Pairs]:
    values = strict_json.parse(read_text(path), str(path), "write a list of objects")
    if isinstance(values, dict):
        values = _of_columns(values, names)
    if not isinstance(values, list):
        raise ValueError(f"{path} holds no list; write a list of objects with the keys {names.input} and target.")
    for number, value in enumerate(values, 1):
        yield _pairs(value, f"{path}, object {number}", answered, names)


def _of_columns(values: dict[str, Any], names: Names) -> Any:
    """The objects of an object of columns (lists, or what pandas writes: objects by row), or of its only list."""
    at = place(list(values), names.input)
    if at is None:
        lists = [value for value in values.values() if isinstance(value, list)]
        return lists[0] if len(lists) == 1 else values
    first = list(values.values())[at]
    if isinstance(first, dict):
        rows = list(first)
        if all(isinstance(column, dict) and list(column) == rows for column in values.values()):
            return [{name: column[row] for name, column in values.items()} for row in rows]
    if not isinstance(first, list) or not first or (names.words and isinstance(first[0], str)):
        return [values]
    columns = {name: column for name, column in values.items() if isinstance(column, list)}
    if not isinstance(first[0], list | str) or any(len(column) != len(first) for column in columns.values()):
        return [values]
    return [{name: column[row] for name, column in columns.items()} for row in range(len(first))]


def _pairs(values: Any, where: str, answered: bool, names: Names) -> Pairs:
    if not answered and isinstance(values, str | list):
        return Pairs(where, _sequence(values, where, names), [])
    keys = list(values) if isinstance(values, dict) else []
    at = place(keys, names.input)
    if at is None:
        raise ValueError(f'{where} has no key "{names.input}"; {names.remedy}.')
    input = _sequence(values[keys[at]], where, names)
    return Pairs(where, input, _targets(values, where, names) if answered else [])


def _targets(values: dict[str, Any], where: str, names: Names) -> list[Written]:
    if "targets" in values and names.target == PLAIN.target:
        if "target" in values:
            raise ValueError(f'{where} needs either "target" or "targets".')
        targets = values["targets"]
        if not isinstance(targets, list) or not targets:
            raise ValueError(f'{where}: "targets" must be a list of one target or more.')
        return [_sequence(target, where, names) for target in targets]
    at = place(list(values), names.target)
    if at is None:
        several = ' or "targets"' if names.target == PLAIN.target else ""
        raise ValueError(f'{where} needs either "{names.target}"{several}.')
    return [_sequence(list(values.values())[at], where, names)]


def _sequence(value: Any, where: str, names: Names) -> Written:
    if isinstance(value, str):
        return value.split() if names.words else value
    if isinstance(value, list) and value and all(isinstance(row, list) and len(row) == len(value[0]) for row in value):
        value = [cell for row in value for cell in row]  # a grid, row by row
    if isinstance(value, list) and all(isinstance(v, int) and not isinstance(v, bool) for v in value):
        return value
    if isinstance(value, list) and all(isinstance(word, str) for word in value):
        if wrong := [word for word in value if not word or re.search(r"\s", word)]:
            raise ValueError(f"{where}: {brief(wrong[0])} is no word, since it is empty or has a space; write _ there.")
        return value
    raise ValueError(
        f"{where}: {brief(value)} is neither a string nor a list of integers, of words or of equally long rows of them."
    )


# CSV ------------------------------------------------------------------------------------------------------
def _csv(path: Path, answered: bool, names: Names) -> Iterator[Pairs]:
    inputs, *targets = read_columns(path, names.input, *([names.target] if answered else []))
    cells = [*inputs, *(targets[0] if answered else [])]
    integers = any(" " in cell for cell in cells) and all(_numbers(cell) is not None for cell in cells)
    for row, text in enumerate(inputs):
        written = [text, *(column[row] for column in targets)]
        first, *rest = [_numbers(cell) or [] if integers else _text(cell, names) for cell in written]
        yield Pairs(f"{path}, line {row + 2}", first, rest)


def _text(cell: str, names: Names) -> Written:
    return cell.split() if names.words else cell


def _numbers(cell: str) -> list[int] | None:
    """ "3 14 15" -> [3, 14, 15]; None for anything else."""
    words = cell.split()
    whole = all(re.fullmatch(r"-?[0-9]{1,40}", word) for word in words) and bool(words or not cell)
    return [int(word) for word in words] if whole else None


# NPZ ------------------------------------------------------------------------------------------------------
def _npz(path: Path, answered: bool, names: Names) -> Iterator[Pairs]:
    arrays = _arrays(path)
    inputs = _rows(arrays, names.input, path)
    targets = _rows(arrays, names.target, path) if answered else []
    first = arrays.get("first", np.arange(len(inputs) + 1))
    if first.dtype.kind in "iu":
        first = first.astype(np.int64)  # differences of unsigned and of small integers wrap
    if not answered:
        first = np.zeros(len(inputs) + 1, int)
    ordered = first.ndim == 1 and np.issubdtype(first.dtype, np.integer) and (np.diff(first) >= answered).all()
    if not ordered or len(first) != len(inputs) + 1 or first[0] != 0 or first[-1] != len(targets):
        raise ValueError(
            f"{path}: {len(inputs)} inputs and {len(targets)} targets do not fit; give a target for each input, or an "
            "array first of len(inputs) + 1 ascending integers: targets[first[i]:first[i + 1]] are those of input i."
        )
    for i, written in enumerate(inputs):
        yield Pairs(f"{path}, row {i}", written, targets[first[i] : first[i + 1]])


def _arrays(path: Path) -> dict[str, np.ndarray]:
    arrays = unpacked(path, str(path)).arrays
    if arrays is None:
        raise ValueError(f"{path} is not an NPZ file of plain arrays; write it with numpy.savez.")
    return arrays


def _rows(arrays: dict[str, np.ndarray], name: str, path: Path) -> list[Written]:
    """The rows of an array (n, length) of integers, without the negative entries that pad their ends; grids (n, H, W)
    row by row. `name` as it is or in the plural."""
    known = [each for each in (f"{name}s", name) if each in arrays]
    if not known:
        raise ValueError(f"{path}: no array named {name}s; there are {', '.join(arrays) or 'none'}.")
    array = arrays[known[0]]
    if array.ndim < 2 or not np.issubdtype(array.dtype, np.integer):
        raise ValueError(
            f"{path}: {known[0]} has shape {array.shape} and type {array.dtype}; it must be a table (n, length) of "
            "integers, shorter rows filled with -1 at their ends."
        )
    array = array.reshape(len(array), -1)
    held = array >= 0
    ragged = np.flatnonzero((held[:, 1:] > held[:, :-1]).any(1))
    if len(ragged):
        raise ValueError(
            f"{path}: row {ragged[0]} of {known[0]} has a negative integer before others, and they pad ends only; "
            "write negative integers as JSON or CSV."
        )
    return [row[keep].tolist() for row, keep in zip(array, held, strict=True)]
