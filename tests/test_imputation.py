"""benchmarks/imputation.py: its tables, its metrics against ones by hand, and its methods on a small table."""

import importlib.util
import json
import sys

import numpy as np
import pytest
from support.places import ROOT

spec = importlib.util.spec_from_file_location("imputation", ROOT / "benchmarks" / "imputation.py")
assert spec is not None
assert spec.loader is not None
imputation = importlib.util.module_from_spec(spec)
spec.loader.exec_module(imputation)


@pytest.mark.parametrize("name", imputation.TABLES)
def test_tables_have_known_values_and_dependent_columns(name, tmp_path):
    path, new = imputation.write(tmp_path, name, 1500, 100, 0)
    assert path.read_bytes() == imputation.write(tmp_path / "again", name, 1500, 100, 0)[0].read_bytes()
    table, task = imputation.Table.read(path)
    assert len(table.names) == len(path.read_text().splitlines()[0].split(","))
    assert len(task.rows_of(new)) == 100
    assert table.numeric.any()
    assert not table.numeric.all()
    told = 0.0  # nats that the other column tells of a pair, at most
    for i in range(len(table.sizes)):
        for j in range(i):
            joint = np.zeros((table.sizes[i], table.sizes[j]))
            np.add.at(joint, (table.rows[:, i], table.rows[:, j]), 1 / len(table.rows))
            apart = np.outer(joint.sum(1), joint.sum(0))
            told = max(told, (joint[joint > 0] * np.log(joint[joint > 0] / apart[joint > 0])).sum())
    assert told > 0.3


def test_metrics_by_hand(tmp_path):
    """Two columns of two values, half each; four imputations of the row whose both cells are 0."""
    path = tmp_path / "a.csv"
    path.write_text("a,b\n" + "x,u\ny,v\n" * 3)
    table, _ = imputation.Table.read(path)
    rows, truth = np.array([[-1, -1]]), np.array([[0, 0]])
    found = np.array([[[0, 0], [0, 0], [0, 1], [1, 1]]])
    got = imputation.measure(table, rows, truth, found)
    assert (got["cells"], got["pairs"], got["accuracy"], got["covered"], got["set_size"]) == (2, 1, 1.0, 1.0, 2.0)
    assert got["nats"] == pytest.approx(-np.mean(np.log([3.5 / 5, 2.5 / 5])), abs=1e-4)
    assert got["pair_nats"] == pytest.approx(-np.log(2.25 / 5), abs=1e-4)
    sure = imputation.measure(table, rows, truth, np.zeros((1, 20, 2), int))
    assert sure["set_size"] == 1.0
    assert sure["nats"] < 0.03


def test_methods_on_a_small_table(tmp_path, monkeypatch):
    """All keep what is there; draws of whole columns, which see nothing else, are worse than what looks at the row. The
    stand-in for GRAM knows the rows, so it must be best of all."""
    pytest.importorskip("sklearn")

    def known(table, minutes, seed):
        assert (minutes, seed) == (0.5, 3)
        whole = table.read(table.path)[1].rows_of(tmp_path / "orders-new.csv").astype(int) - 2

        def impute(rows, n, seed):
            match = ((rows[:, None] == whole) | (rows[:, None] < 0)).all(2)
            assert match.any(1).all()
            return whole[match.argmax(1)][:, None].repeat(n, 1)

        return impute

    monkeypatch.setattr(imputation, "by_gram", known)
    out = tmp_path / "out.json"
    arguments = ["run", tmp_path, "orders", "--methods", "gram", "shares", "regression", "logistic", "--count", 400]
    arguments += ["--new", 30, "--n", 20, "--minutes", 0.5, "--seed", 3, "--out", out]
    monkeypatch.setattr(sys, "argv", ["imputation.py", *map(str, arguments)])
    imputation.main()
    figures = json.loads(out.read_text())["figures"]
    assert [f["hidden"] for f in figures] == [0.1, 0.2, 0.3] * 4
    by = {f["method"]: f for f in figures if f["hidden"] == 0.3}
    for each in by.values():
        assert each["cells"] == by["gram"]["cells"] > 30
        assert 0 <= each["accuracy"] <= 1
        assert 0 <= each["covered"] <= 1
        assert 1 <= each["set_size"] <= 16
        assert 0 < each["nats"] < each["pair_nats"] < 10
    assert by["gram"]["nats"] < by["logistic"]["nats"] < by["shares"]["nats"]
    assert by["gram"]["pair_nats"] < by["logistic"]["pair_nats"] < by["shares"]["pair_nats"]
    assert by["regression"]["nats"] < by["shares"]["nats"]


def test_imputations_keep_what_is_there(tmp_path):
    pytest.importorskip("sklearn")
    path, new = imputation.write(tmp_path, "flats", 300, 20, 0)
    table, task = imputation.Table.read(path)
    rows, _ = imputation.hide(task.rows_of(new).astype(int) - 2, 0.3, 0)
    for name in ("shares", "regression", "logistic", "boosting"):
        found = imputation.METHODS[name](table)(rows, 3, 0)
        assert found.shape == (len(rows), 3, 6)
        assert ((rows[:, None] < 0) | (found == rows[:, None])).all()
        assert ((found >= 0) & (found < table.sizes)).all()
