"""The search over candidates: its state, its rounds, its training, and that all backends find the same."""

import dataclasses
import json

import numpy as np
import pytest
import torch
from support.networks import shortened
from support.ranks import together
from support.searching import PUZZLES, SMALL, TASK, reasoner

import gram
from gram import weights
from gram.config import ModelConfig
from gram.models.build import build, cast
from gram.models.recursive import Model
from gram.recipes import change
from gram.ship.export import export
from gram.ship.onnx_backend import load as load_bundle
from gram.solve.candidates import KEPT, Candidates
from gram.solve.reasoner import Reasoner
from gram.solve.torch_backend import TorchNetwork
from gram.train.candidates import Pool
from gram.train.loop import train

HARD = [
    "8..........36......7..9.2...5...7.......457.....1...3...1....68..85...1..9....4..",
    "..53.....8......2..7..1.5..4....53...1..7...6..32...8..6.5....9..4....3......97..",
    "1....7.9..3..2...8..96..5....53..9...1..8...26....4...3......1..4......7..7...3..",
]
"""9x9 Sudokus that need guesses."""


def states() -> Candidates:
    return Candidates.of(TASK.spec, PUZZLES.inputs)


def solutions() -> np.ndarray:
    return PUZZLES.targets.astype(np.int64) - TASK.spec.symbols[0]


def lasting(search: Candidates) -> np.ndarray:
    return search.lasting(solutions(), np.arange(len(search)))


# the state ------------------------------------------------------------------------------------------------
def test_a_new_state_holds_the_givens_and_leaves_the_rest_open():
    counts = states().counts()
    given = np.isin(PUZZLES.inputs, TASK.spec.symbols)
    assert (counts[given] == 1).all()
    assert (counts[~given] == 4).all()
    assert (lasting(states()) == KEPT).all()


def test_tokens_of_a_new_state_are_those_of_a_unary_model_that_reads_the_puzzle():
    model = build(TASK.spec, SMALL.model)
    assert isinstance(model, Model)
    x = torch.from_numpy(PUZZLES.inputs.astype(np.int64))
    assert torch.equal(model.unary(x), torch.from_numpy(states().tokens().astype(np.int64)))


def test_dropping_spares_givens_and_counts():
    search = states()
    before = search.counts().sum(1)
    fewer = search.drop(np.full(search.alive.shape, -9.0), -4.0)
    assert (fewer == before - search.given.sum(1)).all()
    assert (search.counts()[search.given] == 1).all()
    assert search.empty().all()


def test_a_guess_that_is_taken_back_leaves_all_but_itself():
    search, rng = states(), np.random.default_rng(0)
    rows = np.arange(len(search))
    before = search.alive.copy()
    search.guess(rows, rng.normal(size=before.shape), rng.random((len(search), 2)))
    guessed = search.guesses[rows, 0]
    search.drop(rng.normal(size=before.shape), -0.5)
    search.take_back(rows)
    before[rows, guessed[:, 0], guessed[:, 1]] = False
    assert (search.alive == before).all()
    assert (search.level == 0).all()


def test_a_dead_state_without_a_guess_begins_anew():
    search = states()
    search.drop(np.full(search.alive.shape, -9.0), -4.0)
    assert (lasting(search) == 0).all()
    search.take_back(np.arange(len(search)))
    assert (search.alive == states().alive).all()
    assert (search.doubts == 1).all()


def test_a_search_that_began_anew_is_stricter():
    """These weights drop everything at once, for ever; with the doubt of each restart the solution is found."""
    model = build(TASK.spec, SMALL.model)
    assert isinstance(model, Model)
    assert model.candidate is not None
    torch.nn.init.constant_(model.candidate.bias, -6.5)  # the thresholds are -4 and -1
    torch.nn.init.constant_(model.value.bias, -3.0)
    easy = PUZZLES.targets.copy()
    easy[:, [0, 5]] = 1
    answers = Reasoner(SMALL, TorchNetwork(cast(model, torch.float32)), TASK).solve(easy, width=1, depth=200)
    assert all(answer.valid for answer in answers)


@pytest.mark.parametrize("seed", range(5))
def test_a_search_that_the_solution_judges_finds_it(seed: int):
    """Random drops are sound here, random guesses are not: conflicts take every wrong one back."""
    search, target, rng = states(), solutions(), np.random.default_rng(seed)
    right = np.eye(4)[target]
    for _ in range(200):
        noise = rng.random(search.alive.shape)
        fewer = search.drop(np.where((right == 0) & (noise < 0.05), -9.0, 0.0), -4.0)
        dead = search.empty() | (lasting(search) < KEPT)
        search.take_back(np.flatnonzero(dead))
        stuck = ~dead & (fewer == 0)
        search.guess(np.flatnonzero(stuck), noise, rng.random((len(search), 2)), temperature=1.0)
    assert search.complete().all()
    assert (lasting(search) == KEPT).all()


def test_rows_come_and_go_without_touching_others():
    search = states()
    some = search.pick(np.array([3, 1]))
    some.drop(np.full(some.alive.shape, -9.0), -4.0)
    assert (search.alive == states().alive).all()
    both = some.join(search)
    assert (both.alive[2:] == search.alive).all()
    search.put(np.array([0]), some.pick(np.array([1])))
    assert (search.alive[0] == some.alive[1]).all()


def test_a_restart_leaves_what_the_givens_leave():
    search, rng = states(), np.random.default_rng(3)
    rows = np.arange(len(search))
    search.drop(rng.normal(size=search.alive.shape), -0.5)
    search.guess(rows, rng.normal(size=search.alive.shape), rng.random((len(search), 2)))
    search.restart(rows[:5])
    assert (search.alive[:5] == states().alive[:5]).all()
    assert not search.level[:5].any()
    assert (search.level[5:] == 1).all()
    assert not search.doubts.any()


# answers --------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_an_answer_does_not_depend_on_its_company(dtype: torch.dtype):
    asked = reasoner(dtype=dtype)
    together = asked.solve(PUZZLES.inputs, width=3, depth=25)
    for puzzle, answer in zip(PUZZLES.inputs[:4], together, strict=False):
        alone = asked.solve(puzzle, width=3, depth=25)
        [alone] = alone if isinstance(alone, list) else [alone]
        assert (alone.text, alone.evaluations) == (answer.text, answer.evaluations)


def test_new_weights_that_drop_nothing_and_never_give_up_search_all_guesses():
    """No network can be worse: dead ends are seen by the checker alone, when one candidate is left everywhere."""
    easy = PUZZLES.targets.copy()
    easy[:, [0, 5, 10]] = 1  # 64 fillings
    answers = reasoner().solve(easy, width=1, depth=400, drop_below=-1000.0, give_up_below=-1000.0)
    assert all(answer.valid for answer in answers)


def test_a_search_restarts_when_it_is_due(monkeypatch):
    levels: list[int] = []
    restart = Candidates.restart

    def watched(search: Candidates, rows: np.ndarray) -> None:
        levels.extend(search.level[rows].tolist())
        restart(search, rows)
        assert not search.level[rows].any()
        assert (search.alive[rows] == Candidates.of(TASK.spec, blank).alive).all()

    monkeypatch.setattr(Candidates, "restart", watched)
    blank = np.full_like(PUZZLES.inputs[:1], PUZZLES.inputs.min())
    monkeypatch.setattr(type(TASK), "check", lambda self, x, y: np.zeros(len(x), bool))
    reasoner().solve(blank[0], width=1, depth=24, restart_every=5, drop_below=-1000.0, give_up_below=-1000.0)
    assert levels == [5, 5, 5, 5]


def test_without_the_checker_a_search_ends_where_one_candidate_is_left():
    answers = reasoner().solve(PUZZLES.inputs, width=1, depth=200, select="first")
    assert all((answer.steps or 200) < 200 for answer in answers)


def test_bundles_search_as_the_weights_do(tmp_path):
    """Trained weights with two of their eight transitions a step, so that the graph is small and the searches are
    long."""
    weights.save(tmp_path / "weights", *shortened("sudoku-9-search", T=2))
    bundle = load_bundle(export(str(tmp_path / "weights"), tmp_path / "bundle"))
    answers = [loaded.solve(HARD) for loaded in (gram.load(str(tmp_path / "weights"), dtype="float32"), bundle)]
    assert all(answer.valid for answer in answers[1])
    assert [a.text for a in answers[0]] == [b.text for b in answers[1]]
    same = [a.evaluations == b.evaluations for a, b in zip(*answers, strict=True)]
    assert sum(same) >= len(HARD) - 1  # a logit at a threshold may be rounded to either side
    assert sum(answer.evaluations for answer in answers[1]) > 50


# training -------------------------------------------------------------------------------------------------
def test_training_learns(tmp_path):
    run = train(change(SMALL, train={"updates": 150}), tmp_path / "run")
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    losses = [line["ce"] for line in lines if "ce" in line]
    assert losses[-1] < 0.8 * losses[0]


def test_a_resumed_run_ends_where_one_in_one_piece_does(tmp_path):
    whole = train(SMALL, tmp_path / "whole")
    train(SMALL, tmp_path / "parts", stop_at=5)
    parts = train(SMALL, tmp_path / "parts", resume=True)
    first, second = (weights.load(str(folder))[1].state_dict() for folder in (whole, parts))
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_two_processes_train_it_together(tmp_path):
    together(lambda: train(SMALL, tmp_path / "two"))
    alone = train(SMALL, tmp_path / "one")
    one, two = (json.loads((run / "metrics.jsonl").read_text().splitlines()[0]) for run in (alone, tmp_path / "two"))
    assert two["ce"] == pytest.approx(one["ce"], rel=1e-3)  # a few updates by Muon, whose iteration is bfloat16


def test_the_pool_replaces_what_is_solved_and_what_is_doomed():
    pool, targets = Pool(TASK, np.arange(len(PUZZLES)), 0, -1.0), list(PUZZLES.targets[:, None])
    pool.begin(np.arange(len(PUZZLES)), PUZZLES.inputs, targets)
    right = np.eye(4)[solutions()] * 18.0 - 9.0
    told = [torch.from_numpy(z).float() for z in (right, right, np.full(len(PUZZLES), 9.0))]
    over, back = pool.advance(0, tuple(told))
    assert over.all()
    assert not back.any()
    pool.begin(np.arange(len(PUZZLES)), PUZZLES.inputs, targets)
    told[1], told[2] = -told[1], -told[2]
    over, _ = pool.advance(1, tuple(told))
    assert not over.any()  # it judged what is now lost
    over, _ = pool.advance(2, tuple(told))
    assert over.all()


@pytest.mark.parametrize(
    "field", [{"unary": False}, {"hierarchy": True}, {"guidance": "full"}, {"gradient": "transition"}]
)
def test_what_candidates_need_is_said(field: dict):
    with pytest.raises(ValueError, match="candidates = true needs"):
        build(TASK.spec, dataclasses.replace(SMALL.model, **field))


def test_weights_of_before_have_no_candidate_head():
    assert ModelConfig().candidates is False
