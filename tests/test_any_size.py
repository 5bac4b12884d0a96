"""Weights whose network has no weights for positions serve every size of their kind of task."""

import numpy as np
import pytest

import gram
from gram import weights
from gram.config import read_config
from gram.solve.sampler import rollout, sample
from gram.tasks import task

MAZE_7 = "S....../####.##/......./.#####./....#../###.#.#/...G..."


def test_mazes_have_weights_of_any_size():
    assert weights.any_size(read_config(weights.SHIPPED / "maze-30" / "config.json"))
    assert not weights.any_size(read_config(weights.SHIPPED / "queens-8" / "config.json"))


@pytest.mark.parametrize(("name", "size", "expected"), [("maze-12", 12, "maze-30"), ("maze-40", 40, "maze-30")])
def test_nearest_size_above_else_the_largest(name, size, expected):
    assert weights.of_any_size(name, size) == weights.SHIPPED / expected
    assert weights.of_any_size("queens-9", 9) is None


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_another_size_in_python(dtype):
    loaded = gram.load("maze-30", task="maze-7", dtype=dtype)
    assert loaded.task.spec.name == "maze-7"
    answer = loaded.solve(MAZE_7.replace("/", "\n"), width=4, depth=4, seed=1)
    assert answer.tokens is not None
    assert answer.tokens.shape == (49,)
    assert answer.valid == task("maze-7").check(task("maze-7").encode(MAZE_7)[None], np.array([answer.tokens]))[0]


def test_command_finds_the_weights_of_another_size(gram):
    ran = gram("solve", "maze-7", MAZE_7, "--width", 2, "--depth", 2, "--json")
    assert ran.code in (0, 1), ran.err
    assert "Weights: maze-10, which hold for every size." in ran.err


def test_command_finds_the_search_of_a_task(gram):
    puzzle = task("sudoku-16").show(task("sudoku-16").examples("test", count=1).inputs[0])
    ran = gram("solve", "sudoku-16", puzzle, "--depth", 2, "--json")
    assert "Weights: sudoku-16-search.\n" in ran.err


@pytest.mark.parametrize(
    ("name", "task_name"), [("queens-8", "queens-9"), ("maze-30", "queens-8"), ("maze-30", "maze-41")]
)
def test_what_does_not_fit_is_refused(name, task_name):
    with pytest.raises(ValueError, match=r"not for|Unknown task"):
        weights.load(name, task_name)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_trajectories_see_the_views_of_a_maze_in_turn(dtype):
    """Without noise, trajectory n answers as the first does to the maze seen from there, turned back."""
    loaded = gram.load("maze-30", task="maze-7", dtype=dtype)
    maze = loaded.task
    x, views = maze.encode(MAZE_7.replace("/", "\n")), maze.sides()
    options = {"depth": 3, "temperature": 0.0, "halt_threshold": None}
    turned = sample(loaded.network, maze, x[views[:5]], width=1, **options)
    together = sample(loaded.network, maze, x[None], width=10, views=5, **options)[0]
    for n, answer in enumerate(together.answers):
        np.testing.assert_array_equal(answer[views[n % 5]], turned[n % 5].answers[0])
    assert len(np.unique(together.answers, axis=0)) > 1
    assert len(sample(loaded.network, maze, x[None], width=3, **options)[0]) == 1  # all are alike
    later = sample(loaded.network, maze, x[None], width=1, views=5, first=3, **options)[0]
    np.testing.assert_array_equal(later.answers[0], together.answers[3])


def test_a_checked_maze_is_first_seen_as_it_stands():
    """The other sides wait, so that a maze with several shortest paths gets the one that training preferred."""
    loaded = gram.load("maze-30", task="maze-7", dtype="float32")
    x = np.stack([loaded.task.encode(MAZE_7.replace("/", "\n"))] * 2)
    stages = list(rollout(loaded.network, loaded.task, x, width=8, views=8, depth=1, want=1, halt_threshold=None))
    assert stages[0].rows == [(0, 0), (1, 0)]
    once = sample(loaded.network, loaded.task, x, width=1, depth=1, halt_threshold=None)
    for puzzle in (0, 1):
        np.testing.assert_array_equal(stages[0].answers[puzzle], once[puzzle].answers[0])
