"""How the API answers: JSON made once, with the right headers."""

from __future__ import annotations

from typing import Any

import msgspec
from flask import Response


def answer(body: Any, status: int = 200, *, content_type: str = "application/json") -> Response:
    """A JSON answer that nobody may cache."""
    made = Response(msgspec.json.encode(body), status, content_type=content_type)
    made.headers["Cache-Control"] = "no-store"
    return made


def problem(status: int, detail: str) -> Response:
    """An error as RFC 9457 problem+json."""
    body = {"type": "about:blank", "status": status, "detail": detail}
    return Response(msgspec.json.encode(body), status, content_type="application/problem+json")
