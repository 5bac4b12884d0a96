"""What Python people try first: print it, look at it, turn it into a table; one in, one out."""

import pickle
import subprocess
import sys
import time
import tomllib
from xml.etree import ElementTree

import numpy as np
import pytest
from support.command import exit_code
from support.networks import fake, knowing, tiny
from support.places import ROOT

import gram
from gram import tasks
from gram.config import Config, SolveConfig
from gram.solve.reasoner import Reasoner

FIRST = ".Q..../" + "/".join(["......"] * 5)
BLANK = "/".join(["......"] * 6)


def test_an_answer_is_printed_as_board_and_verdict():
    answer = knowing().solve(FIRST)
    *board, verdict = str(answer).splitlines()
    assert verdict == "solved: the answer obeys all rules and keeps the givens"
    assert sum(row.count("Q") + row.count("\u265b") for row in board) == 6
    assert "\x1b" not in str(answer)
    wrong = knowing(wrong=1.0)
    assert str(wrong.solve(FIRST)).splitlines()[-1] == "unsolved: no valid answer with width 8 and depth 4"
    assert "breaks the rules in" in wrong.solve(FIRST, select="majority").verdict
    assert str(knowing().solve(BLANK, width=30, want=4)).endswith("4 distinct answers")


def test_a_notebook_draws_it():
    answer = knowing().solve(FIRST)
    figure = ElementTree.fromstring(answer._repr_html_())
    assert len(figure.findall(".//{http://www.w3.org/2000/svg}text")) == 6  # queens
    assert figure[-1].text == answer.verdict
    unsolved = knowing(wrong=1.0).solve(FIRST)._repr_html_()
    assert len(ElementTree.fromstring(unsolved).findall(".//{http://www.w3.org/2000/svg}text")) == 1


def test_records():
    answers = knowing().solve([FIRST, BLANK])
    records = gram.to_records(answers)
    assert [record["puzzle"] for record in records] == [FIRST, BLANK]
    assert records[0] == answers[0].to_dict() == gram.to_records(answers[0])[0]
    assert records[0]["answer"] == answers[0].text
    assert records[0]["agreed"] <= records[0]["finished"]
    assert all(isinstance(v, str | bool | int | float | list) for v in records[0].values())


def test_one_gives_one_several_give_a_list_and_an_iterator_streams():
    reasoner = knowing()
    assert isinstance(reasoner.solve(FIRST), gram.Answer)
    assert [a.puzzle for a in reasoner.solve([FIRST])] == [FIRST]
    assert reasoner.solve([]) == []
    assert [a.puzzle for a in reasoner.solve((FIRST, BLANK))] == [FIRST, BLANK]
    read = []

    def puzzles():
        while True:
            read.append(1)
            yield FIRST

    answers = reasoner.solve(puzzles(), width=1, depth=1)
    assert read == []
    assert next(answers).puzzle == FIRST
    assert 0 < len(read) < 1000


def test_puzzles_come_in_every_shape():
    reasoner = knowing()
    text, tokens = FIRST, reasoner.task.encode(FIRST)
    rows = [[1 if cell == "Q" else 0 for cell in row] for row in FIRST.split("/")]
    letters = [list(row) for row in FIRST.split("/")]
    for one in (text, tokens, rows, letters, np.array(rows), np.array(letters), tuple(map(tuple, rows))):
        assert reasoner.solve(one).puzzle == text
        assert [a.puzzle for a in reasoner.solve([one, one])] == [text, text]
    for several in (np.stack([tokens] * 2), np.array([rows] * 2), np.array([text] * 2), {text: 1, BLANK: 2}.keys()):
        assert reasoner.solve(several)[0].puzzle == text
    sudoku = Reasoner(Config(recipe="test", task="sudoku-4", solve=SolveConfig(width=2, depth=1)), tiny())
    board = [[1, 2, 0, 0], [0, 0, 0, 0], [0, 0, 3, 0], [0, 0, 0, 4]]
    assert sudoku.task.encode(sudoku.solve(board).puzzle).reshape(4, 4).tolist() == (np.array(board) + 1).tolist()


def test_what_is_no_puzzle_gets_a_sentence():
    reasoner = knowing()
    table = type("Table", (), {"columns": ["question"]})()
    for wrong, said in {
        7: "not int",
        "column": "queens|row|character",
        (None,): "NoneType",
        ((2, 0), (0, 0)): "0 to 1",
        table: "give the one with the puzzles",
    }.items():
        with pytest.raises(ValueError, match=said):
            reasoner.solve(wrong)
    for several in (reasoner.read, reasoner.questions):  # its characters would be puzzles of one character each
        with pytest.raises(ValueError, match="list of puzzles"):
            several(FIRST)
    with pytest.raises(ValueError, match="float64"):
        reasoner.solve(np.zeros(36))
    with pytest.raises(ValueError, match="A cell of this grid is"):
        reasoner.solve(np.zeros((6, 6)))


def test_a_reasoner_says_what_it_is_and_closes():
    with knowing() as reasoner:
        assert repr(reasoner) == "Reasoner(queens-6, 0.00M parameters, float32, cpu)"
        first = reasoner.solve(FIRST)
    assert reasoner.solve(FIRST).text == first.text  # threads are started again
    reasoner.close()
    reasoner.close()


def test_answers_can_be_pickled():
    sudoku = Reasoner(Config(recipe="test", task="sudoku-4", solve=SolveConfig(width=2, depth=1)), tiny())
    answer = sudoku.solve("1" + "." * 15, select="majority")
    assert str(pickle.loads(pickle.dumps(answer))) == str(answer)


def test_bundles_and_weights_say_their_size():
    assert fake(tasks.task("queens-6")).size == "0.00M parameters"


def test_the_public_names_are_listed_and_there():
    assert dir(gram) == sorted(gram.__all__)
    assert all(getattr(gram, name) is not None for name in gram.__all__)
    assert "queens-8" in gram.shipped()
    with pytest.raises(AttributeError, match="nothing"):
        _ = gram.nothing


def test_the_version_is_one(capsys):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["dynamic"] == ["version"]
    assert f"version: {gram.__version__}\n" in (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert exit_code("--version") == 0
    assert capsys.readouterr().out == f"gram {gram.__version__}\n"


def test_python_m_gram():
    command = [sys.executable, "-m", "gram", "--version"]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == f"gram {gram.__version__}\n"


def test_importing_is_quick_and_loads_neither_torch_nor_numpy():
    code = "import sys, gram; dir(gram); sys.exit(bool({'torch', 'numpy', 'scipy', 'tyro'} & set(sys.modules)))"
    begin = time.perf_counter()
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    assert time.perf_counter() - begin < 5
