"""How incidents went: counts and mean times, by component, severity and week, added up by the store."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import BigInteger, Engine, Row, case, func, select, type_coerce

from domain.incidents import Action, Severity
from storage.engine import reader
from storage.schema import incident_lines, incidents

# The first Monday of the epoch, and a week, in milliseconds.
MONDAY_MS = 4 * 86_400_000
WEEK_MS = 7 * 86_400_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Of a set of incidents: how many, and mean seconds to acknowledge and to resolve (None: none)."""

    count: int
    open: int
    mtta_s: float | None
    mttr_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistics:
    """Figures of all, and by component, by severity, and by the Monday (UTC) of the week."""

    all: Figures
    by_component: dict[str, Figures]
    by_severity: dict[str, Figures]
    by_week: dict[str, Figures]


def statistics(engine: Engine, start: datetime) -> Statistics:
    """The figures of incidents opened since `start`. Those nested under another are not counted.

    The time to acknowledge is that to the first acknowledgement, the time to resolve that to the
    last resolution.
    """
    rows = _rows(engine, start)
    return Statistics(
        all=_figures(rows),
        by_component=_by(rows, lambda row: str(row.component)),
        by_severity=_by(rows, lambda row: Severity(row.severity).word),
        by_week=_by(rows, lambda row: _monday(row.week)),
    )


def _rows(engine: Engine, start: datetime) -> Sequence[Row[Any]]:
    """Sums by component, severity and week; times in milliseconds."""
    first = (
        select(incident_lines.c.incident_id, func.min(incident_lines.c.at).label("at"))
        .where(incident_lines.c.action == Action.ACKNOWLEDGED.value)
        .group_by(incident_lines.c.incident_id)
        .subquery()
    )
    opened, resolved, acknowledged = (
        type_coerce(each, BigInteger)
        for each in (incidents.c.opened_at, incidents.c.resolved_at, first.c.at)
    )
    week = ((opened - MONDAY_MS) // WEEK_MS).label("week")
    query = (
        select(
            incidents.c.component,
            incidents.c.severity,
            week,
            func.count().label("count"),
            func.sum(case((incidents.c.is_open, 1), else_=0)).label("open"),
            func.count(acknowledged).label("acknowledged"),
            func.sum(acknowledged - opened).label("to_acknowledge"),
            func.count(resolved).label("resolved"),
            func.sum(resolved - opened).label("to_resolve"),
        )
        .select_from(incidents.outerjoin(first, first.c.incident_id == incidents.c.id))
        .where(incidents.c.opened_at >= start, incidents.c.parent_id.is_(None))
        .group_by(incidents.c.component, incidents.c.severity, week)
    )
    with reader(engine).connect() as connection:
        return connection.execute(query).all()


def _by(rows: Sequence[Row[Any]], key: Callable[[Row[Any]], str]) -> dict[str, Figures]:
    groups: dict[str, list[Row[Any]]] = {}
    for row in rows:
        groups.setdefault(key(row), []).append(row)
    return {name: _figures(found) for name, found in sorted(groups.items())}


def _figures(rows: Sequence[Row[Any]]) -> Figures:
    return Figures(
        count=_sum(rows, "count"),
        open=_sum(rows, "open"),
        mtta_s=_mean(_sum(rows, "to_acknowledge"), _sum(rows, "acknowledged")),
        mttr_s=_mean(_sum(rows, "to_resolve"), _sum(rows, "resolved")),
    )


def _sum(rows: Sequence[Row[Any]], name: str) -> int:
    return sum(int(getattr(row, name) or 0) for row in rows)


def _mean(total_ms: int, count: int) -> float | None:
    return round(total_ms / count / 1000, 1) if count else None


def _monday(week: int) -> str:
    monday = datetime.fromtimestamp((int(week) * WEEK_MS + MONDAY_MS) / 1000, UTC)
    return f"{monday:%Y-%m-%d}"
