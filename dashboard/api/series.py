"""Series over HTTP: which there are, and the points of one of them for a chart."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from http import HTTPStatus

from flask import Blueprint, Response, request
from sqlalchemy import Engine

from dashboard.api import pages
from dashboard.api.answers import answer, answer_errors, problem
from dashboard.api.orders import Refused
from domain import ruletable
from domain.alertrules import AlertRule, selects
from domain.ladder import Level
from domain.mistakes import ConfigError
from domain.units import unit_of
from storage import definitions
from storage.changes import RULE, UnknownDefinition
from storage.engine import UNSTORABLE, reader
from storage.series_readings import LARGEST_NUMBER, Named, SeriesReadings, UnknownSeries

LONGEST_HOURS = 24 * 366 * 5.0
USUAL_HOURS = 24.0
LARGEST_PAGE = 2_000


def blueprint(engine: Engine, clock: Callable[[], datetime], levels: Sequence[Level]) -> Blueprint:
    """The routes of series, read at the resolutions of `levels`. Access to them is decided before."""
    routes = Blueprint("series", __name__, url_prefix="/api/v1/series")
    readings = SeriesReadings(engine, levels)

    @routes.get("")
    def listed() -> Response:
        found, more = _listed(readings, _rule(engine, request.args.get("rule")))
        shown = [
            {"metric": each.metric, "labels": dict(each.labels), "unit": unit_of(each.metric)}
            for each in found
        ]
        body = {"count": len(shown), "series": shown}
        return answer({**body, "truncated": more is not None, "next": more})

    _points(routes, readings, clock)
    _answer_refusals(routes)
    return routes


def _points(routes: Blueprint, readings: SeriesReadings, clock: Callable[[], datetime]) -> None:
    """The route that tells one of them for a chart."""

    @routes.get("/points")
    def points() -> Response:
        named, hours, now = _named(), _hours(), clock()
        end = _until() or now
        start = end - timedelta(hours=hours)
        course = readings.course(named, start, end, now)
        if course is None:
            return problem(
                HTTPStatus.NOT_FOUND, f"there is no series {named.metric} of these labels"
            )
        return answer(
            {
                "metric": named.metric,
                "labels": dict(named.labels),
                "unit": unit_of(named.metric),
                "hours": hours,
                "from": start.isoformat(),
                "to": end.isoformat(),
                "samples": course.samples,
                "step_s": course.step_ms / 1000,
                "resolution_s": course.level_s,
                "at": course.at,
                "low": course.low,
                "high": course.high,
            }
        )


def _answer_refusals(routes: Blueprint) -> None:
    answer_errors(
        routes,
        {
            Refused: HTTPStatus.BAD_REQUEST,
            UnknownDefinition: HTTPStatus.NOT_FOUND,
            ConfigError: HTTPStatus.UNPROCESSABLE_ENTITY,
        },
    )


def _listed(readings: SeriesReadings, rule: AlertRule | None) -> tuple[Sequence[Named], str | None]:
    """The page of series asked for, and the cursor of the next one."""
    metric, wanted = _metric(), _labels().items()
    most, after = pages.limit(LARGEST_PAGE, LARGEST_PAGE), pages.numbered_cursor(LARGEST_NUMBER)
    # One more than is shown tells whether there are further ones; which of them fit is seen here.
    limit = None if wanted or rule is not None else most + 1
    try:
        found = readings.named(metric if rule is None else rule.metric, limit, after)
    except UnknownSeries:
        raise pages.wrong_cursor() from None
    fitting = [
        (number, each)
        for number, each in found
        if wanted <= dict(each.labels).items()
        and (rule is None or selects(rule, each.metric, each.labels))
    ]
    shown, more = pages.cut(fitting, most, lambda each: str(each[0]))
    return [each for _, each in shown], more


def _rule(engine: Engine, name: str | None) -> AlertRule | None:
    """The rule in force of this name; None when none is asked for."""
    if name is None:
        return None
    if UNSTORABLE.search(name) is not None:
        raise UnknownDefinition(RULE, name)
    with reader(engine).connect() as connection:
        found = definitions.load_one(connection, RULE, name)
    if found is None:
        raise UnknownDefinition(RULE, name)
    return ruletable.read_rule(found.in_force)


def _metric() -> str | None:
    return _storable("metric", request.args.get("metric"))


def _storable(field: str, text: str | None) -> str | None:
    if text is not None and UNSTORABLE.search(text) is not None:
        raise Refused(f"{field}: it has control characters in it")
    return text


def _named() -> Named:
    metric = _metric()
    if not metric:
        raise Refused("metric: it is missing")
    return Named(metric=metric, labels=tuple(sorted(_labels().items())))


def _labels() -> dict[str, str]:
    labels: dict[str, str] = {}
    for text in request.args.getlist("label"):
        _storable("label", text)
        label, equals, value = text.partition("=")
        if not label or not equals:
            raise Refused("label: write it like label=host=web-1")
        if label in labels:
            raise Refused("label: one label is given twice")
        labels[label] = value
    return labels


def _hours() -> float:
    given = request.args.get("hours")
    try:
        hours = USUAL_HOURS if given is None else float(given)
    except ValueError:
        hours = math.nan
    if not 0 < hours <= LONGEST_HOURS:
        raise Refused(f"hours: must be a number more than 0 and up to {LONGEST_HOURS:.0f}")
    return hours


def _until() -> datetime | None:
    given = request.args.get("until")
    if given is None:
        return None
    try:
        until = datetime.fromisoformat(given)
    except ValueError:
        until = None
    # Before 1971 or after 2200 nothing was measured, and the arithmetic of dates ends somewhere.
    if until is None or until.tzinfo is None or not 1971 <= until.year <= 2200:
        raise Refused("until: must be a time with its zone, like 2026-11-21T13:00:00Z")
    return until
