"""What is behind `/health` in the forms that programs ask for: by component, and by what it is about."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from flask import Blueprint, Response, request

from dashboard.api.answers import answer, answer_errors
from dashboard.api.bodies import wordless
from dashboard.api.health import USAGE, is_stale
from dashboard.api.meter import Figures, Meter
from dashboard.api.orders import Refused
from dashboard.identity import actor
from dashboard.live import Live, Sight
from dashboard.snapshot import health_score
from dashboard.viewing import Viewed
from domain.access import Role
from domain.facts import Mark, Status
from domain.performance import Performance, performance
from domain.reading import fold, freshness, overall
from domain.version import VERSION
from storage.changes import Changes

DATABASES = ("database", "cache")
RESOURCE_OF = {"memory_usage": "memory", "cpu_usage": "cpu", "disk_usage": "disk"}


def blueprint(
    live: Live,
    changes: Changes,
    meter: Meter,
    role: Callable[[], Role],
    clock: Callable[[], datetime],
    environment: str,
) -> Blueprint:
    """The routes. Each answers from memory; `environment` names where this installation serves."""
    routes = Blueprint("comprehensive", __name__)
    _tell_health(routes, live, meter, role)
    _tell_parts(routes, live, meter)

    @routes.get("/api/monitoring/stats")
    def stats() -> Response:
        sight = live.look()
        figures = meter.figures()
        body = {
            "health": {"status": word_of(sight)},
            "metrics": {
                "uptime_seconds": round(meter.uptime_s),
                "total_requests": figures.total,
                "current_connections": figures.active,
            },
            "version": VERSION,
            "environment": environment,
        }
        return answer(body)

    @routes.post("/health/monitoring/start")
    def start() -> Response:
        wordless(request.get_data())
        changes.monitor(True, actor=actor(), now=clock())
        return answer({"state": "started"})

    @routes.post("/health/monitoring/stop")
    def stop() -> Response:
        wordless(request.get_data())
        changes.monitor(False, actor=actor(), now=clock())
        return answer({"state": "stopped"})

    answer_errors(routes, {Refused: 400})

    return routes


def _tell_health(routes: Blueprint, live: Live, meter: Meter, role: Callable[[], Role]) -> None:
    @routes.get("/api/health")
    def services() -> Response:
        sight = live.look()
        code = 503 if is_stale(sight) else 200
        body: dict[str, Any] = {"overall_status": word_of(sight)}
        if role() >= Role.VIEWER:
            body |= services_document(sight)
        return answer(body, code)

    @routes.get("/health/comprehensive")
    def comprehensive() -> Response:
        sight = live.look()
        found = performance_of(viewed(sight), meter.figures())
        body = {
            "system_health": {
                "overall_status": word_of(sight),
                **counted(viewed(sight)),
                "uptime_seconds": round(meter.uptime_s),
                "performance_score": _rounded(found.value),
            },
            "components": {each.row.name: component(each) for each in viewed(sight)},
        }
        return answer(body, 503 if is_stale(sight) else 200)


def _tell_parts(routes: Blueprint, live: Live, meter: Meter) -> None:
    @routes.get("/health/databases")
    def databases() -> Response:
        found = [each for each in viewed(live.look()) if _component(each) in DATABASES]
        return answer({"count": len(found), "databases": _detailed(found)})

    @routes.get("/health/system")
    def system() -> Response:
        found = [each for each in viewed(live.look()) if _component(each) == "system"]
        return answer({"resources": usage(found), "components": _detailed(found)})

    @routes.get("/health/performance")
    def performing() -> Response:
        sight, figures = live.look(), meter.figures()
        found = performance_of(viewed(sight), figures)
        body = {
            "performance_score": _rounded(found.value),
            "parts": {
                name: _rounded(value) for name, value in asdict(found).items() if name != "value"
            },
            "requests": {
                "total": figures.total,
                "average_ms": round(figures.average_ms, 1),
                "per_minute": round(figures.per_minute, 1),
                "error_percent": round(figures.error_percent, 2),
            },
            "components": {
                each.row.name: each.row.response_ms
                for each in viewed(sight)
                if each.row.response_ms is not None
            },
        }
        return answer(body)

    @routes.get("/health/monitoring")
    def monitoring() -> Response:
        return answer(monitoring_document(live.look()))


def viewed(sight: Sight) -> Sequence[Viewed]:
    """All checks as they read now; none before the first look into the store."""
    return sight.moment.checks if sight.moment else ()


def word_of(sight: Sight) -> str:
    """The overall status as one of three words."""
    found = overall(sight.moment.readings if sight.moment else ())
    return fold(found, stale=is_stale(sight))


def counted(checks: Sequence[Viewed]) -> dict[str, Any]:
    """The score, and how many components are healthy, critical, or anything between."""
    statuses = [each.reading.status for each in checks if each.reading.mark is not Mark.PAUSED]
    healthy, critical = statuses.count(Status.HEALTHY), statuses.count(Status.CRITICAL)
    return {
        "health_score": _rounded(health_score(checks).value),
        "component_count": len(checks),
        "healthy_components": healthy,
        "degraded_components": len(statuses) - healthy - critical,
        "critical_components": critical,
    }


def component(each: Viewed) -> dict[str, Any]:
    """One component: its status, how long it took (seconds), what it said and measured."""
    took_ms = each.row.response_ms
    return {
        "status": each.reading.status.word,
        "response_time": None if took_ms is None else round(took_ms / 1000, 6),
        "message": each.row.state.last_message,
        "metrics": each.row.metrics,
    }


def services_document(sight: Sight) -> dict[str, Any]:
    """All checks as services, and how many are how."""
    checks = viewed(sight)
    statuses = [each.reading.status for each in checks]
    return {
        "timestamp": sight.now.isoformat(),
        "services": {
            each.row.name: {
                "status": each.reading.status.word,
                "response_time_ms": each.row.response_ms,
                "message": each.row.state.last_message,
                "details": each.row.details,
            }
            for each in checks
        },
        "summary": {
            "critical_issues": statuses.count(Status.CRITICAL),
            "warnings": sum(each in (Status.WARNING, Status.DEGRADED) for each in statuses),
            "healthy_services": statuses.count(Status.HEALTHY),
        },
    }


def monitoring_document(sight: Sight) -> dict[str, Any]:
    """Whether the monitor is at work, who leads, and how each check is configured."""
    board = sight.moment.board if sight.moment else None
    leader = board.holder if board else None
    return {
        "state": "stopped" if board and board.stopped else freshness(sight.beat, sight.now),
        "last_beat": sight.beat.isoformat() if sight.beat else None,
        "leader": f"{leader.process.host} {leader.process.pid}" if leader else None,
        "standbys": board.standbys if board else 0,
        "checks": {each.row.name: _configured(each) for each in viewed(sight)},
    }


def performance_of(checks: Sequence[Viewed], figures: Figures) -> Performance:
    """The performance score of the web's own requests and of the resources that checks measure."""
    asked = figures.recent > 0
    return performance(
        response_ms=figures.average_ms if asked else None,
        error_percent=figures.error_percent if asked else None,
        used={RESOURCE_OF[title]: percent for title, percent in usage(checks).items()},
    )


def usage(checks: Sequence[Viewed]) -> dict[str, float]:
    """Per cent of memory, CPU and disk used, as far as checks measure them."""
    found: dict[str, float] = {}
    for each in checks:
        for title, metric in USAGE.items():
            if metric in each.row.metrics:
                found.setdefault(title, each.row.metrics[metric])
    return found


def _configured(each: Viewed) -> Mapping[str, Any]:
    about = each.row.about
    keys = ("interval_s", "timeout_s", "failures", "successes", "weight", "tags", "enabled")
    return {"kind": each.row.kind, **{key: about[key] for key in keys}}


def _detailed(checks: Sequence[Viewed]) -> dict[str, Any]:
    return {each.row.name: {**component(each), "details": each.row.details} for each in checks}


def _component(each: Viewed) -> str:
    return str(each.row.about["component"])


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 1)
