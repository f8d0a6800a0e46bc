"""Back-tests over the samples that are stored: what a rule would have said of each of its series."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import msgspec
from sqlalchemy import Connection, Engine, func, select

from domain.alertrules import AlertRule, Labels, selects
from domain.backtest import Backtest, backtest
from domain.ladder import DAY, HOUR, TEN_MINUTES
from storage.engine import reader, to_ms
from storage.schema import chunks, rollups, samples, series
from storage.series import BUCKET_MS, WINDOW_MS

# A rule that selects more than this should be narrowed before it is tried.
MOST_SERIES = 50
# What is not tested by then is left out, and said so: a back-test is asked for by a page that waits.
BUDGET_S = 5.0
# Databases limit the parameters of a statement: a week of buckets, where usually hours are unsealed.
MOST_BUCKETS = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Tested:
    """What a rule would have said of one series."""

    labels: Labels
    found: Backtest


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A back-test of one rule. `left_out` counts the series that there was no time or room for."""

    tested: tuple[Tested, ...]
    left_out: int


def run(
    engine: Engine,
    rule: AlertRule,
    start: datetime,
    end: datetime,
    *,
    within_s: float = BUDGET_S,
    clock: Callable[[], float] = time.monotonic,
) -> Run:
    """Back-test a rule over its series from `start` to `end`: at most MOST_SERIES, `within_s`."""
    latest = clock() + within_s
    tested: list[Tested] = []
    with reader(engine).connect() as connection:
        chosen = _selected(connection, rule)
        for key, labels in chosen[:MOST_SERIES]:
            if clock() > latest:
                break
            known = _is_known(connection, key, start)
            points = _points(connection, key, start, end)
            found = backtest(rule, points, start, end, known=known)
            tested.append(Tested(labels=labels, found=found))
    return Run(tested=tuple(tested), left_out=len(chosen) - len(tested))


def is_measured(engine: Engine, rule: AlertRule) -> bool:
    """Whether any series that a rule selects has ever been measured."""
    with reader(engine).connect() as connection:
        return bool(_selected(connection, rule))


def _selected(connection: Connection, rule: AlertRule) -> list[tuple[int, Labels]]:
    query = select(series.c.id, series.c.labels).where(series.c.name == rule.metric)
    rows = connection.execute(query.order_by(series.c.id)).all()
    found = [(row.id, tuple(msgspec.json.decode(row.labels).items())) for row in rows]
    return [(key, labels) for key, labels in found if selects(rule, rule.metric, labels)]


def _is_known(connection: Connection, series_id: int, start: datetime) -> bool:
    """Whether a series had samples before `start`: sealed, rolled up, or as they came."""
    start_ms = to_ms(start)
    sealed = (chunks.c.series_id == series_id, chunks.c.window < start_ms // WINDOW_MS)
    rolled = (
        rollups.c.series_id == series_id,
        rollups.c.step.in_((TEN_MINUTES, HOUR, DAY)),
        (rollups.c.bucket + 1) * rollups.c.step <= start_ms // 1000,
    )
    known = (
        select(table.c.series_id).where(*of) for table, of in ((chunks, sealed), (rollups, rolled))
    )
    if any(connection.execute(each.limit(1)).first() for each in known):
        return True
    oldest, last = connection.scalar(select(func.min(samples.c.bucket))), start_ms // BUCKET_MS
    if oldest is None or oldest > last:
        return False
    # By the names of buckets, which lead straight to the rows; what waits to be sealed are few.
    named = range(max(oldest, last - MOST_BUCKETS), last + 1)
    hot = (samples.c.bucket.in_(named), samples.c.series_id == series_id, samples.c.at < start)
    return connection.execute(select(samples.c.bucket).where(*hot).limit(1)).first() is not None


def _points(
    connection: Connection, series_id: int, start: datetime, end: datetime
) -> list[tuple[int, float]]:
    """The samples of a series as (milliseconds, value), oldest first."""
    # numpy costs 15 MB and a tenth of a second: only whoever asks for a back-test pays for it.
    from storage.series_query import read

    at, values = read(connection, series_id, to_ms(start), to_ms(end))
    return list(zip(at.tolist(), values.tolist(), strict=True))
