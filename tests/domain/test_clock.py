"""When the wall clock is trusted, when it is doubted, and when not any more."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.clock import AWAY, SETTLES, Clock, Trust, doubts, look, retained_until

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR, DAY, YEAR = timedelta(hours=1), timedelta(days=1), timedelta(days=365)
BEAT = timedelta(seconds=2)


def running(now: datetime = NOW) -> Clock:
    return Clock(expected=now, seen=now)


def run(clock: Clock, step: timedelta, spent: timedelta = BEAT) -> tuple[Clock, Trust]:
    """One look after `spent` of steady time, in which the clock was moved by `step`."""
    return look(clock, clock.seen + spent + step, spent)


def test_a_clock_that_goes_on_evenly_is_trusted() -> None:
    after, trust = run(running(), timedelta())

    assert (after.doubted, trust) == (None, Trust.STEADY)
    assert after.expected == NOW + BEAT


@pytest.mark.parametrize("step", [timedelta(minutes=-4), timedelta(minutes=29)])
def test_what_a_time_service_may_do_is_no_jump(step: timedelta) -> None:
    assert run(running(), step)[1] is Trust.STEADY


@pytest.mark.parametrize(
    ("step", "trust"),
    [(HOUR, Trust.AHEAD), (YEAR, Trust.AHEAD), (-HOUR, Trust.BEHIND), (-YEAR, Trust.BEHIND)],
)
def test_a_clock_that_jumps_is_doubted_until_it_is_back(step: timedelta, trust: Trust) -> None:
    jumped, found = run(running(), step)
    assert (found, jumped.doubted) == (trust, NOW + BEAT + step)

    later, found = run(jumped, timedelta(), 2 * HOUR)
    assert (found, later.doubted) == (trust, jumped.doubted)

    back, found = run(later, -step)
    assert (found, back.doubted) == (Trust.RETURNED, None)
    assert back.expected == NOW + 2 * BEAT + 2 * HOUR


def test_a_clock_that_jumped_is_taken_as_right_after_a_day_of_going_on_evenly() -> None:
    clock, _ = run(running(), YEAR)
    assert clock.settles_at == NOW + BEAT + YEAR + SETTLES

    clock, trust = run(clock, timedelta(), SETTLES - BEAT)
    assert trust is Trust.AHEAD
    clock, trust = run(clock, timedelta())

    assert (trust, clock.doubted) == (Trust.CONFIRMED, None)
    assert run(clock, timedelta())[1] is Trust.STEADY


def test_another_jump_begins_the_day_anew() -> None:
    clock, _ = run(running(), YEAR)
    clock, _ = run(clock, timedelta(), 20 * HOUR)

    clock, trust = run(clock, DAY)

    assert trust is Trust.AHEAD
    assert clock.doubted == clock.seen


def test_a_machine_that_slept_did_not_jump() -> None:
    # The steady clock counts on meanwhile.
    assert run(running(), timedelta(), 3 * DAY)[1] is Trust.STEADY


@pytest.mark.parametrize(
    ("away", "trust"),
    [
        (timedelta(), Trust.STEADY),
        (AWAY, Trust.STEADY),
        (AWAY + HOUR, Trust.AHEAD),
        (YEAR, Trust.AHEAD),
        (-HOUR, Trust.BEHIND),
    ],
)
def test_after_a_start_a_week_of_being_off_is_believed(away: timedelta, trust: Trust) -> None:
    assert look(running(), NOW + away, None)[1] is trust


def test_a_machine_without_a_battery_is_believed_once_its_clock_was_set() -> None:
    # It was off for three days, starts in 1970, and is set after a minute.
    clock, trust = look(running(), datetime(1970, 1, 1, tzinfo=UTC), None)
    assert trust is Trust.BEHIND
    clock, trust = run(clock, timedelta(), timedelta(minutes=1))
    assert trust is Trust.BEHIND

    _, trust = look(clock, NOW + 3 * DAY, BEAT)

    assert trust is Trust.RETURNED


def test_a_doubt_outlives_the_process_and_so_does_its_day() -> None:
    clock, _ = run(running(), YEAR)
    kept = Clock(expected=clock.expected, seen=clock.seen + 10 * HOUR, doubted=clock.doubted)

    clock, trust = look(kept, kept.seen + HOUR, None)
    assert (trust, clock.doubted) == (Trust.AHEAD, kept.doubted)

    assert run(clock, timedelta(), 13 * HOUR)[1] is Trust.CONFIRMED
    assert look(kept, NOW + 12 * HOUR, None)[1] is Trust.RETURNED


def test_what_is_deleted_follows_the_clock_a_day_a_round() -> None:
    assert retained_until(None, NOW) == NOW
    assert retained_until(NOW - HOUR, NOW) == NOW
    assert retained_until(NOW, NOW + YEAR) == NOW + DAY
    assert retained_until(NOW + YEAR, NOW) == NOW


def test_people_are_told_what_the_clock_says_and_until_when_it_is_doubted() -> None:
    clock, trust = run(running(), YEAR, timedelta())

    text = doubts(clock, trust)

    assert "it says 2027-03-01 12:00 UTC, 365 d more than it should" in text
    assert "from 2027-03-02 12:00 UTC on" in text


@given(st.lists(st.tuples(st.integers(-500, 500), st.integers(1, 100)), max_size=20))
def test_only_a_trusted_clock_is_expected_and_a_doubt_never_outlasts_its_day(
    steps: list[tuple[int, int]],
) -> None:
    clock = running()
    for hours, spent in steps:
        clock, trust = run(clock, timedelta(hours=hours), timedelta(hours=spent))

        assert (clock.doubted is None) is (trust in (Trust.STEADY, Trust.RETURNED, Trust.CONFIRMED))
        assert clock.doubted is None or clock.seen - clock.doubted < SETTLES
        assert clock.doubted is not None or clock.expected == clock.seen
