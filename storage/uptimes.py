"""Uptime by hour and day, made of the timeline of each check before that grows old, and read back."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from operator import add
from typing import TypeAlias

import msgspec
from sqlalchemy import Connection, Engine, Text, func, select, type_coerce

from domain.facts import CheckState, Mark, Status, Transition
from domain.ladder import DAY, HOUR
from domain.state import mark_of, reads
from domain.timeline import Gap, stretches
from domain.uptime import COLUMNS, Spent, spent, steady
from storage.engine import from_ms, reader, to_ms, upsert
from storage.leadership import Lease, fence
from storage.readings import Readings
from storage.schema import check_state, counters, transitions, uptime

HOUR_MS, HOURS_OF_A_DAY = HOUR * 1000, DAY // HOUR
Times: TypeAlias = "tuple[int, ...]"
KEY = ("step", "bucket", "check_id")
# The row of `counters` that holds the hour after the last one that was rolled up.
ROLLED = "uptime_rolled"
# What was found in an hour may still be on its way to the store.
GRACE = timedelta(minutes=2)
NOT_WATCHED = "not watched"
# So many hours in one transaction, when a long time is made up for.
SLICE = 24


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


def roll(engine: Engine, lease: Lease, now: datetime, oldest: datetime | None = None) -> int:
    """Roll up all hours that are over; returns how many. Raises LeadershipLost.

    They are made of the rows there are, also of checks that are not watched any more. The timelines
    reach back to `oldest`: what lies before is left as it was rolled up then.
    """
    first, last = _hours_due(engine, now)
    if oldest is not None:
        first = max(first, -(-to_ms(oldest) // HOUR_MS))
    if first >= last:
        _take_back(engine, lease, last)
        return 0
    lines, gaps = _lines(engine, from_ms(first * HOUR_MS))
    for hour in range(first, last, SLICE):
        hours = range(hour, min(hour + SLICE, last))
        rows = [
            _row(each, key, line, gaps)
            for each in hours
            for key, line in lines.items()
            if not line.is_over(from_ms(each * HOUR_MS))
        ]
        with engine.begin() as connection:
            fence(connection, lease)
            upsert(connection, uptime, rows, KEY)
            _add_up_days(connection, sorted({each // HOURS_OF_A_DAY for each in hours}), hours.stop)
            _note_rolled(connection, hours.stop)
    return last - first


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
            found = _rolled(connection, first, last, rolled_to)
        if at < end:
            found = {
                key: found.get(key, Spent()) + line.spent(at, end, gaps)
                for key, line in watched.items()
            }
        yield {key: found.get(key, Spent()) for key in watched}


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


def _note_rolled(connection: Connection, hour: int) -> None:
    upsert(connection, counters, [{"name": ROLLED, "value": hour}], ("name",))


def _take_back(engine: Engine, lease: Lease, last: int) -> None:
    """Of a clock that went back: the hours that come once more are rolled up once more."""
    noted, _ = _rolled_to(engine)
    if noted is not None and noted > last:
        with engine.begin() as connection:
            fence(connection, lease)
            _note_rolled(connection, last)


def _lines(engine: Engine, since: datetime) -> tuple[dict[int, Line], tuple[Gap, ...]]:
    readings = Readings(engine)
    told = readings.timeline(since)
    state = type_coerce(check_state.c.state, Text)
    query = select(check_state.c.id, state, check_state.c.present, check_state.c.due)
    with reader(engine).connect() as connection:
        # Without a detour over documents: that takes twice as long.
        rows = [
            (key, msgspec.json.decode(text, type=CheckState), present, due)
            for key, text, present, due in connection.execute(query)
        ]
    lines = {
        key: Line(
            rows=told.get(key, ()),
            times=[row.at for row in told.get(key, ())],
            status=reads(state),
            mark=mark_of(state),
            until=None if present else _last_known(state, due, since),
        )
        for key, state, present, due in rows
    }
    return lines, readings.gaps(since)


def _last_known(state: CheckState, due: datetime | None, since: datetime) -> datetime:
    """Until when a check ran that is not watched any more: it would have run again when it was due."""
    times = (due, state.last_at, state.mark_since)
    return max((each for each in times if each is not None), default=since)


def _row(hour: int, key: int, line: Line, gaps: Sequence[Gap]) -> Mapping[str, int]:
    start = from_ms(hour * HOUR_MS)
    times = line.spent(start, start + timedelta(hours=1), gaps)
    return {"step": HOUR, "bucket": hour, "check_id": key, **asdict(times)}


def _add_up_days(connection: Connection, days: Sequence[int], before: int) -> None:
    """Make days of their hours up to the one before `before`."""
    for day in days:
        hours = range(day * HOURS_OF_A_DAY, (day + 1) * HOURS_OF_A_DAY)
        rows = [
            {"step": DAY, "bucket": day, "check_id": key, **dict(zip(COLUMNS, times, strict=True))}
            for key, times in _sums(connection, HOUR, hours.start, min(hours.stop, before)).items()
        ]
        upsert(connection, uptime, rows, KEY)


def _rolled(
    connection: Connection, first: int, last: int, rolled_to: int | None
) -> dict[int, Spent]:
    """The hours from `first` to the one before `last`, whole days of them by their days.

    The day that is not over yet holds its hours up to the one before `rolled_to`.
    """
    first_day = -(-first // HOURS_OF_A_DAY)
    last_day = -(-last // HOURS_OF_A_DAY) if last == rolled_to else last // HOURS_OF_A_DAY
    spans = [(HOUR, first, last)]
    if first_day < last_day:
        spans = [
            (HOUR, first, first_day * HOURS_OF_A_DAY),
            (DAY, first_day, last_day),
            (HOUR, last_day * HOURS_OF_A_DAY, last),
        ]
    found: dict[int, Times] = {}
    for span in spans:
        for key, times in _sums(connection, *span).items():
            before = found.get(key)
            found[key] = times if before is None else tuple(map(add, before, times))
    return {key: Spent(*times) for key, times in found.items()}


def _sums(connection: Connection, step: int, first: int, last: int) -> dict[int, Times]:
    """The times of each check, added up, in the order of COLUMNS."""
    if first >= last:
        return {}
    columns = [func.sum(uptime.c[name]) for name in COLUMNS]
    query = (
        select(uptime.c.check_id, *columns)
        .where(uptime.c.step == step, uptime.c.bucket >= first, uptime.c.bucket < last)
        .group_by(uptime.c.check_id)
    )
    # Postgres adds up to decimals.
    return {key: tuple(map(int, times)) for key, *times in connection.execute(query)}
