"""Fuzz of the readers of files: such as are damaged, and such as hold something known in some form.

    python tests/fuzz/readers.py [--count 100000] [--seed 0] [--log FILE]

A damaged file is read or refused in one sentence, within SECONDS and BYTES. A known puzzle, or a known record of one's
own data, is read as it is or refused: never as another one. Prints what went wrong and how many cases there were; exit
code 1 if any did.
"""

import argparse
import json
import os
import resource
import shutil
import sys
import tempfile
import traceback
import warnings
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
from forms import FORMS, TASKS, array_of, known, packed, side_of
from harness import PYTHONS, Outcome, Stuck, Tally, alarm, gone_through, measured, tell
from mutate import damaged, json_text
from records import KINDS, Record

from gram import tasks
from gram.console.inputs import of_file
from gram.tasks.base import Task

LONGEST = 1500
"""Characters of a sentence at most."""
PORTION = 4000
"""Cases of a process, and of a line of the log."""
RECORDS = 0.35
"""Share of the cases that are no puzzles but records."""


# cases ----------------------------------------------------------------------------------------------------
def puzzle(rng: np.random.Generator) -> tuple[str, Record]:
    """A file of puzzles, for the task that they are of or for another one."""
    name = str(rng.choice(TASKS))
    kind, n = name.split("-")[0], side_of(name)
    texts = [str(rng.choice(known(name))) for _ in range(int(rng.choice([1, 1, 1, 2, 3])))]
    forms = FORMS[kind]
    form = str(rng.choice(list(forms)))
    if kind != "coloring" and rng.random() < 0.05:
        form, data = "array", array_of(texts, name, rng)
    elif rng.random() < 0.1:
        form, data = "JSON objects", json_of(texts, rng)
        return f"{name}, {form}", ("file", data, None, reader(name))
    else:
        single = len(texts) == 1 or form in ("JSON", "cells", "CSV", "semicolons", "XML", "numbers", "tabs", "header")
        texts = texts[:1] if single or (kind == "coloring" and form not in ("line", "own", "DIMACS")) else texts
        apart = "\n" if form in ("own", "line") else "\n\n"
        data = packed(apart.join(forms[form](text, n) for text in texts), rng)
    if rng.random() < 0.1:
        other = str(rng.choice(TASKS))
        return f"{form} of {name} for {other}", ("file", data, None, reader(other))
    task = task_of(name)
    right = [task.show(task.encode(text)) for text in texts]
    return f"{name}, {form}", ("file", data, right, reader(name, told=form == "from 0"))


@cache
def task_of(name: str) -> Task:
    return tasks.task(name)


def reader(name: str, *, told: bool = False) -> Callable[[Path], Any]:
    """How puzzles are read. told: reading a graph with a note that its vertices may count from 0 is no mistake."""
    task = task_of(name)

    def read(path: Path) -> list[str]:
        found = of_file(task, path)
        if told and (notes := [note for note in found.notes if "--base 0" in note]):
            raise ValueError(notes[0])
        return [task.show(task.encode(text)) for text in found.puzzles]

    return read


def json_of(texts: list[str], rng: np.random.Generator) -> bytes:
    return json_text([{"puzzle": text} for text in texts], rng)


def case(rng: np.random.Generator) -> tuple[str, Record]:
    """What a case is, and its file; damaged ones hold nothing that is known."""
    if rng.random() < RECORDS:
        label = str(rng.choice(list(KINDS)))
        record = KINDS[label](rng)
    else:
        label, record = puzzle(rng)
    name, data, right, read = record
    if right is None or rng.random() < 0.45:
        return label, record
    if name.endswith((".json", ".jsonl")) and data[:1] in b"[{" and rng.random() < 0.5:
        try:
            return f"restructured {label}", (name, json_text(json.loads(data), rng), None, read)
        except ValueError:  # lines of it
            pass
    for _ in range(int(rng.choice([1, 1, 2, 4]))):
        data = damaged(data, rng)
    return f"damaged {label}", (name, data, None, read)


def judged(record: Record, folder: Path) -> tuple[list[str], str]:
    """What is wrong with how a file is read, and what became of it."""
    name, data, right, read = record
    path = folder / name
    path.write_bytes(data)
    found, sentence = None, None
    try:
        with measured() as cost, alarm():
            found = read(path)
    except (ValueError, OSError) as error:
        sentence = str(error)
    except (Exception, Stuck):
        return [traceback.format_exc()[-1200:]], "traceback"
    faults = list(cost.faults())
    if sentence is not None and (found := PYTHONS.search(sentence)):
        faults.append(f"{found[0]!r} in {sentence[:200]}")
    if sentence is not None and not 8 < len(sentence) < LONGEST:
        faults.append(f"a sentence of {len(sentence)} characters: {sentence[:200]}")
    if right is not None and sentence is None and found != right:
        faults.append(f"something else: {found} instead of {right}")
    return faults, f"{'unknown' if right is None else 'known'}, {'read' if sentence is None else 'refused'}"


def work(numbers: range, seed: int) -> None:
    """What a worker does: a line for each case on standard output."""
    resource.setrlimit(resource.RLIMIT_DATA, (8 << 30, 8 << 30))
    warnings.simplefilter("ignore")
    report = os.fdopen(os.dup(1), "w")
    with tempfile.TemporaryDirectory() as name:
        for turn, number in enumerate(
            [numbers[0], *numbers]
        ):  # the first one twice: what is loaded late is loaded then
            label, faults, kind = "the fuzzer", [], ""
            try:
                label, record = case(np.random.default_rng([seed, number]))
                faults, kind = judged(record, Path(name))
            except Exception:
                faults = [traceback.format_exc()]
            if turn:
                tell(Outcome(number, f"{label}: {faults[0]}" if faults else "", kind), report)
            for path in Path(name).iterdir():
                shutil.rmtree(path) if path.is_dir() else path.unlink()


def fuzz(count: int, seed: int, first: int = 0, log: Path | None = None) -> Tally:
    """What came of the cases."""

    def command(begin: int, number: int) -> list[str]:
        return [__file__, "--worker", "--seed", str(seed), "--first", str(begin), "--count", str(number)]

    return gone_through(f"readers {seed}", command, first, count, log, PORTION)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--log", type=Path, help="what is done; a later call goes on from there")
    parser.add_argument("--worker", action="store_true", help="for the fuzzer's own processes")
    given = parser.parse_args()
    if given.worker:
        work(range(given.first, given.first + given.count), given.seed)
        return 0
    tally = fuzz(given.count, given.seed, given.first, given.log)
    for fault in tally.faults[:200]:
        print(f"case {fault.number}, {fault.what}")
    kinds = ", ".join(f"{kind} {number:,}" for kind, number in sorted(tally.kinds.items()))
    print(f"{len(tally.faults)} faults; cases {tally.kinds.total():,}, {kinds}")
    return 1 if tally.faults else 0


if __name__ == "__main__":
    sys.exit(main())
