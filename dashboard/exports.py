"""Exports: what is asked for, as a table whose rows are read while it is written.

Web and command line both use it. Nothing here loads Flask or Dash.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import Engine
from sqlalchemy import Row as Found

from domain.exporting import Asked, NothingSuch, Resolution, What
from domain.facts import Status
from domain.incidents import Severity
from domain.ladder import Level
from domain.tabular import Cell, Row, written
from storage import exports
from storage.engine import from_ms
from storage.exports import Check, Course, Series

RESULTS = ("check", "at", "status", "attempt", "mark", "cause", "response_ms", "message")
SAMPLES = ("metric", "labels", "at", "value")
ROLLUPS = ("metric", "labels", "at", "count", "min", "max", "sum", "last")
INCIDENTS = (
    "id",
    "component",
    "kind",
    "title",
    "status",
    "severity",
    "opened_at",
    "acknowledged_at",
    "acknowledged_by",
    "resolved_at",
    "to_acknowledge_s",
    "to_resolve_s",
    "resolution",
    "assignee",
    "parent",
    "flapping",
    "tags",
)
ALERTS = (
    "id",
    "incident",
    "component",
    "channel",
    "event",
    "state",
    "reason",
    "attempts",
    "created_at",
    "settled_at",
)
# Samples of the oldest window may be kept a little longer than their days.
GRACE = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """What is exported: its columns, and slices of its rows, read as they are taken."""

    head: Mapping[str, Cell]
    columns: Sequence[str]
    slices: Iterator[Sequence[Row]]


class Exports:
    """Exports of one store, whose samples and roll-ups are kept as long as `levels` say."""

    def __init__(
        self, engine: Engine, levels: Sequence[Level], clock: Callable[[], datetime]
    ) -> None:
        self._engine = engine
        self._levels = levels
        self._clock = clock

    def pieces(self, asked: Asked) -> Iterator[bytes]:
        """The file piece by piece. Raises NotExportable before the first one is made."""
        table = self.table(asked)
        return written(asked.form, asked.what.value, table.head, table.columns, table.slices)

    def table(self, asked: Asked) -> Table:
        """The table that is asked for. Raises NotExportable."""
        checks = self._checks(asked.checks)
        if asked.what is What.AVAILABILITY:
            return self._availability(asked, checks)
        read = self._of_series(asked) if asked.what is What.SERIES else self._rows(asked, checks)
        head: dict[str, Cell] = {"from": asked.start, "to": asked.end}
        return Table(head=head, columns=read[0], slices=read[1])

    def _rows(
        self, asked: Asked, checks: Sequence[Check]
    ) -> tuple[Sequence[str], Iterator[Sequence[Row]]]:
        """The tables whose rows are rows of the store."""
        during = (self._engine, asked.start, asked.end)
        if asked.what is What.INCIDENTS:
            found = exports.courses(*during, asked.checks)
            return INCIDENTS, ([_incident(each) for each in some] for some in found)
        if asked.what is What.ALERTS:
            sent = exports.deliveries(*during, asked.checks)
            return ALERTS, ([_alert(each) for each in some] for some in sent)
        return RESULTS, (
            [_result(check.name, each) for each in some]
            for check in checks
            for some in exports.results_of(self._engine, check.id, asked.start, asked.end)
        )

    def _checks(self, names: Sequence[str]) -> tuple[Check, ...]:
        """The checks of these names, or all. Raises NothingSuch."""
        found = exports.checks(self._engine)
        known = {each.name: each for each in found}
        for name in names:
            if name not in known:
                raise NothingSuch("check", f"there is no check named {name!a}")
        return tuple(known[name] for name in sorted(names)) if names else found

    def _availability(self, asked: Asked, checks: Sequence[Check]) -> Table:
        from dashboard import availability

        watched = [check for check in checks if check.present]
        made = availability.table(self._engine, watched, asked, self._clock())
        head: dict[str, Cell] = {"from": made.start, "to": made.end}
        return Table(head=head, columns=availability.COLUMNS, slices=made.rows)

    def _of_series(self, asked: Asked) -> tuple[Sequence[str], Iterator[Sequence[Row]]]:
        found = exports.series_of(self._engine, asked.metric, dict(asked.labels), asked.checks)
        if not found:
            raise NothingSuch("metric", "there is no series of this metric, check and labels")
        columns = SAMPLES if asked.resolution is Resolution.SAMPLES else ROLLUPS
        return columns, self._points(asked, found)

    def _points(self, asked: Asked, found: Sequence[Series]) -> Iterator[Sequence[Row]]:
        start = self._kept_from(asked)
        for each in found:
            labels = msgspec.json.encode(each.labels).decode()
            name: tuple[str, str] = (each.metric, labels)
            if asked.resolution is Resolution.SAMPLES:
                for points in exports.samples_of(self._engine, each.id, start, asked.end):
                    yield [(*name, at, value) for at, value in points]
            else:
                step_s = asked.resolution.step_s
                for rows in exports.rollups_of(self._engine, each.id, step_s, start, asked.end):
                    yield [(*name, *_rollup(row)) for row in rows]

    def _kept_from(self, asked: Asked) -> datetime:
        """From when on there may be anything: to look for what is gone takes time."""
        step_s = asked.resolution.step_s
        days = next(level.days for level in self._levels if level.step_s == step_s)
        return max(asked.start, self._clock() - timedelta(days=days) - GRACE)


def _result(check: str, row: Found[Any]) -> Row:
    status = Status(row.status).word
    mark = row.mark or "none"
    return check, row.at, status, row.attempt, mark, row.cause, row.response_ms, row.message


def _rollup(row: Found[Any]) -> Row:
    at = from_ms(row.bucket * row.step * 1000)
    # A row is a tuple, whose method `count` hides the column.
    return at, row._mapping["count"], row.min, row.max, row.sum, row.last


def _incident(course: Course) -> Row:
    each = course.incident
    acknowledged, resolved = course.acknowledged_first, each.resolved_at
    return (
        each.id,
        each.component,
        each.kind,
        each.title,
        each.stage.value,
        Severity(each.severity).word,
        each.opened_at,
        acknowledged,
        each.acknowledged_by,
        resolved,
        _seconds(each.opened_at, acknowledged),
        _seconds(each.opened_at, resolved),
        each.resolution,
        each.assignee,
        each.parent_id,
        each.flapping,
        " ".join(each.tags),
    )


def _alert(row: Found[Any]) -> Row:
    return (
        row.id,
        row.incident_id,
        row.component,
        row.channel,
        row.event,
        row.state,
        row.reason,
        row.attempts,
        row.created_at,
        row.settled_at,
    )


def _seconds(start: datetime, end: datetime | None) -> float | None:
    return None if end is None else (end - start).total_seconds()
