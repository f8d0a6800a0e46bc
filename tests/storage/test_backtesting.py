"""Back-tests over stored samples, on both databases."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import delete, insert, select

from domain.alertrules import AlertRule, Missing, RuleKind
from domain.facts import Sample, Status
from domain.ladder import HOUR
from domain.rules import Rule
from storage import backtesting, schema
from storage.engine import to_ms
from storage.series import WINDOW_MS
from tests.storage.stores import NOW, Store, after

LEVELS = Rule(id="disk", metric="disk", warning=80, critical=90)
DISK = AlertRule(id="disk", metric="disk", levels=LEVELS, missing=Missing.IGNORE)


def sampled(store: Store, *values: float, first: float = 0, **labels: str) -> None:
    """Samples every ten seconds."""
    pairs = tuple(sorted(labels.items()))
    found = tuple(
        Sample(name="disk", at=after(first + 10 * at), value=value, labels=pairs)
        for at, value in enumerate(values)
    )
    store.commit(samples=found)


def tried(
    store: Store, rule: AlertRule = DISK, seconds: float = 100
) -> tuple[backtesting.Tested, ...]:
    return backtesting.run(store.engine, rule, NOW, after(seconds)).tested


def test_each_series_that_a_rule_selects_is_tried(store: Store) -> None:
    sampled(store, 10, 85, 95, 10, mount="/")
    sampled(store, 10, 10, mount="/srv")
    sampled(store, 99, host="a")

    found = tried(store, replace(DISK, labels={"mount": "*"}))

    assert [each.labels for each in found] == [(("mount", "/"),), (("mount", "/srv"),)]
    assert [each.found.count for each in found] == [1, 0]
    assert [(each.level, each.start) for each in found[0].found.stretches] == [
        (Status.WARNING, after(10)),
        (Status.CRITICAL, after(20)),
    ]


def test_a_metric_that_nobody_has_measured_has_no_series(store: Store) -> None:
    sampled(store, 99)

    assert tried(store, replace(DISK, metric="disk.other")) == ()


def test_only_the_samples_of_the_time_that_is_asked_for_count(store: Store) -> None:
    sampled(store, 99, 99, first=-20)
    sampled(store, 10, 10)
    sampled(store, 99, 99, first=100)

    (only,) = tried(store)

    assert (only.found.samples, only.found.count) == (2, 0)


def test_a_time_of_ninety_days_is_read_whole(store: Store) -> None:
    days = 90 * 86_400.0
    sampled(store, 95, 10)
    sampled(store, 95, 10, first=days - 100)

    (only,) = tried(store, seconds=days)

    assert (only.found.samples, only.found.count) == (4, 2)


def test_a_rule_that_selects_very_many_series_is_tried_on_the_first_of_them(store: Store) -> None:
    for number in range(backtesting.MOST_SERIES + 5):
        sampled(store, 95, mount=f"/{number}")

    found = backtesting.run(store.engine, DISK, NOW, after(100))

    assert (len(found.tested), found.left_out) == (backtesting.MOST_SERIES, 5)


def test_what_there_is_no_time_for_is_left_out_and_counted(store: Store) -> None:
    for number in range(4):
        sampled(store, 95, mount=f"/{number}")
    ticks = iter(range(10))

    found = backtesting.run(
        store.engine, DISK, NOW, after(100), within_s=2, clock=lambda: float(next(ticks))
    )

    assert (len(found.tested), found.left_out) == (2, 2)


def test_nothing_is_asked_of_a_time_that_has_no_length(store: Store) -> None:
    sampled(store, 95)

    (only,) = backtesting.run(store.engine, DISK, NOW, NOW + timedelta()).tested

    assert (only.found.samples, only.found.stretches) == (0, ())


ABSENT = replace(DISK, kind=RuleKind.ABSENCE, for_s=60)


def test_a_series_that_began_later_is_judged_from_its_first_sample_on(store: Store) -> None:
    sampled(store, 10, 10, first=3600)

    (only,) = tried(store, ABSENT, seconds=3620)

    assert (only.found.count, only.found.judged_from) == (0, after(3600))


def test_a_series_that_was_measured_earlier_and_stays_away_is_absent(store: Store) -> None:
    sampled(store, 10, first=-3600)

    (only,) = tried(store, ABSENT, seconds=100)

    assert [(each.start, each.end) for each in only.found.stretches] == [(after(60), after(100))]
    assert only.found.judged_from == after(0)


@pytest.mark.parametrize("kept", ["chunk", "hours"])
def test_what_is_sealed_or_rolled_up_was_measured_too(store: Store, kept: str) -> None:
    sampled(store, 10, first=-30)
    with store.engine.begin() as connection:
        (key,) = connection.scalars(select(schema.series.c.id))
        connection.execute(delete(schema.samples))
        earlier = to_ms(after(-86_400))
        if kept == "chunk":
            row = {"series_id": key, "window": earlier // WINDOW_MS, "count": 1, "data": b"x"}
            connection.execute(insert(schema.chunks).values(**row))
        else:
            numbers = dict.fromkeys(("min", "max", "sum", "last"), 10.0)
            row = {"step": HOUR, "series_id": key, "bucket": earlier // 1000 // HOUR, "count": 1}
            connection.execute(insert(schema.rollups).values(**row, **numbers))

    (only,) = tried(store, ABSENT, seconds=100)

    assert only.found.count == 1


def test_a_rule_is_measured_once_a_series_that_it_selects_was(store: Store) -> None:
    rule = replace(DISK, labels={"mount": "/srv"})
    sampled(store, 10, mount="/")
    before = backtesting.is_measured(store.engine, rule)

    sampled(store, 10, mount="/srv")

    assert (before, backtesting.is_measured(store.engine, rule)) == (False, True)
