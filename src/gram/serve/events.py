"""An answer in progress: a server-sent event after each supervision step; the last event is the answer."""

import asyncio
import json
from collections import deque
from collections.abc import Callable
from typing import Any

from starlette.types import Receive, Scope, Send

from gram.serve.engine import Job
from gram.serve.problem import Problem

LAG = 32
"""Maximum events that wait for a slow client; older ones are dropped."""
BEAT = 10.0
"""Seconds between keep-alive comments to a waiting client."""
HEADERS = {"content-type": "text/event-stream", "cache-control": "no-store", "x-accel-buffering": "no"}


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
        return event("answer", answer)


def event(name: str, data: dict[str, Any]) -> str:
    """One server-sent event."""
    return f"event: {name}\ndata: {json.dumps(data, ensure_ascii=False, separators=(',', ':'))}\n\n"
