"""The state machine against a naive model, over random histories of results, blocks and pauses."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from domain.dependencies import CLEAR, Parents, ParentVerdict
from domain.facts import Cause, CheckState, Mark, Policy, Result, Status, Transition
from domain.state import Advance, advance, block, pause, reads, resume, unblock
from storage.state_rows import decode_state, encode_state

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
NOT_GREEN = (Mark.PENDING, Mark.BLOCKED, Mark.INCONCLUSIVE, Mark.PAUSED, Mark.ANEW, Mark.STALE)
STATUSES = st.sampled_from(Status)
POLICIES = st.builds(
    Policy,
    failures=st.integers(1, 5),
    successes=st.integers(1, 4),
    retry_interval_s=st.sampled_from([None, 2.0]),
)


@dataclass
class Naive:
    """What the design says, in as few words as possible: the results that count, and what they say."""

    policy: Policy
    hard: Status | None = None
    counted: list[Status] = field(default_factory=list)

    def count(self, status: Status, *, may_rise: bool = True) -> None:
        self.counted.append(status)
        allowed = self.confirmed()
        if allowed is None:
            return
        if not may_rise and allowed > (self.hard or Status.HEALTHY):
            return
        self.hard = allowed

    def confirmed(self) -> Status | None:
        """The level to which the window lifts or lowers the hard one; None when it does neither."""
        enough_up = len(self.counted) >= self.policy.failures
        enough_down = len(self.counted) >= self.policy.successes
        up = min(self.counted[-self.policy.failures :])
        down = max(self.counted[-self.policy.successes :])
        if self.hard is None:
            first = self.counted == [Status.HEALTHY]
            healed = enough_down and down is Status.HEALTHY
            return up if enough_up else Status.HEALTHY if first or healed else None
        if enough_up and up > self.hard:
            return up
        return down if enough_down and down < self.hard else None


class Life(RuleBasedStateMachine):
    """One check that lives through everything that can happen to it."""

    @initialize(policy=POLICIES)
    def begin(self, policy: Policy) -> None:
        self.policy = policy
        self.state = CheckState(check="api")
        self.naive = Naive(policy)
        self.now = START
        self.rows: list[Transition] = []
        self.tries = 0

    @rule(status=STATUSES, seconds=st.integers(0, 40), cause=st.sampled_from(Cause))
    def a_result_counts(self, status: Status, seconds: int, cause: Cause) -> None:
        self._result(status, seconds, cause)
        if self.state.mark is not Mark.PAUSED:
            self.naive.count(status)

    @rule(status=STATUSES, seconds=st.integers(0, 40))
    def a_result_waits_for_a_parent(self, status: Status, seconds: int) -> None:
        parents = Parents(verdict=ParentVerdict.WAIT)
        self._result(status, seconds, parents=parents)
        if self.state.mark is not Mark.PAUSED:
            self.naive.count(status, may_rise=False)

    @rule(status=STATUSES, inconclusive=st.booleans())
    def a_result_counts_for_nothing(self, status: Status, inconclusive: bool) -> None:
        blocked = Parents(verdict=ParentVerdict.BLOCKED, by="db")
        parents = CLEAR if inconclusive else blocked
        self._result(status, 2, inconclusive=inconclusive, parents=parents)
        self.naive.counted.clear()

    @rule()
    def nothing_is_measured_for_long(self) -> None:
        self.now += timedelta(hours=1)
        if self.state.last_at is not None:
            self.naive.counted.clear()

    @rule()
    def its_parent_goes_down(self) -> None:
        if self.state.mark is not Mark.PAUSED:
            self.naive.counted.clear()
        self._take(block(self.state, "db", self.now))

    @rule()
    def its_parent_is_back(self) -> None:
        self._take(unblock(self.state, self.now))

    @rule()
    def it_is_paused(self) -> None:
        self.naive.counted.clear()
        self._take(pause(self.state, self.now))

    @rule()
    def it_is_resumed(self) -> None:
        self._take(resume(self.state, self.now))

    @invariant()
    def it_is_hard_only_what_its_window_confirmed(self) -> None:
        assert self.state.hard is self.naive.hard

    @invariant()
    def it_never_looks_green_without_a_healthy_result_that_was_confirmed(self) -> None:
        if reads(self.state) is Status.HEALTHY:
            assert self.naive.hard is Status.HEALTHY
            assert self.state.mark not in NOT_GREEN

    @invariant()
    def its_rows_follow_each_other_up_to_what_it_reads(self) -> None:
        assert_chained(self.rows)
        if self.rows:
            last = self.rows[-1]
            assert (last.after, last.mark) == (reads(self.state), self.state.mark)

    @invariant()
    def no_time_runs_backwards(self) -> None:
        for moment in (self.state.since, self.state.mark_since, self.state.failing_since):
            assert moment is None or moment <= self.now

    @invariant()
    def it_survives_the_store_exactly(self) -> None:
        stored = json.loads(json.dumps(encode_state(self.state)))
        assert decode_state(stored) == self.state

    def _result(
        self,
        status: Status,
        seconds: int,
        cause: Cause = Cause.NONE,
        *,
        parents: Parents = CLEAR,
        inconclusive: bool = False,
    ) -> None:
        self.now += timedelta(seconds=seconds)
        self.tries += 1
        found = Result(
            check="api",
            kind="http",
            at=self.now,
            status=status,
            cause=cause,
            message="m",
            inconclusive=inconclusive,
            attempt=self.tries,
        )
        moved = advance(self.state, found, self.policy, parents)
        self._take(moved)
        most = max(self.policy.failures, self.policy.successes)
        if moved.retry_in_s is None:
            self.tries = 0
        else:
            assert 0 < moved.retry_in_s <= 2.0
            assert self.tries < most or self.state.mark is Mark.HELD

    def _take(self, moved: Advance) -> None:
        self.state = moved.state
        self.rows += moved.transitions


Life.TestCase.settings = settings(max_examples=150, stateful_step_count=30, deadline=None)
TestTheLifeOfACheck = Life.TestCase


def assert_chained(rows: Iterable[Transition]) -> None:
    before: Transition | None = None
    for row in rows:
        if before is not None:
            assert (row.before, row.mark_before) == (before.after, before.mark)
        before = row


@given(statuses=st.lists(STATUSES, max_size=60), policy=POLICIES)
@example(statuses=[Status.HEALTHY, Status.CRITICAL] * 10, policy=Policy(failures=1, successes=1))
def test_rows_follow_each_other_also_when_a_check_turns_hard_and_flapping_at_once(
    statuses: Sequence[Status], policy: Policy
) -> None:
    state, rows = CheckState(check="api"), list[Transition]()

    for index, status in enumerate(statuses):
        at = START + timedelta(seconds=30 * index)
        moved = advance(
            state, Result(check="api", kind="http", at=at, status=status, message=""), policy
        )
        state = moved.state
        rows += moved.transitions

    assert_chained(rows)


TEXTS = st.text() | st.sampled_from(["null", "true", "1", ""])
MOMENTS = st.datetimes(timezones=st.just(UTC))
STATES = st.builds(
    CheckState,
    check=TEXTS,
    hard=st.none() | STATUSES,
    since=st.none() | MOMENTS,
    mark=st.sampled_from(Mark),
    blocked_by=st.none() | TEXTS,
    recent=st.lists(STATUSES, max_size=5).map(tuple),
    history=st.lists(STATUSES, max_size=21).map(tuple),
    flapping=st.booleans(),
    last_error=st.none() | TEXTS,
    last_cause=st.sampled_from(Cause),
    usual_ms=st.none() | st.floats(allow_nan=False, allow_infinity=False),
    levels=st.dictionaries(TEXTS, STATUSES),
    spark=st.lists(st.none() | st.floats(allow_nan=False, allow_infinity=False)).map(tuple),
)


@given(state=STATES)
def test_a_state_comes_back_from_the_store_exactly_as_it_went_in(state: CheckState) -> None:
    stored = json.loads(json.dumps(encode_state(state)))

    assert decode_state(stored) == state
