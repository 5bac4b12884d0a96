"""The tasks by name."""

import dataclasses
import difflib
import functools
import re
from collections.abc import Callable
from importlib.metadata import EntryPoint, entry_points
from pkgutil import resolve_name
from typing import Any

from gram.config import Config
from gram.tasks.base import OWN, Task

GROUP = "gram.tasks"
"""Entry points of other packages: the name of a task, and a class or function that makes it without arguments."""


def numbers(name: str) -> list[Any]:
    """The numbers in a name: "coloring-8-k4" -> [8, 4]."""
    return [int(digits) for digits in re.findall(r"\d+", name)]


@dataclasses.dataclass(frozen=True)
class Kind:
    """Tasks that differ in size only."""

    form: str
    """Their names, for people."""
    names: list[str]
    make: str
    """The class, "module:Class"; imported when it is asked for."""
    arguments: Callable[[str], list[Any]] = numbers
    """What makes the task of a name, for that class."""


KINDS = {
    "sudoku": Kind(
        "sudoku-4, sudoku-6, sudoku-9", [f"sudoku-{size}" for size in (4, 6, 9)], "gram.tasks.sudoku.task:Sudoku"
    ),
    "queens": Kind("queens-N (N from 4 to 16)", [f"queens-{n}" for n in range(4, 17)], "gram.tasks.queens:NQueens"),
    "coloring": Kind(
        "coloring-N (N from 2 to 24, three colors), coloring-N-kK (K from 2 to 8 colors)",
        [f"coloring-{n}" + (f"-k{k}" if k != 3 else "") for n in range(2, 25) for k in (3, 2, 4, 5, 6, 7, 8)],
        "gram.tasks.coloring:Coloring",
    ),
    "maze": Kind("maze-N (N from 10 to 30)", [f"maze-{n}" for n in range(10, 31)], "gram.tasks.maze.task:Maze"),
    "arc": Kind(
        "arc-1 and arc-2 (their puzzles within N x N: arc-1-N, arc-2-N, N from 5 to 29)",
        [f"arc-{n}{side}" for n in (1, 2) for side in ("", *(f"-{size}" for size in range(5, 30)))],
        "gram.tasks.arc.task:Arc",
        lambda name: [name],
    ),
    "sudoku-boards": Kind(
        "sudoku-boards and sudoku-boards-4 (to generate)",
        ["sudoku-boards", "sudoku-boards-4"],
        "gram.tasks.sudoku.boards:SudokuBoards",
    ),
    "mnist": Kind("mnist (to generate)", ["mnist"], "gram.tasks.mnist:Mnist"),
}
"""Every kind of task of this package. A new one is its file and a line here; recipes are in gram.recipes."""


@functools.cache
def kinds() -> dict[str, str]:
    """The kind of each task of this package, and of one's own data, by name."""
    return {name: kind for kind, each in KINDS.items() for name in each.names} | {OWN: OWN}


def names() -> list[str]:
    """Every name of a task; "coloring-N-k3" is "coloring-N" and listed once."""
    return [*(name for each in KINDS.values() for name in each.names), *sorted(installed())]


def forms() -> str:
    """Every form of a name, for people."""
    return ", ".join([*(each.form for each in KINDS.values()), f"{OWN} (your own data)", *sorted(installed())])


def plain(name: str) -> str:
    """Three colors need not be spelt out."""
    return name.removesuffix("-k3") if name.startswith("coloring-") else name


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
    if config.rows is not None:
        from gram.tasks.own.rows import Rows

        return Rows(config.rows)
    if config.table is None:
        return task(config.task)
    from gram.tasks.own.task import Table

    return Table(config.table, trust=trust, check=check)


def described(config: Config, task: Task) -> Config:
    """`config` with what its task learnt from files, so that weights answer without them, and the mixer that fits."""
    from gram.tasks.arc.task import Arc

    if config.model.mixer == "auto":
        mixer = "swiglu" if task.even else "attention"
        config = dataclasses.replace(config, model=dataclasses.replace(config.model, mixer=mixer))
    return dataclasses.replace(config, arc=task.config) if isinstance(task, Arc) else config


def task(name: str) -> Task:
    """The task of that name. ValueError for an unknown one, with the valid forms and the closest name."""
    if name == OWN:
        raise ValueError(f"the task {OWN} is what its data are: gram train {OWN} --data FILE --out DIR, then use DIR")
    short = plain(name)
    if short in kinds():
        kind = KINDS[kinds()[short]]
        return resolve_name(kind.make)(*kind.arguments(short))
    if short in installed():
        return _make(installed()[short])
    closest = difflib.get_close_matches(name, names(), n=1, cutoff=0)[0]
    raise ValueError(f"no task {name!r}: there are {forms()}; did you mean {closest!r}?")


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
