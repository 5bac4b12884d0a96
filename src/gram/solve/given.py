"""What a command is given: puzzles as text or in files, and weights by name or folder.

torch is imported late, so that a mistyped puzzle is refused at once.
"""

import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gram import tasks
from gram.config import read_config
from gram.tasks.arc import is_name
from gram.tasks.base import Examples, Task, Tokens
from gram.tasks.store import data_file, load_examples

if TYPE_CHECKING:
    from gram.solve.reasoner import Reasoner

LISTING = 5_000_000
"""Nodes that the exact solver may visit to list all answers of a puzzle that figures are measured on."""
Opener = Callable[[Path], "Reasoner"]


# puzzles of the command line -----------------------------------------------------------------------------
def read(task: Task, puzzles: tuple[str, ...], input: Path | None) -> list[str]:
    """The puzzles of the command line and of the input file, or those of standard input if there are neither."""
    name = task.spec.name
    if input is not None:
        if not input.is_file():
            raise FileNotFoundError(f"There is no file {input}; give a file of {name} puzzles.")
        found = [*puzzles, *task.read(input)]
        if not found:
            raise ValueError(f"{input} holds no puzzle; write {name} puzzles into it.")
        return found
    if puzzles:
        if len(puzzles) == 1 and len(puzzles[0]) < 200 and Path(puzzles[0]).is_file():
            raise ValueError(f"{puzzles[0]} is a file; give it as --input {puzzles[0]}.")
        return list(puzzles)
    if sys.stdin is None or sys.stdin.isatty():
        raise ValueError(f"There is no puzzle; write one after `gram solve {name}`, or give --input FILE.")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "standard input"
        path.write_text(sys.stdin.read(), encoding="utf-8")
        try:
            found = list(task.read(path))
        except ValueError as error:
            raise ValueError(str(error).replace(str(path), path.name)) from None
    if not found:
        raise ValueError(f"Standard input holds no puzzle; write one after `gram solve {name}`, or give --input FILE.")
    return found


def encode(task: Task, puzzles: Sequence[Any] | np.ndarray, one: Callable[[Any], Tokens] | None = None) -> Tokens:
    """Puzzles -> (n, L) uint8 by `one`, which is task.encode if not given. ValueError names the puzzle if there are
    several."""
    tokens = np.zeros((len(puzzles), task.spec.length), np.uint8)
    for i, puzzle in enumerate(puzzles):
        try:
            tokens[i] = (one or task.encode)(puzzle)
        except ValueError as error:
            raise ValueError(f"Puzzle {i + 1}: {error}" if len(puzzles) > 1 else str(error)) from None
    return tokens


# weights --------------------------------------------------------------------------------------------------
def named(name: str, weights: str | None, opener: Opener | None) -> Task:
    """The task of that name; what one's own data are, and which ARC puzzles, stands in the config of the weights."""
    if name != tasks.OWN and not is_name(name):
        return tasks.task(name)
    config = read_config(find(name, weights, opener) / "config.json")
    if name != config.task:
        raise ValueError(f"The weights {weights} are for {config.task}, not for {name}; choose others with --weights.")
    return tasks.of(config)


def find(name: str, weights: str | None, opener: Opener | None) -> Path:
    """The folder of weights for the task `name`: what ships for it if `weights` is None."""
    if weights is not None and opener is not None:
        return Path(weights)
    from gram import bundle

    if weights is None and name not in bundle.shipped():
        raise FileNotFoundError(
            f"No weights for {name} come with the package; train some with `gram train {name} --out DIR` and give "
            "them as --weights DIR."
        )
    return bundle.SHIPPED / name if weights is None else bundle.find(weights)


def load(task: Task, weights: str | None, opener: Opener | None = None) -> tuple["Reasoner", str, Path]:
    """A reasoner for `task`, the name of its weights, and their folder. The default is what ships for the task.
    `opener` makes a reasoner of the folder `weights`, where that is something else than weights for PyTorch."""
    name = task.spec.name
    folder = find(name, weights, opener)
    if opener is None:
        from gram.solve import reasoner

        opener = reasoner.load
    loaded = opener(folder)
    if loaded.task.spec.name != name:
        raise ValueError(
            f"The weights {weights or name} are for {loaded.task.spec.name}, not for {name}; "
            "choose others with --weights."
        )
    return loaded, weights or name, folder


# puzzles to measure on -----------------------------------------------------------------------------------
def examples(task: Task, data: Path | None, split: str, limit: int | None, edge_probability: float | None) -> Examples:
    """The puzzles to measure on, with all their targets: those of a file, or the task's own of a split. `limit` takes
    a sample that is always the same."""
    from gram.tasks.coloring import Coloring
    from gram.tasks.maze import Maze
    from gram.tasks.sudoku import Sudoku
    from gram.tasks.table import Table

    if edge_probability is not None:
        if not isinstance(task, Coloring) or data is not None:
            raise ValueError("--edge-probability shapes the random graphs of colouring tasks; leave it out here.")
        task = Coloring(task.n, task.colors, edge_probability)
    if data is None:
        found = load_examples(task, (), split)
    elif isinstance(task, Maze | Sudoku) and data.name.endswith((".csv", ".csv.gz")):
        return load_examples(task, (str(data),), split, count=limit)
    elif isinstance(task, Table):
        found = task.load([data_file(str(data))])
    else:
        puzzles = encode(task, list(task.read(data_file(str(data)))))
        rows = sample_rows(len(puzzles), limit)
        targets = [solutions(task, puzzles[row], row) for row in rows]
        first = np.cumsum([0, *map(len, targets)]).astype(np.int64)
        return Examples(puzzles[rows], np.concatenate([puzzles[:0], *targets]), first)
    return found.select(sample_rows(len(found), limit))


def sample_rows(count: int, limit: int | None) -> np.ndarray:
    """`limit` of `count` row numbers in ascending order, always the same."""
    return np.sort(np.random.default_rng(0).permutation(count)[:limit])


def solutions(task: Task, puzzle: Tokens, row: int) -> Tokens:
    """All answers of puzzle (L,), (S, L). ValueError if there are none, or too many to list."""
    try:
        found = task.solutions(puzzle, budget=LISTING)
    except RuntimeError:
        raise ValueError(f"Puzzle {row + 1} has too many answers to list them all; leave it out.") from None
    if not len(found):
        raise ValueError(f"Puzzle {row + 1} has no solution; leave it out.")
    return found
