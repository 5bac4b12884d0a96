"""`gram reproduce all`, killed again and again: python benchmarks/campaign_kills.py --count 10 --seed 0

A campaign of three runs, one of them for two tables, is killed (SIGKILL) at random moments and continued each time; its
run may outlive it by a second, and the next command waits for that. After the last kill it comes to its end, and has to
end in the weights and the figures of an undisturbed campaign, bit for bit. Each kill comes within a quarter of an
undisturbed campaign; one that ends before all kills is compared, and another one begins. Exit code 1 if anything went
wrong. Its networks learn in a second. Linux only; benchmarks/kills.py kills other work.
"""

import argparse
import json
import multiprocessing
import os
import random
import re
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch
from kills import CONFIG, TABLE, Pursuit, Work, expect, run_of

from gram.atomic import LOCK
from gram.config import Config
from gram.measure import record
from gram.models import device
from gram.recipes import change, plans, recipe
from gram.recipes.plans import Measure
from gram.report import page
from gram.reproduce import all_tables, processes
from gram.reproduce.status import status
from gram.train import heads

CLOCK = "seconds", "checked_seconds", "date", "weights"
"""What depends on the clock and the folder."""
SHARE = 0.25
"""Longest life of a command, in undisturbed campaigns."""


def tiny(name: str) -> Config:
    """A recipe as small as CONFIG."""
    model = {
        key: getattr(CONFIG.model, key) for key in ("width", "hidden", "mixer_hidden", "guidance_hidden", "K", "T")
    }
    return change(recipe(name), model=model, train=vars(CONFIG.train), solve={"width": 2, "depth": 2})


class Campaign(Work):
    def do(self, home: Path) -> None:
        all_tables.reproduce_all(scale="laptop", out=home / "out", into=home / "results", jobs=1)

    def begin(self, home: Path) -> None:
        (home / "results").mkdir()

    def look(self, home: Path) -> None:
        said = status(home / "out", into=home / "results")
        done = int(re.findall(r"(\d+) of 3 runs done", said)[0])
        seen = home / "seen"
        expect(done >= int(seen.read_text() if seen.exists() else 0), "a run that was done is not done any more")
        seen.write_text(str(done))
        for made in (home / "out/runs").rglob("training.json"):
            there = self.home / "undisturbed" / made.parent.relative_to(home)
            expect(run_of(made.parent) == run_of(there), "a half-finished run says that it is finished")

    def result(self, home: Path) -> Any:
        found: dict[str, Any] = {}
        for path in sorted((home / "results").rglob("*.json")):
            figures = json.loads(path.read_text(encoding="utf-8"))["figures"]
            kept = {key: {k: v for k, v in each.items() if k not in CLOCK} for key, each in figures.items()}
            found[str(path.relative_to(home))] = kept
        expect(len(found) == 3, "not all runs have figures")
        expect((home / "out/report/report.md").is_file(), "no report")
        made = {path.parent.name: run_of(path.parent) for path in (home / "out/runs").rglob("training.json")}
        return found, made, [path.name for path in home.rglob("*.tmp")]


def unlock() -> None:
    """Close the lock of the campaign, which a forked run inherits; the processes of Python's "spawn" do not."""
    for number in os.listdir("/proc/self/fd"):
        with suppress(OSError):
            if os.readlink(f"/proc/self/fd/{number}").endswith(f"/out/{LOCK}"):
                os.close(int(number))


def prepare() -> None:
    """Two small tables that share a run; the processes of runs are forked, so that they know of them."""
    torch.set_num_threads(1)
    os.register_at_fork(after_in_child=unlock)
    heads.TRAIN, heads.DEV = 16, 16
    first = Measure(width=4, select="majority")
    plans.PLANS["tiny"] = replace(
        TABLE, models=("trm", "gram"), measures=(first, Measure(split="dev", width=2, depth=1))
    )
    plans.PLANS["shared"] = replace(TABLE, models=("looped", "gram"), measures=(first, Measure(split="dev", width=3)))
    plans.ordered = lambda: ["tiny", "shared"]
    plans.recipe = tiny
    page.drawable = lambda: False
    device.arithmetic = lambda *_: (torch.float32, "as the benchmark wants")
    record.origin = lambda: {"commit": None, "dirty": None}
    all_tables.crowding = lambda: 1.0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    prepare()
    forked = multiprocessing.get_context("fork")
    with (
        tempfile.TemporaryDirectory() as name,
        patch.object(processes.multiprocessing, "get_context", lambda _: forked),
    ):
        pursuit = Pursuit(Campaign(Path(name)), random.Random(given.seed))
        whole = pursuit.seconds
        pursuit.seconds *= SHARE
        begin = time.monotonic()
        while pursuit.kills < given.count and not pursuit.faults:
            pursuit.strike()
            done = pursuit.home / "seen"
            print(f"{pursuit.kills} kills, {done.read_text() if done.exists() else 0} of 3 runs done", flush=True)
        if not pursuit.faults:
            pursuit.finish()
    for fault in pursuit.faults:
        print(fault, file=sys.stderr)
    seconds = time.monotonic() - begin
    print(f"{pursuit.kills} kills, {pursuit.ends} campaigns ended as undisturbed, {len(pursuit.faults)} faults")
    print(f"undisturbed {whole:.1f} s, with kills {seconds:.1f} s")
    return int(bool(pursuit.faults))


if __name__ == "__main__":
    sys.exit(main())
