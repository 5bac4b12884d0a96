"""Answering and scoring ARC: many views of a test input, one vote per sample, two attempts.

Pure functions of grids (H, W) of colors. V variants, N samples of each.
"""

import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from gram.solve.backend import Network
from gram.solve.deadline import Deadline
from gram.solve.options import SamplingOptions
from gram.solve.sampler import Trajectories, Watch, sample
from gram.tasks.arc.files import Pair
from gram.tasks.arc.grids import Grid
from gram.tasks.arc.task import Arc

CHUNK = 1024
"""Approximate number of variants answered together; it limits memory and does not change the result."""
ATTEMPTS = 2
"""Allowed answers to a test input."""


@dataclass(frozen=True)
class Attempt:
    """A grid and its votes."""

    grid: Grid
    votes: int
    value: float
    """Mean value of its voters."""


def ranked(grids: Sequence[Grid | None], values: Sequence[float]) -> list[Attempt]:
    """The distinct grids, most votes first; ties: the higher mean value, then the one that came first. None has no
    vote."""
    voters: dict[tuple, list[int]] = {}
    for i, grid in enumerate(grids):
        if grid is not None:
            voters.setdefault((grid.shape, grid.tobytes()), []).append(i)
    found = []
    for rows in voters.values():
        grid = grids[rows[0]]
        assert grid is not None
        found.append(Attempt(grid, len(rows), float(np.mean([values[i] for i in rows]))))
    return sorted(found, key=lambda attempt: (-attempt.votes, -attempt.value))


def passes(attempts: Sequence[Grid], target: Grid, k: int) -> bool:
    """pass@k: whether one of the first k attempts equals the target, including its size."""
    return any(np.array_equal(grid, target) for grid in attempts[:k])


def score(attempts: Sequence[Sequence[Grid]], targets: Sequence[Grid], puzzles: Sequence[int]) -> dict[str, float]:
    """Attempts at each test input, its target, and the number of its puzzle -> rates in [0, 1], for k = 1 and 2:

    pass_k: test inputs with a correct answer among the first k attempts. task_pass_k: puzzles with all test inputs
    answered this way. mean_pass_k: the share of answered test inputs of a puzzle, mean over puzzles (the metric of ARC
    Prize, HRM and TRM)."""
    metrics: dict[str, float] = {}
    for k in (1, ATTEMPTS):
        right = np.array([passes(own, target, k) for own, target in zip(attempts, targets, strict=True)], float)
        by_puzzle = [right[np.array(puzzles) == puzzle] for puzzle in dict.fromkeys(puzzles)]
        metrics[f"pass_{k}"] = float(right.mean())
        metrics[f"task_pass_{k}"] = float(np.mean([own.all() for own in by_puzzle]))
        metrics[f"mean_pass_{k}"] = float(np.mean([own.mean() for own in by_puzzle]))
    return metrics


def copied(input: Grid) -> list[Grid]:
    """The attempt to answer with the input."""
    return [input]


def most_frequent(shown: Iterable[Pair]) -> list[Grid]:
    """The two most frequent outputs of demonstrations; ties go to the first."""
    outputs = [pair.output for pair in shown if pair.output is not None]
    counts = Counter((grid.shape, grid.tobytes()) for grid in outputs)
    return [np.frombuffer(cells, np.uint8).reshape(shape) for (shape, cells), _ in counts.most_common(ATTEMPTS)]


# answering ------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Asked:
    """The result of one test input."""

    attempts: list[Attempt]
    """All distinct grids, most votes first."""
    voters: int
    """Number of samples: V * N, or V if those of a variant are all equal."""
    single: Grid | None
    """The first sample of the puzzle itself, without a vote."""
    evaluations: int
    """Function evaluations (rows times supervision steps)."""
    seconds: float = 0.0
    """What its rows took of the time."""
    complete: bool = True
    """False where a time limit came first."""


def ask(
    network: Network,
    task: Arc,
    asked: Sequence[tuple[int, Grid]],
    options: SamplingOptions,
    watch: Watch | None = None,
) -> list[Asked]:
    """Answer test inputs (number of the puzzle, grid) in all variants. `watch`: called at every stage. When
    `total_timeout` has passed, the votes are those that there are; without a limit the answers do not depend on what
    else is asked."""
    V, answers, begin, total = len(task.views), [], time.perf_counter(), options.total_timeout
    together = max(1, CHUNK // V)
    for first in range(0, len(asked), together):
        part = asked[first : first + together]
        inputs = np.concatenate([task.variants_of(puzzle, grid) for puzzle, grid in part])
        left = None if total is None else max(1e-9, total - (time.perf_counter() - begin))
        deadline = Deadline(len(inputs), each=options.timeout, total=left)
        found = sample(network, task, inputs, options, watch=watch, deadline=deadline)
        for i in range(len(part)):
            own = slice(i * V, (i + 1) * V)
            took, late = float(deadline.seconds[own].sum()), bool(deadline.late[own].any())
            answers.append(replace(voted(task, found[own]), seconds=took, complete=not late))
    return answers


def voted(task: Arc, found: Sequence[Trajectories]) -> Asked:
    """What the samples of all variants of one test input say. A row that never ran has no vote."""
    grids = [task.grid_of(tokens, variant) for variant, own in enumerate(found) for tokens in own.answers]
    values = [float(value) for own in found for value in own.value]
    return Asked(ranked(grids, values), len(grids), grids[0], sum(own.evaluations for own in found))
