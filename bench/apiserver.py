"""The web process of a bench: the application as it is, with routes more that only the bench asks.

`python -m bench.apiserver CONFIG` serves until it is ended. `/health/bench/trivial` is a route like any other
of the application, behind the same guard; `/bench/bare` is one of a Flask application of its own, with
nothing of ours around it; `/health/bench/statements` tells how many statements the threads that answer
requests have sent to the database.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, cast

from flask import Flask, Response
from sqlalchemy import Engine, event

from dashboard import access, connections, serve
from domain.access import Role
from launch import config, logs

TRIVIAL, BARE, STATEMENTS = "/health/bench/trivial", "/bench/bare", "/health/bench/statements"
BODY = b'{"status":"healthy"}'


def with_routes(server: Flask, asked: Callable[[], int]) -> None:
    """Add the routes of the bench; the table of rights says that everybody may."""
    table = cast("dict[tuple[str, str], Role]", access.ROUTES)
    table |= {(path, "GET"): Role.NOBODY for path in (TRIVIAL, STATEMENTS)}
    server.add_url_rule(TRIVIAL, "trivial", trivial)
    server.add_url_rule(STATEMENTS, "statements", lambda: {"statements": asked()})


def trivial() -> Response:
    return Response(BODY, content_type="application/json")


class Beside:
    """A WSGI application with a bare one beside it, at one address."""

    def __init__(self, server: Flask) -> None:
        self._server = server.wsgi_app
        bare = Flask("bare", static_folder=None)
        bare.add_url_rule(BARE, "bare", trivial)
        self._bare = bare.wsgi_app

    def __call__(self, environ: dict[str, Any], start: Any) -> Iterable[bytes]:
        asked = self._bare if environ["PATH_INFO"] == BARE else self._server
        return asked(environ, start)


def counted() -> Callable[[], int]:
    """Counts the statements that are sent while somebody waits for an answer."""
    sent: list[None] = []

    def count(*_: object) -> None:
        if threading.current_thread().name.startswith("waitress"):
            sent.append(None)

    event.listen(Engine, "before_cursor_execute", count)
    return lambda: len(sent)


def main(path: Path) -> None:
    settings = config.read_plain(path, os.environ).settings
    logs.configure(settings.log, "web")
    asked = counted()
    sys.setswitchinterval(serve.SWITCH_S)
    server = serve.build(settings)
    with_routes(server, asked)
    listening: Any = connections.listen(
        cast("Flask", Beside(server)), settings.web.host, settings.web.port
    )
    listening.run()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
