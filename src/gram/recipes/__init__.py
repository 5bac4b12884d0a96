"""Every named experiment: one small function each, from nothing to a whole Config.

Laptop recipes train in minutes on one core; weights that ship hold the settings they were made with. Paper recipes
restate arXiv:2605.19376 and want a GPU. A baseline or an ablation is another recipe with changed fields.
"""

import dataclasses
import difflib
import re

from gram.config import Config
from gram.recipes.laptop import LAPTOP
from gram.recipes.paper import PAPER
from gram.recipes.variants import LARGE, VARIANTS, change

__all__ = ["VARIANTS", "change", "names", "recipe", "split"]

KINDS = r"own|mnist|sudoku-boards(?:-4)?|arc-[12](?:-\d+)?|(?:queens|coloring|sudoku|maze)-\d+(?:-k\d+)?"


def recipe(name: str) -> Config:
    """The recipe of that name. ValueError with the closest name otherwise."""
    scale, task, variant = split(name)
    makers = PAPER if scale == "paper" else LAPTOP
    if maker := makers.get(task) or makers.get(task.split("-")[0]):
        config = dataclasses.replace(maker(task), recipe=name)
        if variant is None:
            return config
        if variant in VARIANTS:
            large = LARGE.get(variant, {}) if scale == "paper" else {}
            return change(change(config, **VARIANTS[variant]), model=large)
    known = [*names(), *(f"{name}-{variant}" for name in names() for variant in VARIANTS)]
    close = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {close[0]!r}?" if close else f"known: {', '.join(names())}."
    raise ValueError(f"There is no recipe {name!r}; {hint}")


def split(name: str) -> tuple[str, str, str | None]:
    """The name of a recipe -> its scale ("laptop" or "paper"), task and variant (None for GRAM itself). What is no
    such name has the task ""."""
    match = re.fullmatch(rf"(paper-)?({KINDS})(?:-([a-z][a-z0-9-]*))?", name)
    if match is None:
        return "laptop", "", None
    paper, task, variant = match.groups()
    return "paper" if paper else "laptop", task, variant


def names() -> list[str]:
    """The recipes behind the shipped weights and the tables. queens-N, coloring-N, arc-1-N and arc-2-N exist for every
    size, and every recipe with every variant: queens-8-trm, paper-sudoku-9-hrm."""
    tasks = ["queens-8", "queens-10", "coloring-8", "coloring-10", "sudoku-4", "sudoku-6", "sudoku-9"]
    samples = ["sudoku-boards", "sudoku-boards-4", "mnist"]
    both = ["queens-8", "queens-10", "coloring-8", "coloring-10", "sudoku-9", "maze-30", "sudoku-boards", "mnist"]
    puzzles = ["maze-10", "maze-30", "arc-1", "arc-1-10", "arc-2"]
    return [*tasks, *puzzles, *samples, "own", *(f"paper-{name}" for name in [*both, "arc-1", "arc-2"])]
