"""N-Queens: counts of the literature and of the paper's protocol, texts, rules, symmetries."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gram.tasks import solvers
from gram.tasks.queens import EMPTY, QUEEN, NQueens
from gram.tasks.spec import SPLITS

ALL = {4: 2, 5: 10, 6: 4, 7: 40, 8: 92, 9: 352}  # OEIS A000170
UP_TO_SYMMETRY = {4: 1, 5: 2, 6: 1, 7: 6, 8: 12, 9: 46}  # OEIS A002562
DONE = ".Q..\n...Q\nQ...\n..Q."


@pytest.mark.parametrize("n", ALL)
def test_number_of_solutions(n):
    task = NQueens(n)
    boards = task.solutions(task.encode("." * n * n))
    assert len(boards) == len(np.unique(boards, axis=0)) == ALL[n]
    assert task.check(np.full_like(boards, EMPTY), boards).all()
    views = np.stack([boards[:, view] for view in task._views])  # (8, S, L)
    classes = {min(view.tobytes() for view in views[:, s]) for s in range(len(boards))}
    assert len(classes) == UP_TO_SYMMETRY[n]


@pytest.mark.parametrize(("n", "inputs", "pairs"), [(8, 5_148, 8_464), (10, 43_420, 126_700)])
def test_protocol_of_the_paper(n, inputs, pairs):
    splits = [NQueens(n).examples(split) for split in SPLITS]
    assert sum(map(len, splits)) == inputs
    assert sum(len(split.targets) for split in splits) == pairs
    everything = np.concatenate([split.inputs for split in splits])
    assert len(np.unique(everything, axis=0)) == inputs
    assert set((everything == QUEEN).sum(1)) == {1, 2, 3}


@pytest.mark.parametrize("n", [4, 5, 8, 10])
def test_examples_own_all_completions(n):
    task = NQueens(n)
    some = task.examples("test", count=30)
    for i, puzzle in enumerate(some.inputs):
        np.testing.assert_array_equal(some.targets_of(i), task.solutions(puzzle))


def test_kept_queens_are_subsets_of_solutions():
    inputs = np.concatenate([NQueens(4).examples(split).inputs for split in SPLITS])
    # 2 solutions of 4 queens that share no cell: 2 * (4 + 6 + 4) boards
    assert len(inputs) == 28


def test_large_boards_are_drawn():
    task = NQueens(13)
    some = task.examples("dev", seed=3, count=40)
    assert len(some) == 40
    assert some.counts.min() >= 1
    assert some.counts.max() <= 64
    assert task.check(np.repeat(some.inputs, some.counts, 0), some.targets).all()
    for i in range(len(some)):
        assert len(np.unique(some.targets_of(i), axis=0)) == some.counts[i]


def test_random_queens():
    rng = np.random.default_rng(0)
    drawn = {tuple(solvers.random_queens(6, rng)) for _ in range(200)}
    assert drawn == {tuple(columns) for columns in solvers.queens(6)}


@pytest.mark.parametrize(
    "text",
    [DONE, DONE.replace("\n", "/"), DONE.replace("\n", ""), f"\n  {DONE.lower()}\n\n", DONE.replace("\n", "\r\n")],
)
def test_encode_reads_every_form(text):
    task = NQueens(4)
    tokens = task.encode(text)
    assert tokens.tolist() == [QUEEN if char == "Q" else EMPTY for char in DONE if char != "\n"]
    assert task.decode(tokens) == DONE
    assert task.show(tokens) == DONE.replace("\n", "/")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "the text has 0 rows, 0 characters"),
        ("....", "the text has 1 row, 4 characters"),
        ("." * 15, "the text has 1 row, 15 characters"),
        ("..../..../..../...", "Row 4 has 3 characters"),
        ("..../.x../..../....", "'x' at row 2, column 2"),
        ("Q..Q/..../..../....", "row 1, column 1 and row 1, column 4"),
        ("Q.../..../Q.../....", "row 1, column 1 and row 3, column 1"),
        ("..../Q.../..../..Q.", "row 2, column 1 and row 4, column 3"),
        ("...Q/..../..../Q...", "row 1, column 4 and row 4, column 1"),
    ],
)
def test_encode_says_what_is_wrong(text, sentence):
    with pytest.raises(ValueError, match=re.escape(sentence)):
        NQueens(4).encode(text)


@pytest.mark.parametrize("n", [3, 17])
def test_board_sizes(n):
    with pytest.raises(ValueError, match="4 to 16"):
        NQueens(n)


def test_read(tmp_path):
    file = tmp_path / "boards.txt"
    file.write_text(
        f"# two forms\n{DONE}\n\nQ.../..../..../.... # one line\n{'.' * 16}\n....\n# inside\n....\n....\n.Q.."
    )
    task = NQueens(4)
    boards = [task.show(task.encode(text)) for text in task.read(file)]
    empty = "..../..../..../...."
    assert boards == [DONE.replace("\n", "/"), "Q.../..../..../....", empty, "..../..../..../.Q.."]


def test_render_marks_the_givens():
    task = NQueens(4)
    picture = task.render(task.encode("." * 16), task.encode(DONE))
    assert picture.count("♛") == 4
    assert "\033[1;33m" not in picture
    assert task.render(task.encode(DONE), task.encode(DONE)).count("\033[1;33m♛") == 4
    assert "♛" not in task.render(task.encode("." * 16))


def brute_force_conflicts(n, puzzle, answer):
    queens = [divmod(cell, n) for cell in range(n * n) if answer[cell] == QUEEN]
    pairs = sum(
        a[0] == b[0] or a[1] == b[1] or abs(a[0] - b[0]) == abs(a[1] - b[1])
        for i, a in enumerate(queens)
        for b in queens[:i]
    )
    # two queens on one line are one pair however many others stand on it
    lost = sum((p == QUEEN and a != QUEEN) or a == 0 for p, a in zip(puzzle, answer, strict=True))
    return pairs + abs(len(queens) - n) + lost


@settings(max_examples=60, deadline=None)
@given(st.integers(4, 7), st.integers(0, 2**32 - 1), st.sampled_from([0.1, 0.2, 0.5]))
def test_conflicts_against_brute_force(n, seed, density):
    rng = np.random.default_rng(seed)
    weights = [0.05, 0.95 - density, density]
    puzzles = rng.choice([EMPTY, QUEEN], (5, n * n), p=[0.9, 0.1]).astype(np.uint8)
    answers = rng.choice(3, (5, n * n), p=weights).astype(np.uint8)
    expected = [brute_force_conflicts(n, p, a) for p, a in zip(puzzles, answers, strict=True)]
    assert NQueens(n).conflicts(puzzles, answers).tolist() == expected


def test_check_wants_the_givens_kept():
    task = NQueens(4)
    done = task.encode(DONE)[None]
    other = task.encode("Q" + "." * 15)[None]
    assert task.check(done, done).all()
    assert task.conflicts(other, done).tolist() == [1]


def test_limit_and_budget():
    task = NQueens(8)
    blank = task.encode("." * 64)
    np.testing.assert_array_equal(task.solutions(blank, limit=5), task.solutions(blank)[:5])
    assert len(task.solutions(blank, limit=5, budget=1_000)) == 5
    assert task.solutions(blank, limit=0).shape == (0, 64)
    with pytest.raises(RuntimeError, match="more than 100 nodes"):
        task.solutions(blank, budget=100)


def test_contradicting_givens_have_no_solution():
    puzzle = np.full(16, EMPTY, np.uint8)
    puzzle[[0, 1]] = QUEEN
    assert NQueens(4).solutions(puzzle).shape == (0, 16)


def test_all_eight_views_are_drawn():
    task = NQueens(5)
    drawn = task.symmetry(np.random.default_rng(0), 200).positions
    assert len(np.unique(drawn, axis=0)) == 8


def test_relations_are_the_lines():
    rows, columns, down, up = NQueens(5).spec.relations
    assert [len(relation) for relation in (rows, columns, down, up)] == [5, 5, 9, 9]
    assert rows[1] == (5, 6, 7, 8, 9)
    assert columns[0] == (0, 5, 10, 15, 20)
    assert (0, 6, 12, 18, 24) in down
    assert (4, 8, 12, 16, 20) in up
