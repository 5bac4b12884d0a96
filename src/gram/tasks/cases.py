"""Cases of a puzzle: partly answered boards that share out all of its answers, by the rules alone. Numpy only.

A partly answered board is tokens (L,): the puzzle with more of its answer filled in. Splitting a puzzle, then its
cases, and so on leads to every answer exactly once, so that a search over cases can prove that no answer is missing.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from gram.tasks.solvers import Units

Tokens = np.ndarray  # uint8


class Rules(Protocol):
    """What cases need of their task (gram.tasks.base.Task)."""

    spec: Any

    def check(self, puzzles: Tokens, answers: Tokens) -> np.ndarray: ...
    def canonical(self, answers: Tokens) -> Tokens: ...


class Cases(ABC):
    """How the puzzles of one task are split into cases."""

    def __init__(self, task: Rules):
        self.task = task

    @abstractmethod
    def split(self, board: Tokens) -> Tokens:
        """A partly answered board (L,) -> its cases (S, L): each answer of the board is an answer of exactly one. None
        if the rules exclude every answer; a single complete board if they leave only that."""

    def fits(self, board: Tokens, answers: Tokens) -> np.ndarray:
        """Which answers (B, L) to the puzzle are also answers to the board, (B,) bool."""
        return self.task.check(np.broadcast_to(board, answers.shape), answers)

    def pose(self, board: Tokens) -> Tokens:
        """The board as a puzzle (L,) for a network."""
        return board

    def lift(self, board: Tokens, answers: Tokens) -> Tokens:
        """Answers (B, L) to the posed puzzle -> answers to the board, if they obey the rules."""
        return answers


# queens ---------------------------------------------------------------------------------------------------
class QueensCases(Cases):
    """The cells of the row or column that has the fewest free ones. Tokens: 1 empty or not given, 2 queen."""

    def __init__(self, task: Rules, n: int):
        super().__init__(task)
        row, column = np.divmod(np.arange(n * n), n)
        shared = (
            (row[:, None] == row)
            | (column[:, None] == column)
            | (row[:, None] - column[:, None] == row - column)
            | (row[:, None] + column[:, None] == row + column)
        )
        self.attacked = [_bits(np.flatnonzero(cells)) for cells in shared]
        """The cells that a queen at each cell attacks, and its own, as bits."""
        self.lines = [_bits(np.flatnonzero(line == i)) for line in (row, column) for i in range(n)]

    def split(self, board: Tokens) -> Tokens:
        queens = np.flatnonzero(board == 2).tolist()
        free = (1 << len(board)) - 1
        for cell in queens:
            free &= ~self.attacked[cell]
        open_lines = [line for line in self.lines if not any(line >> cell & 1 for cell in queens)]
        while open_lines:
            line = min(open_lines, key=lambda line: (line & free).bit_count())
            cells = line & free
            if cells & (cells - 1) or not cells:
                return _with(board, _places(cells), 2)
            queens.append(cells.bit_length() - 1)
            free &= ~self.attacked[queens[-1]]
            open_lines = [line for line in open_lines if not line & cells]
        complete = board.copy()
        complete[queens] = 2
        return complete[None]


# grids of digits ------------------------------------------------------------------------------------------
class UnitCases(Cases):
    """The digits of a cell with few candidates (see Units). Tokens: 1 blank, digit d is d + 1."""

    def __init__(self, task: Rules, units: Units):
        super().__init__(task)
        self.units = units

    def split(self, board: Tokens) -> Tokens:
        found = self.units.cases((board.astype(int) - 2).tolist())
        return (np.array(found, np.int64).reshape(-1, len(board)) + 2).astype(np.uint8)


# coloring -------------------------------------------------------------------------------------------------
class ColoringCases(Cases):
    """The colors of the vertex that has the fewest left. A partly answered board has tokens of colors at some vertices;
    a color that no vertex has yet stands for all such. It is posed as a graph: the vertices of a color become one,
    joined to those of the other colors, and the others of them are isolated."""

    def __init__(self, task: Rules, adjacent: np.ndarray, colors: int):
        """adjacent: the edge position of each pair of vertices, (n, n)."""
        super().__init__(task)
        self.edge_of, self.colors, self.n = adjacent, colors, len(adjacent)
        self.blank, self.first = task.spec.vocabulary - 1, task.spec.symbols[0]

    def split(self, board: Tokens) -> Tokens:
        linked, colors = self._linked(board), self._colors(board)
        while (colors < 0).any():
            near = np.zeros((self.n, self.colors), bool)  # the colors next to each vertex
            for color in range(self.colors):
                near[:, color] = linked[:, colors == color].any(1)
            possible = ~near & (np.arange(self.colors) <= colors.max(initial=-1) + 1)
            number = np.where(colors < 0, possible.sum(1), self.colors + 1)
            at = int(np.lexsort((-linked.sum(1), number))[0])
            if number[at] != 1:
                where, tokens = self.task.spec.answer_start + at, np.flatnonzero(possible[at]) + self.first
                return self.task.canonical(_with(self._board(board, colors), [where], tokens))
            colors[at] = possible[at].argmax()
        return self.task.canonical(self._board(board, colors)[None])

    def fits(self, board: Tokens, answers: Tokens) -> np.ndarray:
        start = self.task.spec.answer_start
        left = board[start:] == self.blank
        known = answers.copy()
        known[:, start:][:, left] = self.blank
        same = self.task.canonical(known)[:, start:] == self.task.canonical(board[None])[:, start:]
        return same.all(1) & super().fits(board, answers)

    def pose(self, board: Tokens) -> Tokens:
        first, linked = self._merged(board), self._linked(board)
        u, v = np.nonzero(linked)
        joined = np.zeros_like(linked)
        joined[first[u], first[v]] = True
        heads = np.flatnonzero((self._colors(board) >= 0) & (first == np.arange(self.n)))
        joined[np.ix_(heads, heads)] = heads[:, None] != heads
        left, right = np.triu_indices(self.n, 1)
        puzzle = board.copy()
        puzzle[self.edge_of[left, right]] = 1 + joined[left, right]
        puzzle[self.task.spec.answer_start :] = self.blank
        return puzzle

    def lift(self, board: Tokens, answers: Tokens) -> Tokens:
        start = self.task.spec.answer_start
        return self.task.canonical(np.hstack([answers[:, :start], answers[:, start:][:, self._merged(board)]]))

    def _linked(self, board: Tokens) -> np.ndarray:
        """(n, n) bool."""
        return (board[self.edge_of] == 2) & ~np.eye(self.n, dtype=bool)

    def _colors(self, board: Tokens) -> np.ndarray:
        """The color of each vertex from 0, -1 without one, (n,) int64."""
        tokens = board[self.task.spec.answer_start :].astype(np.int64)
        return np.where(tokens == self.blank, -1, tokens - self.first)

    def _board(self, board: Tokens, colors: np.ndarray) -> Tokens:
        """The board with these colors."""
        found = board.copy()
        found[self.task.spec.answer_start :] = np.where(colors < 0, self.blank, colors + self.first)
        return found

    def _merged(self, board: Tokens) -> np.ndarray:
        """For each vertex the first one of its color, or itself without one, (n,) int64."""
        colors, own = self._colors(board), np.arange(self.n)
        same = (colors[:, None] == colors) & (colors >= 0)
        return np.where(colors < 0, own, same.argmax(1))


def _bits(cells: np.ndarray) -> int:
    return sum(1 << cell for cell in cells.tolist())


def _places(bits: int) -> list[int]:
    return [i for i in range(bits.bit_length()) if bits >> i & 1]


def _with(board: Tokens, positions: Sequence[int], tokens: int | np.ndarray) -> Tokens:
    """The board once for each position and token, broadcast, with that token there."""
    where, what = np.broadcast_arrays(np.asarray(positions, np.int64), tokens)
    found = np.repeat(board[None], len(where), 0)
    found[np.arange(len(where)), where] = what
    return found
