"""Bundles against the weights they were made of, on this machine: python benchmarks/edge.py queens-8 --puzzles 1000

For float32 and int8: size; seconds of a new process from its start to its first answer; milliseconds of one puzzle
(width 20, checked); memory; and over many puzzles, one trajectory each to a fixed depth under the same noise: how many
answers are those of PyTorch, how many are valid, and how far logits are apart after the last step.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

import gram
from gram.ship import runtime
from gram.ship.export import export
from gram.solve.reasoner import Reasoner
from gram.solve.record import hardware, origin
from gram.solve.sample import Flight
from gram.tasks.store import load_examples


def rollout(reasoner: Reasoner, puzzles: np.ndarray, depth: int) -> tuple[np.ndarray, np.ndarray]:
    """Answers (n, L) and logits (n, L, V) after `depth` steps of one trajectory of each puzzle."""
    answers, logits = [], []
    for first in range(0, len(puzzles), 64):
        part = puzzles[first : first + 64]
        flight = Flight(reasoner.network, reasoner.task, part, 0, 1.0)
        flight.admit([(i, 0) for i in range(len(part))])
        for _ in range(depth):
            last, _, _ = flight.step()
        answers.append(last)  # pyright: ignore[reportPossiblyUnboundVariable]
        logits.append(flight.logits)
    return np.concatenate(answers), np.concatenate(logits)


def latency(reasoner: Reasoner, puzzles: np.ndarray, width: int) -> dict[str, float]:
    """Milliseconds of one puzzle, the checks before sampling included."""
    reasoner.solve(puzzles[0], width=width, select="checked")
    seconds = []
    for puzzle in puzzles:
        begin = time.perf_counter()
        reasoner.solve(puzzle, width=width, select="checked")
        seconds.append(time.perf_counter() - begin)
    p50, p95 = np.percentile(seconds, [50, 95])
    return {"p50_ms": 1e3 * float(p50), "p95_ms": 1e3 * float(p95)}


def cold_start(folder: Path, puzzle: str) -> dict[str, float]:
    """Seconds of a process that answers one puzzle and ends (median of 5), and its memory."""
    command = [sys.executable, "-m", "gram.ship.runtime", str(folder), puzzle, "--json"]
    seconds = []
    for _ in range(5):
        begin = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        seconds.append(time.perf_counter() - begin)
    memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    return {"cold_start_seconds": float(np.median(seconds)), "largest_child_mib": memory}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", nargs="?", default="queens-8", help="shipped weights")
    parser.add_argument("--puzzles", type=int, default=1000, help="for the comparison of answers")
    parser.add_argument("--timed", type=int, default=25, help="puzzles that are timed one by one")
    parser.add_argument("--width", type=int, default=20)
    parser.add_argument("--depth", type=int, default=16)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch_32 = gram.load(options.name, dtype="float32")
    task, config = torch_32.task, torch_32.config
    split = "train" if not config.dev else "dev"  # the most puzzles; what is compared is arithmetic, not accuracy
    x = load_examples(task, config.dev[:1], split, count=options.puzzles).inputs
    some = load_examples(task, config.dev[:1], "dev", count=options.timed).inputs
    print(json.dumps(vars(options) | {"puzzles": len(x), "hardware": hardware()} | origin()), flush=True)
    expected, logits = rollout(torch_32, x, options.depth)

    def report(name: str, reasoner: Reasoner, more: dict) -> None:
        answers, theirs = rollout(reasoner, x, options.depth)
        real = np.isfinite(logits)  # padding has -inf
        figures = {
            "arithmetic": name,
            "same_answers": int((answers == expected).all(1).sum()),
            "valid": float(task.check(x, answers).mean()),
            "largest_difference_of_logits": float(np.abs(logits[real] - theirs[real]).max()),
        }
        print(json.dumps(figures | latency(reasoner, some, options.width) | more), flush=True)

    report("torch float32", torch_32, {})
    report("torch auto", gram.load(options.name), {})
    with tempfile.TemporaryDirectory() as holder:
        for int8 in (False, True):
            folder = Path(holder) / ("int8" if int8 else "float32")
            export(options.name, folder, int8=int8, say=lambda *_: None)
            size = sum(f.stat().st_size for f in folder.iterdir()) / 2**20
            bundle = runtime.load(folder, threads=options.threads)
            more = {"mib": size} | cold_start(folder, task.show(some[0]))
            report(f"onnx {folder.name}", bundle, more)


if __name__ == "__main__":
    main()
