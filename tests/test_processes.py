"""Reasoners in other threads and other processes: forked, pickled, with the limits of a container."""

import multiprocessing
import os
import pickle
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from support.configs import NARROW

import gram
from gram import tasks, weights
from gram.config import Config, ModelConfig, SolveConfig, TableConfig
from gram.models.build import build
from gram.models.recursive import Model
from gram.ship import onnx_backend
from gram.solve import torch_backend
from gram.solve.reasoner import Reasoner
from gram.solve.threads import Threads
from gram.solve.torch_backend import TorchNetwork
from gram.tasks.own.task import Table

TINY = replace(ModelConfig(**NARROW), heads=2, blocks=1, T=2)
CONFIG = Config(recipe="tiny", task="queens-5", model=TINY, solve=SolveConfig(width=4, depth=4))
VARIANTS = {
    "float32": (CONFIG, "float32"),
    "bfloat16": (CONFIG, "bfloat16"),
    "TRM": (replace(CONFIG, model=replace(TINY, guidance="none", shared=True)), "bfloat16"),
    "baseline": (replace(CONFIG, model=replace(TINY, kind="mdlm")), "float32"),
}
SECONDS = 60
"""Then a child that hangs is killed."""


@pytest.fixture
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def made(folder: Path, config: Config = CONFIG) -> Path:
    weights.save(folder, config, build(tasks.task("queens-5").spec, config.model, seed=3))
    return folder


def answers(reasoner: Reasoner) -> list[bytes]:
    """Of four puzzles, all trajectories."""
    puzzles = reasoner.task.examples("dev", count=4).inputs
    return [c.answer.tobytes() for a in reasoner.solve(puzzles, select="majority") for c in a.candidates]


def in_child(work: Callable[[], bool]) -> bool:
    """Whether `work` returns true in a forked child."""
    child = os.fork()
    if child == 0:
        signal.alarm(SECONDS)
        try:
            os._exit(0 if work() else 1)
        finally:
            os._exit(2)
    return os.waitpid(child, 0)[1] == 0


# fork ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("used", [False, True])
def test_a_forked_child_answers(used, tmp_path, two_threads):
    reasoner = gram.load(made(tmp_path), dtype="float32")
    expected = answers(reasoner) if used else None
    assert in_child(lambda: expected is None or answers(reasoner) == expected)
    assert in_child(lambda: len(answers(reasoner)) > 0)
    assert in_child(lambda: answers(gram.load(tmp_path, dtype="float32")) == answers(reasoner))
    assert in_child(lambda: in_child(lambda: len(answers(reasoner)) > 0))  # and a child of the child
    assert expected is None or answers(reasoner) == expected


def test_a_forked_child_answers_while_its_parent_does(tmp_path, two_threads):
    reasoner = gram.load(made(tmp_path), dtype="float32")
    expected, ends = answers(reasoner), threading.Event()

    def busy() -> None:
        while not ends.is_set():
            answers(reasoner)

    thread = threading.Thread(target=busy)
    thread.start()
    try:
        assert all(in_child(lambda: answers(reasoner) == expected) for _ in range(5))
    finally:
        ends.set()
        thread.join()


def test_fork_with_the_threads_of_the_machine():
    """OMP_NUM_THREADS unset, two threads at least, shipped weights: what hung before it was used at all."""
    code = """if True:
        import os, signal, torch, gram
        torch.set_num_threads(max(2, torch.get_num_threads()))
        reasoner = gram.load("queens-8")
        puzzles = reasoner.task.examples("dev", count=2).inputs
        child = os.fork()
        if child == 0:
            signal.alarm(60)
            reasoner.solve(puzzles, width=8)
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
    """
    environment = {k: v for k, v in os.environ.items() if k != "OMP_NUM_THREADS"}
    subprocess.run([sys.executable, "-c", code], env=environment, check=True)


def test_threads_in_a_child():
    threads = Threads(3)
    assert list(threads.map(int.__add__, [1, 2], [3, 4])) == [4, 6]
    assert in_child(lambda: list(threads.map(int.__add__, [1, 2], [3, 4])) == [4, 6])
    assert list(pickle.loads(pickle.dumps(threads)).map(str, range(3))) == ["0", "1", "2"]


# threads ------------------------------------------------------------------------------------------------------
def test_a_reasoner_loaded_in_another_thread_has_as_many_threads(tmp_path, two_threads):
    made(tmp_path)
    found = [gram.load(tmp_path)]
    answers(found[0])
    thread = threading.Thread(target=lambda: found.append(gram.load(tmp_path)))
    thread.start()
    thread.join()
    first, second = (r.network for r in found)
    assert isinstance(first, TorchNetwork)
    assert isinstance(second, TorchNetwork)
    assert first.threads == second.threads == min(2, len(os.sched_getaffinity(0)))
    assert torch.get_num_threads() == 2


def test_every_thread_of_the_pool_computes_alone(tmp_path, two_threads, monkeypatch):
    monkeypatch.setattr(torch_backend, "processors", lambda: 2)
    network = gram.load(made(tmp_path)).network
    assert isinstance(network, TorchNetwork)
    together = threading.Barrier(2)

    def count(_: int) -> int:
        together.wait()
        return torch.get_num_threads()

    assert list(network.pool.map(count, range(2))) == [1, 1]


def test_no_more_threads_than_the_container_allows(exported, tmp_path, two_threads, monkeypatch):
    for module in (torch_backend, onnx_backend):
        monkeypatch.setattr(module, "processors", lambda: 1)
    assert gram.load(made(tmp_path / "run")).network.threads == 1  # pyright: ignore[reportAttributeAccessIssue]
    bundle = onnx_backend.load(shutil.copytree(exported[1], tmp_path / "bundle"))
    assert bundle.network.threads == 1  # pyright: ignore[reportAttributeAccessIssue]
    expected = answers(bundle)
    shutil.rmtree(tmp_path / "bundle")
    copy = pickle.loads(pickle.dumps(pickle.loads(pickle.dumps(bundle))))
    assert answers(copy) == expected
    assert in_child(lambda: answers(bundle) == expected)


# pickle -------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", VARIANTS)
def test_a_pickled_reasoner_answers_the_same(name, tmp_path):
    config, dtype = VARIANTS[name]
    reasoner = gram.load(made(tmp_path, config), dtype=dtype)
    copy = pickle.loads(pickle.dumps(reasoner))
    assert copy.config == reasoner.config
    assert copy.network.dtype == dtype
    assert answers(copy) == answers(reasoner)
    assert answers(pickle.loads(pickle.dumps(copy))) == answers(reasoner)


@pytest.mark.parametrize("name", sorted({kind.names[end] for kind in tasks.KINDS.values() for end in (0, -1)}))
def test_every_kind_of_task_can_be_pickled(name):
    """Its first and its last name; those between them differ in numbers only."""
    task = tasks.task(name)
    assert pickle.loads(pickle.dumps(task)).spec == task.spec


def test_a_pickled_task_reads_its_check_again(tmp_path):
    (tmp_path / "rule.py").write_text("def even(input, answer):\n    return answer == 'b'\n")
    symbols = {"input_symbols": ("a",), "target_symbols": ("b", "c"), "input_length": 2, "target_length": 1}
    table = TableConfig(files=(), kind="characters", in_place=False, **symbols)  # pyright: ignore[reportArgumentType]
    task = Table(table, check=f"{tmp_path / 'rule.py'}:even")
    copy = pickle.loads(pickle.dumps(task))
    assert copy.checkable
    assert copy._check is not None
    assert [copy._check("aa", answer) for answer in "bc"] == [True, False]


@pytest.mark.parametrize("method", ["spawn", "fork"])
def test_processes_answer_side_by_side(method, tmp_path):
    reasoner = gram.load(made(tmp_path), dtype="float32")
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context(method)) as pool:
        assert list(pool.map(answers, [reasoner, reasoner])) == [answers(reasoner)] * 2


def test_a_pickle_needs_no_gpu(tmp_path, monkeypatch):
    """One that was made beside a GPU is read where there is none."""
    network = gram.load(made(tmp_path), dtype="float32").network
    assert isinstance(network, TorchNetwork)
    _, (spec, config, state, dtype, _, compiled) = network.__reduce__()
    assert all(isinstance(array, np.ndarray) for array in state.values())
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    moved = torch_backend.restored(spec, config, state, dtype, "cuda", compiled)
    assert moved.device.type == "cpu"
    assert isinstance(moved.model, Model)
