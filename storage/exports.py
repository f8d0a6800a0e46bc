"""What exports read: rows in slices by key, so that neither memory nor a transaction grows with them.

Each slice is a short read transaction of its own: whoever takes the rows slowly holds no snapshot,
which would keep Postgres from tidying up and SQLite's log from shrinking.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Engine, Row, Select, and_, func, or_, select

from domain.availability import Turn
from domain.incidents import Action, Incident, Severity, Stage, fingerprint
from storage import incident_rows
from storage.engine import from_ms, reader, to_ms
from storage.schema import (
    affected,
    check_state,
    incident_lines,
    incidents,
    outbox,
    results,
    rollups,
    series,
)
from storage.series import WINDOW_MS

SLICE = 1_000
# Sealed windows that are read at once: a day of them.
WINDOWS = 12
# Databases limit the parameters of a statement.
NAMES = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """A check that is or was watched; `weight` is what it counts."""

    id: int
    name: str
    present: bool
    weight: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """A series by its key in the store, its metric and its labels."""

    id: int
    metric: str
    labels: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """An incident and when it was acknowledged first; None where it never was."""

    incident: Incident
    acknowledged_first: datetime | None


def checks(engine: Engine) -> tuple[Check, ...]:
    """All checks that are or were watched, by name."""
    columns = (check_state.c.id, check_state.c.name, check_state.c.present, check_state.c.about)
    with reader(engine).connect() as connection:
        rows = connection.execute(select(*columns).order_by(check_state.c.name)).all()
    return tuple(
        Check(
            id=row.id,
            name=row.name,
            present=row.present,
            weight=float(row.about.get("weight", 1.0)),
        )
        for row in rows
    )


def results_of(
    engine: Engine, check_id: int, start: datetime, end: datetime
) -> Iterator[Sequence[Row[Any]]]:
    """The runs of a check with start ≤ at < end, oldest first."""
    mine = and_(results.c.check_id == check_id, results.c.at < end)
    query = select(results).where(mine).order_by(results.c.at)
    after: ColumnElement[bool] = results.c.at >= start
    while rows := _fetched(engine, query.where(after).limit(SLICE)):
        yield rows
        after = results.c.at > rows[-1].at
        if len(rows) < SLICE:
            return


def courses(
    engine: Engine, start: datetime, end: datetime, names: Collection[str]
) -> Iterator[Sequence[Course]]:
    """The incidents opened with start ≤ time < end, of these checks or of all, oldest first."""
    key = (incidents.c.opened_at, incidents.c.id)
    query = select(incidents).where(incidents.c.opened_at < end, _concerns(names)).order_by(*key)
    after: ColumnElement[bool] = incidents.c.opened_at >= start
    while rows := _fetched(engine, query.where(after).limit(SLICE)):
        acknowledged = _acknowledged(engine, [row.id for row in rows])
        yield [
            Course(incident=incident_rows.read(row), acknowledged_first=acknowledged.get(row.id))
            for row in rows
        ]
        at, last = rows[-1].opened_at, rows[-1].id
        after = or_(incidents.c.opened_at > at, and_(incidents.c.opened_at == at, key[1] > last))
        if len(rows) < SLICE:
            return


def deliveries(
    engine: Engine, start: datetime, end: datetime, names: Collection[str]
) -> Iterator[Sequence[Row[Any]]]:
    """The pages made with start ≤ time < end, of these checks or of all, oldest first."""
    columns = [each for each in outbox.c if each.name not in ("body", "group_key", "bundle")]
    within = and_(outbox.c.created_at >= start, outbox.c.created_at < end)
    query = (
        select(*columns, incidents.c.component)
        .join(incidents, incidents.c.id == outbox.c.incident_id)
        .where(within, _concerns(names))
        .order_by(outbox.c.id)
    )
    last = 0
    while rows := _fetched(engine, query.where(outbox.c.id > last).limit(SLICE)):
        yield rows
        last = rows[-1].id


def series_of(
    engine: Engine, metric: str | None, labels: Mapping[str, str], names: Collection[str]
) -> tuple[Series, ...]:
    """The series of a metric or of all, that have these labels, of these checks or of all."""
    query = select(series.c.id, series.c.name, series.c.labels)
    if metric is not None:
        query = query.where(series.c.name == metric)
    wanted, known = labels.items(), set(names)
    rows = _fetched(engine, query.order_by(series.c.name, series.c.labels))
    found = (
        Series(id=row.id, metric=row.name, labels=msgspec.json.decode(row.labels)) for row in rows
    )
    return tuple(
        each
        for each in found
        if wanted <= each.labels.items() and (not known or each.labels.get("check") in known)
    )


def samples_of(
    engine: Engine, series_id: int, start: datetime, end: datetime
) -> Iterator[Sequence[tuple[datetime, float]]]:
    """The samples of a series with start ≤ at < end, hot and sealed, oldest first."""
    # numpy costs 15 MB: only who reads samples pays for it.
    from storage.series_query import read

    begin, last, step = to_ms(start), to_ms(end), WINDOWS * WINDOW_MS
    while begin < last:
        until = min(last, (begin // step + 1) * step)
        with reader(engine).connect() as connection:
            at, values = read(connection, series_id, begin, until)
        for first in range(0, len(at), SLICE):
            part = slice(first, first + SLICE)
            yield list(zip(map(from_ms, at[part].tolist()), values[part].tolist(), strict=True))
        begin = until


def rollups_of(
    engine: Engine, series_id: int, step_s: int, start: datetime, end: datetime
) -> Iterator[Sequence[Row[Any]]]:
    """What was rolled up of a series by steps that lie between the two, oldest first."""
    step_ms = step_s * 1000
    mine = and_(rollups.c.step == step_s, rollups.c.series_id == series_id)
    query = select(rollups).where(mine, rollups.c.bucket < -(-to_ms(end) // step_ms))
    first = to_ms(start) // step_ms
    by_time = query.order_by(rollups.c.bucket)
    while rows := _fetched(engine, by_time.where(rollups.c.bucket >= first).limit(SLICE)):
        yield rows
        first = rows[-1].bucket + 1


def standing_between(
    engine: Engine, start: datetime, end: datetime, names: Sequence[str]
) -> Iterator[tuple[Course, Sequence[Turn]]]:
    """The incidents of these checks that stood between the two, with their turns."""
    stood = or_(incidents.c.resolved_at.is_(None), incidents.c.resolved_at >= start)
    for begin in range(0, len(names), NAMES):
        own = [fingerprint(name) for name in names[begin : begin + NAMES]]
        query = select(incidents).where(
            incidents.c.fingerprint.in_(own), incidents.c.opened_at < end, stood
        )
        rows = _fetched(engine, query.order_by(incidents.c.opened_at))
        for first in range(0, len(rows), SLICE):
            yield from _with_turns(engine, rows[first : first + SLICE])


def _with_turns(
    engine: Engine, rows: Sequence[Row[Any]]
) -> Iterator[tuple[Course, Sequence[Turn]]]:
    ids = [row.id for row in rows]
    query = select(incident_lines).where(incident_lines.c.incident_id.in_(ids))
    turns: dict[str, list[Turn]] = {}
    for row in _fetched(engine, query.order_by(incident_lines.c.id)):
        turn = Turn(
            at=row.at,
            action=Action(row.action),
            stage=Stage(row.stage),
            severity=Severity(row.severity),
        )
        turns.setdefault(row.incident_id, []).append(turn)
    for row in rows:
        mine = turns.get(row.id, [])
        first = next((turn.at for turn in mine if turn.action is Action.ACKNOWLEDGED), None)
        yield Course(incident=incident_rows.read(row), acknowledged_first=first), mine


def _concerns(names: Collection[str]) -> ColumnElement[bool]:
    """Incidents of these checks, or that affected them; all where none is named."""
    if not names:
        return incidents.c.id.is_not(None)
    own = [fingerprint(name) for name in names]
    struck = select(affected.c.incident_id).where(affected.c.component.in_(names))
    return or_(
        incidents.c.fingerprint.in_(own),
        incidents.c.component.in_(names),
        incidents.c.id.in_(struck),
    )


def _acknowledged(engine: Engine, ids: Sequence[str]) -> dict[str, datetime]:
    query = (
        select(incident_lines.c.incident_id, func.min(incident_lines.c.at).label("at"))
        .where(
            incident_lines.c.incident_id.in_(ids),
            incident_lines.c.action == Action.ACKNOWLEDGED.value,
        )
        .group_by(incident_lines.c.incident_id)
    )
    return {row.incident_id: row.at for row in _fetched(engine, query)}


def _fetched(engine: Engine, query: Select[Any]) -> Sequence[Row[Any]]:
    with reader(engine).connect() as connection:
        return connection.execute(query).all()
