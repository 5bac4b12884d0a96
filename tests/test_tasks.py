"""The registry, and what every task owes to the others."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gram.tasks import names, task
from gram.tasks.base import PAD, SPLITS, Task, split_of

SOME = ["sudoku-4", "queens-5", "queens-8", "queens-12", "coloring-6", "coloring-8", "coloring-7-k4", "maze-10"]


@pytest.fixture(scope="module", params=SOME)
def puzzles(request):
    """A task and a few of its examples."""
    made = task(request.param)
    return made, made.examples("dev", seed=1, count=20)


def test_names():
    assert {"sudoku-4", "sudoku-6", "sudoku-9", "queens-8", "queens-16", "coloring-8", "coloring-24-k8"} <= set(names())
    assert len(set(names())) == len(names())


@pytest.mark.parametrize("name", [*SOME, "sudoku-9", "queens-16", "coloring-24-k8", "coloring-2-k2", "maze-30"])
def test_task_has_its_name(name):
    made = task(name)
    assert isinstance(made, Task)
    assert made.spec.name == name


def test_three_colors_may_be_spelt_out():
    assert task("coloring-8-k3").spec.name == "coloring-8"


@pytest.mark.parametrize(
    ("name", "closest"),
    [
        ("nqueens-8", "queens-8"),
        ("queens-17", "queens-"),
        ("Sudoku-9", "sudoku-9"),
        ("coloring-8-k9", "coloring-8"),
        ("colouring-8", "coloring-8"),
        ("queens-8-k3", "queens-8"),
        ("queens-08", "queens-8"),
        ("", ""),
    ],
)
def test_unknown_name(name, closest):
    forms = re.escape("there are sudoku-4, sudoku-6, sudoku-9, queens-N (N from 4 to 16), coloring-N (N from 2 to 24")
    with pytest.raises(ValueError, match=forms + f".*did you mean '{closest}"):
        task(name)


def test_spec(puzzles):
    made, some = puzzles
    spec = made.spec
    assert some.inputs.shape[1] == some.targets.shape[1] == spec.length
    for tokens in (some.inputs, some.targets):
        assert tokens.max() < spec.vocabulary
    assert (some.inputs != PAD).all()
    assert (some.targets[:, : spec.answer_start] == PAD).all()
    assert (some.targets[:, spec.answer_start :] != PAD).all()
    related = {position for relation in (*spec.relations, *spec.arrows) for group in relation for position in group}
    assert related == set(range(spec.length))


def test_targets_are_right(puzzles):
    made, some = puzzles
    assert len(some) > 0
    assert some.counts.min() >= 1
    assert made.check(np.repeat(some.inputs, some.counts, 0), some.targets).all()
    assert not made.check(some.inputs, some.inputs).any()  # an unsolved puzzle is no answer
    np.testing.assert_array_equal(made.canonical(some.targets), some.targets)


def test_show_and_encode_round_trip(puzzles):
    made, some = puzzles
    for i in range(len(some)):
        np.testing.assert_array_equal(made.encode(made.show(some.inputs[i])), some.inputs[i])
        assert made.decode(some.targets_of(i)[0])
        assert made.render(some.inputs[i])
        assert made.render(some.inputs[i], some.targets_of(i)[0])


def test_augment_and_invert(puzzles):
    made, some = puzzles
    answers = np.stack([some.targets_of(i)[0] for i in range(len(some))])
    symmetry = made.symmetry(np.random.default_rng(2), len(some))
    seen, found = made.augment(symmetry, some.inputs, answers)
    assert seen.dtype == found.dtype == np.uint8
    assert made.check(seen, found).all()
    np.testing.assert_array_equal(symmetry.inverse().apply(seen), some.inputs)
    np.testing.assert_array_equal(made.invert(symmetry, found), answers)
    ordered = np.sort(symmetry.positions, axis=1)
    np.testing.assert_array_equal(ordered, np.tile(np.arange(made.spec.length), (len(some), 1)))


def test_conflicts_survive_symmetry(puzzles):
    made, some = puzzles
    rng = np.random.default_rng(3)
    start = made.spec.answer_start
    answers = rng.integers(1, made.spec.vocabulary, some.inputs.shape).astype(np.uint8)
    answers[:, :start] = PAD
    symmetry = made.symmetry(rng, len(some))
    after = made.conflicts(*made.augment(symmetry, some.inputs, answers))
    np.testing.assert_array_equal(made.conflicts(some.inputs, answers), after)


@pytest.mark.parametrize("name", ["sudoku-4", "queens-6", "queens-8", "coloring-6", "coloring-7-k4", "maze-11"])
def test_solutions_of_augmented_puzzles(name):
    made = task(name)
    some = made.examples("test", seed=5, count=8)
    symmetry = made.symmetry(np.random.default_rng(6), len(some))
    for i, puzzle in enumerate(some.inputs):
        answers = made.solutions(puzzle)
        rows = np.full(len(answers), i)
        one = type(symmetry)(symmetry.positions[rows], symmetry.tokens[rows])
        seen, found = made.augment(one, np.tile(puzzle, (len(answers), 1)), answers)
        expected = made.solutions(seen[0])
        np.testing.assert_array_equal(np.unique(found, axis=0), np.unique(expected, axis=0))
        assert len(found) == len(expected)


@pytest.mark.parametrize("name", ["sudoku-4", "queens-6", "queens-9", "queens-13", "coloring-6", "maze-12"])
def test_splits_are_disjoint_and_seeded(name):
    made = task(name)
    parts = {split: made.examples(split, seed=4, count=60) for split in SPLITS}
    keys = {split: {row.tobytes() for row in part.inputs} for split, part in parts.items()}
    assert not keys["train"] & keys["dev"]
    assert not keys["train"] & keys["test"]
    assert not keys["dev"] & keys["test"]
    for split, part in parts.items():
        assert 0 < len(part) <= 60
        assert len(keys[split]) == len(part)
        assert {split_of(row) for row in part.inputs} == {split}
        again = made.examples(split, seed=4, count=60)
        np.testing.assert_array_equal(again.inputs, part.inputs)
        np.testing.assert_array_equal(again.targets, part.targets)
    other = made.examples("train", seed=7, count=60)
    assert not np.array_equal(other.inputs, parts["train"].inputs)
    assert len(made.examples("train", seed=4, count=0)) == 0


def test_unknown_split(puzzles):
    with pytest.raises(ValueError, match="train, dev, test"):
        puzzles[0].examples("valid")


@settings(max_examples=30, deadline=None)
@given(st.sampled_from(SOME), st.integers(0, 2**32 - 1), st.integers(1, 9))
def test_inverse_undoes_any_symmetry(name, seed, batch):
    made = task(name)
    rng = np.random.default_rng(seed)
    symmetry = made.symmetry(rng, batch)
    tokens = rng.integers(0, made.spec.vocabulary, (batch, made.spec.length)).astype(np.uint8)
    np.testing.assert_array_equal(symmetry.inverse().apply(symmetry.apply(tokens)), tokens)
    assert (symmetry.tokens[:, PAD] == PAD).all()
