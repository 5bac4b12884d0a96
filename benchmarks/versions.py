"""Two versions of the code in turns, to see whether solving and training became slower:

    python benchmarks/versions.py OLD NEW [--turns 5] [--out FILE]

OLD and NEW are checkouts (`git worktree add --detach OLD COMMIT`). Each turn is a new process of one thread that
answers the same dev puzzles five times, of which the fastest counts, and trains 40 updates of each recipe in float32,
uncompiled. It prints medians of the seconds that the processes computed, their ratio NEW / OLD, and the evaluations,
which are equal where the answers are.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

PUZZLES = {"queens-8": 60, "sudoku-6": 40, "coloring-8": 60}
RECIPES = "queens-8", "sudoku-4", "coloring-8"
REPEATS = 5
UPDATES = 40


def seconds_of(work: Callable[[], Any]) -> tuple[float, Any]:
    """The seconds that this process computes, and the result."""
    begin = time.process_time()
    found = work()
    return time.process_time() - begin, found


def turn(puzzles: dict[str, list[list[int]]]) -> dict[str, list[float]]:
    """Seconds and evaluations of each part, by the version that this process imports."""
    import numpy as np
    import torch

    import gram
    from gram.recipes import change, recipe
    from gram.train.loop import train

    torch.set_num_threads(1)
    found: dict[str, list[float]] = {}
    for name, tokens in puzzles.items():
        for dtype in ("float32", "bfloat16"):
            reasoner, asked = gram.load(name, dtype=dtype), np.array(tokens, np.uint8)
            runs = [seconds_of(lambda r=reasoner, x=asked: r.solve(x)) for _ in range(REPEATS)]
            seconds = min(s for s, _ in runs)
            found[f"solve {name} {dtype}"] = [seconds, sum(answer.evaluations for answer in runs[0][1])]
    short = {"updates": 2 * UPDATES, "minutes": None, "dtype": "float32", "compile": False, "evaluate_every": 1e6}
    for name in RECIPES:
        config = change(recipe(name), train=short)
        with tempfile.TemporaryDirectory() as folder:
            seconds, _ = seconds_of(lambda c=config, f=folder: train(c, Path(f) / "run", stop_at=UPDATES))
        found[f"train {name} float32"] = [seconds, UPDATES]
    return found


def asked_of(checkout: Path, puzzles: Path) -> dict[str, list[float]]:
    """`turn` in a new process that imports this checkout."""
    environment = os.environ | {"PYTHONPATH": str(checkout.resolve() / "src"), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, __file__, "--puzzles", str(puzzles)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    if done.returncode:
        sys.exit(f"{checkout} failed: {done.stderr.strip()[-500:]}")
    return json.loads(done.stdout.splitlines()[-1])


def compared(old: list[dict[str, list[float]]], new: list[dict[str, list[float]]]) -> dict[str, Any]:
    """For each part the medians in seconds, their ratio, and whether both evaluated as much."""
    parts = {}
    for name in new[0]:
        before, after = (statistics.median(each[name][0] for each in turns) for turns in (old, new))
        parts[name] = {"old": before, "new": after, "ratio": after / before}
        parts[name] |= {"count_old": old[0][name][1], "count_new": new[0][name][1]}
    return parts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkouts", type=Path, nargs="*", metavar="OLD NEW")
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--puzzles", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.puzzles is not None:
        print(json.dumps(turn(json.loads(given.puzzles.read_text()))))
        return
    if len(given.checkouts) != 2:
        parser.error("give two checkouts, the old one first.")
    from gram import tasks
    from gram.measure.record import hardware

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "puzzles.json"
        inputs = {name: tasks.task(name).examples("dev", count=n).inputs.tolist() for name, n in PUZZLES.items()}
        file.write_text(json.dumps(inputs))
        old, new = [], []
        for _ in range(given.turns):
            for checkout, turns in zip(given.checkouts, (old, new), strict=True):
                turns.append(asked_of(checkout, file))
    parts = compared(old, new)
    for name, part in parts.items():
        print("{:28} {old:7.3f} s {new:7.3f} s {ratio:6.3f}  {count_old:g} {count_new:g}".format(name, **part))
    if given.out is not None:
        about = {"benchmark": "versions", "hardware": hardware() | {"threads": 1}, "turns": given.turns}
        given.out.write_text(json.dumps(about | {"parts": parts}, indent=1) + "\n")


if __name__ == "__main__":
    main()
