"""Mazes: mark a shortest path from start to goal. Text, rules, symmetries, files. The generator is in generator.py.

Tokens: padding 0, `#` wall 1, blank free 2, `S` start 3, `G` goal 4, `o` path 5 (the convention of the HRM and TRM data
builders). If several paths are shortest, all are correct. The target is then the first one when moves from the start
are tried in the order down, left, right, up, as in the published 30x30 mazes.
"""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np

from gram.tasks.base import Symmetry, Task, square_views
from gram.tasks.data.files import read_columns, tokens_of
from gram.tasks.maze.generator import distances, make
from gram.tasks.reading import boards, mazes
from gram.tasks.reading.content import Content, Found, one, single
from gram.tasks.spec import SPLITS, Examples, TaskSpec, Tokens, splits_of

WALL, FREE, START, GOAL, PATH = range(1, 6)
CHARACTERS = "# SGo"
COUNTS = {"train": 20_000, "dev": 1_000, "test": 1_000}
MOVES = ((1, 0), (0, -1), (0, 1), (-1, 0))
"""Down, left, right, up: the order in which equally short paths are tried."""


class Maze(Task):
    """Mazes of n x n cells, 5 <= n <= 40, read row by row; steps go down, left, right and up. L = n * n, V = 6."""

    answered = ".csv", ".csv.gz"

    def __init__(self, n: int):
        if not 5 <= n <= 40:
            raise ValueError(f"Mazes have 5 to 40 rows, not {n}.")
        self.n = n
        self.spec = TaskSpec(name=f"maze-{n}", length=n * n, vocabulary=6, directed=_directed(n))
        self._views = square_views(n)
        self._token_of = np.zeros(256, np.uint8)  # character code -> token; 0 if it is not a cell
        self._token_of[[ord(c) for c in CHARACTERS]] = np.arange(1, 6)
        self._token_of[ord(".")] = FREE

    # text -------------------------------------------------------------------------------------------------
    def encode(self, puzzle: str) -> Tokens:
        """Text of one maze -> tokens (L,) uint8.

        n rows of n characters, separated by line ends or `/`, or n * n characters without separators: `#`, blank or
        `.`, one `S` and one `G`; or one maze in any form that gram.tasks.reading.mazes reads. ValueError for a wrong
        size, an invalid character, or more or less than one start and one goal."""
        return one(puzzle, self._strictly, lambda text: [maze.text for maze in mazes.mazes_of(text, self.n)])

    def _strictly(self, puzzle: str) -> Tokens:
        """A maze of `#`, blank or `.`, `S` and `G` as tokens."""
        n = self.n
        rows = puzzle.replace("\r\n", "\n").strip("\n").replace("/", "\n").split("\n")
        text = "".join(rows)
        if not (len(rows) == 1 and len(text) == n * n):
            if len(rows) != n:
                raise ValueError(
                    f"{self.spec.name} needs {n} rows of {n} characters or {n * n} characters on one line; "
                    f"the text has {len(rows)} row{'s' * (len(rows) != 1)}, {len(text)} characters."
                )
            for number, row in enumerate(rows, 1):
                if len(row) != n:
                    raise ValueError(
                        f"Row {number} has {len(row)} characters, but {self.spec.name} needs {n}; write . for free "
                        "cells if blanks get lost."
                    )
        for cell, character in enumerate(text):
            if character == "o" or ord(character) >= 256 or not self._token_of[ord(character)]:
                raise ValueError(
                    f"{character!r} in row {cell // n + 1}, column {cell % n + 1} is not a cell; write # for a wall, "
                    "a blank or . for a free cell, S for the start and G for the goal."
                )
        if text.count("S") != 1 or text.count("G") != 1:
            raise ValueError(
                f"A maze needs one S and one G, not {text.count('S')} S and {text.count('G')} G; correct it."
            )
        return self._token_of[[ord(character) for character in text]]

    def decode(self, tokens: Tokens) -> str:
        """Answer tokens (L,) -> n rows separated by newlines; padding reads as `?`."""
        return "\n".join(self._rows(tokens))

    def show(self, tokens: Tokens) -> str:
        """Puzzle tokens (L,) -> the rows on one line, separated by `/`."""
        return "/".join(self._rows(tokens))

    def render(self, puzzle: Tokens, answer: Tokens | None = None) -> str:
        """A picture of two characters per cell: walls filled, start and goal bold, the path in yellow."""
        cells = ["??", "██", "  ", "\x1b[1mS \x1b[0m", "\x1b[1mG \x1b[0m", "\x1b[33m• \x1b[0m"]
        board = (puzzle if answer is None else answer).reshape(self.n, self.n)
        edge = "─" * (2 * self.n)
        return "\n".join([f"┌{edge}┐", *("│" + "".join(cells[t] for t in row) + "│" for row in board), f"└{edge}┘"])

    def understand(self, content: Content, *, base: int | None = None) -> Found:
        """The mazes of an input; those with fewer than n rows or columns are filled up with walls."""
        if content.items is None:
            try:
                found, form = mazes.mazes_of(content.text, self.n), "mazes as text"
            except ValueError as error:
                raise ValueError(f"{content.where}{', ' if str(error).startswith('line') else ': '}{error}") from None
        elif content.items and isinstance(content.items[0], tuple):
            name, array = boards.chosen(content.items)
            found, form = mazes.of_array(name, array, self.n), f"array {name}"
        else:
            values = [value for item in content.items for value in single(item, mazes.is_maze)]
            found = [mazes.Read(value) if isinstance(value, str) else mazes.of_rows(value, self.n) for value in values]
            form = "mazes apart"
        notes = tuple(dict.fromkeys(maze.note for maze in found if maze.note))
        return Found([maze.text for maze in found], (*content.form, form), notes)

    def read_examples(self, path: Path) -> Examples:
        """A CSV file (or `.gz`) with the columns `question` and `answer`, each n * n characters.

        FileNotFoundError; ValueError names a missing column, or the first row that is not a maze or whose answer
        is not a shortest path."""
        texts = read_columns(Path(path), "question", "answer")
        inputs, targets = (tokens_of(part, self._token_of, self.spec.length, path) for part in texts)
        ends = ((inputs == START).sum(1) == 1) & ((inputs == GOAL).sum(1) == 1) & (inputs != PATH).all(1)
        if not ends.all():
            row = int(ends.argmin()) + 1
            raise ValueError(
                f"{path}: row {row} is not a maze with one S, one G and no path; correct it or leave it out."
            )
        wrong = np.flatnonzero(~self.check(inputs, targets))
        if len(wrong):
            raise ValueError(
                f"{path}: the answer of row {wrong[0] + 1} is not a shortest path of its maze "
                f"({len(wrong)} such rows); correct it."
            )
        return Examples.single(inputs, targets)

    def _rows(self, tokens: Tokens) -> list[str]:
        text = "".join(("?" + CHARACTERS)[token] for token in tokens)
        return [text[i : i + self.n] for i in range(0, len(text), self.n)]

    # rules ------------------------------------------------------------------------------------------------
    def conflicts(self, puzzles: Tokens, answers: Tokens) -> np.ndarray:
        """(B, L), (B, L) -> (B,) int64: cells that differ from the maze except for the path on free cells, plus broken
        ends (start and goal touch one path cell, path cells touch two), plus the surplus or missing path cells compared
        with a shortest path. 0 iff the path is shortest."""
        d = self._moves(puzzles)
        return self._breaks(puzzles, answers) + np.abs((answers == PATH).sum(1) - (d - 1))

    def check(self, puzzles: Tokens, answers: Tokens) -> np.ndarray:
        """Whether each answer is the maze with a shortest path, (B,) bool. Computes distances only if all else is
        correct."""
        right = self._breaks(puzzles, answers) == 0
        right[right] = (answers[right] == PATH).sum(1) == self._moves(puzzles[right]) - 1
        return right

    def _breaks(self, puzzles: Tokens, answers: Tokens) -> np.ndarray:
        """Changed cells and broken ends, (B,)."""
        changed = (answers != puzzles) & ~((answers == PATH) & (puzzles == FREE))
        ends = (puzzles == START) | (puzzles == GOAL)
        way = ends | (answers == PATH)
        padded = np.pad(way.reshape(-1, self.n, self.n), ((0, 0), (1, 1), (1, 1))).astype(np.int8)
        touching = padded[:, 2:, 1:-1] + padded[:, :-2, 1:-1] + padded[:, 1:-1, 2:] + padded[:, 1:-1, :-2]
        broken = way & (touching.reshape(way.shape) != np.where(ends, 1, 2))
        return changed.sum(1) + broken.sum(1)

    def _moves(self, puzzles: Tokens) -> np.ndarray:
        """Moves of a shortest path, (B,) int64; n * n if there is none."""
        found = self._to_goal(puzzles)[puzzles == START].astype(np.int64)
        return np.where(found < 0, self.spec.length, found)

    def _to_goal(self, puzzles: Tokens) -> np.ndarray:
        """Moves from each cell to the goal, (B, L) int16; -1 if there is no path."""
        open_cells = (puzzles != WALL).reshape(-1, self.n, self.n)
        moves, _ = distances(open_cells, (puzzles == GOAL).argmax(1))
        return moves.reshape(puzzles.shape)

    def first_path(self, puzzles: Tokens) -> Tokens:
        """Solvable mazes (B, L) -> each with its first shortest path in the order of MOVES, (B, L)."""
        width = self.n + 2
        around = np.pad(
            self._to_goal(puzzles).reshape(-1, self.n, self.n), ((0, 0), (1, 1), (1, 1)), constant_values=-1
        )
        around = around.reshape(len(puzzles), width * width)
        row, column = np.divmod((puzzles == START).argmax(1), self.n)
        here, rows = (row + 1) * width + column + 1, np.arange(len(puzzles))
        offsets = np.array([down * width + right for down, right in MOVES])
        answers = puzzles.copy()
        while True:
            rows = rows[around[rows, here[rows]] > 1]
            if not len(rows):
                return answers
            ahead = here[rows, None] + offsets
            nearer = around[rows[:, None], ahead] == around[rows, here[rows]][:, None] - 1
            here[rows] = ahead[np.arange(len(rows)), nearer.argmax(1)]
            row, column = np.divmod(here[rows], width)
            answers[rows, (row - 1) * self.n + column - 1] = PATH

    def solutions(self, puzzle: Tokens, limit: int | None = None, budget: int | None = None) -> Tokens:
        """All shortest paths of one maze (L,), at most `limit`, (S, L) uint8, in the order of MOVES; none if the goal
        is unreachable. RuntimeError after more than `budget` nodes: cells entered, plus the cells of each path
        found."""
        paths = list(islice(self._paths(puzzle, budget), limit))
        answers = np.tile(puzzle, (len(paths), 1))
        for answer, path in zip(answers, paths, strict=True):
            answer[path] = PATH
        return answers

    def _paths(self, puzzle: Tokens, budget: int | None) -> Iterator[list[int]]:
        """The free cells of each shortest path, by depth-first search towards the goal without dead ends."""
        n, steps = self.n, self._to_goal(puzzle[None])[0].tolist()
        start = int((puzzle == START).argmax())
        nodes, path, ahead = 0, [start], [_neighbors(start, n)]
        while path and steps[start] > 0:
            cell = next((c for c in ahead[-1] if steps[c] == steps[path[-1]] - 1), None)
            if cell is None:
                path.pop()
                ahead.pop()
                continue
            nodes += 1 if steps[cell] else len(path)
            if budget is not None and nodes > budget:
                raise RuntimeError(
                    f"The search visited more than {budget} nodes; request fewer paths or raise the budget."
                )
            if steps[cell] == 0:
                yield path[1:]
            else:
                path.append(cell)
                ahead.append(_neighbors(cell, n))

    # symmetries -------------------------------------------------------------------------------------------
    def symmetry(self, rng: np.random.Generator, batch: int) -> Symmetry:
        """One of the 8 symmetries of the square per row; tokens stay."""
        tokens = np.broadcast_to(np.arange(self.spec.vocabulary), (batch, self.spec.vocabulary))
        return Symmetry(self._views[rng.integers(len(self._views), size=batch)], tokens)

    def sides(self) -> np.ndarray:
        """The 8 symmetries of the square."""
        return self._views

    def preferred(self, puzzles: Tokens, answers: Tokens) -> Tokens:
        """The first shortest path of each maze, as in the published data."""
        return self.first_path(puzzles)

    # data -------------------------------------------------------------------------------------------------
    def examples(self, split: str, seed: int = 0, count: int | None = None) -> Examples:
        """Generated mazes (see generator.make), each with its first shortest path: `count` of them, or 20,000 for train
        and 1,000 for dev and test. Every split and seed generates its own mazes and keeps the first of the 8 views of
        each whose content belongs to the split, so no input is in two splits. ValueError for an unknown split."""
        if split not in SPLITS:
            raise ValueError(f"There is no split {split!r}; the splits are {', '.join(SPLITS)}.")
        count = COUNTS[split] if count is None else count
        rng = np.random.default_rng([seed, self.n, SPLITS.index(split)])
        kept: dict[bytes, Tokens] = {}
        while len(kept) < count:
            views = self._mazes(rng)[:, self._views]  # (B, 8, L)
            fits = splits_of(views.reshape(-1, self.spec.length)).reshape(views.shape[:2]) == split
            for row in np.flatnonzero(fits.any(1)):
                maze = views[row, fits[row].argmax()]
                kept.setdefault(maze.tobytes(), maze)
        inputs = np.array(list(kept.values())[:count], np.uint8).reshape(-1, self.spec.length)
        return Examples.single(inputs, self.first_path(inputs))

    def _mazes(self, rng: np.random.Generator, batch: int = 512) -> Tokens:
        """Generated mazes, (B, L) uint8 with B <= batch."""
        open_cells, start, goal = make(rng, batch, self.n)
        mazes = np.where(open_cells, FREE, WALL).astype(np.uint8).reshape(len(start), -1)
        each = np.arange(len(mazes))
        mazes[each, start], mazes[each, goal] = START, GOAL
        return mazes


def _neighbors(cell: int, n: int) -> Iterator[int]:
    """The neighbors of a cell, in the order of MOVES."""
    row, column = divmod(cell, n)
    return ((row + a) * n + column + b for a, b in MOVES if 0 <= row + a < n and 0 <= column + b < n)


def _directed(n: int) -> tuple[tuple[tuple[int, int], ...], ...]:
    """For each of MOVES, the pairs (from, to) of cells that it connects."""
    row, column = np.divmod(np.arange(n * n), n)
    moves = []
    for a, b in MOVES:
        inside = (row + a >= 0) & (row + a < n) & (column + b >= 0) & (column + b < n)
        cells = np.flatnonzero(inside)
        moves.append(tuple(zip(cells.tolist(), (cells + a * n + b).tolist(), strict=True)))
    return tuple(moves)
