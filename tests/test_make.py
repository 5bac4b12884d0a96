"""gram make: puzzles with one solution, of a wanted difficulty, as text, CSV or JSON."""

import csv
import io
import json
import sys

import numpy as np
import pytest

from gram.solve import making
from gram.solve.making import LEVELS, Made, level_of
from gram.tasks import task
from gram.tasks.sudoku.task import Sudoku

NINE = task("sudoku-9")


def solutions(text: str) -> list[str]:
    return [NINE.decode(row) for row in NINE.solutions(NINE.encode(text), limit=2)]


def test_puzzles_have_one_solution_and_a_seed(gram):
    ran = gram("make", "sudoku-9", "--n", 5, "--seed", 3)
    assert (ran.code, ran.err) == (0, "")
    puzzles = ran.out.splitlines()
    assert len(set(puzzles)) == 5
    assert all(len(puzzle) == 81 and len(solutions(puzzle)) == 1 for puzzle in puzzles)
    assert gram("make", "sudoku-9", "--n", 3, "--seed", 3).out.splitlines() == puzzles[:3]
    assert gram("make", "sudoku-9", "--n", 1, "--seed", 4).out.splitlines() != puzzles[:1]


def test_files_hold_question_answer_and_rating(gram, refused, tmp_path):
    path = tmp_path / "easy.csv"
    ran = gram("make", "sudoku-9", "--n", 2, "--difficulty", "easy", "--output", path)
    assert ran.code == 0
    assert f"{path}: 2 puzzles" in ran.out
    rows = list(csv.DictReader(path.open()))
    assert [list(row) for row in rows] == [["question", "answer", "rating", "clues"]] * 2
    for row in rows:
        assert solutions(row["question"]) == [row["answer"]]
        assert int(row["rating"]) in (1, 2)
        assert int(row["clues"]) == 81 - row["question"].count(".")
    before = path.read_text()
    assert "exists" in refused("make", "sudoku-9", "--output", path)
    assert path.read_text() == before
    text = tmp_path / "puzzles.txt"
    assert gram("make", "sudoku-9", "--n", 2, "--output", text).code == 0
    assert text.read_text() == gram("make", "sudoku-9", "--n", 2).out
    lines = tmp_path / "puzzles.jsonl"
    assert gram("make", "sudoku-6-3x2", "--n", 2, "--output", lines).code == 0
    assert [json.loads(line)["rating"] for line in lines.read_text().splitlines()] == [None, None]


def test_made_puzzles_are_solved_from_standard_input(gram, monkeypatch):
    made = gram("make", "sudoku-9", "--n", 2).out
    for arguments in ((), ("--input", "-")):
        monkeypatch.setattr(sys, "stdin", io.StringIO(made))
        ran = gram("solve", "sudoku-9", "--weights", "sudoku-9-search", "--json", *arguments)
        assert ran.code == 0, ran.err
        assert [json.loads(line)["valid"] for line in ran.out.splitlines()] == [True, True]


def test_json_of_other_tasks(gram):
    ran = gram("make", "queens-6", "--n", 2, "--json")
    records = [json.loads(line) for line in ran.out.splitlines()]
    assert len(records) == 2
    queens = task("queens-6")
    for record in records:
        puzzle, answer = (queens.encode(record[key].replace("/", "\n")) for key in ("puzzle", "answer"))
        assert queens.check(puzzle[None], answer[None]).all()
        assert (record["rating"], record["difficulty"], record["clues"]) == (None, None, None)
    large = json.loads(gram("make", "sudoku-12", "--json").out)
    assert large["clues"] == 144 - large["puzzle"].count(".")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("sudoku-12", "--difficulty", "hard"), "none for sudoku-12; give some with --weights"),
        (("sudoku-9", "--difficulty", "hard", "--weights", "sudoku-9"), "do not search"),
        (("maze-10", "--difficulty", "hard"), "for Sudokus"),
        (("sudoku-boards",), "gram generate sudoku-boards"),
        (("own",), "needs data"),
        (("arc-1",), "gram data arc"),
        (("sudoku-9", "--n", 0), "at least 1"),
        (("sudoku-9", "--seed", -1), "negative"),
        (("sudoku-9", "--output", "x.xml"), ".txt"),
        (("sudoku-5",), "Unknown task"),
    ],
)
def test_what_cannot_be_made(refused, arguments, message):
    assert message in refused("make", *arguments, most=2000)


# levels ---------------------------------------------------------------------------------------------------
def test_every_rating_has_a_level():
    assert [level_of(n) for n in (1, 2, 3, 5, 6, 25, 26, 4000)] == [
        *("easy", "easy", "medium", "medium", "hard", "hard", "extreme", "extreme")
    ]
    assert level_of(None) is None


def test_puzzles_of_a_level_fit_it_and_have_distinct_solutions(monkeypatch):
    """The rating is a number of clues here, so that a level needs the exchange of clues."""

    def rate(reasoner, puzzles):
        return [60 - int((puzzle > 1).sum()) for puzzle in puzzles]

    class Searcher:
        task = NINE

    monkeypatch.setattr(making, "rate", rate)
    monkeypatch.setitem(LEVELS, "extreme", (38, None))
    found = making.rated(Searcher(), "extreme", 0)  # pyright: ignore[reportArgumentType]
    some = [next(found) for _ in range(4)]
    assert len({one.answer.tobytes() for one in some}) == 4
    for one in some:
        assert isinstance(one, Made)
        assert one.rating == 60 - one.clues >= 38
        np.testing.assert_array_equal(NINE.solutions(one.puzzle, limit=2), one.answer[None])


def test_a_level_without_puzzles_is_given_up(monkeypatch):
    class Searcher:
        task = Sudoku(4)

    monkeypatch.setattr(making, "rate", lambda reasoner, puzzles: [1] * len(puzzles))
    monkeypatch.setattr(making, "FRUITLESS", 2)
    with pytest.raises(ValueError, match="None of 48 puzzles of sudoku-4 is hard"):
        next(making.rated(Searcher(), "hard", 0))  # pyright: ignore[reportArgumentType]
