"""Errors of requests: one sentence, and the field at fault (RFC 9457)."""

import json
from http import HTTPStatus
from typing import Any

from starlette.responses import Response

MEDIA_TYPE = "application/problem+json"


class Problem(Exception):
    """A request that cannot be answered."""

    def __init__(self, status: int, detail: str, field: str | None = None, headers: dict[str, str] | None = None):
        """`detail`: the sentence. `field`: the field of the body, such as puzzles[2] or width."""
        super().__init__(detail)
        if field and detail.startswith(f"{field} "):
            detail = f"The field {detail}"
        self.status, self.detail, self.field, self.headers = status, sentence(detail), field, headers

    def body(self, request: str) -> dict[str, Any]:
        """The object of RFC 9457. `request`: its id."""
        body = {"type": "about:blank", "title": HTTPStatus(self.status).phrase, "status": self.status}
        body |= {"detail": self.detail} | ({} if self.field is None else {"field": self.field})
        return body | {"request_id": request}

    def response(self, request: str) -> Response:
        return Response(json.dumps(self.body(request)), self.status, self.headers, MEDIA_TYPE)


def sentence(text: str) -> str:
    """The text on one line, with a capital and a full stop."""
    text = " ".join(text.split())
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith(('.', '?', '!')) else '.'}"
