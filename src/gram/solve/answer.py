"""The answer to a puzzle: the result, how it was found, and its display in Python."""

import re
from dataclasses import dataclass, field
from html import escape
from typing import Any

import numpy as np

from gram.solve.select import Candidate
from gram.tasks.base import Task
from gram.tasks.spec import Tokens

ESCAPES = re.compile("\x1b\\[[0-9;]*m")
"""Escape sequences that color text in a terminal."""


@dataclass(frozen=True)
class Answer:
    """The result for one puzzle. `print` shows the board and the verdict; a notebook draws it."""

    puzzle: str
    """The puzzle as text."""
    text: str | None
    """The answer as text; None if it is unsolved (select "checked" found no valid answer)."""
    tokens: Tokens | None
    """The answer as tokens (L,) uint8."""
    valid: bool | None
    """Whether the answer satisfies all rules and keeps the givens; None if unknown (your own data without a
    check)."""
    distinct: tuple[str, ...]
    """All distinct valid answers found, most votes first; if validity is unknown, all distinct answers."""
    candidates: tuple[Candidate, ...]
    """All distinct answers of finished trajectories, most votes first."""
    width: int
    """Number of trajectories; 1 if all would be equal."""
    depth: int
    """Maximum supervision steps."""
    index: int | None
    """Index of the chosen trajectory."""
    steps: int | None
    """Its supervision steps."""
    value: float | None
    """Its value: the accuracy that the model predicts."""
    evaluations: int
    """Function evaluations spent on this puzzle (rows times supervision steps)."""
    seconds: float
    """Sampling seconds of this puzzle. The seconds of a supervision step are divided among the active rows."""
    task: Task = field(repr=False, compare=False)
    """The task that the puzzle belongs to."""
    number: int = 1
    """Position of the puzzle in the call, from 1."""
    complete: bool = True
    """False if the time was up before the puzzle was finished."""
    exist: int | None = None
    """Exact number of answers of the puzzle. None if counting takes too long, or if one answer is wanted and there are
    several."""
    unique: bool | None = None
    """Whether the puzzle has no other answer; None if finding out takes too long."""
    all: bool | None = None
    """Whether `distinct` are proven to be all answers of the puzzle; None unless all were wanted."""

    @property
    def agreed(self) -> int:
        """Number of trajectories that ended at this answer."""
        if self.tokens is None:
            return 0
        return sum(c.votes for c in self.candidates if np.array_equal(c.answer, self.tokens))

    @property
    def finished(self) -> int:
        """Number of trajectories that ended."""
        return sum(c.votes for c in self.candidates)

    @property
    def verdict(self) -> str:
        """The result of the check, in words."""
        if self.all and not self.distinct:
            return "no solution: the rules exclude every completion"
        if self.tokens is None and not self.complete:
            return "unsolved when the time was up"
        if self.tokens is None and self.all is False:
            return f"none found within {self._cost}; there may be some"
        if self.tokens is None:
            return f"unsolved: no valid answer with width {self.width} and depth {self.depth}"
        if self.valid is None:
            return "validity is unknown: no check was run"
        if self.valid:
            more = "; it is not the only solution" if self.unique is False else ""
            return f"solved: the answer obeys all rules and keeps the givens{more}"
        broken = int(self.task.conflicts(self._given[None], self.tokens[None])[0])
        return f"unsolved: the chosen answer breaks the rules in {broken} place{'s' * (broken != 1)}"

    @property
    def listing(self) -> str:
        """How many answers were found and, if all were wanted, whether they are all; empty for a single answer."""
        n = len(self.distinct)
        if self.all is None:
            return f"{n} distinct answers" if n > 1 else ""
        ruled = sum(c.votes == 0 for c in self.candidates)
        more = f", {ruled} of them completed by the rules" if ruled and n > 1 else ""
        if n and self.all:
            return f"these are all {n} solutions{more}" if n > 1 else "this is the only solution"
        of = "" if self.exist is None else f" of {self.exist}"
        found = f"{n} solution{'s' * (n != 1)}{of} found within {self._cost}{more}"
        return "" if not n else f"{found}; there may be more" if self.exist is None else found

    def __str__(self) -> str:
        """The board and the verdict."""
        board = ESCAPES.sub("", self.task.render(self._given, self.tokens))
        return f"{board}\n{self.verdict}" + (f"\n{self.listing}" if self.listing else "")

    def _repr_html_(self) -> str:
        """The picture that a notebook shows."""
        from gram.tasks.drawing import draw  # imported late, since it imports every task

        shown = draw(self.task, self._given, self.tokens).svg()
        more = f"; {self.listing}" if self.listing else ""
        return f"<figure>{shown}<figcaption>{escape(self.verdict + more)}</figcaption></figure>"

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as `gram solve --json` prints them. agreed: trajectories that ended at this answer.
        finished: trajectories that ended. The other keys are those of Answer."""
        return {
            "puzzle": self.puzzle,
            "answer": self.text,
            "valid": self.valid,
            "distinct": list(self.distinct),
            "width": self.width,
            "depth": self.depth,
            "steps": self.steps,
            "value": self.value,
            "seconds": self.seconds,
            "agreed": self.agreed,
            "finished": self.finished,
            "evaluations": self.evaluations,
            "exist": self.exist,
            "unique": self.unique,
            "complete": self.complete,
            "number": self.number,
        } | ({} if self.all is None else {"all": self.all})

    @property
    def _cost(self) -> str:
        """The function evaluations, in words."""
        return f"{self.evaluations:,} function evaluation{'s' * (self.evaluations != 1)}"

    @property
    def _given(self) -> Tokens:
        """The puzzle as tokens (L,)."""
        return self.task.encode(self.puzzle)
