"""Files as people have them: each kind is read right, or refused with both readings named."""

import gzip
import io
import json
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from support.boards import MAZE
from support.places import DATA

from gram import tasks
from gram.console.inputs import of_file
from gram.tasks.reading.content import of_texts, opened

CASES = DATA.parent / "cases"


def understood(tmp_path, task: str, data: str | bytes, name: str = "file.txt", **options):
    """What is found in a file of that content."""
    file = tmp_path / name
    file.write_bytes(data.encode() if isinstance(data, str) else data)
    return of_file(tasks.task(task), file, **options)


# graphs ---------------------------------------------------------------------------------------------------
PATH = ["1-2 2-3 3-4"]
GRAPHML = """<?xml version="1.0"?><graphml xmlns="http://graphml.graphdrawing.org/xmlns">
<graph edgedefault="undirected">
<node id="n0"/><node id="n1"/><node id="n2"/><node id="n3"/>
<edge source="n0" target="n1"/><edge source="n1" target="n2"/><edge source="n2" target="n3"/></graph></graphml>"""
GRAPHS = {
    "one edge a line": ("1 2\n2 3\n3 4\n", PATH),
    "with hyphens": ("1-2\n2-3\n3-4\n", PATH),
    "comments of all kinds": ("# a path\n% of\n// four\n1 2 # one\n2,3\n3;4\n", PATH),
    "a header from 0": ("8 3\n0 1\n1 2\n2 3\n", PATH),
    "a header of vertices": ("5\n1 2\n2 3\n3 4\n", PATH),
    "a header over weights": ("8 3\n1 2 7\n2 3 7\n3 4 7\n", PATH),
    "weights": ("1 2 1.0\n2 3 0.5\n3 4 2e1\n", PATH),
    "weights that are no vertices": ("1 2 10\n2 3 20\n3 4 30\n", PATH),
    "counted from 0": ("0 1\n1 2\n2 3\n", PATH),
    "a graph a line": ("1-2 2-3 3-4\n1-8\n", [*PATH, "1-8"]),
    "one base for all lines": ("0-1 1-2 2-3\n3-4\n", [*PATH, "4-5"]),
    "CSV of edges": ("Source,Target,Weight\n1,2,1.5\n2,3,1\n3,4,1\n", PATH),
    "tabs": ("1\t2\n2\t3\n3\t4\n", PATH),
    "SNAP": ("# Nodes: 4 Edges: 3\n# FromNodeId\tToNodeId\n101\t205\n205\t307\n307\t900\n", PATH),
    "NCOL": ("ann bob\nbob cid 2.5\ncid dan\n", PATH),
    "adjacency matrix": ("0 1 0 0\n1 0 1 0\n0 1 0 1\n0 0 1 0\n", PATH),
    "two headers": ("8 3\n0 1\n1 2\n2 3\n\n8 1\n0 4\n", [*PATH, "1-5"]),
    "DIMACS, all lines": ("c x\np col 8 3\nd 2 3 4\nv 0 1\nx 1 2\nn 1 5\ne 1 2\ne 2 3 9\ne 3 4\n", PATH),
    "two DIMACS graphs": ("p edge 8 3\ne 1 2\ne 2 3\ne 3 4\np edge 8 1\ne 1 8\n", [*PATH, "1-8"]),
    "DIMACS of arcs": ("p sp 4 3\na 1 2 9\na 2 3 9\na 3 4 9\n", PATH),
    "GraphML": (GRAPHML, PATH),
    "own output": ('{"puzzle": "1-2 2-3 3-4", "answer": "1 2 1 2"}\n{"puzzle": "1-8"}\n', [*PATH, "1-8"]),
    "JSON texts": ('["1-2 2-3 3-4", "1-8"]', [*PATH, "1-8"]),
    "JSON pairs": ("[[1, 2], [2, 3], [3, 4]]", PATH),
    "JSON graphs": ("[[[1, 2], [2, 3], [3, 4]], [[1, 8]]]", [*PATH, "1-8"]),
    "JSON of networkx": (
        '{"directed": false, "nodes": [{"id": 0}, {"id": 1}, {"id": 2}, {"id": 3}],'
        '"edges": [{"source": 0, "target": 1}, {"source": 1, "target": 2}, {"source": 2, "target": 3}]}',
        PATH,
    ),
    "CSV of graphs": ("id,Graph\n1,1-2 2-3 3-4\n2,1-8\n", [*PATH, "1-8"]),
}
DOT = "graph g { a -- b; b -- c; c -- d; }"


@pytest.mark.parametrize("case", GRAPHS)
def test_graphs(tmp_path, case):
    text, expected = GRAPHS[case]
    assert understood(tmp_path, "coloring-8", text).puzzles == expected


def test_dot(tmp_path):
    pytest.importorskip("pydot", reason="the extra graphs is not installed")
    assert understood(tmp_path, "coloring-8", DOT, "g.dot").puzzles == PATH
    assert understood(tmp_path, "coloring-8", DOT).puzzles == PATH


TWO_READINGS = {
    "header or edge": ("8 3\n1 2\n2 3\n3 4\n", ("8 vertices and 3 edges", "could be an edge")),
    "headers or edges": ("5 1\n1 2\n4 2\n1 2\n3 4\n", ("2 graphs", "could be an edge")),
    "blank lines": ("1 2\n2 3\n\n1 2\n", ("one graph, or 2",)),
    "blank lines and hyphens": ("1-2\n2-3\n\n1-2\n", ("one graph, or several",)),
    "weight or vertex": ("1 2 3\n2 3 4\n", ("weight", "one more vertex")),
    "0 and the last": ("0-1 1-2\n7-8\n", ("no vertex 8", "since a 0 occurs")),
    "a matrix of two or edges": ("[[0, 1], [1, 0]]", ("edges", "matrix")),
    "an asymmetric matrix": ("0 1 0\n0 0 1\n0 0 0\n", ("not symmetric",)),
    "two columns": ("puzzle,graph\n1-2,1-3\n", ("'puzzle'", "'graph'")),
    "words": ("hello big\nold world out\n", ("no weight",)),
    "entities": ('<!DOCTYPE a [<!ENTITY b "c">]>' + GRAPHML, ("entities",)),
}


@pytest.mark.parametrize("case", TWO_READINGS)
def test_refused_graphs(tmp_path, case):
    text, parts = TWO_READINGS[case]
    with pytest.raises(ValueError, match=r".") as refused:
        list(map(tasks.task("coloring-8").encode, understood(tmp_path, "coloring-8", text).puzzles))
    assert all(part in str(refused.value) for part in parts), refused.value


SEVERAL = {
    "a graph a line": ("1-2 2-3\n1-x 2-3\n3-4 1-4\n1-99 2-3\n", ["'1-x' is no edge", "There is no vertex 99"]),
    "DIMACS": (
        "p edge 3 1\ne 1 2\np edge 4 2\ne 1 2\ne 2 x\np edge 99 1\ne 1 2\np edge 3 1\ne 2 3\n",
        ["Line 5 of the DIMACS text, 'e 2 x'", "The graph has 99 vertices"],
    ),
    "JSON": ("[[[1, 2], [2, 3], [3, 4]], [[1, 1], [2, 3], [1, 2]], [[1, 3], [1, 4], [1, 5]]]", ["joins a vertex to"]),
    "CSV": ("id;graph\n1;1-2\n2;5-99\n3;1-3\n", ["There is no vertex 99"]),
    "CSV with text": ("id,graph\n1,1-2\n2,none\n3,1-3\n", ["'none' is no edge"]),
    "from 0": ("0-1 1-2\n7-8 1-2\n6-7 1-2\n", ["There is no vertex 8: the vertices are 0 to 7, since a 0 occurs"]),
    "a 0 that cannot be read": ("1-2 2-3\n0-x 1-2\n7-8 1-2\n6-7 1-2\n", ["'0-x' is no edge", "no vertex 8"]),
}


@pytest.mark.parametrize("case", SEVERAL)
def test_bad_graphs_among_others_are_refused_alone(tmp_path, case):
    text, sentences = SEVERAL[case]
    task, wrong, read = tasks.task("coloring-8"), [], 0
    for graph in understood(tmp_path, "coloring-8", text).puzzles:
        try:
            task.encode(graph)
            read += 1
        except ValueError as error:
            wrong.append(str(error))
    assert read == 2
    assert len(wrong) == len(sentences)
    for why, sentence in zip(wrong, sentences, strict=True):
        assert sentence in why


def test_skip_bad_leaves_out_bad_graphs(gram, tmp_path):
    path = tmp_path / "graphs.txt"
    path.write_text("1-2 2-3\n1-x 2-3\n3-4 1-4\n")
    ran = gram("solve", "coloring-8", "--input", path, "--skip-bad", "--json")
    assert (ran.code, [json.loads(line)["number"] for line in ran.out.splitlines()]) == (2, [1, 3])
    assert "Puzzle 2 is" in ran.err
    assert "'1-x'" in ran.err
    ran = gram("solve", "coloring-8", "--input", path)
    assert (ran.code, ran.out) == (2, "")
    assert "Puzzle 2: '1-x' is no edge" in ran.err


@pytest.mark.parametrize(
    ("task", "puzzle", "advice"),
    [
        ("coloring-8", "p edge 9 1\ne 1 9", "give it to coloring-10, which fills it up"),
        ("coloring-8", "p edge 10 1\ne 1 9", "give it to coloring-10."),
        ("coloring-10", "p edge 12 1\ne 1 9", "train weights for it with `gram train coloring-12 --out DIR`"),
        ("coloring-8", "p edge 99 1\ne 1 9", "tasks have up to 24"),
        ("maze-10", "/".join(["S" + "." * 10, *["." * 11] * 9, "." * 10 + "G"]), "give it to maze-30, which fills it"),
        ("maze-40", "/".join(["S" + "." * 40, *["." * 41] * 39, "." * 40 + "G"]), "tasks have up to 40"),
    ],
)
def test_what_is_too_large_is_told_a_task_that_has_weights(task, puzzle, advice):
    with pytest.raises(ValueError, match=re.escape(advice)):
        tasks.task(task).encode(puzzle.replace("/", "\n"))


@pytest.mark.parametrize(
    ("task", "puzzle", "advice"),
    [
        ("coloring-5", "1-2", ("coloring-8", "gram train coloring-5 --out DIR")),
        ("coloring-9", "1-2", ("coloring-10", "gram train coloring-9 --out DIR", "minutes")),
        ("coloring-12", "1-2", ("train some with `gram train coloring-12 --out DIR`", "minutes")),
        ("queens-6", "." * 36, ("train some with `gram train queens-6 --out DIR`, which takes",)),
    ],
)
def test_where_no_weights_fit_the_command_is_named(gram, task, puzzle, advice):
    ran = gram("solve", task, puzzle.replace("/", "\n"))
    assert ran.code == 2
    assert all(part in ran.err for part in advice), ran.err
    assert ("coloring-8" in ran.err) == ("coloring-8" in advice[0])


def test_where_vertices_count_from(tmp_path):
    """Ten vertices 0 to 9 with vertex 0 isolated cannot be told from those that count from 1: it is said."""
    text = "1-9\n2-3\n3-4\n4-5\n5-6\n6-7\n7-8\n8-9\n1-2\n"
    found = understood(tmp_path, "coloring-10", text)
    assert found.puzzles == ["1-2 1-9 2-3 3-4 4-5 5-6 6-7 7-8 8-9"]
    assert found.notes[0] == "1 graph, 10 vertices counted from 1, 9 edges"
    assert "--base 0" in found.notes[1]
    moved = understood(tmp_path, "coloring-10", text, base=0)
    assert moved.puzzles == ["2-3 2-10 3-4 4-5 5-6 6-7 7-8 8-9 9-10"]
    assert moved.notes == ("1 graph, 10 vertices counted from 0, 9 edges",)
    with pytest.raises(ValueError, match="no vertex 0"):
        understood(tmp_path, "coloring-10", "0 1\n", base=1)
    assert understood(tmp_path, "coloring-8", "p edge 8 1\ne 0 7\n", base=0).puzzles == ["1-8"]


def test_smaller_graphs_are_filled_and_wrong_counts_are_said(tmp_path):
    found = understood(tmp_path, "coloring-8", "p edge 5 2\ne 1 5\ne 1 2\n")
    assert found.puzzles == ["1-2 1-5"]
    assert found.notes[0] == "1 graph, 5 vertices counted from 1, 2 edges"
    assert "up to 8" in found.notes[1]
    assert not found.warnings
    assert "12" in understood(tmp_path, "coloring-8", "p edge 8 12\ne 1 2\n").warnings[0]
    with pytest.warns(UserWarning, match="12"):
        tasks.task("coloring-8").encode("p edge 8 12\ne 1 2\n")


def test_arrays_of_graphs(tmp_path):
    path = np.eye(4, k=1) + np.eye(4, k=-1)
    for array, expected in (
        (path, PATH),
        (np.stack([path, path]), PATH * 2),
        (np.array([[0, 1], [1, 2], [2, 3]]), PATH),
    ):
        np.save(tmp_path / "g.npy", array)
        assert of_file(tasks.task("coloring-8"), tmp_path / "g.npy").puzzles == expected


# Sudoku ---------------------------------------------------------------------------------------------------
NINE = "1...4..87846..9....2.1..........6.59..8..3.1.6..98.7...8..21.6...5.9.2312........"
SOLVED = "159642387846739125723158496374216859598473612612985743987321564465897231231564978"
ROWS = [NINE[i : i + 9] for i in range(0, 81, 9)]
ZEROS = NINE.replace(".", "0")


def framed(corner: str, bar: str, blank: str = ".") -> str:
    """Rows in a frame, as printers draw them."""
    rule = corner + corner.join([bar * 7] * 3) + corner
    lines = ["| " + " | ".join(" ".join(row[c : c + 3]) for c in (0, 3, 6)) + " |" for row in ROWS]
    lines = [line.replace(".", blank) for line in lines]
    return "\n".join([rule, *lines[:3], rule, *lines[3:6], rule, *lines[6:], rule]) + "\n"


def candidates() -> list[list[str]]:
    """What each cell may hold by the givens, row by row."""
    cells = np.arange(81).reshape(9, 9)
    units = [*cells, *cells.T, *cells.reshape(3, 3, 3, 3).swapaxes(1, 2).reshape(9, 9)]
    found = []
    for cell, given in enumerate(NINE):
        near = {NINE[other] for unit in units if cell in unit for other in unit}
        found.append(given if given != "." else "".join(d for d in "123456789" if d not in near))
    return [found[i : i + 9] for i in range(0, 81, 9)]


def every_digit() -> str:
    """The same as 729 characters."""
    return "".join(d if d in cell else "." for row in candidates() for cell in row for d in "123456789")


SUDOKU = {
    **{f"{blank} for a blank": (NINE.replace(".", blank), 1) for blank in "0_-*?xX"},
    "two a line each": (f"{NINE}\n{ZEROS}\n", 2),
    "rows": ("\n".join(ROWS), 1),
    "rows with dashes": ("\n".join(ROWS).replace(".", "-"), 1),
    "rows of cells apart": ("\n".join(" ".join(row) for row in ROWS), 1),
    "commas": ("\n".join(",".join(row) for row in ROWS).replace(".", "0"), 1),
    "empty fields are no blanks, zeros are": (",".join(ZEROS), 1),
    "spaces for blanks": ("\n".join(ROWS).replace(".", " "), 1),
    "frame of ASCII": (framed("+", "-"), 1),
    "frame of stars": (framed("*", "-"), 1),
    "frame of dots": (framed(".", "-", "0"), 1),
    "frame of =": (framed("|", "="), 1),
    "frame of - only": (framed("-", "-"), 1),
    "frame with dashes for blanks": (framed("+", "-", "-"), 1),
    "two frames": (framed("+", "-") + "\n" + framed("+", "-"), 2),
    "box drawing": (framed("┼", "─").replace("|", "│"), 1),
    "comments": (f"# a\n{NINE} # easy\n// b\n; c\n", 1),
    "labels": ("Grid 01\n" + "\n".join(ROWS) + "\nGrid 02\n" + "\n".join(ROWS).replace(".", "0"), 2),
    "SadMan": ("#ANobody\n#DExample\n[Puzzle]\n" + "\n".join(ROWS) + "\n[State]\n" + "\n".join(["1" * 9] * 9), 1),
    "hash and rating": (f"0000183b305c {ZEROS}  1.2\n0000183b305d {ZEROS}  7.1\n", 2),
    "bank with semicolons": (f"{NINE};ED=1.2/1.2/1.2\n", 1),
    "puzzle and solution": (f"{NINE} {SOLVED}\n", 1),
    "CSV without header": (f"7,{ZEROS},{SOLVED}\n8,{ZEROS},{SOLVED}\n", 2),
    "CSV of Kaggle": (f"quizzes,solutions\n{ZEROS},{SOLVED}\n", 1),
    "CSV in capitals": (f"ID;Puzzle;Solution\n1;{NINE};{SOLVED}\n", 1),
    "CSV with tabs": (f"question\tanswer\trating\n{NINE}\t{SOLVED}\t9\n", 1),
    "CSV in quotes": (f'"puzzle"\n"{NINE}"\n', 1),
    "CSV of another header": (f"unsolved grid,solved grid\n{NINE},{SOLVED}\n", 1),
    "own output": (json.dumps({"puzzle": NINE, "answer": SOLVED}) + "\n", 1),
    "JSON texts": (json.dumps([NINE, ZEROS]), 2),
    "JSON rows of texts": (json.dumps(ROWS), 1),
    "JSON of numbers": (json.dumps([[int(c) for c in row.replace(".", "0")] for row in ROWS]), 1),
    "JSON with null": (json.dumps({"board": [[None if c == "." else int(c) for c in row] for row in ROWS]}), 1),
    "JSON of boards": (json.dumps([[list(row) for row in ROWS]] * 3), 3),
    "JSON flat": (json.dumps([int(c) for c in ZEROS]), 1),
    "OpenSudoku": (f"<?xml version='1.0'?><opensudoku><game data='{ZEROS}'/><game data='{ZEROS}'/></opensudoku>", 2),
}


@pytest.mark.parametrize("case", SUDOKU)
def test_sudoku(tmp_path, case):
    text, count = SUDOKU[case]
    task = tasks.task("sudoku-9")
    found = understood(tmp_path, "sudoku-9", text)
    assert [task.show(task.encode(puzzle)) for puzzle in found.puzzles] == [NINE] * count


def test_four_boards_are_not_one(tmp_path):
    text = "1--2-3------4---\n--3-4------12---\n2------1-4-3----\n-4-3--2----1----\n"
    for blank in "-.x":
        found = understood(tmp_path, "sudoku-4", text.replace("-", blank))
        assert found.puzzles == text.replace("-", ".").split()
    with pytest.raises(ValueError, match=r"two ways, 1 .* or 4 \(where a space is a blank\)"):
        understood(tmp_path, "sudoku-4", text.replace("-", " "))


@pytest.mark.parametrize(
    "text",
    [
        every_digit(),
        every_digit().replace(".", "0"),
        "\n".join(f"| {' '.join(row)} |" for row in candidates()),
        framed("+", "-").split("\n")[0] + "\n" + "\n".join(" ".join(row) for row in candidates()),
    ],
)
def test_candidates(tmp_path, text):
    """A cell that may hold one digit only is given."""
    (puzzle,) = understood(tmp_path, "sudoku-9", text).puzzles
    task = tasks.task("sudoku-9")
    assert task.show(task.encode(puzzle)) == "".join(c if len(c) == 1 else "." for row in candidates() for c in row)


REFUSED_SUDOKU = {
    "two boards on a line": (f"{NINE} {NINE[::-1]}\n", "two boards"),
    "nine rows or eleven of dashes": ("---------\n" * 99, "."),
    "a row is missing": ("\n".join(ROWS[:8]), "8 of its 9 rows"),
    "no cell": (NINE.replace("1", "a"), "'a' in row 1"),
    "another size": ("1...............", "expected a puzzle of 81 or a row of 9 cells, got 16"),
    "marks that say more": (every_digit().replace("1", ".", 20), "candidate"),
    "two columns": (f"puzzle,quiz\n{NINE},{NINE}\n", "'puzzle' and 'quiz'"),
    "objects without puzzles": ('[{"a": 1}]', "is no puzzle"),
    "numbers that are no cells": (json.dumps([[10] * 9] * 9), "no cell"),
    "true": (json.dumps([[True] * 9] * 9), "no cell"),
    "XML of entities": ("<!DOCTYPE a [<!ENTITY b 'c'>]><opensudoku/>", "entities"),
    "other XML": ("<html><p>1</p></html>", "OpenSudoku"),
}


@pytest.mark.parametrize("case", REFUSED_SUDOKU)
def test_refused_sudoku(tmp_path, case):
    text, sentence = REFUSED_SUDOKU[case]
    with pytest.raises(ValueError, match=sentence):
        [tasks.task("sudoku-9").encode(puzzle) for puzzle in understood(tmp_path, "sudoku-9", text).puzzles]


def test_arrays_of_sudoku(tmp_path):
    digits = np.array([int(c) for c in ZEROS])
    task = tasks.task("sudoku-9")

    def read(**arrays):
        np.savez(tmp_path / "a.npz", **arrays)
        return of_file(task, tmp_path / "a.npz").puzzles

    for array in (digits, digits[None], digits.reshape(9, 9), digits.reshape(1, 9, 9).astype(float), digits[None] + 1):
        assert read(quizzes=array, solutions=array * 0) == [NINE]
    folder = tmp_path / "set" / "train"
    folder.mkdir(parents=True)
    np.save(folder / "all__inputs.npy", np.stack([digits + 1] * 2))
    np.save(folder / "all__labels.npy", np.stack([digits + 1] * 2))
    assert of_file(task, folder.parent).puzzles == of_file(task, folder).puzzles == [NINE] * 2
    (tmp_path / "set" / "test").mkdir()
    np.save(tmp_path / "set" / "test" / "all__inputs.npy", digits[None] + 1)
    with pytest.raises(ValueError, match=r"test and .*train"):
        of_file(task, folder.parent)
    with pytest.raises(ValueError, match="complete boards of digits, or tokens"):
        read(a=np.array([int(c) for c in SOLVED]))
    with pytest.raises(ValueError, match="name one of them"):
        read(a=digits, b=digits)
    for wrong in (digits[:80], digits + 0.5, digits - 1, digits * 1000, digits.astype("S1").reshape(9, 9)[:8]):
        with pytest.raises(ValueError, match=r"array|tokens|no cell"):
            read(a=wrong)


# queens ---------------------------------------------------------------------------------------------------
PLACED = "...Q..../Q......./....Q.../.......Q/.....Q../..Q...../......Q./.Q......"
ONE = "......../......../......../......../......../......../......../.Q......"
QUEENS = {
    "rows": (PLACED.replace("/", "\n"), [PLACED]),
    "spaced": (" ".join(ONE).replace(" / ", "\n"), [ONE]),
    "a frame": ("+--------+\n|" + ONE.replace("/", "|\n|") + "|\n+--------+\n", [ONE]),
    "dashes": (ONE.replace(".", "-").replace("/", "\n"), [ONE]),
    "0 and 1": (" ".join(ONE.replace(".", "0").replace("Q", "1")).replace(" / ", "\n"), [ONE]),
    "0 and 1 with commas": (",".join(ONE.replace(".", "0").replace("Q", "1")).replace(",/,", "\n"), [ONE]),
    "signs": (ONE.replace("Q", "♛").replace(".", "·").replace("/", "\n"), [ONE]),
    "columns from 1": ("4 1 5 8 6 3 7 2\n", [PLACED]),
    "columns from 0": ("3 0 4 7 5 2 6 1\n3,0,4,7,5,2,6,1\n", [PLACED] * 2),
    "columns in one run": ("41586372\n", [PLACED]),
    "columns of some rows": (". . . 8 . . . .\n", ["/".join(["........"] * 3 + [".......Q"] + ["........"] * 4)]),
    "FEN": ("3q4/q7/4q3/7q/5q2/2q5/6q1/1q6 w - - 0 1\n8/8/8/8/8/8/8/1Q6\n", [PLACED, ONE]),
    "LeetCode": (json.dumps([PLACED.split("/"), ONE.split("/")]), [PLACED, ONE]),
    "JSON of 0 and 1": (json.dumps([[int(c == "Q") for c in row] for row in ONE.split("/")]), [ONE]),
    "JSON of columns": ("[[4, 1, 5, 8, 6, 3, 7, 2], [null, null, null, 8, null, null, null, null]]", 2),
    "CSV": (f"id,board\n1,{ONE}\n", [ONE]),
}
REFUSED_QUEENS = {
    "columns from 0 or 1": ("2 4 . . . . . .\n", "from 0 or from 1"),
    "0 or no queen": ("0 0 8 0 0 0 0 0\n", "first column, or a row without queen"),
    "another piece": ("8/8/8/8/8/8/8/1K6\n", "line 1"),
    "letters and 1": (ONE.replace(".", "1", 1), "'1' at row 1"),
}


@pytest.mark.parametrize("case", QUEENS)
def test_queens(tmp_path, case):
    text, expected = QUEENS[case]
    task = tasks.task("queens-8")
    found = [task.show(task.encode(puzzle)) for puzzle in understood(tmp_path, "queens-8", text).puzzles]
    assert found == expected or len(found) == expected


@pytest.mark.parametrize("case", REFUSED_QUEENS)
def test_refused_queens(tmp_path, case):
    text, sentence = REFUSED_QUEENS[case]
    with pytest.raises(ValueError, match=sentence):
        [tasks.task("queens-8").encode(puzzle) for puzzle in understood(tmp_path, "queens-8", text).puzzles]


def test_a_long_run_of_digits_is_no_slow_fen(tmp_path):
    """A nested repetition took for ever here: found by the fuzzer."""
    found = understood(tmp_path, "queens-8", "0" * 64 + "\n" + "0" * 63 + "1\n")
    assert found.puzzles == ["." * 64, "." * 63 + "Q"]


def test_arrays_of_queens(tmp_path):
    task, cells = tasks.task("queens-8"), np.array([c == "Q" for c in PLACED if c != "/"])
    columns = np.array([3, 0, 4, 7, 5, 2, 6, 1])
    for array in (cells, cells.astype(int), cells[None] + 1, cells.reshape(8, 8) * 1.0, columns, columns[None] + 1):
        np.save(tmp_path / "q.npy", array)
        assert [task.show(task.encode(p)) for p in of_file(task, tmp_path / "q.npy").puzzles] == [PLACED]


# mazes ----------------------------------------------------------------------------------------------------
TEXT = "\n".join(MAZE)
INNER = ["S #", "  G", "## "]
SMALL = "/".join([*(row + "#" * 7 for row in INNER), *["#" * 10] * 7])
DRAWN = """
+---+---+---+---+---+
| S |               |
+   +   +---+---+   +
|       |           |
+---+---+   +---+---+
|           |     G |
+   +---+---+   +---+
|                   |
+---+---+---+   +---+
|                   |
+---+---+---+---+---+
""".strip()
WALLED = """
S#       #
 # ##### #
   #     #
#### #####
     #  G#
 ##### ###
         #
###### ###
         #
##########
""".strip("\n")
MAZES = {
    "as it is": (TEXT, TEXT),
    "E for the goal": (TEXT.replace("G", "E"), TEXT),
    "stripped ends": ("\n".join(row.rstrip() for row in MAZE), TEXT),
    "dots": (TEXT.replace(" ", "."), TEXT),
    "blocks": (TEXT.replace("#", "█"), TEXT),
    "blocks of two": ("\n".join("".join(c * 2 for c in row) for row in MAZE).replace("#", "█"), TEXT),
    "our picture": ("RENDER", TEXT),
    "spaced": ("\n".join(" ".join(row) for row in MAZE).replace("  ", " .").replace("  ", " ."), None),
    "0 and 1": (TEXT.replace(" ", "0").replace("#", "1"), TEXT),
    "1 and 0": (TEXT.replace(" ", "1").replace("#", "0"), TEXT),
    "a frame": ("┌" + "─" * 10 + "┐\n│" + TEXT.replace("\n", "│\n│") + "│\n└" + "─" * 10 + "┘", TEXT),
    "a border of walls": ("#" * 12 + "\n#" + TEXT.replace("\n", "#\n#") + "#\n" + "#" * 12, TEXT),
    "walls between cells": (DRAWN, WALLED),
    "a smaller one": ("\n".join(INNER), SMALL.replace("/", "\n")),
    "JSON rows": (json.dumps(MAZE), TEXT),
    "JSON of numbers": (json.dumps([[" #SG".index(c) for c in row] for row in MAZE]), TEXT),
    "CSV": (f"Question;x\n{TEXT.replace(chr(10), '')};1\n", TEXT),
}


@pytest.mark.parametrize("case", MAZES)
def test_mazes(tmp_path, case):
    text, expected = MAZES[case]
    task = tasks.task("maze-10")
    if text == "RENDER":
        text = task.render(task.encode(TEXT))
    if expected is None:
        text, expected = "\n".join(" ".join(row.replace(" ", ".")) for row in MAZE), TEXT
    (puzzle,) = understood(tmp_path, "maze-10", text).puzzles
    assert task.decode(task.encode(puzzle)) == expected


def test_several_mazes_and_what_was_filled(tmp_path):
    task = tasks.task("maze-10")
    found = understood(tmp_path, "maze-10", f"{TEXT}\n{TEXT}\n\n" + "\n".join(INNER) + "\n\n" + "\n".join(INNER))
    assert [task.decode(task.encode(p)) for p in found.puzzles] == [TEXT] * 2 + [SMALL.replace("/", "\n")] * 2
    assert found.notes == ("a maze of 3 x 3, filled with walls, below and to the right, to be 10 x 10",)
    tokens = np.array([" #SG".index(c) for row in MAZE for c in row]).reshape(10, 10)
    np.save(tmp_path / "m.npy", tokens)
    assert len(of_file(task, tmp_path / "m.npy").puzzles) == 1
    np.save(tmp_path / "all__inputs.npy", np.array([["# SG".index(c) + 1 for row in MAZE for c in row]]))
    assert [task.decode(task.encode(p)) for p in of_file(task, tmp_path).puzzles] == [TEXT]


REFUSED_MAZES = {
    "a lost last row": ("\n".join(row.rstrip() for row in [*MAZE[1:-1], "S        G", ""]), "lost blanks"),
    "a lost first row": ("\n" + "\n".join(row.rstrip() for row in ["S G", *MAZE[2:5], *["#" * 10] * 5]), "free cells"),
    "walls of 0 or of 1": ("SG0\n110\n", "1s or the 0s"),
    "lost blanks or a small one": ("\n".join(row[:8].rstrip() for row in MAZE), "lost blanks"),
    "no goal": (TEXT.replace("G", "#"), "one S and one G"),
    "too large": (("S" + "." * 11 + "\n") * 12, "give it to maze-30"),
    "rows of two lengths": (TEXT.replace(" ", ".")[:-1], "row"),
    "numbers": ("[[0, 7], [2, 3]]", "no cell"),
}


@pytest.mark.parametrize("case", REFUSED_MAZES)
def test_refused_mazes(tmp_path, case):
    text, sentence = REFUSED_MAZES[case]
    with pytest.raises(ValueError, match=sentence):
        [tasks.task("maze-10").encode(puzzle) for puzzle in understood(tmp_path, "maze-10", text).puzzles]


# fuzz -----------------------------------------------------------------------------------------------------
def test_fuzz_of_readers():
    """A few of the cases of tests/fuzz/readers.py: no traceback, and a known puzzle is never read as another one."""
    script = Path(__file__).parent / "fuzz" / "readers.py"
    ran = subprocess.run(
        [sys.executable, str(script), "--count", "200", "--seed", "7"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert re.search(r"^0 faults; .*known, read", ran.stdout, re.MULTILINE)


# what all tasks share -------------------------------------------------------------------------------------
def zipped(text: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("graph.txt", text)
    return out.getvalue()


@pytest.mark.parametrize(
    "data",
    [
        b"1 2\r\n2 3\r\n3 4\r\n",
        b"1 2\r2 3\r3 4",
        "\ufeff1 2\n2 3\n3 4\n".encode(),
        "1 2\n2 3\n3 4\n".encode("utf-16"),
        "1 2\n2 3\n3 4\n".encode("utf-16-le"),
        "1 2\n2 3\n3 4\n".encode("utf-16-be"),
        "1 2\n2 3\n3 4\n".encode("utf-32"),
        gzip.compress("1 2\n2 3\n3 4\n".encode("utf-16")),
        zipped("1 2\n2 3\n3 4\n"),
    ],
)
def test_encodings_and_containers(tmp_path, data):
    assert understood(tmp_path, "coloring-8", data, "any name").puzzles == PATH


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (bytes(range(256)), "neither text in UTF-8"),
        ("1-2 é".encode("latin-1"), "neither text in UTF-8"),
        (gzip.compress(b"1 2\n" * 99)[:20], "damaged gzip"),
        (gzip.compress(gzip.compress(b"1 2\n")), "twice"),
        (zipped("1 2\n")[:40], "damaged or encrypted archive"),
        (
            b"\x93NUMPY\x01\x00v\x00{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000,), }".ljust(128),
            "another size",
        ),
        (b"\x93NUMPY\x01\x00", "no npy"),
        ("[" * 200_000, "levels deep"),
        ('{"puzzle": "1-2", "puzzle": "1-3"}', "twice"),
    ],
)
def test_what_no_task_reads(tmp_path, data, sentence):
    with pytest.raises(ValueError, match=sentence):
        understood(tmp_path, "coloring-8", data)


def test_sizes_are_checked_before_anything_is_made(tmp_path):
    (tmp_path / "long").write_bytes(b"1-2 " * 1_000_000)
    with pytest.raises(ValueError, match="larger than 1 MB"):
        opened(tmp_path / "long", limit=1_000_000)


@pytest.mark.skipif(not CASES.is_dir(), reason=f"no samples under {CASES}; set GRAM_DATA")
def test_samples():
    """The samples of kinds, where they are at hand."""
    for name, expected in json.loads((CASES / "expected.json").read_text()).items():
        found = of_file(tasks.task(expected["task"]), CASES / name)
        if isinstance(expected["puzzles"], int):
            assert len(found.puzzles) == expected["puzzles"], name
        if isinstance(expected["puzzles"], list):
            task = tasks.task(expected["task"])
            right, read = ([task.show(task.encode(p)) for p in some] for some in (expected["puzzles"], found.puzzles))
            assert read == right, name
        assert bool(found.warnings) == expected.get("warning", False), name


def test_a_text_is_parsed_without_a_file():
    lines = ["1.3...1...4..2..", "....1..3..2.4..."]
    assert tasks.task("sudoku-4").parse("\n".join(lines)) == list(
        tasks.task("sudoku-4").understand(of_texts(lines)).puzzles
    )


@pytest.mark.parametrize("name", ["sudoku-9", "queens-8", "maze-10", "coloring-8"])
@pytest.mark.parametrize("shape", [None, (0, 81), (4, 0)])
def test_a_file_without_puzzles_holds_none(tmp_path, name, shape):
    path = tmp_path / "nothing"
    if shape is None:
        path.write_text("id,puzzle\n")
    else:
        with open(path, "wb") as file:
            np.savez(file, puzzles=np.zeros(shape, int))
    assert tasks.task(name).understand(opened(path)).puzzles == []


def test_a_table_of_edges_may_be_its_header_alone(tmp_path):
    path = tmp_path / "edges.tsv"
    path.write_text("source\ttarget\n\n")
    with pytest.raises(ValueError, match="There is no edge"):
        tasks.task("coloring-8").understand(opened(path))


def test_an_archive_of_a_damaged_name_is_damaged(tmp_path):
    path = tmp_path / "a.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("\u00fcx.npy", b"")
    path.write_bytes(path.read_bytes().replace("\u00fc".encode(), b"\xff\xfe"))
    with pytest.raises(ValueError, match="is a damaged archive"):
        opened(path)
