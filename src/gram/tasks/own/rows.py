"""Rows of a table, of which any cells may be hidden: completion without pairs.

A position for each column, in place. Tokens: 0 pad, 1 hidden, from 2 the values of the column, in their order; every
column has its own. In training the hidden cells are drawn again at every visit of a row; a cell that is missing in the
data is hidden always, and no target says what it was. What is held out is chosen by the content of whole rows.
"""

import csv
import dataclasses
import functools
import io
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from gram.config import SYMBOLS, ColumnConfig, Config, RowsConfig
from gram.tasks.base import OWN, Symmetry, Task
from gram.tasks.data.files import text_of
from gram.tasks.data.store import data_file
from gram.tasks.reading.containers import Held, unpacked
from gram.tasks.reading.content import Found, brief
from gram.tasks.spec import PAD, SPLITS, Examples, TaskSpec, Tokens, splits_of

HIDDEN = 1
MISSING = {"", "NA", "N/A", "NaN", "nan", "null", "NULL", "None", "?"}
"""Cells that count as missing."""
MOST = SYMBOLS - 1
NUMBER = re.compile(r"\s*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?\s*")
WHOLE = 0.1
"""Share of visits with the whole row hidden, so that complete rows can be sampled."""
DEV_SHARE = (0.1, 0.3)
"""Range of the share of hidden cells in held-out rows."""


class Rows(Task):
    """The task that a RowsConfig describes. The correctness of the completion of a new row is
    unknown; that of a row of the files counts as correct if it is a known row that keeps the existing cells."""

    checkable = False
    completes = True

    def __init__(self, config: RowsConfig):
        self.config = config
        self.numbers = [{value: i for i, value in enumerate(column.values)} for column in config.columns]
        self.sizes = np.array([len(column.values) for column in config.columns])
        self.spec = TaskSpec(name=OWN, length=len(config.columns), vocabulary=HIDDEN + 1 + int(self.sizes.max()))
        self._known: set[bytes] = set()

    # text -------------------------------------------------------------------------------------------------
    def cells(self, cells: Sequence[str]) -> Tokens:
        """Cells in the order of the columns -> (L,). ValueError names a value that is not known."""
        if len(cells) != self.spec.length:
            names = ",".join(column.name for column in self.config.columns)
            raise ValueError(f"The row has {len(cells)} cells, and the table {self.spec.length}: {names[:200]}.")
        return np.array([self._token(i, cell) for i, cell in enumerate(cells)], np.uint8)

    def _token(self, i: int, cell: str) -> int:
        column = self.config.columns[i]
        if cell in MISSING:
            return HIDDEN
        if column.edges:
            if not NUMBER.fullmatch(cell):
                raise ValueError(
                    f"The column {column.name[:60]} holds numbers, but {brief(cell)} is not a number; repair it."
                )
            return HIDDEN + 1 + int(np.searchsorted(column.edges, float(cell), side="right"))
        if cell not in self.numbers[i]:
            known = ", ".join(value[:40] for value in column.values[:20])
            raise ValueError(f"{brief(cell)} is no known value of the column {column.name[:60]}; known are {known}.")
        return HIDDEN + 1 + self.numbers[i][cell]

    def encode(self, puzzle: str) -> Tokens:
        """A line of CSV; hidden cells are empty or "?"."""
        lines = list(csv.reader(io.StringIO(puzzle)))
        if len(lines) != 1:
            raise ValueError("A puzzle is one row, cells with commas between them; leave cells empty that are hidden.")
        return self.cells(lines[0])

    def words(self, tokens: Tokens) -> list[str]:
        """(L,) -> cells; what is hidden, or no value of the column, is empty."""
        values = [column.values for column in self.config.columns]
        numbers = tokens.astype(int) - HIDDEN - 1
        return [v[n] if 0 <= n < len(v) else "" for v, n in zip(values, numbers.tolist(), strict=True)]

    def decode(self, tokens: Tokens) -> str:
        return line(self.words(tokens))

    def show(self, tokens: Tokens) -> str:
        return line(self.words(tokens))

    def render(self, puzzle: Tokens, answer: Tokens | None = None) -> str:
        """The names of the columns and the row; with an answer below it, too."""
        head = line([column.name for column in self.config.columns])
        return "\n".join([head, self.show(puzzle), *([] if answer is None else [self.decode(answer)])])

    def take(self, held: Held, base: int | None = None) -> Found:
        return Found([line(list(row.values())) for row in self.table(held)])

    def table(self, held: Held) -> list[dict[str, str]]:
        """The rows of a CSV by column. ValueError if a column is not there."""
        header, rows = table_of(held)
        names = [column.name for column in self.config.columns]
        if missing := [name for name in names if name not in header]:
            lacks = f"{held.where} lacks the column {missing[0][:60]}"
            raise ValueError(f"{lacks}; add it, with empty cells if all are hidden.")
        places = [header.index(name) for name in names]
        return [{name: row[place] for name, place in zip(names, places, strict=True)} for row in rows]

    # guesses ----------------------------------------------------------------------------------------------
    def open(self, puzzles: Tokens) -> np.ndarray:
        return puzzles == HIDDEN

    def drawable(self) -> np.ndarray:
        """The values of each column."""
        tokens = np.arange(self.spec.vocabulary)
        return (tokens > HIDDEN) & (tokens <= HIDDEN + self.sizes[:, None])

    # rules ------------------------------------------------------------------------------------------------
    def conflicts(self, puzzles: Tokens, answers: Tokens) -> np.ndarray:
        """(B,) int64: 0 for a known row that keeps what was there, 1 for any other."""
        keeps = ((puzzles == HIDDEN) | (puzzles == answers)).all(1)
        known = np.array([answer.tobytes() in self._known for answer in answers], bool)
        return (~(keeps & known)).astype(np.int64)

    def solutions(self, puzzle: Tokens, limit: int | None = None, budget: int | None = None) -> Tokens:
        raise NotImplementedError("The completions of a row cannot be enumerated.")

    def symmetry(self, rng: np.random.Generator, batch: int) -> Symmetry:
        """None is known: the identity."""
        L, V = self.spec.length, self.spec.vocabulary
        return Symmetry(np.tile(np.arange(L), (batch, 1)), np.tile(np.arange(V), (batch, 1)))

    # data -------------------------------------------------------------------------------------------------
    def hide(self, rng: np.random.Generator, puzzles: Tokens) -> Tokens:
        """Each row with other cells hidden: a share of them that is drawn for the row, one cell at least; all of them
        in a few rows."""
        n = len(puzzles)
        share = np.where(rng.random(n) < WHOLE, 1.0, rng.random(n))
        return self._hidden(rng, puzzles, share)

    def _hidden(self, rng: np.random.Generator, puzzles: Tokens, share: np.ndarray) -> Tokens:
        shown = puzzles != HIDDEN
        drawn = rng.random(puzzles.shape) < share[:, None]
        first = np.where(shown, rng.random(puzzles.shape), -1.0).argmax(1)
        drawn[np.arange(len(puzzles)), first] = True
        return np.where(drawn, np.uint8(HIDDEN), puzzles)

    def examples(self, split: str, seed: int = 0, count: int | None = None) -> Examples:
        """The rows of the files whose content falls into `split`: those to train on whole (see `hide`), others with the
        same cells hidden at each call; a seeded sample of `count` at most. ValueError if there is none."""
        if split not in SPLITS:
            raise ValueError(f"There is no split {split!r}; the splits are {', '.join(SPLITS)}.")
        rows, splits = self._everything
        chosen = np.flatnonzero(splits == split)
        if not len(chosen):
            raise ValueError(
                f"None of the {len(rows)} rows falls into {split} (5% are test, 10% dev, by content); give more rows."
            )
        chosen = np.sort(np.random.default_rng(seed).permutation(chosen)[:count])
        return self.pairs(rows[chosen], held_out=split != "train")

    def pairs(self, rows: Tokens, *, held_out: bool) -> Examples:
        """Rows as inputs and targets."""
        inputs = rows
        if held_out:
            rng = np.random.default_rng(len(rows))
            inputs = self._hidden(rng, rows, rng.uniform(*DEV_SHARE, len(rows)))
        return Examples.single(inputs, np.where(rows == HIDDEN, np.uint8(PAD), rows))

    @functools.cached_property
    def _everything(self) -> tuple[Tokens, np.ndarray]:
        """All rows that hold a value at least, and the split of each."""
        if not self.config.files:
            raise ValueError("These weights do not say where their data are; give the files with --data.")
        rows = self.rows([Path(name) for name in self.config.files])
        return rows, splits_of(rows)

    def rows_of(self, path: Path) -> Tokens:
        """The rows of a file as tokens (n, L). ValueError names the first that does not fit."""
        found = []
        for number, row in enumerate(self.table(unpacked(path, str(path))), 2):
            try:
                found.append(self.cells(list(row.values())))
            except ValueError as error:
                raise ValueError(f"{path}, line {number}: {error}") from None
        return np.stack(found) if found else np.zeros((0, self.spec.length), np.uint8)

    def rows(self, paths: Sequence[Path]) -> Tokens:
        """The rows of files that hold a value at least; they are known from now on."""
        rows = np.concatenate([self.rows_of(path) for path in paths])
        rows = rows[(rows != HIDDEN).any(1)]
        self._known |= {row.tobytes() for row in rows}
        return rows

    def load(self, paths: Sequence[Path]) -> Examples:
        """The rows of files, with cells hidden as in held-out ones."""
        return self.pairs(self.rows(paths), held_out=True)


# what a table is -------------------------------------------------------------------------------------------
def line(cells: Sequence[str]) -> str:
    """Cells -> a line of CSV, without its end."""
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow(cells)
    return text.getvalue()


def read_table(path: Path) -> tuple[list[str], list[list[str]]]:
    """`table_of` a file. FileNotFoundError."""
    return table_of(unpacked(path, str(path)))


def table_of(held: Held) -> tuple[list[str], list[list[str]]]:
    """Header and rows of a CSV or of a Parquet file without lists. ValueError names a line that has another number of
    cells."""
    if held.name.endswith(".jsonl"):
        raise ValueError(f"{held.where} has lists or objects in it; write a CSV with one value in each cell.")
    try:
        header, *rows = list(csv.reader(io.StringIO(text_of(held), newline=""))) or [[]]
    except csv.Error as error:
        raise ValueError(f"{held.where} is not a CSV file ({error}); repair it.") from error
    if len(set(header)) < len(header) or not any(header):
        raise ValueError(f"{held.where} needs a header, a line of different names; write one.")
    rows = [row for row in rows if row]
    for number, row in enumerate(rows, 2):
        if len(row) != len(header):
            where = f"{held.where}, line {number}"
            raise ValueError(f"{where}: {len(row)} cells, but the header has {len(header)}; repair it.")
    return header, [[cell.strip() for cell in row] for row in rows]


def learn_rows(paths: Sequence[Path], bins: int | None = None) -> RowsConfig:
    """The columns of tables and what their cells hold. bins: columns of numbers with more different ones than that get
    as many bins of about equally many rows. ValueError says what to change."""
    tables = [read_table(path) for path in paths]
    header = tables[0][0]
    for path, (other, _) in zip(paths, tables, strict=True):
        if other != header:
            raise ValueError(f"{path} has other columns than {paths[0]}; give tables of the same header.")
    rows = [row for _, found in tables for row in found]
    columns, left_out = [], []
    for place, name in enumerate(header):
        cells = [row[place] for row in rows if row[place] not in MISSING]
        column = _column(name, cells, bins)
        if column is None:
            left_out.append(name)
        else:
            columns.append(column)
    if len(columns) < 2:
        raise ValueError(
            f"{paths[0]}: there are {len(columns)} columns to learn of, and completion needs two (left out, since "
            f"every row has another value: {', '.join(left_out)[:200] or 'none'}); give more columns, or "
            "--bins for numbers."
        )
    files = tuple(str(path.resolve()) for path in paths)
    return RowsConfig(files=files, columns=tuple(columns), left_out=tuple(left_out))


def describe_rows(config: Config, bins: int | None = None) -> Config:
    """`config` with the description of its table; unchanged for a resumed run. FileNotFoundError or ValueError with one
    sentence."""
    if config.task != OWN:
        raise ValueError(f"The task {config.task} has its own puzzles; leave out --complete.")
    if bins is not None and not 2 <= bins <= MOST:
        raise ValueError(f"bins is {bins}; it must be 2 to {MOST}.")
    if config.data:
        rows = learn_rows([data_file(name) for name in config.data], bins)
    elif config.rows is None:
        raise ValueError(f"The table is missing; run gram train {OWN} --data FILE.csv --complete.")
    else:
        rows = config.rows
    task = Rows(rows)
    for split in ("train", "dev"):
        task.examples(split)
    solve = config.solve
    if solve.select == "checked":
        solve = dataclasses.replace(solve, select="majority")
    return dataclasses.replace(config, data=(), rows=rows, solve=solve)


def _column(name: str, cells: list[str], bins: int | None) -> ColumnConfig | None:
    """A column from its cells that are not missing; None if it is an identity, or empty."""
    counts = Counter(cells)
    numeric = all(NUMBER.fullmatch(cell) for cell in counts)
    if numeric and bins is not None and len(counts) > bins:
        return _binned(name, np.array(sorted(map(float, cells))), cells, bins)
    if len(counts) == len(cells) > 20 or not counts:
        return None
    if len(counts) > MOST:
        remedy = "give --bins 16" if numeric else "join some, or take the column away"
        raise ValueError(f"The column {name} has {len(counts)} different values, and {MOST} is the most; {remedy}.")
    return ColumnConfig(name=name, values=tuple(sorted(counts, key=float if numeric else str)))


def _binned(name: str, ordered: np.ndarray, cells: list[str], bins: int) -> ColumnConfig:
    """Bins of about equally many rows, each shown as a value in its middle, as it was written."""
    written = {float(cell): cell for cell in cells}
    edges = np.unique(np.quantile(ordered, np.arange(1, bins) / bins))
    edges = edges[(edges > ordered[0]) & (edges <= ordered[-1])]
    which = np.searchsorted(edges, ordered, side="right")
    kept = np.unique(which)
    middles = [float(ordered[which == each][(which == each).sum() // 2]) for each in kept]
    return ColumnConfig(name=name, values=tuple(written[m] for m in middles), edges=tuple(edges[kept[:-1]].tolist()))
