"""ARC puzzles, and their training pairs: the demonstrations, never the test pairs. File formats are in
gram.tasks.arc.reading."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from gram.tasks.arc.grids import Grid, outline, same_in_all_views

LARGEST = 30
DEV = 20
"""Per cent of the puzzles that are trained on whose test pairs are kept for development."""


class Pair(NamedTuple):
    """An input and its output; None if unknown."""

    input: Grid
    output: Grid | None


@dataclass(frozen=True)
class Puzzle:
    """An ARC puzzle: its demonstrations and test pairs."""

    name: str
    shown: tuple[Pair, ...]
    asked: tuple[Pair, ...]

    @property
    def side(self) -> int:
        """The longest side of its grids."""
        return max(max(grid.shape) for pair in (*self.shown, *self.asked) for grid in pair if grid is not None)

    @property
    def content(self) -> str:
        """16 hexadecimal digits of the sha256 of the demonstrations, the same under any name."""
        digest = hashlib.sha256()
        for grid in (grid for pair in self.shown for grid in pair if grid is not None):
            digest.update(bytes(grid.shape) + grid.tobytes())
        return digest.hexdigest()[:16]

    @property
    def develops(self) -> bool:
        """Whether its test pairs are kept for development, by its content."""
        return int(self.content, 16) % 100 < DEV


# training pairs -------------------------------------------------------------------------------------------
class Example(NamedTuple):
    """A pair and the number of its puzzle."""

    puzzle: int
    pair: Pair


@dataclass(frozen=True)
class Splits:
    """Pairs by split; the numbers of puzzles are places in `puzzles`."""

    puzzles: tuple[Puzzle, ...]
    train: tuple[Example, ...]
    dev: tuple[Example, ...]
    test: tuple[Example, ...]


def splits(known: Sequence[Puzzle], asked: Sequence[Puzzle]) -> Splits:
    """`known` puzzles are trained on with all their pairs, a fifth of them (by content) without the test pairs, which
    are dev. Of `asked` ones the demonstrations are trained on, and the test pairs are test.

    What is held out is trained on nowhere: a known puzzle that is an asked one (by name or by what it shows) is left
    out, and so is every training pair that is, in any view, a held-out pair of another puzzle, and every pair with
    the input of a held-out pair of its own puzzle."""
    names, contents = {p.name for p in asked}, {p.content for p in asked}
    kept = [p for p in known if p.name not in names and p.content not in contents]
    puzzles = tuple({p.content: p for p in [*kept, *asked]}.values())
    if twice := [p.name for p in puzzles if sum(p.name == other.name for other in puzzles) > 1]:
        raise ValueError(f"Two puzzles named {twice[0][:60]} have different pairs; rename one of them.")
    last = {p.content for p in asked}
    train: list[Example] = []
    held: dict[str, list[Example]] = {"dev": [], "test": []}
    for number, puzzle in enumerate(puzzles):
        split = "test" if puzzle.content in last else "dev" if puzzle.develops else None
        train += [Example(number, pair) for pair in puzzle.shown]
        (train if split is None else held[split]).extend(
            Example(number, pair) for pair in puzzle.asked if pair.output is not None or split is not None
        )
    secret = _Secret([*held["dev"], *held["test"]])
    kept_pairs = tuple(e for e in train if e.pair.output is not None and not secret.knows(e))
    dev, test = (tuple(e for e in held[split] if e.pair.output is not None) for split in ("dev", "test"))
    return Splits(puzzles, kept_pairs, dev, test)


class _Secret:
    """The held-out pairs."""

    def __init__(self, held: Iterable[Example]):
        self.inputs: set[tuple[int, tuple, bytes]] = set()
        self.outlines: set[tuple] = set()
        self.owners: dict[bytes, set[int]] = {}
        for puzzle, (input, output) in held:
            self.inputs.add((puzzle, input.shape, input.tobytes()))
            if output is not None:
                self.outlines.add(outline(input, output))
                self.owners.setdefault(same_in_all_views(input, output), set()).add(puzzle)

    def knows(self, example: Example) -> bool:
        puzzle, (input, output) = example
        assert output is not None
        if (puzzle, input.shape, input.tobytes()) in self.inputs:
            return True
        if outline(input, output) not in self.outlines:
            return False
        return bool(self.owners.get(same_in_all_views(input, output), set()) - {puzzle})
