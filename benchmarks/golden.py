"""Golden answers: what the shipped weights say and what short trainings learn, to compare two versions of the code bit
for bit on one machine: python benchmarks/golden.py --out before.json, and after the change --against before.json

Answers: 20 dev puzzles for each set of weights (as many samples where there are no puzzles), seed 0, float32, with a
SHA-256 of every number that comes out of the sampler at every supervision step. Trainings: 50 updates of six recipes,
float32, uncompiled, with a SHA-256 of the weights that they write.
"""

import argparse
import dataclasses
import hashlib
import json
import sys
import tempfile
import time
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

import gram
from gram import weights as weight_files
from gram.recipes import change, recipe
from gram.solve.options import SamplingOptions
from gram.solve.sampler import rollout
from gram.tasks.data.store import load_examples
from gram.train.loop import train

PUZZLES = 20
UPDATES = 50
RECIPES: dict[str, dict[str, Any]] = {
    "queens-8": {},
    "coloring-8": {},
    "sudoku-4": {},
    "sudoku-4-search": {"N_sup": 8},
    "queens-8-hrm": {},
    "coloring-8-mdlm": {},
}
"""Recipes, and the fields of training that keep them short: targets assigned among rows on the prior, views through
symmetries, a search of candidates, a deterministic model with two values to halt by, and a baseline."""
LONG = 400
"""Positions beyond which one trajectory of each puzzle has to do."""


def digest(parts: Iterable[Any]) -> str:
    """SHA-256 of arrays, one after another."""
    found = hashlib.sha256()
    for part in parts:
        found.update(part.tobytes())
    return found.hexdigest()


def answers(name: str) -> str:
    """All that the weights say of their puzzles, in float32."""
    with gram.load(name, dtype="float32") as reasoner:
        task, few = reasoner.task, reasoner.task.spec.length > LONG
        options = dataclasses.replace(
            SamplingOptions(**dataclasses.asdict(reasoner.config.solve)), width=1 if few else 4, depth=4 if few else 8
        )
        puzzles = load_examples(task, reasoner.config.dev, "dev", seed=0, count=PUZZLES).inputs
        if task.unconditional:
            puzzles, options = puzzles[:1], dataclasses.replace(options, width=PUZZLES)
        stages = rollout(reasoner.network, task, puzzles, options)
        return digest(
            part for stage in stages for part in (stage.answers, stage.steps, stage.value, stage.halt, stage.logits)
        )


def training(name: str, fields: dict[str, Any]) -> str:
    """The weights after a few updates of a recipe; no heads, no evaluation."""
    short = {"updates": 2 * UPDATES, "minutes": None, "dtype": "float32", "compile": False, "evaluate_every": 1e6}
    config = change(recipe(name), train=short | fields)
    with tempfile.TemporaryDirectory() as folder:
        out = train(config, Path(folder) / "run", stop_at=UPDATES)
        return hashlib.sha256((out / weight_files.WEIGHTS).read_bytes()).hexdigest()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, help="write what comes out to this file")
    parser.add_argument("--against", type=Path, help="compare with such a file; exit code 1 where anything differs")
    parser.add_argument("--only", nargs="*", default=[], help='some of them, such as "answers mnist"')
    asked = parser.parse_args()
    jobs = {f"answers {name}": partial(answers, name) for name in weight_files.shipped()}
    jobs |= {f"training {name}": partial(training, name, fields) for name, fields in RECIPES.items()}
    before = json.loads(asked.against.read_text()) if asked.against else {}
    begin, found = time.monotonic(), {}
    for name, job in jobs.items():
        if not asked.only or name in asked.only:
            found[name] = job()
            same = "" if not before else "identical " if before.get(name) == found[name] else "DIFFERENT "
            print(f"{same}{name} {found[name][:16]}", flush=True)
    print(f"{len(found)} digests in {time.monotonic() - begin:.0f} s")
    if asked.out:
        asked.out.write_text(json.dumps(found, indent=1) + "\n")
    sys.exit(bool(before) and any(before.get(name) != digest for name, digest in found.items()))


if __name__ == "__main__":
    main()
