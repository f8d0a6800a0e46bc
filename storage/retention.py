"""Old details go: results, samples, timelines and decisions past their days, in small slices."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, Engine, Table, and_, delete, select, tuple_

from storage.engine import to_ms
from storage.leadership import Lease, fence
from storage.schema import check_state, decisions, results, samples, transitions
from storage.series import BUCKET_MS

SLICE = 1_000


def retain(engine: Engine, lease: Lease, before: datetime, size: int = SLICE) -> int:
    """Delete one slice of at most `size` rows older than `before`; returns how many rows went.

    To be called again until it returns 0; between two slices others may write.
    """
    with engine.begin() as connection:
        fence(connection, lease)
        return (
            _samples(connection, before, size)
            or _results(connection, before, size)
            or _lines(connection, transitions, before, size)
            or _lines(connection, decisions, before, size)
        )


def _samples(connection: Connection, before: datetime, size: int) -> int:
    key = (samples.c.bucket, samples.c.series_id, samples.c.at)
    old = samples.c.bucket < to_ms(before) // BUCKET_MS
    found = connection.execute(select(*key).where(old).order_by(*key).limit(size)).all()
    if not found:
        return 0
    wanted = tuple_(*key).in_([tuple(row) for row in found])
    return connection.execute(delete(samples).where(and_(old, wanted))).rowcount


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
