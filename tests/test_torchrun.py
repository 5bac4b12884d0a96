"""`gram train` under torchrun, as in docs/many-machines.md: on two nodes of which one is lost, then on one machine."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from support.command import exit_code

from gram import weights as weight_files
from gram.train import checkpoint

pytestmark = [pytest.mark.slow, pytest.mark.network]

LAUNCH = [sys.executable, "-m", "torch.distributed.run"]
SMALL = [
    *("--model.width", "16", "--model.hidden", "16", "--model.mixer-hidden", "8", "--model.guidance-hidden", "16"),
    *("--train.batch", "32", "--train.updates", "12", "--train.minutes", "None", "--train.compile", "False"),
    *("--train.dtype", "float32", "--train.optimizer", "adamw", "--train.save-every", "0.001"),
    *("--train.evaluate-examples", "4"),
]
"""A run of twelve updates, saved after each."""


def averaged(run: Path) -> torch.Tensor:
    """The averaged weights of a run's last checkpoint, in one row."""
    state = checkpoint.newest(run, weight_files.read(run))
    assert state["progress"]["update"] == 12
    return torch.cat([t.float().flatten() for t in state["ema"].values()])


@pytest.fixture(scope="module")
def alone(tmp_path_factory) -> torch.Tensor:
    """The weights of one process."""
    out = tmp_path_factory.mktemp("alone") / "run"
    assert exit_code("train", "queens-5", *SMALL, "--out", out) == 0
    return averaged(out)


def same(run: Path, alone: torch.Tensor) -> bool:
    """Up to the rounding of sums."""
    return bool((averaged(run) - alone).norm() < 1e-3 * alone.norm())


def nodes(port: int, log: Path, *arguments: str) -> list[subprocess.Popen]:
    """Two nodes of one process each, on this machine."""
    found = []
    for rank in range(2):
        where = ["--nnodes", "2", "--node-rank", str(rank), "--nproc-per-node", "1"]
        where += ["--master-addr", "127.0.0.1", "--master-port", str(port), "-m", "gram.cli", "train"]
        with open(log / f"node-{rank}.txt", "a") as file:
            found.append(subprocess.Popen([*LAUNCH, *where, *arguments], stdout=file, stderr=file, process_group=0))
    return found


def free_port() -> int:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        return server.getsockname()[1]


def test_a_lost_node_and_a_run_resumed_on_one_machine(tmp_path, alone):
    run = tmp_path / "run"
    begun = nodes(free_port(), tmp_path, "queens-5", *SMALL, "--out", str(run))
    until = time.monotonic() + 120
    while not checkpoint.paths(run) and time.monotonic() < until and begun[0].poll() is None:
        time.sleep(0.02)
    for node in reversed(begun):  # one node is lost, which the other cannot know: it waits, and is ended by hand
        os.killpg(node.pid, signal.SIGKILL)
        node.wait()
    assert checkpoint.paths(run), (tmp_path / "node-0.txt").read_text()[-3000:]
    command = [*LAUNCH, "--standalone", "--nproc-per-node", "2", "-m", "gram.cli", "train", "--resume", str(run)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.count("The weights are in") == 1
    assert "FutureWarning" not in done.stderr
    assert same(run, alone)
