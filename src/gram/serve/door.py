"""Middleware around every request: request id, token, log and metrics. Pure ASGI."""

import hmac
import logging
import re
import secrets
import time
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gram.serve import metrics
from gram.serve.problem import Problem
from gram.serve.settings import Settings

log = logging.getLogger("gram.serve")
OPEN = {"/", "/healthz", "/readyz"}
"""Paths that need no token. The files of the page need none either, since the page asks for the token."""
FILES = "/page/"
QUIET = {"/healthz", "/readyz", "/metrics"}
"""Paths whose requests are not logged."""
ID = re.compile(r"[\w.-]{1,64}", re.ASCII)


class Door:
    """Wraps an application."""

    def __init__(self, app: ASGIApp, settings: Settings, token: str | None):
        self.token = None if token is None else f"Bearer {token}".encode()
        self.app: ASGIApp = self.guarded(app)
        if settings.cors:
            self.app = CORSMiddleware(
                self.app, settings.cors, allow_methods=["GET", "POST"], allow_headers=["Authorization", "Content-Type"]
            )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        begin = time.perf_counter()
        given = Headers(scope=scope).get("x-request-id", "")
        context: dict[str, Any] = {"request": given if ID.fullmatch(given) else secrets.token_hex(8)}
        scope["gram"] = context
        status = 0

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)["x-request-id"] = context["request"]
            await send(message)

        try:
            await self.app(scope, receive, answer)
        except Exception:
            log.exception("request=%s failed", context["request"])
            if status:
                raise
            broken = Problem(500, "The server failed; its log has the details under this request_id.")
            await broken.response(context["request"])(scope, receive, answer)
        finally:
            self.note(scope, context, status, time.perf_counter() - begin)

    def guarded(self, app: ASGIApp) -> ASGIApp:
        """`app` behind a check of the token."""
        if self.token is None:
            return app
        expected = self.token

        async def guard(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] == "http" and scope["path"] not in OPEN and not scope["path"].startswith(FILES):
                given = Headers(scope=scope).get("authorization", "").encode("latin-1")
                if not hmac.compare_digest(given, expected):
                    what = "The token is wrong" if given else "The token is missing"
                    said = f"{what}; send the header Authorization: Bearer TOKEN."
                    wrong = Problem(401, said, "Authorization", {"WWW-Authenticate": "Bearer"})
                    await wrong.response(scope["gram"]["request"])(scope, receive, send)
                    return
            await app(scope, receive, send)

        return guard

    def note(self, scope: Scope, context: dict[str, Any], status: int, seconds: float) -> None:
        """Log and count a request without its content: puzzles are private."""
        path = scope["path"]
        metrics.seen(
            context.get("task", ""), path.rpartition("/")[2] if "task" in context else "other", status, seconds
        )
        if path in QUIET and status < 400:
            return
        extra = "".join(f" {key}={context[key]}" for key in ("task", "puzzles") if key in context)
        log.info(
            "request=%s method=%s path=%r status=%d ms=%.1f%s",
            *(context["request"], scope["method"], path[:100], status, 1000 * seconds, extra),
        )
