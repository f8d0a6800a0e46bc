"""What the server answers to what is no HTTP request: as problem+json, like all other refusals.

Such a request reaches no route: its first line or a header can't be read, it is too large, or it came in
pieces that are none.
"""

from __future__ import annotations

import uuid
from typing import Any

import msgspec
from waitress.task import ErrorTask

from dashboard.requestids import HEADER, PROBLEM

DETAILS = {
    413: "the request is too large",
    431: "the headers of the request are too large",
    500: "the server failed to answer; its log tells more",
    501: "such a transfer encoding is not known here",
}


class Problem:
    """An error of waitress as a problem document. Nothing of what was sent is repeated in it."""

    def __init__(self, error: Any) -> None:
        self._error = error

    def to_response(self, _ident: str | None = None) -> tuple[str, list[tuple[str, str]], bytes]:
        """The status line, the headers and the body, as waitress' own errors give them."""
        code, reason, name = self._error.code, self._error.reason, uuid.uuid4().hex
        body = {
            "type": "about:blank",
            "status": code,
            "detail": DETAILS.get(code, "the request can't be read"),
            "request_id": name,
        }
        headers = [
            ("Content-Type", PROBLEM),
            (HEADER, name),
            ("Cache-Control", "no-store"),
            ("X-Content-Type-Options", "nosniff"),
        ]
        return f"{code} {reason}", headers, msgspec.json.encode(body)


class ProblemTask(ErrorTask):  # type: ignore[misc]  # waitress publishes no types
    """Answers a request that could not be read, and ends its connection."""

    def execute(self) -> None:
        """Write the answer."""
        self.request.error = Problem(self.request.error)
        super().execute()
