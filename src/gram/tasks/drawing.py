"""Pictures of puzzles and answers as SVG: a fixed part, and one piece for each position that can change.

`draw` supports the tasks of this package; notebooks and animations combine its pieces. A task of another package is
shown as text unless it registers its own function with `draw.register`.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import singledispatch
from html import escape

import numpy as np

from gram.tasks.arc.grids import crop
from gram.tasks.arc.task import Arc
from gram.tasks.base import Task
from gram.tasks.coloring import EDGE, Coloring
from gram.tasks.maze.task import GOAL, PATH, START, WALL, Maze
from gram.tasks.mnist import SIDE, WHITE, Mnist
from gram.tasks.queens import QUEEN, NQueens
from gram.tasks.spec import IDENTITY, Tokens
from gram.tasks.sudoku.boards import SudokuBoards
from gram.tasks.sudoku.task import BLANK, Sudoku

CELL = 24
"""Side of a cell in pixels."""
PLAIN, GIVEN, WRONG, SHADE = "#1f4e9c", "#111111", "#c62828", "#fdecea"
COLORS = ("#4c78a8", "#f58518", "#54a24b", "#b279a2", "#e45756", "#72b7b2", "#eeca3b", "#9d755d")
"""Fills of colored vertices."""
ARC_COLORS = (
    *("#000000", "#0074d9", "#ff4136", "#2ecc40", "#ffdc00"),
    *("#aaaaaa", "#f012be", "#ff851b", "#7fdbff", "#870c25"),
)
"""The colors of ARC-AGI for the numbers 0 to 9."""


@dataclass(frozen=True)
class Drawing:
    """A picture as pieces of SVG, in pixels."""

    width: float
    height: float
    fixed: str = ""
    """The part that is the same for all answers: lines, walls, edges."""
    places: dict[int, str] = field(default_factory=dict)
    """Position of the sequence -> its piece; positions without a piece are empty."""

    def svg(self) -> str:
        """The whole picture as one SVG element."""
        return page(self.width, self.height, self.fixed + "".join(self.places.values()))


def page(width: float, height: float, inside: str) -> str:
    """An SVG document on a white background."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" width="{width:g}" '
        f'height="{height:g}" font-family="Helvetica, Arial, sans-serif">'
        f'<rect width="100%" height="100%" fill="#ffffff"/>{inside}</svg>'
    )


def rectangle(x: float, y: float, width: float, height: float, fill: str) -> str:
    return f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" fill="{fill}"/>'


def line(x1: float, y1: float, x2: float, y2: float, color: str = "#888888", width: float = 1) -> str:
    ends = f'x1="{x1:g}" y1="{y1:g}" x2="{x2:g}" y2="{y2:g}"'
    return f'<line {ends} stroke="{color}" stroke-width="{width:g}"/>'


def letters(text: str, x: float, y: float, size: float, color: str = GIVEN, bold: bool = False) -> str:
    """Text with its middle at (x, y)."""
    weight = ' font-weight="bold"' if bold else ""
    return (
        f'<text x="{x:g}" y="{y:g}" font-size="{size:g}" fill="{color}"{weight} text-anchor="middle" '
        f'dominant-baseline="central">{escape(text)}</text>'
    )


def cell(row: int, column: int, text: str, color: str, *, fill: str | None = None, bold: bool = False) -> str:
    """A cell of a board with its content."""
    ground = "" if fill is None else rectangle(column * CELL + 1, row * CELL + 1, CELL - 1, CELL - 1, fill)
    return ground + letters(text, (column + 0.5) * CELL + 0.5, (row + 0.5) * CELL + 1, 0.62 * CELL, color, bold)


def lattice(rows: int, columns: int, strong_rows: int = 0, strong_columns: int = 0) -> str:
    """The lines of a board; the frame and every `strong_rows`-th and `strong_columns`-th line are heavy."""

    def weight(i: int, last: int, strong: int) -> tuple[str, float]:
        return (GIVEN, 1.6) if i in (0, last) or (strong and i % strong == 0) else ("#b8b8b8", 0.8)

    across = [line(0, i * CELL, columns * CELL, i * CELL, *weight(i, rows, strong_rows)) for i in range(rows + 1)]
    down = [line(j * CELL, 0, j * CELL, rows * CELL, *weight(j, columns, strong_columns)) for j in range(columns + 1)]
    return "".join([*across, *down])


def text_block(lines: Iterable[str]) -> Drawing:
    """Lines of text as a picture; each line is a piece."""
    shown = [line.expandtabs() for line in lines] or [""]
    size, high = 13, 18
    places = {
        i: f'<text x="6" y="{(i + 0.7) * high + 4:g}" font-size="{size}" font-family="monospace" fill="{GIVEN}" '
        f'xml:space="preserve">{escape(text)}</text>'
        for i, text in enumerate(shown)
    }
    return Drawing(12 + 0.62 * size * max(map(len, shown)), 12 + high * len(shown), "", places)


# the tasks ------------------------------------------------------------------------------------------------
@singledispatch
def draw(task: Task, puzzle: Tokens, answer: Tokens | None = None) -> Drawing:
    """A puzzle (L,), or an answer (L,) with givens marked and rule violations in red."""
    shown = task.show(puzzle) if answer is None else task.decode(answer)
    return text_block(shown.splitlines())


@draw.register
def sudoku(task: Sudoku, puzzle: Tokens, answer: Tokens | None = None) -> Drawing:
    """Digits; givens in bold, repeated digits in red."""
    shown, (tall, wide) = puzzle if answer is None else answer, task.box
    repeated = np.zeros(task.spec.length, bool)
    for group in (group for relation in task.spec.relations for group in relation):
        inside = shown[list(group)]
        repeated[list(group)] |= (inside != BLANK) & ((inside[:, None] == inside[None, :]).sum(1) > 1)
    places = {}
    for i, character in enumerate(task.decode(shown)):
        if character != ".":
            given = bool(puzzle[i] != BLANK)
            color = WRONG if repeated[i] else GIVEN if given else PLAIN
            ground = SHADE if repeated[i] else None
            places[i] = cell(*divmod(i, task.size), character, color, fill=ground, bold=given)
    side = task.size * CELL
    return Drawing(side, side, lattice(task.size, task.size, tall, wide), places)


@draw.register
def sudoku_board(task: SudokuBoards, puzzle: Tokens, answer: Tokens | None = None) -> Drawing:
    """A board without givens."""
    return sudoku(task.sudoku, puzzle, answer)


@draw.register
def queens(task: NQueens, puzzle: Tokens, answer: Tokens | None = None) -> Drawing:
    """Queens on a checkered board; given queens in black, attacked ones in red."""
    n, shown = task.n, puzzle if answer is None else answer
    rows, columns = np.divmod(np.arange(n * n), n)
    queen = shown == QUEEN
    attacked = np.zeros(n * n, bool)
    for number in (rows, columns, rows - columns, rows + columns):
        attacked |= queen & ((queen & (number[:, None] == number[None, :])).sum(1) > 1)
    squares = [
        rectangle(j * CELL, i * CELL, CELL, CELL, "#e8e8e8")
        for i, j in zip(rows.tolist(), columns.tolist(), strict=True)
        if (i + j) % 2
    ]
    places = {}
    for i in np.flatnonzero(queen).tolist():
        given = bool(puzzle[i] == QUEEN)
        color = WRONG if attacked[i] else GIVEN if given else PLAIN
        ground = rectangle(i % n * CELL + 1, i // n * CELL + 1, CELL - 1, CELL - 1, SHADE) if attacked[i] else ""
        middle = (i % n + 0.5) * CELL, (i // n + 0.5) * CELL + 2
        places[i] = ground + letters("\u265b", *middle, 0.85 * CELL, color)
    return Drawing(n * CELL, n * CELL, "".join(squares) + lattice(n, n), places)


@draw.register
def coloring(task: Coloring, puzzle: Tokens, answer: Tokens | None = None) -> Drawing:
    """Vertices on a circle, from the top clockwise; an edge between two of the same color is red."""
    radius = max(60.0, 8.5 * task.n)
    middle = radius + 20
    angles = [2 * math.pi * v / task.n - math.pi / 2 for v in range(task.n)]
    at = [(middle + radius * math.cos(a), middle + radius * math.sin(a)) for a in angles]
    colors = [0] * task.n if answer is None else [int(c) if c.isdigit() else 0 for c in task.decode(answer).split()]
    edges, places = [], {}
    pairs = [(u, v) for u in range(task.n) for v in range(u + 1, task.n)]
    for i, (u, v) in enumerate(pairs):
        if puzzle[i] == EDGE:
            edges.append(line(*at[u], *at[v], "#999999", 1.2))
            if colors[u] and colors[u] == colors[v]:
                places[i] = line(*at[u], *at[v], WRONG, 2.5)
    for v, (x, y) in enumerate(at):
        fill = COLORS[colors[v] - 1] if colors[v] else "#ffffff"
        ring = f'<circle cx="{x:g}" cy="{y:g}" r="11" fill="{fill}" stroke="{GIVEN}"/>'
        places[task.edges + v] = ring + letters(str(v + 1), x, y + 0.5, 11, "#ffffff" if colors[v] else GIVEN)
    return Drawing(2 * middle, 2 * middle, "".join(edges), places)


@draw.register
def maze(task: Maze, puzzle: Tokens, answer: Tokens | None = None) -> Drawing:
    """Walls dark, start and goal as letters, the path as dots."""
    n, side = task.n, 10 if task.n > 15 else 16
    fixed = [rectangle(0, 0, n * side, n * side, "#f4f4f4")]
    places = {}
    for i, token in enumerate(puzzle.tolist()):
        x, y = i % n * side, i // n * side
        if token == WALL:
            fixed.append(rectangle(x, y, side, side, "#4a4a4a"))
        elif token in (START, GOAL):
            name = "S" if token == START else "G"
            fixed.append(letters(name, x + side / 2, y + side / 2, 0.9 * side, WRONG, bold=True))
    for i in [] if answer is None else np.flatnonzero((answer == PATH) & (puzzle != START) & (puzzle != GOAL)).tolist():
        x, y = (i % n + 0.5) * side, (i // n + 0.5) * side
        color = WRONG if puzzle[i] == WALL else PLAIN
        places[i] = f'<circle cx="{x:g}" cy="{y:g}" r="{0.28 * side:g}" fill="{color}"/>'
    return Drawing(n * side, n * side, "".join(fixed), places)


@draw.register
def arc(task: Arc, puzzle: Tokens, answer: Tokens | None = None) -> Drawing:
    """The grid in ARC's colors; a canvas without a grid is empty."""
    grid, side = crop((puzzle if answer is None else answer)[IDENTITY:], task.side), 16
    places = {}
    for row in range(0 if grid is None else grid.shape[0]):
        for column, color in enumerate([] if grid is None else grid[row].tolist()):
            x, y = column * side, row * side
            places[row * task.side + column] = rectangle(x, y, side - 1, side - 1, ARC_COLORS[color])
    return Drawing(task.side * side, task.side * side, "", places)


@draw.register
def digit(task: Mnist, puzzle: Tokens, answer: Tokens | None = None) -> Drawing:
    """White pixels as ink."""
    side, shown = 4, puzzle if answer is None else answer
    places = {
        i: rectangle(i % SIDE * side, i // SIDE * side, side, side, GIVEN)
        for i in np.flatnonzero(shown == WHITE).tolist()
    }
    return Drawing(SIDE * side, SIDE * side, "", places)
