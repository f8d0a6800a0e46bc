"""The web process: the app behind waitress, ended by a signal or when its supervisor is gone."""

from __future__ import annotations

import gc
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import Any

import structlog
from flask import Flask
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from dashboard import connections, figures_told, firstadmin
from dashboard.application import create_app, utc_now
from domain.settings import Settings
from storage import counters, drivers
from storage.engine import open_existing
from storage.watch import listen

log = structlog.get_logger()

ORPHAN_S = 2.0
# A probe takes half a millisecond and hands over three times. With Python's usual 5 ms it would wait
# 15 ms while another thread makes the view anew.
SWITCH_S = 0.001
LOCK_MS = 1_000
STATEMENT_MS = 15_000


class PortTaken(Exception):
    """The address cannot be listened on; the message says which and what to do."""

    def __init__(self, settings: Settings, reason: str) -> None:
        super().__init__(
            f"cannot listen on {settings.web.host}:{settings.web.port} ({reason}): "
            "stop what uses it, or choose another port with [web] port or NOCTURNE_WEB__PORT"
        )


def build(settings: Settings) -> Flask:
    """The WSGI application for these settings."""
    return _served(open_existing(settings.storage.url), settings)


def _served(engine: Engine, settings: Settings) -> Flask:
    # While a migration holds its tables, `/health` still has to answer.
    drivers.limit(engine, lock_ms=LOCK_MS, statement_ms=STATEMENT_MS)
    server: Flask = create_app(settings, engine).server
    figures_told.start(engine, server.extensions["nocturne.meter"], utc_now)
    live = server.extensions["nocturne.live"]
    listen(engine, counters.REVISION, live.told)
    live.keep_ahead()
    _settle()
    return server


def _settle() -> None:
    """Leave what stands until the process ends out of the collector's whole rounds.

    Dash and its schemas are 140,000 objects: with them such a round keeps every thread for 90 ms,
    without them, with the view of a thousand checks, for 8 ms.
    """
    gc.collect()
    gc.freeze()


def main(settings: Settings, orphaned: Callable[[], bool], announce: Callable[[str], None]) -> int:
    """Serve until SIGTERM or SIGINT; returns the exit code. Raises PortTaken and StoreError.

    `announce` says to the terminal what is no matter of the log.
    """
    engine = open_existing(settings.storage.url)
    application = _served(engine, settings)
    try:
        server = connections.listen(
            application, settings.web.host, settings.web.port, **_proxied(settings.web.proxy)
        )
    except OSError as error:
        raise PortTaken(settings, error.strerror or str(error)) from error
    signal.signal(signal.SIGTERM, _end)
    signal.signal(signal.SIGINT, _end)
    sys.setswitchinterval(SWITCH_S)
    threading.Thread(target=_watch_supervisor, args=(orphaned,), daemon=True).start()
    log.info("serving", url=settings.web.url)
    _offer_set_up(engine, settings, announce)
    server.run()
    log.info("stopped")
    return 0


def _proxied(address: str) -> dict[str, Any]:
    """What waitress believes of a reverse proxy at this address; nothing without one."""
    if not address:
        return {}
    headers = {"x-forwarded-for", "x-forwarded-proto", "x-forwarded-host"}
    return {
        "trusted_proxy": address,
        "trusted_proxy_count": 1,
        "trusted_proxy_headers": headers,
    }


def _offer_set_up(engine: Engine, settings: Settings, announce: Callable[[str], None]) -> None:
    """Say the link for the first admin. To the terminal, not into the log: it is a secret."""
    try:
        found = firstadmin.link(engine, settings, utc_now())
    except DBAPIError as error:
        log.warning("no link for a first admin was made", error=str(error.orig))
        return
    if found is not None:
        announce(f"To make changes, make the first admin: {found}")


def _end(number: int, frame: FrameType | None) -> None:
    # Waitress finishes what is being answered, then run() returns.
    raise SystemExit(0)


def _watch_supervisor(orphaned: Callable[[], bool]) -> None:
    while not orphaned():
        time.sleep(ORPHAN_S)
    log.warning("the supervisor is gone; stopping")
    os.kill(os.getpid(), signal.SIGTERM)
