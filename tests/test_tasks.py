"""The registry, tasks of other packages, and what every task owes to the others (gram.tasks.testing)."""

import io
import re
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.command import SMALL_NETWORK, exit_code
from support.own import REPAIR, register
from support.places import ROOT

from gram import recipes
from gram.config import read_config
from gram.console import inputs
from gram.models.build import build
from gram.tasks import installed, names, task, testing
from gram.tasks.base import Task
from gram.tasks.spec import PAD, SPLITS, split_of

EXAMPLES = ROOT / "examples"
SOME = [
    "sudoku-4",
    "sudoku-12",
    "queens-5",
    "queens-8",
    "queens-12",
    "coloring-6",
    "coloring-8",
    "coloring-7-k4",
    "maze-10",
]


@pytest.fixture(scope="module", params=SOME)
def some(request) -> Task:
    return task(request.param)


def test_names():
    assert {"sudoku-4", "sudoku-6", "sudoku-9", "queens-8", "queens-16", "coloring-8", "coloring-24-k8"} <= set(names())
    assert len(set(names())) == len(names())


@pytest.mark.parametrize(
    "name",
    [*SOME, "sudoku-6-3x2", "sudoku-9", "sudoku-16", "sudoku-25", "queens-16", "coloring-24-k8", "coloring-2-k2"],
)
def test_task_has_its_name(name):
    made = task(name)
    assert isinstance(made, Task)
    assert made.spec.name == name


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("sudoku-boards-4", ("laptop", "sudoku-boards-4", None)),
        ("sudoku-boards-trm", ("laptop", "sudoku-boards", "trm")),
        ("paper-coloring-8-k3-direct-8", ("paper", "coloring-8-k3", "direct-8")),
        ("arc-1-10-d3pm-uniform", ("laptop", "arc-1-10", "d3pm-uniform")),
        ("queens-99", ("laptop", "", None)),
        ("queens-8-", ("laptop", "", None)),
        ("own", ("laptop", "own", None)),
        ("paper-queens-8-literal", ("paper", "queens-8", "posterior-all")),
    ],
)
def test_a_recipe_is_a_task_and_a_variant(name, parts):
    assert recipes.split(name) == parts


@pytest.mark.parametrize(
    ("old", "new"),
    [("several", "posterior-last"), ("literal", "posterior-all"), ("all-pay", "kl-all"), ("direct", "single-pass")],
)
def test_earlier_names_of_variants_are_understood(old, new):
    with pytest.warns(FutureWarning, match=new):
        config = recipes.recipe(f"queens-8-{old}")
    assert config == recipes.recipe(f"queens-8-{new}")


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
    forms = re.escape(
        "sudoku-N (N is 4, 6, 9, 12, 16 or 25), sudoku-6-3x2, queens-N (N from 4 to 16), coloring-N (N from 2 to 24"
    )
    with pytest.raises(ValueError, match=forms + f".*did you mean '{closest}"):
        task(name)


# what every task owes -------------------------------------------------------------------------------------
@pytest.mark.parametrize("check", testing.CHECKS, ids=lambda check: check.__name__)
def test_what_every_task_owes(some, check):
    check(some)


def test_an_unsolved_puzzle_is_no_answer(some):
    inputs = some.examples("dev", seed=1, count=20).inputs
    assert not some.check(inputs, inputs).any()


def test_groups_leave_no_position_out(some):
    grouped = {
        position for relation in (*some.spec.relations, *some.spec.directed) for group in relation for position in group
    }
    assert grouped == set(range(some.spec.length))


@pytest.mark.parametrize("name", ["sudoku-4", "queens-6", "queens-9", "queens-13", "coloring-6", "maze-12"])
def test_splits_are_by_content_and_seeded(name):
    made = task(name)
    testing.check_splits(made)
    for split in SPLITS:
        assert {split_of(row) for row in made.examples(split, seed=4, count=60).inputs} == {split}
    train, other = (made.examples("train", seed=seed, count=60).inputs for seed in (4, 7))
    assert not np.array_equal(train, other)


def test_unknown_split(some):
    with pytest.raises(ValueError, match="train, dev, test"):
        some.examples("valid")


@settings(max_examples=30, deadline=None)
@given(st.sampled_from(SOME), st.integers(0, 2**32 - 1), st.integers(1, 9))
def test_inverse_undoes_any_symmetry(name, seed, batch):
    made = task(name)
    rng = np.random.default_rng(seed)
    symmetry = made.symmetry(rng, batch)
    tokens = rng.integers(0, made.spec.vocabulary, (batch, made.spec.length)).astype(np.uint8)
    np.testing.assert_array_equal(symmetry.inverse().apply(symmetry.apply(tokens)), tokens)
    assert (symmetry.tokens[:, PAD] == PAD).all()


# tasks of other packages ----------------------------------------------------------------------------------
@pytest.fixture
def package(tmp_path, monkeypatch):
    """Installs a package with a module `rosters` of the given text and the given entry points."""

    def install(text: str, **entries: str) -> None:
        (tmp_path / "rosters.py").write_text(text)
        register(tmp_path, "rosters", entries)

    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.syspath_prepend(EXAMPLES)
    monkeypatch.delitem(sys.modules, "rosters", raising=False)
    return install


def test_a_task_of_another_package(package):
    package("from repair_task import Repair\n", repair="rosters:Repair")
    assert "repair" in names()
    assert "repair" in installed()
    made = task("repair")
    testing.check_task(made)
    solutions = made.solutions(made.encode("ax1 b?1 a?2 cz3"))
    assert [made.decode(solution) for solution in solutions] == ["ax1 by1 ax2 cz3", "ax1 bz1 ax2 cz3"]


def test_standard_input_of_a_task_that_reads_files_alone(monkeypatch, tmp_path):
    """Files by its own `read`, as before; standard input is no file."""
    made = broken(read=lambda self, path: iter([path.read_text()]))
    path = tmp_path / "a.txt"
    path.write_text("one")
    assert inputs.of_file(made, path).puzzles == ["one"]
    monkeypatch.setattr("sys.stdin", io.StringIO("one"))
    with pytest.raises(ValueError, match=r"queens-5 .*--input FILE"):
        inputs.read(made, (), None)


@pytest.mark.parametrize(
    ("name", "mixer", "width"), [("repair", "groups", 128), ("repair-attention", "attention", 128)]
)
def test_a_task_of_another_package_has_a_recipe(package, name, mixer, width):
    """Its positions mix along the relations that it names."""
    package("from repair_task import Repair\n", repair="rosters:Repair")
    config = recipes.recipe(name)
    assert (config.task, config.recipe) == ("repair", name)
    assert config.model.mixer == mixer
    build(task("repair").spec, config.model)


def test_a_task_of_another_package_is_trained_by_its_name(package, tmp_path):
    package(REPAIR, repair="rosters:Repair")
    limits = ("--train.minutes", "None", "--train.updates", "2", "--solve.width", "2")
    assert exit_code("train", "repair", *SMALL_NETWORK, *limits, "--out", tmp_path / "run") == 0
    assert read_config(tmp_path / "run" / "config.json").task == "repair"


@pytest.mark.parametrize(
    ("text", "value", "sentence"),
    [
        ("import nothing_of_that_name", "rosters:Repair", "cannot be loaded: ModuleNotFoundError"),
        ("", "rosters:Repair", "cannot be loaded: AttributeError"),
        ("Repair = 3", "rosters:Repair", "cannot be loaded: TypeError"),
        ("def Repair():\n    return 3", "rosters:Repair", "entry point"),
        ("from repair_task import Repair", "rosters:Repair", "entry point"),
    ],
)
def test_a_broken_task_of_another_package(package, text, value, sentence):
    package(text, other=value)
    with pytest.raises(ValueError, match=rf"^[Tt]he task 'other' of another package \({value}\) .*{sentence}") as error:
        task("other")
    assert "\n" not in str(error.value)
    assert task("queens-5").spec.name == "queens-5"


# the checks themselves ------------------------------------------------------------------------------------
def broken(**changes):
    """queens-5 with other methods."""
    made = task("queens-5")
    made.__class__ = type("Broken", (type(made),), changes)
    return made


def test_the_checks_see_what_is_broken():
    queens = task("queens-5")
    some = queens.examples("dev", seed=1, count=20)
    cases = {
        "encode does not restore": {"show": lambda self, tokens: "." * 25},
        "a target is not accepted": {"conflicts": lambda self, puzzles, answers: np.ones(len(answers), int)},
        "is also in train": {
            "examples": lambda self, split, seed=0, count=None: some.select(np.arange(len(some))[:count])
        },
        "a target is not among the solutions": {
            "solutions": lambda self, puzzle, limit=None, budget=None: np.zeros((0, 25), np.uint8)
        },
        "limit does not limit": {
            "solutions": lambda self, puzzle, limit=None, budget=None: np.repeat(
                queens.solutions(puzzle), 2 if limit else 1, axis=0
            )
        },
        "decode does not return text": {"decode": lambda self, tokens: None},
        "invert does not undo": {"invert": lambda self, symmetry, answers: answers[:, ::-1]},
        "is not refused": {"examples": lambda self, split, **o: queens.examples(split.replace("valid", "dev"), **o)},
    }
    for sentence, changes in cases.items():
        with pytest.raises(AssertionError, match=sentence):
            testing.check_task(broken(**changes))
