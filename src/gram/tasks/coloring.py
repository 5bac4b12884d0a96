"""Graph coloring: give each vertex one of k colors so that no edge joins two vertices of the same color.

A sequence is the upper triangle of the adjacency matrix, n (n - 1) / 2 edge positions row by row (0-1, 0-2, ...),
then n vertex positions. Tokens: 0 pad, 1 no edge, 2 edge, 3 .. k + 2 the colors, k + 3 a vertex without color, which
the puzzle holds at every vertex. The published vocabulary of 6 (k = 3) has no such token because the paper's answer is
a separate sequence of length n; here puzzle and answer have the same length and the answer is read at the vertices.
Colors are only names, so every target is canonical: vertex 0 has color 1, the next new color is 2, and so on.
"""

import warnings
from itertools import permutations

import numpy as np

from gram.advice import fitting
from gram.tasks import solvers
from gram.tasks.base import Symmetry, Task
from gram.tasks.cases import ColoringCases
from gram.tasks.reading import graph as written
from gram.tasks.reading import graphs as reading
from gram.tasks.reading.content import Content, Found, Unreadable, of_texts
from gram.tasks.spec import PAD, SPLITS, Examples, TaskSpec, Tokens, splits_of

LARGEST = 24
"""Vertices at most."""
NO_EDGE, EDGE, FIRST_COLOR = 1, 2, 3
PUBLISHED = {8: (7_002, 255), 10: (13_465, 192)}
"""Vertices -> graphs in train and in test; dev is as large as test."""
MOST = 10_000
"""Graphs with more canonical colorings are not used as examples (three colors on 10 vertices have 9,842 at most)."""
FEW_COLORS = 4
"""Colors up to which a search learns all ways to name them: 24 at most."""
DRAW = 4_096  # graphs drawn at a time
PATIENCE = 50  # draws without a new graph before giving up
INKS = (31, 32, 34, 33, 35, 36, 91, 92)  # ANSI colors of the terminal picture


class Coloring(Task):
    """Coloring of graphs with n vertices (2 to 24) by at most `colors` colors (2 to 8).

    `edge_probability` is that of the random graphs in `examples`; it is not part of the name."""

    graphs = True

    def __init__(self, n: int, colors: int = 3, edge_probability: float = 0.4):
        if not 2 <= n <= LARGEST:
            raise ValueError(f"Graphs have 2 to {LARGEST} vertices, not {n}.")
        if not 2 <= colors <= 8:
            raise ValueError(f"Graphs are colored with 2 to 8 colors, not {colors}.")
        if not 0 < edge_probability < 1:
            raise ValueError(f"edge_probability must be between 0 and 1, not {edge_probability}.")
        self.n, self.colors, self.edge_probability = n, colors, edge_probability
        self.edges = n * (n - 1) // 2
        self.blank = FIRST_COLOR + colors
        self._left, self._right = np.triu_indices(n, 1)  # ends of each edge position
        self._edge_of = np.zeros((n, n), np.int64)  # edge position of each pair of vertices
        self._edge_of[self._left, self._right] = self._edge_of[self._right, self._left] = np.arange(self.edges)
        vertices = tuple(range(self.edges, self.edges + n))
        stars = tuple((*sorted(int(self._edge_of[u, v]) for v in range(n) if v != u), self.edges + u) for u in range(n))
        self.spec = TaskSpec(
            name=f"coloring-{n}" + (f"-k{colors}" if colors != 3 else ""),
            length=self.edges + n,
            vocabulary=4 + colors,
            answer_start=self.edges,
            relations=(stars, (vertices,)),
            symbols=tuple(range(FIRST_COLOR, FIRST_COLOR + colors)),
        )
        self.cases = ColoringCases(self, self._edge_of, colors)

    def with_edges(self, probability: float) -> "Coloring":
        return Coloring(self.n, self.colors, probability)

    # text -------------------------------------------------------------------------------------------------
    def encode(self, puzzle: str) -> Tokens:
        """One graph, in any form that gram.tasks.reading.graphs reads -> (L,).

        An edge list is "1-2 1-3 2-4", or one edge "1 2" a line; vertices count from 1, from 0 if any 0 occurs. DIMACS
        is "p edge N M" and lines "e u v" from 1. A graph with fewer than n vertices is filled up with isolated ones.
        ValueError for anything else, for vertices beyond n, and for an edge from a vertex to itself."""
        if isinstance(puzzle, Unreadable):
            raise ValueError(puzzle.why)
        tokens, found = self._understood(of_texts([puzzle], ""), None)
        for warning in found.warnings:
            warnings.warn(warning, stacklevel=2)
        return tokens[0]

    def understand(self, content: Content, *, base: int | None = None) -> Found:
        """The graphs of an input. All count their vertices from `base`, or from 0 if any 0 occurs, otherwise from 1.
        ValueError says what cannot be read, or which two readings are possible."""
        return self._understood(content, base)[1]

    def _understood(self, content: Content, base: int | None) -> tuple[Tokens, Found]:
        """The graphs as tokens, (graphs, L), and as text with vertices from 1."""
        try:
            graphs, form = reading.read(content, self.n, base)
            first, unclear = written.resolved(graphs, self.n, base)
            faults = [written.fault(graph, self.n, first, base, self._fitting) for graph in graphs]
            if faults and None not in faults:
                raise ValueError(faults[0])
        except ValueError as error:
            raise ValueError(f"{content.where}: {error}" if content.text and content.where else str(error)) from None
        tokens = self._puzzles(np.zeros((len(graphs), self.edges), bool))
        for row, graph, why in zip(tokens, graphs, faults, strict=True):
            if why is not None:
                continue
            begin = first if graph.base is None else graph.base
            for u, v in graph.edges:
                row[self._edge_of[u - begin, v - begin]] = EDGE
        notes = written.notes(graphs, tokens[:, : self.edges] == EDGE, self.n, first, unclear)
        warned = tuple(dict.fromkeys(note for graph in graphs for note in graph.notes))
        texts = [
            self.show(row) if why is None else Unreadable.of(written.written(graph), why)
            for graph, row, why in zip(graphs, tokens, faults, strict=True)
        ]
        return tokens, Found(texts, (*content.form, form), notes, warned)

    def _fitting(self, vertices: int) -> str:
        """What to do with a graph of so many vertices."""
        return fitting(self.spec.name, vertices) if vertices <= LARGEST else f"tasks have up to {LARGEST}, so split it."

    def decode(self, tokens: Tokens) -> str:
        """(L,) -> the color of each vertex, such as "1 2 3 1"; a vertex without color reads as `.`."""
        colors = self._colors(tokens[None])[0]
        return " ".join(str(c) if c else "." for c in colors)

    def show(self, tokens: Tokens) -> str:
        """(L,) -> edge list "1-2 1-3", vertices from 1; a graph without edges reads "p edge N 0"."""
        edges = np.flatnonzero(tokens[: self.edges] == EDGE)
        text = " ".join(f"{self._left[e] + 1}-{self._right[e] + 1}" for e in edges)
        return text or f"p edge {self.n} 0"

    def render(self, puzzle: Tokens, answer: Tokens | None = None) -> str:
        """Each vertex (from 1) with its neighbors in their colors; a neighbor of the same color is shown in reverse."""
        colors = self._colors((puzzle if answer is None else answer)[None])[0]
        linked = self._adjacency(puzzle[None])[0]
        wide = len(str(self.n))

        def name(v: int, wrong: bool = False) -> str:
            style = f"{INKS[colors[v] - 1]}{';7' if wrong else ''}" if colors[v] else "2"
            return f"\033[{style}m{v + 1:>{wide}}\033[0m"

        lines = []
        for v in range(self.n):
            next_to = " ".join(
                name(u, bool(colors[v]) and colors[u] == colors[v]) for u in np.flatnonzero(linked[v]).tolist()
            )
            lines.append(f"{name(v)} ({colors[v] or '.'})  {next_to}".rstrip())
        return "\n".join(lines)

    # rules ------------------------------------------------------------------------------------------------
    def conflicts(self, puzzles: Tokens, answers: Tokens) -> np.ndarray:
        """Edges whose ends share a color, plus vertices without one; (B, L), (B, L) -> (B,) int64. Only the vertex
        positions of the answers are read; the colors need not be canonical."""
        colors = self._colors(answers)
        left, right = colors[:, self._left], colors[:, self._right]
        same = (puzzles[:, : self.edges] == EDGE) & (left == right) & (left > 0)
        return same.sum(1) + (colors == 0).sum(1)

    def solutions(self, puzzle: Tokens, limit: int | None = None, budget: int | None = None) -> Tokens:
        """All canonical colorings of a puzzle (L,), at most `limit`, (S, L) uint8 with padding at the edges."""
        bits = 1 << np.arange(self.n, dtype=np.int64)
        neighbors = (self._adjacency(puzzle[None])[0] @ bits).tolist()
        return self._answers(solvers.colorings(neighbors, self.colors, limit, budget))

    # symmetries -------------------------------------------------------------------------------------------
    def symmetry(self, rng: np.random.Generator, batch: int) -> Symmetry:
        """One permutation of the vertices per row; tokens stay."""
        old = rng.permuted(np.broadcast_to(np.arange(self.n), (batch, self.n)), axis=1)
        positions = np.concatenate([self._edge_of[old[:, self._left], old[:, self._right]], self.edges + old], axis=1)
        return Symmetry(positions, np.broadcast_to(np.arange(self.spec.vocabulary), (batch, self.spec.vocabulary)))

    def canonical(self, answers: Tokens) -> Tokens:
        """Rename the colors in order of first use, (B, L) -> (B, L); other tokens stay."""
        vertices = answers[:, self.edges :]
        uses = vertices[:, None, :] == np.arange(FIRST_COLOR, self.blank)[:, None]  # (B, k, n)
        first_use = np.where(uses.any(2), uses.argmax(2), self.n)
        rank = np.argsort(np.argsort(first_use, axis=1, kind="stable"), axis=1)
        rename = np.tile(np.arange(256, dtype=np.uint8), (len(answers), 1))
        rename[:, FIRST_COLOR : self.blank] = FIRST_COLOR + rank
        return np.concatenate([answers[:, : self.edges], np.take_along_axis(rename, vertices.astype(np.int64), 1)], 1)

    def renamed(self, answers: Tokens) -> Tokens:
        """The answers (S, L) with the colors named in every way, each once. ValueError above FEW_COLORS."""
        if self.colors > FEW_COLORS:
            raise ValueError(
                f"{self.colors} colors have too many names for a search (model.candidates); "
                f"use at most {FEW_COLORS} or another variant."
            )
        orders = np.array(list(permutations(range(FIRST_COLOR, self.blank))), np.uint8)
        names = np.tile(np.arange(256, dtype=np.uint8), (len(orders), 1))
        names[:, FIRST_COLOR : self.blank] = orders
        return np.unique(names[:, answers].reshape(-1, answers.shape[1]), axis=0)

    # data -------------------------------------------------------------------------------------------------
    def examples(self, split: str, seed: int = 0, count: int | None = None) -> Examples:
        """Distinct random graphs G(n, edge_probability) that can be colored, with all canonical colorings.

        Published sizes for 8 and 10 vertices, else 10,000 train and 255 test; dev is as large as test. Graphs with more
        than 10,000 colorings are skipped. Up to 5 vertices there may be fewer graphs than requested; above that, a
        ValueError says that hardly any drawn graph is suitable. Splits are by the graph as written, so a graph with
        renamed vertices may be in another split. With 8 vertices, four of five test graphs have such a twin in train;
        with 10, hardly any."""
        if split not in SPLITS:
            raise ValueError(f"There is no split {split!r}; the splits are {', '.join(SPLITS)}.")
        if count is None:
            count = PUBLISHED.get(self.n, (10_000, 255))[split != "train"]
        rng = np.random.default_rng([seed, self.n, self.colors, SPLITS.index(split)])
        seen: set[bytes] = set()
        inputs, colors, counts = [], [], []
        found, idle = 0, 0
        while found < count and idle < PATIENCE:
            puzzles = self._puzzles(rng.random((DRAW, self.edges)) < self.edge_probability)
            fresh = []
            for i, puzzle in enumerate(puzzles):
                key = puzzle.tobytes()
                if key not in seen:
                    seen.add(key)
                    fresh.append(i)
            puzzles = puzzles[fresh]
            puzzles = puzzles[splits_of(puzzles) == split] if len(puzzles) else puzzles
            found_before = found
            for chunk in range(0, len(puzzles), 256):  # limits the memory of open colorings
                some = puzzles[chunk : chunk + 256]
                proper, number = solvers.colorings_of_many(self._adjacency(some), self.colors, MOST)
                inputs.append(some[number > 0])
                colors.append(proper)
                counts.append(number[number > 0])
                found += len(inputs[-1])
            idle = 0 if found > found_before else idle + 1
        if found < count and self.n > 5:
            raise ValueError(
                f"Hardly any random graph with {self.n} vertices and edge probability {self.edge_probability} has 1 to "
                f"{MOST} colorings with {self.colors} colors; choose another edge_probability or fewer examples."
            )
        first = np.concatenate([[0], *counts]).cumsum().astype(np.int64)
        everything = Examples(
            np.concatenate([np.zeros((0, self.spec.length), np.uint8), *inputs]),
            self._answers(np.concatenate([np.zeros((0, self.n), np.uint8), *colors])),
            first,
        )
        return everything.select(np.arange(min(found, count)))

    # between tokens and arrays ----------------------------------------------------------------------------
    def _puzzles(self, edges: np.ndarray) -> Tokens:
        """Edges (B, E) bool -> puzzles (B, L)."""
        puzzles = np.full((len(edges), self.spec.length), self.blank, np.uint8)
        puzzles[:, : self.edges] = np.where(edges, EDGE, NO_EDGE)
        return puzzles

    def _answers(self, colors: np.ndarray) -> Tokens:
        """Colors 1..k, (S, n) -> answers (S, L)."""
        answers = np.full((len(colors), self.spec.length), PAD, np.uint8)
        answers[:, self.edges :] = colors + (FIRST_COLOR - 1)
        return answers

    def _colors(self, answers: Tokens) -> np.ndarray:
        """Answers (B, L) -> colors 1..k, 0 for a vertex without color, (B, n) int64."""
        vertices = answers[:, self.edges :].astype(np.int64)
        return np.where((vertices >= FIRST_COLOR) & (vertices < self.blank), vertices - FIRST_COLOR + 1, 0)

    def _adjacency(self, puzzles: Tokens) -> np.ndarray:
        """Puzzles (B, L) -> (B, n, n) bool."""
        linked = np.zeros((len(puzzles), self.n, self.n), bool)
        linked[:, self._left, self._right] = linked[:, self._right, self._left] = puzzles[:, : self.edges] == EDGE
        return linked
