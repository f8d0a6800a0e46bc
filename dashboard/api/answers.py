"""How the API answers: JSON made once, with the right headers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import msgspec
from flask import Blueprint, Request, Response


def answer(body: Any, status: int = 200, *, content_type: str = "application/json") -> Response:
    """A JSON answer that nobody may cache."""
    made = Response(msgspec.json.encode(body), status, content_type=content_type)
    made.headers["Cache-Control"] = "no-store"
    return made


def problem(status: int, detail: str) -> Response:
    """An error as RFC 9457 problem+json."""
    body = {"type": "about:blank", "status": status, "detail": detail}
    return Response(msgspec.json.encode(body), status, content_type="application/problem+json")


def answer_errors(routes: Blueprint, statuses: Mapping[type[Exception], int]) -> None:
    """Have what is raised in these routes answered as a problem in its own words, with its status."""
    for error, status in statuses.items():
        routes.register_error_handler(
            error, lambda raised, status=status: problem(status, str(raised))
        )


def to_login(asked: Request) -> Response:
    """On to the login page, and from there to what was asked for."""
    address = asked.full_path.rstrip("?")
    return Response(status=303, headers={"Location": f"/login?{urlencode({'next': address})}"})


def is_for_a_reader(asked: Request) -> bool:
    """Whether a browser asks for a page, which a page for people may answer."""
    best = asked.accept_mimetypes.best_match(["application/json", "text/html"])
    return asked.method == "GET" and best == "text/html" and not asked.path.startswith("/api/")
