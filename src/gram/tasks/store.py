"""Where examples come from: files in the data folder, or the task's own generator."""

import os
from pathlib import Path

import numpy as np

from gram.tasks.base import Examples, Task

FOLDERS = ("data", "../shared/data")


def data_file(name: str) -> Path:
    """A data file by path, or by its path below $GRAM_DATA, ./data or ../shared/data. FileNotFoundError if it is in
    none of them."""
    folders = [os.environ["GRAM_DATA"]] if "GRAM_DATA" in os.environ else FOLDERS
    for candidate in [Path(name), *(Path(folder) / name for folder in folders)]:
        if candidate.is_file():
            return candidate
    raise FileNotFoundError(
        f"There is no data file {name!r}, neither here nor in {', '.join(map(str, folders))}; "
        "set GRAM_DATA to the folder that holds it."
    )


def load_examples(
    task: Task, files: tuple[str, ...], split: str, *, seed: int = 0, count: int | None = None
) -> Examples:
    """The examples of `files` (CSV with question and answer), or the task's own of a split when there are none.

    `count` draws a seeded sample of that size at most."""
    if not files:
        return task.examples(split, seed=0, count=count)
    from gram.tasks.sudoku import Sudoku, read_bank
    from gram.tasks.sudoku_boards import SudokuBoards

    if isinstance(task, SudokuBoards):
        return task.load([data_file(name) for name in files])
    if not isinstance(task, Sudoku):
        raise ValueError(f"Task {task.spec.name} takes no data files; leave `data` empty.")
    parts = [read_bank(data_file(name), task) for name in files]
    examples = Examples.single(np.concatenate([p.inputs for p in parts]), np.concatenate([p.targets for p in parts]))
    if count is None or count >= len(examples):
        return examples
    return examples.select(np.sort(np.random.default_rng(seed).permutation(len(examples))[:count]))
