"""Files of ARC puzzles as people have them: Kaggle's challenges and solutions, folders, lists; submissions scored."""

import gzip
import io
import json
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.arc import raw

from gram import load, score_submission, submission
from gram.tasks.arc.grids import write
from gram.tasks.arc.reading import read_puzzles, read_solutions, read_submission

ONE = {
    "train": [{"input": [[1, 2]], "output": [[2, 1]]}, {"input": [[3, 4]], "output": [[4, 3]]}],
    "test": [{"input": [[5, 6]], "output": [[6, 5]]}, {"input": [[7]], "output": [[7]]}],
}
OTHER = {"train": [{"input": [[0]], "output": [[1]]}], "test": [{"input": [[2]], "output": [[3]]}]}
SET = {"aa": ONE, "bb": OTHER}
SOLUTIONS = {name: [pair["output"] for pair in puzzle["test"]] for name, puzzle in SET.items()}
CHALLENGES = {
    name: {"train": puzzle["train"], "test": [{"input": pair["input"]} for pair in puzzle["test"]]}
    for name, puzzle in SET.items()
}


def saved(path: Path, value: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value))
    return path


def shown(path: Path) -> dict[str, list[tuple[str, str | None]]]:
    """Test inputs and their outputs by puzzle."""
    return {
        puzzle.name: [(write(i), None if o is None else write(o)) for i, o in puzzle.asked]
        for puzzle in read_puzzles(path)
    }


WHOLE = {"aa": [("56", "65"), ("7", "7")], "bb": [("2", "3")]}
FORMS = {
    "object": SET,
    "list with id": [{"id": name, **puzzle} for name, puzzle in SET.items()],
    "list with task_id": [{"task_id": name, **puzzle} for name, puzzle in SET.items()],
    "list with name": [{"name": name, **puzzle} for name, puzzle in SET.items()],
}


@pytest.mark.parametrize("form", FORMS)
def test_objects_and_lists(tmp_path, form):
    assert shown(saved(tmp_path / "set.json", FORMS[form])) == WHOLE


def test_lists_without_names_are_numbered(tmp_path):
    assert list(shown(saved(tmp_path / "mine.json", [ONE, OTHER]))) == ["mine-1", "mine-2"]
    assert list(shown(saved(tmp_path / "mine.json", [ONE]))) == ["mine"]


@pytest.mark.parametrize(
    "packed",
    [
        lambda text: gzip.compress(text.encode()),
        lambda text: b"\xef\xbb\xbf" + text.encode(),
        lambda text: text.encode("utf-16"),
        lambda text: text.replace(",", ",\r\n").encode(),
        lambda text: "\n".join(json.dumps({"id": name, **puzzle}) for name, puzzle in SET.items()).encode(),
    ],
    ids=["gzip", "BOM", "UTF-16", "CRLF", "JSON Lines"],
)
def test_encodings(tmp_path, packed):
    path = tmp_path / "set.json"
    path.write_bytes(packed(json.dumps(SET)))
    assert shown(path) == WHOLE


def test_solutions_stand_beside_their_challenges(tmp_path):
    challenges = saved(tmp_path / "arc-agi_evaluation_challenges.json", CHALLENGES)
    assert shown(challenges) == {"aa": [("56", None), ("7", None)], "bb": [("2", None)]}
    solutions = saved(tmp_path / "arc-agi_evaluation_solutions.json", SOLUTIONS)
    assert shown(challenges) == shown(tmp_path) == WHOLE
    known = {name: [write(grid) for grid in grids] for name, grids in read_solutions(solutions).items()}
    assert known == {"aa": ["65", "7"], "bb": ["3"]}


def test_folders(tmp_path):
    for name, puzzle in SET.items():
        saved(tmp_path / "training" / f"{name}.json", puzzle)
    assert shown(tmp_path / "training") == WHOLE
    with pytest.raises(ValueError, match=r"no \.json file.*training"):
        read_puzzles(tmp_path)
    saved(tmp_path / "two" / "a.json", SET)
    saved(tmp_path / "two" / "b.json", ONE)
    with pytest.raises(ValueError, match=r"2 files.*a\.json"):
        read_puzzles(tmp_path / "two")


@pytest.mark.parametrize(
    ("solutions", "sentence"),
    [
        ({"aa": SOLUTIONS["aa"]}, "has none of the 1 outputs of bb"),
        (SOLUTIONS | {"aa": [[[6, 5]]]}, "has 1 of the 2 outputs of aa"),
        (SOLUTIONS | {"bb": [[[10]]]}, "10 in row 1"),
        (SOLUTIONS | {"bb": [[[1], [1, 2]]]}, "row 2 has 2 cells and row 1 has 1"),
    ],
)
def test_solutions_that_do_not_fit(tmp_path, solutions, sentence):
    challenges = saved(tmp_path / "x_challenges.json", CHALLENGES)
    saved(tmp_path / "x_solutions.json", solutions)
    with pytest.raises(ValueError, match=sentence):
        read_puzzles(challenges)


def test_what_is_no_set_of_puzzles_says_what_it_is(tmp_path):
    with pytest.raises(ValueError, match="holds solutions, not puzzles; give the file of challenges"):
        read_puzzles(saved(tmp_path / "a.json", SOLUTIONS))
    with pytest.raises(ValueError, match="holds a submission, not puzzles; score it with `gram eval"):
        read_puzzles(saved(tmp_path / "a.json", {"aa": [{"attempt_1": [[1]], "attempt_2": [[2]]}]}))
    with pytest.raises(ValueError, match="Two puzzles of the list are called aa"):
        read_puzzles(saved(tmp_path / "a.json", [{"id": "aa", **ONE}, {"id": "aa", **OTHER}]))
    deep = tmp_path / "deep.json"
    deep.write_text("[" * 200_000)
    with pytest.raises(ValueError, match="more than 32 levels deep"):
        read_puzzles(deep)


# submissions ----------------------------------------------------------------------------------------------
HALF = {
    "aa": [{"attempt_1": [[0]], "attempt_2": [[6, 5]]}, {"attempt_1": [[0, 0], [0, 0]], "attempt_2": [[0]]}],
    "bb": [{"attempt_1": [[3]], "attempt_2": []}],
}


@pytest.mark.parametrize("data", ["x_challenges.json", "x_solutions.json", "set.json", "."])
def test_a_submission_is_scored_by_hand(tmp_path, gram, data):
    """Second attempt right, none right, first attempt right."""
    if data == "set.json":
        saved(tmp_path / "set.json", SET)
    else:
        saved(tmp_path / "x_challenges.json", CHALLENGES)
        saved(tmp_path / "x_solutions.json", SOLUTIONS)
    submission = saved(tmp_path / "out" / "submission.json", HALF)
    code, out, err = gram("eval", "arc-2", "--submission", submission, "--data", tmp_path / data, "--json")
    assert (code, err) == (0, "")
    values = json.loads(out)
    assert (values["examples"], values["puzzles"], values["missing"]) == (3, 2, 0)
    rates = [values[name] for name in ("pass_1", "pass_2", "task_pass_2", "mean_pass_2")]
    assert rates == pytest.approx([1 / 3, 2 / 3, 1 / 2, 3 / 4])
    code, out, err = gram("eval", "arc-2", "--submission", submission, "--data", tmp_path / data)
    assert code == 0
    assert "pass_2            66.67%" in out


def test_what_a_submission_leaves_out_is_wrong_and_said(tmp_path, gram):
    data = saved(tmp_path / "set.json", SET)
    part = saved(tmp_path / "part.json", {"bb": [{"attempt_1": [[3]]}]})
    code, out, err = gram("eval", "arc-1", "--submission", part, "--data", data, "--json")
    assert code == 0
    assert json.loads(out)["pass_2"] == pytest.approx(1 / 3)
    assert re.search("1 puzzle of 2.*aa", err)


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ([], "is no submission"),
        ({"aa": {"attempt_1": [[1]]}}, "puzzle aa has no list of attempts"),
        ({"aa": [{"attempt_1": [[1]], "attempt_3": [[1]]}, {}]}, "must have attempt_1 and attempt_2 and nothing else"),
        ({"aa": [{"attempt_1": [[11]]}, {"attempt_1": [[1]]}]}, "attempt_1: 11 in row 1 "),
        ({"aa": [{"attempt_1": [[1]]}]}, "has attempts at 1 test inputs of aa, which asks 2"),
        ({"zz": [{"attempt_1": [[1]]}]}, "answers zz, which is none of the 2 puzzles"),
    ],
)
def test_bad_submissions(tmp_path, gram, values, sentence):
    data = saved(tmp_path / "set.json", SET)
    bad = saved(tmp_path / "bad.json", values)
    code, out, err = gram("eval", "arc-1", "--submission", bad, "--data", data)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert sentence in err


def test_submissions_are_of_arc_and_alone(tmp_path, gram):
    bad = saved(tmp_path / "bad.json", HALF)
    data = saved(tmp_path / "x_challenges.json", CHALLENGES)
    for words, sentence in (
        (("queens-8",), "leave it out for queens-8"),
        (("arc-1", "--width", 3), "needs no weights"),
        (("arc-1", "--limit", 3), "needs no weights"),
        (("arc-1", "--data", data), "the outputs of aa are not known; give the file of solutions"),
    ):
        code, _, err = gram("eval", *words, "--submission", bad)
        assert code == 2
        assert sentence in err


def test_answers_become_a_submission(arc_run, arc_files, tmp_path, gram):
    out = tmp_path / "submission.json"
    words = ("--weights", arc_run, "--output", out, "--json")
    code, said, err = gram("solve", "arc-1-6", "--input", arc_files.asked[0], *words)
    assert code == 0, err
    right = [json.loads(line)["right"] for line in said.splitlines()]
    assert set(read_submission(out)) == {f"qp{i:02}" for i in range(6)}
    code, said, _ = gram("eval", "arc-1", "--submission", out, "--data", arc_files.asked[0], "--json")
    assert code == 0
    assert json.loads(said)["pass_2"] == pytest.approx(np.mean([r > 0 for r in right]))
    code, _, err = gram("solve", "arc-1-6", "--input", arc_files.asked[0], *words)
    assert code == 2
    assert "exists" in err


def test_a_submission_from_python_is_that_of_the_command(arc_run, arc_files, tmp_path, gram):
    reasoner, asked = load(arc_run, dtype="float32"), json.loads(Path(arc_files.asked[0]).read_text())
    some = {name: asked[name] for name in ("qp01", "qp04")}
    out = tmp_path / "python.json"
    given = submission(reasoner, saved(tmp_path / "some.json", some), out)
    assert json.loads(out.read_text()) == given == submission(reasoner, some)
    assert {name: len(parts) for name, parts in given.items()} == {name: len(p["test"]) for name, p in some.items()}
    assert all(part.keys() == {"attempt_1", "attempt_2"} for parts in given.values() for part in parts)
    words = ("--weights", arc_run, "--dtype", "float32", "--output", tmp_path / "command.json", "--quiet")
    assert gram("solve", "arc-1-6", "--input", tmp_path / "some.json", *words).code == 0
    assert read_submission(tmp_path / "command.json").keys() == given.keys()
    assert json.loads((tmp_path / "command.json").read_text()) == given
    scored = score_submission(out, tmp_path / "some.json")
    assert (scored["examples"], scored["puzzles"], scored["missing"]) == (2, 2, [])
    right = [
        any(part[key] == pair["output"] for key in part)
        for name, puzzle in some.items()
        for pair, part in zip(puzzle["test"], given[name], strict=True)
    ]
    assert scored["pass_2"] == pytest.approx(np.mean(right))


def test_scores_of_a_submission_by_hand(tmp_path):
    scored = score_submission(saved(tmp_path / "half.json", HALF), saved(tmp_path / "set.json", SET))
    assert scored["pass_1"] == pytest.approx(1 / 3)
    assert scored["mean_pass_2"] == pytest.approx(3 / 4)
    known = {name: [np.array(grid, np.uint8) for grid in grids] for name, grids in SOLUTIONS.items()}
    assert score_submission(saved(tmp_path / "part.json", {"bb": HALF["bb"]}), known)["missing"] == ["aa"]


def test_what_no_submission_can_be_made_of(arc_run, arc_files, tmp_path):
    reasoner, asked = load(arc_run), json.loads(Path(arc_files.asked[0]).read_text())
    there = saved(tmp_path / "there.json", {})
    wrong: list[tuple[tuple[Any, ...], str]] = [
        ((load("sudoku-4"), asked), "sudoku-4"),
        ((reasoner, SET), "aa"),
        ((reasoner, asked, there), "exists"),
    ]
    for arguments, sentence in wrong:
        with pytest.raises((ValueError, FileExistsError), match=sentence):
            submission(*arguments)
    with pytest.raises(ValueError, match="leave out want"):
        submission(reasoner, asked, want=2)


def test_every_dress_is_answered_alike(arc_run, arc_files, tmp_path, gram, monkeypatch):
    """A list, a folder, a file with BOM and another ending, and standard input in UTF-16."""
    asked = json.loads(Path(arc_files.asked[0]).read_text())
    asked = {name: asked[name] for name in ("qp01", "qp02")}
    saved(tmp_path / "list.json", [{"id": name, **puzzle} for name, puzzle in asked.items()])
    for name, puzzle in asked.items():
        saved(tmp_path / "folder" / f"{name}.json", puzzle)
    (tmp_path / "bom.txt").write_bytes(b"\xef\xbb\xbf" + json.dumps(asked).encode())
    answers = []
    for given in (tmp_path / "list.json", tmp_path / "folder", tmp_path / "bom.txt", None):
        words = ("solve", "arc-1-6", "--weights", arc_run, "--json", *(() if given is None else ("--input", given)))
        if given is None:
            monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(json.dumps(asked).encode("utf-16"))))
        code, out, err = gram(*words)
        assert code == 0, err
        answers.append([json.loads(line)["attempts"] for line in out.splitlines()])
    assert len(answers[0]) == 2
    assert answers[0] == answers[1] == answers[2] == answers[3]


def test_a_folder_is_trained_on(tmp_path, gram, monkeypatch):
    monkeypatch.setenv("GRAM_DATA", str(tmp_path))
    own = raw(np.random.default_rng(5), 2)
    for name, puzzle in own.items():
        saved(tmp_path / "own" / f"{name}.json", puzzle)
    small = ("--model.width", 16, "--model.hidden", 16, "--model.guidance-hidden", 8, "--model.K", 1, "--model.T", 1)
    options = ("--train.updates", 2, "--train.minutes", "None", "--train.batch", 4, "--train.N-sup", 2)
    options += ("--train.compile", "False", "--train.dtype", "float32", "--arc.variants", 2, "--solve.depth", 2)
    out = tmp_path / "run"
    code, _, err = gram("train", "arc-1-6", "--data", tmp_path / "own", *small, *options, "--out", out)
    assert code == 0, err
    code, said, err = gram("eval", "arc-1-6", "--data", tmp_path / "own", "--weights", out, "--json")
    assert code == 0, err
    assert json.loads(said)["puzzles"] == 2
