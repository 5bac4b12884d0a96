"""Fuzz of the readers of puzzles: files that are damaged, and files that hold a known puzzle in some form.

    python tests/fuzz/readers.py [--count 100000] [--seed 0] [--seconds 600]

A damaged file is read or refused in one sentence, within SECONDS and BYTES. A known puzzle is read as it is or refused:
never as another one. Prints what went wrong and how many cases there were; exit code 1 if any did.
"""

import argparse
import gzip
import io
import json
import re
import resource
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
from harness import BYTES, SECONDS, peak
from mutate import damaged, json_text

from gram import tasks
from gram.console.inputs import of_file

TASKS = ("sudoku-9", "sudoku-4", "queens-8", "queens-12", "coloring-8", "coloring-10", "maze-10", "maze-12")
LONGEST = 1500
"""Characters of a sentence at most."""
Write = Callable[[str, int], str]


# known puzzles in many forms ------------------------------------------------------------------------------
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


# cases ----------------------------------------------------------------------------------------------------
def case(rng: np.random.Generator) -> tuple[str, bytes, list[str] | None, str]:
    """A task, the bytes of a file, the puzzles that it holds if it is whole, and what it is."""
    name = str(rng.choice(TASKS))
    kind, n = name.split("-")[0], side_of(name)
    texts = [str(rng.choice(known(name))) for _ in range(int(rng.choice([1, 1, 1, 2, 3])))]
    forms = FORMS[kind]
    form = str(rng.choice(list(forms)))
    if kind != "coloring" and rng.random() < 0.05:
        form, data = "array", array_of(texts, name, rng)
    else:
        single = len(texts) == 1 or form in ("JSON", "cells", "CSV", "semicolons", "XML", "numbers", "tabs", "header")
        texts = texts[:1] if single or (kind == "coloring" and form not in ("line", "own", "DIMACS")) else texts
        apart = "\n" if form in ("own", "line") else "\n\n"
        data = packed(apart.join(forms[form](text, n) for text in texts), rng)
    change = rng.random()
    if change < 0.4:
        return name, data, texts, form
    if change < 0.5:
        other = str(rng.choice(TASKS))
        return other, data, None, f"{form} of {name}"
    if change < 0.6:
        value = json.loads(json.dumps([{"puzzle": text} for text in texts]))
        try:
            return name, json_text(value, rng), None, "JSON"
        except RecursionError:  # deeper than Python writes it
            return name, b"[" * 900, None, "JSON"
    for _ in range(int(rng.choice([1, 1, 2, 4]))):
        data = damaged(data, rng)
    return name, data, None, f"damaged {form}"


def wrong(name: str, data: bytes, texts: list[str] | None, path: Path, tally: Counter) -> Iterator[str]:
    """What is wrong with how one file is read."""
    task = tasks.task(name)
    path.write_bytes(data)
    before, begin, sentence = peak(), time.perf_counter(), None
    try:
        found = of_file(task, path)
        read = [task.encode(puzzle) for puzzle in found.puzzles]
        tally["read"] += 1
    except (ValueError, OSError) as error:
        read, sentence = [], str(error)
        tally["refused"] += 1
    except Exception:
        yield traceback.format_exc()[-1200:]
        return
    if time.perf_counter() - begin > SECONDS:
        yield f"{time.perf_counter() - begin:.1f} s"
    if peak() - before > BYTES:
        yield f"{(peak() - before) / 1e6:.0f} MB"
    if sentence is not None and not 8 < len(sentence) < LONGEST:
        yield f"a sentence of {len(sentence)} characters: {sentence[:200]}"
    if texts is not None and sentence is None:
        right = [task.show(task.encode(text)) for text in texts]
        if [task.show(row) for row in read] != right:
            yield f"another puzzle: {[task.show(row) for row in read]} instead of {right}"
    if texts is not None:
        tally["known, read" if sentence is None else "known, refused"] += 1


def fuzz(count: int, seed: int, seconds: float) -> tuple[list[str], Counter]:
    """The faults, and how many cases of each kind there were; ends after `seconds`."""
    faults, tally, end = [], Counter(), time.monotonic() + seconds
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for number in range(count):
            if time.monotonic() > end:
                break
            name, data, texts, form = case(np.random.default_rng([seed, number]))
            found = list(wrong(name, data, texts, Path(folder) / "file", tally))
            faults += [f"case {number}, {name}, {form}: {what}" for what in found]
            tally["cases"] += 1
    return faults, tally


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=3600)
    given = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_DATA, (8 << 30, 8 << 30))
    faults, tally = fuzz(given.count, given.seed, given.seconds)
    print("\n".join(faults[:200]))
    print(f"{len(faults)} faults; " + ", ".join(f"{kind} {number:,}" for kind, number in tally.items()))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
