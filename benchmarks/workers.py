"""`--ray` on this machine against one process: python benchmarks/workers.py --out results/bench/workers.json

The same puzzles are answered by one process with one thread, and by `--workers` workers of Ray with one thread each, in
turns (A B A B ...). Each turn is a new process. "answering" are the seconds of the answers alone, once every process
holds the weights; "start" are those before: the interpreter, reading the weights, and with Ray its start and the
weights in every worker; "whole" is both. ratio: one process over the workers within a turn, the median of the turns.
The answers must be the same, bit for bit. Nothing else should run on the machine: with two workers all of two cores
compute. busy: processor seconds of the one process per second while it answers; well below 1, other programs took the
rest. It needs Ray and GRAM_DATA; 64 puzzles of the easier bank take a core 15 to 20 s.
"""

import argparse
import dataclasses
import hashlib
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

KINDS = "one", "workers"
PARTS = "start", "answering", "whole"


# a turn, in its own process -------------------------------------------------------------------------------
def turn(kind: str, asked: argparse.Namespace) -> dict[str, Any]:
    """Seconds and answers of one process, or of workers."""
    import torch

    import gram
    from gram import cluster
    from gram.measure.record import hardware, origin
    from gram.tasks.data.store import load_examples

    torch.set_num_threads(1)
    reasoner = gram.load(asked.weights, dtype=asked.dtype, device="cpu")
    puzzles = load_examples(reasoner.task, tuple(asked.data), "dev", count=asked.puzzles).inputs
    if kind == "workers":
        cluster.processors = lambda: asked.workers
        reasoner = cluster.distributed(reasoner, cluster.LOCAL)
        assert isinstance(reasoner, cluster.Distributor)
        hold(reasoner.workers, asked.workers)
    begin, computed = time.monotonic(), time.process_time()
    found = list(reasoner.answers(puzzles, width=asked.width, seed=asked.seed))
    end, computed = time.monotonic(), time.process_time() - computed
    answers = [dataclasses.replace(answer, seconds=0.0).to_dict() for answer in found]
    return {
        "start": begin - asked.begun,
        "answering": end - begin,
        "whole": end - asked.begun,
        "busy": computed / (end - begin),
        "puzzles": len(found),
        "solved": sum(bool(answer.valid) for answer in found),
        "evaluations": sum(answer.evaluations for answer in found),
        "answers": hashlib.sha256(json.dumps(answers).encode()).hexdigest(),
        "about": {"dtype": reasoner.network.dtype, "hardware": hardware(), **origin()},
    }


def hold(workers: Any, count: int) -> None:
    """Wait until so many processes have the weights."""
    import ray

    def held(references: list[Any]) -> int:
        from gram import cluster

        cluster.copy(references[0])
        time.sleep(0.1)  # so that each worker gets one
        return os.getpid()

    call, there = ray.remote(num_cpus=1)(held), set()
    while len(there) < count:
        there |= set(ray.get([call.remote([workers.held]) for _ in range(count)]))


# all turns ------------------------------------------------------------------------------------------------
def started(kind: str) -> dict[str, Any]:
    """`turn` in a new process of one thread, with the options of this one."""
    command = [sys.executable, __file__, *sys.argv[1:], "--turn", kind, "--begun", repr(time.monotonic())]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | {"OMP_NUM_THREADS": "1"})
    if done.returncode:
        sys.exit(f"A turn of {kind} failed: {done.stderr.strip()[-1000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def compared(turns: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """Seconds of every turn, their medians, and the median of the ratios within turns."""
    values: dict[str, Any] = {}
    for part in PARTS:
        one, many = ([each[part] for each in turns[kind]] for kind in KINDS)
        values[part] = {kind: statistics.median(seconds) for kind, seconds in zip(KINDS, (one, many), strict=True)}
        values[part] |= {"seconds_one": one, "seconds_workers": many}
        if part != "start":
            values[part]["ratio"] = statistics.median(a / b for a, b in zip(one, many, strict=True))
    return values


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("weights", nargs="?", default="sudoku-9", help="shipped weights or a folder of them")
    parser.add_argument("--data", nargs="+", default=["sudoku/sudoku_bank_dev.csv.gz"])
    parser.add_argument("--puzzles", type=int, default=64)
    parser.add_argument("--width", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--dtype", choices=("auto", "float32", "bfloat16"), default="auto")
    parser.add_argument("--out", type=Path, help="JSON file to write")
    parser.add_argument("--turn", choices=KINDS, help=argparse.SUPPRESS)
    parser.add_argument("--begun", type=float, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.turn is not None:
        print(json.dumps(turn(asked.turn, asked)))
        return
    from gram.measure.record import print_json

    turns: dict[str, list[dict[str, Any]]] = {kind: [] for kind in KINDS}
    for number in range(asked.turns):
        for kind in KINDS:
            turns[kind].append(started(kind))
            assert turns[kind][-1]["answers"] == turns["one"][0]["answers"], "the answers differ"
            print(
                "{}: start {start:.1f} s, answering {answering:.1f} s".format(f"{number + 1} {kind}", **turns[kind][-1])
            )
    first = turns["one"][0]
    values = {name: value for name, value in vars(asked).items() if name not in ("out", "turn", "begun")}
    values |= {"benchmark": "workers", **{name: first[name] for name in ("puzzles", "solved", "evaluations")}}
    values |= {**compared(turns), "busy": [each["busy"] for each in turns["one"]], "same_answers": True}
    print_json(values | first["about"], asked.out)


if __name__ == "__main__":
    main()
