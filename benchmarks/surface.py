"""Accuracy against cost, on this machine: python benchmarks/surface.py queens-8 --dtype float32

For every depth a line: validity of a sample, by width that of the answer with the best value and coverage, function
evaluations and seconds a sample, with halting and restarts as the weights have them; int8 is a bundle. (For the report,
`gram eval --depth N --record` keeps the same.) Then what time costs: seconds of one puzzle over width and over depth,
every trajectory run to the end, and the exponent that fits them (1 is linear).
"""

import argparse
import json
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

import gram
from gram.ship import runtime
from gram.ship.export import export
from gram.solve.evaluate import evaluate
from gram.solve.reasoner import Reasoner
from gram.solve.record import hardware, origin
from gram.solve.sample import sample
from gram.tasks.store import load_examples


def numbers(text: str) -> list[int]:
    return [int(n) for n in text.split(",")]


def opened(name: str, dtype: str, threads: int, holder: Path) -> Reasoner:
    """Weights in PyTorch, or for int8 in a bundle made for the occasion."""
    if dtype != "int8":
        return gram.load(name, dtype=dtype)
    export(name, holder / name, int8=True, say=lambda *_: None)
    return runtime.load(holder / name, threads=threads)


def cost(reasoner: Reasoner, puzzle: np.ndarray, width: int, depth: int) -> float:
    """Seconds of one puzzle without halting, median of 5."""
    seconds = []
    for _ in range(5):
        begin = time.perf_counter()
        sample(reasoner.network, reasoner.task, puzzle[None], width=width, depth=depth)
        seconds.append(time.perf_counter() - begin)
    return float(np.median(seconds))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", nargs="?", default="queens-8", help="shipped weights")
    parser.add_argument("--dtype", choices=("auto", "float32", "bfloat16", "int8"), default="auto")
    parser.add_argument("--puzzles", type=int, default=50)
    parser.add_argument("--width", type=int, default=20)
    parser.add_argument("--depths", type=numbers, default=[2, 4, 8, 16, 48])
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    with tempfile.TemporaryDirectory() as holder:
        reasoner = opened(options.name, options.dtype, options.threads, Path(holder))
        solve, task = reasoner.config.solve, reasoner.task
        examples = load_examples(task, reasoner.config.dev[:1], "dev", count=options.puzzles)
        about = {"name": options.name, "dtype": reasoner.network.dtype, "puzzles": len(examples)}
        print(json.dumps(about | {"hardware": hardware()} | origin()), flush=True)
        how = {"halt_threshold": solve.halt_threshold, "restart_every": solve.restart_every}
        for depth in options.depths:
            found = evaluate(reasoner, examples, width=options.width, depth=depth, select="value", **how)
            each = {"evaluations": found["function_evaluations"], "seconds": found["seconds"]}
            spent = {f"{name}_a_sample": value / len(examples) / options.width for name, value in each.items()}
            print(json.dumps({name: found[name] for name in ("depth", "valid", "by_width")} | spent), flush=True)
        puzzle = examples.inputs[0]
        cost(reasoner, puzzle, 2, 1)
        for axis, values in (("width", [2**k for k in range(9)]), ("depth", [2**k for k in range(7)])):
            shape = {"width": 8, "depth": 4}
            seconds = [cost(reasoner, puzzle, **(shape | {axis: value})) for value in values]
            exponent = float(np.polyfit(np.log(values), np.log(seconds), 1)[0])
            line = {"over": axis, "values": values, "seconds": seconds, "exponent": exponent}
            print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
