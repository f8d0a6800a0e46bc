"""What is past its days goes: samples, results, timelines, decisions, roll-ups, in small slices.

What goes is looked up before anything is locked: nothing is added to what is past its days.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import Connection, Delete, Table, and_, delete, exists, func, select
from sqlalchemy.sql.elements import ColumnElement

from domain.ladder import DAY, HOUR, Level
from storage.engine import reader, to_ms
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
    uptime_totals,
)
from storage.series import BUCKET_MS, WINDOW_MS
from storage.slices import Slices

# As many samples as one series usually has in a bucket of ten minutes.
SAMPLES_PER_BUCKET = 20
SERIES_SLICE = 5


def retain(slices: Slices, now: datetime, levels: Sequence[Level]) -> int:
    """Delete one slice of what is past its days at `now`; returns how many rows went.

    `levels` tells how long samples (the first of them) and each roll-up are kept. To be called again
    until it returns 0. Raises LeadershipLost.
    """
    with reader(slices.engine).connect() as connection:
        gone = next(_past_days(connection, now, levels, slices.size), None)
    if gone is None:
        return 0
    with slices.lock() as connection:
        return connection.execute(gone).rowcount


def _past_days(
    connection: Connection, now: datetime, levels: Sequence[Level], size: int
) -> Iterator[Delete]:
    """What there is to delete, each of about `size` rows."""
    before = now - timedelta(days=levels[0].days)
    looks: list[Callable[[], Delete | None]] = [
        lambda: _samples(connection, before, size),
        lambda: _chunks(connection, before, size),
        lambda: _results(connection, before, size),
        lambda: _lines(connection, transitions, before, size),
        lambda: _lines(connection, decisions, before, size),
        *(partial(_rollups, connection, level, now, size) for level in levels[1:]),
        *(partial(_uptime, connection, level, now, size) for level in levels[1:]),
        lambda: _totals(connection, levels[-1], now, size),
    ]
    return (gone for look in looks if (gone := look()) is not None)


def _samples(connection: Connection, before: datetime, size: int) -> Delete | None:
    """Of the oldest bucket, as many series as make about so many rows."""
    bucket = connection.scalar(select(func.min(samples.c.bucket)))
    if bucket is None or bucket >= to_ms(before) // BUCKET_MS:
        return None
    key = samples.c.series_id
    query = select(key).where(samples.c.bucket == bucket).distinct().order_by(key)
    ids = connection.scalars(query.limit(max(1, size // SAMPLES_PER_BUCKET))).all()
    return delete(samples).where(samples.c.bucket == bucket, key.in_(ids))


def _chunks(connection: Connection, before: datetime, size: int) -> Delete | None:
    """Windows that are past their days whole: one that is half so is kept."""
    window = connection.scalar(select(func.min(chunks.c.window)))
    if window is None or window >= to_ms(before) // WINDOW_MS:
        return None
    key = chunks.c.series_id
    query = select(key).where(chunks.c.window == window).order_by(key).limit(size)
    ids = connection.scalars(query).all()
    return delete(chunks).where(chunks.c.window == window, key.in_(ids))


def _results(connection: Connection, before: datetime, size: int) -> Delete | None:
    """By check: the key leads to each one's oldest rows, where a search by time reads them all."""
    old = exists().where(results.c.check_id == check_state.c.id, results.c.at < before)
    check_id = connection.scalar(select(check_state.c.id).where(old).limit(1))
    if check_id is None:
        return None
    mine = and_(results.c.check_id == check_id, results.c.at < before)
    query = select(results.c.at).where(mine).order_by(results.c.at).limit(size)
    last = connection.scalars(query).all()[-1]
    return delete(results).where(results.c.check_id == check_id, results.c.at <= last)


def _lines(connection: Connection, table: Table, before: datetime, size: int) -> Delete | None:
    """Rows numbered in the order of time: only the first ones can be old."""
    query = select(table.c.id, table.c.at).order_by(table.c.id).limit(size)
    old = [row.id for row in connection.execute(query) if row.at < before]
    return delete(table).where(table.c.id.in_(old)) if old else None


def _rollups(connection: Connection, level: Level, now: datetime, size: int) -> Delete | None:
    """Of some series, their oldest steps."""
    mine = and_(rollups.c.series_id == series.c.id, *_past(rollups, level, now))
    query = select(series.c.id).where(exists().where(mine)).limit(SERIES_SLICE)
    ids = connection.scalars(query).all()
    if not ids:
        return None
    old = and_(rollups.c.series_id.in_(ids), *_past(rollups, level, now))
    oldest = connection.scalar(select(func.min(rollups.c.bucket)).where(old))
    if oldest is None:
        return None
    return delete(rollups).where(old, rollups.c.bucket < oldest + max(1, size // len(ids)))


def _uptime(connection: Connection, level: Level, now: datetime, size: int) -> Delete | None:
    """Of the oldest step, so many checks."""
    past = _past(uptime, level, now)
    bucket = connection.scalar(select(func.min(uptime.c.bucket)).where(*past))
    if bucket is None:
        return None
    mine = and_(uptime.c.step == level.step_s, uptime.c.bucket == bucket)
    ids = connection.scalars(select(uptime.c.check_id).where(mine).limit(size)).all()
    return delete(uptime).where(mine, uptime.c.check_id.in_(ids))


def _totals(connection: Connection, level: Level, now: datetime, size: int) -> Delete | None:
    """Totals of before the oldest day that is kept: what is asked for begins there at the earliest."""
    first = to_ms(now - timedelta(days=level.days)) // (level.step_s * 1000)
    hour = connection.scalar(select(func.min(uptime_totals.c.hour)))
    if hour is None or hour >= first * DAY // HOUR:
        return None
    mine = uptime_totals.c.hour == hour
    ids = connection.scalars(select(uptime_totals.c.check_id).where(mine).limit(size)).all()
    return delete(uptime_totals).where(mine, uptime_totals.c.check_id.in_(ids))


def _past(table: Table, level: Level, now: datetime) -> tuple[ColumnElement[bool], ...]:
    """Of a table by steps, the rows of a level that are past its days."""
    first = to_ms(now - timedelta(days=level.days)) // (level.step_s * 1000)
    return table.c.step == level.step_s, table.c.bucket < first
