"""Files of ARC puzzles, of their solutions and of submissions, in the forms that the public sets and Kaggle have.

JSON, in any encoding, gzip'd or not. {"train": [{"input": grid, "output": grid}, ...], "test": [...]} is one puzzle,
named after its file; id -> such an object, or a list of such objects, are several, and so is a folder of files of one
each. The output of a test pair may be missing: it is in the file of solutions (id -> its output grids) beside it, or
unknown. A submission is id -> a list of {"attempt_1": grid, "attempt_2": grid}, one for each test input. A grid is a
list of rows of integers 0 to 9, 1x1 to 30x30.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gram import strict_json
from gram.tasks.arc.files import LARGEST, Pair, Puzzle
from gram.tasks.arc.grids import COLORS, Grid
from gram.tasks.data.files import read_text
from gram.tasks.data.store import data_file
from gram.tasks.reading.content import brief

CHALLENGES, SOLUTIONS = "challenges", "solutions"
"""What stands in the names of Kaggle's two files of a set, in the same place."""
NAMES = ("id", "task_id", "puzzle_id", "name")
"""Keys that hold the name of a puzzle in a list."""
TRIES = ("attempt_1", "attempt_2")
REMEDY = "give a file of ARC puzzles"


def source(name: str) -> Path:
    """A folder of puzzles, or a data file. FileNotFoundError; see gram.tasks.data.store.data_file."""
    return Path(name) if Path(name).is_dir() else data_file(name)


def read_puzzles(path: Path) -> list[Puzzle]:
    """The puzzles of a file or a folder, with the solutions beside it. FileNotFoundError; ValueError names the first
    thing that is wrong."""
    if path.is_dir():
        return _folder(path)
    puzzles = puzzles_of(read_text(path), str(path), _stem(path))
    beside = solutions_beside(path)
    return puzzles if beside is None else solved(puzzles, read_solutions(beside), str(beside))


def _stem(path: Path) -> str:
    return path.name.removesuffix(".gz").removesuffix(".json").removesuffix(".jsonl")


def solutions_beside(path: Path) -> Path | None:
    """Kaggle's file of solutions to a file of challenges; None if there is none."""
    if CHALLENGES not in path.name:
        return None
    beside = path.with_name(path.name.replace(CHALLENGES, SOLUTIONS))
    return beside if beside.is_file() else None


def _folder(path: Path) -> list[Puzzle]:
    """A puzzle a file; or the set of the only file, its solutions aside."""
    files = sorted(file for file in path.iterdir() if file.name.endswith((".json", ".json.gz")) and file.is_file())
    files = [file for file in files if SOLUTIONS not in file.name and "submission" not in file.name]
    if not files:
        inner = [folder.name for folder in sorted(path.iterdir()) if folder.is_dir()]
        ways = f"give one of its folders, such as {path / inner[0]}" if inner else REMEDY
        raise ValueError(f"{path} holds no .json file of puzzles; {ways}.")
    if len(files) == 1:
        return read_puzzles(files[0])
    puzzles = []
    for file in files:
        values = strict_json.parse(read_text(file), str(file), REMEDY)
        if not isinstance(values, dict) or not {"train", "test"} <= values.keys():
            raise ValueError(
                f"{path} holds {len(files)} files, and {file.name} is not one puzzle; give one of the files, or a "
                "folder of files of one puzzle each."
            )
        puzzles.append(_puzzle(_stem(file), values, f"{file}: puzzle {_stem(file)}"))
    return puzzles


def is_json(text: str) -> bool:
    """Whether a text is of puzzles, and not of lines of a name and a grid."""
    return text.lstrip("\ufeff \n\t").startswith(("{", "["))


# puzzles --------------------------------------------------------------------------------------------------
def puzzles_of(text: str, where: str, name: str) -> list[Puzzle]:
    """The puzzles of a JSON text. `where` it stands is for errors, `name` for puzzles without one."""
    values = _values(text, where)
    if isinstance(values, list) and all(isinstance(value, dict) for value in values):
        values = _by_name(values, name)
    if not isinstance(values, dict) or not values:
        raise ValueError(
            f'{where} must hold an object with "train" and "test", such objects by name, or a list of them; repair it.'
        )
    if {"train", "test"} & values.keys():
        values = {name: values}
    first = next(iter(values.values()))
    if isinstance(first, list) and first:
        what, verb = (
            ("a submission", "score it with `gram eval TASK --submission FILE`")
            if isinstance(first[0], dict)
            else ("solutions", "give the file of challenges")
        )
        raise ValueError(f"{where} holds {what}, not puzzles; {verb}.")
    return [_puzzle(re.sub(r"[\s*]+", "_", key), value, f"{where}: puzzle {key[:60]}") for key, value in values.items()]


def _values(text: str, where: str) -> Any:
    """A value of JSON, or the list of the lines of JSON Lines."""
    lines = [line for line in text.split("\n") if line.strip()]
    if len(lines) > 1 and all(line.lstrip().startswith("{") and line.rstrip().endswith("}") for line in lines):
        return [strict_json.parse(line, f"{where}, line {number}", REMEDY) for number, line in enumerate(lines, 1)]
    return strict_json.parse(text, where, REMEDY)


def _by_name(values: list[Any], name: str) -> dict[str, Any]:
    """The puzzles of a list by their names, or by `name` and their number."""
    named = {}
    for number, value in enumerate(values, 1):
        own = next((value[key] for key in NAMES if key in value), None) if isinstance(value, dict) else None
        key = own if isinstance(own, str) and own else f"{name}-{number}" if len(values) > 1 else name
        if key in named:
            raise ValueError(f"Two puzzles of the list are called {key[:60]}; give one of them another name.")
        named[key] = value
    return named


def _puzzle(name: str, value: Any, where: str) -> Puzzle:
    if not isinstance(value, dict) or not all(isinstance(value.get(part), list) for part in ("train", "test")):
        raise ValueError(f'{where} needs the lists "train" and "test"; add them.')
    shown = tuple(_pair(pair, True, f"{where}, train pair {i}") for i, pair in enumerate(value["train"], 1))
    asked = tuple(_pair(pair, False, f"{where}, test pair {i}") for i, pair in enumerate(value["test"], 1))
    if not shown:
        raise ValueError(f"{where} has no train pair; there is nothing to learn it from.")
    return Puzzle(name, shown, asked)


def _pair(pair: Any, whole: bool, where: str) -> Pair:
    if not isinstance(pair, dict) or "input" not in pair or (whole and "output" not in pair):
        raise ValueError(f'{where} needs "input"{" and " + chr(34) + "output" + chr(34) if whole else ""}; add it.')
    output = pair.get("output")
    return Pair(_grid(pair["input"], f"{where}, input"), None if output is None else _grid(output, f"{where}, output"))


def _grid(rows: Any, where: str) -> Grid:
    if not isinstance(rows, list) or not rows or not all(isinstance(row, list) and row for row in rows):
        raise ValueError(f"{where} is not a grid; write a list of rows, each a list of integers from 0 to 9.")
    H, W = len(rows), len(rows[0])
    if max(H, *map(len, rows)) > LARGEST:
        raise ValueError(f"{where} is {H}x{W}; grids of ARC are at most {LARGEST}x{LARGEST}, make it smaller.")
    for number, row in enumerate(rows, 1):
        if len(row) != W:
            raise ValueError(f"{where}: row {number} has {len(row)} cells and row 1 has {W}; make them equally long.")
        if wrong := [cell for cell in row if type(cell) is not int or not 0 <= cell < COLORS]:
            raise ValueError(
                f"{where}: {brief(wrong[0])} in row {number} is not a color; colors are integers from 0 to 9."
            )
    return np.array(rows, np.uint8)


# solutions and submissions --------------------------------------------------------------------------------
def read_solutions(path: Path) -> dict[str, list[Grid]]:
    """The output grids of test inputs by puzzle: those of a file of solutions, or of puzzles that have them. ValueError
    names what is wrong, or the first test input without an output."""
    values = None if path.is_dir() else _values(read_text(path), str(path))
    if isinstance(values, dict) and not {"train", "test"} & values.keys() and _listed(values):
        return {
            name: [_grid(grid, f"{path}: puzzle {name[:60]}, output {i}") for i, grid in enumerate(grids, 1)]
            for name, grids in values.items()
        }
    outputs = {}
    for puzzle in read_puzzles(path):
        outputs[puzzle.name] = [pair.output for pair in puzzle.asked if pair.output is not None]
        if len(outputs[puzzle.name]) < len(puzzle.asked):
            raise ValueError(
                f"{path}: the outputs of {puzzle.name[:60]} are not known; give the file of solutions, or put it "
                f"beside the challenges, with {SOLUTIONS} in its name instead of {CHALLENGES}."
            )
    return outputs


def _listed(values: dict[str, Any]) -> bool:
    """Whether this is id -> grids, rather than id -> a puzzle."""
    return bool(values) and all(
        isinstance(value, list) and all(isinstance(grid, list) for grid in value) for value in values.values()
    )


def solved(puzzles: Sequence[Puzzle], outputs: dict[str, list[Grid]], where: str) -> list[Puzzle]:
    """Puzzles with the outputs of their test inputs. ValueError where these do not fit."""
    found = []
    for puzzle in puzzles:
        known = outputs.get(puzzle.name)
        if known is None or len(known) != len(puzzle.asked):
            count = "none" if known is None else str(len(known))
            raise ValueError(
                f"{where} has {count} of the {len(puzzle.asked)} outputs of {puzzle.name[:60]}; give the solutions of "
                "the same challenges."
            )
        for pair, output in zip(puzzle.asked, known, strict=True):
            if pair.output is not None and not np.array_equal(pair.output, output):
                raise ValueError(
                    f"{where} has another output of {puzzle.name[:60]} than the puzzle itself; repair one."
                )
        asked = (Pair(pair.input, output) for pair, output in zip(puzzle.asked, known, strict=True))
        found.append(Puzzle(puzzle.name, puzzle.shown, tuple(asked)))
    return found


def read_submission(path: Path) -> dict[str, list[list[Grid]]]:
    """The attempts, two at most, at each test input by puzzle. ValueError names what is wrong."""
    values = _values(read_text(path), str(path))
    form = 'write an object: id -> [{"attempt_1": grid, "attempt_2": grid}, ...]'
    if not isinstance(values, dict) or not values:
        raise ValueError(f"{path} is no submission; {form}.")
    found: dict[str, list[list[Grid]]] = {}
    for name, parts in values.items():
        if not isinstance(parts, list) or not all(isinstance(part, dict) for part in parts):
            raise ValueError(f"{path}: puzzle {name[:60]} has no list of attempts; {form}.")
        found[name] = []
        for i, part in enumerate(parts, 1):
            where = f"{path}: puzzle {name[:60]}, test input {i}"
            if not part or part.keys() - set(TRIES):
                raise ValueError(f"{where} must have {' and '.join(TRIES)} and nothing else; {form}.")
            given = [(key, part[key]) for key in TRIES if part.get(key) not in (None, [], [[]])]
            found[name].append([_grid(rows, f"{where}, {key}") for key, rows in given])
    return found


def attempts(
    submission: dict[str, list[list[Grid]]], outputs: dict[str, list[Grid]], where: str
) -> tuple[list[list[Grid]], list[str]]:
    """The attempts at every output, in the order of `outputs`, and the puzzles that have none there. ValueError for
    unknown puzzles, and for a different number of test inputs."""
    strange = [name for name in submission if name not in outputs]
    if strange:
        raise ValueError(f"{where} answers {strange[0][:60]}, which is none of the {len(outputs)} puzzles; remove it.")
    found = []
    for name, known in outputs.items():
        own = submission.get(name, [[] for _ in known])
        if len(own) != len(known):
            raise ValueError(
                f"{where} has attempts at {len(own)} test inputs of {name[:60]}, which asks {len(known)}; repair it."
            )
        found += own
    return found, [name for name in outputs if name not in submission]
