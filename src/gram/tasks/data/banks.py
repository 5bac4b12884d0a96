"""Public collections of Sudokus without solutions: sampled by hash, solved, and split.

The result is always the same, but differs from the files of the shipped weights: those are another sample, in
equivalent forms, and no solution grid of theirs is in two splits.
"""

import gzip
import hashlib
import heapq
import re
import tarfile
import zlib
from collections.abc import Iterable
from pathlib import Path

from gram import unpack
from gram.messages import log
from gram.tasks.sudoku.task import Sudoku

PUZZLE = re.compile(r"(?<![0-9.])[0-9.]{81}(?![0-9.])")
"""A puzzle in a line of a collection, possibly with a hash before it and a rating after it."""
OF_RATING, OF_FILE = 1_500, 20_000
"""Maximum puzzles per rating of the bank, and per hard collection."""
DEV = 30
"""One of this many puzzles, by hash, is dev."""
LARGEST = 2**27
"""Maximum bytes of an archive entry."""


def puzzles(text: str) -> list[str]:
    """The puzzles of a collection, each once, blanks as "."."""
    found = (PUZZLE.search(line) for line in text.splitlines())
    return list(dict.fromkeys(match[0].replace("0", ".") for match in found if match))


def number(puzzle: str) -> int:
    """The hash by which puzzles are sampled and split."""
    return int.from_bytes(hashlib.sha256(puzzle.encode()).digest()[:8])


def build_bank(arrived: dict[str, Path], folder: Path) -> None:
    """Of each rating (2.5.txt and so on in the archive) the first puzzles by hash, solved."""
    [path] = arrived.values()
    chosen = []
    try:
        with unpack.opened(path, path.name) as file, tarfile.open(fileobj=file, mode="r|") as archive:
            for member in archive:
                name = re.fullmatch(r"[^/]+/(?:\w+/)?(\d\.\d)\.txt", member.name)
                content = archive.extractfile(member) if name and member.size <= LARGEST else None
                if name and content:
                    known = puzzles(content.read().decode("ascii", "replace"))
                    chosen += [(f"puzzle_bank_se_{name[1]}", p) for p in heapq.nsmallest(OF_RATING, known, number)]
    except (tarfile.TarError, EOFError, OSError, zlib.error) as error:
        raise ValueError(f"{path.name} is no archive of puzzles ({str(error)[:100]}); download it again.") from None
    write(chosen, folder, "bank")


def build_hard(counts: dict[str, int]):
    """A builder for files of so many puzzles each: the first of each by hash, solved."""

    def build(arrived: dict[str, Path], folder: Path) -> None:
        chosen = []
        for name, path in arrived.items():
            known = puzzles(path.read_text(encoding="ascii", errors="replace"))
            if len(known) != counts[name]:
                raise ValueError(f"{name} holds {len(known):,} puzzles instead of {counts[name]:,}.")
            chosen += [(name, puzzle) for puzzle in heapq.nsmallest(OF_FILE, known, number)]
        write(chosen, folder, "tdoku_hard")

    return build


def write(chosen: Iterable[tuple[str, str]], folder: Path, kind: str) -> None:
    """The files of train and dev, of (source, puzzle): solved, in the order of their hashes. ValueError if none has
    exactly one solution; those of several are left out."""
    ordered = sorted({puzzle: source for source, puzzle in chosen}.items(), key=lambda item: number(item[0]))
    log.info(f"Solving {len(ordered):,} Sudokus, about a minute for each 10,000.")
    task, rows = Sudoku(9), {"train": [], "dev": []}
    for puzzle, source in ordered:
        try:
            found = task.solutions(task.encode(puzzle), limit=2)
        except ValueError:  # no Sudoku
            continue
        if len(found) == 1:
            row = f"{source},{puzzle},{task.decode(found[0])}\n"
            rows["dev" if number(puzzle) % DEV == 0 else "train"].append(row)
    if not rows["train"]:
        raise ValueError("There is no Sudoku with one solution in it.")
    for part, lines in rows.items():
        text = "source,question,answer\n" + "".join(lines)
        (folder / f"sudoku/sudoku_{kind}_{part}.csv.gz").write_bytes(gzip.compress(text.encode(), mtime=0))
