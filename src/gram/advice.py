"""Names of the shipped weights, so that advice names only existing ones."""

import re
from pathlib import Path

FOLDER = Path(__file__).parent / "pretrained"


def names() -> list[str]:
    """Names of the weights in the package."""
    return sorted(path.parent.name for path in FOLDER.glob("*/config.json"))


FILLED = ("coloring-", "maze-")
"""Kinds of tasks that fill smaller puzzles up to their size, which is the number in their names."""


def larger(task: str, size: int) -> str | None:
    """The smallest task with weights, of the kind of `task`, that takes puzzles of that size; None if there is none."""
    parts = re.fullmatch(r"([a-z]+-)(\d+)(.*)", task)
    if parts is None or parts[1] not in FILLED:
        return None
    same = (re.fullmatch(f"{parts[1]}(\\d+){parts[3]}", name) for name in names())
    sizes = sorted(int(found[1]) for found in same if found and int(found[1]) >= size)
    return f"{parts[1]}{sizes[0]}{parts[3]}" if sizes else None


def fitting(task: str, size: int) -> str:
    """What to do with a puzzle of that size, which is larger than those of `task`: which task with weights takes it, or
    how weights for it are had."""
    known = larger(task, size)
    if known is None:
        wanted = re.sub(r"\d+", str(size), task, count=1)
        return f"train weights for it with `gram train {wanted} --out DIR`."
    return f"give it to {known}{', which fills it up' if known != re.sub('[0-9]+', str(size), task, count=1) else ''}."
