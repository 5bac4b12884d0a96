"""Requests for ARC puzzles: JSON with demonstrations and test inputs. Each test input gets two attempts, by the
votes of all variants of its puzzle (gram.measure.arc)."""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from gram.console.arc import Question, fields, in_text
from gram.measure.arc import Asked, ask, voted
from gram.serve.problem import Problem
from gram.serve.work import VOTES, Emit, Wanted, certainty, figures
from gram.solve.reasoner import Reasoner
from gram.solve.sampler import Stage, Trajectories, Watch, deterministic
from gram.tasks.arc.grids import write
from gram.tasks.arc.task import Arc


def read(task: Arc, texts: list[str], most: int) -> list[Question]:
    """The test inputs of puzzles: JSON, or lines of a name and a grid. Problem for invalid puzzles and for more than
    `most` test inputs."""
    found: list[Question] = []
    for i, text in enumerate(texts):
        try:
            found += in_text(task, text, "The puzzle")
        except ValueError as error:
            raise Problem(422, str(error), f"puzzles[{i}]") from None
        if len(found) > most:
            few = "one test input" if most == 1 else f"{most:,} test inputs"
            said = f"There are {len(found):,} test inputs; a request may hold {few} at most."
            raise Problem(422, said, f"puzzles[{i}]")
    return found


@dataclass(frozen=True)
class Votes(Wanted):
    """Test inputs, each seen through all variants of its puzzle."""

    asked: list[Question] = dataclasses.field(default_factory=list)
    views: int = 1
    """Variants of a puzzle."""

    @property
    def count(self) -> int:
        return len(self.asked)

    def begins_with(self, first_wave: int) -> int:
        return self.count * self.views * self.options.width

    def answers(self, reasoner: Reasoner, left: float, watch: Watch | None = None) -> list[dict[str, Any]]:
        options = dataclasses.replace(self.options, total_timeout=left)
        given = [(question.puzzle, question.pair.input) for question in self.asked]
        found = ask(reasoner.network, cast(Arc, reasoner.task), given, options, watch)
        return [fields(question, each, each.seconds) for question, each in zip(self.asked, found, strict=True)]

    def watched(self, emit: Emit) -> Callable[[Reasoner, float], list[dict[str, Any]]]:
        def work(reasoner: Reasoner, left: float) -> list[dict[str, Any]]:
            task = cast(Arc, reasoner.task)
            N = 1 if deterministic(reasoner.network, task, self.options) else self.options.width
            seen = [Trajectories.blank(N, task.spec.length, watched=False) for _ in task.views]
            step = 0

            def watch(stage: Stage) -> None:
                nonlocal step
                step += 1
                for i, (variant, _) in enumerate(stage.rows):  # active trajectories count with their current answers
                    seen[variant].put(stage, i, finished=bool(stage.done[i]))
                event = {"step": step, "running": int((~stage.leave).sum()), **so_far(voted(task, seen))}
                emit(event | ({"trajectories": trajectories(task, stage, N)} if self.trajectories else {}))

            return self.answers(reasoner, left, watch)

        return work


def so_far(found: Asked) -> dict[str, Any]:
    """The first attempt so far and the votes, under the same keys as for every other task."""
    votes = [
        {"answer": write(attempt.grid), "votes": attempt.votes, "valid": None, "value": attempt.value}
        for attempt in found.attempts
    ]
    first = votes[0] if votes else {"answer": None, "votes": 0, "value": None}
    event = {"answer": first["answer"], "valid": None, "steps": None, "value": first["value"], "agreed": first["votes"]}
    event |= {"finished": sum(vote["votes"] for vote in votes), "evaluations": found.evaluations}
    return event | {"distinct": len(votes), "votes": votes[:VOTES]}


def trajectories(task: Arc, stage: Stage, N: int) -> list[dict[str, Any]]:
    """Every active trajectory: its grid turned back to variant 0 (null if it has none), the certainty of each cell, and
    its variant. `N`: trajectories per variant."""
    sure = certainty(stage, task.spec.answer_start).reshape(-1, task.side, task.side)
    found = []
    for i, (variant, n) in enumerate(stage.rows):
        grid = task.grid_of(stage.answers[i], variant)
        view = task.views[variant]
        H, W = (0, 0) if grid is None else view.apply(grid).shape
        cells: np.ndarray = view.turn_back(sure[i, :H, :W])
        board = None if grid is None else write(grid)
        about = {"trajectory": variant * N + n, "variant": variant, "board": board}
        found.append(about | {"certainty": cells.reshape(-1).tolist(), **figures(stage, i)})
    return found
