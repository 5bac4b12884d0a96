"""A graph as it is written in a file, where vertices of several graphs count from, and what is wrong with one."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from gram.tasks.reading.content import brief

ZERO = re.compile(r"(?<!\d)0(?!\d)")
Edges = list[tuple[int, int]]


@dataclass(frozen=True)
class Graph:
    """A graph as it is written."""

    edges: Edges
    vertices: int | None = None
    """How many there are, where that is said."""
    base: int | None = None
    """The number of the first vertex, where the format says it."""
    names: tuple[str, ...] = ()
    """Of the vertices, in the order of their numbers, where they have any."""
    notes: tuple[str, ...] = ()
    text: str = ""
    """What cannot be read, of one among several graphs."""
    why: str | None = None
    """And why."""


def fits(graphs: Iterable[Graph], n: int, base: int | None) -> bool:
    """Whether some base lets all ends be among n vertices, and no edge is a loop."""
    edges = [edge for graph in graphs for edge in graph.edges]
    least, most = min(map(min, edges), default=1), max(map(max, edges), default=1)
    allowed = (0, 1) if base is None else (base,)
    return all(u != v for u, v in edges) and any(least >= first and most < n + first for first in allowed)


def resolved(graphs: Sequence[Graph], n: int, base: int | None) -> tuple[int, bool]:
    """The number of the first vertex, for all graphs alike, and whether it could be the other one."""
    open_ = [graph for graph in graphs if graph.base is None and graph.edges]
    zero = any(0 in edge for graph in open_ for edge in graph.edges)
    zero = zero or any(graph.base is None and ZERO.search(graph.text) for graph in graphs)
    first = base if base is not None else int(not zero)
    unclear = all(max(map(max, graph.edges)) < (graph.vertices or n) for graph in open_)
    return first, bool(open_) and base is None and first == 1 and unclear


def fault(graph: Graph, n: int, first: int, base: int | None, fitting: Callable[[int], str]) -> str | None:
    """Why a graph cannot be colored as one of n vertices that count from `first`: it could not be read, is too large,
    has an end that is no vertex, or a loop. None if nothing is wrong. fitting: the task for a number of vertices."""
    if graph.why is not None:
        return graph.why
    if (graph.vertices or 0) > n:
        return f"The graph has {graph.vertices} vertices; {fitting(graph.vertices or 0)}"
    begin = first if graph.base is None else graph.base
    last = begin + (graph.vertices or n) - 1
    for u, v in graph.edges:
        if u == v:
            return f"The edge {u}-{v} joins a vertex to itself: no coloring is proper; leave it out."
        if min(u, v) < begin or max(u, v) > last:
            why = ", since a 0 occurs" if not first and base is None else ""
            return (
                f"There is no vertex {min(u, v) if min(u, v) < begin else max(u, v)}: the vertices are {begin} to "
                f"{last}{why}; correct the edge {u}-{v}, or choose a task that fits."
            )
    return None


def written(graph: Graph) -> str:
    """A graph that is refused, for messages."""
    return brief(graph.text or " ".join(f"{u}-{v}" for u, v in graph.edges[:20]))


def notes(graphs: Sequence[Graph], linked: np.ndarray, n: int, first: int, unclear: bool) -> tuple[str, ...]:
    """What was read, for people. linked (graphs, pairs) bool: which edges there are."""
    if not graphs:
        return ()
    sizes = sorted({graph.vertices or n for graph in graphs})
    bases = sorted({first if graph.base is None else graph.base for graph in graphs})
    size = f"{sizes[0]} vertices" if len(sizes) == 1 else f"{sizes[0]} to {sizes[-1]} vertices"
    edges, many = int(linked.sum()), len(graphs)
    notes = [
        f"{many} graph{'s' * (many != 1)}, {size}{' each' * (many > 1)} counted from "
        f"{' or '.join(map(str, bases))}, {edges} edge{'s' * (edges != 1)}"
    ]
    if unclear:
        notes.append("neither vertex 0 nor vertex " + f"{n}: with --base 0 they count from 0")
    if sizes and sizes[0] < n:
        notes.append(f"isolated vertices fill it up to {n}; they are the last, and count in numbers of answers")
    names = [graph.names for graph in graphs if graph.names]
    if names:
        shown = ", ".join(f"{name} {number}" for number, name in enumerate(names[0][:24], 1))
        notes.append(f"vertices by name: {shown}{' (first graph)' * (many > 1)}")
    return tuple(notes)
