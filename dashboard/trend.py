"""The columns of a check's chart: its headline over time, by phase where there are phases."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from domain.facts import Status
from domain.timeline import Stretch
from storage.check_rows import CheckRow
from storage.readings import Readings

if TYPE_CHECKING:
    import pandas as pd

# Phases take two points at each end of a gap and are drawn as areas, so they get half.
MOST_POINTS = 1000
MOST_PHASE_POINTS = 480
# Two runs farther apart than this many intervals have a gap between them.
GAP_INTERVALS = 2.5
TOTAL = "total"
PHASES = {
    "dns": "http.dns_ms",
    "connect": "http.connect_ms",
    "tls": "http.tls_ms",
    "first byte": "http.first_byte_ms",
}
REST = "body"
STEP_UP = ("gt", "gte")


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One column of the chart; None stands where nothing was measured."""

    name: str
    values: tuple[float | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """A threshold on the headline. `upward`: what lies above it is bad, else what lies below."""

    status: Status
    value: float
    upward: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """How the values of the window are spread, in the chart's unit."""

    median: float
    p95: float
    most: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """A chart's data from `start` to `end`. `lines` holds the headline first, then its phases.

    All lines have the length of `at`. `shaded` are the stretches that were not plainly measured.
    """

    check: str
    metric: str
    unit: str
    hours: float
    start: datetime
    end: datetime
    at: tuple[datetime, ...]
    lines: tuple[Line, ...]
    levels: tuple[Level, ...]
    shaded: tuple[Stretch, ...]
    spread: Spread | None

    @property
    def phases(self) -> tuple[Line, ...]:
        """The parts that add up to the headline; empty when it has none."""
        return self.lines[1:]


def trend(
    readings: Readings, row: CheckRow, parts: Sequence[Stretch], now: datetime, hours: float
) -> Trend:
    """The chart of `row` over the last `hours`; `parts` is what it read in at least that time."""
    start = now - timedelta(hours=hours)
    interval_s = float(row.about["interval_s"])
    columns = _columns(readings, row, start, now, hours * 3600 / interval_s)
    at, lines, spread = _drawn(columns, GAP_INTERVALS * interval_s)
    return Trend(
        check=row.name,
        metric=row.about["headline"],
        unit=row.about["unit"],
        hours=hours,
        start=start,
        end=now,
        at=at,
        lines=lines,
        levels=tuple(_levels(row)),
        shaded=tuple(part for part in parts if part.letter in "cubp-" and part.end > start),
        spread=spread,
    )


def _columns(
    readings: Readings, row: CheckRow, start: datetime, end: datetime, expected: float
) -> dict[str, Mapping[float, float]]:
    """The series by their names in the chart, as {seconds: value}; the headline first."""
    names = {TOTAL: str(row.about["headline"])}
    # Reading five more series of a long window costs more than the eye can see in it.
    if row.kind == "http" and expected <= MOST_POINTS:
        names |= PHASES
    # The slot of a run lies before its result, so the end is open by a little.
    found = {
        column: readings.points(metric, {"check": row.name}, start, end + timedelta(seconds=1))
        for column, metric in names.items()
    }
    return {
        column: dict(zip((at.timestamp() for at in points.at), points.values, strict=True))
        for column, points in found.items()
        if points.at or column == TOTAL
    }


def _drawn(
    columns: Mapping[str, Mapping[float, float]], gap_s: float
) -> tuple[tuple[datetime, ...], tuple[Line, ...], Spread | None]:
    """The columns thinned out, with a None in each gap, and the spread of the headline."""
    if not columns[TOTAL]:
        return (), (Line(name=TOTAL, values=()),), None
    # pandas costs half a second and some memory: only a process that draws charts pays for it.
    import pandas as pd

    # Looked up by the headline's times: quicker than letting pandas align six columns.
    moments = sorted(columns[TOTAL])
    table = pd.DataFrame(
        {name: [values.get(at, math.nan) for at in moments] for name, values in columns.items()},
        index=pd.Index(moments, dtype="float64"),
    )
    total = table[TOTAL]
    low, high = total.quantile([0.5, 0.95]).tolist()
    spread = Spread(median=low, p95=high, most=float(total.max()))
    phased = len(columns) > 1
    if phased:
        table = _with_rest(table)
    table = _with_gaps(_thinned(table, MOST_PHASE_POINTS if phased else MOST_POINTS // 2), gap_s)
    at = tuple(datetime.fromtimestamp(moment, UTC) for moment in table.index)
    lines = (Line(name=name, values=_plain(table[name])) for name in table.columns)
    return at, tuple(lines), spread


def _with_rest(table: pd.DataFrame) -> pd.DataFrame:
    """The phases with nothing where one did not happen, and what remains up to the total."""
    phases = [name for name in table.columns if name != TOTAL]
    table = table.fillna(dict.fromkeys(phases, 0.0))
    rest = (table[TOTAL] - table[phases].sum(axis=1)).clip(lower=0.0)
    return table.assign(**{REST: rest})


def _thinned(table: pd.DataFrame, most: int) -> pd.DataFrame:
    """At most `most` rows: of each stretch of time its highest and its lowest."""
    if len(table) <= most:
        return table
    import pandas as pd

    seconds = table.index.to_series()
    first, last = float(seconds.iloc[0]), float(seconds.iloc[-1])
    bucket = ((seconds - first) * (most // 2) / (last - first + 1)).astype("int64")
    total = table[TOTAL].groupby(bucket)
    kept = pd.Index(total.idxmax()).union(pd.Index(total.idxmin()))
    thinned: pd.DataFrame = table.loc[kept]
    return thinned


def _with_gaps(table: pd.DataFrame, gap_s: float) -> pd.DataFrame:
    """The table with an empty row between rows farther apart than the usual, at least `gap_s`."""
    seconds = table.index.to_series()
    step = seconds.diff()
    # Thinned rows stand apart by more than one interval without there being a gap.
    limit = max(gap_s, GAP_INTERVALS * float(step.median())) if len(table) > 1 else gap_s
    import pandas as pd

    before = (seconds - step / 2)[step > limit]
    if before.empty:
        return table
    return table.reindex(table.index.union(pd.Index(before))).sort_index()


def _plain(column: pd.Series[float]) -> tuple[float | None, ...]:
    return tuple(None if math.isnan(value) else round(value, 3) for value in column.tolist())


def _levels(row: CheckRow) -> list[Level]:
    """The thresholds on the headline, from all rules of the check."""
    return [
        Level(
            status=Status[name.upper()],
            value=float(rule[name]),
            upward=rule["operator"] in STEP_UP,
        )
        for rule in row.about["rules"]
        if rule["metric"] == row.about["headline"] and rule["operator"] not in ("eq", "ne")
        for name in ("warning", "critical")
        if rule[name] is not None
    ]
