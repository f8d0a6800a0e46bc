"""Back-tests over stored samples, on both databases."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from domain.alertrules import AlertRule, Missing
from domain.facts import Sample, Status
from domain.rules import Rule
from storage import backtesting
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
