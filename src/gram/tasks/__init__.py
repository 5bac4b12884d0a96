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
"""Entry point group of other packages: a task name -> a class or function that creates the task without arguments."""


def numbers(name: str) -> list[Any]:
    """The numbers in a name: "coloring-8-k4" -> [8, 4]."""
    return [int(digits) for digits in re.findall(r"\d+", name)]


@dataclasses.dataclass(frozen=True)
class Kind:
    """Tasks that differ only in size."""

    form: str
    """Description of their names, for people."""
    names: list[str]
    make: str
    """The class as "module:Class", imported on first use."""
    arguments: Callable[[str], list[Any]] = numbers
    """Arguments of the class for a name."""


KINDS = {
    "sudoku": Kind(
        "sudoku-N (N is 4, 6, 9, 12, 16 or 25), sudoku-6-3x2",
        [f"sudoku-{size}" for size in (4, 6, "6-3x2", 9, 12, 16, 25)],
        "gram.tasks.sudoku.task:Sudoku",
    ),
    "queens": Kind("queens-N (N from 4 to 16)", [f"queens-{n}" for n in range(4, 17)], "gram.tasks.queens:NQueens"),
    "coloring": Kind(
        "coloring-N (N from 2 to 24), coloring-N-kK (K from 2 to 8 colors)",
        [f"coloring-{n}" + (f"-k{k}" if k != 3 else "") for n in range(2, 25) for k in (3, 2, 4, 5, 6, 7, 8)],
        "gram.tasks.coloring:Coloring",
    ),
    "maze": Kind("maze-N (N from 5 to 40)", [f"maze-{n}" for n in range(5, 41)], "gram.tasks.maze.task:Maze"),
    "arc": Kind(
        "arc-1, arc-2, arc-1-N, arc-2-N (within N x N, N from 5 to 29)",
        [f"arc-{n}{side}" for n in (1, 2) for side in ("", *(f"-{size}" for size in range(5, 30)))],
        "gram.tasks.arc.task:Arc",
        lambda name: [name],
    ),
    "sudoku-boards": Kind(
        "sudoku-boards, sudoku-boards-4 (to generate)",
        ["sudoku-boards", "sudoku-boards-4"],
        "gram.tasks.sudoku.boards:SudokuBoards",
    ),
    "mnist": Kind("mnist (to generate)", ["mnist"], "gram.tasks.mnist:Mnist"),
}
"""Every kind of task in this package. A new kind needs its file and an entry here; recipes are in gram.recipes."""


@functools.cache
def kinds() -> dict[str, str]:
    """Name -> kind of each task in this package, including your own data."""
    return {name: kind for kind, each in KINDS.items() for name in each.names} | {OWN: OWN}


def names() -> list[str]:
    """All task names; "coloring-N-k3" is listed once, as "coloring-N"."""
    return [*(name for each in KINDS.values() for name in each.names), *sorted(installed())]


def forms() -> str:
    """All forms of task names, for people."""
    return ", ".join([*(each.form for each in KINDS.values()), f"{OWN} (your own data)", *sorted(installed())])


def plain(name: str) -> str:
    """The short form of a name, without the default of three colors."""
    return name.removesuffix("-k3") if name.startswith("coloring-") else name


def installed() -> dict[str, EntryPoint]:
    """Name -> entry point of the tasks of other packages."""
    return {entry.name: entry for entry in entry_points(group=GROUP)}


def of(config: Config, *, trust: bool = False, check: str | None = None) -> Task:
    """The task of a configuration: by name, for your own data by the table, for ARC with the configured puzzles.

    A check named in a table is code of whoever wrote the configuration. It runs only with `trust`; `check`
    (file.py:function) replaces it. ValueError for a `check` if the task has its own rules."""
    if check is not None and config.table is None:
        raise ValueError(f"The task {config.task} has its own rules; leave out the check.")
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
    """`config` with what the task read from files, so that weights answer without them, and with the mixer resolved."""
    from gram.tasks.arc.task import Arc

    if config.model.mixer == "auto":
        fits = task.spec.length <= 2 * config.model.mixer_hidden  # more positions do not pass through its hidden layer
        mixer = "swiglu" if task.even and fits else "attention"
        config = dataclasses.replace(config, model=dataclasses.replace(config.model, mixer=mixer))
    return dataclasses.replace(config, arc=task.config) if isinstance(task, Arc) else config


def task(name: str) -> Task:
    """The task of that name. ValueError for an unknown name, with the valid forms and the closest name."""
    if name == OWN:
        raise ValueError(f"The task {OWN} needs data: run gram train {OWN} --data FILE --out DIR, then use DIR.")
    short = plain(name)
    if short in kinds():
        kind = KINDS[kinds()[short]]
        return resolve_name(kind.make)(*kind.arguments(short))
    if short in installed():
        return _make(installed()[short])
    closest = difflib.get_close_matches(name, names(), n=1, cutoff=0)[0]
    raise ValueError(f"Unknown task {name!r}; known: {forms()}; did you mean {closest!r}?")


def _make(entry: EntryPoint) -> Task:
    """Create a task of another package."""
    whose = f"The task {entry.name!r} of another package ({entry.value})"
    try:
        made = entry.load()()
    except Exception as error:
        raise ValueError(f"{whose} cannot be loaded: {type(error).__name__}: {error}; repair or remove it.") from error
    if not isinstance(made, Task) or made.spec.name != entry.name:
        raise ValueError(f"{whose} does not create a task of that name; correct its entry point.")
    return made
