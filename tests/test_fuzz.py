"""The fuzzer notices what it is there for: what hangs, dies, is slow, is large, or is said in Python's words."""

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

FUZZ = Path(__file__).parent / "fuzz"
WORKER = """
import os, sys, time
from pathlib import Path
sys.path.insert(0, {folder!r})
from harness import Outcome, Stuck, alarm, measured, tell

def slow():
    while time.process_time() - began < 2.5:
        pass

def hangs():
    time.sleep(60)

def dies():
    os._exit(9)

def large():
    held = bytearray(600 << 20)
    held[:: 4096] = b"x" * len(held[:: 4096])

first, count = int(sys.argv[1]), int(sys.argv[2])
for number in range(first, first + count):
    began, what = time.process_time(), ""
    try:
        with measured() as cost, alarm(1.0 if number == 3 else 120.0):
            [slow, large, int, hangs, dies, int][number]()
        what = "; ".join(cost.faults())
    except Stuck:
        what = "stuck"
    tell(Outcome(number, what, "case"), sys.stdout)
"""


def test_what_is_slow_large_stuck_or_dead_is_named(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(FUZZ))
    harness = importlib.import_module("harness")

    worker = tmp_path / "worker.py"
    worker.write_text(WORKER.format(folder=str(FUZZ)))
    log = tmp_path / "log"

    def command(first: int, count: int) -> list[str]:
        return [str(worker), str(first), str(count)]

    tally = harness.gone_through("a", command, 0, 6, log, portion=3)
    assert [fault.number for fault in tally.faults] == [0, 1, 3, 4]
    what = [fault.what for fault in tally.faults]
    assert what[0].endswith(" s")
    assert 500 < float(what[1].removesuffix(" MB")) < 800
    assert what[2:] == ["stuck", "the process died with code 9"]
    assert tally.kinds["case"] == 5
    worker.write_text("raise SystemExit(1)")  # all of it stands in the log
    again = harness.gone_through("a", command, 0, 6, log, portion=3)
    assert (again.faults, again.kinds) == (tally.faults, tally.kinds)
    assert len(log.read_text().splitlines()) == 2


@pytest.mark.parametrize(
    ("said", "well"),
    [
        ("gram: There is no file x; give another one.", True),
        ("gram: /tmp/x has two; did you mean one?", True),
        ("gram: There is no file x", False),
        ("gram: the file x is none; give another one.", False),
    ],
)
def test_sentences(monkeypatch, said, well):
    monkeypatch.syspath_prepend(str(FUZZ))
    harness = importlib.import_module("harness")

    assert (harness.SENTENCE.fullmatch(said) is not None) == well
    assert harness.PYTHONS.search("'utf-8' codec can't decode byte 0xe1 in position 1")


def test_damage_is_always_bytes(monkeypatch):
    """JSON that is nested too deep to be written is text all the same."""
    monkeypatch.syspath_prepend(str(FUZZ))
    mutate = importlib.import_module("mutate")

    deep: list = []
    for _ in range(2000):
        deep = [deep]
    assert all(isinstance(mutate.json_text(deep, np.random.default_rng(n)), bytes) for n in range(3))


def test_fuzz_of_folders(tmp_path):
    """A few configurations and results files of tests/fuzz/folders.py."""
    script = [
        sys.executable,
        str(FUZZ / "folders.py"),
        "results",
        "--count",
        "3",
        "--seed",
        "8",
        "--home",
        str(tmp_path),
    ]
    (tmp_path / "results" / "queens-8").mkdir(parents=True)  # nothing else is prepared
    kept = FUZZ.parents[1] / "results/queens-8/0.json"
    (tmp_path / "results/queens-8/0.json").write_text(json.dumps(json.loads(kept.read_text(encoding="utf-8"))))
    ran = subprocess.run(
        [*script, "--home", str(tmp_path)], capture_output=True, text=True, check=False, env=dict(os.environ)
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "results: 0 of 3 went wrong" in ran.stdout
