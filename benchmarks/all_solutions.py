"""All solutions of boards, and what the lists cost: python benchmarks/all_solutions.py queens-8 coloring-10

Every board is solved with want "all", twice: with the exact solver's count, which ends the search once as many answers
are found (as `gram solve` does), and without it, so that the rules alone must prove that the list is complete. The
exact solver judges both lists afterwards. An evaluation is one row through one supervision step.
"""

import argparse
import time
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import torch

import gram
from gram.measure.record import hardware, origin, print_json


def spread(values: Any) -> dict[str, float]:
    """Mean, median, 95th percentile and largest."""
    found = np.asarray(values, np.float64)
    quantiles = {"median": float(np.median(found)), "p95": float(np.quantile(found, 0.95))}
    return {"mean": float(found.mean())} | quantiles | {"largest": float(found.max())}


def listed(reasoner: gram.Reasoner, boards: np.ndarray, seed: int) -> dict[str, Any]:
    """The lists of all boards (n, L), against the exact solver."""
    task, begin = reasoner.task, time.perf_counter()
    exist, found, ruled, evaluations, seconds, complete, claimed, wrong = [], 0, 0, [], [], 0, 0, 0
    for i, board in enumerate(boards):
        answer = reasoner.solve(board, want="all", seed=seed)
        exact = {task.decode(each) for each in task.solutions(board)}
        right = set(answer.distinct) == exact
        exist.append(len(exact))
        found += len(exact & set(answer.distinct))
        ruled += sum(c.votes == 0 for c in answer.candidates)
        evaluations.append(answer.evaluations)
        seconds.append(answer.seconds)
        complete, claimed, wrong = (
            complete + right,
            claimed + bool(answer.all),
            wrong + (bool(answer.all) and not right),
        )
        if i % 20 == 19:
            print(f"{i + 1} of {len(boards)}, {time.perf_counter() - begin:.0f} s", flush=True)
    return {
        "complete": complete / len(boards),
        "claimed": claimed / len(boards),
        "wrong_claims": wrong,
        "solutions": {"all": sum(exist), **spread(exist)},
        "found": found,
        "by_rules": ruled,
        "evaluations": spread(evaluations),
        "evaluations_per_solution": sum(evaluations) / sum(exist),
        "seconds": spread(seconds),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("weights", nargs="*", default=["queens-8", "coloring-10"], help="shipped weights or folders")
    parser.add_argument("--boards", type=int, default=200)
    parser.add_argument("--split", choices=("dev", "test"), default="test")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--dtype", choices=("auto", "float32", "bfloat16"), default="auto")
    parser.add_argument("--out", type=Path, help="JSON file to write")
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    values: dict[str, Any] = {"benchmark": "all_solutions", **vars(asked), "hardware": hardware(), **origin()}
    del values["out"]
    for name in asked.weights:
        reasoner = gram.load(name, dtype=asked.dtype)
        task = reasoner.task
        parts = {"boards": task.examples(asked.split, count=asked.boards).inputs}
        if task.spec.name.startswith("queens"):
            parts["empty_board"] = np.ones((1, task.spec.length), np.uint8)
        values[name] = {"arithmetic": reasoner.arithmetic}
        for part, boards in parts.items():
            values[name][part] = {"counted": listed(reasoner, boards, asked.seed)}
            with patch.object(task, "count", return_value=None):
                values[name][part]["rules_alone"] = listed(reasoner, boards, asked.seed)
    print_json(values, asked.out)


if __name__ == "__main__":
    main()
