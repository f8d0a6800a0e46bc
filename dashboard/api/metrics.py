"""Metrics that applications push: taken in over HTTP, and shown by metric for the Business page."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any

from flask import Blueprint, Response, request
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from dashboard.api import pages
from dashboard.api.answers import answer, problem
from dashboard.api.bodies import Wrong, parsed
from dashboard.api.orders import Refused
from dashboard.identity import actor
from domain import pushing
from domain.business import ORDER, Metric, metrics_of
from domain.intake import Times
from domain.ladder import Level
from domain.pushing import Batch, NotMetrics
from storage import inbox, pushed
from storage.inbox import InboxFull

KIND = "samples"
LARGEST = 1 << 20
SHOWN = 100
# Pushes give way before what is smaller and matters more, such as the pings of jobs.
FULL = 2_000
AGAIN_S = 5
LENGTHS = {"24": timedelta(hours=24), "168": timedelta(days=7)}


class NotTaken(Exception):
    """A body that is not read at all; `status` is the HTTP status, the message is for people."""

    def __init__(self, status: HTTPStatus, message: str) -> None:
        super().__init__(message)
        self.status = status


def blueprint(
    engine: Engine, clock: Callable[[], datetime], raw_days: int, levels: Sequence[Level]
) -> Blueprint:
    """The routes. Samples older than `raw_days` days are refused."""
    routes = Blueprint("metrics", __name__, url_prefix="/api/v1/metrics")

    @routes.post("")
    def push() -> Response:
        now = clock()
        times = Times(oldest=now - timedelta(days=raw_days), now=now)
        batch = _read(engine, times)
        if batch.samples:
            body = pushing.packed(batch.samples)
            inbox.append(engine, KIND, actor(), body, now, full=FULL)
        return _told(batch)

    @routes.get("")
    def listed() -> Response:
        found = metrics_of(pushed.pushed(engine).items())
        # By group and name, as the pages show them.
        shown, more = pages.part(found, lambda each: f"{ORDER.index(each.group)} {each.name}")
        told = [_about(each) for each in shown]
        return answer({"count": len(told), "metrics": told, "next": more})

    @routes.get("/<name>")
    def one(name: str) -> Response:
        length = LENGTHS.get(request.args.get("hours", "24"))
        if length is None:
            raise Refused("hours: must be 24 or 168")
        found = {each.name: each for each in metrics_of(pushed.pushed(engine).items())}
        if name not in found:
            return problem(HTTPStatus.NOT_FOUND, f"no metric {name!r} was pushed")
        # numpy costs 15 MB: only who looks at such a chart pays for it.
        from storage.pushed_course import course_of

        course = course_of(engine, found[name], length, clock(), levels)
        shown = {field: getattr(course, field) for field in course.__slots__}
        return answer({**_about(found[name]), **shown})

    _answer_mistakes(routes)
    return routes


def _answer_mistakes(routes: Blueprint) -> None:
    @routes.errorhandler(Refused)
    @routes.errorhandler(NotMetrics)
    def _malformed(error: Exception) -> Response:
        return problem(HTTPStatus.BAD_REQUEST, str(error))

    @routes.errorhandler(NotTaken)
    def _unreadable(error: NotTaken) -> Response:
        return problem(error.status, str(error))

    @routes.errorhandler(InboxFull)
    def _full(error: InboxFull) -> Response:
        return _later(str(error))

    @routes.errorhandler(DBAPIError)
    def _away(_: DBAPIError) -> Response:
        return _later("the store cannot be reached at the moment: try again")


def _read(engine: Engine, times: Times) -> Batch:
    """What the present request pushes. Raises Refused, NotMetrics and NotTaken."""
    data = request.get_data()
    if len(data) > LARGEST:
        raise NotTaken(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "the body has more than 1 MiB")
    if request.headers.get("Content-Encoding", "identity") != "identity":
        raise NotTaken(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "send the body without compression")
    if request.mimetype == "text/plain":
        names = pushing.names_in(data)
        return pushing.from_text(data, times, pushed.kinds_of(engine, names))
    if request.mimetype != "application/json":
        raise NotTaken(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            "Content-Type: must be application/json, or text/plain for Prometheus' text format",
        )
    entries = _entries(parsed(data))
    return pushing.from_entries(entries, times, pushed.kinds_of(engine, pushing.names_of(entries)))


def _entries(body: Mapping[str, Any]) -> list[Any]:
    for field in body.keys() - {"metrics"}:
        raise Refused(f"{ascii(field[:50])[1:-1]}: there is no such field")
    found = body.get("metrics")
    if isinstance(found, Wrong):
        raise Refused(f"metrics: {found.reason}")
    if not isinstance(found, list) or not found:
        raise Refused("metrics: must be a list of samples, one at least")
    return found


def _told(batch: Batch) -> Response:
    """202 once what was accepted is stored; 400 when nothing of it was."""
    refused = [{"index": place, "reason": reason} for place, reason in batch.refused[:SHOWN]]
    if not batch.accepted:
        first = batch.refused[0][1] if batch.refused else "there is no sample in it"
        made = problem(HTTPStatus.BAD_REQUEST, f"nothing was accepted: {first}")
        return answer(
            {**(made.get_json() or {}), "accepted": 0, "refused": refused},
            HTTPStatus.BAD_REQUEST,
            content_type="application/problem+json",
        )
    told = {"accepted": batch.accepted, "refused": refused, "refused_count": len(batch.refused)}
    return answer(told, HTTPStatus.ACCEPTED)


def _later(reason: str) -> Response:
    made = problem(HTTPStatus.SERVICE_UNAVAILABLE, reason)
    made.headers["Retry-After"] = str(AGAIN_S)
    return made


def _about(metric: Metric) -> dict[str, Any]:
    return {
        "name": metric.name,
        "title": metric.title,
        "group": metric.group,
        "shape": metric.shape,
        "unit": metric.unit,
    }
