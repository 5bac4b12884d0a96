"""Bundles against the weights they were made of, on this machine.

    python benchmarks/edge.py queens-8 --clean --out results/bench/edge-queens-8.json

For PyTorch in float32 and as it chooses, and bundles in float32 and int8: size, seconds of loading, seconds of a new
process from its start to its end with one answer, its memory, and milliseconds of one puzzle (checked). Over many
puzzles, one trajectory each to a fixed depth under the same noise: how many answers are those of PyTorch, how many are
valid, how far logits are apart after the last step. Over fewer, as users ask (halting, restarts, width): how many
chosen answers of the bundles are valid. --clean installs numpy, onnxruntime and gram into an environment of its own,
from a package index, and starts the bundles' processes there.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
import venv
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

import gram
from gram.measure.record import hardware, origin
from gram.ship import runtime
from gram.ship.export import export
from gram.solve.backend import Network, StepOutput
from gram.solve.noise import Noise
from gram.solve.reasoner import Reasoner
from gram.solve.sampler import rollout
from gram.tasks.data.store import load_examples

ROOT = Path(__file__).resolve().parent.parent
CLOSE = 1e-3
"""Logits that differ by less are the same."""
NUDGE = 2.0**-22
"""Two units in the last place of float32: what PyTorch comes to under noise that is so much larger shows how far any
other arithmetic must be expected to go."""
LAUNCHER = """
import json, os, subprocess, sys, time
found = []
for _ in range(6):
    begin = time.perf_counter()
    process = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit(1)
    found.append((time.perf_counter() - begin, usage.ru_utime + usage.ru_stime, usage.ru_maxrss))
print(json.dumps(found))
"""
"""A small process that starts others: at first a new one counts the memory of what started it as its own."""


class Watched:
    """A network that keeps its last logits. nudge: the share by which its noise is larger."""

    def __init__(self, network: Network, nudge: float = 0.0):
        self.network, self.nudge = network, nudge

    def __getattr__(self, name: str) -> Any:
        return getattr(self.network, name)

    def step(self, state: tuple[Any, Any], e_x: Any, noise: Noise | None, *, temperature: float) -> StepOutput:
        if noise is not None and self.nudge:
            noise = replace(noise, scale=1 + self.nudge)
        out = self.network.step(state, e_x, noise, temperature=temperature)
        self.logits = out.logits
        return out


def ends(reasoner: Reasoner, puzzles: np.ndarray, depth: int, nudge: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Answers (n, L) and logits (n, L, V) after `depth` steps of one trajectory of each puzzle."""
    network: Any = Watched(reasoner.network, nudge)
    answers, logits = [], []
    for first in range(0, len(puzzles), 64):
        part = puzzles[first : first + 64]
        *_, last = rollout(network, reasoner.task, part, width=1, depth=depth, temperature=1.0, rows=64)
        answers.append(last.answers)
        logits.append(network.logits)
    return np.concatenate(answers), np.concatenate(logits)


def parity(
    reasoner: Reasoner,
    x: np.ndarray,
    depth: int,
    expected: tuple[np.ndarray, np.ndarray],
    nudge: float = 0.0,
) -> dict[str, Any]:
    """One trajectory of each puzzle (n, L) beside PyTorch's. Rows that differ: in the answer, or in a logit."""
    answers, logits = ends(reasoner, x, depth, nudge)
    real = np.isfinite(expected[1])  # padding has -inf
    apart = np.abs(np.where(real, expected[1], 0) - np.where(real, logits, 0)).max((1, 2))
    differ, valid = (answers != expected[0]).any(1), reasoner.task.check(x, answers)
    return {
        "same_answers": int((~differ).sum()),
        "differing_answers_valid_in_torch": int(reasoner.task.check(x[differ], expected[0][differ]).sum()),
        "valid_one_sample": float(valid.mean()),
        "largest_difference_of_logits": float(apart.max()),
        "median_difference_of_logits": float(np.median(apart)),
        "rows_with_close_logits": int((apart < CLOSE).sum()),
    }


def asked(reasoner: Reasoner, x: np.ndarray, width: int) -> dict[str, float]:
    """Share of puzzles (n, L) that get a valid answer, and rows times steps that one takes."""
    found = {}
    for select in ("checked", "majority"):
        answers = reasoner.solve(x, width=width, select=select)
        found[f"valid_{select}"] = sum(bool(a.valid) for a in answers) / len(x)
        found[f"evaluations_{select}"] = sum(a.evaluations for a in answers) / len(x)
    return found


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


def cold_start(command: list[str]) -> dict[str, float]:
    """Seconds of a process that answers one puzzle and ends (by the clock and of the CPU, medians of 5), and MiB."""
    launch = [sys.executable, "-c", LAUNCHER, *command]
    ran = subprocess.run(launch, check=True, capture_output=True, cwd=tempfile.gettempdir())
    wall, cpu, memory = np.median(json.loads(ran.stdout)[1:], 0).tolist()  # the first may compile Python files
    return {"cold_start_seconds": wall, "cold_start_cpu_seconds": cpu, "memory_mib": memory / 1024}


def clean_environment(folder: Path) -> tuple[str, dict[str, Any]]:
    """A new environment with numpy, onnxruntime and this package: its interpreter, and what lies in it (MiB)."""
    venv.create(folder / "env", with_pip=True)
    python = str(folder / "env" / "bin" / "python")
    ignored = shutil.ignore_patterns("*.egg-info", "weights", "__pycache__")
    shutil.copytree(ROOT / "src", folder / "package" / "src", ignore=ignored)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder / "package")
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    pip += ["-c", str(ROOT / "constraints.txt"), "--no-deps"]
    site = next((folder / "env" / "lib").glob("python*/site-packages"))
    before = set(site.iterdir())
    sizes = {}
    for name, source in (("numpy", "numpy"), ("onnxruntime", "onnxruntime"), ("gram", str(folder / "package"))):
        subprocess.run([*pip, source], check=True)
        added = set(site.iterdir()) - before
        before |= added
        sizes[name] = sum(f.stat().st_size for p in added for f in (p.rglob("*") if p.is_dir() else [p]) if f.is_file())
    return python, {name: size / 2**20 for name, size in sizes.items()}


def measure(options: argparse.Namespace) -> dict[str, Any]:
    torch.set_num_threads(options.threads)
    torch_32 = gram.load(options.name, dtype="float32")
    task, config = torch_32.task, torch_32.config
    split = "train" if not config.dev else "dev"  # the most puzzles; what is compared is arithmetic, not accuracy
    x = load_examples(task, config.dev[:1], split, count=options.puzzles).inputs
    some = load_examples(task, config.dev[:1], "dev", count=options.timed).inputs
    expected = ends(torch_32, x, options.depth)
    puzzle, rows = task.show(some[0]), []

    def row(name: str, load: Any, command: list[str], more: dict[str, Any]) -> None:
        begin = time.perf_counter()
        reasoner = load()
        found = {"arithmetic": name, "load_seconds": time.perf_counter() - begin} | more
        found |= latency(reasoner, some, options.width) | cold_start(command)
        if name.startswith("onnx"):
            found |= parity(reasoner, x, options.depth, expected) | asked(reasoner, x[: options.asked], options.width)
        elif name == "torch float32":
            found |= {"same_answers": len(x), "rows_with_close_logits": len(x)}
            found |= {"valid_one_sample": float(task.check(x, expected[0]).mean())}
            found |= {"nudged": parity(reasoner, x, options.depth, expected, NUDGE)}
        print(json.dumps(found), flush=True)
        rows.append(found)

    solve = [sys.executable, "-m", "gram.cli", "solve", options.name, puzzle, "--json"]
    for dtype in ("float32", "auto"):
        row(f"torch {dtype}", lambda dtype=dtype: gram.load(options.name, dtype=dtype), solve, {})
    with tempfile.TemporaryDirectory() as holder:
        python, packages = clean_environment(Path(holder)) if options.clean else (sys.executable, None)
        for int8 in (False, True):
            folder = Path(holder) / ("int8" if int8 else "float32")
            export(options.name, folder, int8=int8, say=lambda *_: None)
            size = sum(f.stat().st_size for f in folder.iterdir()) / 1e6
            command = [python, "-m", "gram.ship.runtime", str(folder), puzzle, "--json"]
            row(
                f"onnx {folder.name}",
                lambda folder=folder: runtime.load(folder, threads=options.threads),
                command,
                {"bundle_mb": size},
            )
    settled = {name: getattr(options, name) for name in ("name", "timed", "asked", "width", "depth", "threads")}
    told = {"puzzles": len(x), "packages_mib": packages, "hardware": hardware()} | origin()
    return settled | told | {"edge": rows}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", nargs="?", default="queens-8", help="shipped weights")
    parser.add_argument("--puzzles", type=int, default=1000, help="for the comparison of answers")
    parser.add_argument("--asked", type=int, default=40, help="puzzles that are answered as users ask")
    parser.add_argument("--timed", type=int, default=25, help="puzzles that are timed one by one")
    parser.add_argument("--width", type=int, default=20)
    parser.add_argument("--depth", type=int, default=16)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--clean", action="store_true", help="install an environment without torch and measure there")
    parser.add_argument("--out", type=Path, help="a JSON file for the report")
    options = parser.parse_args()
    found = measure(options)
    if options.out is not None:
        options.out.parent.mkdir(parents=True, exist_ok=True)
        options.out.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
