"""Series for screens: which there are, and one of them thinned out to what a chart can show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import TypeAlias

import msgspec
from sqlalchemy import BigInteger, Engine, select, type_coerce

from storage import series as stored
from storage.engine import reader, to_ms
from storage.schema import samples, series
from storage.series import BUCKET_MS, Labels

# Milliseconds, the lowest and the highest value at that time; None in a gap.
Point: TypeAlias = "tuple[int, float | None, float | None]"

MOST_POINTS = 1_000
# About one a pixel. An empty point in a gap takes the place of a bucket without samples.
BUCKETS = 600
# Two samples farther apart than this many usual steps have a gap between them.
GAP_STEPS = 2.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """One series by its name and labels."""

    metric: str
    labels: Labels


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """A series over a time: at most MOST_POINTS points.

    `samples` is how many were measured, `step_ms` how far apart they usually are (0: not known).
    """

    samples: int
    step_ms: int
    points: tuple[Point, ...]


class SeriesReadings:
    """Reads of series. Every method is one short read transaction."""

    def __init__(self, engine: Engine) -> None:
        self._engine = reader(engine)

    def named(self, metric: str | None = None, limit: int | None = None) -> tuple[Named, ...]:
        """All series by name and labels, or those of one metric; the first `limit` of them."""
        query = select(series.c.name, series.c.labels).order_by(series.c.name, series.c.labels)
        if metric is not None:
            query = query.where(series.c.name == metric)
        with self._engine.connect() as connection:
            rows = connection.execute(query if limit is None else query.limit(limit)).all()
        return tuple(
            Named(metric=row.name, labels=tuple(msgspec.json.decode(row.labels).items()))
            for row in rows
        )

    def course(self, named: Named, start: datetime, end: datetime) -> Course | None:
        """One series from `start` to `end`; None when there is no such series."""
        # Plain numbers: making a datetime of each of sixty thousand samples takes longest.
        at = type_coerce(samples.c.at, BigInteger)
        first, last = to_ms(start) // BUCKET_MS, to_ms(end) // BUCKET_MS
        rows: list[tuple[int, float]] = []
        with self._engine.connect() as connection:
            series_id = stored.find(connection, named.metric, dict(named.labels))
            if series_id is None:
                return None
            for bucket in range(first, last + 1, stored.SLICE):
                query = (
                    select(at, samples.c.value)
                    .where(
                        samples.c.bucket.in_(range(bucket, min(bucket + stored.SLICE, last + 1))),
                        samples.c.series_id == series_id,
                        samples.c.at >= start,
                        samples.c.at < end,
                    )
                    .order_by(samples.c.bucket, samples.c.at)
                )
                rows += [(row[0], row[1]) for row in connection.execute(query)]
        step = usual_step(rows)
        return Course(samples=len(rows), step_ms=step, points=thinned(rows, step))


def usual_step(rows: Sequence[tuple[int, float]]) -> int:
    """The median distance of neighbours in milliseconds; 0 for fewer than two samples."""
    steps = sorted(after[0] - before[0] for before, after in pairwise(rows))
    return steps[len(steps) // 2] if steps else 0


def thinned(rows: Sequence[tuple[int, float]], step_ms: int) -> tuple[Point, ...]:
    """At most MOST_POINTS points: all samples, or of each stretch of time its lowest and highest.

    An empty point stands in the middle of each gap that is wide enough to be seen.
    """
    if len(rows) <= MOST_POINTS // 2:
        return _with_gaps([(at, value, value) for at, value in rows], GAP_STEPS * step_ms)
    width = (rows[-1][0] - rows[0][0] + 1) / BUCKETS
    kept: list[tuple[int, float, float]] = []
    first, low, high = rows[0][0], rows[0][1], rows[0][1]
    last, edge = first, first + width
    for at, value in rows:
        if at >= edge:
            kept.append(((first + last) // 2, low, high))
            edge += width * ((at - edge) // width + 1)
            first, low, high = at, value, value
        elif value < low:
            low = value
        elif value > high:
            high = value
        last = at
    kept.append(((first + last) // 2, low, high))
    return _with_gaps(kept, max(GAP_STEPS * step_ms, 3 * width))


def _with_gaps(rows: Sequence[tuple[int, float, float]], gap_ms: float) -> tuple[Point, ...]:
    points: list[Point] = []
    for row in rows:
        if points and gap_ms and row[0] - points[-1][0] > gap_ms:
            points.append(((row[0] + points[-1][0]) // 2, None, None))
        points.append(row)
    return tuple(points)
