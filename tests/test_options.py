"""Sampling options: typed once, resolved once from the weights' defaults, and one loop that goes by them."""

from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.networks import FOUR, QUEENS, fake, puzzles, tiny

import gram
from gram.config import Config, SolveConfig
from gram.console.options import Solving
from gram.solve.options import NAMES, SamplingOptions, answering, drawing, resolve
from gram.solve.reasoner import Reasoner
from gram.solve.sampler import rollout, sample
from gram.solve.select import choose

SOURCE = Path(gram.__file__).parent
TUNED = SolveConfig(width=7, depth=5, select="majority", restart_every=3)


def test_what_is_asked_for_stands_before_what_the_weights_say():
    options = resolve(TUNED, {"width": np.int64(2), "depth": None, "restart_every": 0})
    assert (options.width, options.depth, options.select, options.restart_every) == (2, 5, "majority", 0)
    assert resolve(options, {}) is options


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"widht": 3}, "'width'"),
        ({"restarts_every": None}, "'restart_every'"),
        ({"width": "3"}, "width must be of type int"),
        ({"select": "best"}, "choose one of 'first'"),
        ({"seed": 2**64}, "seed is"),
        ({"timeout": 0}, "timeout is 0"),
        ({"halt_threshold": float("nan")}, "halt_threshold is nan"),
    ],
)
def test_what_no_option_may_be(asked, told):
    with pytest.raises(ValueError, match=told):
        resolve(TUNED, asked)
    with pytest.raises(ValueError, match=told):
        next(rollout(tiny(), FOUR, puzzles(FOUR, 1), **asked))


def test_the_checker_watches_where_it_chooses():
    assert answering(TUNED, {}).want is None
    assert answering(TUNED, {"select": "checked"}).want == 1
    assert (answering(TUNED, {"want": 2}).select, answering(TUNED, {"want": 2}).want) == ("checked", 2)
    with pytest.raises(ValueError, match="want is 2"):
        answering(TUNED, {"want": 2, "select": "first"})
    for name in ("want", "select"):
        asked: dict[str, Any] = {name: 1 if name == "want" else "first"}
        with pytest.raises(ValueError, match=name):
            drawing(TUNED, 4, asked)


def test_the_command_takes_options_of_the_class_only():
    assert {field.name for field in fields(Solving)} <= NAMES
    assert all(getattr(Solving(), field.name) is None for field in fields(Solving))


def test_nothing_but_the_sampler_runs_its_loop():
    files = {path.relative_to(SOURCE) for path in SOURCE.rglob("*.py") if "ActiveBatch(" in path.read_text("utf-8")}
    assert files == {Path("solve/sampler.py")}


# checked once ---------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("select", "most"), [("checked", 2), ("majority", 1)])
def test_an_answer_is_checked_once(select, most, monkeypatch):
    """With a watching checker, at each step and never again; else each distinct answer once."""
    calls: list[int] = []
    check = type(QUEENS).check
    monkeypatch.setattr(type(QUEENS), "check", lambda self, x, y: calls.append(len(x)) or check(self, x, y))
    config = Config(recipe="test", task="queens-6", solve=SolveConfig(width=8, depth=2))
    answer = Reasoner(config, fake(QUEENS)).solve("/".join(["......"] * 6), select=select)
    assert answer.valid
    assert len(calls) <= most


def test_what_the_checker_said_is_kept():
    x = puzzles(QUEENS, 4)
    for own, puzzle in zip(sample(fake(QUEENS, wrong=0.5), QUEENS, x, width=6, depth=1, want=9), x, strict=True):
        assert own.valid is not None
        assert own.valid.tolist() == QUEENS.check(np.broadcast_to(puzzle, own.answers.shape), own.answers).tolist()
        choice = choose(QUEENS, puzzle, own, "majority")
        assert choice.answer is not None
        assert choice.right == QUEENS.check(puzzle[None], choice.answer[None])[0]


def test_a_stage_has_what_its_users_read():
    network = tiny()
    stage = next(rollout(network, FOUR, puzzles(FOUR, 2), SamplingOptions(width=3, depth=2)))
    assert stage.valid is None
    assert len(stage.state[0]) == len(stage.pooled) == len(stage.rows) == 6
