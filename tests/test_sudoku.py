"""Sudoku: text, rules, exact answers, symmetries, files and the generator."""

import gzip

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import places

from gram.tasks.solvers import Units
from gram.tasks.spec import SPLITS, splits_of
from gram.tasks.sudoku.generator import CLUES, exchange, minimal_puzzle, random_grids
from gram.tasks.sudoku.task import Sudoku, read_bank

DATA = places.DATA / "sudoku"
TASKS = {size: Sudoku(size) for size in (4, 6, 9)}
QUESTION = "53..7....6..195....98....6.8...6...34..8.3..17...2...6.6....28....419..5....8..79"
ANSWER = "534678912672195348198342567859761423426853791713924856961537284287419635345286179"

sizes = pytest.mark.parametrize("size", [4, 6, 9])
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason=f"no Sudoku files in {DATA}; set GRAM_DATA")


def a_few(size: int, count: int = 30, seed: int = 0):
    """Puzzles with their answers, (count, L) each."""
    task, rng = TASKS[size], np.random.default_rng(seed)
    answers = (random_grids(task.units, rng, count) + 2).astype(np.uint8)
    return np.where(rng.random(answers.shape) < 0.45, answers, np.uint8(1)), answers


def plain_conflicts(task: Sudoku, puzzle: np.ndarray, answer: np.ndarray) -> int:
    """The definition, cell by cell."""
    size, (tall, wide), found = task.size, task.box, 0
    for i in range(size * size):
        filled = 2 <= answer[i] <= size + 1
        found += not filled or (puzzle[i] != 1 and puzzle[i] != answer[i])
        for j in range(i):
            (r, c), (r2, c2) = divmod(i, size), divmod(j, size)
            sees = r == r2 or c == c2 or (r // tall, c // wide) == (r2 // tall, c2 // wide)
            found += bool(filled and sees and answer[i] == answer[j])
    return found


# text -----------------------------------------------------------------------------------------------------
@sizes
def test_spec(size):
    spec = TASKS[size].spec
    assert (spec.name, spec.length, spec.vocabulary) == (f"sudoku-{size}", size * size, size + 2)
    for groups in spec.relations:
        assert len(groups) == size
        assert sorted(cell for group in groups for cell in group) == list(range(size * size))
    assert spec.relations[2][0] == {4: (0, 1, 4, 5), 6: (0, 1, 2, 6, 7, 8), 9: (0, 1, 2, 9, 10, 11, 18, 19, 20)}[size]


@sizes
def test_text_round_trip(size):
    task = TASKS[size]
    for puzzle, answer in zip(*a_few(size), strict=True):
        for text in (task.show(puzzle), task.render(puzzle), task.show(puzzle).replace(".", "0")):
            np.testing.assert_array_equal(task.encode(text), puzzle)
        np.testing.assert_array_equal(task.encode(task.decode(answer)), answer)
        np.testing.assert_array_equal(task.encode(task.render(puzzle, answer)), answer)


def test_encode_known_tokens():
    tokens = TASKS[4].encode("1_|4.\n.3|..\n--+--\n..|2.\n.1|.3\n")
    assert tokens.dtype == np.uint8
    assert tokens.tolist() == [2, 1, 5, 1, 1, 4, 1, 1, 1, 1, 3, 1, 1, 2, 1, 4]
    assert TASKS[9].decode(TASKS[9].encode(QUESTION)) == QUESTION


def test_render_marks_the_givens():
    task = TASKS[4]
    puzzle, answer = task.encode("1... .... .... ...."), task.encode("1234 3412 2143 4321")
    assert task.render(puzzle).splitlines()[:2] == ["┌─────┬─────┐", "│ 1 . │ . . │"]
    assert task.render(puzzle, answer).splitlines()[1] == "│ \x1b[1m1\x1b[0m 2 │ 3 4 │"


@pytest.mark.parametrize(
    ("size", "text", "message"),
    [
        (9, QUESTION[:-1], "80 characters, not 81"),
        (9, "", "0 characters, not 81"),
        (4, "1...\n.2..\n..3\n...4.", "Row 3 has 3 cells"),
        (4, "1....y..........", "'y' in row 2, column 2 .* 1 to 4"),
        (4, "...............5", "'5' in row 4, column 4"),
        (9, "5..5" + "." * 77, r"digit 5 .* row 1 \(columns 1 and 4\)"),
        (4, "...2.......2....", r"digit 2 .* column 4 \(rows 1 and 3\)"),
        (6, "1.......1" + "." * 27, r"digit 1 .* box 1 \(row 1, column 1 and row 2, column 3\)"),
    ],
)
def test_encode_says_what_is_wrong(size, text, message):
    with pytest.raises(ValueError, match=message):
        TASKS[size].encode(text)


def test_unknown_size():
    with pytest.raises(ValueError, match="4, 6, 9, 12, 16 or 25, not 5"):
        Sudoku(5)
    with pytest.raises(ValueError, match="6 cells cannot have 4 rows and 2 columns"):
        Sudoku(6, 4, 2)


# rules ----------------------------------------------------------------------------------------------------
@sizes
def test_right_answers_have_no_conflicts(size):
    puzzles, answers = a_few(size)
    assert TASKS[size].check(puzzles, answers).all()
    assert TASKS[size].conflicts(puzzles, answers).dtype == np.int64


@settings(max_examples=60, deadline=None)
@given(data=st.data(), size=st.sampled_from([4, 6, 9]))
def test_conflicts_follow_the_definition(data, size):
    task = TASKS[size]
    puzzles, answers = (a.copy() for a in a_few(size, 2))
    for _ in range(data.draw(st.integers(0, 12))):
        row, cell = data.draw(st.integers(0, 1)), data.draw(st.integers(0, size * size - 1))
        answers[row, cell] = data.draw(st.integers(0, size + 4))
    expected = [plain_conflicts(task, puzzle, answer) for puzzle, answer in zip(puzzles, answers, strict=True)]
    assert task.conflicts(puzzles, answers).tolist() == expected


def test_conflicts_of_many_rows_at_once():
    puzzles, answers = (np.tile(a, (300, 1)) for a in a_few(4))
    answers[8000, 3] = 0
    assert np.flatnonzero(TASKS[4].conflicts(puzzles, answers)).tolist() == [8000]


# exact answers --------------------------------------------------------------------------------------------
def test_all_grids_of_4x4():
    task, empty = TASKS[4], np.ones(16, np.uint8)
    grids = task.solutions(empty)
    assert grids.shape == (288, 16)
    assert grids.dtype == np.uint8
    assert len(np.unique(grids, axis=0)) == 288
    assert task.check(np.tile(empty, (288, 1)), grids).all()


def test_latin_squares():
    cells = np.arange(16).reshape(4, 4)
    lines = [tuple(line) for line in [*cells.tolist(), *cells.T.tolist()]]
    assert sum(1 for _ in Units(4, lines).solutions([-1] * 16)) == 576


def test_solutions_agree_with_all_grids():
    task = TASKS[4]
    grids = task.solutions(np.ones(16, np.uint8))
    for puzzle in a_few(4, 60)[0]:
        expected = grids[((puzzle == 1) | (grids == puzzle)).all(axis=1)]
        np.testing.assert_array_equal(np.unique(task.solutions(puzzle), axis=0), np.unique(expected, axis=0))


def test_solutions_known_puzzle_limit_and_contradictions():
    task = TASKS[9]
    assert [task.decode(row) for row in task.solutions(task.encode(QUESTION))] == [ANSWER]
    assert task.solutions(np.ones(81, np.uint8), limit=3).shape == (3, 81)
    assert task.solutions(np.ones(81, np.uint8), limit=0).shape == (0, 81)
    twice = task.encode(QUESTION)
    twice[1] = twice[0]
    assert task.solutions(twice).shape == (0, 81)
    no_place = TASKS[4].encode("123. ...4 .... ....")  # no conflict between givens, and no digit for row 1, column 4
    assert TASKS[4].solutions(no_place).shape == (0, 16)


def test_solutions_budget_and_tokens():
    empty = np.ones(16, np.uint8)
    with pytest.raises(RuntimeError, match="more than 20 nodes"):
        TASKS[4].solutions(empty, budget=20)
    assert len(TASKS[4].solutions(empty, limit=1, budget=20)) == 1
    with pytest.raises(ValueError, match="tokens 1 to 5"):
        TASKS[4].solutions(np.zeros(16, np.uint8))


# symmetries -----------------------------------------------------------------------------------------------
@sizes
def test_symmetry_and_its_inverse(size):
    task = TASKS[size]
    puzzles, answers = a_few(size)
    symmetry = task.symmetry(np.random.default_rng(1), len(puzzles))
    new_puzzles, new_answers = task.augment(symmetry, puzzles, answers)
    assert task.check(new_puzzles, new_answers).all()
    assert (new_puzzles != puzzles).any(axis=1).all()
    assert (symmetry.tokens[:, :2] == [0, 1]).all()
    np.testing.assert_array_equal(task.invert(symmetry, new_answers), answers)
    np.testing.assert_array_equal(symmetry.inverse().apply(new_puzzles), puzzles)


@pytest.mark.parametrize("size", [4, 6])
def test_solutions_of_augmented_puzzles(size):
    task = TASKS[size]
    puzzles, _ = a_few(size, 10)
    symmetry = task.symmetry(np.random.default_rng(2), len(puzzles))
    for row, puzzle in enumerate(puzzles):
        one = type(symmetry)(symmetry.positions[[row]], symmetry.tokens[[row]])
        of_new = task.solutions(one.apply(puzzle[None])[0])
        old = task.solutions(puzzle)
        many = type(symmetry)(one.positions.repeat(len(old), 0), one.tokens.repeat(len(old), 0))
        np.testing.assert_array_equal(np.unique(of_new, axis=0), np.unique(many.apply(old), axis=0))


def test_symmetry_covers_the_group():
    positions = TASKS[4].symmetry(np.random.default_rng(0), 4000).positions
    assert len(np.unique(positions, axis=0)) == 2 * 8 * 8  # transposition x orders of the rows x of the columns
    positions = TASKS[6].symmetry(np.random.default_rng(0), 60_000).positions
    assert len(np.unique(positions, axis=0)) == 48 * 72  # no transposition: boxes are not square


# files ----------------------------------------------------------------------------------------------------
def test_read_text_and_csv(tmp_path):
    task, rows = TASKS[4], ["1...", "..2.", ".3..", "...4"]
    puzzle = "".join(rows)
    text = tmp_path / "puzzles.txt"
    text.write_text(f"# a comment\n{puzzle}\n\n1. | ..\n.. | 2.\n---+---\n.3 | ..\n.. | .4\n")
    assert list(task.read(text)) == [puzzle, puzzle]
    table = tmp_path / "puzzles.csv.gz"
    table.write_bytes(gzip.compress(f"source,question,answer,rating\na,{puzzle},,0\n".encode()))
    assert list(task.read(table)) == [puzzle]
    text.write_text("1...\n..2.\n")
    with pytest.raises(ValueError, match="the last puzzle has 2 of its 4 rows"):
        task.read(text)
    text.write_text("# x\n1...2\n")
    with pytest.raises(ValueError, match="line 2: expected a puzzle of 16 or a row of 4 cells, got 5"):
        task.read(text)
    with pytest.raises(FileNotFoundError, match=r"no file .*nothing\.txt"):
        task.read(tmp_path / "nothing.txt")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("question,rating\n1,2\n", "no column named answer; the header is 'question,rating'"),
        ("question,answer,solution\n1,2,3\n", "the answer of|expected 81"),
        ("", "no column named question or answer"),
        (f"question,answer\n{QUESTION}\n", "line 2: 1 columns"),
        (f"question,answer\n{QUESTION},{ANSWER[1:]}\n", "expected 81 characters in row 1, got 80"),
        (f"question,answer\n{QUESTION},{ANSWER[1:]}y\n", "'y' in row 1 is no cell"),
        (f"question,answer\n{QUESTION},{ANSWER}\n{QUESTION},{ANSWER[::-1]}\n", "row 2 does not solve its question"),
    ],
)
def test_read_bank_says_what_is_wrong(tmp_path, text, message):
    path = tmp_path / "bank.csv"
    path.write_text(text)
    with pytest.raises(ValueError, match=message):
        read_bank(path)


def test_read_bank_knows_the_columns_of_public_sets(tmp_path):
    path = tmp_path / "bank.csv"
    for text in ("quizzes,solutions\n{},{}\n", "ID;Puzzle;Solution\n1;{};{}\n", "QUESTION\tANSWER\n{}\t{}\n"):
        path.write_text(text.format(QUESTION.replace(".", "0"), ANSWER), encoding="utf-16")
        some = read_bank(path)
        assert TASKS[9].show(some.inputs[0]) == QUESTION
        assert TASKS[9].decode(some.targets[0]) == ANSWER


def test_read_bank_refuses_a_broken_gzip(tmp_path):
    path = tmp_path / "bank.csv.gz"
    path.write_bytes(gzip.compress(b"question,answer\n")[:-9])
    with pytest.raises(ValueError, match="is a damaged gzip file"):
        read_bank(path)


@needs_data
@pytest.mark.parametrize("name", ["sudoku_extreme_dev", "sudoku_tdoku_hard_dev", "sudoku_bank_dev"])
def test_published_answers(name):
    task, path = TASKS[9], DATA / f"{name}.csv.gz"
    bank = read_bank(path)
    assert len(bank) == 2000
    for row, text in zip(range(12), task.read(path), strict=False):
        np.testing.assert_array_equal(task.encode(text), bank.inputs[row])
        np.testing.assert_array_equal(task.solutions(bank.inputs[row]), bank.targets_of(row))


# generator ------------------------------------------------------------------------------------------------
@sizes
def test_minimal_puzzles(size):
    units, rng = TASKS[size].units, np.random.default_rng(3)
    grid = random_grids(units, rng, 1)[0]
    clues = minimal_puzzle(units, rng, grid)
    assert [list(grid)] == list(units.solutions(clues.tolist()))
    for cell in np.flatnonzero(clues >= 0):
        fewer = clues.copy()
        fewer[cell] = -1
        assert len(TASKS[size].solutions((fewer + 2).astype(np.uint8), limit=2)) == 2


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**31), out=st.integers(1, 2))
def test_exchanged_clues_keep_the_solution(seed, out):
    units, rng = TASKS[6].units, np.random.default_rng(seed)
    grid = random_grids(units, rng, 1)[0]
    clues = minimal_puzzle(units, rng, grid)
    changed = exchange(units, rng, grid, clues, out)
    assert [list(grid)] == list(units.solutions(changed.tolist()))
    assert (changed >= 0).sum() in {(clues >= 0).sum(), (clues >= 0).sum() + 1 - out}


@pytest.mark.parametrize(("size", "count", "splits"), [(4, 300, SPLITS), (6, 40, SPLITS[1:]), (9, 20, SPLITS)])
def test_generated_examples(size, count, splits):
    task = TASKS[size]  # puzzles of six take seconds for each split
    made = {split: task.examples(split, 0, count) for split in splits}
    for split, examples in made.items():
        assert len(examples) == count
        assert (splits_of(examples.inputs) == split).all()
        assert len(np.unique(examples.inputs, axis=0)) == count
        clues = (examples.inputs > 1).sum(axis=1)
        assert CLUES[size][0] <= clues.min() <= clues.max() <= CLUES[size][1]
        for i in range(0, count, 5):
            np.testing.assert_array_equal(task.solutions(examples.inputs[i], limit=2), examples.targets_of(i))
    everything = np.concatenate([examples.inputs for examples in made.values()])
    assert len(np.unique(everything, axis=0)) == len(splits) * count


def test_generator_is_seeded():
    task = TASKS[4]
    one, same, other = (task.examples("dev", seed, 50) for seed in (0, 0, 1))
    np.testing.assert_array_equal(one.inputs, same.inputs)
    np.testing.assert_array_equal(one.targets, same.targets)
    assert len({row.tobytes() for row in one.inputs} & {row.tobytes() for row in other.inputs}) < 5
    with pytest.raises(ValueError, match=r"'val'.*train, dev, test"):
        task.examples("val")


def test_generator_ends_when_puzzles_run_out(monkeypatch):
    monkeypatch.setitem(CLUES, 4, (4, 4))  # there are 25,728 four-clue puzzles, about 1,286 of them for the test split
    examples = TASKS[4].examples("test", 0, 3000)
    assert 1000 < len(examples) < 1500
