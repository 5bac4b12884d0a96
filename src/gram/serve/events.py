"""An answer in progress: a server-sent event after each supervision step; the last event is the answer."""

import asyncio
import json
from collections import deque
from collections.abc import Callable
from typing import Any

import numpy as np
from starlette.types import Receive, Scope, Send

from gram.serve.asked import Asked
from gram.serve.engine import Job
from gram.serve.problem import Problem
from gram.solve.answer import Answer
from gram.solve.reasoner import Reasoner
from gram.solve.sampler import Stage, Trajectories, deterministic
from gram.tasks.base import Task

LAG = 32
"""Maximum events that wait for a slow client; older ones are dropped."""
VOTES = 20
"""Maximum distinct answers in an event."""
BEAT = 10.0
"""Seconds between keep-alive comments to a waiting client."""
HEADERS = {"content-type": "text/event-stream", "cache-control": "no-store", "x-accel-buffering": "no"}


# content --------------------------------------------------------------------------------------------------
def watched(asked: Asked, emit: Callable[[dict[str, Any]], object]) -> Callable[[Reasoner, float], list[Answer]]:
    """The work of a request that emits an event after each step."""

    def work(reasoner: Reasoner, left: float) -> list[Answer]:
        task, [question] = reasoner.task, asked.questions
        N = 1 if deterministic(reasoner.network, task, asked.options) else asked.most_rows
        seen = Trajectories.blank(N, task.spec.length, watched=asked.options.want is not None)
        step = 0

        def watch(stage: Stage) -> None:
            nonlocal step
            step += 1
            for i in range(len(stage.rows)):  # active trajectories count with their current answers
                seen.put(stage, i, finished=bool(stage.done[i] or not stage.leave[i]))
            answer = reasoner.answer(question.tokens, seen, asked.options, 0.0)
            event = {"step": step, "running": int((~stage.leave).sum()), **so_far(task, answer)}
            emit(event | ({"trajectories": trajectories(task, stage)} if asked.trajectories else {}))

        return asked.answers(reasoner, left, watch)

    return work


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
    start = task.spec.answer_start
    logits = stage.logits[:, start:].astype(np.float64)
    odds = np.exp(logits - logits.max(-1, keepdims=True))
    sure = (odds.max(-1) / odds.sum(-1)).round(3).tolist()
    return [
        {
            "trajectory": n,
            "steps": int(stage.steps[i]),
            "board": task.decode(stage.answers[i]),
            "certainty": sure[i],
            "value": float(stage.value[i]),
            "halt": float(stage.halt[i]),
            "valid": None if stage.valid is None else bool(stage.valid[i]),
            "ended": bool(stage.leave[i]),
        }
        for i, (_, n) in enumerate(stage.rows)
    ]


# transport ------------------------------------------------------------------------------------------------
class EventStream:
    """The response: each message of the engine becomes an event. A client that disconnects cancels the work."""

    def __init__(self, submit: Callable[[Callable[[dict[str, Any]], object], Callable[[Any], object]], Job]):
        """`submit` queues the request with two callbacks: one for each step, one for the end."""
        self.loop = asyncio.get_running_loop()
        self.waiting: deque[dict[str, Any]] = deque(maxlen=LAG)
        self.news = asyncio.Event()
        self.result: Any = None
        self.job = submit(
            lambda event: self.loop.call_soon_threadsafe(self.take, event),
            lambda result: self.loop.call_soon_threadsafe(self.end, result),
        )

    def take(self, event: dict[str, Any]) -> None:
        self.waiting.append(event)
        self.news.set()

    def end(self, result: Any) -> None:
        self.result = result
        self.news.set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        gone = asyncio.ensure_future(receive())  # the body has been read, so the next message is a disconnect
        headers = [(name.encode(), value.encode()) for name, value in HEADERS.items()]
        try:
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            while not gone.done():
                news = asyncio.ensure_future(self.news.wait())
                await asyncio.wait((news, gone), timeout=BEAT, return_when=asyncio.FIRST_COMPLETED)
                news.cancel()
                self.news.clear()
                text = "".join(event("step", self.waiting.popleft()) for _ in range(len(self.waiting)))
                over = self.result is not None
                text += self.last(scope["gram"]["request"]) if over else "" if text else ": wait\n\n"
                await send({"type": "http.response.body", "body": text.encode(), "more_body": not over})
                if over:
                    return
        finally:
            self.job.cancelled = True
            gone.cancel()

    def last(self, request: str) -> str:
        """The answer, or what went wrong."""
        if isinstance(self.result, Exception):
            broken = Problem(
                500, "The server could not finish the answer; its log has the details under this request_id."
            )
            return event("problem", broken.body(request))
        [answer] = self.result
        return event("answer", answer.to_dict())


def event(name: str, data: dict[str, Any]) -> str:
    """One server-sent event."""
    return f"event: {name}\ndata: {json.dumps(data, ensure_ascii=False, separators=(',', ':'))}\n\n"
