"""Our sampler against a plain loop over the same weights, on this machine: python benchmarks/sampling.py

The plain loop runs every trajectory for a fixed number of supervision steps, a batch after the other, eager, as many
rows at a time as ours: no halting, no compaction, an embedding for every row. Ours runs twice, each as the weights were
tuned (halting, beginning again): "value" lets every trajectory run until it halts or its steps are used up, and takes
the answer of the best value; "checked" is what `gram solve` does, the first answer that the rules accept, and ends a
puzzle with it. The puzzles are a seeded draw from all dev files of the recipe
(sudoku-9: half of them easy ones of bank_dev, half of extreme_dev). They are cut into slices; the three take turns
(A B C A B C ...), a slice each. ratio: that of the seconds within a turn, the median of the turns; total_ratio: that of
all seconds. Valid are one sample, the one of the best value, and any of a puzzle.
"""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

import gram
from gram.bench.clock import Clock, Timed, comparison, take_turns
from gram.measure.record import hardware, origin, print_json
from gram.solve.noise import Noise
from gram.solve.sampler import sample
from gram.tasks.data.store import load_examples

Found = tuple[np.ndarray, np.ndarray, int]
"""Answers (n, width, L), values (n, width), function evaluations."""


@torch.inference_mode()
def plain(model: Any, puzzles: np.ndarray, width: int, depth: int, batch: int) -> Found:
    """`depth` steps of every trajectory."""
    rows = [(puzzle, n) for puzzle in puzzles for n in range(width)]
    answers, values, device = [], [], next(model.parameters()).device
    for first in range(0, len(rows), batch):
        part = rows[first : first + batch]
        tokens = torch.from_numpy(np.stack([puzzle for puzzle, _ in part]).astype(np.int64))
        e_x = model.encode(tokens.to(device))
        state, shape, out = model.initial(len(part)), model.noise_shape, None
        for step in range(depth):
            drawn = Noise(0, [(puzzle, n, step) for puzzle, n in part], shape).draw()
            out = model.step(state, e_x, torch.from_numpy(drawn).to(device))
            state = out.state
        assert out is not None
        said = model.decode(out.readout)
        answers.append(said.logits.argmax(-1).cpu().numpy().astype(np.uint8))
        values.append(said.value.float().cpu().numpy())
    shape = len(puzzles), width
    return np.concatenate(answers).reshape(*shape, -1), np.concatenate(values).reshape(shape), len(rows) * depth


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", nargs="?", default="sudoku-9", help="shipped weights")
    parser.add_argument("--data", nargs="*", help="other files than the dev files of the recipe")
    parser.add_argument("--puzzles", type=int, default=256)
    parser.add_argument("--slices", type=int, default=5, help="turns, each with its share of the puzzles")
    parser.add_argument("--width", type=int, default=20)
    parser.add_argument("--depth", type=int, default=16)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--dtype", choices=("auto", "float32", "bfloat16"), default="auto")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    parser.add_argument("--plain-dtype", choices=("same", "float32"), default="same", help="of the plain loop")
    parser.add_argument("--clock", choices=("wall", "cpu"), default="wall")
    parser.add_argument("--compile", action=argparse.BooleanOptionalAction, default=True, help="compile our step")
    parser.add_argument("--out", type=Path, help="JSON file to write")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    reasoner = gram.load(options.name, dtype=options.dtype, compile=options.compile, device=options.device)
    task, network, solve = reasoner.task, reasoner.network, reasoner.config.solve
    plain_dtype = network.dtype if options.plain_dtype == "same" else options.plain_dtype
    baseline = gram.load(options.name, dtype=plain_dtype, device=options.device).network.model  # pyright: ignore
    files = reasoner.config.dev if options.data is None else tuple(options.data)
    x = load_examples(task, files, "dev", count=options.puzzles).inputs
    x = np.random.default_rng(0).permutation(x)  # drawn, they stand in the order of the files
    shape = {"width": options.width, "depth": options.depth}

    def ours(puzzles: np.ndarray, want: int | None) -> Found:
        tuned = {"halt_threshold": solve.halt_threshold, "restart_every": solve.restart_every}
        found = sample(network, task, puzzles, **shape, **tuned, want=want)
        values = np.stack([np.nan_to_num(f.value, nan=-np.inf) for f in found])
        return np.stack([f.answers for f in found]), values, sum(f.evaluations for f in found)

    runs: dict[str, Callable[[np.ndarray], Found]] = {
        "plain": lambda puzzles: plain(baseline, puzzles, **shape, batch=network.active_rows),
        "value": lambda puzzles: ours(puzzles, None),
        "checked": lambda puzzles: ours(puzzles, 1),
    }
    clock, kept = Clock(next(baseline.parameters()).device, options.clock), {name: [] for name in runs}

    def case(name: str) -> Timed:
        """Two puzzles to warm up, then a slice in every turn."""
        queue = iter([x[:2], *np.array_split(x, options.slices)])
        return Timed(clock, lambda: kept[name].append(runs[name](next(queue))))

    cases = {name: case(name) for name in runs}
    take_turns(list(cases.values()), options.slices)
    asked = {name: value for name, value in vars(options).items() if name != "out"}
    values = asked | {"benchmark": "sampling", "data": files, "dtype": network.dtype, "plain_dtype": plain_dtype}
    values |= {"hardware": hardware(), **origin(), "busy": clock.busy}
    for name, found in kept.items():
        answers, value = (np.concatenate([part[i] for part in found[1:]]) for i in range(2))
        right = task.check(np.repeat(x, options.width, 0), answers.reshape(-1, x.shape[1])).reshape(len(x), -1)
        valid = {"any": float(right.any(1).mean())}
        if name != "checked":  # whose rows stop when another one has found the answer
            best = right[np.arange(len(x)), value.argmax(1)]
            valid |= {"one": float(right.mean()), "value": float(best.mean())}
        values[name] = {"valid": valid, "evaluations": sum(part[2] for part in found[1:])}
        if name != "plain":
            values[name] |= comparison(cases[name], cases["plain"])
            values[name]["total_ratio"] = sum(cases["plain"].seconds) / sum(cases[name].seconds)
    print_json(values, options.out)


if __name__ == "__main__":
    main()
