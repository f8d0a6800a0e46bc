"""Back-tests over the samples that are stored: what a rule would have said of each of its series."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import msgspec
from sqlalchemy import Connection, Engine, select

from domain.alertrules import AlertRule, Labels, selects
from domain.backtest import Backtest, backtest
from storage.engine import reader, to_ms
from storage.schema import series

# A rule that selects more than this should be narrowed before it is tried.
MOST_SERIES = 50
# What is not tested by then is left out, and said so: a back-test is asked for by a page that waits.
BUDGET_S = 5.0


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
            found = backtest(rule, _points(connection, key, start, end), start, end)
            tested.append(Tested(labels=labels, found=found))
    return Run(tested=tuple(tested), left_out=len(chosen) - len(tested))


def _selected(connection: Connection, rule: AlertRule) -> list[tuple[int, Labels]]:
    query = select(series.c.id, series.c.labels).where(series.c.name == rule.metric)
    rows = connection.execute(query.order_by(series.c.id)).all()
    found = [(row.id, tuple(msgspec.json.decode(row.labels).items())) for row in rows]
    return [(key, labels) for key, labels in found if selects(rule, rule.metric, labels)]


def _points(
    connection: Connection, series_id: int, start: datetime, end: datetime
) -> list[tuple[int, float]]:
    """The samples of a series as (milliseconds, value), oldest first."""
    # numpy costs 15 MB and a tenth of a second: only whoever asks for a back-test pays for it.
    from storage.series_query import read

    at, values = read(connection, series_id, to_ms(start), to_ms(end))
    return list(zip(at.tolist(), values.tolist(), strict=True))
