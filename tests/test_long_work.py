"""Work that takes long: restarts under a checker, answers as they come, deadlines, exact counts that end a search."""

import dataclasses
import itertools
from typing import Any

import numpy as np
import pytest
from test_solve import FOUR, QUEENS, fake, propagator, puzzles, same, tiny

from gram.models.recursive import Model
from gram.solve.deadline import Deadline
from gram.solve.options import SamplingOptions
from gram.solve.reasoner import load
from gram.solve.sampler import ActiveBatch, completed, renewable, sample
from gram.solve.select import choose


# the sampler ----------------------------------------------------------------------------------------------
@pytest.mark.parametrize("rows", [3, 64])
def test_halting_on_a_rejected_answer_is_a_restart(rows, monkeypatch):
    """Whatever the checker rejects, a trajectory uses all of its steps; each restart draws anew, in any company."""
    monkeypatch.setattr(type(QUEENS), "check", lambda _, x, y: np.zeros(len(x), bool))
    x = puzzles(QUEENS, 3)
    options = {"width": 7, "depth": 12, "halt_threshold": 0.0}
    found = sample(fake(QUEENS), QUEENS, x, **options, want=1, rows=rows)
    assert all((own.steps == 12).all() for own in found)
    for i in range(len(x)):
        assert same(found[i], sample(fake(QUEENS), QUEENS, x[i : i + 1], **options, want=1, rows=rows)[0])
    without = sample(fake(QUEENS), QUEENS, x, **options, rows=rows)
    assert all((own.steps == 1).all() for own in without)  # nothing watches: it halts


def test_what_would_only_repeat_itself_halts():
    x = np.ones((1, 16), np.uint8)
    network = tiny(guidance="none")
    assert isinstance(network.model, Model)
    network.model.halt.bias.data.fill_(5.0)
    found = sample(network, FOUR, x, width=4, depth=9, halt_threshold=0.0, want=1)[0]
    assert found.steps.tolist() == [1]
    assert not renewable(network, FOUR, SamplingOptions())
    assert renewable(network, FOUR, SamplingOptions(restart_every=2))
    baseline = fake(QUEENS)
    baseline.config = dataclasses.replace(baseline.config, kind="mdlm")
    assert not renewable(baseline, QUEENS, SamplingOptions())  # its depth is a ceiling


@pytest.mark.parametrize(("size", "givens"), [(4, 0), (4, 1), (6, 0), (6, 2), (6, 4)])
def test_nearly_empty_boards_are_solved(size, givens):
    reasoner = load(f"sudoku-{size}", dtype="float32")
    y = reasoner.task.examples("dev", count=4).targets
    kept = np.random.default_rng(givens).random(y.shape).argsort(1).argsort(1) < givens
    assert all(answer.valid for answer in reasoner.solve(np.where(kept, y, 1).astype(np.uint8)))


def test_an_empty_board_of_nine_is_solved():
    [answer] = load("sudoku-9", dtype="float32").solve("." * 81)
    assert answer.valid


def test_a_sparse_row_takes_a_guess_after_every_step():
    model, x = propagator(), np.ones((1, 16), np.uint8)
    flight = ActiveBatch(model, FOUR, x, 0, 1.0)
    flight.admit([(0, 0)])
    for given in range(FOUR.spec.sparse):
        assert flight.sparse().tolist() == [True]
        assert (flight.tokens != 1).sum() == given
        flight.step()
        flight.restart(np.array([0]))
    assert flight.sparse().tolist() == [False]


def test_puzzles_come_out_as_soon_as_they_are_over():
    x = puzzles(QUEENS, 6)
    options = SamplingOptions(width=4, depth=9, want=1, rows=4)
    seen: list[int] = []
    found = {}
    for i, own in completed(
        fake(QUEENS, delay=5), QUEENS, x, options, watch=lambda stage: seen.append(len(stage.rows))
    ):
        found[i] = own, len(seen)
    assert sorted(found) == list(range(6))
    assert len({when for _, when in found.values()}) > 2
    together = sample(fake(QUEENS, delay=5), QUEENS, x, options)
    assert all(same(found[i][0], together[i]) for i in range(6))


def test_width_and_want_of_each_puzzle():
    x = np.tile(QUEENS.encode("/".join(["......"] * 6)), (3, 1))
    found = sample(fake(QUEENS), QUEENS, x, widths=[40, 40, 2], depth=2, wants=[1, 4, 4])
    assert [len(own) for own in found] == [40, 40, 2]
    assert found[0].evaluations == 2  # the first wave is enough
    assert len(choose(QUEENS, x[0], found[1], "checked").valid) == 4
    assert same(found[1], sample(fake(QUEENS), QUEENS, x[:1], width=40, depth=2, want=4)[0])
    with pytest.raises(ValueError, match="want is 0"):
        sample(fake(QUEENS), QUEENS, x, width=2, depth=2, wants=[1, 0, 1])


def ticks(seconds: float):
    """A clock on which every look takes so many seconds."""
    now = itertools.count()
    return lambda: next(now) * seconds


def test_a_puzzle_that_takes_too_long_ends_as_it_is():
    x = puzzles(QUEENS, 3)
    deadline = Deadline(3, each=2.5, clock=ticks(3.0))  # three puzzles share each step: one second of each
    found = sample(fake(QUEENS, delay=90), QUEENS, x, width=2, depth=99, rows=6, deadline=deadline)
    assert deadline.late.all()
    assert all(own.steps.tolist() == [3, 3] and own.finished.all() for own in found)
    assert deadline.seconds.tolist() == [3.0, 3.0, 3.0]


def test_a_total_of_time_ends_those_that_have_not_begun_too():
    x = puzzles(QUEENS, 4)
    deadline = Deadline(4, total=2.0, clock=ticks(1.0))
    found = sample(fake(QUEENS, delay=90), QUEENS, x, width=2, depth=99, rows=2, want=1, deadline=deadline)
    assert [own.evaluations for own in found] == [4, 0, 0, 0]
    assert not found[1].finished.any()
    bad: tuple[dict[str, Any], ...] = ({"each": 0.0}, {"total": -1.0})
    for limits in bad:
        with pytest.raises(ValueError, match="must be above 0"):
            Deadline(1, **limits)
