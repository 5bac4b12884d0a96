"""The tasks by name."""

import difflib

from gram.tasks.base import Task

FORMS = (
    "sudoku-4, sudoku-6, sudoku-9, queens-N (N from 4 to 16), "
    "coloring-N (N from 2 to 24, three colours), coloring-N-kK (K from 2 to 8 colours); "
    "to generate: sudoku-boards, sudoku-boards-4, mnist"
)


def names() -> list[str]:
    """Every name of a task; "coloring-N-k3" is "coloring-N" and listed once."""
    sudoku = [f"sudoku-{size}" for size in (4, 6, 9)]
    queens = [f"queens-{n}" for n in range(4, 17)]
    coloring = [f"coloring-{n}" + (f"-k{k}" if k != 3 else "") for n in range(2, 25) for k in (3, 2, 4, 5, 6, 7, 8)]
    return sudoku + queens + coloring + ["sudoku-boards", "sudoku-boards-4", "mnist"]


def task(name: str) -> Task:
    """The task of that name. ValueError for an unknown one, with the valid forms and the closest name."""
    short = name.removesuffix("-k3") if name.startswith("coloring-") else name
    if short not in names():
        closest = difflib.get_close_matches(name, names(), n=1, cutoff=0)[0]
        raise ValueError(f"no task {name!r}: there are {FORMS}; did you mean {closest!r}?")
    if short.startswith("sudoku-boards"):
        from gram.tasks.sudoku_boards import SudokuBoards

        return SudokuBoards(4 if short.endswith("-4") else 9)
    if short == "mnist":
        from gram.tasks.mnist import Mnist

        return Mnist()
    kind, size, *colors = short.split("-")
    # imported late: asking for one task loads that task only
    if kind == "sudoku":
        from gram.tasks.sudoku import Sudoku

        return Sudoku(int(size))
    if kind == "queens":
        from gram.tasks.nqueens import NQueens

        return NQueens(int(size))
    from gram.tasks.coloring import Coloring

    return Coloring(int(size), int(colors[0].removeprefix("k")) if colors else 3)
