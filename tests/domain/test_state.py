"""Hard and soft states: what a sequence of results makes of a check, and when it is tried again."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from domain.dependencies import Parents, ParentVerdict
from domain.facts import Cause, Change, CheckState, Mark, Policy, Result, Status, Transition
from domain.state import (
    Advance,
    advance,
    block,
    pause,
    reads,
    resume,
    settle,
    stale_at,
    timeout_s,
    unblock,
)

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
H, W, D, U, C = Status
BLOCKED = Parents(verdict=ParentVerdict.BLOCKED, by="db")
WAIT = Parents(verdict=ParentVerdict.WAIT, run=("db",))


def result(status: Status, at: datetime = START, **more: object) -> Result:
    fields: dict[str, object] = {"message": f"it is {status.word}", **more}
    return Result(check="api", kind="http", at=at, status=status, **fields)  # type: ignore[arg-type]


@dataclass
class Told:
    """A check that is told its results, 2 s apart, and remembers what became of them."""

    policy: Policy = field(default_factory=Policy)
    state: CheckState = field(default_factory=lambda: CheckState(check="api"))
    now: datetime = START
    rows: list[Transition] = field(default_factory=list)

    def tell(self, *statuses: Status, parents: Parents | None = None, **more: object) -> Advance:
        for status in statuses:
            self.now += timedelta(seconds=2)
            found = result(status, self.now, **more)
            moved = advance(self.state, found, self.policy, *([parents] if parents else []))
            self.take(moved)
        return moved

    def take(self, moved: Advance) -> None:
        self.state = moved.state
        self.rows += moved.transitions

    @property
    def hard(self) -> Status | None:
        return self.state.hard


def told(*statuses: Status) -> Told:
    check = Told()
    if statuses:
        check.tell(*statuses)
    return check


def test_a_check_without_a_result_reads_unknown_and_pending() -> None:
    state = CheckState(check="api")

    assert (reads(state), state.mark, state.hard) == (U, Mark.PENDING, None)


def test_a_check_without_a_past_is_healthy_at_its_first_healthy_result() -> None:
    assert told(H).hard is H


def test_a_single_bad_result_changes_nothing_that_is_confirmed() -> None:
    check = told(H, C)

    assert (check.hard, reads(check.state), check.state.mark) == (H, H, Mark.NONE)


def test_the_hard_level_rises_to_the_least_bad_of_the_last_three_results() -> None:
    assert told(H, C, W, D).hard is W
    assert told(H, C, C, D).hard is D
    assert told(H, C, C, C).hard is C


def test_the_hard_level_falls_to_the_worst_of_the_last_two_results() -> None:
    assert told(C, C, C, W, D).hard is D
    assert told(C, C, C, H, W).hard is W
    assert told(C, C, C, H, H).hard is H


def test_one_better_result_does_not_lower_the_hard_level() -> None:
    assert told(C, C, C, H).hard is C
    assert told(C, C, C, H, C).hard is C


def test_a_passive_check_follows_every_result_and_is_never_tried_again() -> None:
    check = Told(policy=Policy(failures=1, successes=1, retry_interval_s=None))

    assert [check.tell(s).state.hard for s in (C, H, W, H)] == [C, H, W, H]
    assert check.tell(C).retry_in_s is None


@pytest.mark.parametrize(("before", "found"), [((H,), C), ((C, C, C), H), ((W, W, W), C)])
def test_any_unconfirmed_change_up_or_down_is_tried_again_after_two_seconds(
    before: tuple[Status, ...], found: Status
) -> None:
    check = told(*before)

    assert check.tell(found).retry_in_s == 2.0


def test_a_confirmed_result_waits_for_the_next_interval() -> None:
    assert told(H).tell(H).retry_in_s is None
    assert told(H, C, C).tell(C).retry_in_s is None


def test_a_sampled_check_is_tried_again_at_its_interval_only() -> None:
    check = Told(policy=Policy(retry_interval_s=None))
    check.tell(H)

    assert check.tell(C).retry_in_s is None


def test_retries_end_when_they_could_have_confirmed_and_the_slot_comes() -> None:
    check = told(H)

    pauses = [check.tell(s, attempt=n).retry_in_s for n, s in ((1, C), (2, H), (3, C))]

    assert pauses == [2.0, None, None]


def test_a_retry_after_a_time_out_comes_sooner_and_may_take_less_long() -> None:
    check = told(H)
    moved = check.tell(C, cause=Cause.TIMEOUT, response_time_ms=None)

    assert 0 < (moved.retry_in_s or 0) < 2.0
    assert timeout_s(check.state, check.policy, attempt=2) == 1.0
    assert timeout_s(check.state, check.policy, attempt=1) == check.policy.timeout_s


def test_a_slow_check_keeps_ten_times_its_usual_time_for_the_retry() -> None:
    check = Told()
    check.tell(H, response_time_ms=400.0)
    check.tell(C, cause=Cause.TIMEOUT)

    assert timeout_s(check.state, check.policy, attempt=2) == 4.0


def test_a_target_that_swallows_packets_is_confirmed_dead_within_thirty_seconds_on_average() -> (
    None
):
    check = told(H)
    policy, elapsed = check.policy, check.policy.interval_s / 2

    for attempt in (1, 2, 3):
        elapsed += timeout_s(check.state, policy, attempt)
        pause_s = check.tell(C, cause=Cause.TIMEOUT, attempt=attempt).retry_in_s
        elapsed += pause_s or 0.0

    assert check.hard is C
    assert elapsed < 30.0


def test_a_check_behind_a_dead_parent_reads_unknown_and_counts_for_nothing() -> None:
    check = told(H)

    check.tell(C, C, C, C, parents=BLOCKED)

    assert (check.hard, reads(check.state)) == (H, U)
    assert (check.state.mark, check.state.blocked_by) == (Mark.BLOCKED, "db")
    assert check.state.recent == ()


def test_a_blocked_check_is_not_tried_again() -> None:
    assert told(H).tell(C, parents=BLOCKED).retry_in_s is None


def test_a_child_is_blocked_the_moment_its_parent_goes_down() -> None:
    check = told(H)

    moved = block(check.state, "db", START)

    assert reads(moved.state) is U
    assert [(t.before, t.after, t.reason) for t in moved.transitions] == [(H, U, "blocked by db")]


def test_when_the_parent_clears_the_child_counts_anew() -> None:
    check = told(H)
    check.take(block(check.state, "db", check.now))
    check.tell(C, C, C, parents=BLOCKED)

    check.take(unblock(check.state, check.now))
    check.tell(C, C)
    soft = check.state
    check.tell(C)

    assert (soft.mark, reads(soft)) == (Mark.ANEW, U)
    assert (check.state.mark, check.hard) == (Mark.NONE, C)


def test_a_child_that_counts_anew_fails_since_its_first_failure_after_the_release() -> None:
    check = told(H)
    check.take(block(check.state, "db", check.now))
    check.tell(C, C, parents=BLOCKED)

    check.take(unblock(check.state, check.now))
    check.tell(C)

    assert check.state.failing_since == check.now


def test_a_child_whose_parent_went_stale_counts_anew_without_being_released() -> None:
    check = told(H)
    check.tell(C, C, parents=BLOCKED)

    check.tell(C)

    assert (check.state.mark, check.state.failing_since) == (Mark.ANEW, check.now)


def test_releasing_a_check_that_is_not_blocked_changes_nothing() -> None:
    state = told(H).state

    assert unblock(state, START) == Advance(state=state)
    assert resume(state, START) == Advance(state=state)


def test_an_inconclusive_result_counts_for_nothing() -> None:
    check = told(H)

    moved = check.tell(C, C, C, inconclusive=True)

    assert (check.hard, check.state.mark, reads(check.state)) == (H, Mark.INCONCLUSIVE, U)
    assert moved.retry_in_s is None


def test_a_rise_waits_while_a_parent_is_undecided_and_goes_on_trying() -> None:
    check = told(H)

    moved = check.tell(C, C, C, parents=WAIT, attempt=3)

    assert (check.hard, check.state.mark) == (H, Mark.HELD)
    assert moved.retry_in_s == 2.0


def test_a_fall_does_not_wait_for_parents() -> None:
    check = told(C, C, C)

    check.tell(H, H, parents=WAIT)

    assert (check.hard, check.state.mark) == (H, Mark.NONE)


def test_a_check_that_waited_long_enough_opens_and_says_that_its_parent_is_undecided() -> None:
    check = told(H)
    check.tell(C, C, C, parents=WAIT)

    check.tell(C, parents=Parents(verdict=ParentVerdict.UNDECIDED))

    assert check.hard is C
    assert check.rows[-1].reason == "parent undecided"


def test_a_paused_check_is_never_green() -> None:
    check = told(H)
    check.take(pause(check.state, check.now))

    check.tell(H, H, H)

    assert (reads(check.state), check.state.mark) == (U, Mark.PAUSED)


def test_a_paused_check_stays_paused_when_its_parent_goes_down() -> None:
    check = told(H)
    check.take(pause(check.state, check.now))

    assert block(check.state, "db", check.now).state.mark is Mark.PAUSED


def test_a_resumed_check_reads_unknown_until_its_first_result() -> None:
    check = told(H)
    check.take(pause(check.state, check.now))

    check.take(resume(check.state, check.now))
    resumed = reads(check.state)
    check.tell(H)

    assert (resumed, reads(check.state)) == (U, H)


def test_a_gap_over_two_intervals_clears_soft_counters_but_not_hard_states() -> None:
    check = told(C, C, C, H)
    check.now += timedelta(seconds=2 * check.policy.interval_s + check.policy.timeout_s)

    check.tell(H)

    assert (check.hard, check.state.recent) == (C, (H,))


def test_a_failure_before_a_gap_is_not_counted_after_it() -> None:
    check = told(H, C, C)
    check.now += timedelta(hours=1)

    check.tell(C)

    assert (check.hard, check.state.consecutive_failures) == (H, 1)
    assert check.state.failing_since == check.now


def test_retries_do_not_count_towards_flapping() -> None:
    check = told(H)

    check.tell(C, H, C, attempt=2)

    assert check.state.history == (H,)


def test_flapping_starts_and_stops_with_one_row_each() -> None:
    check = Told()
    check.tell(*[H, C] * 8)
    check.tell(*[H] * 21)

    found = [(row.reason, row.change) for row in check.rows if row.change is Change.FLAPPING]

    assert found == [("flapping", Change.FLAPPING), ("steady again", Change.FLAPPING)]


def test_a_check_is_stale_two_intervals_after_it_was_due_and_thirty_seconds_at_least() -> None:
    assert stale_at(START, 60) - START == timedelta(seconds=120)
    assert stale_at(START, 5) - START == timedelta(seconds=30)


def test_the_last_error_outlives_the_recovery() -> None:
    state = told(C, H).state

    assert (state.last_error, state.last_message) == ("it is critical", "it is healthy")
    assert (state.runs, state.errors, state.consecutive_failures) == (2, 1, 0)


def test_failures_behind_a_dead_parent_or_that_prove_nothing_are_not_the_checks_own() -> None:
    check = told(H, C)

    check.tell(C, C, parents=BLOCKED)
    check.tell(C, inconclusive=True)

    assert (check.state.errors, check.state.consecutive_failures) == (1, 1)
    assert check.state.runs == 5


@pytest.mark.parametrize("failures", [1, 2, 3, 5])
def test_nothing_is_confirmed_by_no_results(failures: int) -> None:
    assert settle(H, (), Policy(failures=failures)) is None


def test_times_of_a_clock_that_was_ahead_do_not_outlive_it() -> None:
    year = timedelta(days=365)
    state = advance(CheckState(check="api"), result(Status.HEALTHY), Policy()).state
    for seconds in range(3):
        at = START + year + timedelta(seconds=seconds)
        state = advance(state, result(Status.CRITICAL, at), Policy()).state
    assert state.hard is Status.CRITICAL

    back = START + timedelta(minutes=1)
    state = advance(state, result(Status.CRITICAL, back), Policy()).state

    # A child fails since now: else no result of a parent would be newer, and it would be held.
    assert (state.failing_since, state.since, state.last_at) == (back, back, back)
    assert state.hard is Status.CRITICAL
