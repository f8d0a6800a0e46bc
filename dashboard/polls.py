"""Answers what every screen polls before Flask is asked, by the same rules and with the same headers.

Of a poll with nothing new most is what Flask does around it: contexts, its routing, fifteen hooks.
What is not plain goes on to Flask, which refuses, explains and logs as ever.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any

from flask import Flask, Request
from werkzeug.http import HTTP_STATUS_CODES

from dashboard import accesslog, requestids
from dashboard.access import Access
from dashboard.api.meter import Meter
from dashboard.api.snapshot import PATH, Polled, Snapshots
from dashboard.securing import Headers, Wsgi

ROUTE = (PATH, "GET")
# The status lines, as Flask writes them.
LINES = {
    status: f"{status} {HTTP_STATUS_CODES[status].upper()}"
    for status in (HTTPStatus.OK.value, HTTPStatus.NOT_MODIFIED.value)
}


class Polls:
    """Answers the polls that may be answered. `secured` tells the headers of every answer."""

    def __init__(
        self,
        access: Access,
        snapshots: Snapshots,
        meter: Meter,
        secured: Callable[[], Headers],
    ) -> None:
        self._access = access
        self._snapshots = snapshots
        self._meter = meter
        self._secured = secured

    def answer(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes] | None:
        """The body of the answer, once begun; None where nothing was done and Flask is to answer."""
        asked = Request(environ)
        name = requestids.begun(asked.headers.get(requestids.HEADER))
        begun = self._meter.began()
        try:
            found = self._found(asked)
            if found is None:
                return None
            self._meter.note(self._meter.since(begun), found.status, endpoint=PATH)
            start(LINES[found.status], self._headers(found, name))
            return [found.body] if found.body else []
        finally:
            self._meter.ended()

    def _found(self, asked: Request) -> Polled | None:
        try:
            identity = self._access.admitted(asked, ROUTE)
            found = identity and self._snapshots.answer(asked.headers, identity.role)
        except Exception:  # What went wrong goes wrong again in Flask, which tells what it was.
            return None
        return found if found and found.status in LINES else None

    def _headers(self, found: Polled, name: str) -> list[tuple[str, str]]:
        headers = [*found.headers.items(), *self._secured(), (requestids.HEADER, name)]
        if found.body:
            headers.append(("Content-Length", str(len(found.body))))
        return headers


def attach(server: Flask, polls: Polls) -> None:
    """Have `polls` answer before Flask, from the second request on: Dash finishes itself in the first."""
    whole: Wsgi = server.wsgi_app
    is_finished = False

    def serve(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        nonlocal is_finished
        if is_finished and is_plain(environ) and not accesslog.tells_all():
            answer = polls.answer(environ, start)
            if answer is not None:
                return answer
        answer = whole(environ, start)
        is_finished = True
        return answer

    # mypy takes it for a method that nobody may replace.
    server.wsgi_app = serve  # type: ignore[assignment,method-assign]


def is_plain(environ: dict[str, Any]) -> bool:
    """Whether this is a poll as screens send it."""
    return (
        environ["PATH_INFO"] == PATH
        and environ["REQUEST_METHOD"] == "GET"
        and not environ.get("QUERY_STRING")
        and not environ.get("SCRIPT_NAME")
    )
