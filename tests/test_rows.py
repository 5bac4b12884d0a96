"""Completion without pairs: what a table is, what is hidden, what is filled in, and sentences for what is wrong."""

import csv
import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest
from support.command import SMALL, exit_code

from gram import tasks
from gram import weights as weight_files
from gram.config import ColumnConfig, ModelConfig, RowsConfig
from gram.measure import rows as measure
from gram.measure.rows import Imputations, imputations, shares
from gram.recipes import recipe
from gram.solve.backend import Network
from gram.solve.options import SamplingOptions
from gram.tasks.own.rows import HIDDEN, Rows, learn_rows
from gram.tasks.spec import PAD, Examples
from gram.train import completions
from gram.train.batches import Batches


def table(path, count=300, seed=0):
    """A number, an identity, a color, a size that the color decides, and a weight; a tenth of the sizes is missing."""
    rng = np.random.default_rng(seed)
    rows = []
    for i in range(count):
        color = int(rng.integers(3))
        size = "" if rng.random() < 0.1 else "SML"[color]
        rows.append(
            [f"id{i}", ["red", "green", "blue"][color], size, f"{rng.normal(color, 0.1):.3f}", int(rng.integers(2))]
        )
    with open(path, "w", newline="") as file:
        csv.writer(file).writerows([["id", "color", "size", "weight", "sold"], *rows])
    return path


@pytest.fixture(scope="module")
def task(tmp_path_factory):
    return Rows(learn_rows([table(tmp_path_factory.mktemp("rows") / "a.csv")], bins=8))


def test_columns_and_their_values(task):
    columns = {column.name: column for column in task.config.columns}
    assert task.config.left_out == ("id",)
    assert columns["color"].values == ("blue", "green", "red")
    assert columns["size"].values == ("L", "M", "S")
    assert columns["sold"].values == ("0", "1")
    assert len(columns["weight"].values) == 8
    assert len(columns["weight"].edges) == 7
    rows = task.rows([Path(name) for name in task.config.files])
    per_bin = np.bincount(rows[:, 2])[HIDDEN + 1 :]
    assert per_bin.min() > 300 / 8 - 6
    assert task.words(task.cells(["red", "", columns["weight"].values[3], "1"])) == [
        "red",
        "",
        columns["weight"].values[3],
        "1",
    ]


def test_rows_come_back_as_text(task):
    for split in ("train", "dev"):
        some = task.examples(split)
        for row in some.inputs[:20]:
            np.testing.assert_array_equal(task.encode(task.show(row)), row)
        known = np.where(some.targets == PAD, HIDDEN, some.targets).astype(np.uint8)
        assert task.check(some.inputs, known).all()
        whole = (known != HIDDEN).all(1)
        other = known.copy()
        other[:, 0] = HIDDEN + 1 + (other[:, 0] - HIDDEN) % 3
        shown = whole & (some.inputs[:, 0] != HIDDEN)
        assert not task.check(some.inputs[shown], other[shown]).any()


def test_hidden_cells_are_drawn_anew(task):
    """At every visit others, by update and seed alone; missing cells are hidden always and never a target."""
    train = task.examples("train")
    assert (train.inputs[train.targets == PAD] == HIDDEN).all()
    assert (train.inputs[train.targets != PAD] != HIDDEN).all()
    batches = Batches(task, train, batch=64, seed=0, augment=False, guard=False)
    one, again, other = batches.draw(5, np.arange(64)), batches.draw(5, np.arange(64)), batches.draw(6, np.arange(64))
    np.testing.assert_array_equal(one.x, again.x)
    np.testing.assert_array_equal(batches.draw(5, np.array([7, 9])).x, one.x[[7, 9]])
    assert (one.x != other.x).any()
    hidden = one.x == HIDDEN
    assert hidden.any(1).all()
    assert (hidden | (one.x == one.y)).all()
    whole = (task.hide(np.random.default_rng(0), np.repeat(train.inputs, 20, 0)) == HIDDEN).all(1).mean()
    assert 0.1 < whole < 0.5  # and those of which all is hidden by chance
    dev = task.examples("dev")
    np.testing.assert_array_equal(dev.inputs, task.examples("dev").inputs)
    assert not {row.tobytes() for row in dev.targets} & {row.tobytes() for row in train.targets}


def test_figures_of_hidden_cells(monkeypatch):
    """Two columns: samples say value 0 with 3/4, where it is right; the column says half each."""
    values = ColumnConfig(name="a", values=("x", "y"))
    task = Rows(RowsConfig(columns=(values, replace(values, name="b"))))
    np.testing.assert_allclose(shares(np.array([2, 2, 2, 2, 3]), 2), [4.5 / 6, 1.5 / 6])
    examples = Examples.single(np.array([[HIDDEN, 3]], np.uint8), np.array([[2, 3]], np.uint8))
    said = Imputations(np.array([[[2, 3]]]), np.array([[[0.75, 0.25], [0.0, 1.0]]]))
    monkeypatch.setattr(measure, "imputations", lambda *_: said)
    network = cast(Network, None)
    found = measure.metrics(network, task, examples, np.array([[2, 2], [3, 2]], np.uint8), SamplingOptions(width=5))
    assert (found["cells"], found["accuracy"], found["covered"], found["set_size"]) == (1, 1.0, 1.0, 2.0)
    assert found["nats"] == pytest.approx(-np.log(0.75))
    assert found["mode_nats"] == pytest.approx(np.log(2))


@pytest.mark.parametrize("alone", [True, False])
def test_cells_are_drawn_from_the_probabilities_of_their_trajectory(monkeypatch, alone):
    """Two trajectories that disagree on both cells, or one that serves for all samples. What a trajectory settles
    stays together in its samples; what it leaves open is drawn by its probability, and by the seed alone."""
    columns = [ColumnConfig(name=name, values=values) for name, values in (("a", tuple("xyz")), ("b", tuple("pq")))]
    task = Rows(RowsConfig(columns=(*columns, replace(columns[1], name="c"))))
    puzzles, width = np.array([[HIDDEN, HIDDEN, HIDDEN], [4, HIDDEN, 3]], np.uint8), 200

    def rollout(network, task, puzzles, options):
        for number in range(1 if alone else width):
            logits = np.full((2, 3, task.spec.vocabulary), 0.0, np.float32)
            logits[:, :2] = -50.0
            logits[:, 0, 2 + number % 2] = logits[:, 1, 2 + number % 2] = 50.0
            logits[:, 2, 2] = np.log(3.0)  # of the last cell, the first value has 3/4
            logits[:, 1, 4] = logits[:, 2, 4] = 90.0  # no value of these columns
            yield SimpleNamespace(rows=[(0, number), (1, number)], leave=np.ones(2, bool), logits=logits)

    monkeypatch.setattr(measure, "rollout", rollout)
    monkeypatch.setattr(measure, "deterministic", lambda *_: alone)
    options = SamplingOptions(width=width, seed=3)
    network = cast(Network, SimpleNamespace(config=ModelConfig()))
    drawn, chances = imputations(network, task, puzzles, options)
    again = imputations(network, task, puzzles, options)
    np.testing.assert_array_equal(drawn, again.drawn)
    assert drawn.shape == (2, width, 3)
    assert (drawn[1, :, 0] == 4).all()  # as it is
    assert (drawn[1, :, 2] == 3).all()
    assert (drawn[0, :, 0] == drawn[0, :, 1]).all()
    assert set(drawn[0, :, 0].tolist()) == ({2} if alone else {2, 3})
    assert 0.65 < (drawn[0, :, 2] == 2).mean() < 0.85
    half = [1, 0, 0] if alone else [0.5, 0.5, 0]
    np.testing.assert_allclose(chances[0], [half, half, [0.75, 0.25, 0]], atol=1e-6)


def test_the_depth_is_that_of_the_likeliest_rows(monkeypatch, task):
    """Trajectories that say half at the first step, are right in three of four at the second, and sure but right in
    half of them from then on."""
    dev = task.examples("dev").select(np.arange(20))
    sure = [0.0, 4.0, *[30.0] * 6]

    def rollout(network, task, inputs, options):
        assert (options.width, options.restart_every, options.halt_threshold) == (20, None, None)
        rows = [(row, number) for row in range(len(inputs)) for number in range(20)]
        for step, way in enumerate(sure):
            logits = np.zeros((len(rows), task.spec.length, task.spec.vocabulary))
            for i, (row, number) in enumerate(rows):
                right = dev.targets[row] if number % 4 < (3 if step == 1 else 2) else dev.targets[row] % 2 + 2
                logits[i, np.arange(task.spec.length), right] = way
            yield SimpleNamespace(rows=rows, steps=np.full(len(rows), step + 1), logits=logits)

    monkeypatch.setattr(completions, "rollout", rollout)
    monkeypatch.setattr(completions, "deterministic", lambda *_: False)
    monkeypatch.setattr(completions, "CHUNK", 20)
    network = cast(Network, None)
    fitted = completions.fit_depth(network, task, recipe("own"), dev).solve
    assert (fitted.depth, fitted.restart_every, fitted.halt_threshold) == (2, None, None)
    own = replace(recipe("own"), solve=replace(recipe("own").solve, depth=6))
    assert completions.fit_depth(network, task, own, dev) == own
    found = completions.likelihoods(network, task, recipe("own"), dev)
    asked = (dev.inputs == HIDDEN) & (dev.targets != PAD)
    np.testing.assert_allclose(found[:, 0], -(asked * np.log(task.sizes)).sum(1))
    row, apart = np.linspace(-9, -1, 16), np.tile([-1.0, 1.0], 8)  # a standard error of a quarter
    assert completions.smallest(np.stack([row - 1, row + apart - 0.2, row], 1)) == 2
    assert completions.smallest(np.stack([row - 1, row + apart - 0.3, row], 1)) == 3
    assert completions.smallest(np.array([[-3.0, -2.0, -1.0]])) == 3


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("complete")
    data = table(folder / "private.csv")
    assert exit_code("train", "own", "--complete", "--bins", 8, "--data", data, "--out", folder / "run", *SMALL) == 0
    return folder / "run"


def test_holes_are_filled(run, gram, tmp_path):
    holes = tmp_path / "holes.csv"
    holes.write_text("sold,color,id,size,weight\n1,red,77,,\n,?,78,M,1.05\n0,blue,79,L,2.0\n")
    filled = tmp_path / "filled.csv"
    solve = ("solve", "own", "--weights", run, "--input", holes, "--output")
    ran = gram(*solve, filled, "--n", "3")
    assert ran.code == 0, ran.err
    assert "4 cells of 3 rows" in ran.out
    rows = list(csv.DictReader(filled.open()))
    assert len(rows) == 9
    assert [row["imputation"] for row in rows] == ["1", "2", "3"] * 3
    assert list(rows[0])[:6] == ["imputation", "sold", "color", "id", "size", "weight"]
    for row in rows[:3]:
        assert (row["sold"], row["color"], row["id"], row["sold.p"]) == ("1", "red", "77", "")
        assert row["size"] in ("S", "M", "L")
        assert 0 < float(row["size.p"]) < 1
    assert all((row["weight"], row["size.p"]) == ("1.05", "") for row in rows[3:6])  # as written, not as its bin
    assert all(list(row.values())[1:6] == ["0", "blue", "79", "L", "2.0"] for row in rows[6:])
    assert gram(*solve, filled).code == 2  # it is there
    assert gram(*solve, tmp_path / "one.csv").code == 0
    assert "imputation" not in (tmp_path / "one.csv").read_text()
    assert len(list(csv.DictReader((tmp_path / "one.csv").open()))) == 3


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("color,size,weight\nred,S,1\n", "lacks the column sold"),
        ("color,size,weight,sold,price\nred,S,1,0,3\n", "has the column price"),
        ("color,size,weight,sold\nteal,S,1,0\n", "'teal' is no known value of the column color"),
        ("color,size,weight,sold\nred,S,heavy,0\n", "weight holds numbers"),
        ("color,size,weight,sold\nred,S\n", "line 2: 2 cells, but the header has 4"),
        ("color,color,weight,sold\nred,S,1,1\n", "needs a header"),
        ("color,size,weight,sold\n", "no rows"),
    ],
)
def test_holes_that_are_refused(run, gram, tmp_path, text, sentence):
    (tmp_path / "holes.csv").write_text(text)
    ran = gram("solve", "own", "--weights", run, "--input", tmp_path / "holes.csv", "--output", tmp_path / "filled.csv")
    assert ran.code == 2
    assert len(ran.err.splitlines()) == 1
    assert sentence in ran.err
    assert not (tmp_path / "filled.csv").exists()


@pytest.mark.parametrize(
    ("text", "more", "sentence"),
    [
        ("a,b\n" + "".join(f"{i},{i % 2}\n" for i in range(300)), (), "columns to learn of"),
        ("a,b\n" + "".join(f"{i % 290},{i % 2}\n" for i in range(300)), (), "290 different values"),
        ("a,b\n1,2\n", (), "falls into"),
        ("a,b\n1,2\n", ("--bins", "1"), "it must be 2 to"),
        ("a,b\n1,2\n", ("--check", "x.py:f"), "--check"),
    ],
)
def test_tables_that_are_refused(gram, tmp_path, text, more, sentence):
    (tmp_path / "a.csv").write_text(text)
    ran = gram("train", "own", "--complete", "--data", tmp_path / "a.csv", "--out", tmp_path / "run", *more)
    assert ran.code == 2
    assert sentence in ran.err
    assert not (tmp_path / "run").exists()


def test_held_out_cells_are_measured_and_a_run_goes_on(run, gram):
    ran = gram("eval", "own", "--weights", run, "--json")
    assert ran.code == 0, ran.err
    found = json.loads(ran.out)
    assert found["cells"] > 10
    assert 0 < found["nats"] < 10
    assert ran.err.startswith("Reading rows and weights.\n")  # before PyTorch is loaded
    ran = gram("eval", "own", "--weights", run, "--quiet")
    assert "hidden cells" in ran.out
    assert not ran.err
    config = weight_files.read(run)
    assert config.rows is not None
    assert "private" not in (run / "config.json").read_text()
    ran = gram("train", "--resume", run, "--minutes", "0.02")
    assert ran.code == 0, ran.err
    again = tasks.of(weight_files.read(run))
    assert isinstance(again, Rows)
    assert again.spec == Rows(config.rows).spec


def test_what_was_there_is_kept(run):
    from gram import load

    reasoner = load(run)
    assert isinstance(reasoner.task, Rows)
    puzzles = reasoner.task.examples("dev").inputs[:5]
    drawn, chances = imputations(reasoner.network, reasoner.task, puzzles, SamplingOptions(width=4, depth=2))
    np.testing.assert_allclose(chances.sum(2), 1.0, rtol=1e-5)
    assert drawn.shape == (5, 4, 4)
    assert ((puzzles[:, None] == HIDDEN) | (drawn == puzzles[:, None])).all()
    assert ((drawn > HIDDEN) & (drawn <= HIDDEN + reasoner.task.sizes)).all()
