"""Mazes: texts, rules against plain breadth-first search, generator, published data, and directed relations in the
network."""

import gzip
import hashlib
import io
import re
from collections import deque
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from support import places
from support.boards import MAZE as BOARD

from gram import tasks
from gram.models.layers import Banded, Dense, GroupMixer, relation, relation_matrices
from gram.tasks.data.store import training_examples
from gram.tasks.maze.generator import corridors, distances, fields, least, make, winding
from gram.tasks.maze.task import FREE, GOAL, PATH, START, WALL, Maze
from gram.tasks.spec import SPLITS, TaskSpec

DATA = places.DATA / "maze"
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason=f"no maze files in {DATA}; set GRAM_DATA")
MAZE = Maze(10)
RUN = "".join(BOARD)
SOME = MAZE.examples("dev", count=3).inputs


def plain_distances(open_cells: np.ndarray, start: int) -> dict[int, int]:
    """Breadth-first search over (n, n) bool, one cell at a time."""
    n, found, queue = len(open_cells), {start: 0}, deque([start])
    while queue:
        cell = queue.popleft()
        row, column = divmod(cell, n)
        for a, b in ((1, 0), (-1, 0), (0, 1), (0, -1)):
            there = (row + a) * n + column + b
            inside = 0 <= row + a < n and 0 <= column + b < n
            if inside and open_cells[row + a, column + b] and there not in found:
                found[there] = found[cell] + 1
                queue.append(there)
    return found


def scattered(seed: int, share: float = 0.35, n: int = 10) -> np.ndarray:
    """A maze (L,) of random walls with start and goal anywhere; it may have many shortest paths or no way at all."""
    rng = np.random.default_rng(seed)
    maze = np.where(rng.random(n * n) < share, WALL, FREE).astype(np.uint8)
    start, goal = rng.choice(n * n, 2, replace=False)
    maze[start], maze[goal] = START, GOAL
    return maze


# text -----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "text",
    [
        RUN,
        "\n".join(BOARD),
        "\n".join(BOARD) + "\n",
        "\r\n".join(BOARD),
        "/".join(BOARD),
        "/".join(BOARD).replace(" ", "."),
        "\n".join(r.rstrip() for r in BOARD),
    ],
)
def test_encode_reads_every_form(text):
    tokens = MAZE.encode(text)
    assert tokens.tolist() == ["# SGo".index(c) + 1 for c in RUN]
    assert MAZE.show(tokens) == "/".join(BOARD)
    assert MAZE.decode(tokens) == "\n".join(BOARD)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "the text has 1 row, 0 characters"),
        (RUN[:-1], "the text has 1 row, 99 characters"),
        ("\n".join(BOARD[:-1]), "1 S and 0 G"),
        ("\n".join(row[:8].rstrip() for row in BOARD), "one of 10 x 10 that lost blanks at its ends"),
        (RUN.replace("S", "x"), "'x' in row 1, column 1"),
        (RUN.replace("   ", "ooo"), "'o' in row 1, column 5"),
        (RUN.replace("S", " "), "0 S and 1 G"),
        (RUN.replace("#", "G", 2), "1 S and 3 G"),
    ],
)
def test_encode_says_what_is_wrong(text, sentence):
    with pytest.raises(ValueError, match=re.escape(sentence)):
        MAZE.encode(text)


@pytest.mark.parametrize("n", [4, 41])
def test_sizes(n):
    with pytest.raises(ValueError, match="5 to 40"):
        Maze(n)


def test_render():
    tokens = MAZE.encode(RUN)
    picture = MAZE.render(tokens, MAZE.first_path(tokens[None])[0])
    assert picture.count("██") == RUN.count("#")
    assert picture.count("•") == 23
    assert "•" not in MAZE.render(tokens)


def test_read_text(tmp_path):
    file = tmp_path / "mazes.txt"
    file.write_text("\n".join(BOARD) + "\n\n" + RUN + "\n" + "/".join(BOARD) + "\n")
    assert [MAZE.encode(text).tolist() for text in MAZE.read(file)] == [MAZE.encode(RUN).tolist()] * 3
    file.write_text(BOARD[0] + "\n" + RUN)
    with pytest.raises(ValueError, match="line 2: expected a row of 10 characters, got 100"):
        list(MAZE.read(file))
    file.write_text("##")
    with pytest.raises(ValueError, match=r"line 1: .*100 .*10 .*got 2"):
        list(MAZE.read(file))


def test_read_csv_keeps_blanks_at_the_ends(tmp_path):
    maze = " " + RUN[1:].replace(" ", "S", 1)
    answer = MAZE.decode(MAZE.first_path(MAZE.encode(maze)[None])[0]).replace("\n", "")
    file = tmp_path / "mazes.csv.gz"
    file.write_bytes(gzip.compress(f"source,question,answer,rating\nx,{maze},{answer},25\n".encode()))
    assert list(MAZE.read(file)) == [maze]
    some = MAZE.read_examples(file)
    assert MAZE.decode(some.inputs[0]).replace("\n", "") == maze
    assert MAZE.decode(some.targets[0]).replace("\n", "") == answer


def csv_of(tmp_path, text: str) -> Path:
    path = tmp_path / "mazes.csv"
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("source,text,answer\n", "no column named question; the header is 'source,text,answer'"),
        (f"question,answer\n{RUN[1:]},{RUN}\n", "expected 100 characters in row 1, got 99"),
        (f"question,answer\n{RUN},{RUN}\n", "(1 such rows)"),
        (f"question,answer\n{RUN.replace('S', ' ')},{RUN}\n", "row 1 "),
        (f"question,answer\n{RUN.replace('S', '5')},{RUN}\n", "'5' in row 1 is no cell"),
    ],
)
def test_bad_files(tmp_path, text, sentence):
    with pytest.raises(ValueError, match=re.escape(sentence)):
        MAZE.read_examples(csv_of(tmp_path, text))


# rules ----------------------------------------------------------------------------------------------------
@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0.1, 0.5))
def test_distances_against_plain_search(seed, share):
    open_cells = np.random.default_rng(seed).random((3, 10, 10)) > share
    open_cells[:, 4, 7] = True
    moves, _ = distances(open_cells, np.full(3, 47))
    for one, found in zip(open_cells, moves, strict=True):
        expected = plain_distances(one, 47)
        assert {cell: int(m) for cell, m in enumerate(found.reshape(-1)) if m >= 0} == expected


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_solutions_are_all_shortest_paths(seed):
    maze = scattered(seed)
    moves = plain_distances((maze != WALL).reshape(10, 10), int((maze == START).argmax()))
    goal = int((maze == GOAL).argmax())
    try:
        found = MAZE.solutions(maze, budget=50_000)
    except RuntimeError:
        return
    if goal not in moves:
        assert len(found) == 0
        return
    assert len(np.unique(found, axis=0)) == len(found) >= 1
    assert ((found == PATH).sum(1) == moves[goal] - 1).all()
    puzzles = np.tile(maze, (len(found), 1))
    assert MAZE.check(puzzles, found).all()
    assert (MAZE.conflicts(puzzles, found) == 0).all()
    np.testing.assert_array_equal(found[0], MAZE.first_path(maze[None])[0])
    _, ways = distances((maze != WALL).reshape(1, 10, 10), np.array([int((maze == START).argmax())]))
    assert min(len(found), 2) == ways.reshape(-1)[goal]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 3))
def test_check_agrees_with_conflicts(seed, changes):
    rng = np.random.default_rng(seed)
    maze = SOME[rng.integers(len(SOME))]
    answer = MAZE.first_path(maze[None])[0]
    for cell in rng.integers(100, size=changes):
        answer[cell] = rng.integers(0, 6)
    puzzles, answers = maze[None], answer[None]
    assert MAZE.check(puzzles, answers)[0] == (MAZE.conflicts(puzzles, answers)[0] == 0)
    assert MAZE.check(puzzles, answers)[0] == (answer == MAZE.first_path(maze[None])[0]).all()


def test_conflicts_are_counted():
    maze = MAZE.encode(RUN)[None]
    right = MAZE.first_path(maze)
    assert MAZE.conflicts(maze, maze)[0] == 2 + 23  # both ends touch nothing, and the whole path is missing
    broken = right.copy()
    broken[0, 1] = FREE  # the first cell of the path: one too few, start and second cell have an end each
    assert MAZE.conflicts(maze, broken)[0] == 3
    walled = np.where(maze == WALL, FREE, right).astype(np.uint8)
    assert MAZE.conflicts(maze, walled)[0] == RUN.count("#")


def test_a_path_that_is_no_shortest_one():
    text = "S" + " " * 8 + "G" + " " * 90
    maze = MAZE.encode(text)[None]
    answer = maze.copy()
    answer[0, [10, *range(10, 20)]] = PATH  # down, along the second row, up
    assert MAZE.conflicts(maze, answer)[0] == 2
    assert not MAZE.check(maze, answer)[0]
    answer = MAZE.first_path(maze)
    answer[0, [55, 56, 65, 66]] = PATH  # a ring beside the path: every cell of it touches two
    assert MAZE.conflicts(maze, answer)[0] == 4


def test_no_way_to_the_goal():
    closed = RUN[:89] + "#" + RUN[90:]
    maze = MAZE.encode(closed)
    assert MAZE.solutions(maze).shape == (0, 100)
    assert not MAZE.check(maze[None], MAZE.encode(RUN)[None])[0]


def test_start_beside_goal():
    maze = MAZE.encode("SG" + " " * 98)[None]
    assert MAZE.check(maze, maze)[0]
    np.testing.assert_array_equal(MAZE.solutions(maze[0]), maze)
    np.testing.assert_array_equal(MAZE.first_path(maze), maze)


def test_limit_and_budget():
    maze = MAZE.encode("S" + " " * 98 + "G")
    assert len(MAZE.solutions(maze, limit=7, budget=1_000)) == 7
    assert MAZE.solutions(maze, limit=0).shape == (0, 100)
    with pytest.raises(RuntimeError, match="more than 1000 nodes"):
        MAZE.solutions(maze, budget=1_000)


def test_augmented_targets_keep_the_rule():
    maze = MAZE.encode("S" + " " * 98 + "G")[None].repeat(8, 0)
    symmetry = MAZE.symmetry(np.random.default_rng(1), 8)
    seen, moved = MAZE.augment(symmetry, maze, MAZE.first_path(maze))
    assert MAZE.check(seen, moved).all()
    assert not (moved == MAZE.first_path(seen)).all()
    np.testing.assert_array_equal(MAZE.preferred(seen, moved), MAZE.first_path(seen))
    assert len(np.unique(seen, axis=0)) > 1


# generator ------------------------------------------------------------------------------------------------
def doors(open_cells: np.ndarray) -> np.ndarray:
    """Pairs of open cells beside each other, (B,)."""
    down, across = open_cells[:, 1:] & open_cells[:, :-1], open_cells[:, :, 1:] & open_cells[:, :, :-1]
    return down.sum((1, 2)) + across.sum((1, 2))


def test_corridors_are_trees():
    open_cells = corridors(np.random.default_rng(0), 50, 12)
    edges = (open_cells[:, 1:] & open_cells[:, :-1]).sum((1, 2)) + (open_cells[:, :, 1:] & open_cells[:, :, :-1]).sum(
        (1, 2)
    )
    cells = open_cells.sum((1, 2))
    np.testing.assert_array_equal(edges, cells - 1)
    for one, count in zip(open_cells, cells, strict=True):
        assert len(plain_distances(one, int(one.reshape(-1).argmax()))) == count


@pytest.mark.parametrize("n", [5, 10, 17, 30])
def test_winding_mazes_have_one_long_shortest_path(n):
    open_cells, start, goal = winding(np.random.default_rng(1), 60, n)
    assert len(start) > 5
    moves, ways = (found.reshape(len(start), -1) for found in distances(open_cells, start))
    each = np.arange(len(start))
    assert (moves[each, goal] >= least(n)).all()
    assert (ways[each, goal] == 1).all()
    loops = doors(open_cells) - open_cells.sum((1, 2)) + 1
    assert (loops > 0).mean() > 0.2


@pytest.mark.parametrize("n", [5, 10, 40])
def test_fields_have_distant_ends_and_often_several_paths(n):
    open_cells, start, goal = fields(np.random.default_rng(1), 60, n)
    assert len(start) > 5
    moves, ways = (found.reshape(len(start), -1) for found in distances(open_cells, start))
    each = np.arange(len(start))
    longest = moves.max(1)
    assert (moves[each, goal] >= np.maximum(least(n), 0.85 * longest)).all()
    assert (ways[each, goal] > 1).mean() > 0.3


def test_made_mazes_are_of_both_kinds():
    open_cells, start, goal = make(np.random.default_rng(1), 100, 12)
    _, ways = (found.reshape(len(start), -1) for found in distances(open_cells, start))
    assert 0.1 < (ways[np.arange(len(start)), goal] == 1).mean() < 0.9


def test_examples_have_the_first_shortest_path():
    for split in SPLITS:
        some = MAZE.examples(split, count=25)
        assert MAZE.check(some.inputs, some.targets).all()
        np.testing.assert_array_equal(some.targets, MAZE.first_path(some.inputs))


# published data -------------------------------------------------------------------------------------------
@needs_data
def test_the_builder_makes_the_published_arrays():
    some = Maze(30).read_examples(DATA / "maze_30x30_hard_train.csv.gz")
    sums = []
    for tokens in (some.inputs, some.targets):
        file = io.BytesIO()
        np.lib.format.write_array(file, tokens, version=(1, 0))
        sums.append(hashlib.sha256(file.getvalue()).hexdigest())
    assert sums == [
        "7a18d70e57ac0770ef392d1976a6c23b51f4acbff763bb1ef7c724a21b41dec4",
        "e9befbd171a2386da9218a940102df9c96a3401a7bd16c7cab107be16c1eeee8",
    ]
    np.testing.assert_array_equal(Maze(30).first_path(some.inputs), some.targets)


# directed relations in the network ------------------------------------------------------------------------------------
def test_directed_relations_lead_from_a_cell_to_the_one_a_move_further():
    matrices = relation_matrices(MAZE.spec)
    x = torch.arange(100.0)
    down, left, right, up = (matrix @ x for matrix in matrices)
    assert down[37] == 27
    assert left[37] == 38
    assert right[37] == 36
    assert up[37] == 47
    assert (down[:10] == 0).all()
    assert (right[::10] == 0).all()
    assert (left[9::10] == 0).all()
    assert (up[90:] == 0).all()


def test_diagonals_give_the_same_sums():
    x = torch.randn(3, 100, 5, generator=torch.Generator().manual_seed(0))
    for matrix in relation_matrices(MAZE.spec):
        banded = relation(matrix)
        assert isinstance(banded, Banded)
        torch.testing.assert_close(banded(x), Dense(matrix)(x))
    scattered_matrix = (torch.rand(100, 100, generator=torch.Generator().manual_seed(1)) < 0.5).float()
    assert isinstance(relation(scattered_matrix), Dense)
    several = torch.zeros(100, 100)
    several[[3, 50, 99], [4, 40, 2]] = torch.tensor([1.0, 2.0, 3.0])
    assert isinstance(relation(several), Banded)
    torch.testing.assert_close(relation(several)(x), Dense(several)(x))


def test_group_mixer_takes_groups_and_directed():
    spec = TaskSpec(name="x", length=4, vocabulary=3, relations=(((0, 1, 2),),), directed=(((0, 3), (1, 3)),))
    matrices = relation_matrices(spec)
    assert matrices[0].nonzero().tolist() == [[0, 1], [0, 2], [1, 0], [1, 2], [2, 0], [2, 1]]
    assert matrices[1].nonzero().tolist() == [[3, 0], [3, 1]]
    torch.testing.assert_close(matrices[1, 3, 0], torch.tensor(0.5).sqrt())
    assert GroupMixer(8, 2, matrices)(torch.ones(1, 4, 8)).shape == (1, 4, 8)


def test_generated_mazes_join_those_of_files(tmp_path):
    file = tmp_path / "mazes.csv"
    rows = [MAZE.decode(t).replace("\n", "") for t in (SOME[0], MAZE.first_path(SOME[:1])[0])]
    file.write_text(f"question,answer\n{rows[0]},{rows[1]}\n")
    together = training_examples(MAZE, (str(file),), 5)
    assert len(together) == 6
    np.testing.assert_array_equal(together.inputs[0], SOME[0])
    np.testing.assert_array_equal(together.targets_of(3)[0], MAZE.examples("train", count=5).targets_of(2)[0])
    assert len(training_examples(MAZE, (str(file),), 0)) == 1
    assert len(training_examples(tasks.task("queens-5"), (), 5)) > 6  # without files, the generator alone
