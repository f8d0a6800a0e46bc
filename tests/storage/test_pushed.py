"""Pushed metrics in the store: each counts once, and a card tells how they went together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import Engine, func, select

from domain.business import Metric, metrics_of
from domain.facts import Sample, SeriesKind
from domain.ladder import ladder
from domain.pushing import packed, unpacked
from storage import inbox, pushed
from storage.journal import Journal, TakenIn
from storage.leadership import LeadershipLost, Lease
from storage.pushed_course import Course, course_of
from storage.schema import samples
from tests.storage.stores import NOW

COUNTER, GAUGE = SeriesKind.COUNTER, SeriesKind.GAUGE
DAY = timedelta(days=1)


def taken_in(engine: Engine, lease: Lease, found: Sequence[Sample]) -> None:
    """Push, and take in what was pushed."""
    number = inbox.append(engine, "samples", "app", packed(found), NOW)
    [arrival] = inbox.waiting(engine, "samples")
    taken = TakenIn(ids=(number,), samples=unpacked(arrival.body))
    Journal(engine).commit(lease, [taken])


def sample(
    name: str, hours_ago: float, value: float, kind: SeriesKind = GAUGE, **labels: str
) -> Sample:
    at = NOW - timedelta(hours=hours_ago)
    return Sample(name=name, at=at, value=value, kind=kind, labels=tuple(sorted(labels.items())))


def card(engine: Engine, name: str, length: timedelta = DAY) -> Course:
    found: dict[str, Metric] = {
        each.name: each for each in metrics_of(pushed.pushed(engine).items())
    }
    return course_of(engine, found[name], length, NOW, ladder(30, 365))


def test_a_push_that_comes_twice_counts_once(engine: Engine, lease: Lease) -> None:
    once = [sample("files", 1, 3, COUNTER), sample("files", 0.5, 4, COUNTER)]

    taken_in(engine, lease, once)
    taken_in(engine, lease, [*once[:1], sample("files", 0.5, 6, COUNTER)])

    assert inbox.waiting(engine, "samples") == ()
    with engine.connect() as connection:
        assert connection.scalar(select(func.count()).select_from(samples)) == 2
    assert card(engine, "files").value == 3


def test_what_can_not_be_written_stays_in_the_inbox(engine: Engine, lease: Lease) -> None:
    body = packed([sample("files", 1, 3, COUNTER)])
    number = inbox.append(engine, "samples", "app", body, NOW)
    deposed = replace(lease, epoch=lease.epoch - 1)

    with pytest.raises(LeadershipLost):
        Journal(engine).commit(deposed, [TakenIn(ids=(number,), samples=unpacked(body))])

    assert [each.body for each in inbox.waiting(engine, "samples")] == [body]
    assert pushed.pushed(engine) == {}


def test_what_is_read_at_once_is_bounded_by_its_size(engine: Engine) -> None:
    for _ in range(5):
        inbox.append(engine, "samples", "app", bytes(inbox.BYTES_AT_ONCE // 2), NOW)

    assert len(inbox.waiting(engine, "samples")) == 3
    assert inbox.waiting(engine, "beat") == ()


def test_the_kinds_of_stored_metrics_are_known(engine: Engine, lease: Lease) -> None:
    taken_in(
        engine,
        lease,
        [
            sample("files", 1, 3, COUNTER, a="1"),
            sample("files", 1, 3, COUNTER, a="2"),
            sample("users", 1, 3),
            sample("http.total_ms", 1, 3, check="shop"),
            sample("system.cpu.percent", 1, 3),
        ],
    )

    assert pushed.kinds_of(engine, ["files", "users", "nothing"]) == {
        "files": COUNTER,
        "users": GAUGE,
    }
    assert dict(pushed.pushed(engine)) == {"files": COUNTER, "users": GAUGE}


def test_what_rises_is_told_by_how_much_of_all_series_and_restarts(
    engine: Engine, lease: Lease
) -> None:
    first = [(30, 100), (20, 110), (10, 2), (1, 5)]
    found = [sample("files", hours, value, COUNTER, by="a") for hours, value in first]
    found += [sample("files", hours, value, COUNTER, by="b") for hours, value in [(3, 0), (1, 40)]]
    taken_in(engine, lease, found)

    told = card(engine, "files")

    assert (told.value, told.before, told.series) == (10 + 2 + 3 + 40, None, 2)
    assert sum(value for value in told.values if value is not None) == told.value
    assert told.step_s == 900


def test_amounts_are_added_up_and_rates_averaged(engine: Engine, lease: Lease) -> None:
    taken_in(
        engine,
        lease,
        [
            sample(name, hours, value, host=host)
            for name in ("users.active", "cache.hit_rate")
            for hours in (0.01, 24.01)
            for host, value in (("a", 10), ("b", 30))
        ],
    )

    users, rate = card(engine, "users.active"), card(engine, "cache.hit_rate")

    assert (users.value, users.before) == (40, 40)
    assert (rate.value, rate.before) == (20, 20)


def test_a_histogram_is_told_as_the_mean_of_what_it_measured(engine: Engine, lease: Lease) -> None:
    rows = [(30, 10, 5), (26, 14, 7), (10, 20, 9), (1, 32, 13)]
    taken_in(
        engine,
        lease,
        [
            each
            for hours, total, count in rows
            for each in (
                sample("took_seconds_sum", hours, total, COUNTER),
                sample("took_seconds_count", hours, count, COUNTER),
            )
        ],
    )

    told = card(engine, "took_seconds")

    assert (told.value, told.before) == ((32 - 14) / (13 - 7), (14 - 10) / (7 - 5))
    assert [value for value in told.values if value is not None] == [3, 3]


def test_nothing_measured_lately_is_no_zero(engine: Engine, lease: Lease) -> None:
    taken_in(engine, lease, [sample("files", 24 * 6, 3, COUNTER), sample("users", 24 * 6, 3)])

    assert (card(engine, "files").value, card(engine, "users").value) == (None, None)
    assert card(engine, "users", timedelta(days=7)).value == 3
