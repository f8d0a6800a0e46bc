"""What a check reads now, how fresh the data is, and the one word for everything."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from domain.facts import CheckState, Mark, Status
from domain.reading import Reading, fold, freshness, overall, reading

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
EARLIER = NOW - timedelta(hours=1)
GOOD = CheckState(check="api", hard=Status.HEALTHY, since=EARLIER, mark=Mark.NONE)


def read(state: CheckState = GOOD, *, enabled: bool = True, due: datetime | None = NOW) -> Reading:
    return reading(state, enabled=enabled, due=due, interval_s=30, now=NOW)


def test_a_confirmed_check_reads_its_hard_status_since_it_turned_so() -> None:
    assert read() == Reading(status=Status.HEALTHY, mark=Mark.NONE, since=EARLIER)


def test_a_paused_check_is_never_green() -> None:
    paused = read(enabled=False)

    assert (paused.status, paused.mark) == (Status.UNKNOWN, Mark.PAUSED)


def test_a_check_paused_while_no_monitor_ran_does_not_invent_since_when() -> None:
    noted = CheckState(check="api", mark=Mark.PAUSED, mark_since=EARLIER)
    healthy = CheckState(check="api", hard=Status.HEALTHY, mark=Mark.NONE, mark_since=EARLIER)

    assert read(noted, enabled=False).since == EARLIER
    assert read(healthy, enabled=False).since is None


def test_a_check_that_has_not_run_by_due_and_two_intervals_is_stale_and_not_green() -> None:
    due = NOW - timedelta(seconds=60)

    assert read(due=due).mark is Mark.NONE
    late = read(due=due - timedelta(milliseconds=1))
    assert (late.status, late.mark) == (Status.UNKNOWN, Mark.STALE)
    assert late.since == due - timedelta(milliseconds=1) + timedelta(seconds=60)


def test_a_paused_check_is_paused_and_not_stale() -> None:
    assert read(enabled=False, due=EARLIER).mark is Mark.PAUSED


def test_a_blocked_check_reads_unknown_since_it_is_blocked() -> None:
    since = NOW - timedelta(minutes=5)
    state = CheckState(
        check="api", hard=Status.HEALTHY, since=EARLIER, mark=Mark.BLOCKED, mark_since=since
    )

    assert read(state) == Reading(status=Status.UNKNOWN, mark=Mark.BLOCKED, since=since)


@pytest.mark.parametrize(
    ("age_s", "word"),
    [(0, "normal"), (5, "normal"), (5.001, "late"), (10, "late"), (10.001, "stale")],
)
def test_a_beat_is_normal_up_to_5_s_then_late_and_beyond_10_s_stale(
    age_s: float, word: str
) -> None:
    assert freshness(NOW - timedelta(seconds=age_s), NOW) == word


def test_without_any_beat_the_data_is_stale() -> None:
    assert freshness(None, NOW) == "stale"


def test_the_overall_status_is_the_worst_of_what_is_watched() -> None:
    good = read()
    bad = Reading(status=Status.CRITICAL, mark=Mark.NONE, since=None)
    paused = Reading(status=Status.UNKNOWN, mark=Mark.PAUSED, since=None)

    assert overall([good, bad]) is Status.CRITICAL
    assert overall([good, paused]) is Status.HEALTHY


def test_watching_nothing_is_unknown_and_not_healthy() -> None:
    assert overall([]) is Status.UNKNOWN
    assert overall([read(enabled=False)]) is Status.UNKNOWN


def test_the_health_endpoint_folds_five_statuses_into_three_words() -> None:
    assert [fold(each) for each in Status] == [
        "healthy",
        "degraded",
        "degraded",
        "degraded",
        "critical",
    ]


def test_a_stale_monitor_folds_to_critical_whatever_it_last_said() -> None:
    assert fold(Status.HEALTHY, stale=True) == "critical"


def test_a_beat_that_lies_ahead_is_of_a_clock_that_was_wrong_and_no_sign_of_life() -> None:
    assert freshness(NOW + timedelta(seconds=1), NOW) == "normal"
    assert freshness(NOW + timedelta(days=365), NOW) == "stale"
