"""Names every request, so that an answer, an error that somebody reports and a line of the log meet."""

from __future__ import annotations

import re
import uuid

import msgspec
import structlog
from flask import Flask, Response, g, request

HEADER = "X-Request-Id"
# What a proxy in front may have given: one word that can do no harm in a log.
WELL_FORMED = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:+/=-]{0,127}")
PROBLEM = "application/problem+json"


def attach(server: Flask) -> None:
    """Name every request of `server` before it is looked at, and say the name with the answer."""

    @server.before_request
    def _begun() -> None:
        g.nocturne_request_id = begun(request.headers.get(HEADER))

    @server.after_request
    def _answered(response: Response) -> Response:
        name = g.get("nocturne_request_id")
        if name is not None:
            response.headers[HEADER] = name
            if response.mimetype == PROBLEM:
                _tell(response, name)
        return response


def begun(given: str | None) -> str:
    """The name of a request that begins, which the log tells from now on in this thread."""
    name = named(given)
    # Threads serve one request after another: what the one before left behind is replaced.
    structlog.contextvars.bind_contextvars(request_id=name)
    return name


def named(given: str | None) -> str:
    """The name of a request: the one it came with when that is well-formed, else a new one."""
    if given is not None and WELL_FORMED.fullmatch(given):
        return given
    return uuid.uuid4().hex


def _tell(response: Response, name: str) -> None:
    """Put the name into a problem document, as its member `request_id`."""
    body = msgspec.json.decode(response.get_data())
    if isinstance(body, dict):
        response.set_data(msgspec.json.encode({**body, "request_id": name}))
