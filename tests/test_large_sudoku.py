"""Sudoku of 12x12, 16x16 and 25x25, and boxes of other shapes: text, rules and generated puzzles."""

import json

import numpy as np
import pytest

from gram import recipes, tasks
from gram.tasks.base import Task
from gram.tasks.reading.containers import Held
from gram.tasks.spec import splits_of
from gram.tasks.sudoku.generator import MOST, random_grids
from gram.tasks.sudoku.removal import Removal
from gram.tasks.sudoku.task import Sudoku

NAMES = ("sudoku-6-3x2", "sudoku-12", "sudoku-16", "sudoku-25")
TASKS = {name: tasks.task(name) for name in NAMES}
LARGE = tasks.task("sudoku-16")


def pattern(task: Sudoku) -> np.ndarray:
    """A complete board (L,), row by row shifted."""
    size, (tall, wide) = task.size, task.box
    rows, columns = np.indices((size, size))
    return ((wide * (rows % tall) + rows // tall + columns) % size + 2).astype(np.uint8).reshape(-1)


def puzzle_and_answer(task: Task, seed: int = 0, shown: float = 0.4) -> tuple[np.ndarray, np.ndarray]:
    assert isinstance(task, Sudoku)
    rng = np.random.default_rng(seed)
    board = task.symmetry(rng, 1).apply(pattern(task)[None])[0]
    return np.where(rng.random(len(board)) < shown, board, np.uint8(1)), board


def read(task: Task, text: str) -> list[np.ndarray]:
    return [task.encode(one) for one in task.take(Held("x", "", text)).puzzles]


# rules ----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", NAMES)
def test_rules(name):
    task = TASKS[name]
    assert isinstance(task, Sudoku)
    size, (tall, wide) = task.size, task.box
    assert (tall, wide) == {"sudoku-6-3x2": (3, 2), "sudoku-12": (3, 4), "sudoku-16": (4, 4), "sudoku-25": (5, 5)}[name]
    assert (task.spec.length, task.spec.vocabulary) == (size**2, size + 2)
    assert task.spec.relations[2][0] == tuple(size * row + column for row in range(tall) for column in range(wide))
    puzzle, board = puzzle_and_answer(task)
    assert task.check(puzzle[None], board[None]).all()
    assert task.check(np.ones_like(board)[None], pattern(task)[None]).all()
    wrong = np.tile(board, (3, 1))
    wrong[0, 0] = wrong[0, 1]
    wrong[1, 5] = 1
    wrong[2, np.flatnonzero(puzzle > 1)[0]] = 0
    assert (task.conflicts(np.tile(puzzle, (3, 1)), wrong) > 0).all()
    assert task.conflicts(np.ones((1, size**2), np.uint8), wrong[1:2]).tolist() == [1]
    holes = np.where(np.arange(len(board)) < size, np.uint8(1), board)
    np.testing.assert_array_equal(task.solutions(holes, limit=2), board[None])


def test_conflicts_of_many_large_rows_at_once():
    board = puzzle_and_answer(LARGE)[1]
    boards = np.tile(board, (1500, 1))
    boards[1400, 9] = 1
    found = LARGE.conflicts(np.ones_like(boards), boards)
    assert np.flatnonzero(found).tolist() == [1400]


# text -----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", NAMES)
def test_forms_of_text(name):
    task = TASKS[name]
    assert isinstance(task, Sudoku)
    puzzle, board = puzzle_and_answer(task)
    size = task.size
    rows = (puzzle.astype(int) - 1).reshape(size, size).tolist()
    cells = task.show(puzzle)
    texts = {
        "one line": cells,
        "small letters": cells.lower(),
        "lines": "\n".join(cells[at : at + size] for at in range(0, len(cells), size)),
        "frame": task.render(puzzle),
        "0 for a blank": cells.replace(".", "0"),
        "_ for a blank": cells.replace(".", "_"),
        "JSON rows": json.dumps([rows]),
        "JSON rows of text": json.dumps([cells[at : at + size] for at in range(0, len(cells), size)]),
        "a flat list": json.dumps([[cell for row in rows for cell in row]]),
    }
    if size > 9:
        texts |= {
            "numbers": "\n".join(" ".join(map(str, row)) for row in rows),
            "numbers with commas": "\n".join(", ".join(str(cell or ".") for cell in row) for row in rows),
            "numbers of two digits": "\n".join(
                " ".join(f"{cell:02d}" if cell else "--" for cell in row) for row in rows
            ),
            "numbers in a line": " ".join(str(cell) for row in rows for cell in row),
        }
    for form, text in texts.items():
        found = read(task, text)
        assert len(found) == 1, form
        np.testing.assert_array_equal(found[0], puzzle, err_msg=form)
        if "JSON" not in form and form != "a flat list":
            np.testing.assert_array_equal(task.encode(text), puzzle, err_msg=form)
    np.testing.assert_array_equal(task.encode(task.decode(board)), board)
    np.testing.assert_array_equal(read(task, f"{task.show(puzzle)}\n{task.show(board)}\n"), [puzzle, board])


def test_digits_0_to_f():
    puzzle, _ = puzzle_and_answer(LARGE)
    cells = LARGE.show(puzzle)
    text = cells.replace("G", "0")
    assert text.count("0") > 3
    rows = [text[at : at + 16] for at in range(0, 256, 16)]
    for form in (text, text.lower(), "\n".join(rows)):
        found = LARGE.take(Held("x", "", form))
        assert "0 is the digit" in found.notes[0]
        np.testing.assert_array_equal(LARGE.encode(found.puzzles[0]), puzzle)
        np.testing.assert_array_equal(LARGE.encode(form), puzzle)
    for value in (rows, [list(row) for row in rows]):
        np.testing.assert_array_equal(read(LARGE, json.dumps([value]))[0], puzzle)


def test_a_0_is_never_guessed():
    puzzle, _ = puzzle_and_answer(LARGE)
    cells = LARGE.show(puzzle)
    both = cells.replace(".", "0", 40)  # blanks of two kinds: rows have several 0
    assert LARGE.take(Held("x", "", both)).notes == ()
    np.testing.assert_array_equal(LARGE.encode(both), puzzle)
    without = cells.replace("G", ".")
    one = without.replace(".", "0", 1)
    with pytest.raises(ValueError, match="write G for the digit, or"):
        LARGE.encode(one)


@pytest.mark.parametrize(
    ("name", "cells", "message"),
    [
        ("sudoku-16", "H" + "." * 255, "'H' in row 1, column 1 .* 1 to 9 or A to G"),
        ("sudoku-12", "D" + "." * 143, "'D' in row 1, column 1 .* 1 to 9 or A to C"),
        ("sudoku-16", "AA" + "." * 254, r"digit A occurs twice in row 1 \(columns 1 and 2\)"),
        ("sudoku-16", "\n".join([" ".join(["17", *["."] * 15])] * 16), "17 characters, not 256|row 1|Row 1"),
        ("sudoku-25", "." * 624, "624 characters, not 625"),
    ],
)
def test_what_is_wrong(name, cells, message):
    with pytest.raises(ValueError, match=message):
        TASKS[name].encode(cells)


# generator ------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("size", [6, 9])
def test_removed_clues_leave_one_solution(size):
    """As many puzzles as their exact solver can count."""
    task, rng = Sudoku(size), np.random.default_rng(1)
    grids = random_grids(task.units, rng, 20)
    puzzles = Removal(task.units).puzzles(rng, grids)
    for grid, puzzle in zip(grids, puzzles, strict=True):
        assert list(task.units.solutions(puzzle.tolist())) == [grid.tolist()]
    easier = Removal(task.units).puzzles(rng, grids, most=size * size // 2)
    assert ((easier >= 0).sum(1) == size * size // 2).all()
    assert ((puzzles >= 0).sum(1) < size * size // 2).all()


def test_propagation_refutes_what_has_no_solution():
    removal = Removal(Sudoku(4).units)
    empty = np.full((16, 3), removal.all)
    empty[0, 1] = empty[1, 1] = 1  # the same digit twice in a row
    empty[:4, 2] = [1, 2, 12, 12]
    empty[7, 2] = 4  # 3 and 4 have their places in row 1 and box 2, so no cell is left for this one
    dead = removal.propagate(empty)
    assert dead.tolist() == [False, True, True]
    assert (empty[:, 0] == removal.all).all()


@pytest.mark.parametrize(("name", "count"), [("sudoku-12", 9), ("sudoku-16", 4)])
def test_generated_puzzles(name, count):
    task = TASKS[name]
    assert isinstance(task, Sudoku)
    made = {split: task.examples(split, 0, count) for split in ("train", "dev")}
    for split, examples in made.items():
        assert len(examples) == count
        assert (splits_of(examples.inputs) == split).all()
        assert task.check(examples.inputs, examples.targets).all()
        clues = (examples.inputs > 1).sum(1)
        assert task.size**2 / 4 < clues.min() <= clues.max() <= MOST[task.size]
        for row in range(3):
            np.testing.assert_array_equal(task.solutions(examples.inputs[row], limit=2), examples.targets_of(row))
    again = task.examples("dev", 0, count)
    np.testing.assert_array_equal(again.inputs, made["dev"].inputs)


def test_a_good_share_needs_more_than_singles():
    examples, removal = LARGE.examples("train", 0, 20), Removal(LARGE.units)  # pyright: ignore[reportAttributeAccessIssue]
    digits = removal.bits(1) << np.maximum(examples.inputs.T.astype(removal.bits), 2) - 2
    masks = np.where(examples.inputs.T > 1, digits, removal.all).astype(removal.bits)
    assert not removal.propagate(masks).any()
    left = (masks & (masks - removal.bits(1)) != 0).any(axis=0)
    assert left.mean() > 0.1


# recipes --------------------------------------------------------------------------------------------------
def test_recipes_of_large_searches_have_the_network_of_9x9():
    shipped = recipes.recipe("sudoku-9-search")
    for name in NAMES[1:]:
        made = recipes.recipe(f"{name}-search")
        assert made.data == ()
        assert made.model.T == 8
        assert made.model.width == shipped.model.width == 32
        assert made.model.candidates
        assert made.train.batch < shipped.train.batch
