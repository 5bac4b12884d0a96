"""ARC-AGI: a few pairs of grids show a transformation, and a test input asks for its output.

A network does not read the demonstrations: it is trained on them. Its input is one grid and which puzzle it belongs to,
seen through which variant (IDENTITY positions in front, see gram.tasks.spec); for each of these it learns a vector. So
only puzzles that were there in training can be answered (HRM arXiv:2506.21734, TRM arXiv:2510.04871). Variant 0 of a
puzzle is the puzzle itself.
"""

import dataclasses
import functools
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from gram.config import ArcConfig, Config
from gram.tasks.arc.files import LARGEST, Example, Puzzle, Splits, splits
from gram.tasks.arc.grids import COLOR, COLORS, END, Grid, View, corner, crop, parse, place, room, views, write
from gram.tasks.arc.reading import is_json, read_puzzles, source
from gram.tasks.base import Symmetry, Task, square_views
from gram.tasks.data.files import read_text
from gram.tasks.data.store import data_file
from gram.tasks.spec import IDENTITY, PAD, SPLITS, Examples, TaskSpec, Tokens, spell, spelled

SMALLEST = 5
MORE = ("arc/conceptarc.json.gz",)
FILES = {
    n: ArcConfig(known=(f"arc/arc{n}_training.json.gz",), more=MORE, asked=(f"arc/arc{n}_evaluation.json.gz",))
    for n in "12"
}


class Arc(Task):
    """ "arc-1", "arc-2", or "arc-1-N": the puzzles whose grids all fit into N x N.

    Correct answers are known only for the pairs that `examples` has read (`checkable`)."""

    checkable = False
    votes = True
    own_splits = True

    def __init__(self, name: str, config: ArcConfig | None = None):
        """FileNotFoundError or ValueError if `config` (the task's own if None) does not name its puzzles yet and the
        files cannot be read. Once they are named, dev and test need only some of the files."""
        self.side = side_of(name)
        config = FILES[name.split("-")[1]] if config is None else config
        self.name, self.config = name, config
        if not config.names:
            puzzles = self._splits.puzzles
            if not puzzles:
                files = ", ".join(config.known + config.asked)[:200] or "no file"
                raise ValueError(f"No puzzle of {files} fits into {name}; use a larger N, or give other files.")
            names, contents = tuple(p.name for p in puzzles), tuple(p.content for p in puzzles)
            self.config = dataclasses.replace(config, names=names, contents=contents)
        self.views = views(config.variants)
        self.spec = TaskSpec(
            name=name,
            length=IDENTITY + self.side**2,
            vocabulary=COLOR + COLORS,
            answer_start=IDENTITY,
            relations=lines(self.side),
            directed=neighbors(self.side),
            identities=len(self.config.names) * config.variants,
        )
        self._turns = square_views(self.side)
        self._answers: dict[tuple[int, tuple, bytes], Grid] = {}  # known outputs by puzzle and input

    # puzzles ----------------------------------------------------------------------------------------------
    @functools.cached_property
    def _splits(self) -> Splits:
        """All that the files hold and that fits the canvas."""
        there = [name for name in self.config.more if _is_there(name)]
        known, asked = (
            [puzzle for name in names for puzzle in read_puzzles(source(name)) if puzzle.side <= self.side]
            for names in ((*self.config.known, *there), self.config.asked)
        )
        return splits(known, asked)

    def number(self, puzzle: Puzzle) -> int:
        """Of a puzzle with this name or these demonstrations. ValueError if the configuration has none."""
        if puzzle.content in self.config.contents:
            return self.config.contents.index(puzzle.content)
        if puzzle.name in self.config.names:
            raise ValueError(
                f"The puzzle {puzzle.name[:60]} has other pairs here than in training; train with it: gram train "
                f"{self.name} --data FILE."
            )
        raise ValueError(self._unknown(puzzle.name))

    def _unknown(self, name: str) -> str:
        return (
            f"The puzzle {name[:60]} is not among the {len(self.config.names)} training puzzles, and only those can be "
            f"answered; train with it: gram train {self.name} --data FILE"
        )

    def variants_of(self, puzzle: int, grid: Grid) -> Tokens:
        """An input grid of puzzle number `puzzle` in all its variants, (variants, L)."""
        canvases = np.stack([place(view.apply(grid), self.side) for view in self.views])
        return np.concatenate([spell(puzzle * len(self.views) + np.arange(len(self.views))), canvases], axis=1)

    def grid_of(self, tokens: Tokens, variant: int = 0) -> Grid | None:
        """The grid of answer tokens (L,) to a variant, as the puzzle itself would have it; None if they hold none."""
        grid = crop(tokens[IDENTITY:], self.side)
        return None if grid is None else self.views[variant].undo(grid)

    # text -------------------------------------------------------------------------------------------------
    def encode(self, puzzle: str) -> Tokens:
        """ "NAME 07/70", or "NAME*3 07/70" in variant 3 -> (L,). ValueError for an unknown name or what is no grid."""
        name, _, text = puzzle.strip().partition(" ")
        name, _, variant = name.partition("*")
        if not text:
            raise ValueError(
                f"{puzzle.strip()[:40]!r} is not a puzzle; write its name and the test input as in {name[:60]} 07/70."
            )
        if name not in self.config.names:
            raise ValueError(self._unknown(name))
        if variant and not (variant.isascii() and variant.isdigit() and int(variant) < len(self.views)):
            raise ValueError(f"{variant[:20]!r} is not a variant; variants are 0 to {len(self.views) - 1}.")
        grid = parse(text)
        if max(grid.shape) > self.side:
            raise ValueError(f"The grid is {grid.shape[0]}x{grid.shape[1]}; {self.name} allows at most {self.side}.")
        number = self.config.names.index(name) * len(self.views) + int(variant or 0)
        return np.concatenate([spell(np.array([number]))[0], place(grid, self.side)])

    def decode(self, tokens: Tokens) -> str:
        """The answer as rows of digits with / between them; "?" if it is no grid."""
        grid = crop(tokens[IDENTITY:], self.side)
        return "?" if grid is None else write(grid)

    def show(self, tokens: Tokens) -> str:
        """Name and variant, and the rows of the grid."""
        puzzle, variant = divmod(int(spelled(tokens[None])[0]), len(self.views))
        return f"{self.config.names[puzzle]}{f'*{variant}' if variant else ''} {self.decode(tokens)}"

    def render(self, puzzle: Tokens, answer: Tokens | None = None) -> str:
        """A row of the grid in a line, of the answer if there is one."""
        return picture(crop((puzzle if answer is None else answer)[IDENTITY:], self.side))

    def read(self, path: Path) -> Iterator[str]:
        """The test inputs of a file or folder of puzzles, or the lines of a text of what `show` writes."""
        if not path.is_dir():
            text = read_text(path)
            if not is_json(text):
                return (line for line in text.splitlines() if line.strip())
        found = [(puzzle, self.number(puzzle)) for puzzle in read_puzzles(path)]
        return (f"{self.config.names[i]} {write(pair.input)}" for puzzle, i in found for pair in puzzle.asked)

    # rules ------------------------------------------------------------------------------------------------
    def conflicts(self, puzzles: Tokens, answers: Tokens) -> np.ndarray:
        """(B,) int64: cells that differ from the known output. An answer of another size has one more conflict than
        there are cells, and one to an input that has not been read has one."""
        return np.array([self._wrong(p, a) for p, a in zip(puzzles, answers, strict=True)], np.int64)

    def _wrong(self, puzzle: Tokens, answer: Tokens) -> int:
        number, variant = divmod(int(spelled(puzzle[None])[0]), len(self.views))
        at = corner(puzzle[IDENTITY:], self.side)
        grids = [crop(tokens[IDENTITY:], self.side, *at) for tokens in (puzzle, answer)]
        asked, given = (None if grid is None else self.views[variant].undo(grid) for grid in grids)
        if asked is None:
            return 1
        known = self._answers.get((number, asked.shape, asked.tobytes()))
        if known is None or given is None or known.shape != given.shape:
            return 1 + (0 if known is None else known.size)
        return int((known != given).sum())

    def solutions(self, puzzle: Tokens, limit: int | None = None, budget: int | None = None) -> Tokens:
        raise NotImplementedError("The answers of ARC cannot be enumerated.")

    # symmetries -------------------------------------------------------------------------------------------
    def symmetry(self, rng: np.random.Generator, batch: int) -> Symmetry:
        """One of the variants per row and, with `translate`, a place on the canvas (cyclic, so that it is a
        permutation; `augment` takes it modulo the room that there is)."""
        N = self.side
        chosen = [self.views[v] for v in rng.integers(len(self.views), size=batch)]
        down, right = (
            rng.integers(N, size=(2, batch, 1)) if self.config.translate else np.zeros((2, batch, 1), np.int64)
        )
        row, column = np.divmod(np.arange(N * N)[None], N)
        source = (row - down) % N * N + (column - right) % N
        turned = np.take_along_axis(self._turns[[view.turn for view in chosen]], source, 1)
        prefix = np.tile(np.arange(IDENTITY), (batch, 1))
        tokens = [[PAD, END, *(COLOR + color for color in view.colors)] for view in chosen]
        return Symmetry(np.concatenate([prefix, IDENTITY + turned], axis=1), np.array(tokens))

    @functools.cached_property
    def _drawn(self) -> dict[View, int]:
        return {view: variant for variant, view in enumerate(self.views)}

    def _read(self, symmetry: Symmetry) -> list[tuple[int, int, int]]:
        """(variant, rows down, columns right) of what `symmetry` drew, by where three cells have gone."""
        N = self.side
        gone = np.argsort(symmetry.positions[:, IDENTITY:], axis=1)
        corners = np.argsort(self._turns, axis=1)[:, [0, 1, N]]
        found = []
        for moved, tokens in zip(gone[:, [0, 1, N]], symmetry.tokens, strict=True):
            down, right = (
                (part[None] - old) % N for part, old in zip(divmod(moved, N), divmod(corners, N), strict=True)
            )
            turn = int(((down == down[:, :1]) & (right == right[:, :1])).all(1).argmax())
            variant = self._drawn[View(turn, tuple((tokens[COLOR:] - COLOR).tolist()))]
            found.append((variant, int(down[turn, 0]), int(right[turn, 0])))
        return found

    def augment(self, symmetry: Symmetry, puzzles: Tokens, answers: Tokens) -> tuple[Tokens, Tokens]:
        """Puzzles in variant 0 and their answers in the variant that was drawn, both at one place of the canvas."""
        seen, moved = np.empty_like(puzzles), np.zeros_like(answers)
        for i, (variant, down, right) in enumerate(self._read(symmetry)):
            number = spelled(puzzles[i : i + 1])
            assert number[0] % len(self.views) == 0, "a variant of a variant"
            view, grids = self.views[variant], [crop(t[i][IDENTITY:], self.side) for t in (puzzles, answers)]
            turned = [None if grid is None else view.apply(grid) for grid in grids]
            rows, columns = room(self.side, *(grid for grid in turned if grid is not None))
            for to, grid in zip((seen, moved), turned, strict=True):
                to[i, IDENTITY:] = self._canvas(grid, down % rows, right % columns)
            seen[i, :IDENTITY] = spell(number + variant)[0]
        return seen, moved

    def invert(self, symmetry: Symmetry, answers: Tokens) -> Tokens:
        """Answers in the variant that was drawn, wherever they lie -> answers to the puzzles in variant 0."""
        plain = np.zeros_like(answers)
        for i, (variant, _, _) in enumerate(self._read(symmetry)):
            grid = crop(answers[i][IDENTITY:], self.side, *corner(answers[i][IDENTITY:], self.side))
            plain[i, IDENTITY:] = self._canvas(None if grid is None else self.views[variant].undo(grid))
        return plain

    def canonical(self, answers: Tokens) -> Tokens:
        """The grid in the corner with its end markers, padding around it; one end marker where there is no grid."""
        plain = np.zeros_like(answers)
        for i, answer in enumerate(answers):
            plain[i, IDENTITY:] = self._canvas(crop(answer[IDENTITY:], self.side))
        return plain

    def _canvas(self, grid: Grid | None, row: int = 0, column: int = 0) -> Tokens:
        if grid is not None:
            return place(grid, self.side, row, column)
        nothing = np.full(self.side**2, PAD, np.uint8)
        nothing[0] = END
        return nothing

    # data -------------------------------------------------------------------------------------------------
    def examples(self, split: str, seed: int = 0, count: int | None = None) -> Examples:
        """Pairs in variant 0, a seeded sample of `count` of them at most. train: see gram.tasks.arc.files.splits; dev:
        the test pairs of a fifth of the known puzzles; test: those of the asked ones. Without any for dev (your own
        files), the test pairs are used, or else the training pairs, which then say nothing about unseen puzzles."""
        if split not in SPLITS:
            raise ValueError(f"There is no split {split!r}; the splits are {', '.join(SPLITS)}.")
        found = self.pairs(split)
        if not found and split == "dev":
            found = self.pairs("test") or self.pairs("train")
        if not found:
            raise ValueError(f"{self.name} has no pair with a known output in the split {split}; give more puzzles.")
        rows = np.sort(np.random.default_rng(seed).permutation(len(found))[:count])
        return self._examples([found[row] for row in rows])

    def pairs(self, split: str) -> tuple[Example, ...]:
        """The pairs of a split, each input of a puzzle once, with the numbers that puzzles have in the configuration.
        ValueError for train if the files hold other puzzles than the configuration."""
        number = {content: i for i, content in enumerate(self.config.contents)}
        puzzles = self._splits.puzzles
        if split == "train" and [p.content for p in puzzles] != list(self.config.contents):
            files = ", ".join((*self.config.known, *self.config.more, *self.config.asked))
            raise ValueError(f"{files} hold other puzzles than these weights were trained with; give the same files.")
        named = [(number.get(puzzles[n].content), pair) for n, pair in getattr(self._splits, split)]
        unique = {(n, p.input.shape, p.input.tobytes()): Example(n, p) for n, p in named if n is not None}
        return tuple(unique.values())

    def puzzle(self, number: int) -> Puzzle:
        """A puzzle by its number, from the files."""
        return next(p for p in self._splits.puzzles if p.content == self.config.contents[number])

    def _examples(self, pairs: Sequence[Example]) -> Examples:
        rows = np.zeros((2, len(pairs), self.spec.length), np.uint8)
        for i, (number, (input, output)) in enumerate(pairs):
            assert output is not None
            self._answers[number, input.shape, input.tobytes()] = output
            rows[0, i, IDENTITY:], rows[1, i, IDENTITY:] = place(input, self.side), place(output, self.side)
        numbers = np.array([number for number, _ in pairs], np.int64)
        rows[0, :, :IDENTITY] = spell(numbers * len(self.views))
        return Examples.single(*rows)


def picture(grid: Grid | None) -> str:
    """A grid for people."""
    return "no grid" if grid is None else "\n".join(" ".join(map(str, row)) for row in grid.tolist())


def lines(side: int) -> tuple[tuple[tuple[int, ...], ...], ...]:
    """Rows, columns and the whole canvas: what the "groups" mixer sums over."""
    cells = IDENTITY + np.arange(side * side).reshape(side, side)
    return tuple(tuple(map(tuple, groups.tolist())) for groups in (cells, cells.T, cells.reshape(1, -1)))


def neighbors(side: int) -> tuple[tuple[tuple[int, int], ...], ...]:
    """For down, up, right and left the pairs (from, to) of cells side by side."""
    cells = IDENTITY + np.arange(side * side).reshape(side, side)
    there = [(cells[:-1], cells[1:]), (cells[:, :-1], cells[:, 1:])]
    pairs = [(a, b) for one, other in there for a, b in ((one, other), (other, one))]
    return tuple(tuple(zip(a.ravel().tolist(), b.ravel().tolist(), strict=True)) for a, b in pairs)


def is_name(name: str) -> bool:
    """Whether a task of that name is here: arc-1, arc-2-12."""
    found = re.fullmatch(r"arc-[12](?:-([1-9]\d?))?", name)
    return found is not None and SMALLEST <= int(found[1] or SMALLEST) < LARGEST


def side_of(name: str) -> int:
    """The side of the canvas of the task `name`."""
    return int(name.split("-")[2]) if name.count("-") == 2 else LARGEST


def check_side(name: str, puzzle: Puzzle) -> None:
    """ValueError if a grid does not fit the canvas of the task `name`."""
    if puzzle.side > side_of(name):
        kind = "-".join(name.split("-")[:2])
        larger = f"{kind}-{puzzle.side}" if puzzle.side < LARGEST else kind
        raise ValueError(
            f"A grid of puzzle {puzzle.name} has a side of {puzzle.side}, and {name} holds {side_of(name)} at most; "
            f"use {larger}."
        )


def _is_there(name: str) -> bool:
    try:
        return data_file(name).is_file()
    except FileNotFoundError:
        return False


def describe(config: Config) -> Config:
    """`config` with its data files as the puzzles to answer, if its task is ARC. They are read first, so that whatever
    is wrong with them is said before anything is written: FileNotFoundError or ValueError with one sentence."""
    if not is_name(config.task):
        return config
    arc = config.arc or FILES[config.task.split("-")[1]]
    if config.data:
        asked = tuple(str(source(name).resolve()) for name in config.data)
        for puzzle in (puzzle for name in asked for puzzle in read_puzzles(Path(name))):
            check_side(config.task, puzzle)
        there = tuple(name for name in arc.known if _is_there(name))
        arc = dataclasses.replace(arc, known=there, asked=asked, names=(), contents=())
    return dataclasses.replace(config, data=(), arc=Arc(config.task, arc).config)


def arc_of(task: Task) -> Arc:
    """The task as Arc. ValueError for another one."""
    if not isinstance(task, Arc):
        raise ValueError(f"These weights answer {task.spec.name}, not ARC puzzles; load those of arc-1 or arc-2.")
    return task
