"""Roll-ups of one window of one series: count, lowest, highest, sum and last, by step.

They are made of everything the window holds, each time anew, so that to do it twice changes nothing
and a late sample is counted like any other. One that stands is never replaced by one of fewer samples:
then some of its samples are gone already. numpy is imported with this module.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from sqlalchemy import ColumnElement, Connection, case, select

from domain.ladder import DAY, HOUR, TEN_MINUTES
from storage.chunks import Times, Values
from storage.engine import Over, upsert
from storage.schema import rollups
from storage.series import WINDOW_MS

KEY = ("step", "series_id", "bucket")
HOURS_OF_A_DAY = DAY // HOUR
# A sum beyond it would be infinite, and infinite sums of both signs no number at all.
LARGEST = sys.float_info.max


def _over(fresh: Any) -> ColumnElement[bool]:
    """Whether a row may be replaced: samples only ever come, so that fewer of them are not all."""
    is_whole: ColumnElement[bool] = rollups.c["count"] <= fresh["count"]
    return is_whole


def _greater_sum(fresh: Any) -> ColumnElement[float]:
    return case((rollups.c.sum > fresh.sum, rollups.c.sum), else_=fresh.sum)


WHOLE = Over(where=_over)
LEAST = Over(where=_over, values={"sum": _greater_sum})


@dataclass(frozen=True, slots=True)
class Rollup:
    """What is left of the samples of one step. `sum` of a counter is by how much it rose."""

    bucket: int
    count: int
    low: float
    high: float
    sum: float
    last: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Rolled:
    """The samples of a window of one series (`at` in ms, rising); `rises` are those of a counter.

    `is_least` tells that what the first one rose from is gone: a sum that stands may know more.
    """

    series_id: int
    at: Times
    values: Values
    rises: Values | None = None
    is_least: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RolledUp:
    """Rows of roll-ups: those made of all that is known, and those whose sum may be too small."""

    whole: Sequence[Mapping[str, Any]]
    least: Sequence[Mapping[str, Any]]


def roll(at: Times, values: Values, step_s: int, rises: Values | None) -> list[Rollup]:
    """The roll-ups of samples (`at` in ms, rising) by steps; `rises` are those of a counter."""
    buckets = at // (step_s * 1000)
    starts = np.flatnonzero(np.diff(buckets, prepend=buckets[0] - 1))
    ends = np.append(starts[1:], len(at)) - 1
    with np.errstate(over="ignore"):
        sums = np.add.reduceat(values if rises is None else rises, starts)
    columns = (
        buckets[starts],
        ends - starts + 1,
        np.minimum.reduceat(values, starts),
        np.maximum.reduceat(values, starts),
        np.clip(sums, -LARGEST, LARGEST),
        values[ends],
    )
    return [Rollup(*row) for row in zip(*(column.tolist() for column in columns), strict=True)]


def rises(values: Values, before: float | None) -> Values:
    """By how much a counter rose up to each value; one that fell was reset and began anew at 0.

    `before` is its value before the first one. Without it the first says nothing yet.
    """
    with np.errstate(over="ignore"):
        steps = np.diff(values, prepend=values[0] if before is None else before)
    return np.clip(np.where(steps < 0, values, steps), -LARGEST, LARGEST)


def last_values(connection: Connection, ids: Sequence[int], window: int) -> dict[int, float]:
    """The last value of each of these series in a window, as far as roll-ups of it stand."""
    if not ids:
        return {}
    found: dict[int, float] = {}
    for step in (HOUR, TEN_MINUTES):
        first = window * WINDOW_MS // (step * 1000)
        query = (
            select(rollups.c.series_id, rollups.c.last)
            .where(
                rollups.c.step == step,
                rollups.c.series_id.in_(ids),
                rollups.c.bucket >= first,
                rollups.c.bucket < first + WINDOW_MS // (step * 1000),
            )
            .order_by(rollups.c.bucket)
        )
        found |= {row.series_id: row.last for row in connection.execute(query)}
    return found


def make(
    connection: Connection,
    windows: Sequence[Rolled],
    series_ids: Sequence[int],
    days: Sequence[int],
) -> RolledUp:
    """The roll-ups of whole windows, and of `days` (counted from 1970) of these series.

    Days are made of their hours: of those that stand, as `write` leaves them.
    """
    rolled = [
        (step, window, each)
        for window in windows
        for step in (TEN_MINUTES, HOUR)
        for each in roll(window.at, window.values, step, window.rises)
    ]
    hours = _hours(connection, series_ids, days)
    for step, window, each in rolled:
        if step == HOUR:
            _overlay(hours, window, each)
    whole = [_row(step, of.series_id, each) for step, of, each in rolled if not of.is_least]
    whole += [
        _row(DAY, key, _day(day, [its[hour] for hour in sorted(its)]))
        for (key, day), its in hours.items()
        if day in days
    ]
    least = [_row(step, of.series_id, each) for step, of, each in rolled if of.is_least]
    return RolledUp(whole=whole, least=least)


def write(connection: Connection, rolled_up: RolledUp) -> None:
    """Store roll-ups over what stood there of as many samples."""
    upsert(connection, rollups, rolled_up.whole, KEY, over=WHOLE)
    upsert(connection, rollups, rolled_up.least, KEY, over=LEAST)


def _hours(
    connection: Connection, series_ids: Sequence[int], days: Sequence[int]
) -> dict[tuple[int, int], dict[int, Rollup]]:
    """The hours that stand, by series and day."""
    found: dict[tuple[int, int], dict[int, Rollup]] = {}
    for day in days:
        query = select(rollups).where(
            rollups.c.step == HOUR,
            rollups.c.series_id.in_(series_ids),
            rollups.c.bucket >= day * HOURS_OF_A_DAY,
            rollups.c.bucket < (day + 1) * HOURS_OF_A_DAY,
        )
        for _, key, bucket, *numbers in connection.execute(query).all():
            found.setdefault((key, day), {})[bucket] = Rollup(bucket, *numbers)
    return found


def _overlay(
    hours: dict[tuple[int, int], dict[int, Rollup]], window: Rolled, fresh: Rollup
) -> None:
    """What `WHOLE` and `LEAST` make of an hour in the store."""
    its = hours.setdefault((window.series_id, fresh.bucket // HOURS_OF_A_DAY), {})
    stands = its.get(fresh.bucket)
    if stands is None or stands.count <= fresh.count:
        if stands is not None and window.is_least:
            fresh = replace(fresh, sum=max(stands.sum, fresh.sum))
        its[fresh.bucket] = fresh


def _day(day: int, hours: Sequence[Rollup]) -> Rollup:
    return Rollup(
        bucket=day,
        count=sum(row.count for row in hours),
        low=min(row.low for row in hours),
        high=max(row.high for row in hours),
        sum=max(-LARGEST, min(LARGEST, sum(row.sum for row in hours))),
        last=hours[-1].last,
    )


def _row(step: int, series_id: int, each: Rollup) -> dict[str, Any]:
    return {
        "step": step,
        "series_id": series_id,
        "bucket": each.bucket,
        "count": each.count,
        "min": each.low,
        "max": each.high,
        "sum": each.sum,
        "last": each.last,
    }
