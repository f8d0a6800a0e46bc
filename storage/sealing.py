"""Sealing: samples of a window that is over leave the hot table and become one chunk and its roll-ups.

A slice of series is read, sealed and deleted in one transaction, so that a crash loses and doubles
nothing; readers see each sample in exactly one of both places. A late sample opens its chunk again.
numpy is imported with this module, so it runs in a process that ends.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

import numpy as np
from sqlalchemy import BigInteger, Connection, Engine, and_, delete, func, select, type_coerce

from domain.ladder import DAY
from storage import bulk, rollups
from storage.chunks import Times, Values, decode_or_gap, encode
from storage.engine import reader, to_ms, upsert
from storage.leadership import Lease
from storage.rollups import Rolled
from storage.schema import chunks, samples, series
from storage.series import BUCKET_MS, COUNTERS, WINDOW_MS
from storage.slices import Slices

# Samples may come so late without their window being opened again.
GRACE = timedelta(minutes=15)
BUCKETS_PER_WINDOW = WINDOW_MS // BUCKET_MS
# With how many series the first slice tries, and how many it comes to at most.
FIRST_SLICE = 8
MOST_SLICE = 500
WINDOW_MS_PER_DAY = DAY * 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealed:
    """What a run has done."""

    windows: int
    series: int
    samples: int


@dataclass(frozen=True, slots=True)
class _Samples:
    at: Times
    values: Values


def due(engine: Engine, now: datetime) -> bool:
    """Whether there is a window to seal: one look into the key."""
    with reader(engine).connect() as connection:
        return _oldest_window(connection, now) is not None


def seal(slices: Slices, now: datetime, oldest: datetime) -> Sealed:
    """Seal every window that ended 15 min before `now`. Raises LeadershipLost.

    A piece of `slices` is a series. What lies before `oldest` is past its days: it is dropped, because
    its chunk may be gone already and what is left would pass for the whole.
    """
    done = Sealed(windows=0, series=0, samples=0)
    while (window := _next(slices.engine, now)) is not None:
        ids = _series_in(slices.engine, window)
        count = slices.each(ids, partial(_seal, window, to_ms(oldest)))
        done = Sealed(
            windows=done.windows + 1,
            series=done.series + len(ids),
            samples=done.samples + count,
        )
    return done


def sliced(engine: Engine, lease: Lease, pause: Callable[[float], None] = time.sleep) -> Slices:
    """The slices that sealing begins with: a piece is a series of a window."""
    return Slices(engine, lease, first=FIRST_SLICE, most=MOST_SLICE, pause=pause)


def _next(engine: Engine, now: datetime) -> int | None:
    with reader(engine).connect() as connection:
        return _oldest_window(connection, now)


def _oldest_window(connection: Connection, now: datetime) -> int | None:
    """The oldest window with samples in the hot table that is over; windows count from 1970."""
    bucket: int | None = connection.scalar(select(func.min(samples.c.bucket)))
    if bucket is None:
        return None
    window = bucket // BUCKETS_PER_WINDOW
    return (
        window
        if (window + 1) * WINDOW_MS + GRACE / timedelta(milliseconds=1) <= to_ms(now)
        else None
    )


def _buckets(window: int) -> range:
    return range(window * BUCKETS_PER_WINDOW, (window + 1) * BUCKETS_PER_WINDOW)


def _series_in(engine: Engine, window: int) -> list[int]:
    found: set[int] = set()
    with reader(engine).connect() as connection:
        for bucket in _buckets(window):
            query = select(samples.c.series_id).where(samples.c.bucket == bucket).distinct()
            found.update(connection.scalars(query))
    return sorted(found)


def _seal(window: int, oldest_ms: int, connection: Connection, ids: Sequence[int]) -> int:
    """Seal these series' samples of a window; returns how many samples left the hot table."""
    bulk.shut_out_writers(connection)
    if (window + 1) * WINDOW_MS > oldest_ms:
        fresh = _hot(connection, window, ids)
        sealed = _chunks(connection, window, list(fresh))
        whole = {key: _merged(sealed.get(key), found) for key, found in fresh.items()}
        rows = [
            {
                "series_id": key,
                "window": window,
                "count": len(found.at),
                "data": encode(found.at, found.values),
            }
            for key, found in whole.items()
        ]
        upsert(connection, chunks, rows, ("series_id", "window"))
        # Of a chunk that was damaged the roll-ups know more than what is left of its samples.
        damaged = {key for key, found in sealed.items() if found is None}
        known = {key: found for key, found in whole.items() if key not in damaged}
        _roll_up(connection, window, known, oldest_ms)
    gone = and_(samples.c.bucket.in_(_buckets(window)), samples.c.series_id.in_(ids))
    return connection.execute(delete(samples).where(gone)).rowcount


def _hot(connection: Connection, window: int, ids: Sequence[int]) -> dict[int, _Samples]:
    at = type_coerce(samples.c.at, BigInteger)
    query = (
        select(samples.c.series_id, at, samples.c.value)
        .where(samples.c.bucket.in_(_buckets(window)), samples.c.series_id.in_(ids))
        .order_by(samples.c.series_id, samples.c.bucket, samples.c.at)
    )
    found: dict[int, tuple[list[int], list[float]]] = {}
    for key, moment, value in connection.execute(query):
        times, values = found.setdefault(key, ([], []))
        times.append(moment)
        values.append(value)
    return {
        key: _Samples(np.array(times, np.int64), np.array(values, np.float64))
        for key, (times, values) in found.items()
    }


def _chunks(connection: Connection, window: int, ids: Sequence[int]) -> dict[int, _Samples | None]:
    """The samples of chunks by series; None for one that is damaged."""
    query = select(chunks.c.series_id, chunks.c.data).where(
        chunks.c.window == window, chunks.c.series_id.in_(ids)
    )
    found = {
        row.series_id: decode_or_gap(row.data, row.series_id) for row in connection.execute(query)
    }
    return {key: None if each is None else _Samples(*each) for key, each in found.items()}


def _merged(sealed: _Samples | None, fresh: _Samples) -> _Samples:
    """Those of a chunk that is opened again together with the fresh ones, which win."""
    if sealed is None:
        return fresh
    kept = ~np.isin(sealed.at, fresh.at)
    at = np.concatenate([sealed.at[kept], fresh.at])
    order = np.argsort(at, kind="stable")
    values = np.concatenate([sealed.values[kept], fresh.values])
    return _Samples(at[order], values[order])


def _roll_up(
    connection: Connection, window: int, whole: Mapping[int, _Samples], oldest_ms: int
) -> None:
    counters = _counters(connection, list(whole))
    before = _last_values(connection, window - 1, counters)
    # What a late sample is to the window after it: the value from which its counter rose.
    after = _chunks(connection, window + 1, counters)
    gone = set(counters) - set(before) if window * WINDOW_MS <= oldest_ms else set()
    windows = [
        Rolled(
            series_id=key,
            at=found.at,
            values=found.values,
            rises=rollups.rises(found.values, before.get(key)) if key in counters else None,
            is_least=key in gone,
        )
        for key, found in whole.items()
    ]
    windows += [
        Rolled(
            series_id=key,
            at=found.at,
            values=found.values,
            rises=rollups.rises(found.values, float(whole[key].values[-1])),
        )
        for key, found in after.items()
        if found is not None
    ]
    rollups.write_windows(connection, windows)
    days = {
        moment // WINDOW_MS_PER_DAY
        for each in windows
        for moment in (int(each.at[0]), int(each.at[-1]))
    }
    rollups.write_days(connection, list(whole), sorted(days))


def _last_values(connection: Connection, window: int, ids: Sequence[int]) -> dict[int, float]:
    """The last value of each series in a window; where its samples are gone, by its roll-ups."""
    sealed = _chunks(connection, window, ids)
    found = {key: float(each.values[-1]) for key, each in sealed.items() if each is not None}
    left = [key for key in ids if key not in found]
    return rollups.last_values(connection, left, window) | found


def _counters(connection: Connection, ids: Sequence[int]) -> list[int]:
    query = select(series.c.id).where(series.c.id.in_(ids), series.c.kind.in_(COUNTERS))
    return list(connection.scalars(query))
