"""--output: a record for each answer as CSV, JSON Lines or Parquet, whole or not at all; and records in pandas."""

import csv
import json
import sys
from pathlib import Path

import pytest
from support.boards import FOUR
from support.configs import saved

import gram as package
from gram.console import output

RECORD = {"puzzle": "1.\n..", "answer": None, "valid": None, "distinct": [], "width": 4, "value": None, "exist": None}


def read(path: Path) -> list[dict]:
    """The records of a file."""
    if path.suffix == ".jsonl":
        return [json.loads(line) for line in path.read_text().splitlines()]
    if path.suffix == ".csv":
        return list(csv.DictReader(path.open(newline="")))
    return pytest.importorskip("pyarrow.parquet").read_table(path).to_pylist()


@pytest.mark.parametrize("ending", output.KINDS)
def test_answers_go_into_a_file(gram, oracle, weights, ending, tmp_path):
    if ending == ".parquet":
        pytest.importorskip("pyarrow")
    path = tmp_path / f"answers{ending}"
    ran = gram("solve", "sudoku-4", *FOUR, "--weights", weights, "--output", path)
    assert ran.code == 0, ran.err
    assert ran.out.startswith(f"{path}: 2 of 2 solved in ")
    assert len(ran.out.splitlines()) == 1
    told = [
        json.loads(line) for line in gram("solve", "sudoku-4", *FOUR, "--weights", weights, "--json").out.splitlines()
    ]
    found = read(path)
    assert [list(record) for record in found] == [list(record) for record in told]
    assert [record["answer"] for record in found] == [record["answer"] for record in told]
    assert [str(record["valid"]) for record in found] == ["True", "True"]
    assert [path.name for path in tmp_path.iterdir()] == [path.name]
    again = gram("solve", "sudoku-4", *FOUR, "--weights", weights, "--output", path)
    assert again.code == 2
    assert f"{path} exists" in again.err


def test_what_is_none_at_first_keeps_its_type(tmp_path, monkeypatch):
    pytest.importorskip("pyarrow")
    monkeypatch.setattr(output, "CHUNK", 2)
    later = RECORD | {"answer": "12", "valid": True, "distinct": ["12"], "value": 0.5, "exist": 3}
    with output.records(tmp_path / "a.parquet") as taken:
        for record in (RECORD, RECORD, later):
            taken.add(record)
    assert read(tmp_path / "a.parquet") == [RECORD, RECORD, later]


def test_a_cell_of_csv_that_is_a_list_is_json(tmp_path):
    with output.records(tmp_path / "a.csv") as taken:
        taken.add(RECORD | {"distinct": ["a\nb", "c"]})
    [record] = read(tmp_path / "a.csv")
    assert json.loads(record["distinct"]) == ["a\nb", "c"]
    assert (record["puzzle"], record["answer"]) == ("1.\n..", "")


@pytest.mark.parametrize("ending", output.KINDS)
def test_what_breaks_off_leaves_nothing(tmp_path, ending):
    if ending == ".parquet":
        pytest.importorskip("pyarrow")

    def broken() -> None:
        with output.records(tmp_path / f"a{ending}") as taken:
            taken.add(RECORD)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        broken()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("name", "sentence"),
    [("a.xlsx", ".csv, .parquet, .jsonl"), ("none/a.csv", "There is no folder"), ("a", ".csv, .parquet, .jsonl")],
)
def test_files_that_are_refused_before_anything_is_answered(gram, weights, tmp_path, name, sentence):
    ran = gram("solve", "sudoku-4", *FOUR, "--weights", weights, "--output", tmp_path / name)
    assert ran.code == 2
    assert sentence in ran.err
    assert not ran.out


def test_parquet_without_pyarrow_is_a_sentence(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(ValueError, match=r"gram-reasoning\[tables\]"):
        output.check_output(tmp_path / "a.parquet")


def test_samples_go_into_a_file_and_show_themselves(gram, tmp_path):
    folder = saved(tmp_path / "boards", "sudoku-boards-4")
    path = tmp_path / "a.csv"
    ran = gram("generate", "sudoku-boards-4", "--n", "5", "--weights", folder, "--output", path)
    assert ran.code == 0, ran.err
    assert f"{path}: 5 samples" in ran.out
    samples = package.load(folder).generate(5)
    assert [record["sample"] for record in read(path)] == samples.texts
    assert package.to_records(samples) == samples.to_dicts()
    assert str(samples).splitlines()[-1].startswith("5 samples of sudoku-boards-4, ")
    assert samples._repr_html_().count("<svg") == 3


def test_pandas_takes_records(weights):
    pandas = pytest.importorskip("pandas")
    reasoner = package.load(weights)
    frame = pandas.DataFrame({"puzzle": [*FOUR, "." * 16]})
    answers = reasoner.solve(frame["puzzle"], select="first")
    joined = frame.join(pandas.DataFrame(package.to_records(answers)).drop(columns="puzzle"))
    assert joined.shape[0] == 3
    assert joined["answer"].str.len().eq(16).all()
