"""Availability tables: time by status, uptime, incidents and outages, by check and period.

pandas is imported by the functions: it takes 40 MB, and nothing else in the web needs it.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from sqlalchemy import Engine

from domain.availability import Outage, bounds, outages, whole
from domain.exporting import Asked, NotExportable, Period
from domain.tabular import Row
from domain.uptime import COLUMNS as SPENT
from storage import exports, uptimes
from storage.engine import MILLISECOND
from storage.exports import Check, Course

if TYPE_CHECKING:
    from pandas import DataFrame

TIMES = list(SPENT)
UP = ["healthy", "warning", "degraded"]
DOWN = "critical"
FIGURES = ["incidents", "mtta", "mttr", "longest"]
COLUMNS = (
    "period",
    "from",
    "to",
    "check",
    "weight",
    "percent",
    *(f"{name}_s" for name in SPENT),
    "downtime_s",
    "incidents",
    "mtta_s",
    "mttr_s",
    "longest_outage_s",
)
KEY = ["span", "place"]
# A table is made in memory: so many rows of it take some 30 MB while it is made.
MOST_ROWS = 100_000
SLICE = 1_000
spent_of = attrgetter(*SPENT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """For each period a row a check and one overall, without a check; last those of the whole range."""

    start: datetime
    end: datetime
    rows: Iterator[Sequence[Row]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    """What the numbers of a table stand for: spans of time and places of checks.

    `edges` bound the periods; the range as a whole comes after them where they are several. The
    place after the last check is that of all.
    """

    checks: Sequence[Check]
    edges: Sequence[datetime]
    period: Period

    @property
    def periods(self) -> int:
        return len(self.edges) - 1

    @property
    def spans(self) -> int:
        return self.periods + 1 if self.periods > 1 else 1

    def at(self, span: int) -> tuple[str, datetime, datetime]:
        """Name, beginning and end of a span."""
        if span < self.periods:
            return self.period.value, self.edges[span], self.edges[span + 1]
        return Period.RANGE.value, self.edges[0], self.edges[-1]

    def of(self, moment: datetime) -> Iterator[int]:
        """The spans that a moment lies in."""
        if self.edges[0] <= moment < self.edges[-1]:
            yield bisect_right(self.edges, moment) - 1
            yield from range(self.periods, self.spans)

    def touched(self, outage: Outage) -> Iterator[int]:
        """The spans that an outage reaches into."""
        first = max(0, bisect_right(self.edges, outage.start) - 1)
        yield from range(first, min(self.periods, bisect_left(self.edges, outage.end)))
        yield from range(self.periods, self.spans)


def table(engine: Engine, checks: Sequence[Check], asked: Asked, now: datetime) -> Table:
    """The availability of these checks. Raises NotExportable for more than MOST_ROWS rows."""
    import pandas as pd

    start, end = whole(asked.start, asked.end, now)
    plan = _Plan(checks=checks, edges=bounds(start, end, asked.period), period=asked.period)
    if plan.spans * (len(checks) + 1) > MOST_ROWS:
        raise NotExportable(
            "period",
            f"it makes more than {MOST_ROWS:,} rows: ask for a longer one, fewer checks or less time",
        )
    times = _times(engine, plan)
    opened, down = _told(engine, plan, now)
    each = times.join(_figures(opened, down, KEY))
    frame = pd.concat([_shares(each), _overall(each, opened, down, plan)]).sort_index()
    frame["incidents"] = frame["incidents"].fillna(0).astype("int64")
    return Table(start=start, end=end, rows=_rows(frame, plan))


def _times(engine: Engine, plan: _Plan) -> DataFrame:
    """Milliseconds by status, by span and place."""
    import numpy as np
    import pandas as pd

    places = {check.id: place for place, check in enumerate(plan.checks)}
    blocks = [
        np.array(
            [
                (span, places[key], *spent_of(times))
                for key, times in found.items()
                if key in places
            ],
            dtype=np.int64,
        ).reshape(-1, len(KEY) + len(TIMES))
        for span, found in enumerate(uptimes.read_each(engine, plan.edges))
    ]
    frame = pd.DataFrame(np.concatenate(blocks), columns=[*KEY, *TIMES])
    if plan.spans > plan.periods:
        total = frame.groupby("place", as_index=False)[TIMES].sum().assign(span=plan.periods)
        frame = pd.concat([frame, total])
    return frame.set_index(KEY)


def _told(engine: Engine, plan: _Plan, now: datetime) -> tuple[DataFrame, DataFrame]:
    """What incidents tell, in ms: those that were opened, and the parts of outages; one row a span."""
    import pandas as pd

    places = {check.name: place for place, check in enumerate(plan.checks)}
    opened: list[tuple[int, int, float, float]] = []
    down: list[tuple[int, int, float]] = []
    known = exports.standing_between(engine, plan.edges[0], plan.edges[-1], list(places))
    for course, turns in known:
        place = places[course.incident.component]
        if course.incident.parent_id is None:
            opened += [(span, place, *_took(course)) for span in plan.of(course.incident.opened_at)]
        for outage in outages(turns, now):
            for span in plan.touched(outage):
                _, start, end = plan.at(span)
                down.append((span, place, outage.within(start, end) / MILLISECOND))
    return (
        pd.DataFrame(opened, columns=[*KEY, "acknowledged", "resolved"]).astype(float),
        pd.DataFrame(down, columns=[*KEY, "length"]).astype(float),
    )


def _took(course: Course) -> tuple[float, float]:
    """Milliseconds until it was acknowledged and resolved; NaN where it was not."""
    opened = course.incident.opened_at
    ends = (course.acknowledged_first, course.incident.resolved_at)
    acknowledged, resolved = (
        math.nan if end is None else (end - opened) / MILLISECOND for end in ends
    )
    return acknowledged, resolved


def _figures(opened: DataFrame, down: DataFrame, by: list[str]) -> DataFrame:
    """Counts, means and longest outages by span, or by span and place."""
    counted = opened.groupby(by).agg(
        incidents=("place", "size"), mtta=("acknowledged", "mean"), mttr=("resolved", "mean")
    )
    return counted.join(down.groupby(by).agg(longest=("length", "max")), how="outer")


def _shares(frame: DataFrame) -> DataFrame:
    """With the share of up in up and down, in per cent; NaN where neither was measured."""
    up = frame[UP].sum(axis=1)
    measured = up + frame[DOWN]
    return frame.assign(percent=(100 * up / measured).where(measured > 0))


def _overall(each: DataFrame, opened: DataFrame, down: DataFrame, plan: _Plan) -> DataFrame:
    """The rows of all checks together: times added up, shares averaged by the weights of the checks."""
    weights = [check.weight for check in plan.checks]
    shares = _shares(each)["percent"].unstack("place").reindex(columns=range(len(weights)))
    counted = shares.notna() * weights
    weighted = (shares.fillna(0) * weights).sum(axis=1)
    total = each.groupby("span")[TIMES].sum().join(_figures(opened, down, ["span"]))
    weight = counted.sum(axis=1)
    total = total.assign(percent=(weighted / weight).where(weight > 0), place=len(weights))
    return total.set_index("place", append=True)


def _rows(frame: DataFrame, plan: _Plan) -> Iterator[Sequence[Row]]:
    wanted = frame[["percent", *TIMES, *FIGURES]]
    for first in range(0, len(wanted), SLICE):
        part = wanted.iloc[first : first + SLICE].reset_index()
        yield [_row(values, plan) for values in part.itertuples(index=False, name=None)]


def _row(values: Sequence[Any], plan: _Plan) -> Row:
    span, place, percent, *rest = values
    times, (incidents, *lengths) = rest[: len(TIMES)], rest[len(TIMES) :]
    is_one = place < len(plan.checks)
    check = plan.checks[int(place)] if is_one else None
    return (
        *plan.at(int(span)),
        None if check is None else check.name,
        None if check is None else check.weight,
        None if math.isnan(percent) else round(percent, 4),
        *_seconds(times),
        *_seconds([times[TIMES.index(DOWN)]]),
        int(incidents),
        *_seconds(lengths),
    )


def _seconds(values: Iterable[float]) -> list[float | None]:
    return [None if math.isnan(value) else round(value / 1000, 3) for value in values]
