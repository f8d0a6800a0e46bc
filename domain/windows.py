"""Maintenance windows: when they begin and end, and whom they cover. All pure, the clock passed in.

Local times follow the rules of the clock: one that a clock set forward jumps over moves to the end
of the gap, of one that comes twice the first counts. A recurring window begins once on each local
day it is meant for, and never on a day that its zone left out (Samoa had no 30 December 2011).
Durations are elapsed time.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from enum import StrEnum
from functools import lru_cache
from zoneinfo import ZoneInfo

from domain.matching import Match, Subject, matches

LAST_DAY = -1
DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)
# From any day, one of this and the next two months has the day that is asked for: 31 is the rarest.
MONTHS = 3
FORWARD, BACKWARD = 1, -1


class Recurrence(StrEnum):
    """How often a window comes."""

    ONCE = "once"
    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A maintenance window, as it was read: `domain.windowtable` has made sure that it can be.

    `start` is wall clock in `timezone`, without a zone of its own: a time of day when it recurs,
    date and time when it comes once (`fold=1` then means the second of two equal times). `days` are
    0 (Monday) to 6 when weekly, 1 to 31 or LAST_DAY when monthly. With `flexible`, what first fails
    within the window is covered for that long from then on, also beyond the window's end.
    """

    name: str
    match: Match
    start: time | datetime
    duration: timedelta
    recurrence: Recurrence
    timezone: str
    days: tuple[int, ...] = ()
    flexible: timedelta | None = None
    reason: str = ""
    enabled: bool = True
    author: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Occurrence:
    """One time that a window comes, from `start` until before `end` (UTC)."""

    start: datetime
    end: datetime


def occurrence(window: Window, now: datetime) -> Occurrence | None:
    """The occurrence that covers now, of several the one that ends last; None when none does."""
    # All last equally long, so the one that began last ends last.
    latest = _latest(window, now)
    return latest if latest is not None and now < latest.end else None


def following(window: Window, now: datetime) -> Occurrence | None:
    """The next occurrence that begins after now; None when the window never comes again."""
    begins = (begin for begin in _begins(window, now, FORWARD) if begin > now)
    return _lasting(window, next(begins, None))


def covers(
    window: Window, subject: Subject, now: datetime, failing_since: datetime | None
) -> Occurrence | None:
    """The time for which the window covers the subject, if that is now; None when it does not.

    A flexible window covers what fails, from its start or the first failure in it, whichever is
    later. What does not fail has nothing to mute. `next_edge` can't know when that time is over.
    """
    if not window.enabled or not matches(window.match, subject):
        return None
    if window.flexible is None:
        return occurrence(window, now)
    # Of all that have begun, the last covers longest: no earlier one covers when it does not.
    latest = _latest(window, now)
    if latest is None or failing_since is None or failing_since >= latest.end:
        return None
    start = max(latest.start, failing_since)
    covered = Occurrence(start=start, end=start + window.flexible)
    return covered if covered.start <= now < covered.end else None


def next_edge(windows: Iterable[Window], now: datetime) -> datetime | None:
    """The next moment at which one of the windows begins or ends; None when none ever will.

    Where occurrences of a window overlap, the end of all but the last is no edge.
    """
    return min((edge for window in windows for edge in _edges(window, now)), default=None)


def zone_of(timezone: str) -> tzinfo:
    """The zone of that IANA name. Raises what ZoneInfo raises when there is none."""
    # UTC must do without a database of zones, which the smallest systems do not have.
    return UTC if timezone == "UTC" else ZoneInfo(timezone)


def moment_of(local: datetime, zone: tzinfo) -> datetime:
    """The moment (UTC) at which a clock of the zone shows the local time, or jumps over it."""
    moment = local.replace(tzinfo=zone).astimezone(UTC)
    return moment if _wall(moment, zone) == _plain(local) else _end_of_gap(local, zone)


def is_in_gap(local: datetime, zone: tzinfo) -> bool:
    """Whether clocks of the zone jump over the local time and never show it."""
    return _wall(moment_of(local, zone), zone) != _plain(local)


def _edges(window: Window, now: datetime) -> Iterator[datetime]:
    current, later = occurrence(window, now), following(window, now)
    if current is not None:
        yield current.end
    if later is not None:
        yield later.start


def _latest(window: Window, now: datetime) -> Occurrence | None:
    """The occurrence that began last, over or not."""
    begins = (begin for begin in _begins(window, now, BACKWARD) if begin <= now)
    return _lasting(window, next(begins, None))


def _lasting(window: Window, begin: datetime | None) -> Occurrence | None:
    return None if begin is None else Occurrence(start=begin, end=begin + window.duration)


def _begins(window: Window, now: datetime, direction: int) -> Iterator[datetime]:
    """The moments at which the window begins, from around now on, forwards or backwards."""
    if not window.enabled:
        return
    zone = zone_of(window.timezone)
    if isinstance(window.start, datetime):
        yield moment_of(window.start, zone)
        return
    today = now.astimezone(zone).date()
    # A clock set back over midnight shows yesterday again after today's windows have begun.
    first = today if direction == FORWARD else today + DAY
    for day in _days(window, first, direction):
        begin = _begin(day, window.start, window.timezone)
        if begin is not None:
            yield begin


# Each result asks for the same few days again.
@lru_cache(maxsize=4096)
def _begin(day: date, start: time, timezone: str) -> datetime | None:
    """When a recurring window begins on a local day; None when the zone left the day out."""
    zone = zone_of(timezone)
    begin = moment_of(datetime.combine(day, start), zone)
    if _wall(begin, zone).date() == day:
        return begin
    midnight = moment_of(datetime.combine(day, time()), zone)
    return None if midnight == begin else begin


def _days(window: Window, first: date, direction: int) -> Iterator[date]:
    """The local days on which a recurring window begins, from `first` on."""
    day = _nearest(window, first, direction)
    while day is not None:
        yield day
        day = _nearest(window, day + direction * DAY, direction)


def _nearest(window: Window, day: date, direction: int) -> date | None:
    """The day itself, else the nearest in that direction, on which the window begins."""
    if window.recurrence is Recurrence.DAILY:
        return day
    if not window.days:
        return None
    if window.recurrence is Recurrence.WEEKLY:
        away = min(direction * (each - day.weekday()) % 7 for each in window.days)
        return day + direction * away * DAY
    return _nearest_of_months(window.days, day, direction)


def _nearest_of_months(days: tuple[int, ...], day: date, direction: int) -> date | None:
    for away in range(MONTHS):
        year, month = divmod(day.year * 12 + day.month - 1 + direction * away, 12)
        length = monthrange(year, month + 1)[1]
        dates = (
            date(year, month + 1, length if each == LAST_DAY else each)
            for each in days
            if each <= length
        )
        if ahead := [each for each in dates if direction * (each - day).days >= 0]:
            return min(ahead) if direction == FORWARD else max(ahead)
    return None


def _wall(moment: datetime, zone: tzinfo) -> datetime:
    return _plain(moment.astimezone(zone))


def _plain(local: datetime) -> datetime:
    return local.replace(tzinfo=None, fold=0)


def _end_of_gap(local: datetime, zone: tzinfo) -> datetime:
    """The first moment at which a clock of the zone shows the local time or a later one.

    By PEP 495 fold=1 takes a missing time as one before the gap, and fold=0 as one behind it.
    """
    wanted = local.replace(microsecond=0)
    before = wanted.replace(tzinfo=zone, fold=1).astimezone(UTC)
    after = wanted.replace(tzinfo=zone, fold=0).astimezone(UTC)
    # Zones change at whole seconds.
    while after - before > SECOND:
        middle = before + (after - before) // SECOND // 2 * SECOND
        if _wall(middle, zone) < _plain(wanted):
            before = middle
        else:
            after = middle
    return after
