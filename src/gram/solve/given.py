"""Puzzles from Python: text, tokens, grids of numbers or characters, lists of them, columns of a table."""

from typing import Any

import numpy as np

from gram.tasks.base import OWN, Task


def listed(task: Task, given: Any) -> tuple[list[Any], bool]:
    """The puzzles, each as text or tokens (L,), and whether a single one was given. ValueError for an invalid
    puzzle."""
    if hasattr(given, "columns"):
        raise ValueError("A table has several columns; give the one with the puzzles, such as table['question'].")
    if is_one(task, given):
        return [plain(task, given)], True
    if not hasattr(given, "__iter__"):
        raise ValueError(f"A puzzle is text, an array or a list of rows, not {type(given).__name__}.")
    return [plain(task, puzzle) for puzzle in given], False


def is_one(task: Task, given: Any) -> bool:
    """Whether this is one puzzle, and not several."""
    if isinstance(given, str):
        return True
    if isinstance(given, np.ndarray):
        numbers = given.dtype.kind in "iufb"
        return (
            given.ndim == 0 or (given.ndim == 1 and numbers) or (given.ndim == 2 and given.shape[1] != task.spec.length)
        )
    if not isinstance(given, list | tuple) or not len(given):
        return False
    if task.spec.name == OWN:
        return all(isinstance(item, int | np.integer) for item in given)
    return all(isinstance(row, list | tuple) and all(map(is_cell, row)) for row in given)


def is_cell(item: Any) -> bool:
    return isinstance(item, int | np.integer) or (isinstance(item, str) and len(item) == 1)


def plain(task: Task, puzzle: Any) -> Any:
    """One puzzle as text or tokens."""
    if isinstance(puzzle, str) or (isinstance(puzzle, np.ndarray) and puzzle.ndim == 1):
        return puzzle
    if task.spec.name == OWN and isinstance(puzzle, list | tuple):
        return " ".join(map(str, puzzle))
    if isinstance(puzzle, list | tuple) or (isinstance(puzzle, np.ndarray) and puzzle.ndim == 2):
        return "\n".join("".join(character(task, cell) for cell in row) for row in puzzle)
    raise ValueError(f"A puzzle is text, an array of tokens or rows of cells, not {type(puzzle).__name__}.")


def character(task: Task, cell: Any) -> str:
    """A cell of a grid as a character."""
    if isinstance(cell, str):
        return cell
    if not isinstance(cell, int | np.integer) or not 0 <= cell < len(task.numerals):
        known = f"0 to {len(task.numerals) - 1}" if task.numerals else "none: give characters or text"
        raise ValueError(f"A cell of this grid is {cell!r}; the numbers of {task.spec.name} are {known}.")
    return task.numerals[cell]
