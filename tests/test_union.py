"""Searches in puzzles with several solutions: what is left of them, the targets, and their training."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from gram import tasks, weights
from gram.models.build import build, cast
from gram.models.recursive import Model
from gram.recipes import change, recipe
from gram.ship import web
from gram.solve.candidates import KEPT, Candidates
from gram.solve.reasoner import Reasoner
from gram.solve.torch_backend import TorchNetwork
from gram.tasks.base import Task
from gram.tasks.coloring import Coloring
from gram.tasks.queens import QUEEN, NQueens
from gram.train.candidates import DEAD, FALSE, TRUE, CandidateLearner, Pool
from gram.train.loop import train
from gram.train.objective import Inputs

NAMES = "queens-5", "coloring-6", "sudoku-4"
TINY = {"width": 16, "hidden": 32, "mixer_hidden": 8, "T": 2}
SHORT = {"minutes": None, "updates": 6, "batch": 8, "N_sup": 6, "compile": False, "threads": 1, "evaluate_examples": 4}


def small(name: str, dtype: str = "float32"):
    return change(recipe(f"{name}-search"), model=TINY, train={**SHORT, "dtype": dtype}, solve={"depth": 60})


def spoiled(name: str, rows: int = 24, rounds: int = 2) -> tuple[Task, Pool, list[np.ndarray]]:
    """Searches that random outputs have advanced, so that some states are dead, and the solutions of their puzzles."""
    task = tasks.task(name)
    examples = task.examples("train", count=rows)
    targets = [examples.targets_of(i) for i in range(len(examples))]
    pool = Pool(task, np.arange(len(examples)), 0, -1.0)
    pool.begin(np.arange(len(examples)), examples.inputs, targets)
    rng, S = np.random.default_rng(1), len(task.spec.symbols)
    for update in range(rounds):
        logits = rng.normal(size=(len(examples), task.spec.length, S))
        candidates = np.where(rng.random(logits.shape) < 0.01, -9.0, 0.0)
        pool.advance(update, tuple(map(torch.from_numpy, (logits, candidates, np.full(len(examples), 9.0)))))
    return task, pool, targets


# what is left ---------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", NAMES)
def test_a_candidate_is_right_if_a_solution_that_is_left_has_it(name: str):
    """Against the definition, one solution at a time."""
    task, pool, targets = spoiled(name)
    live, share = (z.numpy() for z in pool.left())
    assert 0 < live.sum() < len(live)
    symbols, start, alive = np.array(task.spec.symbols), task.spec.answer_start, pool.candidates.alive
    for row, own in enumerate(targets):
        hot = task.renamed(own)[..., None] == symbols
        there = np.array([(alive[row] | ~solution).all() for solution in hot])
        assert live[row] == there.any()
        expected = hot[there if there.any() else slice(None)].mean(0)
        assert np.allclose(share[row], expected)
        assert not share[row, :start].any()


def test_with_one_solution_the_losses_are_those_of_it_bit_for_bit():
    """Against the formulas for a single solution, in which it is a row of tokens."""
    task, pool, targets = spoiled("sudoku-4")
    model = build(task.spec, small("sudoku-4").model, seed=3)
    assert isinstance(model, Model)
    learner = CandidateLearner(model, small("sudoku-4").train)
    x, y = pool.tokens(), torch.from_numpy(np.concatenate(targets).astype(np.int64))
    state, zeros = model.initial(len(x)), torch.zeros(len(x), dtype=torch.int64)
    found = learner(Inputs(x, y, state, None, zeros, zeros, zeros.bool(), left=pool.left()))

    this, other = task.spec.symbols[:2]
    x_BLS = x.view(len(x), task.spec.length, -1)
    y_BLS = (y[..., None] == torch.tensor(task.spec.symbols)).float()
    alive = (x_BLS != other).float()
    live = ((1 - alive) * y_BLS).sum((1, 2)).eq(0).float()
    shares = alive * torch.where(live > 0, 1.0, DEAD)[:, None, None]
    asked = (x_BLS != this).all(2).float() * live[:, None]
    each = (torch.stack([shares.sum(), asked.sum()]) / float(len(x))).clamp(min=1)
    right = y_BLS * live[:, None, None]
    weight = shares * torch.where(right > 0, TRUE, FALSE)
    step = model.step(state, model.encode(x), None)
    ce = bce = conflict = torch.zeros(len(x))
    readouts = [*step.earlier, step.readout]
    for readout in readouts:
        logits, value, candidates = model.scores(readout), model.alive(readout), model.living(readout)
        bce = (
            bce
            + (F.binary_cross_entropy_with_logits(candidates, right, reduction="none") * weight).sum((1, 2)) / each[0]
        )
        log_p = logits.masked_fill(shares == 0, -1e4).log_softmax(-1)
        ce = ce - ((log_p * y_BLS).sum(2) * asked).sum(1) / each[1]
        conflict = conflict + F.binary_cross_entropy_with_logits(value, live, reduction="none")
    for name, loss in (("candidates", bce), ("ce", ce), ("conflict", conflict)):
        assert torch.equal(found.losses[name], loss / len(readouts)), name


def test_a_search_ends_at_any_solution_and_when_none_is_left_from_the_start():
    task = NQueens(5)
    examples = task.examples("train", count=8)
    targets = [examples.targets_of(i) for i in range(8)]
    assert max(map(len, targets)) > 1
    for last in (0, -1):  # outputs of the first solution, and of the last one
        pool = Pool(task, np.arange(8), 0, -1.0)
        pool.begin(np.arange(8), examples.inputs, targets)
        hot = np.stack([own[last][:, None] == np.array(task.spec.symbols) for own in targets]) * 18.0 - 9.0
        over, back = pool.advance(0, tuple(map(torch.from_numpy, (hot, hot, np.full(8, 9.0)))))
        assert over.all()
        assert not back.any()
    pool.begin(np.arange(8), examples.inputs, targets)
    told = [torch.from_numpy(z) for z in (hot, -hot, np.full(8, -9.0))]  # candidates of no solution, and given up
    assert not pool.advance(1, tuple(told))[0].any()  # they were alive when it was said, so they stay
    assert pool.advance(2, tuple(told))[0].all()


@pytest.mark.parametrize("name", NAMES)
def test_where_only_what_no_solution_has_is_dropped_no_guess_is_wrong(name: str):
    task, pool, _ = spoiled(name, rounds=0)
    search, rng = pool.candidates, np.random.default_rng(0)
    for _ in range(2 * task.spec.length):
        live, share = (z.numpy() for z in pool.left())
        assert live.all()
        fewer = search.drop(np.where(share > 0, 9.0, -9.0), -4.0)
        logits = rng.normal(size=search.alive.shape)
        search.guess(np.flatnonzero(fewer == 0), logits, rng.random((len(search), 2)), temperature=1.0)
    assert search.complete().all()
    answers = task.canonical(search.answers(logits))
    puzzles = task.examples("train", count=len(search)).inputs
    assert task.check(puzzles, answers).all()


# states ---------------------------------------------------------------------------------------------------
def test_no_given_of_a_board_is_an_empty_cell_and_guesses_are_queens():
    task = NQueens(6)
    puzzles = task.examples("dev", count=4).inputs
    search, rng = Candidates.of(task.spec, puzzles), np.random.default_rng(0)
    assert (search.given == (puzzles == QUEEN)).all()
    assert set(np.unique(search.tokens())) == {0, 1, 2}
    logits = rng.normal(size=search.alive.shape)
    for temperature, fewest in ((0.0, True), (1.25, True), (1.25, False)):
        search.guess(np.arange(4), logits, rng.random((4, 2)), temperature=temperature, fewest=fewest)
    assert (search.guesses[:, :3, 1] == 1).all()
    before = search.alive.copy()
    search.take_back(np.arange(4))
    at = search.guesses[:, 2, 0]
    assert (search.alive.sum((1, 2)) == before.sum((1, 2))).all()  # no longer a queen, an empty cell again
    assert (search.answers(logits)[np.arange(4), at] != QUEEN).all()


def test_a_queen_is_guessed_where_it_is_likely():
    task = NQueens(6)
    search = Candidates.of(task.spec, np.ones((1, 36), np.uint8))
    logits = np.zeros((1, 36, 2))
    logits[0, 17] = -9, 9
    search.guess(np.array([0]), logits, np.array([[0.5, 0.5]]))
    assert search.guesses[0, 0].tolist() == [17, 1]


def test_the_edges_of_a_graph_are_read_and_never_guessed():
    task = Coloring(6)
    puzzles = task.examples("dev", count=5).inputs
    search, rng = Candidates.of(task.spec, puzzles), np.random.default_rng(0)
    shown = search.tokens().reshape(5, task.spec.length, 3)
    assert (shown[:, : task.edges] == puzzles[:, : task.edges, None]).all()
    assert (shown[:, task.edges :] == task.blank).all()
    logits = rng.normal(size=search.alive.shape)
    for _ in range(6):
        search.guess(np.arange(5), logits, rng.random((5, 2)))
        assert search.drop(logits, -1e9).sum() == 0
    assert search.complete().all()
    assert (search.guesses[:, :6, 0] >= task.edges).all()
    answers = search.answers(logits)
    assert not answers[:, : task.edges].any()
    assert (answers[:, task.edges :] >= task.spec.symbols[0]).all()


def test_every_naming_of_a_coloring_is_an_answer():
    task = Coloring(5)
    [board] = task.examples("dev", count=1).inputs
    canonical = task.solutions(board)
    named = task.renamed(canonical)
    assert (task.conflicts(np.broadcast_to(board, named.shape), named) == 0).all()
    assert len(np.unique(named, axis=0)) == len(named)
    free = [row for row in np.ndindex(*[3] * 5)]
    every = np.concatenate([np.tile(board[: task.edges], (len(free), 1)), np.array(free) + 3], 1).astype(np.uint8)
    assert len(named) == (task.conflicts(np.broadcast_to(board, every.shape), every) == 0).sum()
    assert {row.tobytes() for row in task.canonical(named)} == {row.tobytes() for row in canonical}


# training and answers -------------------------------------------------------------------------------------
@pytest.mark.parametrize(("name", "dtype"), [("queens-5", "float32"), ("coloring-6", "bfloat16")])
def test_a_resumed_run_ends_where_one_in_one_piece_does(tmp_path, name: str, dtype: str):
    config = small(name, dtype)
    whole = train(config, tmp_path / "whole")
    train(config, tmp_path / "parts", stop_at=3)
    parts = train(config, tmp_path / "parts", resume=True)
    first, second = (weights.load(str(folder))[1] for folder in (whole, parts))
    pairs = zip(first.state_dict().values(), second.state_dict().values(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_new_weights_color_graphs_by_guesses_that_the_rules_judge(dtype: torch.dtype):
    config, task = small("coloring-5"), tasks.task("coloring-5")
    model = build(task.spec, config.model, seed=0)
    assert isinstance(model, Model)
    reasoner = Reasoner(config, TorchNetwork(cast(model, dtype)), task)
    boards = task.examples("dev", count=3).inputs
    answers = reasoner.solve(boards, width=1, depth=400, drop_below=-1000.0, give_up_below=-1000.0)
    assert all(answer.valid for answer in answers)
    everything = reasoner.solve(boards[0], want="all", depth=20)
    assert everything.all
    assert {task.decode(each) for each in task.solutions(boards[0])} == set(everything.distinct)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("queens-11-search", "does not list them all"),
        ("coloring-8-k5-search", "too many names"),
        ("sudoku-boards-4-search", "does not list them all"),
    ],
)
def test_tasks_whose_solutions_are_not_all_at_hand_are_refused(tmp_path, refused, name: str, sentence: str):
    assert sentence in refused("train", name, "--minutes", "1", "--out", tmp_path / "run")


def test_the_page_does_not_search_boards_of_queens():
    with pytest.raises(ValueError, match="searches in Sudoku"):
        web.check(tasks.task("queens-5"), small("queens-5"))


def test_the_level_at_which_the_last_solution_was_lost():
    """Against the largest of those of its solutions."""
    _, pool, _ = spoiled("queens-5")
    solutions, owners, level = pool.levels()
    longest = pool.longest()
    assert len(solutions) == len(owners) == len(level)
    for row in range(len(longest)):
        assert longest[row] == level[owners == row].max()
    assert ((longest == KEPT) == (pool.left().live.numpy() == 1)).all()
