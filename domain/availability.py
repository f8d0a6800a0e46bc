"""Availability over periods: where they begin and end, and what incidents tell of outages. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from domain.exporting import Period
from domain.incidents import OPEN, Action, Severity, Stage

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
# From so long on whole days are told: it is one row a check and day, and those are kept longest.
WHOLE_DAYS = timedelta(days=7)


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """A line of an incident's timeline, as far as it tells whether the check was down."""

    at: datetime
    action: Action
    stage: Stage
    severity: Severity


@dataclass(frozen=True, slots=True, kw_only=True)
class Outage:
    """From `start` to `end` an incident of the check stood by itself, and was critical."""

    start: datetime
    end: datetime

    def within(self, start: datetime, end: datetime) -> timedelta:
        """How much of it lies between the two."""
        return max(min(self.end, end) - max(self.start, start), timedelta())


def outages(turns: Sequence[Turn], now: datetime) -> Iterator[Outage]:
    """The outages of one incident, whose turns come in the order of time.

    It is none while the incident is nested: then the check was blocked by what it depends on.
    """
    since: datetime | None = None
    nested = False
    for turn in turns:
        nested = turn.action is Action.NESTED or (nested and turn.action not in ALONE)
        down = turn.stage in OPEN and turn.severity >= Severity.CRITICAL and not nested
        if down and since is None:
            since = turn.at
        elif not down and since is not None:
            yield Outage(start=since, end=turn.at)
            since = None
    if since is not None:
        yield Outage(start=since, end=now)


ALONE = frozenset({Action.STANDS_ALONE, Action.OPENED, Action.REOPENED})


def whole(start: datetime, end: datetime, now: datetime) -> tuple[datetime, datetime]:
    """The range from full hours to full hours, of 7 days and more full days (UTC); now at the latest."""
    is_long = end - start >= WHOLE_DAYS
    start = start.replace(minute=0, second=0, microsecond=0)
    until = end.replace(minute=0, second=0, microsecond=0)
    if is_long:
        start, until = start.replace(hour=0), until.replace(hour=0)
    if until < end:
        until += DAY if is_long else HOUR
    return start, min(until, now)


def bounds(start: datetime, end: datetime, period: Period) -> tuple[datetime, ...]:
    """Where the periods of a range begin, and its end; the first and the last may be cut short."""
    found = [start]
    while (following := _next(found[-1], period)) is not None and following < end:
        found.append(following)
    return (*found, end)


def _next(moment: datetime, period: Period) -> datetime | None:
    day = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    if period is Period.DAY:
        return day + DAY
    if period is Period.WEEK:
        return day + DAY * (7 - day.weekday())
    if period is Period.MONTH:
        return (day.replace(day=1) + 32 * DAY).replace(day=1)
    return None
