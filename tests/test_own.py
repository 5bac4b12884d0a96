"""One's own data: files in three forms, lengths that come back, a check or none, and sentences for what is wrong."""

import io
import json
import re
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from support.bundles import graphs_of
from support.command import SMALL, exit_code, refusal
from support.own import CHECK, jsonl, sorting

from gram import tasks
from gram import weights as weight_files
from gram.config import Config, SolveConfig, from_dict, to_dict
from gram.measure.puzzles import evaluate
from gram.models.recursive import Model
from gram.ship.export import card
from gram.solve.reasoner import load
from gram.tasks import testing
from gram.tasks.own.files import Names, read_pairs
from gram.tasks.own.learn import describe, learn
from gram.tasks.own.task import NOTHING, Table
from gram.tasks.spec import SPLITS
from gram.train import loop
from gram.train.start import begin_with


def words(count: int = 200) -> list[dict]:
    """Words, and one or two of their suffixes: targets are shorter than inputs, or empty."""
    rng = np.random.default_rng(0)
    made = ["".join(rng.choice(list("abc é,"), rng.integers(1, 8))) for _ in range(count)]
    return [{"input": word, "targets": [word[len(word) // 2 + 1 :], word[-1]]} for word in made]


@pytest.fixture
def refused(gram, tmp_path):
    """A command that says one sentence and leaves no folder behind."""

    def run(*arguments) -> str:
        said = refusal(gram(*arguments), most=600)
        assert not (tmp_path / "run").exists()
        return said

    return run


# files ----------------------------------------------------------------------------------------------------
def test_three_forms_say_the_same(tmp_path):
    rows = [{"input": [3, 1], "targets": [[1, 3], [3, 1]]}, {"input": [12, 0, 7], "target": [7]}]
    a = jsonl(tmp_path / "a.jsonl", rows)
    b = tmp_path / "b.csv"
    b.write_text("id,target,input\n1,1 3,3 1\n2,7,12 0 7\n3,3 1,3 1\n")
    c, d = tmp_path / "c.npz", tmp_path / "d.npz"
    inputs = np.array([[3, 1, -1], [12, 0, 7]])
    np.savez(c, inputs=inputs, targets=np.array([[1, 3], [3, 1], [7, -1]]), first=np.array([0, 2, 3]))
    np.savez(d, inputs=inputs[[0, 1, 0]], targets=np.array([[1, 3], [7, -1], [3, 1]]))
    made = [Table(learn([path])) for path in (a, b, c, d)]
    for one in made[1:]:
        assert replace(one.config, files=()) == replace(made[0].config, files=())
        mine, first = one.load([Path(one.config.files[0])]), made[0].load([a])
        np.testing.assert_array_equal(mine.inputs, first.inputs)
        np.testing.assert_array_equal(mine.targets, first.targets)
        np.testing.assert_array_equal(mine.first, [0, 2, 3])


def test_csv_of_characters(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text('input,target\n12,21\n" a,",",a "\n')
    assert [(p.input, p.targets) for p in read_pairs(path)] == [("12", ["21"]), (" a,", [",a "])]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "holds no data"),
        ("\n\n", "holds no data"),
        ("{", "line 1 is not JSON"),
        ("[1]", 'line 1 has no key "input"'),
        ('{"in": "a", "target": "b"}', 'line 1 has no key "input"'),
        ('{"input": "a", "target": "b"}\n{"input": "a"}', 'line 2 needs either "target" or "targets"'),
        ('{"input": "a", "target": "b", "targets": []}', 'needs either "target" or "targets"'),
        ('{"input": "a", "targets": []}', "a list of one target or more"),
        ('{"input": [1, 2.5], "target": [1]}', "[1, 2.5] is neither a string nor a list of integers"),
        ('{"input": [[1, 2], [3]], "target": [1]}', "[[1, 2], [3]] is neither"),
        ('{"input": "a", "puzzle": "b", "answer": "a", "solution": "a"}', "Both 'answer' and 'solution'"),
        ('{"input": [true], "target": [1]}', "[True] is neither"),
        ('{"input": null, "target": [1]}', "None is neither"),
        ('{"input": "", "target": "a"}', "line 1: the input is empty"),
        ('{"input": "a", "target": "a"}\n{"input": [1], "target": [1]}', "line 2: some sequences are strings"),
        (json.dumps({"input": list(range(300)), "target": [1]}), "300 different symbols; 254 is the most"),
        ('{"input": "a", "target": "b"}', "of the 1 inputs falls into"),
    ],
)
def test_jsonl_that_is_refused(tmp_path, refused, text, sentence):
    path = tmp_path / "a.jsonl"
    path.write_text(text)
    assert sentence in refused("train", "own", "--data", path, "--out", tmp_path / "run")


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("a.csv", b"a,b\n1,2\n", "no column named input or target; the header is 'a,b'"),
        ("a.csv", b"input,target\n1\n", "line 2: 1 columns, but the header has 2"),
        ("a.csv", b"", "no column named input or target"),
        ("a.csv", b"\xff\xfe\x00", "is neither text in UTF-8"),
        ("a.jsonl.gz", b"\x1f\x8bno", "is a damaged gzip file"),
        ("a.npz", b"no", "NPZ file of plain arrays"),
        ("a.txt", b"1 2", "is no .jsonl, .json, .csv, .tsv, .parquet or .npz"),
    ],
)
def test_files_that_are_refused(tmp_path, refused, name, content, sentence):
    (tmp_path / name).write_bytes(content)
    assert sentence in refused("train", "own", "--data", tmp_path / name, "--out", tmp_path / "run")


@pytest.mark.parametrize(
    ("arrays", "sentence"),
    [
        ({"inputs": np.ones((2, 3), int)}, "no array named targets; there are inputs"),
        ({"inputs": np.ones((2, 3)), "targets": np.ones((2, 3), int)}, "inputs has shape (2, 3) and type float64"),
        ({"inputs": np.ones(3, int), "targets": np.ones((3, 3), int)}, "it must be a table (n, length) of integers"),
        ({"inputs": np.array([[1], [1, 2]], object), "targets": np.ones((2, 3), int)}, "no array of plain numbers"),
        ({"inputs": np.array([[1, -1, 2]]), "targets": np.ones((1, 3), int)}, "row 0 of inputs has a negative integer"),
        ({"inputs": np.ones((2, 3), int), "targets": np.ones((3, 3), int)}, "2 inputs and 3 targets do not fit"),
        ({"inputs": np.ones((1, 3), int), "targets": np.ones((2, 1), int), "first": np.array([0, 3])}, "do not fit"),
        (
            {
                "inputs": np.ones((3, 1), int),
                "targets": np.ones((9, 1), int),
                "first": np.array([0, 100, -100, 9], np.int8),
            },
            "do not fit",
        ),
        (
            {"inputs": np.ones((2, 1), int), "targets": np.ones((2, 1), int), "first": np.array([0, 3, 2], np.uint64)},
            "do not fit",
        ),
    ],
)
def test_arrays_that_are_refused(tmp_path, arrays, sentence):
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(ValueError, match=re.escape(sentence)):
        learn([tmp_path / "a.npz"])


def test_other_names_and_forms(tmp_path):
    forms = {
        "a.tsv": "Input\tTarget\n1 -2\t-2 1\n",
        "b.csv": "id;Puzzle;Solution\n7;1 -2;-2 1\n",
        "c.json": '[{"input": [1, -2], "target": [-2, 1]}]',
        "d.jsonl": '{"Question": [[1], [-2]], "Answer": [[-2, 1]]}',
        "e.jsonl": '{"input": [1, -2], "targets": [[-2, 1]]}',
    }
    for name, text in forms.items():
        (tmp_path / name).write_text(text, encoding="utf-16")
        assert [(p.input, p.targets) for p in read_pairs(tmp_path / name)] == [([1, -2], [[-2, 1]])], name
    one = learn([tmp_path / "a.tsv"])
    assert one.input_symbols == ("-2", "1")


GRIDS = np.random.default_rng(3).integers(-4, 3, (200, 2, 3))
"""Grids of negative integers too, and what is asked of them: mirrored."""
TEXTS = [" ".join(np.random.default_rng(i).choice(["the", "cat", "sat", "on", "Zoë"], 4)) for i in range(300)]
"""Sentences, and what is asked of them: the other way round."""


def turned(text: str) -> str:
    return " ".join(reversed(text.split()))


def saved(path: Path, value: object) -> Path:
    path.write_text(json.dumps(value))
    return path


OBJECTS = [{"x": grid.tolist(), "y": grid[:, ::-1].tolist()} for grid in GRIDS]
COLUMNS = {"x": [row["x"] for row in OBJECTS], "y": [row["y"] for row in OBJECTS]}
FRAME = {name: {str(i): column[i] for i in range(len(column))} for name, column in COLUMNS.items()}


@pytest.mark.parametrize(
    "write",
    [
        lambda folder: jsonl(folder / "a.jsonl", OBJECTS),
        lambda folder: saved(folder / "a.json", OBJECTS),
        lambda folder: saved(folder / "a.json", COLUMNS),
        lambda folder: saved(folder / "a.json", FRAME),
        lambda folder: saved(folder / "a.json", {"version": 2, "data": OBJECTS}),
    ],
    ids=["JSON Lines", "a list", "columns", "pandas", "a list in an object"],
)
def test_forms_of_json_say_the_same(tmp_path, write):
    pairs = list(read_pairs(write(tmp_path), names=Names("x", "y")))
    assert [p.input for p in pairs] == [grid.ravel().tolist() for grid in GRIDS]
    assert [p.targets for p in pairs] == [[grid[:, ::-1].ravel().tolist()] for grid in GRIDS]


def test_grids_of_arrays_are_read_row_by_row(tmp_path):
    np.savez(tmp_path / "a.npz", puzzle=np.abs(GRIDS), solutions=np.abs(GRIDS[:, :, ::-1]))
    [first, *_] = read_pairs(tmp_path / "a.npz", names=Names("puzzle", "solutions"))
    assert first.input == np.abs(GRIDS[0]).ravel().tolist()
    with pytest.raises(ValueError, match="no array named xs; there are puzzle, solutions"):
        list(read_pairs(tmp_path / "a.npz", names=Names("x", "y")))


@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.jsonl", "lists.jsonl"])
def test_words_are_symbols(tmp_path, name):
    if name == "lists.jsonl":  # a list of words needs no option
        jsonl(tmp_path / name, [{"input": text.split(), "target": turned(text).split()} for text in TEXTS])
    elif name.endswith("jsonl"):
        jsonl(tmp_path / name, [{"input": text, "target": turned(text)} for text in TEXTS])
    else:
        between = {"a.csv": ",", "a.tsv": "\t"}[name]
        rows = [f"{text}{between}{turned(text)}" for text in TEXTS]
        (tmp_path / name).write_text("\n".join([f"input{between}target", *rows]) + "\n")
    one = learn([tmp_path / name], names=Names(words=name != "lists.jsonl"))
    assert (one.kind, one.input_symbols, one.input_length) == ("words", ("Zoë", "cat", "on", "sat", "the"), 4)
    task = Table(one)
    assert task.show(task.encode("the  cat sat")) == "the cat sat"
    assert from_dict(type(one), to_dict(one)) == one
    with pytest.raises(ValueError, match="symbol 'dog' is in no input"):
        task.encode("the dog")


@pytest.mark.parametrize(
    ("rows", "names", "sentence"),
    [
        ([{"input": ["New York"], "target": ["a"]}], Names(), "'New York' is no word"),
        ([{"input": ["a", ""], "target": ["a"]}], Names(), "'' is no word"),
        ([{"input": ["a"], "target": "a"}], Names(), "some sequences are words and some strings"),
        ([{"input": ["a"], "target": [1]}], Names(), "some sequences are words and some integers"),
        ([{"input": ["a", 1], "target": [1]}], Names(), "['a', 1] is neither"),
        ([{"input": "a", "target": "b"}], Names("x", "y"), 'has no key "x"; write an object as {"x": ..., "y": ...}'),
        ([{"x": "a", "target": "b"}], Names("x", "y"), 'needs either "y"'),
        ([{"input": " ".join(map(str, range(300))), "target": "b"}], Names(words=True), "301 different symbols"),
    ],
)
def test_words_and_keys_that_are_refused(tmp_path, rows, names, sentence):
    with pytest.raises(ValueError, match=re.escape(sentence)):
        learn([jsonl(tmp_path / "a.jsonl", rows)], names=names)


def test_a_column_that_is_named_is_that_column(tmp_path):
    (tmp_path / "a.csv").write_text("input,target,x,y\n1,2,3,4\n")
    assert [(p.input, p.targets) for p in read_pairs(tmp_path / "a.csv", names=Names("x", "y"))] == [("3", ["4"])]
    with pytest.raises(ValueError, match="no column named z; the header is 'input,target,x,y'"):
        list(read_pairs(tmp_path / "a.csv", names=Names("x", "z")))


@pytest.fixture(scope="module")
def dressed(tmp_path_factory):
    """Folders of two runs that know nothing: of sentences in a TSV, and of grids under other keys."""
    folder = tmp_path_factory.mktemp("dressed")
    rows = [f"{text}\t{turned(text)}" for text in TEXTS]
    (folder / "words.tsv").write_text("\n".join(["question\tanswer", *rows]) + "\n")
    saved(folder / "grids.json", OBJECTS)
    for name, words in (
        ("words", ("--data", folder / "words.tsv", "--split", "words")),
        ("grids", ("--data", folder / "grids.json", "--input-key", "x", "--target-key", "y")),
    ):
        assert exit_code("train", "own", *words, "--out", folder / name, *SMALL) == 0
    return folder


def test_words_are_trained_answered_and_measured(dressed, gram, tmp_path):
    run = dressed / "words"
    answer = json.loads(gram("solve", "own", "the cat sat", "--weights", run, "--json").out)
    assert answer["puzzle"] == "the cat sat"
    assert {*answer["answer"].split()} <= {"the", "cat", "sat", "on", "Zoë"}
    for name, text in (
        ("new.txt", "the cat sat\n"),
        ("new.jsonl", '{"input": ["the", "cat", "sat"]}\n'),
        ("list.json", '["the cat sat"]'),
        ("lines.jsonl", '["the", "cat", "sat"]\n'),
        ("new.csv", "question\nthe cat sat\n"),
    ):
        (tmp_path / name).write_text(text)
        ran = gram("solve", "own", "--weights", run, "--input", tmp_path / name, "--json")
        assert ran.code == 0, ran.err
        assert json.loads(ran.out)["answer"] == answer["answer"], name
    ran = gram("eval", "own", "--weights", run, "--data", dressed / "words.tsv", "--limit", "5", "--json")
    assert json.loads(ran.out)["examples"] == 5
    assert gram("eval", "own", "--weights", run, "--json").code == 0


def test_grids_under_other_keys_are_trained_answered_and_measured(dressed, gram, tmp_path, monkeypatch):
    run, cells = dressed / "grids", [-4, 0, 1, 2, -1, -3]
    answer = json.loads(gram("solve", "own", "-4 0 1 2 -1 -3", "--weights", run, "--json").out)
    assert answer["puzzle"] == "-4 0 1 2 -1 -3"
    for name, text, more in (
        ("new.jsonl", json.dumps({"x": [cells[:3], cells[3:]]}), ()),
        ("list.json", json.dumps([cells]), ()),
        ("grid.json", json.dumps([[cells[:3], cells[3:]]]), ()),
        ("other.jsonl", json.dumps({"z": cells}), ("--input-key", "z")),
        ("new.csv", "x,y\n-4 0 1 2 -1 -3,\n", ()),
        ("new.txt", "-4 0 1 2 -1 -3\n", ()),
    ):
        (tmp_path / name).write_text(text)
        ran = gram("solve", "own", "--weights", run, "--input", tmp_path / name, "--json", *more)
        assert ran.code == 0, ran.err
        assert json.loads(ran.out)["answer"] == answer["answer"], name
        if not more:
            monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
            ran = gram("solve", "own", "--weights", run, "--json")
            assert ran.code == 0, ran.err
            assert json.loads(ran.out)["answer"] == answer["answer"], name
    other = jsonl(tmp_path / "a.jsonl", [{"in": row["x"], "out": row["y"]} for row in OBJECTS[:6]])
    ran = gram("eval", "own", "--weights", run, "--data", other, "--input-key", "in", "--target-key", "out", "--json")
    assert json.loads(ran.out)["examples"] == len({json.dumps(row["x"]) for row in OBJECTS[:6]})
    ran = gram("solve", "sudoku-4", "1234341221434321", "--input-key", "x")
    assert (ran.code, "--input-key" in ran.err) == (2, True)


def test_no_file_and_no_data(tmp_path, refused):
    assert "There is no data file" in refused("train", "own", "--data", tmp_path / "a.jsonl", "--out", tmp_path / "run")
    assert "gram train own --data FILE" in refused("train", "own", "--out", tmp_path / "run")
    assert "--data FILE" in refused("info", "own")
    assert "no weights for own" in refused("solve", "own", "1 2 3")
    assert "its own rules" in refused("train", "queens-5", "--check", "a.py:f", "--out", tmp_path / "run")


# the check ------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("text", "where", "sentence"),
    [
        (CHECK, "check.py", "file.py:function"),
        (CHECK, "other.py:check", "There is no file"),
        (CHECK, "check.py:nothing", "has no function nothing"),
        ("import nowhere", "check.py:check", "cannot be loaded (ModuleNotFoundError: No module named 'nowhere')"),
        ("raise SystemExit(3)", "check.py:check", "cannot be loaded (SystemExit: 3)"),
        ("def check(x, y):\n    return 1 / 0", "check.py:check", "ZeroDivisionError"),
        ("def check(x, y):\n    return None", "check.py:check", "returned None for the input ["),
        ("def check(x, y):\n    return False", "check.py:check", "line 1: the check does not accept this target"),
        (CHECK.replace("sorted(x)", "y[0] is y[-1] or sorted(x)"), "check.py:check", "IndexError"),
    ],
)
def test_checks_that_are_refused(tmp_path, refused, text, where, sentence):
    data = jsonl(tmp_path / "a.jsonl", sorting())
    (tmp_path / "check.py").write_text(text)
    arguments = ("train", "own", "--data", data, "--check", tmp_path / where, "--out", tmp_path / "run")
    assert sentence in refused(*arguments)


def test_a_check_sees_what_was_written(tmp_path):
    (tmp_path / "check.py").write_text("def check(x, y):\n    seen.append((x, y))\n    return True\nseen = []\n")
    (tmp_path / "a.csv").write_text("input,target\nab,b\nb,\n")
    task = Table(learn([tmp_path / "a.csv"], f"{tmp_path}/check.py:check"), trust=True)
    some = task.load([tmp_path / "a.csv"])
    seen = sys.modules["gram_check_check"].seen
    seen.clear()
    assert task.check(some.inputs, some.targets).all()
    assert seen == [("ab", "b"), ("b", "")]


# the task -------------------------------------------------------------------------------------------------
@pytest.fixture(params=["sorting", "words"])
def task(request, tmp_path) -> Table:
    return Table(learn([jsonl(tmp_path / "a.jsonl", {"sorting": sorting, "words": words}[request.param]())]))


@pytest.mark.parametrize("check", testing.CHECKS)
def test_what_every_task_owes(task, check):
    check(task)


def test_in_place_or_after(tmp_path):
    same, other = (learn([jsonl(tmp_path / "a.jsonl", rows)]) for rows in (sorting(), words()))
    assert same.in_place
    assert Table(same).spec.length == 5
    assert Table(same).spec.answer_start == 0
    assert not other.in_place
    assert Table(other).spec.length == 7 + other.target_length
    assert Table(other).spec.answer_start == 7
    assert set(other.target_symbols) <= set(other.input_symbols)
    assert Table(other).spec.vocabulary == 2 + len(other.input_symbols)  # what both use has one token


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.text(min_size=1, max_size=6), st.text(max_size=6)), min_size=1, max_size=5))
def test_any_length_comes_back(tmp_path_factory, pairs):
    path = tmp_path_factory.mktemp("any") / "a.jsonl"
    task = Table(learn([jsonl(path, [{"input": x, "target": y} for x, y in pairs])]))
    some = task.load([path])
    targets = {x: [] for x, _ in pairs}
    for x, y in pairs:
        if y not in targets[x]:
            targets[x].append(y)
    for i, x in enumerate(targets):
        assert task.show(some.inputs[i]) == x
        np.testing.assert_array_equal(task.encode(x), some.inputs[i])
        assert [task.decode(y) for y in some.targets_of(i)] == targets[x]


def test_an_answer_ends_at_the_first_nothing(tmp_path):
    task = Table(learn([jsonl(tmp_path / "a.jsonl", sorting())]))
    puzzle = task.encode("3 1")
    answer = task.encode("1 3 5")
    answer[2:] = NOTHING, answer[0], answer[1]
    answer = task.canonical(answer[None])[0]
    assert task.decode(answer) == "1 3"
    assert answer[2:].tolist() == [NOTHING] * 3
    task.load([tmp_path / "a.jsonl"])
    assert not task.check(puzzle[None], puzzle[None])[0]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "'' is not an integer"),
        ("3 x", "'x' is not an integer"),
        ("1 99", "'99' is in no input that is known; known are 0 1 2 3 4 5 6 7 8"),
        ("1 2 3 4 5 6", "input has 6 symbols, but the longest known has 5"),
    ],
)
def test_new_inputs_that_are_refused(tmp_path, text, sentence):
    task = Table(learn([jsonl(tmp_path / "a.jsonl", sorting())]))
    with pytest.raises(ValueError, match=re.escape(sentence)):
        task.encode(text)
    np.testing.assert_array_equal(task.encode("3,1, 2"), task.encode("3 1 2"))


def test_other_data_must_fit(tmp_path):
    task = Table(learn([jsonl(tmp_path / "a.jsonl", sorting())]))
    for row, sentence in (
        (
            {"input": [1, 2], "target": [1, 2, 3, 4, 5, 6]},
            "line 1: .*target has 6 symbols.* 5",
        ),
        ({"input": "12", "target": "1"}, "line 1: .*input '12' is not made of integers"),
    ):
        with pytest.raises(ValueError, match=sentence):
            task.load([jsonl(tmp_path / "b.jsonl", [row])])


def test_splits_are_by_content(tmp_path):
    task = Table(learn([jsonl(tmp_path / "a.jsonl", words())]))
    parts = [task.examples(split) for split in SPLITS]
    assert sum(map(len, parts)) == len({row["input"] for row in words()})
    with pytest.raises(NotImplementedError):
        task.solutions(parts[0].inputs[0])


def test_the_description_is_in_the_config(tmp_path):
    data = jsonl(tmp_path / "a.jsonl", sorting())
    config = describe(Config(recipe="own", task="own", data=(str(data),)), None)
    assert config.data == ()
    assert config.solve.select == "majority"
    assert from_dict(Config, json.loads(json.dumps(to_dict(config)))) == config
    assert describe(config, None) == config
    assert tasks.of(config).spec.length == 5
    (tmp_path / "check.py").write_text(CHECK)
    checked = describe(replace(config, data=(str(data),), solve=SolveConfig()), f"{tmp_path}/check.py:check")
    assert checked.solve.select == "checked"
    assert config.table is not None
    assert checked.table == replace(config.table, check=f"{tmp_path}/check.py:check")


# training and answering -----------------------------------------------------------------------------------
def test_without_a_check_nobody_knows(own_runs, gram, tmp_path):
    new = jsonl(tmp_path / "new.jsonl", [{"input": [5, 3, 1]}, {"input": [2, 2]}])
    ran = gram("solve", "own", "--weights", own_runs / "without", "--input", new, "--json")
    assert ran.code == 0, ran.err
    rows = [json.loads(line) for line in ran.out.splitlines()]
    assert [row["puzzle"] for row in rows] == ["5 3 1", "2 2"]
    for row in rows:
        assert row["valid"] is None
        assert row["answer"] in row["distinct"]
    ran = gram("solve", "own", "5 3 1", "2 2", "--weights", own_runs / "without")
    assert "unknown" in ran.out
    assert "solved" not in ran.out
    assert "2 answered, none checked" in ran.out
    for more in (("--select", "checked"), ("--want", "3")):
        ran = gram("solve", "own", "5 3 1", "--weights", own_runs / "without", *more)
        assert ran.code == 2
        assert "trained without a check" in ran.err
    answer = load(own_runs / "without").solve("5 3 1")
    assert {c.valid for c in answer.candidates} == {None}


def test_with_a_check_answers_are_judged(own_runs, gram):
    ran = gram("solve", "own", "5 3 1", "--weights", own_runs / "with", "--trust-check", "--json")
    row = json.loads(ran.out)
    assert row["valid"] is (row["answer"] == "1 3 5")
    assert weight_files.load(own_runs / "with")[0].solve.select == "checked"
    ran = gram("solve", "own", "5 99", "--weights", own_runs / "with", "--trust-check")
    assert ran.code == 2
    assert "'99' is in no input that is known" in ran.err


@pytest.mark.parametrize("name", ["with", "without"])
def test_eval_of_the_split_and_of_other_data(own_runs, gram, name, tmp_path):
    ran = gram("eval", "own", "--weights", own_runs / name, "--trust-check", "--json")
    figures = json.loads(ran.out)
    held_out = tasks.of(weight_files.load(own_runs / name)[0]).examples("dev")
    assert figures["examples"] == len(held_out)
    other = jsonl(tmp_path / "other.jsonl", sorting(8))
    ran = gram("eval", "own", "--weights", own_runs / name, "--trust-check", "--data", other, "--json")
    assert json.loads(ran.out)["examples"] == 8
    ran = gram("eval", "own", "--weights", own_runs / "without", "--select", "checked")
    assert ran.code == 2


def test_a_run_goes_on_with_its_own_table(own_runs, gram):
    before = weight_files.load(own_runs / "without")[0].table
    ran = gram("train", "--resume", own_runs / "without", "--minutes", "0.02")
    assert ran.code == 0, ran.err
    assert weight_files.load(own_runs / "without")[0].table == before


def test_known_targets_judge_in_evaluation_only(own_runs):
    reasoner = load(own_runs / "without")
    assert isinstance(reasoner.task, Table)
    some = reasoner.task.examples("dev")
    figures = evaluate(reasoner, some, width=2, depth=1, select="majority")
    assert figures.unlisted == 0
    assert reasoner.task.check(some.inputs, some.targets[some.first[:-1]]).all()
    assert not load(own_runs / "without").task.check(some.inputs, some.targets[some.first[:-1]]).any()


# going on with other data ------------------------------------------------------------------------------
def test_a_start_keeps_symbols_and_lengths(own_runs, gram, tmp_path):
    """New rows of the same kind may hold fewer symbols and be shorter; what is new is named, and joins if asked."""
    rows = [{"input": [a, b], "target": sorted([a, b])} for a in range(7) for b in range(7)]
    fewer = jsonl(tmp_path / "fewer.jsonl", rows)
    # the network is that of the weights
    start = ("--start", own_runs / "without", "--minutes", "0.01", "--train.batch", "8", "--train.compile", "False")
    ran = gram("train", "own", "--data", fewer, "--out", tmp_path / "a", *start)
    assert ran.code == 0, ran.err
    before, after = (weight_files.load(folder)[0].table for folder in (own_runs / "without", tmp_path / "a"))
    assert before is not None
    assert after == replace(before, files=(str(fewer),))
    rows = [{"input": [a, b, 20], "target": [*sorted([a, b]), 20]} for a in range(7) for b in range(12)]
    more = jsonl(tmp_path / "more.jsonl", rows)
    ran = gram("train", "own", "--data", more, "--out", tmp_path / "b", *start)
    assert ran.code == 2
    assert "do not know the symbols 9 10 11 20" in ran.err
    assert not (tmp_path / "b").exists()
    ran = gram("train", "own", "--data", more, "--out", tmp_path / "b", *start, "--add-symbols")
    assert ran.code == 0, ran.err
    assert "learn: 9 10 11 20" in ran.err
    grown = weight_files.load(tmp_path / "b")[0].table
    assert grown is not None
    assert grown.input_symbols == tuple(map(str, [*range(12), 20]))
    rows = [{"input": [a] * 9, "target": [a]} for a in range(9)] * 20
    ran = gram("train", "own", "--data", jsonl(tmp_path / "c.jsonl", rows), "--out", tmp_path / "c", *start)
    assert re.search("9 symbols.* 5", ran.err)


def test_rows_of_known_symbols_go_with_them(own_runs):
    """What a network says of the symbols that it knew stays when others join, in whatever order."""
    config, before = weight_files.load(own_runs / "without")
    table = config.table
    assert table is not None
    assert isinstance(before, Model)
    others = tuple(symbol for symbol in table.input_symbols if symbol != "4")
    old = replace(table, input_symbols=others, target_symbols=others)
    few = Model(Table(old).spec, config.model, seed=1)
    assert begin_with(Model(Table(table).spec, config.model), Table(table), own_runs / "without") == []
    folder = own_runs / "few"
    weight_files.save(folder, replace(config, table=old), few)
    after = Model(Table(table).spec, config.model, seed=5)
    assert begin_with(after, Table(table), folder) == ["4"]
    words = "0 3 5 8"
    said = []
    for model, task in ((few, Table(old)), (after, Table(table))):
        logits = model.decode(model.encode(torch.from_numpy(task.encode(words)[None].astype(np.int64)))).logits
        said.append(logits[..., [1, *(task.symbols.index(word) + 2 for word in words.split())]])
    torch.testing.assert_close(said[0], said[1])


def test_unknown_symbols_are_named_or_blank(own_runs, gram):
    solve = ("solve", "own", "5 77 3 88", "--weights", own_runs / "without", "--json")
    ran = gram(*solve)
    assert ran.code == 2
    assert "symbols '77', '88' are in no input" in ran.err
    ran = gram(*solve, "--unknown", "blank")
    assert ran.code == 0, ran.err
    assert json.loads(ran.out)["puzzle"] == "5 \ufffd 3"  # what ends in blanks ends before them
    ran = gram("solve", "own", "5 3", "--weights", own_runs / "with", "--trust-check", "--unknown", "blank")
    assert ran.code == 2
    assert "without a check" in ran.err


def test_figures_without_a_check_claim_nothing(own_runs, gram):
    ran = gram("eval", "own", "--weights", own_runs / "without")
    assert ran.code == 0, ran.err
    assert "one sample is a known answer" in ran.out
    assert "may be correct" in ran.out
    assert not any(word in ran.out for word in ("rules", "of all that exist", "only solution", "broken"))
    found = json.loads(gram("eval", "own", "--weights", own_runs / "without", "--json").out)
    assert found["known_only"] is True
    assert 0 < found["agreement"] <= 1
    ran = gram("eval", "own", "--weights", own_runs / "with", "--trust-check")
    assert "one sample obeys all rules" in ran.out


# what is given away ---------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def bundle(own_runs) -> Path:
    """Of the weights "with" a check."""
    out = own_runs / "bundle"
    assert exit_code("export", own_runs / "with", "--out", out, "--license", "ours, not yours") == 0
    return out


def test_nothing_of_the_data_is_given_away(own_runs, bundle):
    """Neither in the weights (config.json and model.safetensors, and what is said of the training) nor in a bundle: no
    path, no name of a file, no row. The card has the license that is given."""
    places = (own_runs.name, "a.jsonl", "check.py", Path.home(), Path(weight_files.__file__).parent)
    run = own_runs / "with"
    files = [run / name for name in ("config.json", "model.safetensors", "training.json", "metrics.jsonl")]
    files += [path for path in bundle.rglob("*") if path.is_file()]
    rows = {json.dumps(row["input"]) for row in sorting() if len(row["input"]) == 5}
    assert len(files) > 6
    for path in files:
        held = path.read_bytes()
        for place in places:
            assert str(place).encode() not in held, (path, place)
        assert not any(row.encode() in held for row in rows), path
    assert "License of the network: ours, not yours." in (bundle / "README.md").read_text()
    config, model = weight_files.load(own_runs / "with")
    assert isinstance(model, Model)
    assert "License of the network: none given." in card(config, model, "float32", None)
    assert config.table is not None
    assert config.table.check == f"{own_runs}/check.py:check"  # this machine still knows


def test_weights_without_their_places_ask_for_them(own_runs, gram, tmp_path):
    folder = tmp_path / "given"
    folder.mkdir()
    for name in ("config.json", "model.safetensors"):
        shutil.copy(own_runs / "with" / name, folder)
    ran = gram("eval", "own", "--weights", folder, "--select", "majority")
    assert ran.code == 2
    assert "--data" in ran.err
    assert gram("eval", "own", "--weights", folder, "--select", "majority", "--data", own_runs / "a.jsonl").code == 0
    (folder / "checkpoints").mkdir()
    (folder / "checkpoints" / "places.json").write_text('{"files": [1]}')
    ran = gram("solve", "own", "5 3 1", "--weights", folder)
    assert ran.code == 2
    assert "places.json" in ran.err


# whose code runs ----------------------------------------------------------------------------------------------
@pytest.fixture
def stranger(own_runs, tmp_path):
    """Weights whose check says that it ran, by a file; the folder, and that file."""
    ran = tmp_path / "ran"
    folder = shutil.copytree(own_runs / "with", tmp_path / "weights")
    (tmp_path / "theirs.py").write_text(f"open({str(ran)!r}, 'a').close()\n{CHECK}")
    values = json.loads((folder / "config.json").read_text())
    values["table"]["check"] = f"{tmp_path}/theirs.py:check"
    (folder / "config.json").write_text(json.dumps(values))
    return folder, ran


def asked(folder: Path, tmp_path: Path) -> dict[str, list]:
    """Everything that opens a folder of weights and judges answers."""
    puzzle = ["solve", "own", "5 3 1", "--weights", folder]
    return {
        "solve": puzzle,
        "solve several": [*puzzle, "--want", "2"],
        "solve a wrong input": ["solve", "own", "999", "--weights", folder],
        "eval": ["eval", "own", "--weights", folder],
        "eval and record": ["eval", "own", "--weights", folder, "--record", tmp_path / "results"],
        "resume": ["train", "--resume", folder, "--minutes", "0.02"],
    }


@pytest.mark.parametrize("what", asked(Path(), Path()))
def test_the_check_of_a_stranger_is_not_run(what, stranger, gram, tmp_path):
    folder, canary = stranger
    said = refusal(gram(*asked(folder, tmp_path)[what]), most=1000)
    assert not canary.exists()
    if "wrong" not in what:
        assert f"{tmp_path}/theirs.py:check" in said
        assert "--trust-check" in said
        assert "--check FILE.py:FUNCTION" in said
    assert not (tmp_path / "results").exists()


@pytest.mark.parametrize(
    "words",
    [
        ["info", "W"],
        ["info", "W", "--json"],
        ["solve", "own", "5 3 1", "--weights", "W", "--select", "majority"],
        ["eval", "own", "--weights", "W", "--select", "value"],
        ["report", "--results", "none", "--run", "W", "--out", "R"],
        ["export", "W", "--out", "B"],
    ],
    ids=str,
)
def test_what_needs_no_check_runs_none(words, stranger, bundle, gram, tmp_path, monkeypatch):
    folder, canary = stranger
    monkeypatch.setattr("gram.ship.export.write_graphs", graphs_of(bundle))
    places = {"W": folder, "R": tmp_path / "report", "B": tmp_path / "bundle"}
    ran = gram(*[places.get(word, word) for word in words])
    assert ran.code == 0, ran.err
    assert not canary.exists()
    if words[0] == "export":
        solve = ["solve", "own", "5 3 1", "--weights", tmp_path / "bundle"]
        assert gram(*solve).code == 2
        assert gram(*solve, "--select", "first").code == 0
        assert not canary.exists()
        assert gram(*solve, "--trust-check").code == 2  # a bundle names no check
        assert not canary.exists()
        assert gram(*solve, "--check", folder.parent / "theirs.py:check").code == 0
        assert canary.exists()


def test_whoever_trusts_a_check_says_so(stranger, gram, tmp_path):
    folder, canary = stranger
    for words in [["solve", "own", "5 3 1"], ["eval", "own"]]:
        ran = gram(*words, "--weights", folder, "--trust-check", "--json")
        assert ran.code == 0, ran.err
        assert canary.exists()
        canary.unlink()
    ran = gram("train", "--resume", folder, "--minutes", "0.02", "--trust-check")
    assert ran.code == 0, ran.err
    assert canary.exists()


def test_a_check_of_ones_own_takes_the_place_of_theirs(stranger, gram, tmp_path):
    folder, canary = stranger
    (tmp_path / "mine.py").write_text("def accepts(x, y):\n    return True\n")
    row = json.loads(
        gram("solve", "own", "5 3 1", "--weights", folder, "--check", tmp_path / "mine.py:accepts", "--json").out
    )
    assert row["valid"] is True
    (tmp_path / "theirs.py").rename(tmp_path / "moved.py")
    ran = gram("solve", "own", "5 3 1", "--weights", folder, "--trust-check")
    assert ran.code == 2
    assert f"There is no file {tmp_path}/theirs.py" in ran.err
    for words in (["solve", "own", "5 3 1", "--weights"], ["eval", "own", "--weights"], ["train", "--resume"]):
        more = ["--minutes", "0.02"] if words[0] == "train" else []
        ran = gram(*words, folder, "--check", tmp_path / "mine.py:accepts", *more)
        assert ran.code == 0, ran.err
    assert not canary.exists()
    ran = gram("solve", "queens-8", "--check", tmp_path / "mine.py:accepts")
    assert ran.code == 2
    assert "queens-8 has its own rules" in ran.err


def test_python_trusts_by_an_argument(stranger, tmp_path):
    folder, canary = stranger
    with pytest.raises(ValueError, match=r"theirs\.py:check.*trust=True"):
        load(folder).solve("5 3 1")
    load(folder).solve("5 3 1", select="majority")
    with pytest.raises(ValueError, match=r"theirs\.py:check"):
        loop.train(weight_files.load(folder)[0], tmp_path / "new")
    assert not canary.exists()
    answer = load(folder, trust=True).solve("5 3 1")
    assert answer.valid in (True, False)
    assert canary.exists()
