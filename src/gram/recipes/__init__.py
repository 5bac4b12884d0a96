"""Named experiments, one small function each, which returns a complete Config.

Laptop recipes train in minutes on one core; shipped weights hold the settings of their training. Paper recipes follow
arXiv:2605.19376 and need a GPU. A baseline or an ablation is another recipe with changed fields.
"""

import dataclasses
import difflib
import re
import warnings

from gram import tasks
from gram.config import Config
from gram.recipes.laptop import LAPTOP, VARIED
from gram.recipes.paper import PAPER
from gram.recipes.variants import LARGE, RENAMED, VARIANTS, change

__all__ = ["VARIANTS", "change", "names", "recipe", "split"]


def recipe(name: str) -> Config:
    """The recipe of that name; a task of another package has the recipe of your own data, with its relations.
    ValueError with the closest name otherwise."""
    scale, task, variant = split(name)
    makers = PAPER if scale == "paper" else LAPTOP
    maker = makers.get(task) or makers.get(tasks.kinds().get(tasks.plain(task), ""))
    if maker is None and scale == "laptop" and task in tasks.installed():
        maker = other
    if maker is not None:
        for old, new in RENAMED.items():
            if variant == new and name.endswith(f"-{old}"):
                name = f"{name.removesuffix(old)}{new}"
                warnings.warn(
                    f"The variant {old!r} is called {new!r} now; this is {name}.", FutureWarning, stacklevel=2
                )
        config = dataclasses.replace(maker(task), recipe=name)
        if variant is None:
            return config
        if variant in VARIANTS:
            large = LARGE.get(variant, {}) if scale == "paper" else {}
            made = change(change(config, **VARIANTS[variant]), model=large)
            of_all = f"{tasks.kinds().get(tasks.plain(task), task)}-{variant}" if scale == "laptop" else name
            varied = VARIED.get(name) or VARIED.get(of_all)
            return varied(made) if varied else made
    known = [*names(), *(f"{name}-{variant}" for name in names() for variant in VARIANTS)]
    close = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {close[0]!r}?" if close else f"known: {', '.join(names())}."
    raise ValueError(f"There is no recipe {name!r}; {hint}")


def other(task: str) -> Config:
    """The recipe for a task of another package."""
    made = tasks.task(task)
    related = bool(made.spec.relations or made.spec.directed)
    model = {"mixer": "groups", "positions": "none"} if related else {}
    return change(LAPTOP[tasks.OWN](task), model=model, solve={} if made.checkable else {"select": "majority"})


def split(name: str) -> tuple[str, str, str | None]:
    """The name of a recipe -> its scale ("laptop" or "paper"), task and variant (None for GRAM itself). The task is ""
    if it is not a name of a recipe."""
    bare = name.removeprefix("paper-")
    ends = [len(bare), *(i for i in reversed(range(len(bare))) if bare[i] == "-")]  # sudoku-boards-4, not sudoku-boards
    for known in (tasks.kinds, tasks.installed):  # packages are searched only if needed
        there = known()
        end = next((end for end in ends if tasks.plain(bare[:end]) in there), None)
        variant = bare[end + 1 :] if end != len(bare) and end is not None else None
        if end is not None and (variant is None or re.fullmatch(r"[a-z][a-z0-9-]*", variant)):
            return "laptop" if bare == name else "paper", bare[:end], RENAMED.get(variant or "", variant)
    return "laptop", "", None


def names() -> list[str]:
    """The recipes behind the shipped weights and the tables. queens-N, coloring-N, arc-1-N and arc-2-N exist for every
    size, and every recipe with every variant: queens-8-trm, paper-sudoku-9-hrm."""
    tasks = ["queens-8", "queens-10", "coloring-8", "coloring-10", "sudoku-4", "sudoku-6", "sudoku-9"]
    samples = ["sudoku-boards", "sudoku-boards-4", "mnist"]
    both = ["queens-8", "queens-10", "coloring-8", "coloring-10", "sudoku-9", "maze-30", "sudoku-boards", "mnist"]
    puzzles = ["maze-10", "maze-30", "arc-1", "arc-1-10", "arc-2"]
    return [*tasks, *puzzles, *samples, "own", *(f"paper-{name}" for name in [*both, "arc-1", "arc-2"])]
