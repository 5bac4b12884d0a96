"""Graph coloring: counts of the literature, texts, rules, symmetries, random graphs."""

import itertools
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import places

from gram.tasks import solvers
from gram.tasks.coloring import EDGE, NO_EDGE, Coloring
from gram.tasks.spec import PAD, SPLITS

DATA = places.DATA / "graph_coloring"
DIMACS = DATA / "dimacs"
needs_data = pytest.mark.skipif(not DIMACS.is_dir(), reason=f"no graphs under {DIMACS}; set GRAM_DATA")
CYCLE = "1-2 2-3 3-4 4-5 1-5"


def masks_of_file(path):
    """Neighbor masks of a DIMACS file, read without the task."""
    lines = [line.split() for line in path.read_text().splitlines()]
    n = next(int(line[2]) for line in lines if line[0] == "p")
    masks = [0] * n
    for u, v in ((int(line[1]) - 1, int(line[2]) - 1) for line in lines if line[0] == "e"):
        masks[u] |= 1 << v
        masks[v] |= 1 << u
    return masks


@needs_data
@pytest.mark.parametrize(
    ("name", "k", "count"),
    [("myciel3", 3, 0), ("myciel3", 4, 12_480), ("myciel3", 5, 574_200), ("queen5_5", 4, 0), ("queen5_5", 5, 240)],
)
def test_labeled_colorings_of_dimacs_graphs(name, k, count):
    assert solvers.count_colorings(masks_of_file(DIMACS / f"{name}.col"), k) == count


@needs_data
def test_dimacs_file_is_one_puzzle():
    (text,) = Coloring(11, 4).read(DIMACS / "myciel3.col")
    task = Coloring(11, 4)
    puzzle = task.encode(text)
    assert (puzzle[: task.edges] == EDGE).sum() == 20
    assert len(task.solutions(puzzle)) == 12_480 // 24  # myciel3 needs 4 colors, so every coloring uses all
    assert Coloring(11).solutions(puzzle[:]).shape == (0, 66)
    np.testing.assert_array_equal(task.encode(task.show(puzzle)), puzzle)
    with pytest.raises(ValueError, match=r"11 vertices.*coloring-11"):
        Coloring(10, 3).encode((DIMACS / "myciel3.col").read_text())


@pytest.mark.parametrize(("n", "k"), [(5, 3), (6, 3), (7, 2), (6, 4)])
def test_chromatic_polynomials(n, k):
    cycle = [1 << (v + 1) % n | 1 << (v - 1) % n for v in range(n)]
    assert solvers.count_colorings(cycle, k) == (k - 1) ** n + (-1) ** n * (k - 1)
    assert solvers.count_colorings([0] * n, k) == k**n
    complete = [(1 << n) - 1 - (1 << v) for v in range(n)]
    assert solvers.count_colorings(complete, n) == len(list(itertools.permutations(range(n))))
    assert solvers.count_colorings(complete, n - 1) == 0


def brute_force_solutions(task, puzzle):
    """Canonical proper colorings, by trying all."""
    pairs = list(itertools.combinations(range(task.n), 2))
    edges = [pair for pair, token in zip(pairs, puzzle, strict=False) if token == EDGE]
    found = set()
    for colors in itertools.product(range(task.colors), repeat=task.n):
        if all(colors[u] != colors[v] for u, v in edges):
            names = {c: i for i, c in enumerate(dict.fromkeys(colors))}
            found.add(tuple(names[c] for c in colors))
    return sorted(found)


@settings(max_examples=25, deadline=None)
@given(st.integers(2, 6), st.integers(2, 4), st.integers(0, 2**32 - 1))
def test_solutions_against_brute_force(n, k, seed):
    task = Coloring(n, k)
    puzzles = task._puzzles(np.random.default_rng(seed).random((3, task.edges)) < 0.4)
    many, counts = solvers.colorings_of_many(task._adjacency(puzzles), k, most=10_000)
    assert counts.sum() == len(many)
    for puzzle, together in zip(puzzles, np.split(many, counts.cumsum()[:-1]), strict=True):
        answers = task.solutions(puzzle)
        assert [tuple(row) for row in (answers[:, task.edges :] - 3).tolist()] == brute_force_solutions(task, puzzle)
        np.testing.assert_array_equal(answers[:, task.edges :] - 2, together)
        assert (answers[:, : task.edges] == PAD).all()
        np.testing.assert_array_equal(task.canonical(answers), answers)


def test_graphs_with_too_many_colorings_are_given_up():
    task = Coloring(5)
    puzzles = np.stack([task.encode(CYCLE), task.encode("p edge 5 0"), task.encode(CYCLE)])
    colors, counts = solvers.colorings_of_many(task._adjacency(puzzles), 3, most=10)
    assert counts.tolist() == [5, -1, 5]
    assert len(colors) == 10


# text -----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "text",
    [
        CYCLE,
        "0-1 1-2 2-3 3-4 4-0",
        "1 2\n2 3\n4 3\n4 5 # the last but one\n\n5 1\n",
        "1-2, 2-3; 3-4,4-5\n1-5",
        "c a ring\np edge 5 5\ne 1 2\ne 2 3\ne 3 4\ne 4 5\ne 5 1\n",
        "p col 5 10\ne 1 2\ne 2 1\ne 2 3\ne 3 2\ne 3 4\ne 4 3\ne 4 5\ne 5 4\ne 5 1\ne 1 5",
    ],
)
def test_encode_reads_every_form(text):
    task = Coloring(5)
    tokens = task.encode(text)
    assert task.show(tokens) == "1-2 1-5 2-3 3-4 4-5"
    assert tokens.tolist() == [EDGE, NO_EDGE, NO_EDGE, EDGE, EDGE, NO_EDGE, NO_EDGE, EDGE, NO_EDGE, EDGE, *[6] * 5]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "p edge N 0"),
        ("0-1 1-5", "no vertex 5: the vertices are 0 to 4, since a 0 occurs"),
        ("1-2 1-6", "no vertex 6: the vertices are 1 to 5"),
        ("1-2 3-3", "The edge 3-3 joins a vertex to itself"),
        ("1-2 a-3", "'a-3' is no edge"),
        ("1-2-3", "'1-2-3' is no edge"),
        ("1 2 3 4", "'1' is no edge"),
        ("p edge 6 1\ne 1 2", "6 vertices; give it to coloring-8"),
        ("e 1 2", "no line 'p edge 5 M'"),
        ("p edge 5 1\ne 1", "Line 2 of the DIMACS text, 'e 1'"),
        ("p edge 5 1\ne 0 1", "no vertex 0: the vertices are 1 to 5"),
        ("p edge 5 1\ne 2 2", "The edge 2-2 joins a vertex to itself"),
    ],
)
def test_encode_says_what_is_wrong(text, sentence):
    with pytest.raises(ValueError, match=re.escape(sentence)):
        Coloring(5).encode(text)


def test_other_number_of_colors_names_the_fitting_task():
    with pytest.raises(ValueError, match="coloring-6-k4"):
        Coloring(5, 4).encode("p edge 6 1\ne 1 2")


@pytest.mark.parametrize("wrong", [{"n": 1}, {"n": 25}, {"n": 5, "colors": 1}, {"n": 5, "colors": 9}])
def test_sizes(wrong):
    with pytest.raises(ValueError, match="not"):
        Coloring(**wrong)
    with pytest.raises(ValueError, match="edge_probability"):
        Coloring(5, edge_probability=1.0)


@settings(max_examples=40, deadline=None)
@given(st.integers(2, 24), st.floats(0.01, 0.9), st.integers(0, 2**32 - 1))
def test_show_and_encode_round_trip(n, p, seed):
    task = Coloring(n)
    (puzzle,) = task._puzzles(np.random.default_rng(seed).random((1, task.edges)) < p)
    np.testing.assert_array_equal(task.encode(task.show(puzzle)), puzzle)


def test_decode_and_render():
    task = Coloring(5)
    puzzle = task.encode(CYCLE)
    answer = task.solutions(puzzle)[0]
    assert task.decode(answer) == "1 2 1 2 3"
    assert task.decode(puzzle) == ". . . . ."
    assert ";7m" not in task.render(puzzle, answer)
    answer[-1] = answer[-2]
    assert task.render(puzzle, answer).count(";7m") == 2  # the bad edge, seen from both its ends
    assert len(task.render(puzzle).splitlines()) == 5


def test_read(tmp_path):
    file = tmp_path / "graphs.txt"
    file.write_text(f"# three graphs\n{CYCLE}\n\n1-2 2-3  # a path\np edge 5 0\n")
    assert list(Coloring(5).read(file)) == ["1-2 1-5 2-3 3-4 4-5", "1-2 2-3", "p edge 5 0"]
    file.write_text("c one graph\np edge 5 1\ne 1 2\n")
    assert list(Coloring(5).read(file)) == ["1-2"]


# rules ----------------------------------------------------------------------------------------------------
@settings(max_examples=60, deadline=None)
@given(st.integers(2, 7), st.integers(2, 5), st.integers(0, 2**32 - 1))
def test_conflicts_against_brute_force(n, k, seed):
    task = Coloring(n, k)
    rng = np.random.default_rng(seed)
    puzzles = task._puzzles(rng.random((4, task.edges)) < 0.5)
    answers = rng.integers(0, task.spec.vocabulary, puzzles.shape).astype(np.uint8)
    expected = []
    for puzzle, answer in zip(puzzles, answers, strict=True):
        colors = [c if 3 <= c < 3 + k else None for c in answer[task.edges :].tolist()]
        pairs = itertools.combinations(range(n), 2)
        same = [colors[u] == colors[v] is not None for e, (u, v) in enumerate(pairs) if puzzle[e] == EDGE]
        expected.append(sum(same) + colors.count(None))
    assert task.conflicts(puzzles, answers).tolist() == expected


def test_renamed_colors_are_still_right():
    task = Coloring(5)
    puzzle = task.encode(CYCLE)
    answers = task.solutions(puzzle)
    renamed = np.where(answers >= 3, 3 + (answers - 3 + 1) % 3, answers).astype(np.uint8)
    assert task.check(np.tile(puzzle, (len(answers), 1)), renamed).all()
    np.testing.assert_array_equal(task.canonical(renamed), answers)


def test_canonical_keeps_what_is_no_color():
    task = Coloring(4)
    answers = np.array([[1, 2, 1, 2, 1, 2, 5, 0, 5, 3], [0, 0, 0, 0, 0, 0, 6, 4, 1, 4]], np.uint8)
    expected = [[1, 2, 1, 2, 1, 2, 3, 0, 3, 4], [0, 0, 0, 0, 0, 0, 6, 3, 1, 3]]
    assert task.canonical(answers).tolist() == expected


def test_limit_and_budget():
    task = Coloring(8)
    puzzle = task.encode("p edge 8 0")
    everything = task.solutions(puzzle)
    assert len(everything) == (3**7 + 1) // 2
    np.testing.assert_array_equal(task.solutions(puzzle, limit=7), everything[:7])
    with pytest.raises(RuntimeError, match="more than 100 nodes"):
        task.solutions(puzzle, budget=100)


def test_relations_are_stars_and_vertices():
    stars, vertices = Coloring(4).spec.relations
    assert stars[0] == (0, 1, 2, 6)
    assert stars[2] == (1, 3, 5, 8)
    assert vertices == ((6, 7, 8, 9),)


# data -----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("n", "train", "test"), [(8, 7_002, 255), (10, 13_465, 192)])
def test_published_sizes(n, train, test):
    task = Coloring(n)
    splits = {split: task.examples(split) for split in SPLITS}
    assert [len(splits[split]) for split in SPLITS] == [train, test, test]
    inputs = np.concatenate([splits[split].inputs for split in SPLITS])
    assert len(np.unique(inputs, axis=0)) == len(inputs)
    some = splits["test"]
    assert task.check(np.repeat(some.inputs, some.counts, 0), some.targets).all()
    for i in range(40):
        np.testing.assert_array_equal(some.targets_of(i), task.solutions(some.inputs[i]))


def test_edge_probability():
    few, many = (Coloring(8, 3, p).examples("dev", count=100).inputs for p in (0.3, 0.5))
    assert (few == EDGE).sum() < (many == EDGE).sum()


def test_tiny_graphs_run_out_and_large_dense_ones_are_refused():
    # on 3 vertices all 8 graphs can be colored
    assert sum(len(Coloring(3).examples(split)) for split in SPLITS) == 8
    with pytest.raises(ValueError, match="choose another edge_probability or fewer examples"):
        Coloring(24, 2, 0.9).examples("test", count=1)
