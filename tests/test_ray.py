"""--ray with the processes of Ray, as in docs/many-machines.md: the answers of one process, also if a worker or the
command itself is killed; and what a worker may lack.

One Ray with two workers serves all tests. A worker computes for seconds before it can answer, so few are started: the
command is killed first, since Ray ends the idle workers of others meanwhile, and workers are killed last.
"""

import errno
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.configs import saved
from support.networks import FOUR, puzzles, tiny

import gram
from gram import cluster, tasks
from gram.config import Config
from gram.solve.reasoner import Reasoner

ray = pytest.importorskip("ray", reason="ray is not installed")
pytestmark = [pytest.mark.slow, pytest.mark.network]

OPTIONS: dict[str, Any] = {"width": 4, "depth": 2, "seed": 1, "select": "majority"}
KILLED = """
import os, signal, sys
from gram import cli, cluster
from gram.console.journal import Journal
def add(self, record, add=Journal.add):
    add(self, record)
    if len(self) == 5:
        os.kill(os.getpid(), signal.SIGKILL)
Journal.add, cluster.PATIENCE = add, 60.0
cli.main(sys.argv[1:])
"""
"""The command, which is killed when it has kept five answers."""


@pytest.fixture(scope="module")
def one() -> Reasoner:
    return Reasoner(Config(recipe="four", task="sudoku-4"), tiny(FOUR), FOUR)


@pytest.fixture(scope="module")
def many(one):
    """The same, by a Ray on this machine with two workers."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cluster, "processors", lambda: 2)
        try:
            yield cluster.distributed(one, cluster.LOCAL)
        finally:
            ray.shutdown()


def texts(count: int) -> list[str]:
    return [FOUR.show(puzzle) for puzzle in puzzles(FOUR, count)]


def timeless(records) -> list[dict]:
    """Records by number, without what depends on the clock."""
    kept = [{key: value for key, value in record.items() if "seconds" not in key} for record in records]
    return sorted(kept, key=lambda record: record.get("number", 0))


def deadly(puzzle: str, times: int, folder: Path) -> str:
    """The puzzle; a worker that reads it kills itself, the first `times` times."""

    class Deadly(str):
        def __getattribute__(self, name):
            if not name.startswith("__") and len(os.listdir(folder)) < times:
                (folder / str(os.getpid())).touch()
                os.kill(os.getpid(), signal.SIGKILL)
            return super().__getattribute__(name)

    return Deadly(puzzle)


def test_a_killed_command_continues(many, gram, tmp_path):
    """It joins a cluster by its address; the same command then answers what is left, and every puzzle once."""
    out, part = tmp_path / "answers.jsonl", tmp_path / "answers.jsonl.part"
    file, weights = tmp_path / "puzzles.txt", saved(tmp_path / "four", "sudoku-4", select="majority")
    file.write_text("\n".join(texts(24)))
    common = ("solve", "sudoku-4", "--input", str(file), "--weights", str(weights))
    joined = (*common, "--output", str(out), "--ray", ray.get_runtime_context().gcs_address)
    ran = subprocess.run([sys.executable, "-c", KILLED, *joined], capture_output=True, text=True, timeout=500)
    assert ran.returncode == -signal.SIGKILL, ran.stderr
    kept = [json.loads(line) for line in part.read_text().splitlines()[1:]]
    assert len(kept) == 5
    again = gram(*joined)
    assert again.code == 0, again.err
    assert "has 5 of 24 answers; the others follow." in again.err
    found = [json.loads(line) for line in out.read_text().splitlines()]
    assert [record["number"] for record in found] == list(range(1, 25))
    assert all(found[record["number"] - 1] == record for record in kept)  # with their seconds: not computed again
    assert sorted(path.name for path in tmp_path.iterdir()) == ["answers.jsonl", "four", "puzzles.txt"]
    alone = gram(*common, "--json")
    assert timeless(found) == timeless(map(json.loads, alone.out.splitlines()))


def test_an_evaluation_and_samples_are_those_of_one_process(one, many):
    examples = FOUR.examples("dev", count=12)
    [expected], [found] = (timeless([gram.evaluate(each, examples, **OPTIONS).to_dict()]) for each in (one, many))
    assert found == expected
    boards = tasks.task("sudoku-boards-4")
    alone = Reasoner(Config(recipe="boards", task="sudoku-boards-4"), tiny(boards), boards)
    divided = cluster.distributed(alone, cluster.LOCAL)
    assert np.array_equal(divided.generate(40, depth=2).tokens, alone.generate(40, depth=2).tokens)


def test_a_worker_with_another_version_is_named(many, monkeypatch):
    monkeypatch.setattr(cluster, "VERSION", "99.0")
    with pytest.raises(ValueError, match=r"^A worker has gram .*, but this command is 99.0; install 99.0 on every"):
        list(many.answers(texts(3), **OPTIONS))


def test_a_full_disk_of_a_worker_is_named(many):
    class Full(str):
        def __getattribute__(self, name):
            if name.startswith("__"):
                return super().__getattribute__(name)
            raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(ValueError, match="The disk of a worker's machine is full"):
        list(many.answers([Full("1")], **OPTIONS))


def test_answers_are_those_of_one_process_though_a_worker_is_killed(one, many, tmp_path, capsys):
    asked = texts(24)
    expected = timeless(answer.to_dict() for answer in one.answers(asked, **OPTIONS))
    asked[0] = deadly(asked[0], 1, tmp_path)
    found = list(many.answers(asked, ordered=False, **OPTIONS))
    assert timeless(answer.to_dict() for answer in found) == expected
    assert len(list(tmp_path.iterdir())) == 1
    assert capsys.readouterr().out == ""  # where answers stand


def test_a_worker_that_cannot_be_replaced_is_named(many, monkeypatch, tmp_path):
    monkeypatch.setattr(many.workers, "call", many.workers.call.options(max_retries=0))
    with pytest.raises(ValueError, match=r"^Worker after worker died at the same puzzles"):
        list(many.answers([deadly("1", 1, tmp_path)], **OPTIONS))


def test_a_port_that_is_no_ray_is_refused_soon(monkeypatch):
    monkeypatch.setattr(cluster, "PATIENCE", 1.0)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        begin = time.monotonic()
        with pytest.raises(ValueError, match=r"No Ray cluster answers at '127\.0\.0\.1:"):
            cluster.reach(f"127.0.0.1:{silent.getsockname()[1]}")
    assert time.monotonic() - begin < 30
