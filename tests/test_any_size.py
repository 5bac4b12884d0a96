"""Weights whose network has no weights for positions serve every size of their kind of task."""

import numpy as np
import pytest

import gram
from gram import weights
from gram.config import read_config
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
    assert answer.tokens.shape == (49,)
    assert answer.valid == task("maze-7").check(task("maze-7").encode(MAZE_7)[None], np.array([answer.tokens]))[0]


def test_command_finds_the_weights_of_another_size(gram):
    ran = gram("solve", "maze-7", MAZE_7, "--width", 2, "--depth", 2, "--json")
    assert ran.code in (0, 1), ran.err
    assert "Weights: maze-10, which hold for every size." in ran.err


@pytest.mark.parametrize(
    ("name", "task_name"), [("queens-8", "queens-9"), ("maze-30", "queens-8"), ("maze-30", "maze-41")]
)
def test_what_does_not_fit_is_refused(name, task_name):
    with pytest.raises(ValueError, match=r"not for|Unknown task"):
        weights.load(name, task_name)
