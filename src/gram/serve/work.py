"""The work of a request: answers, an answer with an event after each step, or samples. The engine's thread runs it."""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from gram.solve.answer import Answer
from gram.solve.deadline import Deadline
from gram.solve.generate import draw
from gram.solve.options import SamplingOptions
from gram.solve.reasoner import PER_WANTED, Question, Reasoner
from gram.solve.sampler import Stage, Trajectories, Watch, deterministic
from gram.tasks.base import Task

VOTES = 20
"""Maximum distinct answers in an event."""
Emit = Callable[[dict[str, Any]], object]
"""Called with the event of each supervision step."""


@dataclass(frozen=True)
class Wanted:
    """What a request asks of a model."""

    questions: list[Question]
    """One per puzzle; for samples a single blank."""
    options: SamplingOptions
    width: int | None
    """Trajectories per puzzle, if the request sets them."""
    seconds: float
    """Time limit; after it, the best answers so far are returned."""
    trajectories: bool = False
    """Whether each event of a stream shows every trajectory."""

    def answers(self, reasoner: Reasoner, left: float, watch: Watch | None = None) -> list[dict[str, Any]]:
        """Answer the puzzles within the `left` seconds, as `gram solve --json` prints them. `watch`: see
        gram.solve.sampler."""
        options = dataclasses.replace(self.options, total_timeout=left)
        return [answer.to_dict() for answer in reasoner.answered(self.questions, options, self.width, watch)]

    def watched(self, emit: Emit) -> Callable[[Reasoner, float], list[dict[str, Any]]]:
        """The same for one puzzle, with an event after each supervision step."""

        def work(reasoner: Reasoner, left: float) -> list[dict[str, Any]]:
            task, [question] = reasoner.task, self.questions
            N = 1 if deterministic(reasoner.network, task, self.options) else self.most_rows
            seen = Trajectories.blank(N, task.spec.length, watched=self.options.want is not None)
            step = 0

            def watch(stage: Stage) -> None:
                nonlocal step
                step += 1
                for i in range(len(stage.rows)):  # active trajectories count with their current answers
                    seen.put(stage, i, finished=bool(stage.done[i] or not stage.leave[i]))
                answer = reasoner.answer(question.tokens, seen, self.options, 0.0)
                event = {"step": step, "running": int((~stage.leave).sum()), **so_far(task, answer)}
                emit(event | ({"trajectories": trajectories(task, stage)} if self.trajectories else {}))

            return self.answers(reasoner, left, watch)

        return work

    def samples(self, reasoner: Reasoner, left: float) -> tuple[list[dict[str, Any]], bool]:
        """The samples drawn within the `left` seconds, and whether all were drawn."""
        task, deadline = reasoner.task.sampled(), Deadline(1, total=left)
        drawn = draw(reasoner.network, task, self.options, deadline=deadline)
        begun = [record for record in drawn.to_dicts() if record["steps"]]
        return begun, not deadline.late[0]

    @property
    def count(self) -> int:
        """Number of puzzles."""
        return len(self.questions)

    @property
    def most_rows(self) -> int:
        """Maximum trajectories of a puzzle."""
        o = self.options
        several = PER_WANTED * o.want if isinstance(o.want, int) and o.want > 1 else 0
        return self.width or max(o.width, several)

    def begins_with(self, first_wave: int) -> int:
        """Approximate rows of the first step. `first_wave`: see gram.solve.backend."""
        want = self.options.want
        if want == "all":
            return len(self.questions) * first_wave
        return len(self.questions) * (self.most_rows if want is None else min(self.most_rows, first_wave * want))


# content of events -----------------------------------------------------------------------------------------
def so_far(task: Task, answer: Answer) -> dict[str, Any]:
    """The answer so far and the votes. Fields that are still undecided are null."""
    votes = [
        {"answer": task.decode(c.answer), "votes": c.votes, "valid": c.valid, "value": c.value}
        for c in answer.candidates[:VOTES]
    ]
    event = {"answer": answer.text, "valid": answer.valid, "steps": answer.steps, "value": answer.value}
    event |= {"agreed": answer.agreed, "finished": answer.finished, "evaluations": answer.evaluations}
    return event | {"distinct": len(answer.candidates), "votes": votes}


def trajectories(task: Task, stage: Stage) -> list[dict[str, Any]]:
    """Every active trajectory: board, certainty of each position, value and halting logit."""
    sure = certainty(stage, task.spec.answer_start).tolist()
    return [
        {"trajectory": n, "board": task.decode(stage.answers[i]), "certainty": sure[i], **figures(stage, i)}
        for i, (_, n) in enumerate(stage.rows)
    ]


def certainty(stage: Stage, start: int) -> np.ndarray:
    """(B, L - start): the probability of each position's most likely token."""
    logits = stage.logits[:, start:].astype(np.float64)
    odds = np.exp(logits - logits.max(-1, keepdims=True))
    return (odds.max(-1) / odds.sum(-1)).round(3)


def figures(stage: Stage, i: int) -> dict[str, Any]:
    """The other fields of row i."""
    return {
        "steps": int(stage.steps[i]),
        "value": float(stage.value[i]),
        "halt": float(stage.halt[i]),
        "valid": None if stage.valid is None else bool(stage.valid[i]),
        "ended": bool(stage.leave[i]),
    }
