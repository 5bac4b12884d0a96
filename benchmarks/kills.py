"""kill -9 while work is under way, and what is left of it: python benchmarks/kills.py --count 200 --minutes 20 --seed 0

Each kill starts a piece of work in a process of its own, kills it at a random moment, and looks at what it left; the
same work is then gone on with, until it ends, and has to end in what it ends in undisturbed, bit for bit.

train: updates, each with a checkpoint. heads: a finished run that is resumed. export: a bundle (its graphs are made
once, and copied). data: a download from a server of this process. record: a results file. reproduce: a table of one
run, its figures and the report. two: two processes that resume the same run, one of which is killed.
All of it with networks that learn in a second. Exit code 1 if anything went wrong.
"""

import argparse
import gzip
import http.server
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch

import gram
from gram import weights as weight_files
from gram.atomic import lock
from gram.config import Config, ModelConfig, SolveConfig, TrainConfig
from gram.measure import record
from gram.recipes import plans
from gram.recipes.plans import Measure, Plan
from gram.report import page
from gram.reproduce import run as reproduce
from gram.ship import export, onnx_backend
from gram.tasks.data import datasets, download, store
from gram.train import checkpoint, heads, loop

MODEL: dict[str, Any] = {"width": 16, "hidden": 16, "mixer": "groups", "mixer_hidden": 8, "positions": "none"}
MODEL |= {"guidance_hidden": 16, "blocks": 1, "K": 1, "T": 1}
TRAIN: dict[str, Any] = {"updates": 8, "batch": 8, "N_sup": 2, "dtype": "float32", "compile": False, "save_every": 0.0}
TRAIN |= {"evaluate_every": 1e9, "evaluate_examples": 4, "threads": 1}
CONFIG = Config(
    recipe="queens-5",
    task="queens-5",
    model=ModelConfig(**MODEL),
    train=TrainConfig(**TRAIN),
    solve=SolveConfig(width=2, depth=2),
)
TABLE = Plan(
    title="five queens",
    task="queens-5",
    models=("gram",),
    minutes=1e9,
    after=0.0,
    seeds=(0,),
    measures=(Measure(width=4, select="majority"),),
)
ROWS = "source,question,answer\n" + "here,question,answer\n" * 200_000
SHARES = {"train": 8, "heads": 3, "export": 2, "data": 3, "record": 2, "reproduce": 2, "two": 3}
"""How often each kind of work is killed, in comparison."""


# processes ------------------------------------------------------------------------------------------------
def start(work: Callable[[], Any]) -> int:
    """`work` in a forked process, which says nothing and ends with code 0, or 1 if it raised; its number."""
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        silence = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silence, 1)
        os.dup2(silence, 2)
        work()
        code = 0
    finally:
        os._exit(code)


def ended(child: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def expect(truth: object, what: str) -> None:
    if not truth:
        raise AssertionError(what)


# kinds of work --------------------------------------------------------------------------------------------
@dataclass
class Work:
    """What is killed in the folder `home`, and what must hold of what it leaves."""

    home: Path
    address: str = ""

    def begin(self, home: Path) -> None:
        """Make what the work starts from."""

    def do(self, home: Path) -> None:
        """The work, or the rest of it."""
        raise NotImplementedError

    def look(self, home: Path) -> None:
        """AssertionError if something half-finished is called finished, or cannot be gone on with."""

    def result(self, home: Path) -> Any:
        """What it ends in; compared with what it ends in undisturbed."""
        raise NotImplementedError


def run_of(folder: Path) -> dict[str, Any]:
    """The weights of a finished run and what says that it is finished."""
    record_ = json.loads((folder / "training.json").read_text(encoding="utf-8"))
    return {"weights": (folder / weight_files.WEIGHTS).read_bytes(), "updates": record_["updates"]}


class Train(Work):
    def do(self, home: Path) -> None:
        loop.train(CONFIG, home / "run", resume=bool(checkpoint.paths(home / "run")))

    def look(self, home: Path) -> None:
        run = home / "run"
        for path in checkpoint.paths(run):
            expect("model" in weight_files.read_state(path), f"{path.name} is torn")
        if (run / "training.json").is_file():
            expect(run_of(run) == run_of(self.home / "undisturbed/run"), "a half-finished run says that it is finished")
        if (run / weight_files.CONFIG).is_file() and (run / weight_files.WEIGHTS).is_file():
            gram.load(run)

    def result(self, home: Path) -> Any:
        leftovers = [path.name for path in home.rglob("*.tmp")]
        return run_of(home / "run") | {"leftovers": leftovers, "checkpoints": len(checkpoint.paths(home / "run"))}


class Heads(Train):
    def begin(self, home: Path) -> None:
        shutil.copytree(self.home / "finished", home / "run")

    def do(self, home: Path) -> None:
        loop.train(CONFIG, home / "run", resume=True)


class Two(Train):
    def do(self, home: Path) -> None:
        other = start(lambda: super(Two, self).do(home))
        with suppress(ValueError):  # the folder is locked by the other
            super().do(home)
        os.waitpid(other, 0)
        with lock(home / "run", wait=True):  # what a process that was killed before had started
            pass
        super().do(home)

    def look(self, home: Path) -> None:
        (home / "run").mkdir(exist_ok=True)
        with lock(home / "run", wait=True):
            super().look(home)


class Export(Work):
    def do(self, home: Path) -> None:
        if not (home / "bundle").exists():
            export.export(str(self.home / "finished"), home / "bundle", say=lambda _: None)

    def look(self, home: Path) -> None:
        if (home / "bundle").exists():
            onnx_backend.read_manifest(home / "bundle")

    def result(self, home: Path) -> Any:
        return sorted(path.name for path in home.rglob("*")), onnx_backend.read_manifest(home / "bundle")["sha256"]


class Data(Work):
    def do(self, home: Path) -> None:
        datasets.obtain("rows", home / "data", mirror=self.address, report=download.progress)

    def look(self, home: Path) -> None:
        path = home / "data" / "rows.csv.gz"
        for file, facts in store.read_manifest(home / "data").get("rows", {"files": {}})["files"].items():
            store.verify(home / "data", file, facts)
        if path.exists():
            expect(gzip.decompress(path.read_bytes()).decode() == ROWS, "a part of the data stands for the whole")
            (path if not store.read_manifest(home / "data") else home / "nothing").unlink(missing_ok=True)

    def result(self, home: Path) -> Any:
        return sorted(str(p.relative_to(home)) for p in home.rglob("*")), (home / "data/rows.csv.gz").read_bytes()


class Record(Work):
    def do(self, home: Path) -> None:
        reasoner: Any = SimpleNamespace(config=CONFIG, network=SimpleNamespace(dtype="float32"))
        for n in range(12):
            record.keep(home / "results", reasoner, self.home / "finished", f"test {n}", {"valid": n / 12})

    def look(self, home: Path) -> None:
        if (path := home / "results/queens-5/0.json").exists():
            figures = json.loads(path.read_text(encoding="utf-8"))["figures"]
            expect(list(figures) == [f"test {n}" for n in range(len(figures))], "figures are lost")
            seen = home / "seen"
            expect(len(figures) >= int(seen.read_text() if seen.exists() else 0), "figures are lost")
            seen.write_text(str(len(figures)))

    def result(self, home: Path) -> Any:
        (home / "seen").unlink(missing_ok=True)
        figures = json.loads((home / "results/queens-5/0.json").read_text(encoding="utf-8"))["figures"]
        return {name: each["valid"] for name, each in figures.items()}, sorted(p.name for p in home.rglob("*"))


class Reproduce(Work):
    def do(self, home: Path) -> None:
        reproduce.reproduce("tiny", scale="laptop", out=home / "out", seeds=None, jobs=1, listed=False)

    def look(self, home: Path) -> None:
        run = home / "out/runs/queens-5-0"
        if (run / "training.json").is_file():
            there = self.home / "undisturbed/out/runs/queens-5-0"
            expect(run_of(run) == run_of(there), "a half-finished run says that it is finished")

    def result(self, home: Path) -> Any:
        figures = json.loads((home / "out/results/queens-5/0.json").read_text(encoding="utf-8"))["figures"]
        expect((home / "out/report/report.md").is_file(), "no report")
        kept = {name: {k: each[k] for k in ("valid", "examples")} for name, each in figures.items()}
        return kept, run_of(home / "out/runs/queens-5-0"), [path.name for path in home.rglob("*.tmp")]


KINDS: dict[str, type[Work]] = {
    **{"train": Train, "heads": Heads, "export": Export, "data": Data},
    **{"record": Record, "reproduce": Reproduce, "two": Two},
}


# all of it ------------------------------------------------------------------------------------------------
class Pages(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = ROWS.encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        with suppress(OSError):  # killed meanwhile
            for at in range(0, len(body), 2**18):
                self.wfile.write(body[at : at + 2**18])
                time.sleep(0.005)

    def log_message(self, format: str, *args: Any) -> None:
        pass


def prepare(home: Path) -> None:
    """Small tables, few puzzles for the heads, and a finished run."""
    torch.set_num_threads(1)
    heads.TRAIN, heads.DEV = 16, 16
    plans.PLANS["tiny"] = TABLE
    recipe = plans.recipe
    plans.recipe = lambda name: CONFIG if name == "queens-5" else recipe(name)
    page.drawable = lambda: False
    record.origin = lambda: {"commit": None, "dirty": None}
    source = datasets.Source("rows.csv", ("https://rows.invalid/rows.csv",))

    def build(arrived: dict[str, Path], folder: Path) -> None:
        datasets.compress(arrived["rows.csv"], folder / "rows.csv.gz")

    datasets.DATASETS["rows"] = datasets.Dataset((source,), ("rows.csv.gz",), build, lambda _: None)
    expect(ended(start(lambda: loop.train(CONFIG, home / "finished"))) == 0, "the first run did not end")
    expect(ended(start(lambda: export.export(str(home / "finished"), home / "graphs"))) == 0, "no graphs")

    def copied(_: Any, folder: Path) -> None:
        for graph in (onnx_backend.ENCODER, onnx_backend.STEP):
            shutil.copyfile(home / "graphs" / graph, folder / graph)

    export.write_graphs = copied


class Pursuit:
    """One kind of work, killed again and again."""

    def __init__(self, work: Work, chance: random.Random):
        self.work, self.chance = work, chance
        self.kills = self.ends = 0
        self.faults: list[str] = []
        undisturbed = work.home / "undisturbed"
        undisturbed.mkdir(parents=True)
        work.begin(undisturbed)
        begin = time.monotonic()
        expect(ended(start(lambda: work.do(undisturbed))) == 0, f"{type(work).__name__} does not end by itself")
        self.seconds = time.monotonic() - begin
        self.wanted = work.result(undisturbed)
        self.fresh()

    def fresh(self) -> None:
        self.home = self.work.home / f"try-{self.ends + len(self.faults)}"
        self.home.mkdir()
        self.work.begin(self.home)

    def strike(self) -> None:
        """Start, kill, look; and if the work came to its end before, compare what it ended in."""
        child = start(lambda: self.work.do(self.home))
        deadline = time.monotonic() + self.chance.uniform(0, 1.1) * self.seconds
        over, status = 0, 0
        while time.monotonic() < deadline and not over:
            time.sleep(0.002)
            over, status = os.waitpid(child, os.WNOHANG)
        if status:
            self.faults.append(f"it ended with code {os.waitstatus_to_exitcode(status)}")
        if not over:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            self.kills += 1
        if ended(start(lambda: self.examine(bool(over)))) != 0:
            self.faults.append((self.home / "fault").read_text() if (self.home / "fault").exists() else "it died")
            self.fresh()
        elif over:
            self.ends += 1
            shutil.rmtree(self.home)
            self.fresh()

    def examine(self, over: bool) -> None:
        try:
            self.work.look(self.home)
            if over:
                expect(self.work.result(self.home) == self.wanted, "it ended otherwise than undisturbed")
        except BaseException:
            (self.home / "fault").write_text(traceback.format_exc())
            raise

    def finish(self) -> None:
        """Let the last try come to its end, and compare."""
        if ended(start(lambda: self.work.do(self.home))) or ended(start(lambda: self.examine(True))):
            self.faults.append((self.home / "fault").read_text() if (self.home / "fault").exists() else "no end")
        self.ends += 1


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    chance = random.Random(given.seed)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Pages)
    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        prepare(home)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        pursuits = {}
        for kind, work in KINDS.items():
            (home / kind).mkdir()
            for made in ("finished", "graphs"):
                (home / kind / made).symlink_to(home / made)
            pursuits[kind] = Pursuit(work(home / kind, f"http://127.0.0.1:{server.server_port}"), chance)
        begin = time.monotonic()
        kinds = [kind for kind, share in SHARES.items() for _ in range(share)]
        while sum(p.kills for p in pursuits.values()) < given.count and time.monotonic() < begin + 60 * given.minutes:
            pursuits[chance.choice(kinds)].strike()
        for pursuit in pursuits.values():
            pursuit.finish()
        server.shutdown()
    for kind, p in pursuits.items():
        print(f"{kind:<10} {p.kills:>4} kills  {p.ends:>3} ends as undisturbed  {len(p.faults):>2} faults")
        for fault in p.faults:
            print(fault, file=sys.stderr)
    print(f"{sum(p.kills for p in pursuits.values())} kills in {(time.monotonic() - begin) / 60:.1f} minutes")
    return int(any(p.faults for p in pursuits.values()))


if __name__ == "__main__":
    sys.exit(main())
