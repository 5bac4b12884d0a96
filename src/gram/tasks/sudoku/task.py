"""Sudoku of size 4 to 25: text, rules, symmetries, puzzle files. The generator is in generator.py.

Tokens: padding 0, blank 1, digit d is d + 1 (the convention of the HRM and TRM data builders).
"""

from itertools import combinations, islice
from pathlib import Path
from typing import Any

import numpy as np

from gram.tasks.base import Symmetry, Task
from gram.tasks.cases import UnitCases
from gram.tasks.data.files import read_columns, tokens_of
from gram.tasks.reading import boards
from gram.tasks.reading.content import Content, Found, single
from gram.tasks.solvers import Units
from gram.tasks.spec import SPLITS, Examples, TaskSpec, Tokens, splits_of
from gram.tasks.sudoku.generator import pool, shown
from gram.tasks.sudoku.symbols import SYMBOLS, hexadecimal, written

BLANK = 1
BOXES = {4: (2, 2), 6: (2, 3), 9: (3, 3), 12: (3, 4), 16: (4, 4), 25: (5, 5)}  # size -> rows and columns of a box
SPARSE = {4: 4, 6: 8, 9: 8}  # size -> givens up to which every step guesses another one; `size` for larger ones
COUNTS = {"train": 20_000, "dev": 1_000, "test": 1_000}
LARGE = {"train": 10_000, "dev": 500, "test": 500}
"""The counts for 12x12 and 16x16, where a puzzle takes longer; a fifth of them for 25x25."""


class Sudoku(Task):
    """Sudoku with `size` 4 (boxes 2x2), 6 (2 rows x 3 columns), 9 (3x3), 12 (3 rows x 4 columns), 16 (4x4) or 25 (5x5),
    or with other boxes of `tall` rows and `wide` columns. L = size * size, V = size + 2."""

    answered = ".csv", ".csv.gz"

    def __init__(self, size: int = 9, tall: int | None = None, wide: int | None = None):
        if size not in BOXES:
            *some, last = map(str, BOXES)
            raise ValueError(f"The size of a Sudoku must be {', '.join(some)} or {last}, not {size}.")
        usual = BOXES[size]
        self.box = usual if tall is None or wide is None else (tall, wide)
        if self.box[0] * self.box[1] != size:
            raise ValueError(f"A box of {size} cells cannot have {tall} rows and {wide} columns.")
        self.size, self.symbols = size, SYMBOLS[:size]
        self.numerals = f".{self.symbols}"
        cells = np.arange(size * size).reshape(size, size)
        tall, wide = self.box
        boxes = cells.reshape(size // tall, tall, size // wide, wide).swapaxes(1, 2).reshape(size, size)
        relations = tuple(tuple(map(tuple, groups.tolist())) for groups in (cells, cells.T, boxes))
        self.spec = TaskSpec(
            name=f"sudoku-{size}" if self.box == usual else f"sudoku-{size}-{tall}x{wide}",
            length=size * size,
            vocabulary=size + 2,
            relations=relations,
            symbols=tuple(range(2, size + 2)),
            givens=True,
            sparse=SPARSE.get(size, size),
        )
        self.web = {"size": size, "box": list(self.box), "symbols": self.symbols}
        units = [group for relation in relations for group in relation]
        self.units = Units(size, units)
        self.cases = UnitCases(self, self.units)
        self.quick = 80_000 // size**2  # a node takes 0.2 ms on an empty 9x9 board
        self._box_of = {cell: i for i, group in enumerate(relations[2]) for cell in group}
        pairs = sorted({pair for group in units for pair in combinations(sorted(group), 2)})
        self._one, self._other = np.array(pairs).T  # the pairs of cells that share a unit, 810 for 9x9
        self._token_of = np.zeros(256, np.uint8)  # character code -> token; 0 if it is not a cell
        self.alphabet = boards.Alphabet(size, self.symbols)
        self._token_of[[ord(c) for c in f"{self.alphabet.blanks}-"]] = BLANK
        for form in (self.symbols, self.symbols.lower()):
            self._token_of[[ord(c) for c in form]] = np.arange(2, size + 2)

    # text -------------------------------------------------------------------------------------------------
    def encode(self, puzzle: str) -> Tokens:
        """Text of one puzzle -> tokens (L,) uint8.

        The text is size * size characters, digits and `.`, `0`, `_`, `-`, `*`, `?` or `x` for a blank, on one line or
        on `size` lines, in any frame. Up to 9x9 also size ** 3 characters with the candidates of each cell; above also
        numbers with spaces or commas between them, and for 16x16 the digits 0 to F. ValueError for a wrong length, an
        invalid character, contradicting givens, or candidates that do not follow from the givens."""
        text = self._board(puzzle)
        if self.size <= 9 and len(text) == self.size**3:
            return self._of_candidates(text)
        for cell, character in enumerate(text):
            if ord(character) >= 256 or not self._token_of[ord(character)]:
                raise ValueError(
                    f"{character!r} in {self._where(cell)} is not a cell; write a digit {written(self.size)}, "
                    "or `.` for a blank."
                )
        tokens = self._token_of[[ord(character) for character in text]]
        self._refuse_contradiction(tokens)
        return tokens

    def _board(self, puzzle: str) -> str:
        """The cells of a text that holds one puzzle."""
        size, length = self.size, self.spec.length
        if len(puzzle) == length and self.alphabet.holds(puzzle):
            return puzzle
        try:
            found = self._split(puzzle)[0]
        except ValueError as error:
            if not str(error).startswith(("line", "the last")):
                raise
            found = []
        if len(found) == 1:
            return found[0]
        if len(found) > 1:
            raise ValueError(f"The text holds {len(found)} puzzles; give each one separately.")
        rows = [cells for cells in map(self.alphabet.clean, puzzle.splitlines()) if cells]
        if len(rows) == size:
            row = next(number for number, cells in enumerate(rows) if len(cells) != size)
            raise ValueError(f"Row {row + 1} has {len(rows[row])} cells; each of the {size} rows needs {size}.")
        raise ValueError(
            f"The puzzle has {sum(map(len, rows))} characters, not {length}; write {size} rows of {size} cells, "
            "`.` for a blank."
        )

    def _split(self, text: str) -> tuple[list[str], tuple[str, ...]]:
        """The boards of a text, and a note if 0 is a digit there."""
        if self.size == 16 and (found := hexadecimal(text, self.spec.relations)):
            return found, ("0 is the digit that is written G here, since . is the blank",)
        return boards.split(text, self.alphabet), ()

    def _of_candidates(self, text: str) -> Tokens:
        """Candidates of each cell, size ** 3 characters -> the puzzle whose givens are the cells with one candidate."""
        size = self.size
        may = np.array([c != "." for c in text]).reshape(-1, size)
        digits = np.where(may.sum(1) == 1, may.argmax(1) + 2, BLANK).astype(np.uint8)
        if not may.any(1).all():
            raise ValueError(f"The cell in {self._where(int(may.any(1).argmin()))} has no candidate left; correct it.")
        self._refuse_contradiction(digits)
        try:
            answers = self.solutions(digits, limit=2, budget=self.quick)
        except RuntimeError:
            answers = np.zeros((0, self.spec.length), np.uint8)
        if len(answers) != 1 or not may[np.arange(len(may)), answers[0] - 2].all():
            raise ValueError(
                "The candidates do not follow from the cells with a single candidate, so the puzzle is unclear; "
                "give its givens instead."
            )
        return digits

    def decode(self, tokens: Tokens) -> str:
        """Answer tokens (L,) -> size * size characters; `.` for a token that is not a digit."""
        return "".join(self.numerals[t - 1] if 2 <= t < self.spec.vocabulary else "." for t in tokens.tolist())

    def show(self, tokens: Tokens) -> str:
        """Puzzle tokens (L,) -> size * size characters, `.` for a blank."""
        return self.decode(tokens)

    def render(self, puzzle: Tokens, answer: Tokens | None = None) -> str:
        """A picture of a puzzle (L,) that `encode` reads back, or of its answer (L,) with the givens in bold (ANSI)."""
        size, (tall, wide) = self.size, self.box
        characters = self.decode(puzzle if answer is None else answer)
        bold = np.zeros(size * size, bool) if answer is None else puzzle != BLANK
        cells = [f"\x1b[1m{c}\x1b[0m" if b else c for c, b in zip(characters, bold, strict=True)]
        bar = "─" * (2 * wide + 1)
        rule = [bar] * (size // wide)
        picture = ["┌" + "┬".join(rule) + "┐"]
        for row in range(size):
            if row and row % tall == 0:
                picture.append("├" + "┼".join(rule) + "┤")
            line = cells[row * size : (row + 1) * size]
            picture.append("│ " + " │ ".join(" ".join(line[c : c + wide]) for c in range(0, size, wide)) + " │")
        return "\n".join([*picture, "└" + "┴".join(rule) + "┘"])

    def understand(self, content: Content, *, base: int | None = None) -> Found:
        """The puzzles of an input, size * size characters each. Solutions beside the boards are ignored."""
        if content.items is None:
            try:
                found, notes = self._split(content.text)
                return Found(found, (*content.form, "boards as text"), notes)
            except ValueError as error:
                apart = ", " if str(error).startswith("line") else ": "
                raise ValueError(f"{content.where}{apart}{error}") from None
        if content.items and isinstance(content.items[0], tuple):
            name, array = boards.chosen(content.items)
            return Found(self._of_array(name, array), (*content.form, f"array {name}"))
        found = [self._of_value(one) for item in content.items for one in single(item, self._is_board)]
        return Found(found, content.form)

    def _is_board(self, value: Any) -> bool:
        return isinstance(value, str) or boards.flat(value, self.size, len(str(self.size))) is not None

    def _of_value(self, value: Any) -> str:
        if isinstance(value, str):
            return value
        cells = boards.flat(value, self.size, len(str(self.size))) or []
        if self.size == 16 and "0" in cells:  # a text may be a digit or a blank, unlike the number 0
            rows = (cells[at : at + self.size] for at in range(0, len(cells), self.size))
            return "\n".join(" ".join(str(cell or ".") for cell in row) for row in rows)
        return boards.row_of(cells, self.alphabet)

    def _of_array(self, name: str, array: np.ndarray) -> list[str]:
        """Boards of digits with 0 for a blank, or of tokens with 1 for a blank and d + 1 for the digit d."""
        numbers = array.dtype.kind in "iuf" and array.size > 0
        least, most = (int(array.min()), int(array.max())) if numbers else (0, 0)
        tokens = name == "all__inputs" or most == self.size + 1
        if not tokens and least > 0:
            raise ValueError(
                f"The array {name} holds {least} to {most}: it could hold complete boards of digits, "
                "or tokens (1 for a blank); save blanks as 0, or name it all__inputs if it holds tokens."
            )
        if tokens and not 1 <= least <= most <= self.size + 1:
            raise ValueError(f"The array {name} holds {least} to {most}; tokens are 1 to {self.size + 1}.")
        found = boards.tables(array, self.size)
        return [boards.row_of([c - 1 for c in b] if tokens else b, self.alphabet) for b in found]

    def read_examples(self, path: Path) -> Examples:
        """See `read_bank`."""
        return read_bank(path, self)

    def _where(self, cell: int) -> str:
        return f"row {cell // self.size + 1}, column {cell % self.size + 1}"

    def _refuse_contradiction(self, tokens: Tokens) -> None:
        size = self.size
        for one, other in zip(self._one.tolist(), self._other.tolist(), strict=True):
            if tokens[one] == tokens[other] != BLANK:
                (row, column), (row2, column2) = divmod(one, size), divmod(other, size)
                if row == row2:
                    where = f"row {row + 1} (columns {column + 1} and {column2 + 1})"
                elif column == column2:
                    where = f"column {column + 1} (rows {row + 1} and {row2 + 1})"
                else:
                    where = f"box {self._box_of[one] + 1} ({self._where(one)} and {self._where(other)})"
                raise ValueError(
                    f"The digit {self.numerals[tokens[one] - 1]} occurs twice in {where}; change one of them."
                )

    # rules ------------------------------------------------------------------------------------------------
    def conflicts(self, puzzles: Tokens, answers: Tokens) -> np.ndarray:
        """(B, L), (B, L) -> (B,) int64: pairs of cells with the same digit in a row, column or box (each pair counts
        once), plus cells without a digit or with a changed given. 0 iff valid."""
        found = np.empty(len(answers), np.int64)
        some = max(1, 4096 * 810 // max(810, len(self._one)))  # limits the memory: 810 pairs of cells per 9x9 answer
        for at in range(0, len(answers), some):
            puzzle, answer = puzzles[at : at + some].T, answers[at : at + some].T
            filled = (answer > BLANK) & (answer < self.spec.vocabulary)
            wrong = ~filled | ((puzzle != BLANK) & (puzzle != answer))
            digits = np.where(filled, answer, 0)
            one = digits[self._one]
            twice = (one == digits[self._other]) & (one != 0)
            found[at : at + some] = wrong.sum(0) + twice.sum(0)
        return found

    def solutions(self, puzzle: Tokens, limit: int | None = None, budget: int | None = None) -> Tokens:
        """All completions of one puzzle (L,), at most `limit`, (S, L) uint8; none if its givens contradict each other.
        ValueError for tokens that are neither blank nor digit; RuntimeError after more than `budget` nodes."""
        if puzzle.min() < BLANK or puzzle.max() >= self.spec.vocabulary:
            raise ValueError(f"A {self.spec.name} puzzle has tokens 1 to {self.spec.vocabulary - 1}, not {puzzle}.")
        fillings = self.units.solutions((puzzle.astype(int) - 2).tolist(), budget)
        found = np.array(list(islice(fillings, limit)), np.uint8).reshape(-1, self.spec.length)
        return found + np.uint8(2)

    # symmetries -------------------------------------------------------------------------------------------
    def symmetry(self, rng: np.random.Generator, batch: int) -> Symmetry:
        """Per row: the digits relabeled; rows within bands, bands, columns within stacks and stacks permuted;
        and, where boxes are square, transposed or not. positions (B, L) int64, tokens (B, V) int64."""
        size, (tall, wide) = self.size, self.box
        rows = _shuffled_lines(rng, batch, size, tall)[:, :, None]
        columns = _shuffled_lines(rng, batch, size, wide)[:, None, :]
        positions = rows * size + columns
        if tall == wide:
            transposed = rng.random(batch) < 0.5
            positions[transposed] = positions[transposed].swapaxes(1, 2)
        tokens = np.empty((batch, size + 2), np.int64)
        tokens[:, :2] = 0, BLANK
        tokens[:, 2:] = 2 + rng.random((batch, size)).argsort(axis=1)
        return Symmetry(positions.reshape(batch, -1), tokens)

    # data -------------------------------------------------------------------------------------------------
    def examples(self, split: str, seed: int = 0, count: int | None = None) -> Examples:
        """Generated puzzles with one solution each: `count` of them, or 20,000 for train and 1,000 for dev and test
        (see LARGE above 9x9).

        A puzzle is a minimal one with random clues of its solution added (which keeps the solution unique), under a
        random symmetry. Up to 9x9 the number of clues is uniform in a range; above, most puzzles are nearly minimal,
        as far as singles prove it (removal.py). Every split and seed makes its own minimal puzzles, about one per five
        examples, or one per ten above 9x9. Splits are by the content of inputs, so no input is in two splits.
        Symmetric forms of a puzzle may be in several splits, especially if there are few: 4x4 has 13 four-clue puzzles
        up to symmetry, and only 4x4 may have fewer than `count`. ValueError for an unknown split."""
        if split not in SPLITS:
            raise ValueError(f"There is no split {split!r}; the splits are {', '.join(SPLITS)}.")
        if count is None:
            count = COUNTS[split] if self.size <= 9 else LARGE[split] // (1 if self.size <= 16 else 5)
        rng = np.random.default_rng([seed, self.size, SPLITS.index(split)])
        puzzles, grids = pool(self.units, rng, count)
        seen: set[bytes] = set()
        kept: list[tuple[Tokens, Tokens]] = []
        fruitless = 0
        while len(kept) < count and fruitless < 20:
            rows, clues = shown(self.size, rng, puzzles, 2048 if self.size <= 9 else min(2048, 100 + 20 * count))
            # the puzzle's own clues come first, then the other cells in random order; the first `clues` are shown
            rank = (rng.random((len(clues), self.spec.length)) + (puzzles[rows] < 0)).argsort(axis=1).argsort(axis=1)
            targets = (grids[rows] + 2).astype(np.uint8)
            inputs = np.where(rank < clues[:, None], targets, np.uint8(BLANK))
            inputs, targets = self.augment(self.symmetry(rng, len(clues)), inputs, targets)
            before = len(kept)
            for row in np.flatnonzero(splits_of(inputs) == split):
                key = inputs[row].tobytes()
                if key not in seen:
                    seen.add(key)
                    kept.append((inputs[row], targets[row]))
            fruitless = fruitless + 1 if len(kept) == before else 0
        both = np.array(kept[:count], np.uint8).reshape(-1, 2, self.spec.length)
        return Examples.single(both[:, 0].copy(), both[:, 1].copy())


def read_bank(path: Path, task: Sudoku | None = None) -> Examples:
    """A CSV file (or `.gz`) with the columns `question` and `answer` -> Examples with one target each.

    `task` is 9x9 unless given. FileNotFoundError; ValueError names a missing column, or the first row whose length or
    characters are wrong or whose answer does not solve the question."""
    task = task or Sudoku(9)
    texts = read_columns(Path(path), "question", "answer")
    inputs, targets = (tokens_of(part, task._token_of, task.spec.length, path) for part in texts)
    wrong = np.flatnonzero(task.conflicts(inputs, targets))
    if len(wrong):
        raise ValueError(
            f"{path}: the answer of row {wrong[0] + 1} does not solve its question "
            f"({len(wrong)} such rows); correct it."
        )
    return Examples.single(inputs, targets)


def _shuffled_lines(rng: np.random.Generator, batch: int, size: int, width: int) -> np.ndarray:
    """Random orders of the lines 0..size-1 that keep bands of `width` lines together, (batch, size) int64."""
    bands = rng.random((batch, size // width)).argsort(axis=1)
    within = rng.random((batch, size // width, width)).argsort(axis=2)
    return (bands[:, :, None] * width + within).reshape(batch, size)
