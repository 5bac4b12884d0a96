"""N-Queens completion: some queens are given; place the others so that no two attack each other.

Tokens: 0 pad, 1 empty, 2 queen; in the puzzle 1 means "not given". A board is n rows of n cells, read row by row.
"""

from functools import lru_cache
from itertools import combinations

import numpy as np

from gram.tasks import solvers
from gram.tasks.base import Symmetry, Task, square_views
from gram.tasks.cases import QueensCases
from gram.tasks.reading import boards
from gram.tasks.reading import queens as reading
from gram.tasks.reading.content import Content, Found, one, single
from gram.tasks.spec import SPLITS, Examples, TaskSpec, Tokens, splits_of

EMPTY, QUEEN = 1, 2
KEPT = (1, 2, 3)
"""Numbers of given queens: the paper removes 5, 6 or 7 of 8 and 7, 8 or 9 of 10."""
TARGETS = 64
"""Maximum targets of an input on boards larger than LISTED."""
LISTED = 10
"""Largest board size whose examples are all listed."""


class NQueens(Task):
    """Completion of an n x n board, 4 <= n <= 16, to n queens that do not attack each other."""

    numerals = ".Q"

    def __init__(self, n: int):
        if not 4 <= n <= 16:
            raise ValueError(f"Boards have 4 to 16 rows, not {n}.")
        self.n, self.exhaustive = n, n <= LISTED
        self.spec = TaskSpec(
            name=f"queens-{n}",
            length=n * n,
            vocabulary=3,
            relations=tuple(_groups(line) for line in _lines(n)),
            symbols=(EMPTY, QUEEN),
            empty=EMPTY,
        )
        self.web = {"size": n, "box": None, "symbols": "Q"}
        # cells of each line, (L, lines): a board times this counts the queens of every line
        self._incidence = np.concatenate([line[:, None] == np.unique(line) for line in _lines(n)], 1).astype(np.int64)
        self._views = square_views(n)
        self.cases = QueensCases(self, n)

    # text -------------------------------------------------------------------------------------------------
    def encode(self, puzzle: str) -> Tokens:
        """n rows of `Q` and `.`, separated by newlines or `/`, or all n * n characters without separators -> (n * n,);
        or one board in any form that gram.tasks.reading.queens reads.

        ValueError for a wrong length, a bad character, or given queens that attack each other."""
        tokens = one(puzzle, self._strictly, lambda text: reading.boards_of(text, self.n))
        for a, b in combinations(_places(tokens, self.n), 2):
            if solvers.queens_attack(a, b):
                raise ValueError(
                    f"The queens at row {a[0] + 1}, column {a[1] + 1} and row {b[0] + 1}, column {b[1] + 1} "
                    "attack each other; remove one of them."
                )
        return tokens

    def _strictly(self, puzzle: str) -> Tokens:
        """A board of `Q` and `.` as tokens."""
        n = self.n
        rows = [row for row in (part.strip() for part in puzzle.replace("/", "\n").split("\n")) if row]
        if len(rows) == 1 and len(rows[0]) == n * n:
            rows = [rows[0][i : i + n] for i in range(0, n * n, n)]
        if len(rows) != n:
            raise ValueError(
                f"{self.spec.name} needs {n} rows of {n} characters or {n * n} characters on one line; "
                f"the text has {len(rows)} row{'s' * (len(rows) != 1)}, {sum(map(len, rows))} characters in all."
            )
        for i, row in enumerate(rows):
            if len(row) != n:
                raise ValueError(f"Row {i + 1} has {len(row)} characters, but {self.spec.name} needs {n}.")
            for j, char in enumerate(row):
                if char not in "Qq.":
                    raise ValueError(
                        f"{char!r} at row {i + 1}, column {j + 1} is not a cell; "
                        "write Q for a queen and . for no queen."
                    )
        return np.array([QUEEN if char in "Qq" else EMPTY for row in rows for char in row], np.uint8)

    def decode(self, tokens: Tokens) -> str:
        """(n * n,) -> n rows of `Q` and `.`, separated by newlines; padding reads as `.`."""
        return "\n".join(self._rows(tokens))

    def show(self, tokens: Tokens) -> str:
        """(n * n,) -> the board on one line, rows separated by `/`."""
        return "/".join(self._rows(tokens))

    def render(self, puzzle: Tokens, answer: Tokens | None = None) -> str:
        """A picture of the board: given queens bold and yellow, the others plain."""
        n = self.n
        board = (puzzle if answer is None else answer).reshape(n, n)
        given = puzzle.reshape(n, n) == QUEEN
        edge = "─" * (2 * n + 1)
        lines = [f"┌{edge}┐"]
        for i in range(n):
            cells = []
            for j in range(n):
                if board[i, j] != QUEEN:
                    cells.append("\033[2m·\033[0m")
                else:
                    cells.append("\033[1;33m♛\033[0m" if given[i, j] else "♛")
            lines.append(f"│ {' '.join(cells)} │")
        return "\n".join([*lines, f"└{edge}┘"])

    def understand(self, content: Content, *, base: int | None = None) -> Found:
        """The boards of an input, n * n characters each."""
        n = self.n
        if content.items is None:
            try:
                return Found(reading.boards_of(content.text, n), (*content.form, "boards as text"))
            except ValueError as error:
                raise ValueError(f"{content.where}{', ' if str(error).startswith('line') else ': '}{error}") from None
        if content.items and isinstance(content.items[0], tuple):
            name, array = boards.chosen(content.items)
            return Found(self._of_array(name, array), (*content.form, f"array {name}"))
        values = [value for item in content.items for value in single(item, lambda value: reading.is_board(value, n))]
        return Found([reading.of_value(value, n) for value in values], content.form)

    def _of_array(self, name: str, array: np.ndarray) -> list[str]:
        """Boards in an array of cells 0 and 1, of tokens 1 and 2, or of the queen's column in each row."""
        n = self.n
        if array.dtype.kind == "b":
            array = array.astype(np.uint8)
        if array.dtype.kind in "iu" and array.shape[-1:] == (n,) and array.size and array.max() > 1 and array.ndim <= 2:
            return [reading.of_value(row, n) for row in array.reshape(-1, n).tolist()]
        if array.dtype.kind in "iuf" and array.size and array.min() == 1 and array.max() <= 2:
            array = array - 1
        return [reading.of_value(board, n) for board in boards.tables(array, n)]

    # rules ------------------------------------------------------------------------------------------------
    def conflicts(self, puzzles: Tokens, answers: Tokens) -> np.ndarray:
        """Pairs of queens that share a row, column or diagonal, plus surplus or missing queens, missing given queens
        and cells with neither token; (B, L), (B, L) -> (B,) int64."""
        queens = answers == QUEEN
        on_line = queens.astype(np.int64) @ self._incidence
        pairs = (on_line * (on_line - 1) // 2).sum(1)
        lost = ((puzzles == QUEEN) & ~queens) | ((answers != EMPTY) & ~queens)
        return pairs + np.abs(queens.sum(1) - self.n) + lost.sum(1)

    def solutions(self, puzzle: Tokens, limit: int | None = None, budget: int | None = None) -> Tokens:
        """All completions of a puzzle (L,), at most `limit`, (S, L); none if given queens attack each other."""
        return _boards(solvers.queens(self.n, _places(puzzle, self.n), limit, budget))

    # symmetries -------------------------------------------------------------------------------------------
    def symmetry(self, rng: np.random.Generator, batch: int) -> Symmetry:
        """One of the 8 symmetries of the square per row; tokens stay."""
        tokens = np.broadcast_to(np.arange(self.spec.vocabulary), (batch, self.spec.vocabulary))
        return Symmetry(self._views[rng.integers(len(self._views), size=batch)], tokens)

    # data -------------------------------------------------------------------------------------------------
    def examples(self, split: str, seed: int = 0, count: int | None = None) -> Examples:
        """Boards with 1, 2 or 3 queens of a solution.

        Up to n = 10: the first `count` of all such boards of the split in a seeded order, with all completions as
        targets. Above 10: `count` (20,000 train, 1,000 dev, 1,000 test) boards drawn with `seed`, each with at most 64
        completions drawn from a pool of solutions (all solutions for n = 11 and 12, otherwise random ones and their
        symmetric forms); `solutions` still finds all of them. Splits are by content, as published, so symmetric forms
        of a board may be in different splits; for n = 8 and 10 every test board has a symmetric form in train."""
        if split not in SPLITS:
            raise ValueError(f"There is no split {split!r}; the splits are {', '.join(SPLITS)}.")
        rng = np.random.default_rng([seed, self.n, SPLITS.index(split)])
        if self.n > LISTED:
            if count is None:
                count = 20_000 if split == "train" else 1_000
            return self._drawn(split, seed, rng, count)
        all_boards, splits = _listed(self.n)
        return all_boards.select(rng.permutation(np.flatnonzero(splits == split))[:count])

    def _drawn(self, split: str, seed: int, rng: np.random.Generator, count: int) -> Examples:
        pool = _pool(self.n, seed)
        holds = np.zeros((self.n, self.n, len(pool)), bool)  # holds[row, column, s]: solution s has a queen there
        for row in range(self.n):
            holds[row, pool[:, row], np.arange(len(pool))] = True
        seen: set[bytes] = set()
        inputs, targets, counts = [], [], []
        for _ in range(200 * count):  # far more than needed, since a split has at least 1 of 20 inputs
            if len(inputs) == count:
                break
            solution = pool[rng.integers(len(pool))]
            rows = rng.choice(self.n, size=rng.choice(KEPT), replace=False)
            puzzle = np.full((self.n, self.n), EMPTY, np.uint8)
            puzzle[rows, solution[rows]] = QUEEN
            key = puzzle.tobytes()
            if key in seen or splits_of(puzzle.reshape(1, -1))[0] != split:
                continue
            seen.add(key)
            fitting = np.flatnonzero(holds[rows, solution[rows]].all(0))
            if len(fitting) > TARGETS:
                fitting = rng.choice(fitting, TARGETS, replace=False)
            inputs.append(puzzle.reshape(-1))
            targets.append(_boards(pool[fitting]))
            counts.append(len(fitting))
        if len(inputs) < count:
            raise ValueError(f"{self.spec.name} has only {len(inputs)} boards in {split}; ask for fewer than {count}.")
        none = np.zeros((0, self.spec.length), np.uint8)  # gives the right shape if there are no boards
        first = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        return Examples(np.vstack([none, *inputs]), np.concatenate([none, *targets]), first)

    def _rows(self, tokens: Tokens) -> list[str]:
        text = "".join("Q" if token == QUEEN else "." for token in tokens)
        return [text[i : i + self.n] for i in range(0, len(text), self.n)]


def _lines(n: int) -> list[np.ndarray]:
    """The line of each cell, (L,), for rows, columns, diagonals and anti-diagonals."""
    row, column = np.divmod(np.arange(n * n), n)
    return [row, column, row - column, row + column]


def _groups(line: np.ndarray) -> tuple[tuple[int, ...], ...]:
    return tuple(tuple(np.flatnonzero(line == name).tolist()) for name in np.unique(line))


def _places(tokens: Tokens, n: int) -> list[tuple[int, int]]:
    """(row, column) of each queen on a board (L,)."""
    return [divmod(int(cell), n) for cell in np.flatnonzero(tokens == QUEEN)]


def _boards(columns: np.ndarray) -> Tokens:
    """Column of the queen of each row (S, n) -> boards (S, n * n)."""
    boards = np.full((*columns.shape, columns.shape[1]), EMPTY, np.uint8)
    np.put_along_axis(boards, columns[:, :, None], QUEEN, axis=2)
    return boards.reshape(len(columns), columns.shape[1] ** 2)


@lru_cache(maxsize=4)
def _listed(n: int) -> tuple[Examples, np.ndarray]:
    """Every board with 1, 2 or 3 queens of a solution, with all its completions, and its split."""
    solutions = _boards(solvers.queens(n))
    places = np.stack([np.flatnonzero(board == QUEEN) for board in solutions])
    inputs, owners = [], []
    for kept in KEPT:
        for rows in combinations(range(n), kept):
            board = np.full_like(solutions, EMPTY)
            np.put_along_axis(board, places[:, rows], QUEEN, axis=1)
            inputs.append(board)
            owners.append(np.arange(len(solutions)))
    # a board occurs once per solution that contains it, which yields exactly its completions
    pairs, owner = np.concatenate(inputs), np.concatenate(owners)
    queens = np.sort(np.where(pairs == QUEEN, np.arange(n * n), -1), axis=1)[:, -max(KEPT) :]
    number = (queens + 1) @ (n * n + 1) ** np.arange(max(KEPT))[::-1]
    _, one, which = np.unique(number, return_index=True, return_inverse=True)
    order = np.lexsort((owner, which))
    first = np.concatenate([[0], np.cumsum(np.bincount(which))]).astype(np.int64)
    examples = Examples(pairs[one], solutions[owner[order]], first)
    return examples, splits_of(examples.inputs)


@lru_cache(maxsize=1)
def _pool(n: int, seed: int) -> np.ndarray:
    """Solutions to draw from, (S, n) columns: all of them up to n = 12, otherwise 4,000 random ones in all 8 views."""
    if n <= 12:
        return solvers.queens(n)
    rng = np.random.default_rng([seed, n])
    boards = _boards(np.stack([solvers.random_queens(n, rng) for _ in range(4_000)]))
    seen = np.unique(np.concatenate([boards[:, view] for view in square_views(n)]), axis=0)
    return np.nonzero(seen.reshape(-1, n, n) == QUEEN)[2].reshape(-1, n)
