"""Uptime over HTTP: for how long each check read what, and which share of that it was up."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime, timedelta
from http import HTTPStatus

from flask import Blueprint, Response, request
from sqlalchemy import Engine

from dashboard.api.answers import answer, problem
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
        checks = [
            {
                "name": row.name,
                "percent": None if times.percent is None else round(times.percent, 4),
                "seconds": {name: ms / 1000 for name, ms in asdict(times).items()},
            }
            for row in readings.board(now).checks
            if (times := found.get(row.id)) is not None
        ]
        return answer({"from": start.isoformat(), "to": now.isoformat(), "checks": checks})

    return routes


def _days(given: str | None) -> float | None:
    try:
        days = USUAL_DAYS if given is None else float(given)
    except ValueError:
        return None
    return days if math.isfinite(days) and 0 < days <= LONGEST_DAYS else None
