"""Accuracy against cost, on this machine: python benchmarks/surface.py queens-8 --dtype float32

accuracy: for every depth the validity of a sample, by width that of the answer with the best value and coverage, and
function evaluations and seconds a sample, with halting and restarts as the weights have them, on puzzles of all dev
files of the recipe; int8 is a bundle. (`gram eval --depth N --record` keeps the same with a recipe's results.)
cost: seconds of one puzzle over width and over depth, every trajectory run to the end (median of --repeats), and the
exponent that fits them (1 is linear): over the whole range, and over its upper half, where fixed costs weigh little.
"""

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

import gram
from gram.measure.puzzles import evaluate
from gram.measure.record import hardware, origin, print_json
from gram.ship import runtime
from gram.ship.export import export
from gram.solve.reasoner import Reasoner
from gram.solve.sampler import sample
from gram.tasks.data.store import load_examples

SHAPE = {"width": 8, "depth": 4}
"""Of the axis that is not measured."""


def numbers(text: str) -> list[int]:
    return [int(n) for n in text.split(",")]


def opened(name: str, dtype: str, threads: int, holder: Path) -> Reasoner:
    """Weights in PyTorch, or for int8 in a bundle made for the occasion."""
    if dtype != "int8":
        return gram.load(name, dtype=dtype)
    export(name, holder / name, int8=True, say=lambda *_: None)
    return runtime.load(holder / name, threads=threads)


def accuracy(reasoner: Reasoner, examples: Any, width: int, depths: list[int]) -> list[dict[str, Any]]:
    """A row for each depth."""
    solve, rows = reasoner.config.solve, []
    how = {
        "halt_threshold": solve.halt_threshold,
        "restart_every": solve.restart_every,
        "temperature": solve.temperature,
    }
    for depth in depths:
        found = evaluate(reasoner, examples, width=width, depth=depth, select="value", **how)
        samples = len(examples) * width
        spent = {
            "evaluations_a_sample": found.function_evaluations / samples,
            "seconds_a_sample": found.seconds / samples,
        }
        values = found.to_dict()
        rows.append({name: values[name] for name in ("depth", "valid", "by_width")} | spent)
    return rows


def cost(reasoner: Reasoner, puzzle: np.ndarray, axis: str, values: list[int], repeats: int) -> dict[str, Any]:
    """Seconds of one puzzle without halting, by width or depth; the axis is measured `repeats` times over."""
    seconds = np.zeros((repeats, len(values)))
    sample(reasoner.network, reasoner.task, puzzle[None], **SHAPE)
    for turn in range(repeats):
        for i, value in enumerate(values):
            begin = time.perf_counter()
            sample(reasoner.network, reasoner.task, puzzle[None], **(SHAPE | {axis: value}))
            seconds[turn, i] = time.perf_counter() - begin
    median = np.median(seconds, axis=0)
    fits = {
        name: float(np.polyfit(np.log(values[first:]), np.log(median[first:]), 1)[0])
        for name, first in (("exponent", 0), ("exponent_upper", len(values) // 2))
    }
    return {"values": values, "seconds": median.tolist()} | fits


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", nargs="?", default="queens-8", help="shipped weights")
    parser.add_argument("--dtype", choices=("auto", "float32", "bfloat16", "int8"), default="auto")
    parser.add_argument("--puzzles", type=int, default=50)
    parser.add_argument("--width", type=int, default=20)
    parser.add_argument("--depths", type=numbers, default=[2, 4, 8, 16, 48])
    parser.add_argument("--widest", type=int, default=256, help="cost over widths up to this power of 2; 0 for none")
    parser.add_argument("--deepest", type=int, default=64, help="cost over depths up to this power of 2; 0 for none")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", type=Path, help="JSON file to write")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    with tempfile.TemporaryDirectory() as holder:
        reasoner = opened(options.name, options.dtype, options.threads, Path(holder))
        examples = load_examples(reasoner.task, reasoner.config.dev, "dev", count=options.puzzles)
        values: dict[str, Any] = {"benchmark": "surface", "name": options.name, "dtype": reasoner.network.dtype}
        values |= {"puzzles": len(examples), "width": options.width, "cost_of": SHAPE, "repeats": options.repeats}
        values |= {"hardware": hardware(), **origin()}
        values["accuracy"] = accuracy(reasoner, examples, options.width, options.depths)
        values["cost"] = {
            axis: cost(reasoner, examples.inputs[0], axis, [2**k for k in range(most.bit_length())], options.repeats)
            for axis, most in (("width", options.widest), ("depth", options.deepest))
            if most
        }
        print_json(values, options.out)


if __name__ == "__main__":
    main()
