"""What a window of some series becomes when it is sealed: read, merged, encoded and rolled up.

Nothing is written here and nothing needs to be locked: all of it is made of one moment of the store.
What changed since that moment is for the one who writes it to see. numpy is imported with this module.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import BigInteger, Connection, select, type_coerce

from domain.ladder import DAY
from storage import bulk, rollups
from storage.chunks import Times, Values, decode_or_gap, encode
from storage.rollups import Rolled, RolledUp
from storage.schema import chunks, samples, series
from storage.series import BUCKET_MS, COUNTERS, WINDOW_MS

BUCKETS_PER_WINDOW = WINDOW_MS // BUCKET_MS
DAY_MS = DAY * 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """Rows of chunks and roll-ups, and the hot samples (`hot`) that they are made of."""

    chunks: Sequence[Mapping[str, Any]]
    rolled_up: RolledUp
    hot: Sequence[bulk.Row]


@dataclass(frozen=True, slots=True)
class _Samples:
    at: Times
    values: Values


def buckets(window: int) -> range:
    """The buckets of ten minutes that make a window."""
    return range(window * BUCKETS_PER_WINDOW, (window + 1) * BUCKETS_PER_WINDOW)


def make(connection: Connection, window: int, ids: Sequence[int], oldest_ms: int) -> Made:
    """What these series' hot samples of a window become, with what is sealed of it already."""
    hot = _hot(connection, window, ids)
    fresh = _by_series(hot)
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
    # Of a chunk that was damaged the roll-ups know more than what is left of its samples.
    known = {key: found for key, found in whole.items() if sealed.get(key, found) is not None}
    rolled_up = _rolled_up(connection, window, known, oldest_ms)
    return Made(chunks=rows, rolled_up=rolled_up, hot=hot)


def _hot(connection: Connection, window: int, ids: Sequence[int]) -> list[bulk.Row]:
    """The rows as they stand, those of each series together and rising in time."""
    key, at = samples.c.series_id, type_coerce(samples.c.at, BigInteger)
    query = (
        select(samples.c.bucket, key, at, samples.c.value)
        .where(samples.c.bucket.in_(buckets(window)), key.in_(ids))
        .order_by(key, samples.c.bucket, samples.c.at)
    )
    return [tuple(row) for row in connection.execute(query).all()]


def _by_series(rows: Sequence[bulk.Row]) -> dict[int, _Samples]:
    if not rows:
        return {}
    _, keys, at, values = zip(*rows, strict=True)
    of = np.array(keys, np.int64)
    starts = np.flatnonzero(np.diff(of, prepend=of[0] - 1))
    times = np.split(np.array(at, np.int64), starts[1:])
    numbers = np.split(np.array(values, np.float64), starts[1:])
    found = zip(of[starts].tolist(), times, numbers, strict=True)
    return {key: _Samples(its_times, its_values) for key, its_times, its_values in found}


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


def _rolled_up(
    connection: Connection, window: int, whole: Mapping[int, _Samples], oldest_ms: int
) -> RolledUp:
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
    days = {int(at) // DAY_MS for each in windows for at in (each.at[0], each.at[-1])}
    return rollups.make(connection, windows, list(whole), sorted(days))


def _last_values(connection: Connection, window: int, ids: Sequence[int]) -> dict[int, float]:
    """The last value of each series in a window; where its samples are gone, by its roll-ups."""
    sealed = _chunks(connection, window, ids)
    found = {key: float(each.values[-1]) for key, each in sealed.items() if each is not None}
    left = [key for key in ids if key not in found]
    return rollups.last_values(connection, left, window) | found


def _counters(connection: Connection, ids: Sequence[int]) -> list[int]:
    query = select(series.c.id).where(series.c.id.in_(ids), series.c.kind.in_(COUNTERS))
    return list(connection.scalars(query))
