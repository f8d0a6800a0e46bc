"""What the pings of a job mean, and when the next one is overdue."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.facts import Status
from domain.heartbeat import (
    LONGEST_BODY,
    MOST_RUNS,
    Beat,
    Heard,
    Plan,
    Reason,
    Signal,
    Verdict,
    judge,
    missed,
    shown_body,
    take_in,
)
from domain.outages import Outage

START = datetime(2026, 3, 1, 9, 12, tzinfo=UTC)
HOURLY = Plan(grace_s=600, due_after=lambda moment: moment + timedelta(hours=1))


def at(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


def beat(minutes: float, signal: Signal = Signal.SUCCESS, rid: str = "") -> Beat:
    return Beat(at=at(minutes), signal=signal, rid=rid)


def heard(*beats: Beat) -> Heard:
    found = Heard(since=START)
    for each in beats:
        found = take_in(found, each, HOURLY)
    return found


def read(found: Heard, minutes: float, receiving: float | None = None) -> Verdict:
    """The verdict then; the web receives all the time unless it did last at `receiving`."""
    return judge(found, HOURLY, at(minutes), at(minutes if receiving is None else receiving))


def test_a_job_that_never_pinged_is_unknown_and_overdue_only_after_its_first_time() -> None:
    verdict = read(heard(), 69)

    assert (verdict.status, verdict.reason) == (Status.UNKNOWN, Reason.NEVER)
    assert verdict.message == "no ping yet, expected by 10:12 UTC + 10 min"
    assert read(heard(), 71).message == "no ping yet, expected by 10:12 UTC + 10 min"
    assert read(heard(), 71).status is Status.CRITICAL


def test_a_job_on_time_is_healthy_and_late_until_the_grace_is_over() -> None:
    found = heard(beat(0))

    assert (read(found, 59).reason, read(found, 59).look_at) == (Reason.ON_TIME, at(60))
    assert (read(found, 61).reason, read(found, 61).look_at) == (Reason.LATE, at(70))
    assert read(found, 61).status is Status.HEALTHY
    assert read(found, 71).status is Status.CRITICAL
    assert read(found, 71).message == "no ping since 09:12 UTC, expected by 10:12 UTC + 10 min"


def test_a_ping_ends_that_it_was_overdue() -> None:
    assert read(heard(beat(0), beat(200)), 201).status is Status.HEALTHY


def test_a_failure_is_critical_until_a_success() -> None:
    failed = heard(beat(0), beat(10, Signal.FAIL))

    assert read(failed, 11).message == "the job said 09:22 UTC that it failed"
    assert read(failed, 11).status is Status.CRITICAL
    assert read(take_in(failed, beat(12), HOURLY), 13).status is Status.HEALTHY


def test_an_exit_status_is_told() -> None:
    found = take_in(heard(), replace(beat(5, Signal.FAIL), exit_status=3), HOURLY)

    assert read(found, 6).message == "the job ended 09:17 UTC with exit status 3, expected 0"


def test_a_log_is_kept_and_changes_no_status() -> None:
    before = heard(beat(0), beat(10, Signal.FAIL))

    after = take_in(before, replace(beat(11, Signal.LOG), body="step 2"), HOURLY)

    assert after == replace(before, body="step 2")
    assert read(heard(beat(5, Signal.LOG)), 6).reason is Reason.NEVER


def test_a_run_that_does_not_end_within_the_grace_is_overdue() -> None:
    found = heard(beat(0), beat(5, Signal.START))

    assert read(found, 14).status is Status.HEALTHY
    assert read(found, 14).look_at == at(15)
    assert read(found, 16).reason is Reason.RUN_OVERDUE
    assert read(found, 16).message == ("the run that started 09:17 UTC has not ended within 10 min")


def test_a_start_and_its_end_give_the_duration() -> None:
    found = heard(beat(0, Signal.START), beat(2.5))

    assert found.duration_ms == 150_000
    assert found.running == ()
    assert "took 2 min" in read(found, 3).message


def test_runs_that_overlap_are_paired_by_their_id() -> None:
    found = heard(
        beat(0, Signal.START, "a"),
        beat(1, Signal.START, "b"),
        beat(4, rid="b"),
    )

    assert found.duration_ms == 180_000
    assert [run.rid for run in found.running] == ["a"]
    assert read(found, 11).reason is Reason.RUN_OVERDUE


def test_a_run_that_died_is_forgotten_at_the_next_success() -> None:
    found = heard(beat(0, Signal.START, "a"), beat(60, Signal.START, "b"), beat(61, rid="b"))

    assert found.running == ()
    assert read(found, 62).status is Status.HEALTHY


def test_a_job_that_only_starts_takes_no_more_and_more_room() -> None:
    found = heard(*(beat(n, Signal.START, f"{n}") for n in range(100)))

    assert len(found.running) == MOST_RUNS


def test_deadlines_move_by_the_time_in_which_no_ping_could_be_received() -> None:
    found = missed(heard(beat(0)), Outage(since=at(30), until=at(60)))

    assert read(found, 99).status is Status.HEALTHY
    assert read(found, 101).status is Status.CRITICAL
    assert read(found, 101).message == (
        "no ping since 09:12 UTC, expected by 10:12 UTC + 10 min"
        " + 30 min in which none could be received"
    )


def test_a_run_may_end_later_by_an_outage_too() -> None:
    found = missed(heard(beat(0, Signal.START)), Outage(since=at(5), until=at(25)))

    assert read(found, 29).reason is Reason.NEVER
    assert read(found, 31).reason is Reason.RUN_OVERDUE


def test_while_the_web_is_away_silence_says_nothing() -> None:
    found = heard(beat(0))

    verdict = read(found, 500, receiving=30)

    assert (verdict.status, verdict.reason) == (Status.UNKNOWN, Reason.DEAF)
    assert verdict.message == "pings cannot be received since 09:42 UTC: the web is away"


def test_what_was_overdue_before_the_web_went_stays_so() -> None:
    assert read(heard(beat(0)), 500, receiving=80).reason is Reason.OVERDUE


def test_an_outage_is_forgotten_with_the_next_ping() -> None:
    found = missed(heard(beat(0)), Outage(since=at(30), until=at(60)))

    assert take_in(found, beat(65), HOURLY).outages == ()


def test_a_body_is_cut_and_made_harmless() -> None:
    assert shown_body(b"a\r\nb\tc\x00\x1b[31m\xff") == "a\nb\tc\ufffd\ufffd[31m\ufffd"
    assert len(shown_body(b"x" * 200_000)) == LONGEST_BODY


@pytest.mark.parametrize("found", [heard(), heard(beat(0, Signal.START, "x"), beat(1))])
def test_what_is_remembered_survives_being_stored(found: Heard) -> None:
    found = missed(found, Outage(since=at(2), until=at(3)))

    assert msgspec.convert(msgspec.json.decode(msgspec.json.encode(found)), Heard) == found


BEATS = st.lists(
    st.builds(
        lambda gap, signal, rid: (gap, signal, rid),
        st.integers(0, 90),
        st.sampled_from(Signal),
        st.sampled_from(["", "a", "b"]),
    ),
    max_size=12,
)


@given(BEATS, st.integers(0, 200))
def test_it_is_looked_at_again_before_time_alone_could_change_what_it_reads(
    told: list[tuple[int, Signal, str]], wait: int
) -> None:
    now, found = 0, Heard(since=START)
    for gap, signal, rid in told:
        now += gap
        found = take_in(found, beat(now, signal, rid), HOURLY)

    verdict = read(found, now)

    unchanged_until = now + wait
    if verdict.look_at is None or at(unchanged_until) <= verdict.look_at:
        assert read(found, unchanged_until).status is verdict.status
