"""Series for screens: which there are, and one of them thinned out to what a chart can show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec
from sqlalchemy import ColumnElement, Connection, Engine, and_, or_, select

from domain.ladder import Level
from storage import series as stored
from storage.engine import reader
from storage.schema import series
from storage.series import Labels

# About one a pixel of a large screen.
MOST_POINTS = 1_000
LARGEST_NUMBER = 2**31 - 1


class UnknownSeries(Exception):
    """There is no series of this number, or no more."""

    def __init__(self, number: int) -> None:
        super().__init__(f"there is no series {number}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """One series by its name and labels."""

    metric: str
    labels: Labels


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """A series over a time: columns of one length, at most MOST_POINTS; None stands in a gap.

    `at` is in milliseconds. `samples` is how many were measured, `step_ms` how far apart they usually
    are (0: not known), `level_s` the resolution they were read at (0: the samples themselves).
    """

    samples: int
    step_ms: int
    level_s: int
    at: tuple[int, ...]
    low: tuple[float | None, ...]
    high: tuple[float | None, ...]


class SeriesReadings:
    """Reads of series, at the resolutions of `levels`. Every method is one short read transaction."""

    def __init__(self, engine: Engine, levels: Sequence[Level]) -> None:
        self._engine = reader(engine)
        self._levels = levels

    def named(
        self, metric: str | None = None, limit: int | None = None, after: int | None = None
    ) -> tuple[tuple[int, Named], ...]:
        """All series by name and labels with their numbers, or those of one metric.

        At most `limit`; with `after`, those that follow the one of this number in this order.
        Raises UnknownSeries when there is none of it.
        """
        query = select(series).order_by(series.c.name, series.c.labels).limit(limit)
        if metric is not None:
            query = query.where(series.c.name == metric)
        with self._engine.connect() as connection:
            if after is not None:
                query = query.where(_follow(connection, after))
            rows = connection.execute(query).all()
        return tuple(
            (row.id, Named(metric=row.name, labels=tuple(msgspec.json.decode(row.labels).items())))
            for row in rows
        )

    def course(
        self, named: Named, start: datetime, end: datetime, now: datetime, width: int = MOST_POINTS
    ) -> Course | None:
        """One series from `start` to `end`, at most `width` points; None when there is none such."""
        # numpy costs 15 MB: only a process that draws charts pays for it.
        from storage.series_query import plain, query

        with self._engine.connect() as connection:
            series_id = stored.find(connection, named.metric, dict(named.labels))
            if series_id is None:
                return None
            found = query(connection, series_id, start, end, width, self._levels, now)
        low = plain(found.low)
        return Course(
            samples=found.samples,
            step_ms=found.step_ms,
            level_s=found.level_s,
            at=tuple(found.at.tolist()),
            low=low,
            high=low if found.high is found.low else plain(found.high),
        )


def _follow(connection: Connection, number: int) -> ColumnElement[bool]:
    """Whether a series comes after the one of this number, by name and labels."""
    place = connection.execute(select(series).where(series.c.id == number)).one_or_none()
    if place is None:
        raise UnknownSeries(number)
    same_name = and_(series.c.name == place.name, series.c.labels > place.labels)
    return or_(series.c.name > place.name, same_name)
