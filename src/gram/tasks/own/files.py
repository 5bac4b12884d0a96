"""Read your own data: inputs and targets of a JSONL, JSON, CSV, TSV, Parquet or NPZ file, as written.

JSONL: a line {"input": ..., "target": ...} or {"input": ..., "targets": [...]}; JSON: a list of such objects, or an
object of columns; CSV: columns input and target (or question and answer, puzzle and solution, in any case); Parquet: as
CSV, or as JSONL if it holds lists; NPZ: arrays inputs and targets, and first if inputs have several targets. An input
that occurs again adds targets to it. Other names of keys and columns, and whether text is words: see Names.
"""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np

from gram import strict_json
from gram.tasks.data.files import columns_of, place, text_of
from gram.tasks.reading.containers import Held, unpacked
from gram.tasks.reading.content import brief

Written = str | list[int] | list[str]
"""A sequence as its owner wrote it: characters, integers, or words."""
TABLES = (".jsonl", ".json", ".csv", ".tsv", ".parquet", ".npz")
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


Reader = Callable[[Held, bool, Names], Iterator[Pairs]]
"""Of one of TABLES; whether every input needs a target."""


def read_pairs(path: Path, *, names: Names = PLAIN) -> Iterator[Pairs]:
    """The lines of a file, whose name says its form; every input needs a target. FileNotFoundError; ValueError names
    the first line that is wrong."""
    if not path.name.removesuffix(".gz").endswith(TABLES):
        raise ValueError(f"{path} is no {', '.join(TABLES[:-1])} or .npz; write the data in one of these forms.")
    held = unpacked(path, str(path))
    reader = _reader(held.name) or _reader(path.name)
    if reader is None:
        raise ValueError(f"{path} is not a Parquet file; write it again, or as CSV.")
    return reader(held, True, names)


def inputs_of(held: Held, kind: str, names: Names) -> Iterator[Written] | None:
    """The inputs of a file of one of TABLES, targets left aside; JSON may hold inputs alone. If its name says nothing,
    as that of standard input, what it holds decides; None if that is lines of text. kind: of the sequences that are
    asked for."""
    reader = _reader(held.name) or _reader_of_content(held, kind, names)
    return None if reader is None else (pairs.input for pairs in reader(held, False, names))


def _reader(name: str) -> Reader | None:
    readers = {".jsonl": _jsonl, ".json": _json, ".csv": _csv, ".tsv": _csv, ".npz": _npz}
    return next((reader for ending, reader in readers.items() if name.removesuffix(".gz").endswith(ending)), None)


def _reader_of_content(held: Held, kind: str, names: Names) -> Reader | None:
    if held.arrays is not None:
        return _npz
    head = next((line.strip() for line in held.text.split("\n") if line.strip()), "")
    if re.match(r'\{\s*"', head) or (head.startswith("[") and kind != "characters"):
        lined = head.endswith(("}", "]")) and not re.match(r"\[\s*[\[{]", head)
        return _jsonl if lined else _json
    columns = [cell.strip() for cell in re.split(r"[,;\t]", head)]
    found = [place(columns, name) for name in (names.input, names.target)]
    if found[0] is not None and (found[1] is not None or kind == "integers"):
        return _csv
    return None


def kind_of(written: Written) -> Literal["integers", "characters", "words"] | None:
    """What a sequence is made of; None for an empty list, which is like any other."""
    if isinstance(written, str):
        return "characters"
    return None if not written else "words" if isinstance(written[0], str) else "integers"


# JSON -----------------------------------------------------------------------------------------------------
def _jsonl(held: Held, answered: bool, names: Names) -> Iterator[Pairs]:
    for number, line in enumerate(text_of(held).split("\n"), 1):  # splitlines would split inside of strings
        if line.strip():
            where = f"{held.where}, line {number}"
            yield _pairs(strict_json.parse(line, where, names.remedy), where, answered, names)


def _json(held: Held, answered: bool, names: Names) -> Iterator[Pairs]:
    values = strict_json.parse(text_of(held), held.where, "write a list of objects")
    if isinstance(values, dict):
        values = _of_columns(values, names)
    if not isinstance(values, list):
        raise ValueError(f"{held.where} holds no list; write a list of objects with the keys {names.input} and target.")
    for number, value in enumerate(values, 1):
        yield _pairs(value, f"{held.where}, object {number}", answered, names)


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
def _csv(held: Held, answered: bool, names: Names) -> Iterator[Pairs]:
    inputs, *targets = columns_of(held, names.input, *([names.target] if answered else []))
    cells = [*inputs, *(targets[0] if answered else [])]
    integers = any(" " in cell for cell in cells) and all(_numbers(cell) is not None for cell in cells)
    for row, text in enumerate(inputs):
        written = [text, *(column[row] for column in targets)]
        first, *rest = [_numbers(cell) or [] if integers else _text(cell, names) for cell in written]
        yield Pairs(f"{held.where}, line {row + 2}", first, rest)


def _text(cell: str, names: Names) -> Written:
    return cell.split() if names.words else cell


def _numbers(cell: str) -> list[int] | None:
    """ "3 14 15" -> [3, 14, 15]; None for anything else."""
    words = cell.split()
    whole = all(re.fullmatch(r"-?[0-9]{1,40}", word) for word in words) and bool(words or not cell)
    return [int(word) for word in words] if whole else None


# NPZ ------------------------------------------------------------------------------------------------------
def _npz(held: Held, answered: bool, names: Names) -> Iterator[Pairs]:
    arrays = held.arrays
    if arrays is None:
        raise ValueError(f"{held.where} is not an NPZ file of plain arrays; write it with numpy.savez.")
    inputs = _rows(arrays, names.input, held)
    targets = _rows(arrays, names.target, held) if answered else []
    first = arrays.get("first", np.arange(len(inputs) + 1))
    if first.dtype.kind in "iu":
        first = first.astype(np.int64)  # differences of unsigned and of small integers wrap
    if not answered:
        first = np.zeros(len(inputs) + 1, int)
    ordered = first.ndim == 1 and np.issubdtype(first.dtype, np.integer) and (np.diff(first) >= answered).all()
    if not ordered or len(first) != len(inputs) + 1 or first[0] != 0 or first[-1] != len(targets):
        raise ValueError(
            f"{held.where}: {len(inputs)} inputs and {len(targets)} targets do not fit; give one target an input, or "
            "an array first of len(inputs) + 1 ascending integers: targets[first[i]:first[i + 1]] are those of input i."
        )
    for i, written in enumerate(inputs):
        yield Pairs(f"{held.where}, row {i}", written, targets[first[i] : first[i + 1]])


def _rows(arrays: dict[str, np.ndarray], name: str, held: Held) -> list[Written]:
    """The rows of an array (n, length) of integers, without the negative entries that pad their ends; grids (n, H, W)
    row by row. `name` as it is or in the plural."""
    known = [each for each in (f"{name}s", name) if each in arrays]
    if not known:
        raise ValueError(f"{held.where}: no array named {name}s; there are {', '.join(arrays) or 'none'}.")
    array = arrays[known[0]]
    if array.ndim < 2 or not np.issubdtype(array.dtype, np.integer):
        raise ValueError(
            f"{held.where}: {known[0]} has shape {array.shape} and type {array.dtype}; it must be a table (n, length) "
            "of integers, shorter rows filled with -1 at their ends."
        )
    array = array.reshape(len(array), -1)
    kept = array >= 0
    ragged = np.flatnonzero((kept[:, 1:] > kept[:, :-1]).any(1))
    if len(ragged):
        raise ValueError(
            f"{held.where}: row {ragged[0]} of {known[0]} has a negative integer before others, and they pad ends "
            "only; write negative integers as JSON or CSV."
        )
    return [row[keep].tolist() for row, keep in zip(array, kept, strict=True)]
