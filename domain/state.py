"""Hard and soft states: how results of a check become a confirmed status, and when it is tried again.

The hard status rises to the least bad of the last `failures` results and falls to the worst of the
last `successes`. A change that is not confirmed yet is tried again soon. Results behind a dead
parent count for nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from operator import attrgetter
from typing import Any

from domain.dependencies import CLEAR, Parents, ParentVerdict
from domain.facts import Cause, Change, CheckState, Mark, Policy, Result, Status, Transition
from domain.flapping import HISTORY, flaps

SPARK = 32
# A time-out has already spaced the tries, so its retry starts sooner and is cut shorter: a target
# that swallows packets is confirmed dead within 30 s on average at default settings.
RETRY_AFTER_TIMEOUT_S = 0.2
SHORTEST_TIMEOUT_S = 1.0
USUAL_FACTOR = 10.0
USUAL_WEIGHT = 0.1
COUNTS_FOR_NOTHING = (Mark.BLOCKED, Mark.INCONCLUSIVE, Mark.PAUSED)
READS_UNKNOWN = (*COUNTS_FOR_NOTHING, Mark.ANEW)
# What stands beside the status says more than a maintenance window does, except for these.
OVERLAID = (Mark.NONE, Mark.HELD)
FIELDS = tuple(each.name for each in fields(CheckState))
VALUES = attrgetter(*FIELDS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Advance:
    """The state after a result, what changed, and the pause before another try (None: next interval)."""

    state: CheckState
    transitions: tuple[Transition, ...] = ()
    retry_in_s: float | None = None


def advance(
    state: CheckState,
    result: Result,
    policy: Policy,
    parents: Parents = CLEAR,
    headline: str | None = None,
) -> Advance:
    """Take one result into account. Pure: the time is the result's.

    `headline` is the metric whose values are kept as `spark`.
    """
    state = not_ahead(state, result.at)
    after = _remember(state, result, policy, headline)
    if state.mark is Mark.PAUSED:
        # A run that was under way when the check was paused: it stays paused until it is resumed.
        after = _set_aside(after, Mark.PAUSED, result.at, None)
    elif parents.verdict is ParentVerdict.BLOCKED:
        after = _uncounted(_set_aside(after, Mark.BLOCKED, result.at, parents.by), state)
    elif result.inconclusive:
        after = _uncounted(_set_aside(after, Mark.INCONCLUSIVE, result.at, None), state)
    else:
        after = _count(after, result, policy, parents)
    return Advance(
        state=after,
        transitions=transitions(state, after, result.at, parents.reason),
        retry_in_s=_retry(after, result, policy),
    )


def not_ahead(state: CheckState, at: datetime) -> CheckState:
    """The state without times later than `at`: they are of a clock that was ahead, and is back.

    Nothing would be newer than them for as long as it was ahead: no parent's result, no retry.
    """
    if state.last_at is None or state.last_at <= at:
        return state
    return replace(
        state,
        since=_earlier(state.since, at),
        mark_since=_earlier(state.mark_since, at),
        failing_since=_earlier(state.failing_since, at),
        last_error_at=_earlier(state.last_error_at, at),
    )


def timeout_s(state: CheckState, policy: Policy, attempt: int) -> float:
    """How long a try may take: short after a time-out, from what the check usually takes."""
    if attempt < 2 or state.last_cause is not Cause.TIMEOUT:
        return policy.timeout_s
    usual_s = (state.usual_ms or 0.0) / 1000
    return min(policy.timeout_s, max(SHORTEST_TIMEOUT_S, USUAL_FACTOR * usual_s))


def unblock(state: CheckState, at: datetime) -> Advance:
    """The parent is back: the check counts anew, and reads unknown until its next result counts."""
    if state.mark is not Mark.BLOCKED:
        return Advance(state=state)
    after = _anew(state, at)
    reason = f"{state.blocked_by} is back"
    return Advance(state=after, transitions=transitions(state, after, at, reason))


def block(state: CheckState, by: str, at: datetime) -> Advance:
    """A parent went down: the check reads unknown at once, whatever it last measured."""
    if state.mark is Mark.PAUSED:
        return Advance(state=state)
    after = _set_aside(state, Mark.BLOCKED, at, by)
    return Advance(state=after, transitions=transitions(state, after, at, f"blocked by {by}"))


def pause(state: CheckState, at: datetime, reason: str = "paused") -> Advance:
    """Checking was stopped: it reads unknown, paused, until it is resumed."""
    after = _set_aside(state, Mark.PAUSED, at, None)
    return Advance(state=after, transitions=transitions(state, after, at, reason))


def resume(state: CheckState, at: datetime) -> Advance:
    """Checking goes on: the check counts anew and reads unknown until its first result."""
    if state.mark is not Mark.PAUSED:
        return Advance(state=state)
    after = _anew(state, at)
    return Advance(state=after, transitions=transitions(state, after, at, "resumed"))


def maintain(state: CheckState, window: str | None, at: datetime) -> Advance:
    """A maintenance window covers the check from now on; None says that none does any more."""
    if state.maintenance == window:
        return Advance(state=state)
    after = replace(state, maintenance=window)
    over = f"maintenance {state.maintenance} is over"
    reason = over if window is None else f"maintenance {window}"
    return Advance(state=after, transitions=transitions(state, after, at, reason))


def mark_of(state: CheckState) -> Mark:
    """The reason shown beside the status: maintenance lies over what is measured as usual."""
    covered = state.maintenance is not None and state.mark in OVERLAID
    return Mark.MAINTENANCE if covered else state.mark


def reads(state: CheckState) -> Status:
    """The status a check reads, before staleness and pausing: unknown unless it is confirmed."""
    if state.hard is None or state.mark in READS_UNKNOWN:
        return Status.UNKNOWN
    return state.hard


def stale_at(due: datetime, interval_s: float) -> datetime:
    """The moment from which a check that was due at `due` and has not run is stale."""
    return due + timedelta(seconds=max(2 * interval_s, 30.0))


def transitions(
    before: CheckState, after: CheckState, at: datetime, reason: str
) -> tuple[Transition, ...]:
    """The timeline rows between two states: changes of what it reads, of its mark, of flapping."""
    rows = []
    if reads(before) != reads(after) or (before.hard is None) != (after.hard is None):
        rows.append(_row(Change.HARD, before, after, at, reason))
    elif mark_of(before) != mark_of(after) or before.blocked_by != after.blocked_by:
        rows.append(_row(Change.MARK, before, after, at, reason))
    if before.flapping != after.flapping:
        word = "flapping" if after.flapping else "steady again"
        # It follows the row above it, if there is one: what is read has changed there.
        rows.append(_row(Change.FLAPPING, after, after, at, word))
    return tuple(rows)


def _row(
    change: Change, before: CheckState, after: CheckState, at: datetime, reason: str
) -> Transition:
    return Transition(
        check=after.check,
        at=at,
        change=change,
        before=reads(before),
        after=reads(after),
        mark_before=mark_of(before),
        mark=mark_of(after),
        reason=reason or after.last_cause.value,
        message=after.last_message,
    )


def _remember(
    state: CheckState, result: Result, policy: Policy, headline: str | None
) -> CheckState:
    """Note the result itself, whether or not it counts. A long gap clears what was not confirmed."""
    gap = state.last_at is not None and (
        (result.at - state.last_at).total_seconds() > 2 * policy.interval_s + policy.timeout_s
    )
    bad = result.status is not Status.HEALTHY
    failing_since = (state.failing_since if not gap else None) or result.at
    spark = state.spark
    if headline is not None:
        spark = (*spark, result.metrics.get(headline))[-SPARK:]
    return _changed(
        state,
        spark=spark,
        recent=() if gap else state.recent,
        failing_since=failing_since if bad else None,
        consecutive_failures=(0 if gap else state.consecutive_failures) + 1 if bad else 0,
        runs=state.runs + 1,
        errors=state.errors + (1 if bad else 0),
        last_at=result.at,
        last_status=result.status,
        last_cause=result.cause,
        last_message=result.message,
        last_error=result.message if bad else state.last_error,
        last_error_at=result.at if bad else state.last_error_at,
        attempt=result.attempt,
        usual_ms=_usual(state.usual_ms, result),
        levels=dict(result.levels),
    )


def _uncounted(after: CheckState, before: CheckState) -> CheckState:
    """The state without its counts of failures moved: what is behind a dead parent is not its fault."""
    return replace(after, consecutive_failures=before.consecutive_failures, errors=before.errors)


def _earlier(moment: datetime | None, at: datetime) -> datetime | None:
    return None if moment is None else min(moment, at)


def _usual(usual_ms: float | None, result: Result) -> float | None:
    if result.status is not Status.HEALTHY or result.response_time_ms is None:
        return usual_ms
    if usual_ms is None:
        return result.response_time_ms
    return usual_ms + USUAL_WEIGHT * (result.response_time_ms - usual_ms)


def _set_aside(state: CheckState, mark: Mark, at: datetime, by: str | None) -> CheckState:
    since = state.mark_since if state.mark is mark and state.blocked_by == by else at
    return replace(state, mark=mark, mark_since=since, blocked_by=by, recent=())


def _anew(state: CheckState, at: datetime) -> CheckState:
    """Nothing that was found before counts, not even since when the check fails: see `consult`."""
    return replace(
        state, mark=Mark.ANEW, mark_since=at, blocked_by=None, recent=(), failing_since=None
    )


def _count(state: CheckState, result: Result, policy: Policy, parents: Parents) -> CheckState:
    recent = (*state.recent, result.status)[-max(policy.failures, policy.successes) :]
    counts_anew = state.mark in COUNTS_FOR_NOTHING and state.failing_since is not None
    history, flapping = state.history, state.flapping
    if result.attempt == 1:
        history = (*history, result.status)[-HISTORY:]
        flapping = flaps(history, flapping)
    hard, mark = _confirmed(state, settle(state.hard, recent, policy), parents)
    return _changed(
        state,
        recent=recent,
        blocked_by=None,
        failing_since=result.at if counts_anew else state.failing_since,
        history=history,
        flapping=flapping,
        hard=hard,
        since=state.since if hard is state.hard else result.at,
        mark=mark,
        mark_since=state.mark_since if mark is state.mark else result.at,
    )


def _confirmed(
    state: CheckState, settled: Status | None, parents: Parents
) -> tuple[Status | None, Mark]:
    """The hard status and its mark where results have settled on a status, or on none."""
    if settled is None:
        mark = Mark.NONE if state.mark in (Mark.NONE, Mark.HELD) else state.mark
        mark = Mark.ANEW if mark in COUNTS_FOR_NOTHING else mark
        return state.hard, Mark.PENDING if state.hard is None else mark
    rises = settled > (state.hard or Status.HEALTHY)
    if rises and parents.verdict is ParentVerdict.WAIT:
        return state.hard, Mark.HELD
    return settled, Mark.NONE


def _changed(state: CheckState, **changes: Any) -> CheckState:
    """What `replace` does, in half the time: it is done twice for each result of each check."""
    return CheckState(**{**dict(zip(FIELDS, VALUES(state), strict=True)), **changes})


def settle(hard: Status | None, recent: tuple[Status, ...], policy: Policy) -> Status | None:
    """The status that `recent` confirms, oldest first; None while they confirm nothing.

    A check without a past is healthy at its first healthy result: there is nothing to clear.
    """
    if not recent:
        return None
    tail = recent[-policy.failures :]
    if len(recent) >= policy.failures and (hard is None or min(tail) >= hard):
        return min(tail)
    worst_of_last = max(recent[-policy.successes :])
    if hard is None:
        enough = len(recent) >= policy.successes or len(recent) == 1
        return Status.HEALTHY if enough and worst_of_last is Status.HEALTHY else None
    if len(recent) >= policy.successes and worst_of_last < hard:
        return worst_of_last
    return Status.HEALTHY if hard is Status.HEALTHY is recent[-1] else None


def _retry(state: CheckState, result: Result, policy: Policy) -> float | None:
    """Try an unconfirmed change again, as often as confirming it can need, then wait for the slot."""
    if policy.retry_interval_s is None or state.mark in COUNTS_FOR_NOTHING:
        return None
    confirmed = state.mark is Mark.NONE and state.hard is result.status
    if confirmed or (
        result.attempt >= max(policy.failures, policy.successes) and state.mark is not Mark.HELD
    ):
        return None
    pause = RETRY_AFTER_TIMEOUT_S if result.cause is Cause.TIMEOUT else policy.retry_interval_s
    return min(pause, policy.retry_interval_s)
