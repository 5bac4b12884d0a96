"""`--want all`: every answer of a puzzle, case by case, and what is claimed about the list."""

import json
from typing import Any, Literal

import numpy as np
import pytest
import torch
from support.networks import FOUR, QUEENS, Oracle, fake, knowing, puzzles, tiny

from gram import tasks
from gram.config import Config
from gram.config.values import Want
from gram.fields import from_dict
from gram.serve.schema import schema
from gram.ship.runtime import kind_of
from gram.solve import every
from gram.solve.options import SamplingOptions
from gram.solve.outlook import PuzzleOutlook
from gram.solve.reasoner import Reasoner, load
from gram.solve.torch_backend import TorchNetwork

COLORING = tasks.task("coloring-6")
BLANK = "/".join(["......"] * 6)
ENCLOSED = "Q...../..Q.../....Q./....../....../......"  # no queen fits into the fourth row, although none attack
TASKS = [QUEENS, FOUR, COLORING]


def reasoner_of(network, task) -> Reasoner:
    return Reasoner(Config(recipe="test", task=task.spec.name, model=network.config), network, task)


def queens(**options) -> Reasoner:
    known = knowing(**options)
    return Reasoner(known.config, known.network, QUEENS)


def texts(task, puzzle) -> list[str]:
    return sorted(task.decode(answer) for answer in task.solutions(puzzle))


def uncounted(monkeypatch, task):
    """The exact solver takes too long."""
    monkeypatch.setattr(type(task), "count", lambda *_: None)


# what is found --------------------------------------------------------------------------------------------
@pytest.mark.parametrize("counted", [True, False])
@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.spec.name)
def test_all_answers_are_listed_and_proven(task, counted, monkeypatch):
    if not counted:
        uncounted(monkeypatch, task)
    blank = task.encode(BLANK if task is QUEENS else "1-2" if task is COLORING else "1..." + 12 * ".")
    given = [blank, *puzzles(task, 3)]
    for puzzle, answer in zip(given, reasoner_of(fake(task, delay=3), task).solve(given, want="all"), strict=True):
        assert sorted(answer.distinct) == texts(task, puzzle)
        assert answer.all is True
        assert answer.exist == len(answer.distinct)
        assert answer.unique is (answer.exist == 1)
        assert answer.valid
        assert answer.complete
        assert answer.evaluations >= sum(c.votes for c in answer.candidates)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.spec.name)
def test_the_rules_complete_what_untrained_weights_miss(task, dtype, monkeypatch):
    uncounted(monkeypatch, task)
    puzzle = puzzles(task, 1)[0]
    answer = reasoner_of(tiny(task, dtype), task).solve(puzzle, want="all", depth=2)
    assert sorted(answer.distinct) == texts(task, puzzle)
    assert answer.all is True
    again = reasoner_of(tiny(task, dtype), task).solve([puzzle, puzzle], want="all", depth=2)
    assert [a.distinct for a in again] == [answer.distinct] * 2


def test_answers_of_the_rules_alone_are_called_that():
    answer = knowing(wrong=1.0).solve(BLANK, want="all")
    assert len(answer.distinct) == 4
    assert (answer.steps, answer.index, answer.agreed) == (None, None, 0)
    assert answer.text in answer.distinct
    assert answer.listing == "these are all 4 solutions, 4 of them completed by the rules"


def test_fewer_trajectories_than_by_sampling_alone():
    """The known answers steer away from what is found, so that hardly more are needed than there are answers."""
    task = tasks.task("queens-8")
    blank = task.encode("." * 64)
    answer = reasoner_of(fake(task), task).solve(blank, want="all")
    assert (len(answer.distinct), answer.all) == (92, True)
    assert answer.finished < 2.5 * 92
    assert not any(c.votes == 0 for c in answer.candidates)


# what is claimed ------------------------------------------------------------------------------------------
@pytest.mark.parametrize("width", [1, 2, 3, 5, 9, 40])
def test_a_list_is_called_complete_only_with_proof(width, monkeypatch):
    uncounted(monkeypatch, QUEENS)
    for seed in range(3):
        answer = knowing().solve(BLANK, want="all", width=width, seed=seed)
        assert set(answer.distinct) <= set(texts(QUEENS, QUEENS.encode(BLANK)))
        assert answer.all is (len(answer.distinct) == 4)
    monkeypatch.setattr(every, "NODES", 0)
    answer = knowing().solve(BLANK, want="all", width=1)
    assert answer.all is False
    assert answer.exist is None
    assert "there may be more" in answer.listing


def test_a_puzzle_without_solution_is_called_that_only_if_proven(monkeypatch):
    with pytest.raises(ValueError, match="no solution"):
        knowing().solve(ENCLOSED, want="all")
    uncounted(monkeypatch, QUEENS)
    nothing = reasoner_of(tiny(QUEENS), QUEENS)
    proven = nothing.solve(ENCLOSED, want="all")
    assert (proven.all, proven.distinct, proven.exist) == (True, (), 0)
    assert proven.verdict == "no solution: the rules exclude every completion"
    monkeypatch.setattr(QUEENS, "cases", None)
    unproven = nothing.solve(ENCLOSED, want="all", width=4, depth=2)
    assert (unproven.all, unproven.distinct, unproven.exist) == (False, (), None)
    assert unproven.verdict.startswith("none found within ")
    assert "there may be some" in str(unproven)


def test_time_and_nodes_end_the_search_without_a_claim(monkeypatch):
    uncounted(monkeypatch, QUEENS)
    for limits in ({"timeout": 1e-6}, {"total_timeout": 1e-6}):
        answer = knowing().solve(BLANK, want="all", **limits)
        assert (answer.all, answer.complete) == (False, False)
    monkeypatch.setattr(every, "NODES", 0)
    answer = knowing(wrong=1.0).solve(BLANK, want="all")
    assert (answer.all, answer.complete) == (False, True)


def test_tasks_without_cases_are_sampled_and_counted(monkeypatch):
    monkeypatch.setattr(QUEENS, "cases", None)
    answer = queens().solve(BLANK, want="all")
    assert (len(answer.distinct), answer.all, answer.exist) == (4, True, 4)
    assert queens().solve(BLANK, want="all", width=1).listing.startswith("1 solution of 4 found within ")
    uncounted(monkeypatch, QUEENS)
    assert queens().solve(BLANK, want="all").all is False


@pytest.mark.parametrize("name", ["queens-8", "coloring-10"])
def test_shipped_weights_list_all_answers(name, monkeypatch):
    """Nearly all of them by trajectories, with the count of the exact solver and without."""
    reasoner = load(name, dtype="float32")
    boards = reasoner.task.examples("test", count=3).inputs
    for _ in range(2):
        answers = reasoner.solve(boards, want="all")
        for board, answer in zip(boards, answers, strict=True):
            assert sorted(answer.distinct) == texts(reasoner.task, board)
            assert answer.all is True
        found = [candidate.votes > 0 for answer in answers for candidate in answer.candidates if candidate.valid]
        assert np.mean(found) > 0.5
        uncounted(monkeypatch, reasoner.task)


# options --------------------------------------------------------------------------------------------------
def test_what_cannot_list_all_says_so():
    for asked in ({"want": "all", "select": "majority"}, {"want": "some"}, {"want": 0}, {"want": True}):
        with pytest.raises(ValueError, match="want"):
            knowing().solve(BLANK, **asked)
    with pytest.raises(ValueError, match='leave out want "all"'):
        list(knowing().stream(BLANK, want="all"))
    options: Any = from_dict(SamplingOptions, {"want": "all"})
    assert options.want == "all"
    assert knowing().solve(BLANK, want=4).all is None


def test_a_mistyped_number_is_told_of_the_word(refused):
    assert "--want is 'some'; it must be a whole number or 'all'" in refused(
        "solve", "queens-6", "." * 36, "--want", "some"
    )


def test_the_option_is_described():
    assert kind_of(int | None) == {"type": int}
    read = kind_of(int | Literal["all"] | None)["type"]
    assert [read(text) for text in ("all", "3")] == ["all", 3]
    number, word = schema(Want)["oneOf"]
    assert number == {"type": "integer", "minimum": 1, "maximum": 1_000_000}
    assert word == {"type": "string", "enum": ["all"]}


def test_progress_counts_puzzles_and_evaluations():
    seen = PuzzleOutlook(3, 100)
    answers = list(knowing().answers([BLANK] * 3, watch=seen.note, want="all"))
    assert seen.over == 3
    assert seen.evaluations == sum(a.evaluations for a in answers)
    assert [a.number for a in answers] == [1, 2, 3]


def test_the_command_says_that_these_are_all(gram, oracle):
    ran = gram("solve", "queens-6", "." * 36, "--want", "all")
    assert "these are all 4 solutions" in ran.out
    row = json.loads(gram("solve", "queens-6", "." * 36, "--want", "all", "--json").out)
    assert (row["all"], row["exist"], len(row["distinct"])) == (True, 4, 4)
    assert "all" not in json.loads(gram("solve", "queens-6", "." * 36, "--want", "4", "--json").out)
    one = gram("solve", "queens-6", json.loads(json.dumps(row["answer"])).replace("\n", "/"), "--want", "all")
    assert "this is the only solution" in one.out


def test_a_command_without_proof_does_not_say_so(gram, oracle, monkeypatch):
    uncounted(monkeypatch, QUEENS)
    with monkeypatch.context() as limited:
        limited.setattr(every, "NODES", 0)
        ran = gram("solve", "queens-6", "." * 36, "--want", "all", "--width", 1)
    assert "there may be more" in ran.out
    assert "all" not in ran.out.split("there may be more")[0].split("solved: the answer obeys all rules")[1]
    ran = gram("solve", "queens-6", ENCLOSED, "--want", "all", "--width", 1)
    assert "no solution: the rules exclude every completion" in ran.out


def test_answers_of_a_node_that_are_none_of_its_board_are_left_out():
    """A network that ignores the additional queens of a node finds no answer twice and none that is wrong."""

    class Deaf(Oracle):
        def encode(self, x):
            return super().encode(torch.ones_like(x))

    network = TorchNetwork(Deaf(QUEENS))  # pyright: ignore
    answer = reasoner_of(network, QUEENS).solve(BLANK, want="all")
    assert sorted(answer.distinct) == texts(QUEENS, QUEENS.encode(BLANK))
    assert len(np.unique([c.answer for c in answer.candidates], axis=0)) == len(answer.candidates)
