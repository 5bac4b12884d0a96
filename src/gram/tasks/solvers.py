"""Exact enumerators: the truth for validity and coverage. Depth-first search over bit masks."""

import math
from collections.abc import Iterable, Iterator, Sequence

import numpy as np


# queens ---------------------------------------------------------------------------------------------------
def queens(
    n: int, given: Iterable[tuple[int, int]] = (), limit: int | None = None, budget: int | None = None
) -> np.ndarray:
    """Completions of the queens at the (row, column) pairs `given` on an n x n board, at most `limit` of them.

    Returns the column of the queen of each row, (S, n) int64, in lexicographic order.
    RuntimeError when the search visits more than `budget` nodes before it is done."""
    given = list(given)
    # the columns of each row that no given queen attacks; a given queen leaves its own row its own column only
    free = [
        sum(1 << c for c in range(n) if all((row, c) == g or not queens_attack((row, c), g) for g in given))
        for row in range(n)
    ]
    found: list[list[int]] = []
    nodes = 0

    def place(columns: list[int], taken: int, down: int, up: int) -> None:
        nonlocal nodes
        nodes += 1
        if budget is not None and nodes > budget:
            raise RuntimeError(f"the search for queens visited more than {budget} nodes")
        row = len(columns)
        if row == n:
            found.append(columns)
            return
        choices = free[row] & ~(taken | down | up)
        while choices and (limit is None or len(found) < limit):
            bit = choices & -choices
            choices ^= bit
            place([*columns, bit.bit_length() - 1], taken | bit, (down | bit) << 1, (up | bit) >> 1)

    place([], 0, 0, 0)
    return np.array(found, np.int64).reshape(-1, n)


def random_queens(n: int, rng: np.random.Generator) -> np.ndarray:
    """One solution, (n,) int64: depth-first search with columns in random order, begun again when it drags on."""
    while True:
        left = 50 * n
        stack: list[tuple[list[int], int, int, int]] = [([], 0, 0, 0)]
        orders = rng.permuted(np.tile(np.arange(n), (n, 1)), axis=1).tolist()
        while stack and left:
            left -= 1
            columns, taken, down, up = stack.pop()
            if len(columns) == n:
                return np.array(columns, np.int64)
            blocked = taken | down | up
            for column in orders[len(columns)]:
                bit = 1 << column
                if not blocked & bit:
                    stack.append(([*columns, column], taken | bit, (down | bit) << 1, (up | bit) >> 1))


def queens_attack(a: tuple[int, int], b: tuple[int, int]) -> bool:
    """Whether queens at two (row, column) pairs attack each other."""
    return a[0] == b[0] or a[1] == b[1] or abs(a[0] - b[0]) == abs(a[1] - b[1])


# sudoku --------------------------------------------------------------------------------------------------
class Units:
    """Grids of digits 0..size-1 in which no unit (a group of `size` cells) holds a digit twice: Sudoku, Latin squares.

    A state is one bit mask of cells per digit: where that digit may still stand. Counting candidates is then a
    handful of operations on whole boards, which is what makes plain Python integers fast enough.
    """

    def __init__(self, size: int, units: Iterable[tuple[int, ...]]):
        self.size = size
        self.masks = [sum(1 << cell for cell in unit) for unit in units]
        self.board = 0
        for mask in self.masks:
            self.board |= mask
        cells = [1 << i for i in range(self.board.bit_length())]
        self.peers = {cell: 0 for cell in cells}
        for cell in cells:
            for mask in self.masks:
                if mask & cell:
                    self.peers[cell] |= mask & ~cell

    def solutions(
        self,
        givens: Sequence[int],
        budget: int | None = None,
        rng: np.random.Generator | None = None,
        barred: tuple[int, int] | None = None,
    ) -> Iterator[list[int]]:
        """Yield every filling, a list of digits per cell, that keeps `givens` (a digit per cell, -1 for blank).

        `rng` tries digits in random order (the first filling is then a random one). `barred` = (cell, digit) leaves
        that digit out of that cell. RuntimeError when the search visits more than `budget` nodes."""
        given = [sum(1 << i for i, digit in enumerate(givens) if digit == d) for d in range(self.size)]
        free = self.board & ~sum(given)
        start = [free | cells for cells in given]
        if barred is not None:
            start[barred[1]] &= ~(1 << barred[0])
        stack, nodes = [(start, 0)], 0
        while stack:
            nodes += 1
            if budget is not None and nodes > budget:
                raise RuntimeError(f"the search visited more than {budget} nodes; raise the budget or lower the limit")
            possible, placed = stack.pop()
            placed, branch = self._propagate(possible, placed)
            if placed == self.board:
                digits = [0] * len(givens)
                for d, cells in enumerate(possible):
                    while cells:
                        digits[cells.bit_length() - 1] = d
                        cells ^= 1 << (cells.bit_length() - 1)
                yield digits
            elif branch:
                choices = [d for d in range(self.size) if possible[d] & branch]
                if rng is not None:
                    rng.shuffle(choices)
                for d in reversed(choices):
                    child = [cells & ~branch for cells in possible]
                    child[d] |= branch
                    stack.append((child, placed))

    def _propagate(self, possible: list[int], placed: int) -> tuple[int, int]:
        """Place all singles, in place -> (cells placed, cell to branch on). The cell is 0 at a solution or dead end."""
        while True:
            once = twice = thrice = 0  # cells with at least one, two, three candidates
            for cells in possible:
                thrice |= twice & cells
                twice |= once & cells
                once |= cells
            if once != self.board:
                return 0, 0
            fresh = once & ~twice & ~placed
            if fresh:
                placed |= fresh
                for d in range(self.size):
                    cells = possible[d] & fresh
                    while cells:
                        cell = cells & -cells
                        possible[d] &= ~self.peers[cell]
                        cells ^= cell
                continue
            if placed == self.board:
                return placed, 0
            found = False
            for d in range(self.size):
                cells = possible[d]
                if not cells & twice:
                    continue  # the digit stands everywhere already, or nowhere it still could
                for mask in self.masks:
                    cell = cells & mask
                    if cell & (cell - 1):
                        continue
                    if not cell:
                        return 0, 0
                    if cell & twice:  # the only place of this digit in this unit
                        possible[:] = [others & ~cell for others in possible]
                        possible[d] |= cell
                        cells, found = possible[d], True
                        twice &= ~cell
            if not found:
                pairs = twice & ~thrice
                return placed, pairs & -pairs if pairs else self._fewest(possible, twice)

    def _fewest(self, possible: list[int], open_cells: int) -> int:
        cells = [1 << i for i in range(open_cells.bit_length()) if open_cells >> i & 1]
        return min(cells, key=lambda cell: sum(1 for others in possible if others & cell))


# coloring ------------------------------------------------------------------------------------------------
def colorings(neighbors: Sequence[int], k: int, limit: int | None = None, budget: int | None = None) -> np.ndarray:
    """Proper colorings with at most k colors, canonical by first use: vertex 0 has color 1, the next new one is 2.

    neighbors[v] is the bit mask of the vertices next to v. At most `limit` colorings, (S, n) uint8 of colors 1..k,
    in lexicographic order. RuntimeError when the search visits more than `budget` nodes before it is done."""
    n = len(neighbors)
    found: list[list[int]] = []
    nodes = 0

    def paint(colors: list[int], classes: list[int]) -> None:
        nonlocal nodes
        nodes += 1
        if budget is not None and nodes > budget:
            raise RuntimeError(f"the search for colorings visited more than {budget} nodes")
        v = len(colors)
        if v == n:
            found.append(colors)
            return
        # the colors in use, then one new color: a second new one would only rename the first
        for c in range(min(len(classes) + 1, k)):
            if limit is not None and len(found) >= limit:
                return
            if c == len(classes):
                paint([*colors, c + 1], [*classes, 1 << v])
            elif not classes[c] & neighbors[v]:
                paint([*colors, c + 1], [*classes[:c], classes[c] | 1 << v, *classes[c + 1 :]])

    paint([], [])
    return np.array(found, np.uint8).reshape(-1, n)


def count_colorings(neighbors: Sequence[int], k: int) -> int:
    """Proper colorings with labeled colors 1..k: a canonical one that uses j colors stands for k! / (k - j)!."""
    used = colorings(neighbors, k).max(axis=1, initial=0)
    return sum(math.perm(k, j) * int(times) for j, times in enumerate(np.bincount(used)))


def colorings_of_many(adjacency: np.ndarray, k: int, most: int) -> tuple[np.ndarray, np.ndarray]:
    """`colorings` of many graphs at once, vertex by vertex, breadth first.

    adjacency (G, n, n) bool -> colorings (S, n) uint8, those of one graph side by side and in lexicographic order,
    and their number per graph, (G,) int64. A graph is given up, with number -1 and no colorings, when more than
    `most` colorings of its first vertices are open at once."""
    graphs, n, _ = adjacency.shape
    owner, colors, used = np.arange(graphs), np.zeros((graphs, n), np.uint8), np.zeros(graphs, np.int64)
    given_up = np.zeros(graphs, bool)
    for v in range(n):
        masks = np.where(adjacency[owner, v, :v], np.uint16(1) << colors[:, :v].astype(np.uint16), np.uint16(0))
        taken = np.bitwise_or.reduce(masks, axis=1, dtype=np.uint16)
        names = np.arange(1, k + 1, dtype=np.uint16)
        free = ((taken[:, None] >> names) & 1 == 0) & (names <= used[:, None] + 1)
        row, c = np.nonzero(free)
        owner, colors, used = owner[row], colors[row], np.maximum(used[row], c + 1)
        colors[:, v] = c + 1
        given_up |= np.bincount(owner, minlength=graphs) > most
        if given_up.any():
            keep = ~given_up[owner]
            owner, colors, used = owner[keep], colors[keep], used[keep]
    return colors, np.where(given_up, -1, np.bincount(owner, minlength=graphs))
