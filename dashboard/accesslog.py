"""The access log: who asked for what, what was answered, and how long it took."""

from __future__ import annotations

import logging
import re
import time

import structlog
from flask import Flask, Response, g, request

from dashboard.identity import who

log = structlog.get_logger()

PING = "/ping/<token>"
SECRET = re.compile(r"/+ping/", re.IGNORECASE)
SHAPED = re.compile(r"noc_[0-9a-f]{12}_[A-Za-z0-9_-]*")

# What every screen asks for every other second says nothing: it is told at level debug.
QUIET = ("/assets/", "/_dash-component-suites/", "/live/", "/health", "/_favicon.ico")


def attach(server: Flask) -> None:
    """Log every request of this server. The query is left out: it may hold a token."""

    @server.before_request
    def _begun() -> None:
        g.nocturne_begun = time.perf_counter()

    @server.after_request
    def _answered(response: Response) -> Response:
        quiet = request.path.startswith(QUIET) and response.status_code < 400
        if quiet and not tells_all():
            return response
        begun = g.get("nocturne_begun")
        (log.debug if quiet else log.info)(
            "request",
            method=request.method,
            path=shown_path(),
            status=response.status_code,
            who=who().name,
            address=request.remote_addr,
            took_ms=None if begun is None else round((time.perf_counter() - begun) * 1000, 1),
        )
        return response


def tells_all() -> bool:
    """Whether what every screen asks for all the time is told too."""
    return bool(log.is_enabled_for(logging.DEBUG))


def shown_path() -> str:
    """The path of the present request without what must stay secret in it: the token of a job."""
    # By its beginning and by its shape: what no route takes may hold one too.
    return PING if SECRET.match(request.path) else SHAPED.sub("<token>", request.path)[:200]
