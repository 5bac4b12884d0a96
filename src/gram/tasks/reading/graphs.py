"""Graphs as people have them: edge lists, DIMACS, SNAP, NCOL, matrices, GraphML and DOT. What a text could also mean
is refused with both readings; whether vertices count from 0 or 1 is decided once for all graphs of an input."""

import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from gram.tasks.reading.content import Content, brief, of_object, single
from gram.tasks.reading.graph import Edges, Graph, fits
from gram.tasks.reading.networks import dot, graphml

WRITE = "write edges as 1-2 1-3, or one edge a line as 1 2."
NO_EDGE = "There is no edge; a graph of N vertices without edges is written 'p edge N 0'."
PAIR = re.compile(r"(\d{1,9})(?:-|--|->|–)(\d{1,9})")
NAME = re.compile(r"[^\W\d][\w.:@]{0,99}")
NUMBER = re.compile(r"-?\d+(\.\d*)?([eE][-+]?\d+)?")
HEADERS = ({"source", "target"}, {"from", "to"}, {"u", "v"}, {"node1", "node2"}, {"fromnodeid", "tonodeid"})
SNAP = re.compile(r"^# *Nodes: *(\d+)", re.MULTILINE | re.IGNORECASE)


def read(content: Content, n: int, base: int | None) -> tuple[list[Graph], str]:
    """The graphs of an input for a task of n vertices, and their form. ValueError says what cannot be read, or which
    two readings there are."""
    if content.items is None:
        return of_text(content.text, n, base, content.name)
    ones: list[Any] = []
    for number, item in enumerate(content.items, 1):
        try:
            ones += [item] if isinstance(item, tuple | str) else single(of_object(item), _is_graph)
        except ValueError as error:
            raise ValueError(f"Puzzle {number}: {error}" if len(content.items) > 1 else str(error)) from None
    graphs, forms = [], set()
    for one in ones:
        try:
            found, form = _of_item(one, n, base)
            graphs += found
            forms.add(form)
        except ValueError as error:
            if len(ones) == 1:
                raise
            graphs.append(Graph([], text=one if isinstance(one, str) else repr(one), why=str(error)))
    return graphs, " and ".join(sorted(forms))


def _of_item(item: Any, n: int, base: int | None) -> tuple[list[Graph], str]:
    if isinstance(item, tuple):
        return of_array(*item)
    return of_text(item, n, base, alone=True) if isinstance(item, str) else of_json(item)


def of_text(text: str, n: int, base: int | None, name: str = "", *, alone: bool = False) -> tuple[list[Graph], str]:
    """The graphs of a text; all of it is one graph if it stands `alone`."""
    start = text.lstrip()[:200]
    if name.endswith(".graphml") or (start.startswith("<") and "<graphml" in text):
        return [numbered(*graphml(text))], "GraphML"
    if name.endswith((".dot", ".gv")) or re.match(r"(strict\s+)?(di)?graph\b[^{]*\{", start):
        return [numbered(*graph) for graph in dot(text)], "DOT"
    lines = text.split("\n")
    kinds = {line.split(maxsplit=1)[0] for line in lines if line.strip()}
    if kinds & {"p", "e", "a"} and kinds <= {"p", "e", "a", "c", "n", "d", "v", "x", "b"}:
        return dimacs(lines, n, 1 if base is None else base), "DIMACS"
    return listed(text, n, base, alone=alone, named=name.endswith((".ncol", ".lgl")))


# DIMACS ---------------------------------------------------------------------------------------------------
def dimacs(lines: Sequence[str], n: int, base: int) -> list[Graph]:
    """Lines p (problem), e and a (edges), c (comment); n, d, v, x and b describe no edge. Each p begins a graph."""
    found: list[tuple[int, int, Edges, list[str]]] = []
    for number, line in enumerate(lines, 1):
        words = line.split()
        counts = [int(word) for word in words[2 if words[:1] == ["p"] else 1 :] if re.fullmatch(r"\d{1,9}", word)]
        if not words or words[0] in "cndvxb":
            continue
        if words[0] == "p" and len(words) == 4 and words[1] in ("edge", "edges", "col", "sp") and len(counts) == 2:
            found.append((counts[0], counts[1], [], []))
        elif not found:
            raise ValueError(f"The DIMACS text has no line 'p edge {n} M'; add it.")
        elif (words[0], len(words), len(counts)) in (("e", 3, 2), ("e", 4, 3), ("a", 4, 3)):
            found[-1][2].append((counts[0], counts[1]))
        else:
            found[-1][3].append(
                f"Line {number} of the DIMACS text, {brief(line)}, is no 'p edge N M' and no 'e u v'; correct it."
            )
    return [_announced(*one, base) for one in found]


def _announced(vertices: int, stated: int, edges: Edges, wrong: Sequence[str], base: int) -> Graph:
    if wrong:
        return Graph(edges, vertices, base=base, text=f"p edge {vertices} {stated}", why=wrong[0])
    distinct = len({tuple(sorted(edge)) for edge in edges})
    notes = ()
    if stated not in (len(edges), distinct, 2 * distinct):  # some published files count each edge twice
        notes = (f"Its header announces {stated} edges, but there are {distinct}.",)
    return Graph(edges, vertices, base=base, notes=notes)


# lists ----------------------------------------------------------------------------------------------------
def listed(text: str, n: int, base: int | None, *, alone: bool, named: bool) -> tuple[list[Graph], str]:
    """Edge lists: a graph a line as `1-2 1-3`, or one edge a line, with a header of counts or without."""
    blocks: list[list[list[str]]] = [[]]
    for raw in text.split("\n"):
        bare = re.split(r"#|//", raw)[0].strip()
        words = [] if bare.startswith("%") else [word for word in re.split(r"[\s,;]+", bare) if word]
        if words:
            blocks[-1].append(words)
        elif not raw.strip() and blocks[-1]:
            blocks.append([])
    if blocks[0] and {word.lower().strip('"') for word in blocks[0][0][:2]} in HEADERS:
        blocks[0] = blocks[0][1:]
    blocks = [block for block in blocks if block]
    if not blocks:
        raise ValueError(NO_EDGE)
    lines = [line for block in blocks for line in block]
    if any(PAIR.fullmatch(word) for line in lines for word in line):
        return _graph_a_line(lines, len(blocks), alone)
    snap = SNAP.search(text)
    if all(len(line) in (2, 3) and NAME.fullmatch(line[0]) and NAME.fullmatch(line[1]) for line in lines) and (
        len(lines) > 1 or named
    ):
        return [_named(lines)], "one edge between names a line"
    if found := _matrices(blocks):
        return found, "adjacency matrix"
    ready = [_headed(block, n, base) for block in blocks]
    if len(blocks) == 1 or all(graph.vertices is not None for part in ready for graph in part):
        graphs = [graph for part in ready for graph in part]
        if alone and len(graphs) > 1:
            raise ValueError("The text holds several graphs; give each as a text of its own.")
    elif alone:
        graphs = _headed(lines, n, base)
    else:
        raise ValueError(
            f"The edges stand in {len(blocks)} groups with blank lines between them: one graph, or {len(blocks)}; "
            "remove the blank lines, or write each graph on one line as 1-2 1-3."
        )
    if snap and len(graphs) == 1 and not fits(graphs, n, base):
        ends = sorted({end for edge in graphs[0].edges for end in edge})
        if len(ends) <= int(snap[1]) <= n:
            return [_named([[str(end) for end in edge] for edge in sorted(graphs[0].edges)])], "SNAP edge list"
    return graphs, "one edge a line"


def _graph_a_line(lines: Sequence[list[str]], blocks: int, alone: bool) -> tuple[list[Graph], str]:
    graphs, single_edges = [], 0
    for line in lines:
        if line[:2] == ["p", "edge"] and len(line) == 4 and line[2].isdecimal() and line[3] == "0" and not alone:
            graphs.append(Graph([], int(line[2][:9])))
            continue
        found = [PAIR.fullmatch(word) for word in line]
        wrong = next((word for word, match in zip(line, found, strict=True) if not match), None)
        if wrong is not None and not (len(line) == 2 and alone and all(word.isdecimal() for word in line)):
            why = f"{brief(wrong)} is no edge: {WRITE}"
            if alone or not any("-" in word for word in line):  # it is no line of such a list
                raise ValueError(why)
            graphs.append(Graph([], text=" ".join(line), why=why))
            single_edges += len(line) == 1
            continue
        graphs.append(Graph([(int(m[1]), int(m[2])) for m in found if m] or [_edge(line)]))
        single_edges += len(graphs[-1].edges) == 1
    if single_edges == len(graphs) and (wrong := next((graph.why for graph in graphs if graph.why), None)):
        raise ValueError(wrong)  # one graph, an edge a line
    if alone or (blocks == 1 and single_edges == len(graphs)):
        return [Graph([edge for graph in graphs for edge in graph.edges])], "edge list"
    if blocks > 1 and single_edges == len(graphs):
        raise ValueError(
            f"The edges stand in {blocks} groups with blank lines between them: one graph, or several; remove the "
            "blank lines, or write each graph on one line as 1-2 1-3."
        )
    return graphs, "one graph a line"


def _edge(line: Sequence[str]) -> tuple[int, int]:
    """Two numbers. ValueError names the first that is none."""
    if len(line) != 2 or not all(re.fullmatch(r"\d{1,9}", word) for word in line):
        wrong = next((word for word in line if not re.fullmatch(r"\d{1,9}", word)), line[0])
        raise ValueError(f"{brief(wrong)} is no edge: {WRITE}")
    return int(line[0]), int(line[1])


def _headed(block: Sequence[list[str]], n: int, base: int | None) -> list[Graph]:
    """The graphs of lines `u v`: one without header, or one for each header `N M`, which M edges follow."""
    if len(block) > 1 and len(block[0]) == 1 and re.fullmatch(r"\d{1,9}", block[0][0]):
        return [Graph(_pairs(block[1:], n, base), int(block[0][0]))]
    weighted = len(block) > 1 and len(block[0]) == 2 and len(block[1]) == 3
    if weighted:
        vertices, count = _edge(block[0])
        if count != len(block) - 1:
            raise ValueError(f"The first line announces {count} edges, but {len(block) - 1} follow; correct it.")
        return [Graph([_edge(line[:2]) for line in block[1:]], vertices)]
    edges = _pairs(block, n, base)
    headed = _by_headers(edges)
    plain = [Graph(edges)]
    if not headed or not all(graph.vertices <= n and fits([graph], graph.vertices, base) for graph in headed):  # pyright: ignore
        return plain
    if fits(plain, n, base):
        (u, v), graphs = edges[0], f"{len(headed)} graph{'s' * (len(headed) > 1)}"
        raise ValueError(
            f"The line '{u} {v}' could be an edge, or say that {u} vertices and {v} edges follow ({graphs}); write it "
            f"as 'p edge {u} {v}' with e before each edge, or put an edge on the first line that is no such count."
        )
    return headed


def _by_headers(edges: Edges) -> list[Graph]:
    """The graphs that lines hold if headers stand among them; empty if that does not come out even."""
    graphs, at = [], 0
    while at < len(edges):
        vertices, count = edges[at]
        if at + 1 + count > len(edges) or (not count and len(edges) > 1):
            return []
        graphs.append(Graph(edges[at + 1 : at + 1 + count], vertices))
        at += 1 + count
    return graphs


def _pairs(lines: Sequence[list[str]], n: int, base: int | None) -> Edges:
    """Lines `u v`, or `u v weight`."""
    if len(lines[0]) != 3 or not all(len(line) == 3 for line in lines):
        return [_edge(line) for line in lines]
    numbers = [line[2] for line in lines]
    if not all(NUMBER.fullmatch(word) for word in numbers):
        raise ValueError(f"{brief(next(w for w in numbers if not NUMBER.fullmatch(w)))} is no edge: {WRITE}")
    edges = [_edge(line[:2]) for line in lines]
    if all(re.fullmatch(r"\d{1,9}", word) for word in numbers):
        lists = Graph([*edges, *((edge[0], int(word)) for edge, word in zip(edges, numbers, strict=True))])
        if fits([lists], n, base):
            raise ValueError(
                f"The third number of '{' '.join(lines[0])}' could be a weight, or one more vertex beside the first; "
                "write edges alone, as 1 2, or weights as 1.0."
            )
    return edges


def _named(lines: Sequence[Sequence[str]]) -> Graph:
    """Edges between names, numbered as they come."""
    for line in lines:
        if len(line) > 2 and not NUMBER.fullmatch(line[2]):
            raise ValueError(f"{brief(line[2])} is no weight of an edge; write two names a line.")
    names = {name: number for number, name in enumerate(dict.fromkeys(w for line in lines for w in line[:2]), 1)}
    return Graph([(names[line[0]], names[line[1]]) for line in lines], base=1, names=tuple(names))


# matrices -------------------------------------------------------------------------------------------------
def _matrices(blocks: Sequence[Sequence[list[str]]]) -> list[Graph]:
    """Graphs of square tables of 0 and 1, one a block; empty if they are none."""
    for block in blocks:
        square = len(block) > 2 and all(len(line) == len(block) for line in block)
        if not square or {word for line in block for word in line} - {"0", "1"}:
            return []
    return [of_matrix(np.array(block) == "1") for block in blocks]


def of_matrix(matrix: np.ndarray) -> Graph:
    """An adjacency matrix (n, n). ValueError if it is not symmetric."""
    linked = matrix != 0
    if linked.diagonal().any() or not np.array_equal(linked, linked.T):
        raise ValueError("The adjacency matrix is not symmetric with 0 on its diagonal; write an edge list.")
    left, right = np.nonzero(np.triu(linked))
    return Graph([(int(u) + 1, int(v) + 1) for u, v in zip(left, right, strict=True)], len(matrix), base=1)


def of_array(name: str, array: np.ndarray) -> tuple[list[Graph], str]:
    """Adjacency matrices (n, n) or (graphs, n, n), or the edges of one graph, (edges, 2)."""
    if array.dtype.kind not in "biuf" or (array.dtype.kind == "f" and not (array == np.round(array)).all()):
        raise ValueError(f"The array {name} is of {array.dtype}; graphs are integers.")
    if array.ndim in (2, 3) and array.shape[-1] == array.shape[-2] > 2 and np.isin(array, (0, 1)).all():
        return [of_matrix(matrix) for matrix in array.reshape(-1, *array.shape[-2:])], "adjacency matrices"
    if array.ndim == 2 and array.shape[1] == 2 and array.shape[0] != 2 and array.dtype.kind in "iu" and array.size:
        return [Graph([(int(u), int(v)) for u, v in array])], "array of edges"
    raise ValueError(
        f"The array {name} of shape {array.shape} is neither adjacency matrices (n, n) or (graphs, n, n) of 0 and 1, "
        "nor edges (edges, 2); save one of these."
    )


# JSON -----------------------------------------------------------------------------------------------------
def _is_graph(value: Any) -> bool:
    if isinstance(value, dict):
        return bool({"edges", "links"} & value.keys())
    whole: Callable[[Any], bool] = lambda x: isinstance(x, int) and not isinstance(x, bool)  # noqa: E731
    if not isinstance(value, list) or not value:
        return isinstance(value, str)
    return all(isinstance(row, list) and len(row) > 1 and all(map(whole, row)) for row in value)


def of_json(value: Any) -> tuple[list[Graph], str]:
    """A list of pairs, a matrix, or an object with edges or links, as networkx writes it."""
    if isinstance(value, dict):
        return [_of_object(value)], "JSON with edges"
    shape = {len(row) for row in value}
    array = np.array(value) if len(shape) == 1 and max(max(row) for row in value) < 1 << 40 else None
    if array is None or array.shape == (2, 2):
        raise ValueError(
            f"{brief(value)} is neither a list of edges [u, v] nor a matrix alone; give the edges as text."
        )
    return of_array("of the JSON", array)


def _of_object(value: dict[str, Any]) -> Graph:
    edges = value.get("edges", value.get("links"))
    nodes = next((value[key] for key in ("nodes", "vertices", "n") if key in value), None)
    pairs = []
    for edge in edges if isinstance(edges, list) else [None]:
        ends = [edge.get("source"), edge.get("target")] if isinstance(edge, dict) else edge
        if not isinstance(ends, list) or len(ends) < 2 or not all(type(end) in (int, str) for end in ends[:2]):
            raise ValueError(f"{brief(edge)} is no edge of a graph in JSON; write [u, v].")
        pairs.append((str(ends[0])[:100], str(ends[1])[:100]))
    if isinstance(nodes, list):
        names = [str(node.get("id", node.get("name")) if isinstance(node, dict) else node)[:100] for node in nodes]
        return numbered(names, pairs)
    if nodes is not None and type(nodes) is not int:
        raise ValueError(f"{brief(nodes)} is no number of vertices; write an integer.")
    if not all(re.fullmatch(r"\d{1,9}", end) for pair in pairs for end in pair):
        return _named(pairs)
    return Graph([(int(u), int(v)) for u, v in pairs], nodes)


def numbered(names: Sequence[str], pairs: Sequence[tuple[str, str]]) -> Graph:
    """Edges between declared vertices. Numbers from 0 or 1 without a gap stay; other names count as they come."""
    if len(set(names)) < len(names):
        raise ValueError("Two vertices have the same name; give each its own.")
    for first in (0, 1):
        if sorted(names) == sorted(str(number + first) for number in range(len(names))):
            edges = [(int(u), int(v)) for u, v in pairs if u in names and v in names]
            if len(edges) == len(pairs):
                return Graph(edges, len(names), base=first)
    place = {name: number for number, name in enumerate(names, 1)}
    if missing := [end for pair in pairs for end in pair if end not in place]:
        raise ValueError(f"The edge to {brief(missing[0])} leads to no vertex of the graph; declare it.")
    return Graph([(place[u], place[v]) for u, v in pairs], len(names), base=1, names=tuple(names))
