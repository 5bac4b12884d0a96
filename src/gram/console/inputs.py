"""Command-line inputs: puzzles as text or in files, and weights by name or folder.

torch is imported late, so that a mistyped puzzle is refused at once.
"""

import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from gram import hub, loading, tasks
from gram.advice import larger
from gram.config import Config, read_config
from gram.console.exits import complete
from gram.loading import is_bundle
from gram.messages import log
from gram.solve.reasoner import encode
from gram.tasks.arc.task import is_name
from gram.tasks.base import Task
from gram.tasks.data.store import data_file, load_examples
from gram.tasks.reading.containers import unpacked, unpacked_bytes
from gram.tasks.reading.content import Found, of_texts
from gram.tasks.spec import Examples, Tokens

if TYPE_CHECKING:
    from gram.solve.reasoner import Reasoner

LISTING = 10
"""Budget of the exact solver for listing all answers of a puzzle in an evaluation, as a multiple of `quick`."""
LISTED = 2**28
"""Maximum bytes of all listed answers of a file."""


# puzzles of the command line -----------------------------------------------------------------------------
def read(task: Task, puzzles: tuple[str, ...], input: Path | None, base: int | None = None) -> Found:
    """The puzzles of the command line and of the input file, or else of standard input. `base`: see Task.understand."""
    name = task.spec.name
    parts = []
    if puzzles:
        if input is None and len(puzzles) == 1 and len(puzzles[0]) < 200 and Path(puzzles[0]).is_file():
            raise ValueError(f"{puzzles[0]} is a file; give it as --input {puzzles[0]}.")
        plain = type(task).understand is Task.understand
        parts.append(Found(list(puzzles)) if plain else task.understand(of_texts(puzzles), base=base))
    if str(input) == "-":
        parts.append(_standard_input(task, base))
    elif input is not None:
        if not input.exists():
            raise FileNotFoundError(f"There is no file {input}; give a file of {name} puzzles.")
        parts.append(of_file(task, input, base))
        if not parts[-1].puzzles:
            raise ValueError(f"{input} has no puzzles; write {name} puzzles into it.")
    elif not puzzles:
        parts.append(_standard_input(task, base))
    return Found(
        [puzzle for part in parts for puzzle in part.puzzles],
        *(tuple(sum((getattr(part, kind) for part in parts), ())) for kind in ("form", "notes", "warnings")),
    )


def of_file(task: Task, path: Path, base: int | None = None) -> Found:
    """The puzzles of a file, as the task understands them or as a task of another package reads them."""
    if type(task).read is Task.read:
        return task.take(unpacked(path, str(path)), base)
    return Found(list(task.read(path)))


def standard_input(way: str) -> bytes:
    """All of standard input. ValueError if it is a terminal; `way` says what to do then."""
    if sys.stdin is None or sys.stdin.isatty():
        raise ValueError(f"There is no puzzle; {way}.")
    bytes_in = getattr(sys.stdin, "buffer", None)
    return sys.stdin.read().encode() if bytes_in is None else bytes_in.read()


def _standard_input(task: Task, base: int | None) -> Found:
    name = task.spec.name
    data = standard_input(f"write one after `gram solve {name}`, or give --input FILE")
    if type(task).read is not Task.read:
        raise ValueError(f"The task {name} reads files only; give --input FILE.")
    found = task.take(unpacked_bytes(data, "standard input"), base)
    if not found.puzzles:
        raise ValueError(f"Standard input has no puzzle; write one after `gram solve {name}`, or give --input FILE.")
    return found


class Refusals:
    """Handling of invalid puzzles: stop at the first, or report and skip them all."""

    def __init__(self, *, skip: bool, several: bool):
        """several: whether puzzles are named by number."""
        self.skip, self.several, self.code = skip, several, 0

    def report(self, number: int, sentence: str) -> None:
        """Report that puzzle `number` is invalid. ValueError unless such puzzles are skipped."""
        if not self.skip:
            raise ValueError(f"Puzzle {number}: {sentence}" if self.several else sentence)
        self.code = 2
        if sys.stderr is not None:
            print(f"gram: Puzzle {number} is skipped: {complete(sentence)}", file=sys.stderr, flush=True)

    def encode(self, task: Task, texts: Sequence[str]) -> list[tuple[int, Tokens]]:
        """The puzzles with their numbers, from 1."""
        found = []
        for number, text in enumerate(texts, 1):
            try:
                found.append((number, task.encode(text)))
            except ValueError as error:
                self.report(number, str(error))
        return found


def check_base(task: Task, base: int | None) -> None:
    """ValueError if the task has no vertices to count."""
    if base is not None and not task.graphs:
        raise ValueError("--base is the number of the first vertex of graphs; leave it out here.")


def print_reading(found: Found, *, quiet: bool = False) -> None:
    """Log the decisions made while reading, unless `quiet`, and warnings."""
    for note in () if quiet else found.notes:
        log.info(f"Read: {note}.")
    for warning in found.warnings:
        log.warning(f"Warning: {warning}")


# weights --------------------------------------------------------------------------------------------------
def named(
    name: str,
    weights: str | None,
    *,
    trust: bool = False,
    check: str | None = None,
    keys: tuple[str | None, str | None] = (None, None),
) -> Task:
    """The task of that name; what your own data are, and which ARC puzzles, is in the config of the weights.
    `trust`, `check`: see gram.load. `keys`: how a file of your own data names inputs and targets, if not as those that
    were trained on."""

    if name != tasks.OWN and any(keys):
        raise ValueError(f"The task {name} is not for your own data; leave out --input-key and --target-key.")
    if name != tasks.OWN and check is not None:
        raise ValueError(f"The task {name} has its own rules; leave out --check.")
    if name != tasks.OWN and not is_name(name):
        return tasks.task(name)
    config = configured(find(name, weights))
    if name != config.task:
        raise ValueError(f"The weights {weights} are for {config.task}, not for {name}; choose others with --weights.")
    task = tasks.of(config, trust=trust, check=check)
    if any(keys):
        task.use_keys(*keys)
    return task


def configured(folder: Path) -> Config:
    """The config of a weight folder or bundle, without torch."""
    if is_bundle(folder):
        return read_config(folder / "config.json")
    from gram import weights as weight_files

    return weight_files.read(folder)


def find(name: str, weights: str | None) -> Path:
    """The weight folder or bundle for the task `name`; the shipped one if `weights` is None."""
    if weights is not None and hub.is_address(weights):
        return hub.fetch(weights)
    if weights is not None and is_bundle(weights):
        return Path(weights)
    from gram import weights as weight_files

    if weights is None and name not in weight_files.shipped():
        if (search := f"{name}-search") in weight_files.shipped():
            return weight_files.SHIPPED / search
        size = next(iter(tasks.numbers(name)), 0)
        if (same := weight_files.of_any_size(name, size)) is not None:
            return same
        known = larger(name, size)
        way = "" if known is None else f"use {known}, which also accepts smaller puzzles, or "
        raise FileNotFoundError(f"The package has no weights for {name}; {way}{_training(name)}.")
    return weight_files.SHIPPED / name if weights is None else weight_files.find(weights)


def _training(name: str) -> str:
    """How to train weights for a task, and how long it takes."""
    from gram import recipes

    if name == tasks.OWN:
        return "train some with `gram train own --data FILE --out DIR` and give them as --weights DIR"
    try:
        minutes = f", which takes {recipes.recipe(name).train.minutes:.0f} minutes,"
    except ValueError:
        minutes = ""  # a task of another package
    command = f"gram train {name}" if minutes else f"gram train own --task {name}"
    return f"train some with `{command} --out DIR`{minutes} and give them as --weights DIR"


def load(task: Task, weights: str | None, dtype: str) -> tuple["Reasoner", str, Path]:
    """A reasoner for `task`, which checks answers, the name of its weights, and their folder. By default the shipped
    weights of the task. `dtype`: see gram.load."""
    name = task.spec.name
    folder = find(name, weights)
    begin = time.perf_counter()
    loaded = loading.load(folder, dtype=dtype, task=name)
    seconds = time.perf_counter() - begin
    log.debug(f"Weights: {folder}, on {loaded.network.device}, {loaded.network.size}, read in {seconds:.2f} s.")
    loaded.task = task
    if weights is None and folder.name != name:
        hold = "" if folder.name.startswith(f"{name}-") else ", which hold for every size"
        log.info(f"Weights: {folder.name}{hold}.")
    return loaded, weights or folder.name, folder


def print_arithmetic(reasoner: "Reasoner") -> None:
    """Log the arithmetic and its reason, because answers depend on it."""
    log.info(f"Arithmetic: {reasoner.arithmetic}.")


# puzzles to measure on -----------------------------------------------------------------------------------
def examples(
    task: Task,
    data: Path | None,
    split: str,
    limit: int | None,
    edge_probability: float | None,
    base: int | None = None,
) -> tuple[Examples, Found]:
    """The puzzles for an evaluation with all their targets, from a file or the task's own split, and how a file was
    read. `limit` takes a fixed sample."""
    if edge_probability is not None:
        if data is not None:
            raise ValueError(
                "--edge-probability is for random graphs, but --data gives other graphs; leave one of them out."
            )
        task = task.with_edges(edge_probability)
    how = Found([])
    if data is None:
        found = load_examples(task, (), split)
    elif data.name.endswith(task.answered):
        return load_examples(task, (str(data),), split, count=limit), how
    elif task.paired:
        found = task.load([data_file(str(data))])
    else:
        how = of_file(task, data_file(str(data)), base)
        puzzles = encode(task, how.puzzles)
        rows = sample_rows(len(puzzles), limit)
        targets = []
        for row in rows:
            targets.append(solutions(task, puzzles[row], row))
            if sum(map(len, targets)) * task.spec.length > LISTED:
                raise ValueError(f"The first {row + 1} puzzles have too many answers to list; use a smaller --limit.")
        first = np.cumsum([0, *map(len, targets)]).astype(np.int64)
        return Examples(puzzles[rows], np.concatenate([puzzles[:0], *targets]), first), how
    return found.select(sample_rows(len(found), limit)), how


def sample_rows(count: int, limit: int | None) -> np.ndarray:
    """A fixed sample of `limit` out of `count` row numbers, ascending."""
    return np.sort(np.random.default_rng(0).permutation(count)[:limit])


def solutions(task: Task, puzzle: Tokens, row: int) -> Tokens:
    """All answers of puzzle (L,), (S, L). ValueError if there are none, or too many to list."""
    try:
        found = task.solutions(puzzle, budget=LISTING * task.quick)
    except RuntimeError:
        raise ValueError(f"Puzzle {row + 1} has too many answers to list; leave it out.") from None
    if not len(found):
        raise ValueError(f"Puzzle {row + 1} has no solution; leave it out.")
    return found
