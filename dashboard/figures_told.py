"""The web tells the store how it answers, and when it could not; the monitor makes series of that."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from datetime import datetime

import msgspec
import structlog
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from dashboard.api.meter import Meter
from domain.outages import outage_between
from storage import inbox, web_figures
from storage.inbox import InboxFull
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
        tell_outage(engine, now)
        web_figures.tell(engine, boot_id, told, now)
    except DBAPIError as error:
        log.debug("the store is away; figures are not told", error=str(error.orig))


def tell_outage(engine: Engine, now: datetime) -> None:
    """Say for how long no web process could receive anything, if that was long.

    What jobs are waited for moves by it. It is told before the figures, which say that it is over.
    """
    outage = outage_between(web_figures.last_told(engine), now)
    if outage is None:
        return
    try:
        inbox.append(engine, "outage", "", msgspec.json.encode(outage), now)
    except InboxFull as full:
        log.warning("an outage of the web is not told", reason=str(full))


def start(engine: Engine, meter: Meter, clock: Callable[[], datetime]) -> None:
    """Tell every ten seconds from a thread of its own, until the process ends."""
    boot_id, never = uuid.uuid4().hex, threading.Event()

    def work() -> None:
        tell(engine, boot_id, meter, clock())
        while not never.wait(EVERY_S):
            tell(engine, boot_id, meter, clock())

    threading.Thread(target=work, daemon=True, name="figures").start()
