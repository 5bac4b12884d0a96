"""Pictures of puzzles and answers, and the animation of trajectories."""

import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from support.boards import CORNER
from support.command import exit_code

from gram import tasks
from gram.console.animation import Moment, animate, runs
from gram.tasks.drawing import WRONG, draw
from gram.tasks.mnist import Mnist
from gram.tasks.sudoku.boards import SudokuBoards

PUZZLES = {
    "sudoku-4": "1...............",
    "sudoku-6": "." * 35 + "6",
    "sudoku-9": "1" + "." * 80,
    "queens-5": "Q..../...../...../...../.....",
    "coloring-5": "1-2 2-3 3-4 4-5",
    "coloring-5-k4": "1-2 2-3 3-4 4-5",
    "maze-10": "S........./" + "/".join([".........."] * 8) + "/#########G".replace("#", "."),
}


def solved(name: str) -> tuple[tasks.Task, np.ndarray, np.ndarray]:
    task = tasks.task(name)
    puzzle = task.encode(PUZZLES[name])
    return task, puzzle, task.solutions(puzzle, limit=1)[0]


@pytest.mark.parametrize("name", PUZZLES)
def test_a_puzzle_and_its_answer_are_whole_svg(name):
    task, puzzle, answer = solved(name)
    for shown in (None, answer):
        drawing = draw(task, puzzle, shown)
        root = ET.fromstring(drawing.svg())
        assert root.tag.endswith("svg")
        assert float(root.attrib["width"]) == pytest.approx(drawing.width)
    assert WRONG not in "".join(piece for piece in draw(task, puzzle, answer).places.values())
    assert len(draw(task, puzzle, answer).places) > len(draw(task, puzzle).places) or name.startswith("coloring")


@pytest.mark.parametrize("name", ["sudoku-4", "sudoku-9", "queens-5", "coloring-5"])
def test_what_breaks_a_rule_is_red(name):
    task, puzzle, answer = solved(name)
    broken = answer.copy()
    if name.startswith("queens"):
        broken[[1, 2]] = 2  # beside the given queen
    else:
        broken[-1] = broken[-2]
    assert task.conflicts(puzzle[None], broken[None])[0] > 0
    assert WRONG in "".join(draw(task, puzzle, broken).places.values())


def test_givens_are_bold_and_the_rest_is_not():
    task, puzzle, answer = solved("sudoku-4")
    bold = [i for i, piece in draw(task, puzzle, answer).places.items() if "bold" in piece]
    assert bold == np.flatnonzero(puzzle > 1).tolist() == [0]


def test_boards_and_digits_without_puzzles_are_drawn():
    boards = SudokuBoards(4)
    board = boards.examples("dev", count=1).targets[0]
    assert len(draw(boards, boards.blank, board).places) == 16
    digits = Mnist()
    image = np.ones(784, np.uint8)
    image[:5] = 2
    assert len(draw(digits, digits.blank, image).places) == 5


def test_text_is_escaped_where_a_task_has_no_picture():
    class Other:
        def show(self, puzzle):
            return "<a> & b\nc"

    drawing = draw.dispatch(object)(Other(), np.zeros(1, np.uint8))  # pyright: ignore[reportArgumentType]
    assert "&lt;a&gt; &amp; b" in drawing.svg()
    assert len(drawing.places) == 2


def test_runs_join_what_stays():
    frames = [{0: "a"}, {0: "a", 1: "x"}, {0: "b", 1: "x"}, {0: "b"}]
    assert sorted(runs(frames)) == [(0, 2, "a"), (1, 3, "x"), (2, 4, "b")]


def test_an_animation_ends_with_the_last_step_of_each_trajectory():
    task, puzzle, answer = solved("queens-5")
    wrong = np.where(puzzle == 2, 2, 1).astype(np.uint8)
    trajectories = [
        [Moment(wrong, 1, False, False), Moment(answer, 2, True, True)],
        [Moment(wrong, 1, False, False), Moment(wrong, 2, False, False), Moment(wrong, 3, False, True)],
    ]
    text = animate(task, puzzle, trajectories)
    ET.fromstring(text)
    assert "step 2: valid" in text
    assert "step 3: given up" in text
    # the queens that trajectory 0 adds appear in frame 2 and stay to the last of four frames
    assert len(re.findall(r'<g class="t2-4">', text)) >= int((answer == 2).sum()) - 1
    last = [style for style in re.findall(r"\.(t\d-\d)\{opacity:(\d)", text)]
    assert {name for name, shown in last if shown == "1"} == {name for name, _ in last if name.endswith("-4")}


def test_nothing_to_animate_is_refused():
    task, puzzle, _ = solved("queens-5")
    for empty in ([], [[]]):
        with pytest.raises(ValueError, match="no trajectory"):
            animate(task, puzzle, empty)


def test_the_command_animates_one_puzzle_into_a_new_file(tmp_path, capsys):

    path = tmp_path / "thinking.svg"

    def run(*arguments: str) -> int:
        return exit_code("solve", "queens-8", *arguments, "--depth", "24", "--animate", path)

    assert run(CORNER) == 0
    ET.fromstring(path.read_text(encoding="utf-8"))
    assert run(CORNER) == 2  # it exists
    assert str(path) in capsys.readouterr().err
    path = tmp_path / "two.svg"
    assert run(CORNER, CORNER) == 2
    path = tmp_path / "picture.gif"
    assert run(CORNER) == 2
    assert sorted(p.name for p in tmp_path.iterdir()) == ["thinking.svg"]
