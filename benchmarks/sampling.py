"""Our sampler against a plain loop over the same weights, on this machine: python benchmarks/sampling.py

The plain loop runs every trajectory for a fixed number of supervision steps, a batch after the other: no halting, no
compaction, an embedding for every row. Both take turns (A B A B ...); the ratio is the median of the turns' ratios.
Validity is that of one sample, and of the answer with the best value.
"""

import argparse
import json

import numpy as np
import torch

import gram
from gram.bench.clock import Clock, Timed, comparison, take_turns
from gram.solve.record import hardware, origin
from gram.solve.sample import noise, sample
from gram.tasks.store import load_examples


@torch.inference_mode()
def plain(model, puzzles: np.ndarray, width: int, depth: int, batch: int) -> tuple[np.ndarray, np.ndarray]:
    """Answers (n, width, L) and values (n, width) after `depth` steps of every trajectory."""
    rows = [(puzzle, n) for puzzle in puzzles for n in range(width)]
    answers, values = [], []
    for first in range(0, len(rows), batch):
        part = rows[first : first + batch]
        e_x = model.encode(torch.from_numpy(np.stack([puzzle for puzzle, _ in part]).astype(np.int64)))
        state, shape, out = model.initial(len(part)), (model.config.T, *e_x.shape[1:]), None
        for step in range(depth):
            drawn = np.stack([noise(0, puzzle, n, step, shape) for puzzle, n in part], 1)
            out = model.step(state, e_x, torch.from_numpy(drawn))
            state = out.state
        assert out is not None
        said = model.decode(out.readout)
        answers.append(said.logits.argmax(-1).numpy().astype(np.uint8))
        values.append(said.value.numpy())
    shape = len(puzzles), width
    return np.concatenate(answers).reshape(*shape, -1), np.concatenate(values).reshape(shape)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", nargs="?", default="sudoku-9", help="shipped weights")
    parser.add_argument("--puzzles", type=int, default=256)
    parser.add_argument("--width", type=int, default=20)
    parser.add_argument("--depth", type=int, default=16)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--clock", choices=("wall", "cpu"), default="wall")
    parser.add_argument("--compile", action="store_true", help="compile our step")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    reasoner = gram.load(options.name, compile=options.compile)
    task, network, solve = reasoner.task, reasoner.network, reasoner.config.solve
    x = load_examples(task, reasoner.config.dev[:1], "dev", count=options.puzzles).inputs
    shape = {"width": options.width, "depth": options.depth}

    def ours() -> tuple[np.ndarray, np.ndarray]:
        found = sample(network, task, x, **shape, halt_threshold=solve.halt_threshold)
        return np.stack([f.answers for f in found]), np.stack([f.value for f in found])

    def theirs() -> tuple[np.ndarray, np.ndarray]:
        return plain(network.model, x, **shape, batch=network.in_flight)  # pyright: ignore

    clock = Clock(torch.device("cpu"), options.clock)
    cases = {"ours": Timed(clock, ours), "theirs": Timed(clock, theirs)}
    take_turns(list(cases.values()), options.repeats)
    valid = {}
    for name, case in cases.items():
        answers, values = case.result
        right = task.check(np.repeat(x, options.width, 0), answers.reshape(-1, x.shape[1])).reshape(len(x), -1)
        chosen = right[np.arange(len(x)), values.argmax(1)]
        valid[name] = {"one": float(right.mean()), "value": float(chosen.mean())}
    values = vars(options) | {"dtype": network.dtype, "hardware": hardware(), **origin(), "busy": clock.busy}
    print(json.dumps(values | {"valid": valid} | comparison(cases["ours"], cases["theirs"]), indent=2))


if __name__ == "__main__":
    main()
