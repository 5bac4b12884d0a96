"""Output of `gram make`: puzzles, one a line, or JSON."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gram import tasks
from gram.atomic import whole
from gram.console.inputs import load
from gram.console.output import check_output, records
from gram.console.text import counted, one_line
from gram.messages import log
from gram.solve.making import LEVELS, Made, level_of, rate, rated, unrated
from gram.tasks.base import Task
from gram.tasks.sudoku.task import Sudoku

if TYPE_CHECKING:
    from gram.solve.reasoner import Reasoner

TEXT = ".txt"


def make(
    name: str,
    *,
    n: int,
    difficulty: str | None,
    seed: int,
    weights: str | None,
    output: Path | None,
    as_json: bool,
) -> int:
    """Make n puzzles and print them, or write them to the new file `output`. `difficulty`: a key of LEVELS, for Sudoku.
    `weights`: those of a search, for the ratings."""
    task = tasks.task(name)
    if n < 1:
        raise ValueError(f"--n is {n}; it must be at least 1.")
    if seed < 0:
        raise ValueError(f"--seed is {seed}; it must not be negative.")
    if output is not None:
        check_output(output, TEXT)
    log.debug(f"Making {counted(n, 'puzzle')} of {name} from seed {seed}.")
    found = islice(puzzles(task, difficulty, seed, weights, n), n)
    with records(None if output is None or is_text(output) else output) as rows, lines(output) as text:
        for number, made in enumerate(found, 1):
            record = described(task, made)
            rows.add({"question": record["puzzle"], **{key: record[key] for key in ("answer", "rating", "clues")}})
            if text is not None:
                text.append(record["puzzle"])
            if as_json:
                print(json.dumps(record), flush=True)
            elif output is None:
                print(record["puzzle"], flush=True)
            log.debug(f"{number} of {counted(n, 'puzzle')}.")
    if output is not None and not as_json:
        print(f"{output}: {counted(n, 'puzzle')}")
    return 0


def is_text(path: Path) -> bool:
    return path.suffix.lower() == TEXT


@contextmanager
def lines(path: Path | None) -> Iterator[list[str] | None]:
    """A list whose lines become the new text file `path` at the end; None if it is no text file."""
    if path is None or not is_text(path):
        yield None
        return
    kept: list[str] = []
    yield kept
    with whole(path) as temporary:
        temporary.write_text("".join(f"{line}\n" for line in kept), encoding="utf-8")


def puzzles(task: Task, difficulty: str | None, seed: int, weights: str | None, n: int) -> Iterator[Made]:
    """Endless Sudokus, or the first n examples of another task. ValueError where none can be made."""
    name = task.spec.name
    if isinstance(task, Sudoku):
        if difficulty is not None:
            yield from rated(searching(task, weights), difficulty, seed)
        reasoner = None if weights is None else searching(task, weights)
        for made in unrated(task, seed):
            yield made if reasoner is None else made._replace(rating=rate(reasoner, made.puzzle[None])[0])
    if task.unconditional:
        raise ValueError(f"{name} has no puzzles to make; draw samples with `gram generate {name}`.")
    if difficulty is not None or weights is not None:
        raise ValueError(f"Ratings are for Sudokus; leave out --difficulty and --weights for {name}.")
    if task.votes:
        stored = "-".join(name.split("-")[:2])  # arc-1-10 is a part of arc-1
        raise ValueError(f"The puzzles of {name} are files; get them with `gram data {stored}`.")
    examples = task.examples("test", seed, n)
    if len(examples) < n:
        raise ValueError(f"There are only {counted(len(examples), 'puzzle')} of {name}; ask for fewer with --n.")
    for row in range(n):
        yield Made(examples.inputs[row], examples.targets_of(row)[0])


def searching(task: Sudoku, weights: str | None) -> "Reasoner":
    """The search that rates. ValueError if there is none for this size, or the weights are of no search."""
    from gram import weights as weight_files

    name = task.spec.name
    if weights is None and f"{name}-search" not in weight_files.shipped():
        raise ValueError(
            f"Ratings need the weights of a search, and the package has none for {name}; give some with --weights, or "
            "leave out --difficulty."
        )
    reasoner, label, _ = load(task, weights or f"{name}-search", "float32")
    if not reasoner.config.model.candidates:
        raise ValueError(f"The weights {label} do not search, so they cannot rate; give those of a search.")
    return reasoner


def described(task: Task, made: Made) -> dict[str, Any]:
    """A puzzle as a record."""
    sudoku = isinstance(task, Sudoku)
    return {
        "puzzle": one_line(task.show(made.puzzle)),
        "answer": one_line(task.decode(made.answer)),
        "rating": made.rating,
        "difficulty": level_of(made.rating),
        "clues": made.clues if sudoku else None,
    }


__all__ = ["LEVELS", "make"]
