"""Known puzzles as text, in the forms that people write them in."""

import gzip
import io
import json
import re
from collections.abc import Callable
from functools import cache

import numpy as np

from gram import tasks

TASKS = ("sudoku-9", "sudoku-4", "queens-8", "queens-12", "coloring-8", "coloring-10", "maze-10", "maze-12")
Write = Callable[[str, int], str]
"""(puzzle as text, length of its sides) -> a file of it."""


def side_of(name: str) -> int:
    return int(name.split("-")[1])


def rows_of(text: str, n: int) -> list[str]:
    flat = text.replace("/", "")
    return [flat[at : at + n] for at in range(0, n * n, n)]


def frame(rows: list[str], corner: str, bar: str, side: str) -> str:
    rule = corner + bar * (2 * len(rows[0]) + 1) + corner
    return "\n".join([rule, *(f"{side} {' '.join(row)} {side}" for row in rows), rule])


GRIDS: dict[str, Write] = {
    "a line": lambda t, n: t.replace("/", ""),
    "rows": lambda t, n: "\n".join(rows_of(t, n)),
    "ASCII": lambda t, n: frame(rows_of(t.replace(" ", "."), n), "+", "-", "|"),
    "box": lambda t, n: frame(rows_of(t.replace(" ", "."), n), "┼", "─", "│"),
    "spaced": lambda t, n: "\n".join(" ".join(row) for row in rows_of(t.replace(" ", "."), n)),
    "JSON": lambda t, n: json.dumps(rows_of(t, n)),
    "cells": lambda t, n: json.dumps([list(row) for row in rows_of(t, n)]),
    "own": lambda t, n: json.dumps({"puzzle": t, "answer": None, "valid": None}),
    "CSV": lambda t, n: f'id,puzzle,solution\n1,"{t}",x\n',
    "semicolons": lambda t, n: f"ID;Question;Rating\n1;{t};2\n",
}
SUDOKU: dict[str, Write] = {
    **{f"blank {b}": lambda t, n, b=b: t.replace(".", b) for b in "0_-*?x "},
    **{f"rows {b}": lambda t, n, b=b: "\n".join(rows_of(t, n)).replace(".", b) for b in "0_-*?x "},
    **{f"frame {b}": lambda t, n, b=b: frame(rows_of(t.replace(".", b), n), "+", "-", "|") for b in "0-x"},
    **{f"bars {b}": lambda t, n, b=b: frame(rows_of(t.replace(".", b), n), "-", "-", "|") for b in "0-x"},
    "commas": lambda t, n: "\n".join(",".join(row) for row in rows_of(t.replace(".", "0"), n)),
    "bank": lambda t, n: f"0af183b305c {t} 7.1",
    "sdk": lambda t, n: "#A x\n[Puzzle]\n" + "\n".join(rows_of(t, n)),
    "XML": lambda t, n: f"<opensudoku><game data='{t}'/></opensudoku>",
    "numbers": lambda t, n: json.dumps([[int(c) for c in row.replace(".", "0")] for row in rows_of(t, n)]),
}
QUEENS: dict[str, Write] = {
    "0 and 1": lambda t, n: "\n".join(rows_of(t.replace(".", "0").replace("Q", "1"), n)),
    "slashes": lambda t, n: t,
    "dashes": lambda t, n: "\n".join(rows_of(t.replace(".", "-"), n)),
    "columns": lambda t, n: " ".join(str(row.index("Q") + 1) if "Q" in row else "." for row in rows_of(t, n)),
    "FEN": lambda t, n: re.sub(r"\.+", lambda dots: str(len(dots[0])), t),
}
MAZES: dict[str, Write] = {
    "slashes": lambda t, n: t,
    "stripped": lambda t, n: "\n".join(row.rstrip() for row in rows_of(t, n)),
    "digits": lambda t, n: "\n".join(rows_of(t.replace(" ", "0").replace("#", "1"), n)),
    "other digits": lambda t, n: "\n".join(rows_of(t.replace(" ", "1").replace("#", "0"), n)),
    "blocks": lambda t, n: "\n".join(rows_of(t.replace("#", "█").replace("G", "E"), n)),
    "twice": lambda t, n: "\n".join("".join(c * 2 for c in row) for row in rows_of(t, n)),
    "border": lambda t, n: "\n".join(["#" * (n + 2), *(f"#{row}#" for row in rows_of(t, n)), "#" * (n + 2)]),
    "numbers": lambda t, n: json.dumps([[" #SG".index(c) for c in row] for row in rows_of(t, n)]),
}
GRAPHS: dict[str, Write] = {
    "line": lambda t, n: t,
    "lines": lambda t, n: t.replace(" ", "\n"),
    "pairs": lambda t, n: t.replace(" ", "\n").replace("-", " "),
    "tabs": lambda t, n: "source\ttarget\n" + t.replace(" ", "\n").replace("-", "\t"),
    "header": lambda t, n: f"{n} {t.count('-')}\n" + t.replace(" ", "\n").replace("-", " "),
    "from 0": lambda t, n: " ".join("-".join(str(int(v) - 1) for v in edge.split("-")) for edge in t.split()),
    "weights": lambda t, n: "\n".join(f"{edge.replace('-', ' ')} 0.5" for edge in t.split()),
    "DIMACS": lambda t, n: f"p edge {n} {t.count('-')}\n" + "\n".join(f"e {e.replace('-', ' ')}" for e in t.split()),
    "JSON": lambda t, n: json.dumps([[int(v) for v in edge.split("-")] for edge in t.split()]),
    "own": lambda t, n: json.dumps({"puzzle": t}),
    "CSV": lambda t, n: f"graph;x\n{t};1\n",
}
FORMS = {"sudoku": GRIDS | SUDOKU, "queens": GRIDS | QUEENS, "maze": GRIDS | MAZES, "coloring": GRAPHS}


@cache
def known(name: str) -> list[str]:
    """Puzzles of a task as text."""
    task = tasks.task(name)
    return [task.show(row) for row in task.examples("dev", seed=0, count=20).inputs]


def packed(text: str, rng: np.random.Generator) -> bytes:
    """A text in some encoding, with some ends of lines, compressed or not."""
    text = text.replace("\n", str(rng.choice(["\n", "\r\n"]))) + str(rng.choice(["", "\n"]))
    data = text.encode(str(rng.choice(["utf-8", "utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])))
    return gzip.compress(data) if rng.random() < 0.2 else data


def array_of(texts: list[str], name: str, rng: np.random.Generator) -> bytes:
    """Boards as an array of tokens, as the published code lays them out."""
    task, out = tasks.task(name), io.BytesIO()
    arrays = {"all__inputs": np.stack([task.encode(text) for text in texts]).astype(rng.choice(["u1", "i4", "i8"]))}
    np.savez(out, **arrays)  # pyright: ignore
    return out.getvalue()
