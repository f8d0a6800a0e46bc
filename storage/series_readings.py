"""Series for screens: which there are, and one of them thinned out to what a chart can show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec
from sqlalchemy import Engine, select

from domain.ladder import Level
from storage import series as stored
from storage.engine import reader
from storage.schema import series
from storage.series import Labels

# About one a pixel of a large screen.
MOST_POINTS = 1_000


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
