"""Complete Sudoku boards, unconditional: p(x) by the rules of task.py (paper, unconditional generation)."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from gram.tasks.base import Symmetry, Unconditional
from gram.tasks.spec import SPLITS, Examples, Tokens
from gram.tasks.sudoku.task import BLANK, Sudoku

DIGITS = """
.#. ##. ##. #.# ### .## ### ### ###
##. ..# ..# #.# #.. #.. ..# #.# #.#
.#. .#. .#. ### ##. ### .#. ### ###
.#. #.. ..# ..# ..# #.# .#. #.# ..#
### ### ##. ..# ##. ### .#. ### ##.
"""
FONT = np.array([[[c == "#" for c in digit] for digit in line.split()] for line in DIGITS.split("\n")[1:-1]])
"""The digits 1 to 9 for pictures, (5, 9, 3) bool."""
CELL = 9  # pixels


class SudokuBoards(Unconditional):
    """Boards of `size` 4 (there are 288) or 9 (6.67e21). L = size * size, V = size + 2; the input is all blank."""

    def __init__(self, size: int = 9):
        self.sudoku = Sudoku(size)
        name = "sudoku-boards" if size == 9 else f"sudoku-boards-{size}"
        # no givens: a guess before a restart would bias the samples
        self.spec = replace(self.sudoku.spec, name=name, givens=False)
        self.blank = np.full(self.spec.length, BLANK, np.uint8)

    # text and pictures ------------------------------------------------------------------------------------
    def decode(self, tokens: Tokens) -> str:
        """A board (L,) -> size * size characters, row by row."""
        return self.sudoku.decode(tokens)

    def render(self, puzzle: Tokens, answer: Tokens | None = None) -> str:
        """A picture of the blank or of a board for the terminal."""
        return self.sudoku.render(puzzle, answer)

    def picture(self, sample: Tokens) -> np.ndarray:
        """A board (L,) -> (side, side) uint8 with side = 9 * size + 1, boxes separated by darker lines."""
        size, (tall, wide) = self.sudoku.size, self.sudoku.box
        image = np.full((CELL * size + 1, CELL * size + 1), 255, np.uint8)
        image[::CELL], image[:, ::CELL] = 208, 208
        image[:: CELL * tall], image[:, :: CELL * wide] = 96, 96
        for cell, character in enumerate(self.decode(sample)):
            if character != ".":
                top, left = CELL * (cell // size) + 3, CELL * (cell % size) + 4
                image[top : top + 5, left : left + 3][FONT[:, int(character) - 1]] = 0
        return image

    # rules ------------------------------------------------------------------------------------------------
    def conflicts(self, puzzles: Tokens, answers: Tokens) -> np.ndarray:
        """See Sudoku.conflicts."""
        return self.sudoku.conflicts(puzzles, answers)

    def solutions(self, puzzle: Tokens, limit: int | None = None, budget: int | None = None) -> Tokens:
        """See Sudoku.solutions."""
        return self.sudoku.solutions(puzzle, limit, budget)

    def symmetry(self, rng: np.random.Generator, batch: int) -> Symmetry:
        """See Sudoku.symmetry."""
        return self.sudoku.symmetry(rng, batch)

    def support(self) -> Tokens | None:
        """All 288 boards of 4x4; None for 9x9."""
        return self.solutions(self.blank) if self.sudoku.size == 4 else None

    # data -------------------------------------------------------------------------------------------------
    def examples(self, split: str, seed: int = 0, count: int | None = None) -> Examples:
        """4x4: all 288 boards in every split, since the measure is how evenly they are sampled and nothing is held out.
        ValueError for 9x9, whose boards are in files (see `load`)."""
        if split not in SPLITS:
            raise ValueError(f"There is no split {split!r}; the splits are {', '.join(SPLITS)}.")
        boards = self.support()
        if boards is None:
            raise ValueError(f"{self.spec.name} cannot generate boards; name files of Sudokus in `data`.")
        return self.all_of(boards[:count])

    def load(self, paths: Sequence[Path]) -> Examples:
        """The distinct boards in the column `answer` of CSV files of Sudokus, in the order of the files."""
        boards = np.concatenate([self.sudoku.read_examples(path).targets for path in paths])
        _, first = np.unique(boards, axis=0, return_index=True)
        return self.all_of(boards[np.sort(first)])
