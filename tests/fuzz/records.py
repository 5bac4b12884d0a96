"""Files that are no puzzles alone: one's own data, tables, ARC, MNIST, public sets, and what the published code writes.

A kind is a function of a generator that gives the name of a file, its bytes, what it holds, and how it is read; what it
holds is compared with what the reader returns.
"""

import csv
import gzip
import io
import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from forms import packed

from gram import tasks
from gram.config import ArcConfig, RowsConfig, TableConfig
from gram.console import arc as arc_files
from gram.report import learning_curves
from gram.ship import official_files
from gram.tasks.arc.reading import read_puzzles
from gram.tasks.arc.task import Arc
from gram.tasks.data import datasets, mnist_files, store
from gram.tasks.mnist import read_idx
from gram.tasks.own import rows as tables
from gram.tasks.own.files import read_pairs
from gram.tasks.own.learn import learn
from gram.tasks.own.task import Table
from gram.train import log

Read = Callable[[Path], Any]
Record = tuple[str, bytes, Any, Read]
"""Name and bytes of a file, what it holds (None where nobody compares), and how it is read."""
ALPHABET = "ab .,;-#\u00fc\u6f22"


def text_of(rng: np.random.Generator, length: int) -> str:
    return "".join(rng.choice(list(ALPHABET), length))


def ending(name: str, data: bytes) -> str:
    return name + ".gz" * (data[:2] == b"\x1f\x8b")


# one's own data -------------------------------------------------------------------------------------------
def own(rng: np.random.Generator) -> Record:
    """Inputs and targets as JSON Lines, a JSON list, CSV, TSV or NPZ, characters or integers."""
    form = str(rng.choice(["jsonl", "json", "csv", "tsv", "npz"]))
    integers = form == "npz" or rng.random() < 0.5
    count, length = int(rng.integers(1, 6)), int(rng.integers(2, 9))
    if form == "npz":
        return own_arrays(rng, count, length)

    def sequence() -> str | list[int]:
        if integers:
            return rng.integers(-3, 200, length).tolist()
        return text_of(rng, length).strip() or "a"

    pairs: list[Any] = [(sequence(), [sequence()]) for _ in range(count)]
    if form in ("jsonl", "json"):
        many = bool(rng.random() < 0.5)
        objects = [{"input": x, **({"targets": ys} if many else {"target": ys[0]})} for x, ys in pairs]
        text = json.dumps(objects) if form == "json" else "\n".join(map(json.dumps, objects))
    else:
        out = io.StringIO()
        names = [("input", "target"), ("Question", "Answer"), ("puzzle", "solution")][int(rng.integers(3))]
        cells = [[" ".join(map(str, s)) if integers else s for s in (x, *ys)] for x, ys in pairs]
        csv.writer(out, delimiter="\t" if form == "tsv" else ",", lineterminator="\n").writerows([names, *cells])
        text = out.getvalue()
    data = packed(text, rng)
    return ending(f"own.{form}", data), data, pairs, read_own


def own_arrays(rng: np.random.Generator, count: int, length: int) -> Record:
    first = np.concatenate([[0], np.cumsum(rng.integers(1, 4, count))])
    kinds = ["i1", "u1", "i4", "u8"]
    inputs, targets = (rng.integers(0, 100, (n, length)).astype(rng.choice(["u1", "i4"])) for n in (count, first[-1]))
    out = io.BytesIO()
    np.savez(out, inputs=inputs, targets=targets, first=first.astype(rng.choice(kinds)))
    there = targets.tolist()
    pairs = [(x, there[first[i] : first[i + 1]]) for i, x in enumerate(inputs.tolist())]
    return "own.npz", out.getvalue(), pairs, read_own


def read_own(path: Path) -> Any:
    """The pairs; what is learnt of them, and the task, must come about or be refused as well."""
    found = [(one.input, one.targets) for one in read_pairs(path)]
    config = learn([path])
    Table(config).load([path])
    list(own_task().read(path))
    return found


@cache
def own_task() -> Table:
    symbols = tuple("ab")
    return Table(
        TableConfig(
            kind="characters",
            input_symbols=symbols,
            target_symbols=symbols,
            input_length=4,
            target_length=4,
            in_place=True,
        )
    )


def table(rng: np.random.Generator) -> Record:
    """Rows of columns, for completion."""
    count, width = int(rng.integers(1, 8)), int(rng.integers(2, 5))
    header = [f"column {n}" for n in range(width)]
    rows = [
        [str(rng.choice(["a", "b", "?", "", "1.5", "-3", "1e400", "x,y", "nan"])) for _ in header] for _ in range(count)
    ]
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows([header, *rows])
    data = packed(out.getvalue(), rng)
    return ending("table.csv", data), data, (header, rows), read_table


def read_table(path: Path) -> Any:
    config: RowsConfig | None = None
    for bins in (None, 3):
        try:
            config = tables.learn_rows([path], bins)
        except ValueError as error:
            refused(error)
    if config is not None:
        tables.Rows(config).load([path])
    return tables.read_table(path)


def refused(error: ValueError) -> None:
    """A sentence that is not the case's own must be short as well."""
    if len(str(error)) > 1500:
        raise AssertionError(f"a sentence of {len(str(error))} characters: {str(error)[:200]}")


# ARC ------------------------------------------------------------------------------------------------------
def grid(rng: np.random.Generator) -> list[list[int]]:
    return rng.integers(0, 10, rng.integers(1, 7, 2)).tolist()


def arc(rng: np.random.Generator) -> Record:
    """Puzzles by name, or one alone."""

    def pairs(most: int, known: float) -> list[dict[str, Any]]:
        one = lambda: {"input": grid(rng)} | ({"output": grid(rng)} if rng.random() < known else {})  # noqa: E731
        return [one() for _ in range(int(rng.integers(1, most)))]

    puzzles = {f"p{n}": {"train": pairs(3, 1.0), "test": pairs(3, 0.5)} for n in range(int(rng.integers(1, 3)))}
    values = puzzles["p0"] if len(puzzles) == 1 else puzzles
    data = packed(json.dumps(values), rng)
    held = [
        [[[p["input"], p.get("output")] for p in one[part]] for part in ("train", "test")] for one in puzzles.values()
    ]
    return ending("p0.json", data), data, held, read_arc


def read_arc(path: Path) -> Any:
    lists = lambda pairs: [[g if g is None else g.tolist() for g in pair] for pair in pairs]  # noqa: E731
    found = read_puzzles(path)
    for reader in (arc_task().read, lambda path: arc_files.in_file(arc_task(), path)):
        try:
            list(reader(path))
        except ValueError as error:
            refused(error)
    return [[lists(one.shown), lists(one.asked)] for one in found]


@cache
def arc_task() -> Arc:
    return Arc("arc-1-6", ArcConfig(names=("one",), contents=("0123456789abcdef",), variants=1))


def arc_lines(rng: np.random.Generator) -> Record:
    """A name and a grid a line."""
    rows = ["/".join("".join(map(str, row)) for row in grid(rng)) for _ in range(int(rng.integers(1, 4)))]
    data = packed("\n".join(f"one {row}" for row in rows), rng)
    return ending("lines.txt", data), data, rows, read_lines


def read_lines(path: Path) -> Any:
    asked = arc_files.in_file(arc_task(), path)
    return ["/".join("".join(map(str, row)) for row in one.pair.input.tolist()) for one in asked]


# what the program stores, and what others do --------------------------------------------------------------
def idx(rng: np.random.Generator) -> Record:
    """A file of MNIST."""
    axes = int(rng.choice([1, 3]))
    shape = [int(rng.integers(1, 4)), 28, 28][:axes]
    content = rng.integers(0, 256, shape).astype(np.uint8)
    data = bytes([0, 0, 8, axes]) + b"".join(n.to_bytes(4, "big") for n in shape) + content.tobytes()
    name = "t10k-images-idx3-ubyte.gz" if axes == 3 else "t10k-labels-idx1-ubyte.gz"

    def read(path: Path) -> Any:
        mnist_files.check(path)
        return read_idx(str(path), axes).tolist()

    return name, gzip.compress(data), content.tolist(), read


@cache
def solved(name: str) -> list[tuple[str, str]]:
    task = tasks.task(name)
    some = task.examples("dev", seed=0, count=12)
    return [(task.show(x), task.decode(some.targets[some.first[i]])) for i, x in enumerate(some.inputs)]


def examples(rng: np.random.Generator) -> Record:
    """Questions and answers of the public sets."""
    name = str(rng.choice(["sudoku-9", "sudoku-4", "maze-10"]))
    chosen = [solved(name)[int(rng.integers(12))] for _ in range(int(rng.integers(1, 5)))]
    if name.startswith("maze"):
        chosen = [(x.replace("/", ""), y.replace("/", "")) for x, y in chosen]
    data = packed("source,question,answer\n" + "".join(f"here,{x},{y}\n" for x, y in chosen), rng)

    def read(path: Path) -> Any:
        task = tasks.task(name)
        found = task.load([path])
        shown = [(task.show(x), task.decode(y)) for x, y in zip(found.inputs, found.targets, strict=True)]
        return [(x.replace("/", ""), y.replace("/", "")) for x, y in shown] if name.startswith("maze") else shown

    return ending("bank.csv", data), data, chosen, read


def public(rng: np.random.Generator) -> Record:
    """Files under the names of public sets, which hold something else."""
    name = str(rng.choice(["sudoku_extreme_1k_train.csv.gz", "arc1_training.json.gz", "train-labels-idx1-ubyte.gz"]))
    if name.endswith(".csv.gz"):
        data = examples(rng)[1]
    elif name.endswith(".json.gz"):
        data = arc(rng)[1]
    else:
        data = idx(rng)[1]
    data = gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data
    folder = {"s": "sudoku", "a": "arc", "t": "mnist"}[name[0]]
    check = {"s": datasets.check_sudoku, "a": datasets.check_arc, "t": mnist_files.check}[name[0]]

    def read(path: Path) -> Any:
        check(path)
        below = path.parent / folder / name
        below.parent.mkdir(exist_ok=True)
        below.write_bytes(path.read_bytes())
        datasets.authentic(path.parent, f"{folder}/{name}")
        return "authentic"

    return name, gzip.compress(data), None, read


def manifest(rng: np.random.Generator) -> Record:
    values = {"rows": {"origin": "here", "files": {"x.csv": {"bytes": int(rng.integers(9)), "sha256": "0"}}}}
    return store.MANIFEST, json.dumps(values).encode(), values, lambda path: store.read_manifest(path.parent)


def settings(rng: np.random.Generator) -> Record:
    """all_config.yaml of the published code."""
    arch: dict[str, Any] = {
        "H_cycles": 3,
        "L_cycles": 4,
        "H_layers": 0,
        "L_layers": 2,
        "hidden_size": 64,
        "num_heads": 2,
    }
    arch |= {"pos_encodings": str(rng.choice(["none", "rope"]))}
    arch |= {"name": official_files.TRM, "expansion": 4, "halt_max_steps": 16, "mlp_t": bool(rng.random() < 0.5)}
    text = "arch:\n" + "".join(f"  {key}: {json.dumps(value).strip(chr(34))}\n" for key, value in arch.items())

    def read(path: Path) -> Any:
        found = official_files.read_settings(path)
        official_files.architecture_of(found, path)
        return found["arch"]

    return "all_config.yaml", (text + "seed: 0\n").encode(), arch, read


def metrics(rng: np.random.Generator) -> Record:
    """metrics.jsonl of a run."""
    lines = [{"kind": "train", "update": n, "ce": float(rng.random()), "kl": 0.5} for n in range(1, 5)]
    text = "".join(json.dumps(line) + "\n" for line in lines)

    def read(path: Path) -> Any:
        if not (config := path.parent / "config.json").exists():
            config.write_bytes(
                (Path(official_files.__file__).parents[1] / "pretrained/queens-8/config.json").read_bytes()
            )
        found = learning_curves.read(path.parent)
        log._cut(path, 2)
        return [update for update, _ in found.surrogate]

    return "metrics.jsonl", text.encode(), [1, 2, 3, 4], read


KINDS: dict[str, Callable[[np.random.Generator], Record]] = {
    **{"own data": own, "table": table, "ARC": arc, "ARC lines": arc_lines, "MNIST": idx, "examples": examples},
    **{"public set": public, "manifest": manifest, "settings": settings, "metrics": metrics},
}
