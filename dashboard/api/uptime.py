"""Uptime over HTTP: for how long each check read what, and which share of that it was up."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any

from flask import Blueprint, Response, request
from sqlalchemy import Engine

from dashboard.api import pages
from dashboard.api.answers import answer, answer_errors, problem
from dashboard.api.orders import Refused
from domain.uptime import Spent
from storage import uptimes
from storage.readings import Readings

USUAL_DAYS = 30.0
LONGEST_DAYS = 366 * 5.0
WHOLE_DAYS = 7.0


def blueprint(engine: Engine, readings: Readings, clock: Callable[[], datetime]) -> Blueprint:
    """The one route. Access to it is decided before."""
    routes = Blueprint("uptime", __name__, url_prefix="/api/v1")

    @routes.get("/uptime")
    def told() -> Response:
        days = _days(request.args.get("days"))
        if days is None:
            most = f"{LONGEST_DAYS:.0f}"
            return problem(
                HTTPStatus.BAD_REQUEST, f"days: must be a number more than 0 and up to {most}"
            )
        now = clock()
        start = (now - timedelta(days=days)).replace(minute=0, second=0, microsecond=0)
        # Of a longer time, whole days are read: it is one row a check and day.
        start = start if days < WHOLE_DAYS else start.replace(hour=0)
        found = uptimes.read(engine, start, now)
        spans = [(row.name, found[row.id]) for row in readings.board(now).checks if row.id in found]
        shown, more = pages.part(spans, lambda each: each[0])
        checks = [_document(name, times) for name, times in shown]
        told = {"from": start.isoformat(), "to": now.isoformat(), "checks": checks}
        return answer({**told, "next": more})

    answer_errors(routes, {Refused: HTTPStatus.BAD_REQUEST})

    return routes


def _document(name: str, times: Spent) -> dict[str, Any]:
    return {
        "name": name,
        "percent": None if times.percent is None else round(times.percent, 4),
        "seconds": {what: ms / 1000 for what, ms in asdict(times).items()},
    }


def _days(given: str | None) -> float | None:
    try:
        days = USUAL_DAYS if given is None else float(given)
    except ValueError:
        return None
    return days if math.isfinite(days) and 0 < days <= LONGEST_DAYS else None
