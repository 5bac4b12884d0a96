"""What the benchmarks of trajectories ask for on the command line, and the puzzles that they choose."""

import argparse
from pathlib import Path

import numpy as np
import torch

import gram
from gram.solve.reasoner import Reasoner
from gram.tasks.data.store import load_examples


def parser(about: str, weights: str, *, puzzles: int | None, threads: int) -> argparse.ArgumentParser:
    """With these defaults: the weights, puzzles and where they are, threads, arithmetic, and a file for the result."""
    found = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    found.add_argument("weights", nargs="?", default=weights, help="shipped weights or a folder of them")
    files = ["sudoku/sudoku_extreme_dev.csv.gz"]
    found.add_argument("--data", nargs="*", default=files, help="files of puzzles; the task's own without a name")
    many = "all" if puzzles is None else str(puzzles)
    found.add_argument("--puzzles", type=int, default=puzzles, help=f"of a seeded permutation ({many})")
    found.add_argument("--threads", type=int, default=threads)
    found.add_argument("--dtype", choices=("auto", "float32", "bfloat16"), default="auto")
    found.add_argument("--out", type=Path, help="JSON file to write")
    return found


def begun(asked: argparse.Namespace, split: str = "dev", skip: int = 0) -> tuple[Reasoner, np.ndarray]:
    """The weights, and the puzzles (n, L) of a split that follow the first `skip`."""
    torch.set_num_threads(asked.threads)
    reasoner = gram.load(asked.weights, dtype=asked.dtype)
    examples = load_examples(reasoner.task, tuple(asked.data), split)
    order = np.random.default_rng(0).permutation(len(examples))
    return reasoner, examples.inputs[order[skip:][: asked.puzzles]]
