"""Grids of ARC: how they lie on a canvas, and the views that they are seen through. H rows, W columns, N side.

A canvas is N x N tokens: padding 0, end marker 1 in the column right of the grid and in the row below it (where there
is room), colors 0 to 9 as 2 to 11. This is the format of the published HRM and TRM code, written again.
"""

from dataclasses import dataclass

import numpy as np

from gram.tasks.spec import PAD, Tokens

END, COLOR = 1, 2
"""Tokens: the end marker, and color 0."""
COLORS = 10
Grid = np.ndarray
"""(H, W) uint8, colors 0 to 9."""


@dataclass(frozen=True)
class View:
    """One of the 8 symmetries of the square, then a permutation of the colors."""

    turn: int
    """0 to 3: quarter turns to the left; 4 to 7: transposed before them."""
    colors: tuple[int, ...]
    """New color of each of the ten colors; 0 stays 0."""

    def apply(self, grid: Grid) -> Grid:
        """(H, W) -> (H, W) or (W, H)."""
        turned = np.rot90(grid.T if self.turn >= 4 else grid, self.turn % 4)
        return np.array(self.colors, np.uint8)[turned]

    def undo(self, grid: Grid) -> Grid:
        """The inverse of `apply`."""
        return self.turn_back(np.argsort(self.colors).astype(np.uint8)[grid])

    def turn_back(self, cells: np.ndarray) -> np.ndarray:
        """What belongs to each cell of a grid that `apply` made, where it lies in the grid itself."""
        turned = np.rot90(cells, -(self.turn % 4))
        return np.ascontiguousarray(turned.T if self.turn >= 4 else turned)


PLAIN = View(0, tuple(range(COLORS)))


def views(count: int) -> tuple[View, ...]:
    """The first `count` variants that every task is trained in: as it is, then random views, each once, always the
    same."""
    rng, found = np.random.default_rng(0), {PLAIN: None}
    while len(found) < count:
        colors = (0, *(1 + rng.permutation(COLORS - 1)).tolist())
        found.setdefault(View(int(rng.integers(8)), colors))
    return tuple(found)


# on the canvas --------------------------------------------------------------------------------------------
def place(grid: Grid, side: int, row: int = 0, column: int = 0) -> Tokens:
    """A grid on a canvas with its first cell at (row, column), as (N * N,) uint8."""
    H, W = grid.shape
    canvas = np.full((side + 1, side + 1), PAD, np.uint8)
    canvas[row : row + H, column : column + W] = grid + COLOR
    canvas[row + H, column : column + W] = END
    canvas[row : row + H, column + W] = END
    return canvas[:side, :side].reshape(-1)


def corner(canvas: Tokens, side: int) -> tuple[int, int]:
    """Position of the first cell: the first row and column with more than padding."""
    filled = canvas.reshape(side, side) != PAD
    return int(filled.any(1).argmax()), int(filled.any(0).argmax())


def crop(canvas: Tokens, side: int, row: int = 0, column: int = 0) -> Grid | None:
    """The grid with its first cell at (row, column): the largest rectangle from there that holds colors only (of
    equally large ones that of the fewest rows). None if that cell holds no color."""
    inside = canvas.reshape(side, side)[row:, column:] >= COLOR
    widths = np.minimum.accumulate(np.logical_and.accumulate(inside, axis=1).sum(1))
    areas = widths * np.arange(1, len(widths) + 1)
    H = int(areas.argmax()) + 1
    if not areas[H - 1]:
        return None
    return canvas.reshape(side, side)[row : row + H, column : column + widths[H - 1]] - np.uint8(COLOR)


def room(side: int, *grids: Grid) -> tuple[int, int]:
    """Rows and columns that all of the grids can be moved by on one canvas, 0 included."""
    return side - max(len(grid) for grid in grids) + 1, side - max(grid.shape[1] for grid in grids) + 1


# as text --------------------------------------------------------------------------------------------------
def write(grid: Grid) -> str:
    """Rows of digits with / between them."""
    return "/".join("".join(map(str, row)) for row in grid.tolist())


def parse(text: str) -> Grid:
    """The inverse of `write`. ValueError says which row is wrong."""
    rows = text.strip().strip("/").split("/")
    for number, row in enumerate(rows, 1):
        if not (row.isascii() and row.isdigit()):
            raise ValueError(
                f"Row {number} of the grid is {row[:40]!r}; write its colors as digits, with / between rows."
            )
        if len(row) != len(rows[0]):
            raise ValueError(f"Row {number} of the grid has {len(row)} cells and row 1 has {len(rows[0])}; repair it.")
    return np.array([[int(cell) for cell in row] for row in rows], np.uint8)


# content --------------------------------------------------------------------------------------------------
def same_in_all_views(input: Grid, output: Grid) -> bytes:
    """A name of a pair that all its views share: the smallest of its 8 turns with colors numbered by first use."""
    return min(_named(*(View(turn, PLAIN.colors).apply(grid) for grid in (input, output))) for turn in range(8))


def _named(*grids: Grid) -> bytes:
    cells = np.concatenate([grid.reshape(-1) for grid in grids])
    _, first, which = np.unique(cells, return_index=True, return_inverse=True)
    order = np.argsort(np.argsort(first))
    return bytes([size for grid in grids for size in grid.shape]) + order[which].astype(np.uint8).tobytes()


def outline(input: Grid, output: Grid) -> tuple:
    """What is quickly seen of a pair and shared by all its views: the sizes, and how often each color occurs."""
    counts = np.stack([np.bincount(grid.reshape(-1), minlength=COLORS) for grid in (input, output)], 1)
    return *(tuple(sorted(grid.shape)) for grid in (input, output)), *sorted(map(tuple, counts.tolist()))
