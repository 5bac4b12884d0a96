"""Answers without the rules: python benchmarks/no_rules.py sudoku-9 --puzzles 200

A trajectory ends where its halting logit exceeds the threshold of the weights, and gives no answer if that does not
happen within its steps. First, one long trajectory of every puzzle: the share solved by each of `--steps` (a trajectory
of fewer steps is the beginning of a longer one), with the wrong answers. Then `--width` trajectories of `--depth`
steps, one after the other until one of them halts: the share solved by 1, 2, 5, ... of them. The rules only judge at
the end. An evaluation is one row through one supervision step.
"""

import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import puzzles

from gram.measure.record import hardware, origin, print_json
from gram.solve.reasoner import Reasoner
from gram.solve.sampler import completed

Run = Callable[[np.ndarray, int, int], tuple[np.ndarray, np.ndarray, np.ndarray]]
"""`halting` of a network: of puzzles, a depth, and the number of a trajectory."""


def halting(
    reasoner: Reasoner, threshold: float, x: np.ndarray, depth: int, trajectory: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """One trajectory of each puzzle (n, L): whether it halted, whether its answer is right, its steps; (n,) each."""
    options = reasoner.options({"width": 1, "depth": depth, "select": "first"})
    found = dict(completed(reasoner.network, reasoner.task, x, options, first=trajectory))
    rows = [found[i] for i in range(len(x))]
    halted = np.array([row.halt[0] > threshold for row in rows], bool)
    right = reasoner.task.check(x, np.stack([row.answers[0] for row in rows]))
    return halted, right, np.array([row.steps[0] for row in rows])


def deep(run: Run, x: np.ndarray, steps: list[int]) -> dict[str, Any]:
    """One trajectory of each puzzle, and what of it was there after each of `steps`."""
    halted, right, taken = run(x, max(steps), 0)
    by = {str(depth): float((halted & right & (taken <= depth)).mean()) for depth in steps}
    return {"solved": by, "wrong": int((halted & ~right).sum()), "evaluations": float(taken.mean())}


def wide(run: Run, x: np.ndarray, width: int, depth: int) -> dict[str, Any]:
    """Trajectory after trajectory of the puzzles of which none has halted."""
    n, solved, wrong, evaluations = len(x), {}, 0, 0
    left, right_ones = np.arange(n), 0
    for trajectory in range(width):
        if len(left):
            halted, right, taken = run(x[left], depth, trajectory)
            right_ones, wrong = right_ones + int((halted & right).sum()), wrong + int((halted & ~right).sum())
            evaluations += int(taken.sum())
            left = left[~halted]
        if trajectory + 1 in (1, 2, 5, 10, width):
            solved[str(trajectory + 1)] = right_ones / n
    return {"solved": solved, "wrong": wrong, "evaluations": evaluations / n, "depth": depth}


def main() -> None:
    parser = puzzles.parser(__doc__ or "", "sudoku-9", puzzles=200, threads=1)
    parser.add_argument("--first", type=int, default=0, help="puzzles of it to leave out")
    parser.add_argument("--steps", type=int, nargs="+", default=[16, 64, 256, 1024])
    parser.add_argument("--width", type=int, default=20, help="0 leaves this part out")
    parser.add_argument("--depth", type=int, default=64, help="steps of each of these trajectories")
    asked = parser.parse_args()
    reasoner, x = puzzles.begun(asked, skip=asked.first)
    threshold = reasoner.config.solve.halt_threshold
    assert threshold is not None, "these weights have no halting threshold"
    run = partial(halting, reasoner, threshold)
    values: dict[str, Any] = {"benchmark": "no_rules", **vars(asked), "puzzles": len(x)}
    del values["out"]
    values |= {"arithmetic": reasoner.arithmetic, "halt_threshold": threshold, "hardware": hardware(), **origin()}
    begin = time.perf_counter()
    values["deep"] = deep(run, x, sorted(asked.steps)) | {"seconds": time.perf_counter() - begin}
    print_json(values, asked.out)
    if asked.width:
        begin = time.perf_counter()
        values["wide"] = wide(run, x, asked.width, asked.depth) | {"seconds": time.perf_counter() - begin}
        print_json(values, asked.out)


if __name__ == "__main__":
    main()
