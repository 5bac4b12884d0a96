"""Files as people have them: each kind is read right, or refused with both readings named."""

import gzip
import io
import json
import os
import zipfile
from pathlib import Path

import numpy as np
import pytest

from gram import tasks
from gram.console.inputs import of_file
from gram.tasks.reading.content import opened

CASES = Path(os.environ.get("GRAM_DATA", Path(__file__).parents[2] / "shared" / "data")).parent / "cases"


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
        understood(tmp_path, "coloring-8", text)
    assert all(part in str(refused.value) for part in parts), refused.value


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
    task = tasks.task("sudoku-9")
    cells = np.arange(81).reshape(9, 9)
    units = [*cells, *cells.T, *cells.reshape(3, 3, 3, 3).swapaxes(1, 2).reshape(9, 9)]
    found = []
    for cell, given in enumerate(NINE):
        near = {NINE[other] for unit in units if cell in unit for other in unit}
        found.append(given if given != "." else "".join(d for d in task.alphabet.filled if d not in near))
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
    (tmp_path / "bomb").write_bytes(gzip.compress(bytes(10_000_000)))
    with pytest.raises(ValueError, match="larger than 1 MB"):
        opened(tmp_path / "bomb", limit=1_000_000)


@pytest.mark.skipif(not CASES.is_dir(), reason=f"no samples under {CASES}; set GRAM_DATA")
def test_samples():
    """The samples of kinds, where they are at hand."""
    for name, expected in json.loads((CASES / "expected.json").read_text()).items():
        if not expected["task"].startswith(("coloring", "sudoku")):
            continue
        found = of_file(tasks.task(expected["task"]), CASES / name)
        if isinstance(expected["puzzles"], int):
            assert len(found.puzzles) == expected["puzzles"], name
        if isinstance(expected["puzzles"], list):
            task = tasks.task(expected["task"])
            right, read = ([task.show(task.encode(p)) for p in some] for some in (expected["puzzles"], found.puzzles))
            assert read == right, name
        assert bool(found.warnings) == expected.get("warning", False), name
