"""How a pushed metric went over a time: its series put together, in stretches for a card.

numpy is imported with this module: it belongs to the web alone, once somebody looks at such a card.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeAlias

import msgspec
import numpy as np
from sqlalchemy import Connection, Engine, select

from domain.business import Metric, Shape, is_pushed
from domain.ladder import Level
from storage.engine import reader, to_ms
from storage.schema import series
from storage.series import COUNTERS
from storage.series_query import Columns, query

# Wide enough that a stretch of a card holds some points of each series.
WIDTH = 2_000
STRETCHES = 96
# So many series of a metric are put together; of further ones it is told how many there are.
MOST_SERIES = 50


HALVES = (slice(STRETCHES, None), slice(None, STRETCHES))

Values: TypeAlias = np.ndarray[Any, np.dtype[np.float64]]
Places: TypeAlias = np.ndarray[Any, np.dtype[np.int64]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """A metric over a time and the same time before: `values` by stretches of `step_s` seconds.

    `value` is what it is now (of what rises: by how much over the whole time), `before` the same one
    whole time earlier; None where nothing was measured.
    """

    at: tuple[int, ...]
    values: tuple[float | None, ...]
    step_s: float
    value: float | None
    before: float | None
    series: int


def course_of(
    engine: Engine, metric: Metric, length: timedelta, now: datetime, levels: Sequence[Level]
) -> Course:
    """How a metric went over the last `length`, in stretches, its series put together."""
    stretch = length / STRETCHES
    start = now - 2 * length - stretch
    with reader(engine).connect() as connection:
        parts = [
            _stretched(connection, name, metric, start, stretch, now, levels)
            for name in metric.names
        ]
    number = min(count for _, count in parts)
    # One stretch more at the beginning: what rises is measured from the one before.
    totals = [part[1:] for part, _ in parts]
    if metric.shape is Shape.AVERAGE:
        total, count = totals
        values = _mean(total, count)
        value, before = (_whole_mean(total[half], count[half]) for half in HALVES)
    elif metric.shape is Shape.INCREASE:
        values = totals[0]
        value, before = (_sum(values[half]) for half in HALVES)
    else:
        values = totals[0]
        value, before = (_last(values[half]) for half in HALVES)
    return Course(
        at=tuple(to_ms(now - length + stretch * place) for place in range(STRETCHES)),
        values=tuple(None if np.isnan(each) else float(each) for each in values[STRETCHES:]),
        step_s=stretch.total_seconds(),
        value=value,
        before=before,
        series=number,
    )


def _stretched(
    connection: Connection,
    name: str,
    metric: Metric,
    start: datetime,
    stretch: timedelta,
    now: datetime,
    levels: Sequence[Level],
) -> tuple[Values, int]:
    """All series of one name by stretches, added up or averaged; NaN where nothing was measured."""
    rows = connection.execute(
        select(series.c.id, series.c.kind, series.c.labels)
        .where(series.c.name == name)
        .order_by(series.c.labels)
    ).all()
    rows = [row for row in rows if is_pushed(name, msgspec.json.decode(row.labels))]
    count = 2 * STRETCHES + 1
    begin, step = to_ms(start), stretch.total_seconds() * 1000
    found = []
    for row in rows[:MOST_SERIES]:
        columns = query(connection, row.id, start, now, WIDTH, levels, now)
        part = _risen if row.kind in COUNTERS else _levels
        found.append(part(columns, begin, step, count))
    return _together(found, count, averaged=metric.is_averaged), len(rows)


def _places(at: Places, begin: int, step: float, count: int) -> Places:
    return np.clip(((at - begin) / step).astype(np.int64), 0, count - 1)


def _risen(columns: Columns, begin: int, step: float, count: int) -> Values:
    """By how much a counter rose in each stretch; one that fell was begun anew at 0."""
    there = ~np.isnan(columns.high)
    at, high = columns.at[there], columns.high[there]
    moved = np.diff(high)
    moved = np.where(moved < 0, high[1:], moved)
    places = _places(at[1:], begin, step, count)
    sums = np.bincount(places, moved, count).astype(np.float64)
    sums[np.bincount(places, minlength=count) == 0] = np.nan
    return sums


def _levels(columns: Columns, begin: int, step: float, count: int) -> Values:
    """The mean of a level in each stretch."""
    there = ~np.isnan(columns.high)
    places = _places(columns.at[there], begin, step, count)
    middle = (columns.low[there] + columns.high[there]) / 2
    return _mean(
        np.bincount(places, middle, count).astype(np.float64),
        np.bincount(places, minlength=count).astype(np.float64),
    )


def _together(parts: Sequence[Values], count: int, *, averaged: bool) -> Values:
    if not parts:
        return np.full(count, np.nan)
    table = np.vstack(parts)
    known = (~np.isnan(table)).sum(axis=0)
    total = np.where(known, np.nansum(table, axis=0), np.nan)
    return total / np.maximum(known, 1) if averaged else total


def _mean(total: Values, count: Values) -> Values:
    return np.where(count > 0, total / np.where(count > 0, count, 1), np.nan)


def _whole_mean(total: Values, count: Values) -> float | None:
    number = float(np.nansum(count))
    return float(np.nansum(total)) / number if number else None


def _sum(values: Values) -> float | None:
    return None if np.isnan(values).all() else float(np.nansum(values))


def _last(values: Values) -> float | None:
    known = values[~np.isnan(values)]
    return float(known[-1]) if len(known) else None
