"""A search over candidates, with the rules and without: python benchmarks/search.py sudoku-9-search

With the rules a puzzle is over when the checker accepts an answer. Without them one
trajectory runs until one candidate is left everywhere; that is its answer, right or wrong, and a trajectory that does
not come so far within its steps gives none. An evaluation is one row through one supervision step. Seconds are of the
first `--alone` puzzles, one at a time, from tokens to checked answer.
"""

import time
from typing import Any

import numpy as np
import puzzles

from gram.measure.record import hardware, origin, print_json
from gram.solve.sampler import completed
from gram.solve.select import choose


def spread(values: Any) -> dict[str, float]:
    """Mean, median, 95th percentile and largest."""
    found = np.asarray(values, np.float64)
    return {
        "mean": float(found.mean()),
        "median": float(np.median(found)),
        "p95": float(np.quantile(found, 0.95)),
        "largest": float(found.max()),
    }


def main() -> None:
    parser = puzzles.parser(__doc__ or "", "sudoku-9-search", puzzles=None, threads=2)
    parser.add_argument("--split", choices=("dev", "test"), default="dev", help="of the task's own puzzles")
    parser.add_argument("--skip", type=int, default=0, help="puzzles of the permutation to leave out")
    parser.add_argument("--alone", type=int, default=100, help="puzzles that are also timed one at a time")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--width", type=int, help="with the rules; that of the weights if not given")
    parser.add_argument("--depth", type=int, help="that of the weights if not given")
    parser.add_argument("--drop-below", type=float)
    parser.add_argument("--give-up-below", type=float)
    parser.add_argument("--restart-every", type=int)
    parser.add_argument("--parts", nargs="+", choices=("rules", "no_rules"), default=["rules", "no_rules"])
    asked = parser.parse_args()
    reasoner, x = puzzles.begun(asked, asked.split, asked.skip)
    task, network = reasoner.task, reasoner.network
    named = {
        name: getattr(asked, name)
        for name in ("width", "depth", "drop_below", "give_up_below", "restart_every", "seed")
    }
    options = reasoner.options(named)
    values: dict[str, Any] = {
        "benchmark": "search",
        **vars(asked),
        "puzzles": len(x),
        "arithmetic": reasoner.arithmetic,
    }
    del values["out"]
    values |= {name: getattr(options, name) for name in named}
    values |= {"hardware": hardware(), **origin()}

    if "rules" in asked.parts:
        begin = time.perf_counter()
        found = dict(completed(network, task, x, options, want=1))
        solved = [choose(task, x[i], found[i], "checked").right for i in range(len(x))]
        values["rules"] = {
            "solved": float(np.mean(solved)),
            "unsolved": int(len(x) - sum(solved)),
            "evaluations": spread([found[i].evaluations for i in range(len(x))]),
            "seconds_together": time.perf_counter() - begin,
        }
    if "no_rules" in asked.parts:
        free = reasoner.options(named | {"select": "first", "width": 1})
        assert free.want is None
        found = dict(completed(network, task, x, free))
        ended = np.array([found[i].halt[0] > 0 for i in range(len(x))])
        right = task.check(x, np.concatenate([found[i].answers[:1] for i in range(len(x))]))
        values["no_rules"] = {
            "answered": float(ended.mean()),
            "wrong": int((ended & ~right).sum()),
            "evaluations": spread([found[i].evaluations for i in range(len(x))]),
        }
    if asked.alone:
        seconds = []
        reasoner.solve(x[0], **named)
        for puzzle in x[: asked.alone]:
            begin = time.perf_counter()
            reasoner.solve(puzzle, **named)
            seconds.append(time.perf_counter() - begin)
        values["seconds_alone"] = spread(seconds)
    print_json(values, asked.out)


if __name__ == "__main__":
    main()
