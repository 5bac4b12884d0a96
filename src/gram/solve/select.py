"""Selection of one answer among many trajectories."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from gram.config.values import Select, Want
from gram.solve.sampler import Trajectories
from gram.tasks.base import Task
from gram.tasks.spec import Tokens


class Ended(NamedTuple):
    """The finished trajectories of one puzzle, in order."""

    steps: np.ndarray
    """(n,) int64."""
    value: np.ndarray
    """(n,) float32."""
    halt: np.ndarray
    """(n,) float32 halting logit."""
    which: np.ndarray
    """(n,) int64: index of its answer; 0 has the most votes (ties: higher mean value, then smaller tokens)."""
    valid: np.ndarray
    """(n,) bool: whether the checker accepts its answer; only for "checked"."""


def fastest_valid(ended: Ended) -> int | None:
    """The valid answer with the fewest steps."""
    steps = np.where(ended.valid, ended.steps, np.iinfo(np.int64).max)
    return int(np.argmin(steps)) if ended.valid.any() else None


SELECTORS: dict[str, Callable[[Ended], int | None]] = {
    "first": lambda ended: int(np.argmin(ended.steps)),
    "majority": lambda ended: int(np.argmin(ended.which)),
    "value": lambda ended: int(np.argmax(ended.value)),
    "halt": lambda ended: int(np.argmax(ended.halt)),
    "checked": fastest_valid,
}
"""Selectors by name. They return the row of the chosen trajectory in Ended, or None for an unsolved puzzle."""


@dataclass(frozen=True)
class Candidate:
    """A distinct answer and its votes."""

    answer: Tokens
    """(L,) uint8."""
    votes: int
    """Number of trajectories that ended at it."""
    value: float
    """Best value among them."""
    steps: int
    """Supervision steps of the fastest one."""
    valid: bool | None
    """Whether the task's checker accepts it; None without checker."""


@dataclass(frozen=True)
class Choice:
    """The chosen answer, or None if "checked" found no valid one and the puzzle is unsolved."""

    answer: Tokens | None
    """(L,) uint8 or None."""
    index: int | None
    """The first trajectory with this answer."""
    right: bool
    """Whether the checker accepts it; False if there is no answer."""
    candidates: tuple[Candidate, ...]
    """Every distinct answer of a finished trajectory, most votes first; ties: higher mean value, then token order."""

    @property
    def valid(self) -> tuple[Candidate, ...]:
        """The candidates that satisfy the rules."""
        return tuple(c for c in self.candidates if c.valid)


def needs_check(task: Task, select: Select, want: Want | None = None) -> None:
    """ValueError if the checker must select, or count `want` answers, but only known targets are available."""
    if select == "checked" and not task.checkable:
        raise ValueError(task.unchecked)
    if want not in (None, 1) and not task.checkable:
        raise ValueError(
            f"want is {want}, but {task.spec.name} was trained without a check that could count answers; leave "
            "out want, or train with a check."
        )


def choose(task: Task, puzzle: Tokens, found: Trajectories, select: Select) -> Choice:
    """Choose among the finished trajectories of one puzzle (L,).

    first: the fewest supervision steps (the first trajectory if all have the same depth). majority: the most votes;
    ties go to the higher mean value, then to the smaller tokens. value, halt: the highest. checked: the valid answer
    with the fewest steps. Further ties go to the lower trajectory. Only "checked" uses the checker. ValueError for an
    unknown selector. If no trajectory has finished, because the time was up, nothing is chosen.
    """
    rows = np.flatnonzero(found.finished)
    if not len(rows):
        return Choice(None, None, False, ())
    judged = found.judged(task, puzzle).valid
    assert judged is not None
    steps, value, halt = found.steps[rows], found.value[rows], found.halt[rows]
    answers, first, which = np.unique(found.answers[rows], axis=0, return_index=True, return_inverse=True)  # by tokens
    valid, which = judged[rows[first]], which.reshape(-1)
    votes = np.bincount(which)
    mean = np.bincount(which, weights=value) / votes
    order = np.lexsort((np.arange(len(answers)), -mean, -votes))
    candidates = tuple(
        Candidate(
            answer=answers[k],
            votes=int(votes[k]),
            value=float(value[which == k].max()),
            steps=int(steps[which == k].min()),
            valid=bool(valid[k]),
        )
        for k in order
    )
    if select not in SELECTORS:
        raise ValueError(f"There is no selector {select!r}; choose one of {', '.join(SELECTORS)}.")
    best = SELECTORS[select](Ended(steps, value, halt, np.argsort(order)[which], valid[which]))
    if best is None:
        return Choice(None, None, False, candidates)
    return Choice(answers[which[best]], int(rows[best]), bool(valid[which[best]]), candidates)
