"""Passive results: what somebody else has measured and sent, and for how long it holds."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from domain.facts import Cause, Status
from domain.outages import Outage, ended_after, merged, moved, outage_between
from domain.units import span

METRIC = re.compile(r"[a-z][a-z0-9_]*(\.[a-z0-9_]+)*")
LONGEST_METRIC = 100
MOST_METRICS = 50
LARGEST = 1e300
# A sender's clock may be ahead by so much. Results older than a day tell nothing of today.
AHEAD = timedelta(minutes=1)
OLDEST = timedelta(days=1)
STATUSES = {status.word: status for status in Status}


class Untimely(ValueError):
    """A result of a time that can't be taken: of the future, or too old. The message says which."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One result as it was sent. `at` is when it was measured."""

    at: datetime
    status: Status
    message: str = ""
    metrics: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """All that is remembered of a passive check. `since` is when results were first waited for."""

    since: datetime
    last: Told | None = None
    outages: tuple[Outage, ...] = ()

    @property
    def anchor(self) -> datetime:
        """The moment from which the next result is waited for."""
        return self.last.at if self.last else self.since


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a passive check reads. `look_at` is when that may change by time alone."""

    status: Status
    cause: Cause
    message: str
    look_at: datetime | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)


def status_named(word: str) -> Status:
    """The status of this word. Raises ValueError naming those that there are."""
    if word not in STATUSES:
        raise ValueError(f"must be one of {', '.join(STATUSES)}")
    return STATUSES[word]


def timely(at: datetime, now: datetime) -> datetime:
    """The time itself, no later than now. Raises Untimely with the reason."""
    if at - now > AHEAD:
        raise Untimely(f"lies {span((at - now).total_seconds())} in the future")
    if now - at > OLDEST:
        raise Untimely(f"lies {span((now - at).total_seconds())} back: at most a day is taken")
    return min(at, now)


def checked_metrics(metrics: Mapping[str, float]) -> Mapping[str, float]:
    """The numbers themselves. Raises ValueError with the name of one that can't be a series."""
    if len(metrics) > MOST_METRICS:
        raise ValueError(f"has more than {MOST_METRICS} entries")
    for name, value in metrics.items():
        if len(name) > LONGEST_METRIC or not METRIC.fullmatch(name):
            raise ValueError(f"{name[:50]!a} is no name of a metric: write it like queue.length")
        if not math.isfinite(value) or abs(value) > LARGEST:
            raise ValueError(f"{name} is no number that can be stored")
    return metrics


def take_in(waiting: Waiting, told: Told) -> Waiting:
    """What is remembered after a result; one older than the last changes nothing."""
    if waiting.last is not None and told.at < waiting.last.at:
        return waiting
    return replace(waiting, last=told, outages=ended_after(waiting.outages, told.at))


def missed(waiting: Waiting, outage: Outage) -> Waiting:
    """What is remembered after a stretch in which no result could be received."""
    return replace(waiting, outages=merged((*waiting.outages, outage)))


def judge(
    waiting: Waiting,
    fresh_for_s: float,
    when_silent: Status,
    now: datetime,
    receiving: datetime | None,
) -> Verdict:
    """What the check reads now: the last result while it is fresh, then `when_silent`.

    `receiving` is the last sign that results can be received; while they can't, silence says nothing.
    """
    silent = outage_between(receiving or waiting.since, now)
    outages = (*waiting.outages, silent) if silent else waiting.outages
    fresh = timedelta(seconds=fresh_for_s)
    deadline = moved(waiting.anchor + fresh, waiting.anchor, outages)
    last = waiting.last
    if now > deadline:
        since = f"since {last.at:%d %b %H:%M:%S} UTC" if last else "yet"
        message = f"no result {since}, expected at least every {span(fresh_for_s)}"
        return Verdict(status=when_silent, cause=Cause.MISSING, message=message)
    if silent:
        message = (
            f"results cannot be received since {silent.since:%d %b %H:%M} UTC: the web is away"
        )
        return Verdict(status=Status.UNKNOWN, cause=Cause.NOT_MEASURABLE, message=message)
    if last is None:
        message = f"no result yet, expected at least every {span(fresh_for_s)}"
        cause = Cause.NOT_MEASURABLE
        return Verdict(status=Status.UNKNOWN, cause=cause, message=message, look_at=deadline)
    return Verdict(
        status=last.status,
        cause=Cause.NONE if last.status is Status.HEALTHY else Cause.WRONG_ANSWER,
        message=last.message or f"reported {last.status.word}",
        look_at=deadline,
        metrics=last.metrics,
    )
