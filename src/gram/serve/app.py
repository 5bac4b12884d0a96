"""The routes of the server."""

import asyncio
import contextlib
import json
import math
import time
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from gram.serve import asked, documents, metrics
from gram.serve.door import Door
from gram.serve.engine import Full, Job, Work
from gram.serve.events import EventStream
from gram.serve.models import Served, opened
from gram.serve.problem import Problem
from gram.serve.settings import Settings, from_environment, token
from gram.serve.work import Wanted

PAGE = Path(__file__).parent / "page"
"""Folder of the page at / and its files."""
READERS = 4
"""Threads that parse puzzles, which may run an exact solver."""
BODY_SECONDS = 30.0
"""Seconds within which a request body must arrive."""
GONE = 499
"""Status that the log shows for a client that disconnected before its answer."""


class JSON(Response):
    """Compact JSON."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()


class Server:
    """State shared by the routes."""

    def __init__(self, settings: Settings, load: Callable[[], dict[str, Served]]):
        self.settings, self.load = settings, load
        self.models: dict[str, Served] = {}
        self.readers = ThreadPoolExecutor(READERS, "gram reader")
        self.ready = False

    @contextlib.asynccontextmanager
    async def lifespan(self, _: Starlette) -> AsyncIterator[None]:
        """Load the weights at the start; stop the engines at the end."""
        self.models = self.load()
        self.ready = True
        try:
            yield
        finally:
            self.ready = False
            for served in self.models.values():
                served.engine.stop()
            self.readers.shutdown(wait=False)

    # information ------------------------------------------------------------------------------------------
    async def health(self, _: Request) -> Response:
        return JSON({"status": "ok"})

    async def readiness(self, _: Request) -> Response:
        return JSON({"status": "ready" if self.ready else "starting"}, 200 if self.ready else 503)

    async def metrics(self, _: Request) -> Response:
        return Response(metrics.text(), media_type=metrics.MEDIA_TYPE)

    async def tasks(self, _: Request) -> Response:
        return JSON({"tasks": [documents.described(served) for served in self.models.values()]})

    async def openapi(self, _: Request) -> Response:
        return JSON(documents.openapi(self.models, self.settings))

    async def docs(self, _: Request) -> Response:
        return HTMLResponse(documents.page(documents.openapi(self.models, self.settings)))

    # requests ---------------------------------------------------------------------------------------------
    async def solve(self, request: Request) -> Response:
        served, wanted = await self.read(request, asked.solving)
        answers = await self.found(request, served, wanted, wanted.answers)
        return JSON({"answers": answers})

    async def generate(self, request: Request) -> Response:
        served, wanted = await self.read(request, asked.samples)
        samples, complete = await self.found(request, served, wanted, wanted.samples)
        return JSON({"samples": samples, "complete": complete})

    async def stream(self, request: Request) -> EventStream:
        served, wanted = await self.read(request, asked.solving, stream=True)
        return EventStream(lambda emit, report: self.submit(served, wanted, wanted.watched(emit), report))

    def submit(self, served: Served, wanted: Wanted, work: Work, report: Callable[[Any], object]) -> Job:
        """Put a request in the queue of its model."""
        end = time.perf_counter() + wanted.seconds
        rows = wanted.begins_with(served.reasoner.network.first_wave)
        try:
            return served.engine.submit(work, report, end=end, rows=rows)
        except Full as full:
            later = {"Retry-After": str(min(60, max(1, math.ceil(full.seconds))))}
            raise Problem(429, "The queue is full; try again later.", headers=later) from None

    async def found(self, request: Request, served: Served, wanted: Wanted, work: Work) -> Any:
        """Return the engine's result. A client that disconnects cancels the work."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = loop.create_future()

        def resolve(result: Any) -> None:
            if not future.done():
                future.set_exception(result) if isinstance(result, Exception) else future.set_result(result)

        job = self.submit(served, wanted, work, lambda result: loop.call_soon_threadsafe(resolve, result))
        gone = asyncio.ensure_future(request.receive())  # the body has been read, so the next message is a disconnect
        try:
            await asyncio.wait((future, gone), return_when=asyncio.FIRST_COMPLETED)
            if not future.done():
                raise ClientDisconnect
            return future.result()
        finally:
            job.cancelled = True
            gone.cancel()

    def served(self, request: Request) -> Served:
        """The weights that the path names."""
        name = request.path_params["task"]
        if name not in self.models:
            there = ", ".join(self.models)
            raise Problem(404, f"This server has no weights for the task {name[:100]!r}; it serves {there}.", "task")
        return self.models[name]

    async def read(self, request: Request, rule: Callable[..., Wanted], **more: Any) -> tuple[Served, Wanted]:
        """The weights and the parsed request. Puzzles are parsed outside the event loop."""
        served = self.served(request)
        request.scope["gram"]["task"] = served.name
        body = await self.body(request)
        found = await self.apart(rule, served.reasoner, body, self.settings, **more)
        request.scope["gram"]["puzzles"] = found.count
        return served, found

    async def body(self, request: Request) -> bytes:
        """The request body. Problem if it is too long or too slow."""
        most = self.settings.max_body
        length = request.headers.get("content-length", "")
        too_long = length.isdigit() and int(length) > most
        parts: list[bytes] = []
        size = 0
        try:
            async with asyncio.timeout(BODY_SECONDS):
                if not too_long:
                    async for part in request.stream():
                        parts.append(part)
                        size += len(part)
                        if too_long := size > most:
                            break
        except TimeoutError:
            raise Problem(408, f"The body did not arrive within {BODY_SECONDS:.0f} seconds; send it again.") from None
        if too_long:
            raise Problem(413, f"The body is longer than the {most:,} bytes that this server takes; send less.", "body")
        return b"".join(parts)

    async def apart(self, function: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        """Call a function in a thread outside the event loop."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self.readers, lambda: function(*arguments, **named))


async def refused(request: Request, error: Exception) -> Response:
    """The response for a Problem or a routing error."""
    if isinstance(error, HTTPException):
        said = {404: f"There is nothing at {request.url.path[:100]}; see /docs.", 405: "Use another method; see /docs."}
        error = Problem(error.status_code, said.get(error.status_code, error.detail), headers=dict(error.headers or {}))
    assert isinstance(error, Problem)
    return error.response(request.scope["gram"]["request"])


async def broken(request: Request, error: Exception) -> Response:
    """The client disconnected, so nobody reads this response."""
    return Response(status_code=GONE)


def build(settings: Settings, load: Callable[[], dict[str, Served]]) -> Door:
    """The application. `load` is called when it starts."""
    server = Server(settings, load)
    routes: list[Any] = [
        Route("/v1/{task}/solve", server.solve, methods=["POST"]),
        Route("/v1/{task}/stream", server.stream, methods=["POST"]),
        Route("/v1/{task}/generate", server.generate, methods=["POST"]),
        Route("/v1/tasks", server.tasks),
        Route("/healthz", server.health),
        Route("/readyz", server.readiness),
        Route("/metrics", server.metrics),
        Route("/openapi.json", server.openapi),
        Route("/docs", server.docs),
        Route("/", lambda _: FileResponse(PAGE / "index.html")),
        Mount("/page", StaticFiles(directory=PAGE)),
    ]
    handlers: Any = {Problem: refused, HTTPException: refused, ClientDisconnect: broken}
    app = Starlette(routes=routes, exception_handlers=handlers, lifespan=server.lifespan)
    return Door(app, settings, token(settings))


def served(weights: Sequence[str], settings: Settings) -> dict[str, Served]:
    """The weights, each with its engine, by task."""
    found = opened(weights, settings.dtype)
    return {name: Served(label, reasoner, settings) for name, (label, reasoner) in found.items()}


def create() -> Door:
    """The application of a worker, with the settings from its environment."""
    weights, settings = from_environment()
    return build(settings, lambda: served(weights, settings))
