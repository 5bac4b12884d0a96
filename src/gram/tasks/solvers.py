"""Exact enumeration, the ground truth for validity and coverage. Depth-first search over bit masks."""

import math
from collections.abc import Iterable, Iterator, Sequence

import numpy as np


# queens ---------------------------------------------------------------------------------------------------
def queens(
    n: int, given: Iterable[tuple[int, int]] = (), limit: int | None = None, budget: int | None = None
) -> np.ndarray:
    """Completions of the queens at the (row, column) pairs `given` on an n x n board, at most `limit` of them.

    Returns the column of the queen of each row, (S, n) int64, in lexicographic order.
    RuntimeError if the search visits more than `budget` nodes before it ends."""
    given = list(given)
    # the columns of each row that no given queen attacks; the row of a given queen has only its column
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
            raise RuntimeError(f"The search for queens visited more than {budget} nodes.")
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
    """One solution, (n,) int64: depth-first search with columns in random order, restarted if it takes too long."""
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
    """Grids of digits 0..size-1 without repeated digits in any unit (a group of `size` cells): Sudoku, Latin squares.

    A state has one bit mask per digit: the cells that may still hold it. Counting candidates then takes a few
    operations on whole boards, so that plain Python integers are fast enough.
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
        """Yield every solution, a list of one digit per cell, that keeps `givens` (one digit per cell, -1 for blank).

        `rng` tries digits in random order, so that the first solution is random. `barred` = (cell, digit) excludes that
        digit from that cell. RuntimeError if the search visits more than `budget` nodes."""
        start = self._start(givens)
        if barred is not None:
            start[barred[1]] &= ~(1 << barred[0])
        stack, nodes = [(start, 0)], 0
        while stack:
            nodes += 1
            if budget is not None and nodes > budget:
                raise RuntimeError(f"The search visited more than {budget} nodes; raise the budget or lower the limit.")
            possible, placed = stack.pop()
            placed, branch = self._propagate(possible, placed)
            if placed == self.board:
                yield self._digits(possible)
            elif branch:
                choices = [d for d in range(self.size) if possible[d] & branch]
                if rng is not None:
                    rng.shuffle(choices)
                for d in reversed(choices):
                    child = [cells & ~branch for cells in possible]
                    child[d] |= branch
                    stack.append((child, placed))

    def cases(self, givens: Sequence[int]) -> list[list[int]]:
        """`givens` with one more digit, once for each candidate of one cell: together they have all solutions. Empty if
        the singles lead to a contradiction; the solution itself if they lead to it."""
        possible = self._start(givens)
        placed, branch = self._propagate(possible, 0)
        if placed == self.board:
            return [self._digits(possible)]
        cell = branch.bit_length() - 1
        return [[*givens[:cell], d, *givens[cell + 1 :]] for d in range(self.size) if possible[d] & branch]

    def _start(self, givens: Sequence[int]) -> list[int]:
        """For each digit the cells that hold it or are blank."""
        given = [sum(1 << i for i, digit in enumerate(givens) if digit == d) for d in range(self.size)]
        free = self.board & ~sum(given)
        return [free | cells for cells in given]

    def _digits(self, possible: list[int]) -> list[int]:
        """The digit of each cell, where one is left."""
        digits = [0] * self.board.bit_length()
        for d, cells in enumerate(possible):
            while cells:
                digits[cells.bit_length() - 1] = d
                cells ^= 1 << (cells.bit_length() - 1)
        return digits

    def _propagate(self, possible: list[int], placed: int) -> tuple[int, int]:
        """Fill in all singles, in place -> (filled cells, cell to branch on). The cell is 0 at a solution or dead
        end."""
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
                    continue  # the digit is complete, or impossible
                for mask in self.masks:
                    cell = cells & mask
                    if cell & (cell - 1):
                        continue
                    if not cell:
                        return 0, 0
                    if cell & twice:  # the only cell for this digit in this unit
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
    in lexicographic order. RuntimeError if the search visits more than `budget` nodes before it ends."""
    n = len(neighbors)
    found: list[list[int]] = []
    nodes = 0

    def paint(colors: list[int], classes: list[int]) -> None:
        nonlocal nodes
        nodes += 1
        if budget is not None and nodes > budget:
            raise RuntimeError(f"The search for colorings visited more than {budget} nodes.")
        v = len(colors)
        if v == n:
            found.append(colors)
            return
        # the colors in use, then one new color; a second new one would only rename the first
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
    """Number of proper colorings with labeled colors 1..k: a canonical one with j colors counts as k! / (k - j)!."""
    used = colorings(neighbors, k).max(axis=1, initial=0)
    return sum(math.perm(k, j) * int(times) for j, times in enumerate(np.bincount(used)))


def colorings_of_many(adjacency: np.ndarray, k: int, most: int) -> tuple[np.ndarray, np.ndarray]:
    """`colorings` of many graphs at once, vertex by vertex, breadth first.

    adjacency (G, n, n) bool -> colorings (S, n) uint8, grouped by graph in lexicographic order, and their number per
    graph, (G,) int64. A graph with more than `most` open partial colorings is given up, with number -1 and no
    colorings."""
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
