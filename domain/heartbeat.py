"""Heartbeats: what the pings of a job mean, and when the next one is overdue.

The signals are those of Healthchecks (https://healthchecks.io/docs/http_api/): success, start, fail,
log and the exit status; `rid` pairs the start and the end of runs that overlap.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from domain.facts import Cause, Status
from domain.outages import Outage, ended_after, merged, moved, outage_between
from domain.units import span

MOST_RUNS = 20
LONGEST_BODY = 10_000
# What neither a page nor every store can hold: control characters but tab and line feed.
UNSHOWN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


class Signal(StrEnum):
    """What a ping says."""

    SUCCESS = "success"
    START = "start"
    FAIL = "fail"
    LOG = "log"


@dataclass(frozen=True, slots=True, kw_only=True)
class Beat:
    """One ping. `exit_status` is None where none was given, `rid` empty; `body` is for people."""

    at: datetime
    signal: Signal
    exit_status: int | None = None
    rid: str = ""
    body: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A run of the job that has begun and not ended."""

    rid: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """All that is remembered of a job. `since` is when its pings were first waited for.

    `ended_at` is its last success or failure. `outages` are those that still move its deadlines.
    """

    since: datetime
    ended_at: datetime | None = None
    failed: bool = False
    exit_status: int | None = None
    running: tuple[Run, ...] = ()
    duration_ms: float | None = None
    body: str = ""
    outages: tuple[Outage, ...] = ()

    @property
    def anchor(self) -> datetime:
        """The moment from which the next ping is waited for."""
        return self.ended_at or self.since


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """When a job pings: `due_after` says when after a ping the next is due; `grace_s` later is too late."""

    grace_s: float
    due_after: Callable[[datetime], datetime]


class Reason(StrEnum):
    """Why a job reads what it reads, in the order in which it is asked."""

    FAILED = "failed"
    RUN_OVERDUE = "run overdue"
    OVERDUE = "overdue"
    DEAF = "cannot be heard"
    NEVER = "never pinged"
    LATE = "late"
    ON_TIME = "on time"


READS = {
    Reason.FAILED: (Status.CRITICAL, Cause.WRONG_ANSWER),
    Reason.RUN_OVERDUE: (Status.CRITICAL, Cause.TIMEOUT),
    Reason.OVERDUE: (Status.CRITICAL, Cause.MISSING),
    Reason.DEAF: (Status.UNKNOWN, Cause.NOT_MEASURABLE),
    Reason.NEVER: (Status.UNKNOWN, Cause.NOT_MEASURABLE),
    Reason.LATE: (Status.HEALTHY, Cause.NONE),
    Reason.ON_TIME: (Status.HEALTHY, Cause.NONE),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a job reads and why. `look_at` is when that may change by time alone."""

    reason: Reason
    message: str
    due: datetime
    look_at: datetime | None

    @property
    def status(self) -> Status:
        """The status of the check."""
        return READS[self.reason][0]

    @property
    def cause(self) -> Cause:
        """The cause that is stored with it."""
        return READS[self.reason][1]


def shown_body(data: bytes) -> str:
    """The body of a ping as it is kept: the first 10 kB as text, without control characters."""
    text = data[:LONGEST_BODY].decode("utf-8", "replace").replace("\r\n", "\n")
    return UNSHOWN.sub("\N{REPLACEMENT CHARACTER}", text)


def take_in(heard: Heard, beat: Beat, plan: Plan) -> Heard:
    """What is remembered after a ping."""
    heard = replace(heard, body=beat.body or heard.body)
    if beat.signal is Signal.LOG:
        return heard
    others = tuple(run for run in heard.running if run.rid != beat.rid)
    if beat.signal is Signal.START:
        begun = (*others, Run(rid=beat.rid, at=beat.at))
        return replace(heard, running=begun[-MOST_RUNS:])
    return _ended(heard, beat, others, plan)


def _ended(heard: Heard, beat: Beat, others: tuple[Run, ...], plan: Plan) -> Heard:
    mine = next((run for run in heard.running if run.rid == beat.rid), None)
    took = None if mine is None else (beat.at - mine.at).total_seconds() * 1000
    grace = timedelta(seconds=plan.grace_s)
    # A run that died without a word must not be held against a job that has succeeded since.
    left = tuple(run for run in others if run.at + grace >= beat.at)
    ended_at = max(beat.at, heard.ended_at or beat.at)
    needed = min([ended_at, *(run.at for run in left)])
    return replace(
        heard,
        ended_at=ended_at,
        failed=beat.signal is Signal.FAIL,
        exit_status=beat.exit_status,
        running=left if beat.signal is Signal.SUCCESS else others,
        duration_ms=heard.duration_ms if took is None else max(0.0, round(took, 1)),
        outages=ended_after(heard.outages, needed),
    )


def missed(heard: Heard, outage: Outage) -> Heard:
    """What is remembered after a stretch in which no ping could be received."""
    return replace(heard, outages=merged((*heard.outages, outage)))


def judge(heard: Heard, plan: Plan, now: datetime, receiving: datetime | None) -> Verdict:
    """What the job reads now. `receiving` is the last sign that pings can be received.

    Deadlines move by the time in which they could not, which is told apart from silence.
    """
    silent = outage_between(receiving or heard.since, now)
    outages = (*heard.outages, silent) if silent else heard.outages
    due = plan.due_after(heard.anchor)
    grace = timedelta(seconds=plan.grace_s)
    deadline = moved(due + grace, heard.anchor, outages)
    ends = {run.at: moved(run.at + grace, run.at, outages) for run in heard.running}
    overdue = min((at for at, end in ends.items() if end < now), default=None)
    if heard.failed:
        reason, message = Reason.FAILED, _failure(heard, now)
    elif overdue is not None:
        reason = Reason.RUN_OVERDUE
        message = (
            f"the run that started {_at(overdue, now)} has not ended within {span(plan.grace_s)}"
        )
    elif deadline < now:
        reason, message = Reason.OVERDUE, _silence(heard, plan, due, now)
    elif silent:
        reason = Reason.DEAF
        message = f"pings cannot be received since {_at(silent.since, now)}: the web is away"
    elif heard.ended_at is None:
        reason = Reason.NEVER
        message = f"no ping yet, expected by {_at(due, now)} + {span(plan.grace_s)}"
    elif due < now:
        reason = Reason.LATE
        message = f"late: expected by {_at(due, now)}, overdue {_at(deadline, now)}"
    else:
        reason, message = Reason.ON_TIME, _well(heard, due, now)
    coming = (moment for moment in (due, deadline, *ends.values()) if moment >= now)
    return Verdict(reason=reason, message=message, due=due, look_at=min(coming, default=None))


def _failure(heard: Heard, now: datetime) -> str:
    when = _at(heard.anchor, now)
    if heard.exit_status is None:
        return f"the job said {when} that it failed"
    return f"the job ended {when} with exit status {heard.exit_status}, expected 0"


def _silence(heard: Heard, plan: Plan, due: datetime, now: datetime) -> str:
    since = "yet" if heard.ended_at is None else f"since {_at(heard.ended_at, now)}"
    return f"no ping {since}, expected by {_at(due, now)} + {span(plan.grace_s)}" + "".join(
        _unheard(heard)
    )


def _unheard(heard: Heard) -> Iterator[str]:
    lost_s = sum(
        (each.until - max(each.since, heard.anchor)).total_seconds()
        for each in ended_after(heard.outages, heard.anchor)
    )
    if lost_s:
        yield f" + {span(lost_s)} in which none could be received"


def _well(heard: Heard, due: datetime, now: datetime) -> str:
    took = "" if heard.duration_ms is None else f", took {_length(heard.duration_ms)}"
    return f"pinged {_at(heard.anchor, now)}{took}, next by {_at(due, now)}"


def _length(length_ms: float) -> str:
    return f"{length_ms:.0f} ms" if length_ms < 1000 else span(length_ms / 1000)


def _at(moment: datetime, now: datetime) -> str:
    """`09:12 UTC`, with the day where it is not today's."""
    form = "%H:%M UTC" if moment.date() == now.date() else "%d %b %H:%M UTC"
    return moment.strftime(form)
