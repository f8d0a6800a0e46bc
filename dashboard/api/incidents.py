"""Incidents over HTTP: those that stand, those that were, and what operators do with them."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, TypeVar

import msgspec
from flask import Blueprint, Response, request
from sqlalchemy.exc import DBAPIError

from dashboard.api import pages
from dashboard.api.answers import answer, answer_errors, problem
from dashboard.api.bodies import written
from dashboard.api.health import WRONG_HOURS, hours_of
from dashboard.api.orders import Acknowledge, Assign, Body, Comment, Move, Refused, Resolve
from dashboard.api.queries import prefers_page
from domain.incidents import Incident
from domain.operating import NotAllowed, Verb
from storage.incident_changes import IncidentChanges, UnknownIncident
from storage.incident_readings import IncidentReadings, Line, Sent, Told

HISTORY_HOURS = 24.0
STATISTICS_HOURS = 720.0
HISTORY_ROWS = 1_000
ID = re.compile(r"INC-[0-9]{8}-[0-9]{4,7}")

B = TypeVar("B", bound=Body)


def blueprint(
    readings: IncidentReadings,
    changes: IncidentChanges,
    clock: Callable[[], datetime],
    *,
    changed: Callable[[], None],
    page: Callable[[], Response],
) -> Blueprint:
    """The routes of incidents; `changed` is called after each change. Access is decided before.

    `page` makes the frame of the pages, for those who prefer HTML to JSON.
    """
    routes = Blueprint("incidents", __name__, url_prefix="/incidents")
    _read(routes, readings, clock, page)

    def order(verb: Verb, body: type[B]) -> None:
        """Make the route by which operators order `verb`, with such a body."""

        @routes.post(f"/<incident_id>/{verb.value}", endpoint=verb.value)
        def carry_out(incident_id: str) -> Response:
            asked = written(request.get_data(), body, request.mimetype)
            _known(incident_id)
            wanted = asked.order(verb)
            changes.carry_out(incident_id, wanted, actor=asked.actor, now=clock())
            changed()
            return _one(readings, incident_id)

    order(Verb.ACKNOWLEDGE, Acknowledge)
    order(Verb.INVESTIGATE, Move)
    order(Verb.PROGRESS, Move)
    order(Verb.COMMENT, Comment)
    order(Verb.ASSIGN, Assign)
    order(Verb.RESOLVE, Resolve)
    order(Verb.REOPEN, Move)
    _answer_refusals(routes)
    return routes


def _read(
    routes: Blueprint,
    readings: IncidentReadings,
    clock: Callable[[], datetime],
    page: Callable[[], Response],
) -> None:
    """The routes that only tell."""

    @routes.get("")
    def standing() -> Response:
        if prefers_page():
            return _varying(page())
        found = [document(each) for each in readings.standing()]
        return _varying(answer({"count": len(found), "incidents": found}))

    @routes.get("/history")
    def history() -> Response:
        hours = _hours(HISTORY_HOURS)
        most = pages.limit(HISTORY_ROWS, HISTORY_ROWS)
        before = _cursor(readings, request.args.get("cursor"))
        # One more than is shown tells whether there are further ones.
        found = readings.since(clock() - timedelta(hours=hours), most + 1, before=before)
        shown = [incident_document(each) for each in found[:most]]
        more = found[most - 1].id if len(found) > most else None
        body = {"hours": hours, "count": len(shown), "incidents": shown}
        return answer({**body, "truncated": more is not None, "next": more})

    @routes.get("/statistics")
    def figures() -> Response:
        hours = _hours(STATISTICS_HOURS)
        found = readings.statistics(clock() - timedelta(hours=hours))
        groups = {"by_component", "by_severity", "by_week"}
        told = {name: msgspec.to_builtins(getattr(found, name)) for name in sorted(groups)}
        return answer({"hours": hours, **msgspec.to_builtins(found.all), **told})

    @routes.get("/<incident_id>")
    def incident(incident_id: str) -> Response:
        if prefers_page():
            frame = _varying(page())
            frame.status_code = 200 if _may_exist(readings, incident_id) else 404
            return frame
        _known(incident_id)
        return _one(readings, incident_id)


def _answer_refusals(routes: Blueprint) -> None:
    """What can be wrong with a request here, as HTTP says it."""
    answer_errors(routes, {Refused: 400})

    @routes.errorhandler(UnknownIncident)
    def _unknown(_: UnknownIncident) -> Response:
        return problem(404, "there is no incident of this id")

    answer_errors(routes, {NotAllowed: 409})


def document(told: Told) -> dict[str, Any]:
    """An incident with its timeline, its deliveries, and what it affects."""
    return {
        **incident_document(told.incident),
        "lines": [_line(each) for each in told.lines],
        "deliveries": [_delivery(each) for each in told.deliveries],
        "affected": list(told.affected),
        "nested": list(told.nested),
    }


def incident_document(incident: Incident) -> dict[str, Any]:
    """An incident by itself. Times are ISO 8601, UTC."""
    return {
        "id": incident.id,
        "title": incident.title,
        "component": incident.component,
        "kind": incident.kind,
        "stage": incident.stage.value,
        "open": incident.is_open,
        "severity": incident.severity.word,
        "opened_at": incident.opened_at.isoformat(),
        "acknowledged_by": incident.acknowledged_by,
        "acknowledged_at": _iso(incident.acknowledged_at),
        "acknowledged_until": _iso(incident.acknowledged_until),
        "sticky": incident.sticky,
        "assignee": incident.assignee,
        "resolved_at": _iso(incident.resolved_at),
        "resolution": incident.resolution,
        "held": incident.held,
        "flapping": incident.flapping,
        "parent": incident.parent_id,
        "page_held_by": incident.page_gate,
        "tags": list(incident.tags),
        "runbook": incident.runbook,
    }


def _line(line: Line) -> dict[str, Any]:
    return {
        "at": line.at.isoformat(),
        "actor": line.actor,
        "action": line.action,
        "stage": line.stage,
        "severity": line.severity.word,
        "reason": line.reason,
    }


def _delivery(sent: Sent) -> dict[str, Any]:
    return {
        "channel": sent.channel,
        "event": sent.event,
        "state": sent.state,
        "reason": sent.reason,
        "attempts": sent.attempts,
        "created_at": sent.created_at.isoformat(),
        "settled_at": _iso(sent.settled_at),
    }


def _one(readings: IncidentReadings, incident_id: str) -> Response:
    told = readings.tell(incident_id)
    if told is None:
        raise UnknownIncident(incident_id)
    return _varying(answer(document(told)))


def _may_exist(readings: IncidentReadings, incident_id: str) -> bool:
    """False only when it is known that there is none: a page opens also while the store is away."""
    try:
        return ID.fullmatch(incident_id) is not None and readings.tell(incident_id) is not None
    except DBAPIError:
        return True


def _varying(response: Response) -> Response:
    """An answer of an address that is a page as well, for those who prefer HTML."""
    response.headers["Vary"] = "Accept"
    return response


def _known(incident_id: str) -> None:
    """What is no id is not looked for: some of it the store could not even be asked."""
    if ID.fullmatch(incident_id) is None:
        raise UnknownIncident(incident_id)


def _cursor(readings: IncidentReadings, text: str | None) -> Incident | None:
    """The incident after which a page begins, named by its id; None for the first page."""
    if text is None:
        return None
    found = readings.tell(text) if ID.fullmatch(text) is not None else None
    if found is None:
        raise pages.wrong_cursor()
    return found.incident


def _hours(default: float) -> float:
    hours = hours_of(request.args.get("hours"), default)
    if hours is None:
        raise Refused(WRONG_HOURS)
    return hours


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
