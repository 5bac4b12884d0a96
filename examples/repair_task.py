"""The tables of repair.py as a task of its own: what gram needs to know of them, in one file. See docs/own-task.md."""

import random
from itertools import islice

import numpy as np
from repair import FIELDS, PEOPLE, TEAMS, damaged_tables, obeys, repairs

from gram.tasks.base import SPLITS, Examples, Symmetry, Task, TaskSpec, Tokens, split_of
from gram.tasks.reading.containers import Held
from gram.tasks.reading.content import Found

ROWS = 4
MISSING = 1
SYMBOLS = "".join(FIELDS)
"""Tokens 2 to 11."""
COUNTS = {"train": 4000, "dev": 400, "test": 400}


class Repair(Task):
    """Tables of four rows with missing fields. A sequence is their twelve fields, row by row."""

    def __init__(self):
        fields = np.arange(3 * ROWS).reshape(ROWS, 3)
        self.spec = TaskSpec(
            name="repair",
            length=3 * ROWS,
            vocabulary=2 + len(SYMBOLS),
            relations=(as_groups(fields), as_groups(fields.T)),
        )

    # text -------------------------------------------------------------------------------------------------
    def encode(self, puzzle: str) -> Tokens:
        rows = puzzle.split()
        if len(rows) != ROWS or any(len(row) != 3 for row in rows):
            raise ValueError(f"a table has {ROWS} rows of 3 fields, such as 'ax1 b?1 ax2 cz3'; this is {puzzle!r}")
        for place, field in enumerate("".join(rows)):
            if field not in "?" + FIELDS[place % 3]:
                raise ValueError(f"{field!r} in row {place // 3 + 1} is none of {FIELDS[place % 3]} and ?")
        return np.array([MISSING if field == "?" else 2 + SYMBOLS.index(field) for field in "".join(rows)], np.uint8)

    def decode(self, tokens: Tokens) -> str:
        fields = "".join("?" if token <= MISSING else SYMBOLS[token - 2] for token in tokens.tolist())
        return " ".join(fields[row : row + 3] for row in range(0, len(fields), 3))

    show = decode

    def render(self, puzzle: Tokens, answer: Tokens | None = None) -> str:
        return self.decode(puzzle if answer is None else answer).replace(" ", "\n")

    def take(self, held: Held, base: int | None = None) -> Found:
        return Found([line for line in held.text.splitlines() if line.strip()])

    # rules ------------------------------------------------------------------------------------------------
    def conflicts(self, puzzles: Tokens, answers: Tokens) -> np.ndarray:
        """Changed fields, and one more if a rule is broken."""
        changed = ((puzzles != MISSING) & (puzzles != answers)).sum(1)
        return changed + np.array([not obeys(self.decode(answer)) for answer in answers], np.int64)

    def solutions(self, puzzle: Tokens, limit: int | None = None, budget: int | None = None) -> Tokens:
        found = repairs(self.show(puzzle))  # few enough to need no budget
        return np.array([self.encode(table) for table in found[:limit]], np.uint8).reshape(-1, self.spec.length)

    # symmetries -------------------------------------------------------------------------------------------
    def symmetry(self, rng: np.random.Generator, batch: int) -> Symmetry:
        """People and teams by other names. Days have an order, and so have rows."""
        tokens = np.tile(np.arange(self.spec.vocabulary), (batch, 1))
        for names in (PEOPLE, TEAMS):
            first = 2 + SYMBOLS.index(names)
            some = slice(first, first + len(names))
            tokens[:, some] = rng.permuted(tokens[:, some], axis=1)
        return Symmetry(np.tile(np.arange(self.spec.length), (batch, 1)), tokens)

    # data -------------------------------------------------------------------------------------------------
    def examples(self, split: str, seed: int = 0, count: int | None = None) -> Examples:
        if split not in SPLITS:
            raise ValueError(f"no split {split!r}; there are {', '.join(SPLITS)}")
        rng = random.Random(f"{seed} {split}")
        puzzles = (self.encode(table) for table in damaged_tables(rng, (ROWS, ROWS)))
        fitting = (puzzle for puzzle in puzzles if split_of(puzzle) == split)
        distinct = {puzzle.tobytes(): puzzle for puzzle in islice(fitting, COUNTS[split] if count is None else count)}
        inputs = np.array(list(distinct.values()), np.uint8).reshape(-1, self.spec.length)
        targets = [self.solutions(puzzle) for puzzle in inputs]
        first = np.cumsum([0, *map(len, targets)]).astype(np.int64)
        return Examples(inputs, np.concatenate([inputs[:0], *targets]), first)


def as_groups(places: np.ndarray) -> tuple[tuple[int, ...], ...]:
    """Rows of an array of positions -> groups of a relation."""
    return tuple(tuple(row) for row in places.tolist())
