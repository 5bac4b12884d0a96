"""What comes of a puzzle: the answer, how it was found, and how Python shows it."""

import re
from dataclasses import dataclass, field
from html import escape
from typing import Any

import numpy as np

from gram.solve.select import Candidate
from gram.tasks.base import Task, Tokens

ESCAPES = re.compile("\x1b\\[[0-9;]*m")
"""What colors text in a terminal."""


@dataclass(frozen=True)
class Answer:
    """What came of one puzzle. `print` shows the board and the verdict; a notebook draws it."""

    puzzle: str
    """The puzzle as text."""
    text: str | None
    """The answer as text; None if it is unsolved (select "checked" found no valid answer)."""
    tokens: Tokens | None
    """The answer as tokens (L,) uint8."""
    valid: bool | None
    """Whether the answer satisfies all rules and keeps the givens; None where nothing can tell (one's own data without
    a check)."""
    distinct: tuple[str, ...]
    """All distinct valid answers that were found, most votes first; where nothing can tell, all distinct answers."""
    candidates: tuple[Candidate, ...]
    """All distinct answers of finished trajectories, most votes first."""
    width: int
    """Trajectories that were to run; 1 where all would be equal."""
    depth: int
    """Supervision steps at most."""
    index: int | None
    """The trajectory that was chosen."""
    steps: int | None
    """Its supervision steps."""
    value: float | None
    """Its value: the accuracy that the model expects of it."""
    evaluations: int
    """Function evaluations spent on this puzzle (rows times supervision steps)."""
    seconds: float
    """Seconds of the sampling that went into this puzzle: those of a supervision step are shared out among the active
    rows."""
    task: Task = field(repr=False, compare=False)
    """The task that the puzzle belongs to."""
    number: int = 1
    """Which puzzle of the call it is, from 1."""
    complete: bool = True
    """False where the time was up before the puzzle was over."""
    exist: int | None = None
    """Answers that the puzzle has, counted exactly; None where that takes long, and for several if one is wanted."""
    unique: bool | None = None
    """Whether it has no other answer; None where that takes long to find out."""

    @property
    def agreed(self) -> int:
        """Trajectories that ended in the answer."""
        if self.tokens is None:
            return 0
        return sum(c.votes for c in self.candidates if np.array_equal(c.answer, self.tokens))

    @property
    def finished(self) -> int:
        """Trajectories that ended."""
        return sum(c.votes for c in self.candidates)

    @property
    def verdict(self) -> str:
        """What the rules say, in words."""
        if self.tokens is None and not self.complete:
            return "unsolved when the time was up"
        if self.tokens is None:
            return f"unsolved: no valid answer with width {self.width} and depth {self.depth}"
        if self.valid is None:
            return "valid or not is unknown: no check was run"
        if self.valid:
            more = "; it is not the only solution" if self.unique is False else ""
            return f"solved: the answer obeys all rules and keeps the givens{more}"
        broken = int(self.task.conflicts(self._given[None], self.tokens[None])[0])
        return f"unsolved: the chosen answer breaks the rules in {broken} place{'s' * (broken != 1)}"

    def __str__(self) -> str:
        """The board and the verdict."""
        board = ESCAPES.sub("", self.task.render(self._given, self.tokens))
        more = f"\n{len(self.distinct)} distinct answers" if len(self.distinct) > 1 else ""
        return f"{board}\n{self.verdict}{more}"

    def _repr_html_(self) -> str:
        """The picture that a notebook shows."""
        from gram.tasks.drawing import draw  # imported late: it knows every task

        shown = draw(self.task, self._given, self.tokens).svg()
        more = f"; {len(self.distinct)} distinct answers" if len(self.distinct) > 1 else ""
        return f"<figure>{shown}<figcaption>{escape(self.verdict + more)}</figcaption></figure>"

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as `gram solve --json` prints them. agreed: trajectories that ended in the answer. finished:
        those that ended. The others are those of Answer."""
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
        }

    @property
    def _given(self) -> Tokens:
        """The puzzle as tokens (L,)."""
        return self.task.encode(self.puzzle)
