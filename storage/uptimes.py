"""Uptime by hour and day, made of the timeline of each check before that grows old, and read back."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from operator import add, attrgetter

from sqlalchemy import Connection, Engine, func, select

from domain.facts import CheckState, Mark, Status, Transition
from domain.ladder import DAY, HOUR
from domain.timeline import Gap, stretches
from domain.uptime import COLUMNS, Spent, spent, steady
from storage import uptime_rows, uptime_totals
from storage.engine import from_ms, reader, to_ms, upsert
from storage.readings import Readings
from storage.schema import check_state, counters, transitions, uptime
from storage.slices import Slices
from storage.state_rows import STATE_TEXT, read_reading, read_state
from storage.uptime_rows import HOURS_OF_A_DAY, NONE, Times

HOUR_MS = HOUR * 1000
TIMES = attrgetter(*COLUMNS)
KEY = ("step", "bucket", "check_id")
# The row of `counters` that holds the hour after the last one that was rolled up.
ROLLED = "uptime_rolled"
# What was found in an hour may still be on its way to the store.
GRACE = timedelta(minutes=2)
NOT_WATCHED = "not watched"


@dataclass(frozen=True, slots=True)
class Line:
    """The timeline of one check from some time on, and what it reads now.

    `until` is when a check that is not watched any more was last known to run; None for the others.
    """

    rows: Sequence[Transition]
    times: Sequence[datetime]
    status: Status
    mark: Mark
    until: datetime | None = None

    def is_over(self, moment: datetime) -> bool:
        """Whether there is nothing to say of the check from `moment` on."""
        return self.until is not None and self.until <= moment

    def spent(self, start: datetime, end: datetime, gaps: Sequence[Gap]) -> Spent:
        """How long it read what from `start` to `end`."""
        first, last = bisect_left(self.times, start), bisect_left(self.times, end)
        # Without a line in between, what the next one tells of before it held all the time.
        after = self.rows[last] if last < len(self.rows) else None
        status, mark = (after.before, after.mark_before) if after else (self.status, self.mark)
        if self.until is not None and self.until < end:
            gaps = (*gaps, Gap(started=self.until, ended=end, reason=NOT_WATCHED))
        if first == last and not gaps and start < end:
            return steady(status, mark, start, end)
        return spent(stretches(self.rows[first:last], status, mark, start, end, gaps))


def roll(
    slices: Slices,
    now: datetime,
    oldest: datetime | None = None,
) -> int:
    """Roll up all hours that are over; returns how many. Raises LeadershipLost.

    They are made of the rows there are, also of checks that are not watched any more. The timelines
    reach back to `oldest`: what lies before is left as it was rolled up then. Readers learn of hours
    when their days and totals stand too.
    """
    due, last = _hours_due(slices.engine, now)
    first = due if oldest is None else max(due, -(-to_ms(oldest) // HOUR_MS))
    if first >= last:
        _take_back(slices, last)
        return 0
    _note_rolled(slices, due)
    _add_up_days(slices, range(due // HOURS_OF_A_DAY, first // HOURS_OF_A_DAY))
    uptime_totals.bring_up_to(slices, first)
    lines, gaps = _lines(slices.engine, from_ms(first * HOUR_MS))
    for hours in _by_day(first, last):
        for hour in hours:
            start = from_ms(hour * HOUR_MS)
            watched = {key: line for key, line in lines.items() if not line.is_over(start)}
            rows = [_row(hour, key, line, gaps) for key, line in watched.items()]
            slices.each(rows, _write)
        _add_up_days(slices, range(hours.start // HOURS_OF_A_DAY, hours.stop // HOURS_OF_A_DAY))
        uptime_totals.bring_up_to(slices, hours.stop)
        _note_rolled(slices, hours.stop)
    uptime_totals.forget_former(slices, last)
    return last - first


def _by_day(first: int, last: int) -> Iterator[range]:
    """The hours from `first` to the one before `last`, those of each day together."""
    while first < last:
        until = min(last, (first // HOURS_OF_A_DAY + 1) * HOURS_OF_A_DAY)
        yield range(first, until)
        first = until


def read(engine: Engine, start: datetime, end: datetime) -> dict[int, Spent]:
    """How long each check that is watched read what, by its id; `start` is taken back to its hour.

    Whole days and hours come from what was rolled up, the rest from the timelines.
    """
    return next(read_each(engine, (start, end)))


def read_each(engine: Engine, bounds: Sequence[datetime]) -> Iterator[dict[int, Spent]]:
    """As `read`, of each stretch between two neighbours; all but the last bound are full hours."""
    rolled_to = _readable_to(engine)
    hours = [to_ms(bound) // HOUR_MS for bound in bounds]
    ends = [max(first, min(last, rolled_to or first)) for first, last in pairwise(hours)]
    fresh = [from_ms(hour * HOUR_MS) for hour in ends]
    # Where the timelines begin to be needed: before that everything is rolled up.
    since = next((at for at, end in zip(fresh, bounds[1:], strict=True) if at < end), bounds[-1])
    lines, gaps = _lines(engine, since)
    watched = {key: line for key, line in lines.items() if line.until is None}
    for first, last, at, end in zip(hours, ends, fresh, bounds[1:], strict=False):
        with reader(engine).connect() as connection:
            found = _rolled(connection, first, last)
        if at < end:
            found = {
                key: tuple(map(add, found.get(key, NONE), TIMES(line.spent(at, end, gaps))))
                for key, line in watched.items()
            }
        yield {key: Spent(*found.get(key, NONE)) for key in watched}


def _hours_due(engine: Engine, now: datetime) -> tuple[int, int]:
    """The hours to roll up, from the first to the one before the last, counted from 1970."""
    last = to_ms(now - GRACE) // HOUR_MS
    noted, stored = _rolled_to(engine)
    if stored is not None:
        return stored if noted is None else noted, last
    with reader(engine).connect() as connection:
        oldest = connection.scalar(select(func.min(transitions.c.at)))
    return (last, last) if oldest is None else (to_ms(oldest) // HOUR_MS, last)


def _rolled_to(engine: Engine) -> tuple[int | None, int | None]:
    """The hour after the last one that was rolled up, as noted and by the rows that stand."""
    with reader(engine).connect() as connection:
        noted = connection.scalar(select(counters.c.value).where(counters.c.name == ROLLED))
        newest = connection.scalar(select(func.max(uptime.c.bucket)).where(uptime.c.step == HOUR))
    return noted, None if newest is None else int(newest) + 1


def _readable_to(engine: Engine) -> int | None:
    """The hour up to which rolled up ones can be read; None for none.

    A clock that was ahead for long may have left rows of hours that are still to come.
    """
    noted, stored = _rolled_to(engine)
    return stored if noted is None or stored is None else min(noted, stored)


def whole_days(engine: Engine) -> int:
    """The first day, counted from 1970, that is not rolled up as a whole; 0 when none is."""
    return (_readable_to(engine) or 0) // HOURS_OF_A_DAY


def _note_rolled(slices: Slices, hour: int) -> None:
    with slices.lock() as connection:
        upsert(connection, counters, [{"name": ROLLED, "value": hour}], ("name",))


def _take_back(slices: Slices, last: int) -> None:
    """Of a clock that went back: the hours that come once more are rolled up once more."""
    noted, _ = _rolled_to(slices.engine)
    if noted is not None and noted > last:
        _note_rolled(slices, last)


def _lines(engine: Engine, since: datetime) -> tuple[dict[int, Line], tuple[Gap, ...]]:
    readings = Readings(engine)
    told = readings.timeline(since)
    query = select(check_state.c.id, STATE_TEXT, check_state.c.present, check_state.c.due)
    with reader(engine).connect() as connection:
        rows = connection.execute(query).all()
    lines = {
        key: _line(told.get(key, ()), text, present, due, since) for key, text, present, due in rows
    }
    return lines, readings.gaps(since)


def _line(
    rows: Sequence[Transition], text: str, present: bool, due: datetime | None, since: datetime
) -> Line:
    status, mark = read_reading(text)
    return Line(
        rows=rows,
        times=[row.at for row in rows],
        status=status,
        mark=mark,
        until=None if present else _last_known(read_state(text), due, since),
    )


def _last_known(state: CheckState, due: datetime | None, since: datetime) -> datetime:
    """Until when a check ran that is not watched any more: it would have run again when it was due."""
    times = (due, state.last_at, state.mark_since)
    return max((each for each in times if each is not None), default=since)


def _row(hour: int, key: int, line: Line, gaps: Sequence[Gap]) -> Mapping[str, int]:
    start = from_ms(hour * HOUR_MS)
    times = line.spent(start, start + timedelta(hours=1), gaps)
    return {"step": HOUR, "bucket": hour, "check_id": key, **asdict(times)}


def _write(connection: Connection, rows: Sequence[Mapping[str, int]]) -> None:
    upsert(connection, uptime, rows, KEY)


def _add_up_days(slices: Slices, days: Iterable[int]) -> None:
    """Make days of their hours. None is made before it is over: until then its hours are read."""
    for day in days:
        hours = range(day * HOURS_OF_A_DAY, (day + 1) * HOURS_OF_A_DAY)
        with reader(slices.engine).connect() as connection:
            found = uptime_rows.sums(connection, HOUR, hours.start, hours.stop)
        rows = [
            {"step": DAY, "bucket": day, "check_id": key, **dict(zip(COLUMNS, times, strict=True))}
            for key, times in found.items()
        ]
        slices.each(rows, _write)


def rolled(connection: Connection, first: int, last: int) -> dict[int, Spent]:
    """The hours from `first` to the one before `last`, all of them rolled up, by check."""
    return {key: Spent(*times) for key, times in _rolled(connection, first, last).items()}


def _rolled(connection: Connection, first: int, last: int) -> dict[int, Times]:
    """By the totals of its first and its last hour where they stand, else by days and hours.

    There is one at the end of each day, and one of the newest hour; the hours before and after are added.
    """
    day = -(-first // HOURS_OF_A_DAY) * HOURS_OF_A_DAY
    for until in dict.fromkeys((last, last // HOURS_OF_A_DAY * HOURS_OF_A_DAY)):
        whole = uptime_totals.between(connection, day, until) if day < until else None
        if whole is not None:
            before = uptime_rows.sums(connection, HOUR, first, day)
            after = uptime_rows.sums(connection, HOUR, until, last)
            return uptime_rows.merged(before, whole, after)
    return uptime_rows.added(connection, first, last)
