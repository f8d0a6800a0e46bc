"""The course of one series under a rule: what holds since when, what fires, and what time changes.

Times are whole microseconds since 1970, so that live evaluation and back-tests reckon exactly alike.
A sample is taken with `take`, time alone with `turn` at each `moment` that is due.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from domain.facts import Status

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
H, W, C = Status.HEALTHY, Status.WARNING, Status.CRITICAL


class Timing(NamedTuple):
    """The durations of a rule. A value counts for `half` an interval beyond its sample.

    `hold` is what must pass before a level fires, `keep` before it ends, `patience` before the data
    is missing.
    """

    hold: int
    keep: int
    half: int
    patience: int


class Course(NamedTuple):
    """What is remembered. `firing` is the level that was held long enough and not yet cleared.

    `warning_since`: at least warning without a break; `critical_since`: critical without a break;
    `calm_since`: below warning while that fires; `eased_since`: below critical while that fires;
    `heard`: from when on silence counts; `silent`: the data is missing.
    """

    firing: Status = H
    warning_since: int | None = None
    critical_since: int | None = None
    calm_since: int | None = None
    eased_since: int | None = None
    last: int | None = None
    heard: int | None = None
    silent: bool = False


def micros(at: datetime) -> int:
    """A time as whole microseconds since 1970."""
    return (at - EPOCH) // MICROSECOND


def moment_of(at: int) -> datetime:
    """The time of so many microseconds since 1970."""
    return EPOCH + at * MICROSECOND


def take(timing: Timing, course: Course, at: int, level: Status | None) -> Course:
    """Take a sample of `level` that came at `at`, later than all before; None says nothing of it.

    Everything that was due before `at` has happened already.
    """
    if level is None:
        fired = Course(firing=course.firing)
        return fired._replace(last=at, heard=at)
    firing, warned, bad, calm, eased, *_ = course
    warned = (at if warned is None else warned) if level >= W else None
    bad = (at if bad is None else bad) if level >= C else None
    calm = (at if calm is None else calm) if level < W <= firing else None
    eased = (at if eased is None else eased) if level < C <= firing else None
    return _settled(timing, Course(firing, warned, bad, calm, eased, at, at, False), at)


def moment(timing: Timing, course: Course) -> int | None:
    """When time alone changes something next, if no sample comes; None: it never does."""
    if course.silent or course.heard is None:
        return None
    due = course.heard + timing.patience
    firing, warned, bad, calm, eased, last, _, _ = course
    # A sample that is expected by then decides; only what falls due well before it is not waited for.
    reach = (last or 0) + timing.half - timing.hold
    if warned is not None and firing < W and warned <= reach:
        due = min(due, warned + timing.hold)
    if bad is not None and firing < C and bad <= reach:
        due = min(due, bad + timing.hold)
    if calm is not None:
        due = min(due, calm + timing.keep)
    if eased is not None:
        due = min(due, eased + timing.keep)
    return due


def turn(timing: Timing, course: Course, at: int) -> Course:
    """The course after its `moment`, which is `at`: a level fires, one ends, or the data is missing."""
    if course.heard is None or at >= course.heard + timing.patience:
        return Course(firing=course.firing, last=course.last, heard=course.heard, silent=True)
    return _settled(timing, course, at)


def anew(timing: Timing, course: Course, at: int, stopped: int | None = None) -> Course:
    """Nobody looked from `stopped` to `at`: that is no silence of the series, what was before is.

    A long gap breaks what was held. Without `stopped` nobody looked since the series was heard.
    """
    if course.heard is None or at <= course.heard:
        return course
    before = course.heard if stopped is None else min(max(stopped, course.heard), at)
    if before == at:
        return course
    heard = course.heard + at - before
    if at - course.heard <= timing.patience:
        return course._replace(heard=heard)
    return Course(firing=course.firing, last=course.last, heard=heard, silent=course.silent)


def steady(course: Course) -> Status | None:
    """The level at which one more sample in time changes nothing but `last`; None: each may change it."""
    if course.silent or course.calm_since is not None or course.eased_since is not None:
        return None
    warned, bad = course.warning_since is not None, course.critical_since is not None
    runs = (C if bad else W) if warned else H
    return runs if runs is course.firing else None


def _settled(timing: Timing, course: Course, at: int) -> Course:
    """The course with the level that fires at `at`. What does not fire has nothing to clear."""
    firing = course.firing
    if _is_over(course.critical_since, timing.hold, at) or (
        firing is C and not _is_over(course.eased_since, timing.keep, at)
    ):
        settled = C
    elif _is_over(course.warning_since, timing.hold, at) or (
        firing is not H and not _is_over(course.calm_since, timing.keep, at)
    ):
        settled = W
    else:
        settled = H
    if settled is firing:
        return course
    return course._replace(
        firing=settled,
        calm_since=course.calm_since if settled >= W else None,
        eased_since=course.eased_since if settled >= C else None,
    )


def _is_over(since: int | None, length: int, at: int) -> bool:
    return since is not None and at - since >= length
