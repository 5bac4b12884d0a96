"""The tasks by name."""

import dataclasses
import difflib
from importlib.metadata import EntryPoint, entry_points

from gram.config import Config
from gram.tasks.base import OWN, Task

FORMS = (
    "sudoku-4, sudoku-6, sudoku-9, queens-N (N from 4 to 16), "
    "coloring-N (N from 2 to 24, three colours), coloring-N-kK (K from 2 to 8 colours), maze-N (N from 10 to 30), "
    "arc-1 and arc-2 (their puzzles within N x N: arc-1-N, arc-2-N, N from 5 to 29), "
    "own (your own data); to generate: sudoku-boards, sudoku-boards-4, mnist"
)
GENERATED = ["sudoku-boards", "sudoku-boards-4", "mnist"]
GROUP = "gram.tasks"
"""Entry points of other packages: the name of a task, and a class or function that makes it without arguments."""


def names() -> list[str]:
    """Every name of a task; "coloring-N-k3" is "coloring-N" and listed once."""
    sudoku = [f"sudoku-{size}" for size in (4, 6, 9)]
    queens = [f"queens-{n}" for n in range(4, 17)]
    coloring = [f"coloring-{n}" + (f"-k{k}" if k != 3 else "") for n in range(2, 25) for k in (3, 2, 4, 5, 6, 7, 8)]
    mazes = [f"maze-{n}" for n in range(10, 31)]
    arc = [f"arc-{n}{side}" for n in (1, 2) for side in ("", *(f"-{size}" for size in range(5, 30)))]
    return sudoku + queens + coloring + mazes + arc + GENERATED + sorted(installed())


def forms() -> str:
    """Every form of a name, for people."""
    return ", ".join([FORMS, *sorted(installed())])


def installed() -> dict[str, EntryPoint]:
    """Tasks of other packages by name."""
    return {entry.name: entry for entry in entry_points(group=GROUP)}


def of(config: Config, *, trust: bool = False, check: str | None = None) -> Task:
    """The task of a configuration: by its name, one's own data as its table describes them, or ARC with the puzzles
    that it names.

    The check that a table names is code of whoever wrote the configuration. It is run only with `trust`; `check`
    (file.py:function) takes its place. ValueError for a `check` where the task has rules of its own."""
    if check is not None and config.table is None:
        raise ValueError(f"The task {config.task} has rules of its own; leave the check out.")
    if config.arc is not None:
        from gram.tasks.arc.task import Arc

        return Arc(config.task, config.arc)
    if config.table is None:
        return task(config.task)
    from gram.tasks.own.task import Table

    return Table(config.table, trust=trust, check=check)


def described(config: Config, task: Task) -> Config:
    """`config` with what its task learnt from files, so that weights answer without them."""
    from gram.tasks.arc.task import Arc

    return dataclasses.replace(config, arc=task.config) if isinstance(task, Arc) else config


def task(name: str) -> Task:
    """The task of that name. ValueError for an unknown one, with the valid forms and the closest name."""
    if name == OWN:
        raise ValueError(f"the task {OWN} is what its data are: gram train {OWN} --data FILE --out DIR, then use DIR")
    short = name.removesuffix("-k3") if name.startswith("coloring-") else name
    if short not in names():
        closest = difflib.get_close_matches(name, names(), n=1, cutoff=0)[0]
        raise ValueError(f"no task {name!r}: there are {forms()}; did you mean {closest!r}?")
    if short in installed():
        return _make(installed()[short])
    if short.startswith("sudoku-boards"):
        from gram.tasks.sudoku.boards import SudokuBoards

        return SudokuBoards(4 if short.endswith("-4") else 9)
    if short == "mnist":
        from gram.tasks.mnist import Mnist

        return Mnist()
    if short.startswith("arc-"):
        from gram.tasks.arc.task import Arc

        return Arc(short)
    kind, size, *colors = short.split("-")
    # imported late: asking for one task loads that task only
    if kind == "sudoku":
        from gram.tasks.sudoku.task import Sudoku

        return Sudoku(int(size))
    if kind == "queens":
        from gram.tasks.queens import NQueens

        return NQueens(int(size))
    if kind == "maze":
        from gram.tasks.maze.task import Maze

        return Maze(int(size))
    from gram.tasks.coloring import Coloring

    return Coloring(int(size), int(colors[0].removeprefix("k")) if colors else 3)


def _make(entry: EntryPoint) -> Task:
    """The task of another package."""
    whose = f"the task {entry.name!r} of another package ({entry.value})"
    try:
        made = entry.load()()
    except Exception as error:
        raise ValueError(f"{whose} cannot be loaded: {type(error).__name__}: {error}; repair or remove it") from error
    if not isinstance(made, Task) or made.spec.name != entry.name:
        raise ValueError(f"{whose} makes no task of that name; its entry point must name one that does")
    return made
