"""`/health` and the probes: what is monitored, and whether Nocturne itself can be trusted."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
from flask import Blueprint, Response, request

from dashboard.api.answers import answer, problem
from dashboard.api.meter import Meter
from dashboard.live import Live, Moment, Sight
from dashboard.viewing import Viewed, read
from domain.access import Role
from domain.configuration import CONFIG_NOTICE
from domain.facts import Mark, Status
from domain.incidents import Incident
from domain.reading import Freshness, Reading, fold, freshness, overall
from domain.state import COUNTS_FOR_NOTHING
from domain.units import show
from storage.check_rows import CheckRow
from storage.readings import Notice, Readings, ResultRow

STORE_SEEN_S = 5.0
HISTORY_HOURS = 24.0
HISTORY_HOURS_MOST = 24.0 * 31
HISTORY_ROWS = 1_000
WRONG_HOURS = f"hours must be a number above 0, at most {HISTORY_HOURS_MOST:g}"
DRAFT = "application/health+json"
DRAFT_WORDS = {"healthy": "pass", "degraded": "warn", "critical": "fail"}

# Component → the group it stands under in `/health`, and the word for a healthy one.
GROUPS: Mapping[str, tuple[str, str]] = {
    "database": ("databases", "connected"),
    "cache": ("caches", "connected"),
    "broker": ("brokers", "connected"),
    "external service": ("external_services", "available"),
    "api": ("api_endpoints", "operational"),
    "network": ("network", "reachable"),
    "process": ("processes", "running"),
    "application": ("applications", "operational"),
    "job": ("heartbeats", "on time"),
    "command": ("commands", "ok"),
    "service": ("services", "healthy"),
    "system": ("system", "healthy"),
}
USAGE = {
    "memory_usage": "system.memory.percent",
    "cpu_usage": "system.cpu.percent",
    "disk_usage": "system.disk.percent",
}


def blueprint(live: Live, readings: Readings, meter: Meter, role: Callable[[], Role]) -> Blueprint:
    """The health endpoints. Without the right to see details, `/health` tells the status alone."""
    routes = Blueprint("health", __name__)
    told = Told()

    @routes.get("/health")
    def health() -> Response:
        sight = live.look()
        stale = is_stale(sight)
        word = fold(told.overall(sight.moment), stale=stale)
        code = 503 if stale else 200
        if DRAFT in request.accept_mimetypes.values():
            return answer({"status": DRAFT_WORDS[word]}, code, content_type=DRAFT)
        body: dict[str, Any] = {"status": word}
        if role() >= Role.VIEWER:
            body |= details(sight, meter, told)
        return answer(body, code)

    @routes.get("/health/live")
    def alive() -> Response:
        return answer({"status": "alive"})

    @routes.get("/health/ready")
    def ready() -> Response:
        sight = live.look()
        is_ready = sight.store_age_s < STORE_SEEN_S and not is_stale(sight)
        return answer({"status": "ready" if is_ready else "not ready"}, 200 if is_ready else 503)

    @routes.get("/health/simple")
    @routes.get("/api/health/simple")
    def simple() -> Response:
        sight = live.look()
        good = sight.store_age_s < STORE_SEEN_S and not is_stale(sight)
        return answer({"status": "healthy" if good else "unhealthy"}, 200 if good else 503)

    @routes.get("/health/components/<path:name>")
    def component(name: str) -> Response:
        sight = live.look()
        hours = hours_of(request.args.get("hours"), HISTORY_HOURS)
        if hours is None:
            return problem(400, WRONG_HOURS)
        row = readings.check(name)
        if row is None:
            return problem(404, "there is no component of this name")
        start = sight.now - timedelta(hours=hours)
        runs = readings.results(row.id, start=start, limit=HISTORY_ROWS)
        return answer(component_document(row, read(row, sight.now), runs, hours))

    return routes


def is_stale(sight: Sight) -> bool:
    """Whether the monitor is silent: no beat, or one that is too old."""
    return freshness(sight.beat, sight.now) == Freshness.STALE


class Told:
    """What `/health` tells of a moment, made and encoded once for all who ask while it stands."""

    def __init__(self) -> None:
        self._made: tuple[Moment | None, Status, dict[str, msgspec.Raw]] = _told(None)

    def overall(self, moment: Moment | None) -> Status:
        """What the whole reads."""
        return self._of(moment)[1]

    def parts(self, moment: Moment | None) -> dict[str, msgspec.Raw]:
        """The parts of the body that change with the moment alone."""
        return self._of(moment)[2]

    def _of(self, moment: Moment | None) -> tuple[Moment | None, Status, dict[str, msgspec.Raw]]:
        made = self._made
        if made[0] is not moment:
            # Two threads may both make it; either is right, and each returns its own.
            made = self._made = _told(moment)
        return made


def _told(moment: Moment | None) -> tuple[Moment | None, Status, dict[str, msgspec.Raw]]:
    parts = {
        "configuration": configuration(moment.board.notices if moment else ()),
        "components": components(moment.checks if moment else ()),
        "alerts": alerts(moment.incidents if moment else ()),
    }
    encoded = {name: msgspec.Raw(msgspec.json.encode(part)) for name, part in parts.items()}
    return moment, overall(moment.readings if moment else ()), encoded


def details(sight: Sight, meter: Meter, told: Told) -> dict[str, Any]:
    """Everything of `/health` beside the status."""
    figures = meter.figures()
    parts = told.parts(sight.moment)
    return {
        "timestamp": sight.now.isoformat(),
        "uptime_seconds": round(meter.uptime_s),
        "monitor": {
            "state": freshness(sight.beat, sight.now),
            "last_beat": _iso(sight.beat),
            "store": "connected" if sight.store_age_s < STORE_SEEN_S else "unreachable",
            "reason": sight.obstacle.text if sight.obstacle else None,
            "database": sight.database,
        },
        "configuration": parts["configuration"],
        "components": parts["components"],
        "performance_metrics": {
            "average_response_time": f"{figures.average_ms:.0f}ms",
            "requests_per_minute": round(figures.per_minute, 1),
            "error_rate": f"{figures.error_percent:.2f}%",
        },
        "alerts": parts["alerts"],
    }


def configuration(notices: Sequence[Notice]) -> dict[str, Any]:
    """Whether what the file says is in force, or was refused: since when and why."""
    refused = next((each for each in notices if each.key == CONFIG_NOTICE), None)
    return {
        "state": "refused" if refused else "in force",
        "since": _iso(refused.at) if refused else None,
        "reason": refused.text if refused else None,
    }


def components(checks: Sequence[Viewed]) -> dict[str, dict[str, str]]:
    """All components by group, each with one word: `connected`, `critical` or `blocked`."""
    groups: dict[str, dict[str, str]] = {
        name: {} for name in ("databases", "external_services", "system_resources", "api_endpoints")
    }
    for each in checks:
        group, good = GROUPS.get(str(each.row.about["component"]), ("others", "healthy"))
        groups.setdefault(group, {})[each.row.name] = word(each.reading, good)
        for title, metric in USAGE.items():
            if metric in each.row.metrics:
                used = show(each.row.metrics[metric], "%").replace(" ", "")
                groups["system_resources"].setdefault(title, used)
    return groups


# Marks that are told in place of the status.
SHOWN_MARKS = (Mark.PAUSED, Mark.STALE, Mark.BLOCKED, Mark.MAINTENANCE, Mark.PENDING)


def word(reading: Reading, good: str) -> str:
    """The word for one component: its mark where one stands, else its status."""
    if reading.mark in SHOWN_MARKS:
        return reading.mark.value
    return good if reading.status is Status.HEALTHY else reading.status.word


def alerts(incidents: Sequence[Incident]) -> dict[str, Any]:
    """The incidents that stand now and follow from no other."""
    active = [each for each in incidents if each.parent_id is None]
    return {
        "active_alerts": len(active),
        "last_alert": _iso(max((each.opened_at for each in active), default=None)),
        "alert_types": sorted({each.kind for each in active}),
    }


def component_document(
    row: CheckRow, reading: Reading, runs: Sequence[ResultRow], hours: float
) -> dict[str, Any]:
    """One component with its history, newest first."""
    counted = [run.status for run in runs if run.mark not in COUNTS_FOR_NOTHING]
    good = counted.count(Status.HEALTHY)
    return {
        "component": row.name,
        "kind": row.kind,
        "status": reading.status.word,
        "reason": reading.mark.value,
        "since": _iso(reading.since),
        "message": row.state.last_message,
        "response_time_ms": row.response_ms,
        "timestamp": _iso(row.state.last_at),
        "consecutive_failures": row.state.consecutive_failures,
        "error_count": row.state.errors,
        "last_error": row.state.last_error,
        "success_rate": round(100 * good / len(counted), 2) if counted else None,
        "metrics": row.metrics,
        "details": row.details,
        "hours": hours,
        "history": [_run_document(run) for run in runs],
        "truncated": len(runs) == HISTORY_ROWS,
    }


def _run_document(run: ResultRow) -> dict[str, Any]:
    return {
        "at": run.at.isoformat(),
        "status": run.status.word,
        "reason": run.mark.value,
        "attempt": run.attempt,
        "response_time_ms": run.response_ms,
        "message": run.message,
    }


def hours_of(text: str | None, default: float) -> float | None:
    """How far back is asked for; None for what is no such number."""
    if text is None:
        return default
    try:
        hours = float(text)
    except ValueError:
        return None
    return hours if 0 < hours <= HISTORY_HOURS_MOST else None


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
