"""Two attempts at each test input of ARC puzzles, as Kaggle takes them; written, or scored."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gram.atomic import whole
from gram.measure.arc import ATTEMPTS, Asked, ask, score
from gram.solve.options import resolve
from gram.solve.reasoner import Reasoner
from gram.solve.sampler import Watch
from gram.tasks.arc.files import Puzzle
from gram.tasks.arc.grids import Grid
from gram.tasks.arc.reading import (
    TRIES,
    attempts,
    puzzles_of,
    read_puzzles,
    read_solutions,
    read_submission,
    source,
)
from gram.tasks.arc.task import arc_of, check_side

Attempts = dict[str, list[dict[str, list[list[int]]]]]
"""By puzzle, for each test input: {"attempt_1": grid, "attempt_2": grid}, grids as rows of colors from 0 to 9."""


def submission(
    reasoner: Reasoner,
    puzzles: str | Path | Mapping[str, Any],
    out: str | Path | None = None,
    *,
    watch: Watch | None = None,
    **options: Any,
) -> Attempts:
    """Answer every test input of ARC puzzles twice: id -> [{"attempt_1": grid, "attempt_2": grid}, ...], as Kaggle
    takes submissions. The attempts are those of `gram solve arc-1 FILE --output submission.json`.

    `puzzles` is a file or folder, or what its JSON holds: one puzzle {"train": ..., "test": ...}, or id -> puzzle; the
    weights must have been trained with them. `out` is a new file, written as a whole. `options` are those of
    SamplingOptions, except those that choose among answers or limit the time. `watch`: see gram.solve.sampler. A test
    input without any attempt gets a single black cell, and a single attempt is repeated. ValueError, FileNotFoundError
    or FileExistsError with one sentence.
    """
    task = arc_of(reasoner.task)
    for name in ("select", "want", "timeout", "total_timeout"):
        if options.get(name) is not None:
            raise ValueError(f"An ARC test input gets two attempts, by vote; leave out {name}.")
    path = None if out is None else Path(out)
    if path is not None and (path.exists() or path.is_symlink()):
        raise FileExistsError(f"{path} exists; give a new file.")
    found = puzzles_at(puzzles)
    asked = [(task.number(puzzle), pair.input) for puzzle in found for pair in puzzle.asked]
    for puzzle in found:
        check_side(task.name, puzzle)
    answers = iter(ask(reasoner.network, task, asked, resolve(reasoner.config.solve, options), watch))
    given = {puzzle.name: [submitted(next(answers)) for _ in puzzle.asked] for puzzle in found}
    if path is not None:
        write_submission(path, given)
    return given


def puzzles_at(puzzles: str | Path | Mapping[str, Any]) -> list[Puzzle]:
    """The puzzles of a file, a folder, or of an object of JSON."""
    if isinstance(puzzles, Mapping):
        return puzzles_of(json.dumps(dict(puzzles)), "The object", "puzzle")
    return read_puzzles(source(str(puzzles)))


def submitted(found: Asked) -> dict[str, list[list[int]]]:
    """The attempts in Kaggle's format, always two: a single one is repeated, and a missing one is a single black
    cell."""
    grids = [attempt.grid.tolist() for attempt in found.attempts[:ATTEMPTS]] or [[[0]]]
    return {name: grids[min(i, len(grids) - 1)] for i, name in enumerate(TRIES)}


def write_submission(path: Path, given: Attempts) -> None:
    """Write the file, completely or not at all."""
    with whole(path) as temporary:
        temporary.write_text(json.dumps(given) + "\n", encoding="utf-8")


def score_submission(path: str | Path, outputs: str | Path | Mapping[str, list[Grid]]) -> dict[str, Any]:
    """The metrics of a submission from any program: pass_1 and pass_2 of test inputs, task_pass_k of whole puzzles,
    mean_pass_k as ARC Prize reports it (gram.measure.arc.score), the numbers of test inputs (examples) and puzzles,
    and `missing`, the puzzles without attempts, which count as wrong.

    `outputs` is a file or folder of puzzles with their outputs, a file of solutions, or id -> output grids. ValueError
    or FileNotFoundError with one sentence."""
    known = outputs if isinstance(outputs, Mapping) else read_solutions(source(str(outputs)))
    tried, missing = attempts(read_submission(Path(path)), dict(known), str(path))
    owners = [number for number, grids in enumerate(known.values()) for _ in grids]
    values: dict[str, Any] = {"examples": len(tried), "puzzles": len(known), "missing": missing}
    return values | score(tried, [grid for grids in known.values() for grid in grids], owners)
