"""Reading series: hot samples and sealed chunks as one, or roll-ups, thinned out to what a chart shows.

numpy is imported with this module: it belongs to the web and to processes that end, not to the monitor.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from typing import Any, TypeAlias

import numpy as np
from sqlalchemy import BigInteger, Connection, Select, bindparam, func, select, type_coerce

from domain.ladder import SAMPLES, Level, choose
from storage.chunks import Times, Values, decode_or_gap
from storage.engine import to_ms
from storage.schema import chunks, rollups, samples
from storage.series import BUCKET_MS, WINDOW_MS

# Buckets that one statement names: databases limit its parameters.
SLICE = 5_000
# Two samples farther apart than this many usual steps have a gap between them.
GAP_STEPS = 2.5
MS_PER_DAY = 86_400_000
# By how many distances, about, the usual one is known.
MEASURED_STEPS = 5_000

Part: TypeAlias = tuple[Times, Values]

# Made once: to put a statement together takes as long as to carry it out.
MOMENT = type_coerce(samples.c.at, BigInteger)
SEALED = (
    select(chunks.c.data)
    .where(
        chunks.c.series_id == bindparam("series"),
        chunks.c.window >= bindparam("first"),
        chunks.c.window <= bindparam("last"),
    )
    .order_by(chunks.c.window)
)
NEWEST_COUNT = (
    select(chunks.c.count)
    .where(chunks.c.series_id == bindparam("series"))
    .order_by(chunks.c.window.desc())
    .limit(1)
)
NEXT_BUCKET = select(func.min(samples.c.bucket)).where(samples.c.bucket >= bindparam("first"))
# All buckets by name: the key then leads straight to the rows of the series.
HOT = (
    select(MOMENT, samples.c.value)
    .where(
        samples.c.bucket.in_(bindparam("buckets", expanding=True)),
        samples.c.series_id == bindparam("series"),
        bindparam("start") <= MOMENT,
        bindparam("end") > MOMENT,
    )
    .order_by(samples.c.bucket, MOMENT)
)
ROLLED = (
    select(rollups.c.bucket, rollups.c.min, rollups.c.max, rollups.c.count)
    .where(
        rollups.c.step == bindparam("step"),
        rollups.c.series_id == bindparam("series"),
        rollups.c.bucket >= bindparam("first"),
        rollups.c.bucket < bindparam("last"),
    )
    .order_by(rollups.c.bucket)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """A series over a time, as columns of one length: NaN in `low` and `high` stands in a gap.

    `at` is in milliseconds. Of samples `low` and `high` are one and the same. `step_ms` is the usual
    distance of what was measured (0: not known), `samples` how many were, `level_s` the resolution
    they were read at (0: the samples themselves).
    """

    at: Times
    low: Values
    high: Values
    step_ms: int
    samples: int
    level_s: int


def read(connection: Connection, series_id: int, start_ms: int, end_ms: int) -> Part:
    """The samples of one series with start ≤ at < end, in ms, oldest first."""
    parts = _sealed(connection, series_id, start_ms, end_ms)
    hot_at, hot = _hot(connection, series_id, start_ms, end_ms)
    if not len(hot_at) or not parts or hot_at[0] > parts[-1][0][-1]:
        return _in_a_row([*parts, (hot_at, hot)])
    sealed_at, sealed = _in_a_row(parts)
    # A sample that came late, or once more: it lies in a window that was sealed.
    kept = ~np.isin(sealed_at, hot_at)
    at = np.concatenate([sealed_at[kept], hot_at])
    order = np.argsort(at, kind="stable")
    return at[order], np.concatenate([sealed[kept], hot])[order]


def query(
    connection: Connection,
    series_id: int,
    start: datetime,
    end: datetime,
    width: int,
    levels: Sequence[Level],
    now: datetime,
) -> Columns:
    """One series from `start` to `end`, at most `width` points wide.

    The finest resolution is chosen that is kept long enough and quick enough to read. Where samples
    are thinned out, the highest and the lowest of each stretch stay, so that no peak is lost.
    """
    start_ms, end_ms = to_ms(start), to_ms(end)
    level = choose(levels, start, end, now, _samples_per_day(connection, series_id))
    if level.step_s == SAMPLES:
        at, values = read(connection, series_id, start_ms, end_ms)
        step, low, high = _usual_step(at), values, values
        count = len(at)
    else:
        at, low, high, count = _rolled(connection, series_id, start_ms, end_ms, level.step_s)
        step = level.step_s * 1000
    # A gap takes a point of its own, and may stand between any two.
    at, low, high = _thinned(at, low, high, width // 2)
    return _with_gaps(at, low, high, step, count, level.step_s)


def plain(values: Values) -> tuple[float | None, ...]:
    """Numbers as Python's own, None in the place of NaN."""
    found: list[float | None] = values.tolist()
    for place in np.flatnonzero(np.isnan(values)).tolist():
        found[place] = None
    return tuple(found)


def _sealed(connection: Connection, series_id: int, start_ms: int, end_ms: int) -> list[Part]:
    """The samples of each chunk, those outside of the time left out."""
    bounds = {"series": series_id, "first": start_ms // WINDOW_MS, "last": end_ms // WINDOW_MS}
    read = (decode_or_gap(row[0], series_id) for row in _fetched(connection, SEALED, bounds))
    parts = [part for part in read if part is not None]
    # Only those at the edges can reach beyond them.
    for edge in {0, len(parts) - 1} if parts else ():
        at, values = parts[edge]
        first, last = np.searchsorted(at, [start_ms, end_ms])
        parts[edge] = at[first:last], values[first:last]
    return [part for part in parts if len(part[0])]


def _in_a_row(parts: Sequence[Part]) -> Part:
    return np.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts])


def _hot(connection: Connection, series_id: int, start_ms: int, end_ms: int) -> Part:
    """Only the buckets that there may be something in: most of the time is sealed."""
    rows: list[tuple[int, float]] = []
    last = end_ms // BUCKET_MS
    bucket = _next_bucket(connection, start_ms // BUCKET_MS)
    while bucket is not None and bucket <= last:
        named = range(bucket, min(bucket + SLICE, last + 1))
        bounds = {"series": series_id, "buckets": named, "start": start_ms, "end": end_ms}
        rows += _fetched(connection, HOT, bounds)
        bucket = _next_bucket(connection, named.stop) if named.stop <= last else None
    at, values = _columns(rows, 2)
    return at.astype(np.int64), values


def _fetched(connection: Connection, query: Select[Any], bounds: Mapping[str, Any]) -> list[Any]:
    """The rows as the driver gives them: numbers need no more, and rows with names take as long."""
    result = connection.execute(query, bounds)
    rows = list(result.cursor.fetchall()) if result.cursor is not None else []
    result.close()
    return rows


def _columns(rows: Sequence[Sequence[float]], count: int) -> Values:
    """The columns of rows of numbers; below 2⁵³, as times in ms are, integers stay exact as floats."""
    flat = np.fromiter(chain.from_iterable(rows), np.float64, count * len(rows))
    return np.ascontiguousarray(flat.reshape(-1, count).T)


def _next_bucket(connection: Connection, first: int) -> int | None:
    """The first bucket from `first` on that holds anything: one look into the key."""
    bucket: int | None = connection.scalar(NEXT_BUCKET, {"first": first})
    return bucket


def _rolled(
    connection: Connection, series_id: int, start_ms: int, end_ms: int, step_s: int
) -> tuple[Times, Values, Values, int]:
    """Roll-ups by the middle of their step, and after them the samples that are not rolled up yet."""
    step_ms = step_s * 1000
    bounds = {
        "step": step_s,
        "series": series_id,
        "first": start_ms // step_ms,
        "last": -(-end_ms // step_ms),
    }
    rows = _fetched(connection, ROLLED, bounds)
    bucket, low, high, counts = _columns(rows, 4)
    at = bucket.astype(np.int64) * step_ms + step_ms // 2
    hot_at, hot = _hot(connection, series_id, start_ms, end_ms)
    fresh = _by_step(hot_at, hot, step_ms)
    # A step that is part rolled up, part fresh is told once, by both.
    return *_joined((at, low, high), fresh), int(counts.sum()) + len(hot_at)


def _by_step(at: Times, values: Values, step_ms: int) -> tuple[Times, Values, Values]:
    if not len(at):
        return at, values, values
    buckets = at // step_ms
    starts = np.flatnonzero(np.diff(buckets, prepend=buckets[0] - 1))
    low, high = np.minimum.reduceat(values, starts), np.maximum.reduceat(values, starts)
    return buckets[starts] * step_ms + step_ms // 2, low, high


def _joined(
    one: tuple[Times, Values, Values], other: tuple[Times, Values, Values]
) -> tuple[Times, Values, Values]:
    at = np.concatenate([one[0], other[0]])
    order = np.argsort(at, kind="stable")
    at, low, high = (np.concatenate([a, b])[order] for a, b in zip(one, other, strict=True))
    if not len(at):
        return at, low, high
    starts = np.flatnonzero(np.diff(at, prepend=at[0] - 1))
    return at[starts], np.minimum.reduceat(low, starts), np.maximum.reduceat(high, starts)


def _samples_per_day(connection: Connection, series_id: int) -> float:
    """About how many samples a day has, by the newest chunk; 0 for a series that has none yet."""
    newest = connection.scalar(NEWEST_COUNT, {"series": series_id})
    return float(newest or 0) * MS_PER_DAY / WINDOW_MS


def _usual_step(at: Times) -> int:
    """The median distance of neighbours in ms, of many samples by some; 0 for fewer than two."""
    apart = len(at) // MEASURED_STEPS + 1
    return int(np.median(at[1::apart] - at[:-1:apart])) if len(at) > 1 else 0


def _thinned(at: Times, low: Values, high: Values, most: int) -> tuple[Times, Values, Values]:
    """At most `most` points: of each stretch of time the places of its extremes."""
    if len(at) <= most:
        return at, low, high
    from tsdownsample import MinMaxDownsampler

    # Its constructor has no types.
    pick = MinMaxDownsampler().downsample  # type: ignore[no-untyped-call]
    # Roll-ups have their lowest and highest apart: each gets half of the places.
    columns = (high,) if low is high else (high, low)
    places = most // len(columns) // 2 * 2
    kept = np.unique(np.concatenate([pick(at, each, n_out=places) for each in columns]))
    thin = low[kept]
    return at[kept], thin, thin if low is high else high[kept]


def _with_gaps(
    at: Times, low: Values, high: Values, step_ms: int, count: int, level_s: int
) -> Columns:
    """The columns with an empty point in the middle of each gap that is wide enough to be seen."""
    distances = np.diff(at)
    usual = max(float(step_ms), float(np.median(distances)) if len(distances) else 0.0)
    places = np.flatnonzero(distances > GAP_STEPS * usual) if usual else np.empty(0, np.int64)
    if len(places):
        same = low is high
        at = np.insert(at, places + 1, (at[places] + at[places + 1]) // 2)
        low = np.insert(low, places + 1, np.nan)
        high = low if same else np.insert(high, places + 1, np.nan)
    return Columns(at=at, low=low, high=high, step_ms=step_ms, samples=count, level_s=level_s)
