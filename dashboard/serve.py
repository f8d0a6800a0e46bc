"""The web process: the app behind waitress, ended by a signal or when its supervisor is gone."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from types import FrameType

import structlog
from flask import Flask
from waitress.server import create_server

from dashboard import figures_told
from dashboard.application import create_app, utc_now
from domain.settings import Settings
from storage.engine import open_existing

log = structlog.get_logger()

# Few threads: more of them only contend for the interpreter.
THREADS = 6
ORPHAN_S = 2.0


class PortTaken(Exception):
    """The address cannot be listened on; the message says which and what to do."""

    def __init__(self, settings: Settings, reason: str) -> None:
        super().__init__(
            f"cannot listen on {settings.web.host}:{settings.web.port} ({reason}): "
            "stop what uses it, or choose another port with [web] port or NOCTURNE_WEB__PORT"
        )


def build(settings: Settings) -> Flask:
    """The WSGI application for these settings."""
    engine = open_existing(settings.storage.url)
    server: Flask = create_app(settings, engine).server
    figures_told.start(engine, server.extensions["nocturne.meter"], utc_now)
    return server


def main(settings: Settings, orphaned: Callable[[], bool]) -> int:
    """Serve until SIGTERM or SIGINT; returns the exit code. Raises PortTaken and StoreError."""
    application = build(settings)
    try:
        server = create_server(
            application,
            host=settings.web.host,
            port=settings.web.port,
            threads=THREADS,
            ident=None,
            channel_timeout=15,
            # Idle connections cost no thread; with the usual 100 they would shut everybody out.
            connection_limit=1000,
            asyncore_use_poll=True,
            max_request_body_size=1 << 20,
            clear_untrusted_proxy_headers=True,
        )
    except OSError as error:
        raise PortTaken(settings, error.strerror or str(error)) from error
    signal.signal(signal.SIGTERM, _end)
    signal.signal(signal.SIGINT, _end)
    threading.Thread(target=_watch_supervisor, args=(orphaned,), daemon=True).start()
    log.info("serving", url=settings.web.url)
    server.run()
    log.info("stopped")
    return 0


def _end(number: int, frame: FrameType | None) -> None:
    # Waitress finishes what is being answered, then run() returns.
    raise SystemExit(0)


def _watch_supervisor(orphaned: Callable[[], bool]) -> None:
    while not orphaned():
        time.sleep(ORPHAN_S)
    log.warning("the supervisor is gone; stopping")
    os.kill(os.getpid(), signal.SIGTERM)
