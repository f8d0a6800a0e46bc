"""What a rule says of one series, moved by samples (`observe`) and by time alone (`elapse`). All pure.

A level fires once it has held for the rule's `for`, and ends once it has been clear for
`keep_firing_for`. Data that stays away breaks what was held, but ends nothing that fires.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from domain import course as courses
from domain import ruletexts
from domain.alertrules import AlertRule, Labels, Missing, RuleKind
from domain.course import Course, Timing, micros, moment_of
from domain.facts import Status
from domain.rates import Points, judged, kept
from domain.rules import grader

BEGINNING = Course()
SILENT = {
    Missing.UNKNOWN: Status.UNKNOWN,
    Missing.ALERT: Status.CRITICAL,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleState:
    """What is remembered of one rule and one series between two samples.

    `level` is what the rule says since `since`; `sentence` is what the last sample said, `message`
    the same with what became of it. `points` are the samples from which a rate is taken.
    """

    rule: str
    labels: Labels = ()
    level: Status = Status.HEALTHY
    since: datetime | None = None
    course: Course = BEGINNING
    last_value: float | None = None
    points: Points = ()
    sentence: str = ""
    message: str = ruletexts.NO_DATA_YET

    @property
    def last_at(self) -> datetime | None:
        """When the last sample came."""
        return _moment(self.course.last)

    @property
    def is_pending(self) -> bool:
        """Whether a level is held that does not fire yet."""
        return self.pending is not None

    @property
    def pending(self) -> Status | None:
        """The worst level that is held and does not fire yet."""
        return self._pending[0]

    @property
    def pending_since(self) -> datetime | None:
        """Since when that level has been held."""
        return _moment(self._pending[1])

    @property
    def critical_since(self) -> datetime | None:
        """Since when the value has been critical without a break."""
        return _moment(self.course.critical_since)

    @property
    def warning_since(self) -> datetime | None:
        """Since when the value has been at least a warning without a break."""
        return _moment(self.course.warning_since)

    @property
    def clearing_since(self) -> datetime | None:
        """Since when the value has been clear of what fires."""
        course = self.course
        return _moment(course.eased_since if course.calm_since is None else course.calm_since)

    @property
    def _pending(self) -> tuple[Status | None, int | None]:
        course = self.course
        for level, since in (
            (Status.CRITICAL, course.critical_since),
            (Status.WARNING, course.warning_since),
        ):
            if since is not None and course.firing < level:
                return level, since
        return None, None


def observe(rule: AlertRule, state: RuleState, at: datetime, value: float) -> RuleState:
    """The state after a sample. One that is not later than the last changes nothing."""
    now = micros(at)
    if state.course.last is not None and now <= state.course.last:
        return state
    timing = timing_of(rule)
    state = _passed(rule, timing, state, now - 1)
    found = judged(rule, state.points, now, value)
    level = None if found is None else grader(rule.levels, state.course.firing)(found)
    course = courses.take(timing, state.course, now, level)
    return _moved(
        rule,
        state,
        course,
        now,
        last_value=value if abs(value) < float("inf") else None,
        points=kept(rule, state.points, now, value),
        sentence=ruletexts.sentence(rule, state.labels, found, course.firing),
    )


def elapse(rule: AlertRule, state: RuleState, now: datetime) -> RuleState:
    """The state when time alone has passed until `now`, however often this is asked in between."""
    waiting = rule.kind is RuleKind.ABSENCE and state.course.heard is None
    if waiting:
        # That nothing has ever come is an absence too: it counts from the first look.
        return replace(state, course=state.course._replace(heard=micros(now)))
    return _passed(rule, timing_of(rule), state, micros(now))


def resume(
    rule: AlertRule, state: RuleState, now: datetime, stopped: datetime | None = None
) -> RuleState:
    """The state when evaluation goes on at `now` after a pause.

    From `stopped` until now the silence is not the series' own; all of it without `stopped`.
    """
    state = _not_ahead(state, micros(now))
    until = None if stopped is None else micros(stopped)
    return replace(state, course=courses.anew(timing_of(rule), state.course, micros(now), until))


def _not_ahead(state: RuleState, now: int) -> RuleState:
    """The state without times that are still to come: of a clock that was ahead, and is back.

    No sample would be newer than them, and no silence be noticed, for as long as it was ahead.
    """
    course = state.course
    if max(course.last or now, course.heard or now) <= now:
        return state
    since = state.since and min(state.since, moment_of(now))
    return replace(state, course=Course(firing=course.firing, heard=now), points=(), since=since)


def next_moment(rule: AlertRule, state: RuleState) -> datetime | None:
    """When `elapse` changes the state next if no sample comes; None: it never does."""
    return _moment(courses.moment(timing_of(rule), state.course))


def reads(rule: AlertRule, course: Course) -> Status:
    """The level that a rule says: what fires, unless its data is missing."""
    if not course.silent:
        return course.firing
    if rule.kind is RuleKind.ABSENCE:
        return Status.CRITICAL
    # What fires goes on: news of missing data must not end a critical, to raise it again later.
    return max(course.firing, SILENT.get(rule.missing, course.firing))


def timing_of(rule: AlertRule) -> Timing:
    """The rule's durations as the course reckons them."""
    hold = 0.0 if rule.kind is RuleKind.ABSENCE else rule.for_s
    lengths = (hold, rule.keep_firing_for_s, rule.interval_s / 2, rule.patience_s)
    return Timing(*(round(length * 1_000_000) for length in lengths))


def _passed(rule: AlertRule, timing: Timing, state: RuleState, until: int) -> RuleState:
    while True:
        at = courses.moment(timing, state.course)
        if at is None or at > until:
            return state
        state = _moved(rule, state, courses.turn(timing, state.course, at), at)


def _moved(rule: AlertRule, state: RuleState, course: Course, at: int, **changes: Any) -> RuleState:
    """The state with a new course, and with the message that tells it."""
    level, since = reads(rule, course), state.since
    if level is not state.level:
        # A sample that came late may be older than what time alone has said already.
        since = moment_of(at) if since is None else max(since, moment_of(at))
    resolved = state.level is not Status.HEALTHY and level is Status.HEALTHY
    said = changes.get("sentence", state.sentence)
    message = ruletexts.message(rule, state.labels, course, said, at, resolved=resolved)
    return replace(state, course=course, level=level, since=since, message=message, **changes)


def _moment(at: int | None) -> datetime | None:
    return None if at is None else moment_of(at)
