"""Passive results: what somebody else has measured of a check, kept before it is answered."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Annotated

import msgspec
from flask import Blueprint, Response, request
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from dashboard.api.answers import answer, answer_errors, problem
from dashboard.api.bodies import strictly
from dashboard.api.orders import Body, Refused
from domain.passive import Told, Untimely, checked_metrics, status_named, timely
from storage import inbox
from storage.check_rows import CheckRow
from storage.inbox import InboxFull
from storage.readings import Readings

KIND = "result"
RETRY_S = 5
# Pushed metrics may fill the inbox up to its limit, and a result still finds room.
FULL = 2 * inbox.FULL


class Reported(Body, kw_only=True):
    """A result. `at` is when it was measured, with its offset from UTC; now without."""

    status: Annotated[str, msgspec.Meta(max_length=20)]
    message: Annotated[str, msgspec.Meta(max_length=1_000)] = ""
    metrics: dict[str, float] = msgspec.field(default_factory=dict)
    at: Annotated[datetime, msgspec.Meta(tz=True)] | None = None


class Older(Exception):
    """A newer result is there already."""


def blueprint(engine: Engine, readings: Readings, clock: Callable[[], datetime]) -> Blueprint:
    """The route of passive results."""
    routes = Blueprint("results", __name__, url_prefix="/api/v1/checks")

    @routes.post("/<path:name>/results")
    def report(name: str) -> Response:
        row = readings.check(name)
        if row is None:
            return problem(404, "there is no check of this name")
        if row.kind != "passive":
            return problem(409, f"a check of kind {row.kind} measures by itself")
        told = _told(strictly(request.get_data(), Reported), clock())
        _check_order(row, told)
        inbox.append(engine, KIND, name, msgspec.json.encode(told), clock(), full=FULL)
        return answer({"state": "taken", "at": told.at.isoformat()}, 202)

    answer_errors(routes, {Refused: 400, Older: 409})

    @routes.errorhandler(InboxFull)
    def _full(error: InboxFull) -> Response:
        return _later(str(error))

    @routes.errorhandler(DBAPIError)
    def _away(error: DBAPIError) -> Response:
        return _later("the store cannot be reached at the moment: try again")

    return routes


def _told(reported: Reported, now: datetime) -> Told:
    """The result as it is kept. Raises Refused with the name of a field that can't be."""
    field = "status"
    try:
        status = status_named(reported.status)
        field = "metrics"
        metrics = checked_metrics(reported.metrics)
        field = "at"
        at = now if reported.at is None else timely(reported.at, now)
    except (ValueError, Untimely) as error:
        raise Refused(f"{field}: {error}") from None
    message = " ".join(reported.message.split())
    return Told(at=at, status=status, message=message, metrics=metrics)


def _check_order(row: CheckRow, told: Told) -> None:
    """Raises Older for what would tell of a time before the last result."""
    last = row.state.memory.get("last")
    if last is not None and told.at < datetime.fromisoformat(last["at"]):
        raise Older(f"at: a newer result, of {last['at']}, is there already")


def _later(text: str) -> Response:
    made = problem(503, text)
    made.headers["Retry-After"] = str(RETRY_S)
    return made
