"""The web tells the store how it answers; the monitor makes series of that, and rules judge them."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from datetime import datetime

import structlog
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from dashboard.api.meter import Meter
from storage import web_figures
from storage.web_figures import WebFigures

log = structlog.get_logger()

EVERY_S = 10.0


def tell(engine: Engine, boot_id: str, meter: Meter, now: datetime) -> None:
    """Write the figures once. A store that is away is told of by other means, and tried again."""
    figures = meter.figures()
    told = WebFigures(
        requests=figures.recent,
        errors=figures.errors,
        average_ms=round(figures.average_ms, 2),
        per_minute=round(figures.per_minute, 1),
    )
    try:
        web_figures.tell(engine, boot_id, told, now)
    except DBAPIError as error:
        log.debug("the store is away; figures are not told", error=str(error.orig))


def start(engine: Engine, meter: Meter, clock: Callable[[], datetime]) -> None:
    """Tell every ten seconds from a thread of its own, until the process ends."""
    boot_id, never = uuid.uuid4().hex, threading.Event()

    def work() -> None:
        while not never.wait(EVERY_S):
            tell(engine, boot_id, meter, clock())

    threading.Thread(target=work, daemon=True, name="figures").start()
