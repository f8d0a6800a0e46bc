"""What is past its days goes: samples, results, timelines, decisions, roll-ups, in small slices."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine, Table, and_, delete, exists, func, select, tuple_
from sqlalchemy.sql.elements import ColumnElement

from domain.ladder import Level
from storage.engine import reader, to_ms
from storage.leadership import Lease, fence
from storage.schema import (
    check_state,
    chunks,
    decisions,
    results,
    rollups,
    samples,
    series,
    transitions,
    uptime,
)
from storage.series import BUCKET_MS, WINDOW_MS

SLICE = 1_000
SERIES_SLICE = 5


def retain(
    engine: Engine, lease: Lease, now: datetime, levels: Sequence[Level], size: int = SLICE
) -> int:
    """Delete one slice of at most `size` rows past their days at `now`; returns how many went.

    `levels` tells how long samples (the first of them) and each roll-up are kept. To be called again
    until it returns 0; between two slices others may write.
    """
    before = now - timedelta(days=levels[0].days)
    rolled = [(level, _old_series(engine, level, now)) for level in levels[1:]]
    with engine.begin() as connection:
        fence(connection, lease)
        return (
            _samples(connection, before, size)
            or _chunks(connection, before, size)
            or _results(connection, before, size)
            or _lines(connection, transitions, before, size)
            or _lines(connection, decisions, before, size)
            or sum(_rollups(connection, level, ids, now) for level, ids in rolled)
            or sum(_uptime(connection, level, now) for level in levels[1:])
        )


def _samples(connection: Connection, before: datetime, size: int) -> int:
    key = (samples.c.bucket, samples.c.series_id, samples.c.at)
    old = samples.c.bucket < to_ms(before) // BUCKET_MS
    found = connection.execute(select(*key).where(old).order_by(*key).limit(size)).all()
    if not found:
        return 0
    wanted = tuple_(*key).in_([tuple(row) for row in found])
    return connection.execute(delete(samples).where(and_(old, wanted))).rowcount


def _chunks(connection: Connection, before: datetime, size: int) -> int:
    """Windows that are past their days whole: one that is half so is kept."""
    key = (chunks.c.series_id, chunks.c.window)
    old = chunks.c.window < to_ms(before) // WINDOW_MS
    query = select(*key).where(old).order_by(chunks.c.window).limit(size)
    found = connection.execute(query).all()
    if not found:
        return 0
    wanted = tuple_(*key).in_([tuple(row) for row in found])
    return connection.execute(delete(chunks).where(wanted)).rowcount


def _old_series(engine: Engine, level: Level, now: datetime) -> list[int]:
    """Some series with roll-ups past their days, looked up before anything is locked."""
    mine = and_(rollups.c.series_id == series.c.id, *_past(rollups, level, now))
    query = select(series.c.id).where(exists().where(mine)).limit(SERIES_SLICE)
    with reader(engine).connect() as connection:
        return list(connection.scalars(query))


def _rollups(connection: Connection, level: Level, ids: Sequence[int], now: datetime) -> int:
    if not ids:
        return 0
    old = and_(rollups.c.series_id.in_(ids), *_past(rollups, level, now))
    oldest = connection.scalar(select(func.min(rollups.c.bucket)).where(old))
    if oldest is None:
        return 0
    few = and_(old, rollups.c.bucket < oldest + SLICE // len(ids))
    return connection.execute(delete(rollups).where(few)).rowcount


def _uptime(connection: Connection, level: Level, now: datetime) -> int:
    old = and_(*_past(uptime, level, now))
    oldest = connection.scalar(select(func.min(uptime.c.bucket)).where(old))
    few = and_(old, uptime.c.bucket == oldest)
    return 0 if oldest is None else connection.execute(delete(uptime).where(few)).rowcount


def _past(table: Table, level: Level, now: datetime) -> tuple[ColumnElement[bool], ...]:
    """Of a table by steps, the rows of a level that are past its days."""
    first = to_ms(now - timedelta(days=level.days)) // (level.step_s * 1000)
    return table.c.step == level.step_s, table.c.bucket < first


def _results(connection: Connection, before: datetime, size: int) -> int:
    """By check: the key leads to each one's oldest rows, where a search by time reads them all."""
    for check_id in connection.scalars(select(check_state.c.id)).all():
        mine = and_(results.c.check_id == check_id, results.c.at < before)
        found = connection.scalars(
            select(results.c.at).where(mine).order_by(results.c.at).limit(size)
        ).all()
        if found:
            old = and_(results.c.check_id == check_id, results.c.at <= found[-1])
            return connection.execute(delete(results).where(old)).rowcount
    return 0


def _lines(connection: Connection, table: Table, before: datetime, size: int) -> int:
    """Rows numbered in the order of time: only the first ones can be old."""
    query = select(table.c.id, table.c.at).order_by(table.c.id).limit(size)
    old = [row.id for row in connection.execute(query) if row.at < before]
    if not old:
        return 0
    return connection.execute(delete(table).where(table.c.id.in_(old))).rowcount
