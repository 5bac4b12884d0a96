"""What a command is given: puzzles as text or in files, and weights by name or folder.

torch is imported late, so that a mistyped puzzle is refused at once.
"""

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from gram import tasks
from gram.config import read_config
from gram.solve.reasoner import encode
from gram.tasks.arc.task import is_name
from gram.tasks.base import Examples, Task, Tokens
from gram.tasks.data.store import data_file, load_examples

if TYPE_CHECKING:
    from gram.solve.reasoner import Reasoner

LISTING = 10
"""How many times `quick` nodes the exact solver may visit to list all answers of a puzzle that figures are measured
on."""
LISTED = 2**28
"""Bytes of such answers of a file."""


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


class Refusals:
    """What becomes of puzzles that cannot be answered: the first is the end, or all are told and left out."""

    def __init__(self, *, skip: bool, several: bool):
        """several: whether a puzzle is named by its number."""
        self.skip, self.several, self.code = skip, several, 0

    def tell(self, number: int, sentence: str) -> None:
        """Puzzle `number` is wrong. ValueError unless such are left out."""
        if not self.skip:
            raise ValueError(f"Puzzle {number}: {sentence}" if self.several else sentence)
        self.code = 2
        if sys.stderr is not None:
            print(f"gram: Puzzle {number} is left out: {' '.join(sentence.split())}", file=sys.stderr, flush=True)

    def encode(self, task: Task, texts: Sequence[str]) -> list[tuple[int, Tokens]]:
        """The puzzles with their numbers, from 1."""
        found = []
        for number, text in enumerate(texts, 1):
            try:
                found.append((number, task.encode(text)))
            except ValueError as error:
                self.tell(number, str(error))
        return found


# weights --------------------------------------------------------------------------------------------------
def named(name: str, weights: str | None, *, trust: bool = False, check: str | None = None) -> Task:
    """The task of that name; what one's own data are, and which ARC puzzles, stands in the config of the weights.
    `trust`, `check`: see gram.load."""
    if name != tasks.OWN and check is not None:
        raise ValueError(f"The task {name} has rules of its own; leave --check out.")
    if name != tasks.OWN and not is_name(name):
        return tasks.task(name)
    config = read_config(find(name, weights) / "config.json")
    if name != config.task:
        raise ValueError(f"The weights {weights} are for {config.task}, not for {name}; choose others with --weights.")
    return tasks.of(config, trust=trust, check=check)


def is_bundle(weights: str | Path | None) -> bool:
    """Whether this is a folder that `gram export` wrote."""
    return weights is not None and (Path(weights) / "manifest.json").is_file()


def find(name: str, weights: str | None) -> Path:
    """The folder of weights for the task `name`, or a bundle: what ships for it if `weights` is None."""
    if weights is not None and is_bundle(weights):
        return Path(weights)
    from gram import weights as weight_files

    if weights is None and name not in weight_files.shipped():
        raise FileNotFoundError(
            f"No weights for {name} come with the package; train some with `gram train {name} --out DIR` and give "
            "them as --weights DIR."
        )
    return weight_files.SHIPPED / name if weights is None else weight_files.find(weights)


def load(task: Task, weights: str | None, dtype: str) -> tuple["Reasoner", str, Path]:
    """A reasoner for `task`, which judges answers, the name of its weights, and their folder. The default is what ships
    for the task. `dtype`: see gram.load."""
    name = task.spec.name
    folder = find(name, weights)
    loaded = open_bundle(folder, dtype) if is_bundle(folder) else open_weights(folder, dtype)
    if loaded.task.spec.name != name:
        raise ValueError(
            f"The weights {weights or name} are for {loaded.task.spec.name}, not for {name}; "
            "choose others with --weights."
        )
    loaded.task = task
    return loaded, weights or name, folder


def tell_arithmetic(reasoner: "Reasoner") -> None:
    """Say on standard error what answers were computed in, because they differ with it, and why."""
    if sys.stderr is not None:  # it may be closed, and print would take standard output
        print(f"Arithmetic: {reasoner.arithmetic}.", file=sys.stderr)


def open_weights(folder: Path, dtype: str) -> "Reasoner":
    """Weights for PyTorch."""
    from gram.solve import reasoner

    return reasoner.load(folder, dtype=dtype)


def open_bundle(folder: Path, dtype: str) -> "Reasoner":
    """A bundle, without PyTorch. ValueError if onnxruntime is missing, or for a `dtype` that it does not have."""
    try:
        from gram.ship import onnx_backend
    except ImportError as error:
        raise ValueError(f"{folder} is a bundle, but {error.name} is missing; pip install onnxruntime.") from None
    loaded = onnx_backend.load(folder)
    if dtype not in ("auto", loaded.network.dtype):
        raise ValueError(
            f"The bundle {folder} computes in {loaded.network.dtype}, not in {dtype}; leave --dtype out, or give the "
            "weights that it was made of."
        )
    return loaded


# puzzles to measure on -----------------------------------------------------------------------------------
def examples(task: Task, data: Path | None, split: str, limit: int | None, edge_probability: float | None) -> Examples:
    """The puzzles to measure on, with all their targets: those of a file, or the task's own of a split. `limit` takes
    a sample that is always the same."""
    from gram.tasks.coloring import Coloring
    from gram.tasks.maze.task import Maze
    from gram.tasks.own.task import Table
    from gram.tasks.sudoku.task import Sudoku

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
        targets = []
        for row in rows:
            targets.append(solutions(task, puzzles[row], row))
            if sum(map(len, targets)) * task.spec.length > LISTED:
                raise ValueError(f"The puzzles up to {row + 1} have too many answers to list; use a smaller --limit.")
        first = np.cumsum([0, *map(len, targets)]).astype(np.int64)
        return Examples(puzzles[rows], np.concatenate([puzzles[:0], *targets]), first)
    return found.select(sample_rows(len(found), limit))


def sample_rows(count: int, limit: int | None) -> np.ndarray:
    """`limit` of `count` row numbers in ascending order, always the same."""
    return np.sort(np.random.default_rng(0).permutation(count)[:limit])


def solutions(task: Task, puzzle: Tokens, row: int) -> Tokens:
    """All answers of puzzle (L,), (S, L). ValueError if there are none, or too many to list."""
    try:
        found = task.solutions(puzzle, budget=LISTING * task.quick)
    except RuntimeError:
        raise ValueError(f"Puzzle {row + 1} has too many answers to list them all; leave it out.") from None
    if not len(found):
        raise ValueError(f"Puzzle {row + 1} has no solution; leave it out.")
    return found
