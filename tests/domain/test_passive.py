"""Passive results hold while they are fresh; then silence is what the check says it is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from domain.facts import Cause, Status
from domain.outages import Outage
from domain.passive import (
    Told,
    Untimely,
    Verdict,
    Waiting,
    checked_metrics,
    judge,
    missed,
    status_named,
    take_in,
    timely,
)

START = datetime(2026, 3, 1, 12, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def told(seconds: float, status: Status = Status.HEALTHY, message: str = "") -> Told:
    return Told(at=at(seconds), status=status, message=message)


def read(waiting: Waiting, seconds: float, receiving: float | None = None) -> Verdict:
    heard = at(seconds if receiving is None else receiving)
    return judge(waiting, 600, Status.CRITICAL, at(seconds), heard)


def test_before_the_first_result_nothing_is_known_and_then_it_is_silent() -> None:
    waiting = Waiting(since=START)

    assert read(waiting, 599).cause is Cause.NOT_MEASURABLE
    assert read(waiting, 601).status is Status.CRITICAL
    assert read(waiting, 601).message == "no result yet, expected at least every 10 min"


def test_the_last_result_holds_while_it_is_fresh() -> None:
    waiting = take_in(Waiting(since=START), told(10, Status.WARNING, "2 of 3 tapes"))

    assert (read(waiting, 609).status, read(waiting, 609).message) == (
        Status.WARNING,
        "2 of 3 tapes",
    )
    assert read(waiting, 11).look_at == at(610)
    assert read(waiting, 611).cause is Cause.MISSING
    assert read(waiting, 611).message == (
        "no result since 01 Mar 12:00:10 UTC, expected at least every 10 min"
    )


def test_an_older_result_changes_nothing() -> None:
    waiting = take_in(Waiting(since=START), told(10))

    assert take_in(waiting, told(9, Status.CRITICAL)) == waiting


def test_an_outage_of_the_web_is_no_silence() -> None:
    waiting = missed(take_in(Waiting(since=START), told(0)), Outage(since=at(60), until=at(360)))

    assert read(waiting, 899).status is Status.HEALTHY
    assert read(waiting, 901).status is Status.CRITICAL
    assert read(waiting, 5000, receiving=400).cause is Cause.NOT_MEASURABLE


@pytest.mark.parametrize(
    ("seconds", "reason"), [(61, "in the future"), (-86401, "at most a day is taken")]
)
def test_a_result_of_an_impossible_time_is_refused_with_the_reason(
    seconds: float, reason: str
) -> None:
    with pytest.raises(Untimely, match=reason):
        timely(at(seconds), START)


def test_a_clock_that_is_a_little_ahead_is_now() -> None:
    assert timely(at(59), START) == START
    assert timely(at(-86400), START) == at(-86400)


@pytest.mark.parametrize(
    "metrics",
    [
        {"": 1.0},
        {"Queue": 1.0},
        {"a" * 101: 1.0},
        {"a\n": 1.0},
        {"a..b": 1.0},
        {"queue": float("nan")},
        {"queue": float("inf")},
        {"queue": 1e308},
        {f"n{number}": 1.0 for number in range(51)},
    ],
)
def test_numbers_that_cannot_be_series_are_refused(metrics: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"metric|stored|entries"):
        checked_metrics(metrics)


def test_a_word_that_is_no_status_is_refused_with_those_that_are() -> None:
    with pytest.raises(ValueError, match="healthy, warning, degraded, unknown, critical"):
        status_named("ok")
