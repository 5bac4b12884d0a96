"""Continuous batching: an answer is that of the library, bit for bit, whatever else is served; turns, deadlines."""

import threading
import time
from typing import Any

import numpy as np
import pytest

pytest.importorskip("greenlet", reason="the extra serve is not installed")
from support.networks import FOUR, QUEENS, fake, tiny
from support.searching import PUZZLES, reasoner

from gram.config import Config, ModelConfig, SolveConfig
from gram.serve.engine import Engine, Full, Stopped
from gram.serve.shared import Pending, compute
from gram.solve.noise import Noise
from gram.solve.reasoner import Reasoner

MIXED = [
    {},
    {"seed": 5},
    {"width": 15, "select": "majority", "depth": 4},
    {"temperature": 0.5, "seed": 2, "depth": 3},
    {"want": 3},
    {"select": "value", "width": 3, "restart_every": 2},
    {"temperature": 0.0, "depth": 2},
    {"select": "halt", "depth": 7, "seed": 2**64 - 1},
]


class Waiter:
    """A request and what came of it."""

    def __init__(self, engine: Engine, work, seconds: float = 60.0, **more):
        self.result: Any = None
        self.over, self.at = threading.Event(), 0.0
        self.job = engine.submit(work, self.take, end=time.perf_counter() + seconds, **more)

    def take(self, result):
        self.result, self.at = result, time.perf_counter()
        self.over.set()

    def wait(self) -> Any:
        assert self.over.wait(30)
        if isinstance(self.result, Exception):
            raise self.result
        return self.result


def solving(puzzles, **options):
    return lambda reasoner, left: reasoner.solve(puzzles, total_timeout=left, **options)


@pytest.fixture
def engines():
    """Engines that end with the test."""
    made: list[Engine] = []

    def make(of: Reasoner, limit: int = 1000) -> Engine:
        made.append(Engine(of, limit))
        return made[-1]

    yield make
    for engine in made:
        engine.stop()


def untimed(answers):
    return [answer.to_dict() | {"seconds": 0.0} for answer in answers]


def small(**model) -> Reasoner:
    solve = SolveConfig(width=6, depth=6, select="checked", restart_every=3)
    return Reasoner(Config(recipe="test", task="sudoku-4", solve=solve, model=ModelConfig()), tiny(FOUR, **model))


@pytest.mark.parametrize("kind", ["stochastic", "random start", "deterministic", "search"])
def test_answers_do_not_depend_on_the_company(engines, kind):
    made = {
        "stochastic": lambda: small(),
        "random start": lambda: small(start="random"),
        "deterministic": lambda: small(guidance="none"),
        "search": lambda: reasoner(),
    }[kind]()
    puzzles = PUZZLES.inputs[: len(MIXED) + 1]
    asked = [(puzzles[i : i + 1 + i % 2], MIXED[i % len(MIXED)]) for i in range(len(puzzles) - 1)]
    expected = [untimed(made.solve(part, **options)) for part, options in asked]
    engine = engines(made)
    engine.rows = 8  # so that steps are cut into parts
    found = [Waiter(engine, solving(part, **options)) for part, options in asked]
    assert [untimed(waiter.wait()) for waiter in found] == expected


def test_rows_are_computed_in_parts_and_together():
    network = tiny(FOUR)
    one, two = (FOUR.examples("dev", count=2).inputs[i] for i in (0, 1))

    def pending(puzzle, seed, rows) -> Pending:
        noise = Noise(seed, [(puzzle, n, 0) for n in range(rows)], network.noise_shape)
        return Pending(network.initial(1, None), network.encode(puzzle[None]), noise, 1.0)

    whole = []
    for puzzle, seed, rows in ((one, 1, 5), (two, 2, 3)):
        whole.append(pending(puzzle, seed, rows))
        compute(network, [(whole[-1], rows)])
    parts = pending(one, 1, 5), pending(two, 2, 3)
    compute(network, [(parts[0], 2), (parts[1], 3)])
    compute(network, [(parts[0], 3)])
    for a, b in zip(whole, parts, strict=True):
        assert b.left == 0
        x, y = a.output(network), b.output(network)
        for left, right in zip(
            (*x.state, x.logits, x.halt, x.value), (*y.state, y.logits, y.halt, y.value), strict=True
        ):
            assert np.array_equal(np.asarray(left), np.asarray(right))


def test_a_wide_request_starves_nobody(engines):
    made = small()
    engine = engines(made)
    sizes: list[int] = []
    step = engine.network.step

    def counted(state, e_x, noise, *, temperature):
        sizes.append(len(noise))
        return step(state, e_x, noise, temperature=temperature)

    engine.network.step = counted  # pyright: ignore[reportAttributeAccessIssue]
    puzzle = PUZZLES.inputs[:1]
    wide = Waiter(engine, solving(puzzle, width=2000, select="majority", depth=4), rows=2000)
    while not sizes:
        time.sleep(0.001)
    for seed in range(5):
        sizes.clear()
        Waiter(engine, solving(puzzle, width=2, select="majority", depth=4, seed=seed)).wait()
        assert max(sizes[1:-1], default=0) <= 4  # two rows of its own, and two of the wide one
    assert not wide.over.is_set()
    wide.job.cancelled = True
    assert wide.wait() is None


def test_who_does_not_wait_frees_the_rows(engines):
    engine = engines(small(), limit=1)
    waiter = Waiter(engine, solving(PUZZLES.inputs[:1], width=100_000, select="majority"), rows=100_000)
    with pytest.raises(Full):
        Waiter(engine, solving(PUZZLES.inputs[:1]))
    waiter.job.cancelled = True
    assert waiter.wait() is None
    assert Waiter(engine, solving(PUZZLES.inputs[:1])).wait()
    assert not engine.active


def test_a_deadline_ends_with_what_there_is(engines):
    config = Config(recipe="test", task="queens-6", solve=SolveConfig(width=50, depth=100_000, select="majority"))
    engine = engines(Reasoner(config, fake(QUEENS, delay=2, wrong=0.5)))
    begin = time.perf_counter()
    waiter = Waiter(engine, solving(["/".join(["......"] * 6)], halt_threshold=None), seconds=0.4)
    [answer] = waiter.wait()
    assert not answer.complete
    assert answer.text is not None
    assert waiter.at - begin < 5


def test_a_fault_is_told_to_whose_it_is(engines):
    engine = engines(small())
    with pytest.raises(ValueError, match="depth"):
        Waiter(engine, solving(PUZZLES.inputs[:1], depth=0)).wait()
    step = engine.network.step

    def fails(*_, **__):
        engine.network.step = step  # pyright: ignore[reportAttributeAccessIssue]
        raise MemoryError

    engine.network.step = fails  # pyright: ignore[reportAttributeAccessIssue]
    with pytest.raises(MemoryError):
        Waiter(engine, solving(PUZZLES.inputs[:1])).wait()
    assert Waiter(engine, solving(PUZZLES.inputs[:1])).wait()


def test_an_engine_that_stops_tells_who_waits():
    engine = Engine(small(), 10)
    waiter = Waiter(engine, solving(PUZZLES.inputs[:1], width=100_000, select="majority"), rows=100_000)
    engine.stop()
    with pytest.raises(Stopped):
        waiter.wait()
    assert not engine.thread.is_alive()
