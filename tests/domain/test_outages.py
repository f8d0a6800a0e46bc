"""Deadlines stand still while nothing can be received."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from domain.outages import Outage, merged, moved, outage_between

START = datetime(2026, 3, 1, 12, tzinfo=UTC)


def at(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


def outage(since: float, until: float) -> Outage:
    return Outage(since=at(since), until=at(until))


def test_a_deadline_moves_by_the_outage_before_it() -> None:
    assert moved(at(60), at(0), [outage(10, 25)]) == at(75)


def test_only_what_lies_after_the_anchor_counts() -> None:
    assert moved(at(60), at(0), [outage(-30, -10)]) == at(60)
    assert moved(at(60), at(0), [outage(-10, 5)]) == at(65)


def test_an_outage_after_the_deadline_moves_nothing() -> None:
    assert moved(at(60), at(0), [outage(61, 90)]) == at(60)


def test_an_outage_may_move_a_deadline_into_the_next_one() -> None:
    assert moved(at(60), at(0), [outage(50, 70), outage(75, 80)]) == at(85)


def test_two_reports_of_one_outage_count_once() -> None:
    assert merged([outage(5, 20), outage(0, 10)]) == (outage(0, 20),)
    assert moved(at(60), at(0), [outage(5, 20), outage(0, 10)]) == at(80)


def test_a_short_pause_is_no_outage() -> None:
    assert outage_between(None, at(0)) is None
    assert outage_between(at(0), at(0.5)) is None
    assert outage_between(at(0), at(1)) == outage(0, 1)


SPANS = st.tuples(st.integers(0, 300), st.integers(0, 60)).map(
    lambda pair: outage(pair[0], pair[0] + pair[1])
)


@given(st.lists(SPANS, max_size=8))
def test_a_deadline_never_comes_sooner_and_leaves_as_much_time_to_be_heard(
    outages: list[Outage],
) -> None:
    deadline = moved(at(60), at(0), outages)

    deaf = sum(
        (max(timedelta(0), min(each.until, deadline) - each.since) for each in merged(outages)),
        timedelta(0),
    )
    assert deadline >= at(60)
    assert deadline - at(0) - deaf == timedelta(minutes=60)
