"""Fuzz of folders that strangers hand over: configurations, weights, checkpoints, bundles, results.

    python tests/fuzz/folders.py KIND|all [--count 2000] [--seed 0] [--log FILE]

Prints what went wrong, and how many cases of each kind there were; exit code 1 if any did.
"""

import argparse
import hashlib
import io
import json
import pickle
import shutil
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
from harness import CANARY, SECONDS, Call, Case, gone_through, work
from mutate import MARKUP, damaged, json_text

ROOT = Path(__file__).parents[2]
CHECK = """from pathlib import Path
Path({canary!r}).touch()
def check(x, y):
    Path({canary!r}).touch()
    return True
"""


# what is damaged ------------------------------------------------------------------------------------------
def prepare(home: Path) -> None:
    """Good folders below `home`: weights of several tasks, a run with checkpoints, a bundle, results."""
    import torch

    from gram import tasks
    from gram import weights as weight_files
    from gram.config import ArcConfig, Config, ModelConfig, SolveConfig, TableConfig, TrainConfig
    from gram.models.build import build
    from gram.ship.export import export
    from gram.train import loop

    torch.set_num_threads(1)
    (home / "check.py").write_text(CHECK.format(canary=str(home / CANARY)), encoding="utf-8")
    small = ModelConfig(
        width=16, heads=2, hidden=16, mixer_hidden=8, guidance_hidden=16, blocks=1, K=1, T=2, registers=0
    )
    groups = replace(small, mixer="groups", positions="none")
    train = TrainConfig(
        updates=2, batch=4, N_sup=2, dtype="float32", compile=False, evaluate_every=1e9, save_every=1e-6
    )
    solve = SolveConfig(width=2, depth=2)
    table = TableConfig(
        files=(str(home / "own.jsonl"),),
        kind="characters",
        input_symbols=("a", "b"),
        target_symbols=("a", "b"),
        input_length=4,
        target_length=4,
        in_place=True,
        check=f"{home / 'check.py'}:check",
    )
    arc = ArcConfig(names=("one", "two"), contents=("0123456789abcdef", "fedcba9876543210"), variants=2)
    configs = {
        "queens": Config(recipe="queens", task="queens-5", model=groups, train=train, solve=solve),
        "unary": Config(
            recipe="unary",
            task="sudoku-4",
            model=replace(groups, unary=True),
            train=train,
            solve=replace(solve, restart_every=1),
        ),
        "attention": Config(recipe="attention", task="maze-10", model=small, train=train, solve=solve),
        "own": Config(recipe="own", task="own", model=small, train=train, solve=solve, table=table),
        "arc": Config(
            recipe="arc", task="arc-1-6", model=small, train=train, solve=replace(solve, select="majority"), arc=arc
        ),
        "baseline": Config(
            recipe="baseline",
            task="queens-5",
            model=replace(small, kind="mdlm", guidance="full"),
            train=train,
            solve=solve,
        ),
    }
    (home / "own.jsonl").write_text('{"input": "abab", "target": "aabb"}\n' * 3, encoding="utf-8")
    for name, config in configs.items():
        weight_files.save(home / name, config, build(tasks.of(config).spec, config.model))
    loop.train(replace(configs["queens"], train=replace(train, updates=40)), home / "run", stop_at=3)
    export(str(home / "queens"), home / "bundle", say=lambda _: None)
    (home / "results" / "queens-8").mkdir(parents=True)
    shutil.copy(ROOT / "results/queens-8/0.json", home / "results/queens-8/0.json")
    shutil.copytree(ROOT / "results/bench", home / "results/bench")


PUZZLES = {
    "queens": "Q...." + "." * 20,
    "unary": "1..." + "." * 12,
    "own": "abab",
    "arc": "one 07/70",
    "baseline": "." * 25,
}


def puzzle(name: str) -> list[str]:
    """A puzzle for the command line: task and text."""
    tasks = {"queens": "queens-5", "unary": "sudoku-4", "own": "own", "arc": "arc-1-6", "baseline": "queens-5"}
    if name == "attention":
        maze = ["#" * 10, "#S" + " " * 7 + "#", *["#" + " " * 8 + "#"] * 6, "#" + " " * 7 + "G#", "#" * 10]
        return ["maze-10", "".join(maze)]
    return [tasks[name], PUZZLES[name]]


# cases ----------------------------------------------------------------------------------------------------
def config_case(home: Path, seed: int) -> Case:
    """config.json of weights: shown, answered with, gone on with, exported."""

    def case(folder: Path, number: int) -> Iterator[Call]:
        rng = np.random.default_rng([seed, 1, number])
        name = str(rng.choice([*PUZZLES, "attention"]))
        shutil.copytree(home / name, folder / "w")
        values = json.loads((home / name / "config.json").read_text(encoding="utf-8"))
        (folder / "w" / "config.json").write_bytes(json_text(values, rng))
        yield ["info", str(folder / "w")]
        yield ["solve", *puzzle(name), "--weights", str(folder / "w"), "--width", "2", "--depth", "2"]
        if number % 10 == 0:
            yield ["train", "--resume", str(folder / "w")]
            yield ["report", "--results", str(folder / "r"), "--run", str(folder / "w"), "--out", str(folder / "o")]

    return case


def weights_case(home: Path, seed: int) -> Case:
    """model.safetensors: bits anywhere, and its header rewritten."""

    def case(folder: Path, number: int) -> Iterator[Call]:
        rng = np.random.default_rng([seed, 2, number])
        name = str(rng.choice(list(PUZZLES)))
        shutil.copytree(home / name, folder / "w")
        path = folder / "w" / "model.safetensors"
        data = path.read_bytes()
        if rng.random() < 0.5:
            path.write_bytes(damaged(data, rng))
        else:
            size = int.from_bytes(data[:8], "little")
            header = json_text(json.loads(data[8 : 8 + size]), rng)
            said = len(header) if rng.random() < 0.9 else int(rng.choice([0, 1, 2**31, 2**40, 2**63]))
            path.write_bytes(said.to_bytes(8, "little") + header + data[8 + size :])
        yield ["info", str(folder / "w")]
        yield ["solve", *puzzle(name), "--weights", str(folder / "w"), "--width", "2", "--depth", "2", "--json"]

    return case


class Runs:
    """Unpickled without care, it touches a file."""

    def __init__(self, path: str):
        self.path = path

    def __reduce__(self) -> tuple[Callable, tuple]:
        return open, (self.path, "w")


def checkpoint_case(home: Path, seed: int) -> Case:
    """Checkpoints of a run: bits, members of the archive, and pickles that would run something."""

    def case(folder: Path, number: int) -> Iterator[Call]:
        rng = np.random.default_rng([seed, 3, number])
        shutil.copytree(home / "run", folder / "w")
        path = max((folder / "w" / "checkpoints").glob("*.pt"))
        data = path.read_bytes()
        if rng.random() < 0.5:
            path.write_bytes(damaged(data, rng))
        else:
            path.write_bytes(rearchived(data, rng, str(home / CANARY)))
        yield ["train", "--resume", str(folder / "w"), "--stop-at", "4"]

    return case


def rearchived(data: bytes, rng: np.random.Generator, canary: str) -> bytes:
    """A ZIP with one member changed, lost, doubled or replaced."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w") as new:
        names = old.namelist()
        chosen = names[int(rng.integers(len(names)))] if rng.random() < 0.5 else names[0]
        for name in names:
            content = old.read(name)
            if name != chosen:
                new.writestr(name, content)
                continue
            kind = int(rng.integers(5))
            if kind < 2:
                new.writestr(name, damaged(content, rng))
            elif kind == 2:
                new.writestr(name, pickle.dumps(Runs(canary)))
            elif kind == 3:
                new.writestr(str(rng.choice(["../../x", "/tmp/x", "a" * 300])), content)
    return out.getvalue()


def bundle_case(home: Path, seed: int) -> Case:
    """Manifest, graphs, start and config of a bundle; half of the time with checksums that fit."""

    def case(folder: Path, number: int) -> Iterator[Call]:
        rng = np.random.default_rng([seed, 4, number])
        shutil.copytree(home / "bundle", folder / "b")
        name = str(rng.choice(["manifest.json", "config.json", "encoder.onnx", "step.onnx", "start.npz"]))
        path = folder / "b" / name
        data = path.read_bytes()
        if name.endswith(".json"):
            path.write_bytes(json_text(json.loads(data), rng))
        elif name.endswith(".npz") and rng.random() < 0.5:
            path.write_bytes(rearchived(data, rng, str(home / CANARY)))
        else:
            path.write_bytes(damaged(data, rng))
        if name != "manifest.json" and rng.random() < 0.7:
            manifest = json.loads((folder / "b" / "manifest.json").read_bytes())
            manifest["sha256"][name] = hashlib.sha256(path.read_bytes()).hexdigest()
            (folder / "b" / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
        yield ["solve", *puzzle("queens"), "--weights", str(folder / "b"), "--width", "2", "--depth", "2", "--json"]

    return case


def results_case(home: Path, seed: int) -> Case:
    """Results files and those of benchmarks: the report is made, and holds no markup of theirs."""

    @cache
    def good() -> list[tuple[str, Any]]:
        paths = sorted((home / "results").rglob("*.json"))
        return [(str(p.relative_to(home / "results")), json.loads(p.read_text(encoding="utf-8"))) for p in paths]

    def case(folder: Path, number: int) -> Iterator[Call]:
        from gram.report import page

        rng = np.random.default_rng([seed, 5, number])
        drawn = number % 50 == 0  # figures take seconds, whatever the results
        page.drawable = lambda: drawn
        name, values = good()[0 if rng.random() < 0.6 else int(rng.integers(len(good())))]
        results = folder / "r"
        if not name.startswith("queens-8"):
            (results / "queens-8").mkdir(parents=True)
            shutil.copy(home / "results/queens-8/0.json", results / "queens-8/0.json")
        (results / name).parent.mkdir(parents=True, exist_ok=True)
        (results / name).write_bytes(json_text(values, rng))
        yield ["report", "--results", str(results), "--out", str(folder / "o")], 15.0 if drawn else SECONDS
        if (folder / "o" / "report.md").is_file():
            text = (folder / "o" / "report.md").read_text(encoding="utf-8")
            for markup in (MARKUP, "[x](http", "![x](", "\x1b"):
                assert markup not in text, f"{markup!r} in the report"
            widths: set[int] = set()
            for line in text.splitlines():
                cells = line.replace("\\|", "").count("|")
                widths = (widths | {cells}) if line.startswith("|") else set()
                assert len(widths) < 2, f"a broken table: {line[:200]}"

    return case


KINDS: dict[str, Callable[[Path, int], Case]] = {
    "configs": config_case,
    "weights": weights_case,
    "checkpoints": checkpoint_case,
    "bundles": bundle_case,
    "results": results_case,
}


def fuzz(kinds: list[str], count: int, seed: int, home: Path, first: int = 0, log: Path | None = None):
    """Kind -> what came of its cases. Folders are prepared below `home`, unless an earlier call did."""
    if not (home / "results").is_dir():
        prepare(home)
    found = {}
    for kind in kinds:

        def command(begin: int, number: int, kind: str = kind) -> list[str]:
            worker = [str(Path(__file__)), kind, "--worker", str(home), "--seed", str(seed)]
            return [*worker, "--first", str(begin), "--count", str(number)]

        found[kind] = gone_through(f"{kind} {seed}", command, first, count, log)
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", choices=[*KINDS, "all"])
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--home", type=Path, help="keeps what is damaged for later calls")
    parser.add_argument("--log", type=Path, help="what is done; a later call goes on from there")
    parser.add_argument("--worker", type=Path, help="for the fuzzer's own processes")
    given = parser.parse_args()
    if given.worker is not None:
        case = KINDS[given.kind](given.worker, given.seed)
        work(case, range(given.first, given.first + given.count), given.worker)
        return 0
    kinds = list(KINDS) if given.kind == "all" else [given.kind]
    with tempfile.TemporaryDirectory() as folder:
        home = given.home or Path(folder)
        home.mkdir(parents=True, exist_ok=True)
        found = fuzz(kinds, given.count, given.seed, home, given.first, given.log)
    for kind, tally in found.items():
        for fault in tally.faults:
            print(f"{kind} {fault.number}: {fault.what}")
        print(f"{kind}: {len(tally.faults)} of {tally.kinds.total():,} went wrong")
    return 1 if any(tally.faults for tally in found.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
