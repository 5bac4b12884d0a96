"""Parquet files are read as the CSV or JSON Lines that they could be."""

import gzip
import sys

import pytest

from gram import tasks
from gram.tasks.own.files import Names, read_pairs
from gram.tasks.own.rows import learn_rows, read_table
from gram.tasks.reading import containers
from gram.tasks.reading.content import opened
from gram.tasks.reading.parquet import text_of_parquet

pa = pytest.importorskip("pyarrow", reason="the extra tables is not installed")
import pyarrow.parquet as pq  # noqa: E402


def parquet(path, columns, **options):
    pq.write_table(pa.table(columns), path, **options)
    return path


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({"input": ["ab", "ba"], "target": ["b", "a"]}, [("ab", ["b"]), ("ba", ["a"])]),
        ({"x": [9, 9], "Input": ["3 1", "2"], "target": ["1 3", "2"]}, [([3, 1], [[1, 3]]), ([2], [[2]])]),
        ({"input": [[3, 1], [2]], "target": [[1, 3], [2]]}, [([3, 1], [[1, 3]]), ([2], [[2]])]),
        ({"input": [["to", "be"]], "targets": [[["be", "to"], ["or"]]]}, [(["to", "be"], [["be", "to"], ["or"]])]),
        ({"input": [[[1, 2], [3, 4]]], "target": [[4]]}, [([1, 2, 3, 4], [[4]])]),
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_pairs(columns, expected, packed, tmp_path):
    file = parquet(tmp_path / "pairs.parquet", columns)
    if packed:
        data = file.read_bytes()
        file = tmp_path / "pairs.parquet.gz"
        file.write_bytes(gzip.compress(data))
    assert [(pairs.input, pairs.targets) for pairs in read_pairs(file)] == expected


def test_pairs_of_words_and_other_columns(tmp_path):
    file = parquet(tmp_path / "pairs.parquet", {"said": ["to be"], "meant": ["be"]})
    [found] = read_pairs(file, names=Names("said", "meant", words=True))
    assert (found.input, found.targets) == (["to", "be"], [["be"]])


def test_a_table_with_missing_cells(tmp_path):
    """Integers beside missing ones are decimal numbers in most tables."""
    columns = {"rooms": [2.0, None, 3.0], "price": [1.5, float("nan"), 2.0], "heated": [True, False, None]}
    columns |= {"name": ["a, b", 'c"d', "?"], "since": pa.array([0, 1, None], pa.date32())}
    header, rows = read_table(parquet(tmp_path / "table.parquet", columns))
    assert header == ["rooms", "price", "heated", "name", "since"]
    assert rows == [
        ["2", "1.5", "True", "a, b", "1970-01-01"],
        ["", "", "False", 'c"d', "1970-01-02"],
        ["3", "2.0", "", "?", ""],
    ]


def test_a_table_is_learnt_as_its_csv(tmp_path):
    colors = ["red", "blue"] * 40
    table = {"color": colors, "size": [i % 5 for i in range(80)]}
    (tmp_path / "table.csv").write_text("color,size\n" + "".join(f"{c},{i % 5}\n" for i, c in enumerate(colors)))
    found = learn_rows([parquet(tmp_path / "table.parquet", table)])
    assert found.columns == learn_rows([tmp_path / "table.csv"]).columns
    with pytest.raises(ValueError, match="one value in each cell"):
        learn_rows([parquet(tmp_path / "lists.parquet", {"color": [["red"]] * 40})])


def test_puzzles_of_a_task(tmp_path):
    task = tasks.task("sudoku-4")
    puzzles = ["1...............", "12..34..2143...."]
    file = parquet(tmp_path / "puzzles.parquet", {"number": [1, 2], "puzzle": puzzles})
    found = opened(file)
    assert found.items == puzzles
    assert "Parquet" in found.form
    assert task.understand(found).puzzles == puzzles


def test_what_no_table_of_text_holds(tmp_path):
    file = parquet(tmp_path / "bytes.parquet", {"input": [b"ab"], "target": [{"a": 1}]})
    with pytest.raises(ValueError, match="the column input holds bytes"):
        list(read_pairs(file))
    file = parquet(tmp_path / "objects.parquet", {"input": ["ab"], "target": [{"a": 1}]})
    with pytest.raises(ValueError, match="the column target holds dict"):
        list(read_pairs(file))


@pytest.mark.parametrize("keep", [0.3, 0.9, 0.999])
def test_a_damaged_file(keep, tmp_path):
    data = parquet(tmp_path / "whole.parquet", {"input": ["ab"] * 999, "target": ["b"] * 999}).read_bytes()
    file = tmp_path / "cut.parquet"
    file.write_bytes(data[: int(keep * len(data))])
    with pytest.raises(ValueError, match=r"cut\.parquet is a damaged Parquet file"):
        list(read_pairs(file))


def test_a_file_that_is_no_parquet(tmp_path):
    file = tmp_path / "text.parquet"
    file.write_text("input,target\na,b\n")
    with pytest.raises(ValueError, match=r"text\.parquet is not a Parquet file"):
        list(read_pairs(file))


@pytest.mark.parametrize("columns", [{"input": ["x" * 10_000] * 1000}, {"input": list(range(200_000))}])
def test_a_small_file_of_much_is_refused(columns, tmp_path):
    """A text that every row repeats stands in the file once."""
    data = parquet(tmp_path / "much.parquet", columns, compression="zstd").read_bytes()
    with pytest.raises(ValueError, match="split it into smaller files"):
        text_of_parquet(data, "much.parquet", 1_000_000)


def test_without_pyarrow_a_sentence_says_what_to_install(tmp_path, monkeypatch):
    file = parquet(tmp_path / "pairs.parquet", {"input": ["ab"], "target": ["b"]})
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ValueError, match=r"gram-reasoning\[tables\]"):
        containers.unpacked(file, "pairs.parquet")
