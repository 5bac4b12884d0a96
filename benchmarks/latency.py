"""Seconds to answer one puzzle with the shipped weights, on this machine: python benchmarks/latency.py

Each line is a task and a rule of selection, over several puzzles of the dev split, answered one by one
(the checks before sampling included, loading not). Halting as the weights have it.
"""

import argparse
import json
import time

import numpy as np
import torch

import gram
from gram.solve.record import hardware
from gram.tasks.store import load_examples


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", default=["queens-8", "sudoku-9"], help="shipped weights")
    parser.add_argument("--puzzles", type=int, default=25)
    parser.add_argument("--width", type=int, default=20)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    print(json.dumps({"hardware": hardware(), "threads": options.threads, "width": options.width}))
    for name in options.names:
        reasoner = gram.load(name)
        examples = load_examples(reasoner.task, reasoner.config.dev[:1], "dev", count=options.puzzles)
        for select in ("majority", "checked"):
            reasoner.solve(examples.inputs[:1], width=options.width, select=select)  # warm
            seconds, valid = [], 0
            for puzzle in examples.inputs:
                begin = time.perf_counter()
                [answer] = reasoner.solve(puzzle[None], width=options.width, select=select)
                seconds.append(time.perf_counter() - begin)
                valid += answer.valid
            p50, p95 = np.percentile(seconds, [50, 95])
            figures = {"p50_ms": round(1e3 * p50), "p95_ms": round(1e3 * p95), "valid": valid, "of": len(examples)}
            print(json.dumps({"weights": name, "select": select} | figures), flush=True)


if __name__ == "__main__":
    main()
