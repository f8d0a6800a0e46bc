"""Uptime by hour and day, made of the timeline of each check before that grows old, and read back."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from operator import add
from typing import TypeAlias

import msgspec
from sqlalchemy import Connection, Engine, Text, func, select, type_coerce

from domain.facts import CheckState, Mark, Status, Transition
from domain.ladder import DAY, HOUR
from domain.state import mark_of, reads
from domain.timeline import Gap, stretches
from domain.uptime import COLUMNS, Spent, spent
from storage.engine import from_ms, reader, to_ms, upsert
from storage.leadership import Lease, fence
from storage.readings import Readings
from storage.schema import check_state, transitions, uptime

HOUR_MS, HOURS_OF_A_DAY = HOUR * 1000, DAY // HOUR
Times: TypeAlias = "tuple[int, ...]"
KEY = ("step", "bucket", "check_id")
# What was found in an hour may still be on its way to the store.
GRACE = timedelta(minutes=2)
# So many hours in one transaction, when a long time is made up for.
SLICE = 24


@dataclass(frozen=True, slots=True)
class Line:
    """The timeline of one check from some time on, and what it reads now."""

    rows: Sequence[Transition]
    times: Sequence[datetime]
    status: Status
    mark: Mark

    def spent(self, start: datetime, end: datetime, gaps: Sequence[Gap]) -> Spent:
        """How long it read what from `start` to `end`."""
        first, last = bisect_left(self.times, start), bisect_left(self.times, end)
        # Without a line in between, what the next one tells of before it held all the time.
        after = self.rows[last] if last < len(self.rows) else None
        status, mark = (after.before, after.mark_before) if after else (self.status, self.mark)
        return spent(stretches(self.rows[first:last], status, mark, start, end, gaps))


def roll(engine: Engine, lease: Lease, now: datetime) -> int:
    """Roll up all hours that are over; returns how many. Raises LeadershipLost."""
    first, last = _hours_due(engine, now)
    if first >= last:
        return 0
    lines, gaps = _lines(engine, from_ms(first * HOUR_MS))
    for hour in range(first, last, SLICE):
        hours = range(hour, min(hour + SLICE, last))
        rows = [_row(each, key, line, gaps) for each in hours for key, line in lines.items()]
        with engine.begin() as connection:
            fence(connection, lease)
            upsert(connection, uptime, rows, KEY)
            _add_up_days(connection, sorted({each // HOURS_OF_A_DAY for each in hours}))
    return last - first


def read(engine: Engine, start: datetime, end: datetime) -> dict[int, Spent]:
    """How long each check that is watched read what, by its id; `start` is taken back to its hour.

    Whole days and hours come from what was rolled up, the rest from the timelines.
    """
    rolled_to = _rolled_to(engine)
    first, last = to_ms(start) // HOUR_MS, to_ms(end) // HOUR_MS
    rolled_end = max(first, min(last, rolled_to or first))
    with reader(engine).connect() as connection:
        found = _rolled(connection, first, rolled_end, rolled_to)
    fresh = from_ms(rolled_end * HOUR_MS)
    lines, gaps = _lines(engine, fresh)
    return {
        key: found.get(key, Spent()) + line.spent(fresh, end, gaps) for key, line in lines.items()
    }


def _hours_due(engine: Engine, now: datetime) -> tuple[int, int]:
    """The hours to roll up, from the first to the one before the last, counted from 1970."""
    last = to_ms(now - GRACE) // HOUR_MS
    rolled_to = _rolled_to(engine)
    if rolled_to is not None:
        return rolled_to, last
    with reader(engine).connect() as connection:
        oldest = connection.scalar(select(func.min(transitions.c.at)))
    return (last, last) if oldest is None else (to_ms(oldest) // HOUR_MS, last)


def _rolled_to(engine: Engine) -> int | None:
    """The hour after the last one that was rolled up; None before the first."""
    with reader(engine).connect() as connection:
        found = connection.scalar(select(func.max(uptime.c.bucket)).where(uptime.c.step == HOUR))
    return None if found is None else int(found) + 1


def _lines(engine: Engine, since: datetime) -> tuple[dict[int, Line], tuple[Gap, ...]]:
    readings = Readings(engine)
    told = readings.timeline(since)
    state = type_coerce(check_state.c.state, Text)
    query = select(check_state.c.id, state).where(check_state.c.present)
    with reader(engine).connect() as connection:
        # Without a detour over documents: that takes twice as long.
        rows = connection.execute(query)
        states = {key: msgspec.json.decode(text, type=CheckState) for key, text in rows}
    lines = {
        key: Line(
            rows=told.get(key, ()),
            times=[row.at for row in told.get(key, ())],
            status=reads(state),
            mark=mark_of(state),
        )
        for key, state in states.items()
    }
    return lines, readings.gaps(since)


def _row(hour: int, key: int, line: Line, gaps: Sequence[Gap]) -> Mapping[str, int]:
    start = from_ms(hour * HOUR_MS)
    times = line.spent(start, start + timedelta(hours=1), gaps)
    return {"step": HOUR, "bucket": hour, "check_id": key, **asdict(times)}


def _add_up_days(connection: Connection, days: Sequence[int]) -> None:
    for day in days:
        hours = range(day * HOURS_OF_A_DAY, (day + 1) * HOURS_OF_A_DAY)
        rows = [
            {"step": DAY, "bucket": day, "check_id": key, **dict(zip(COLUMNS, times, strict=True))}
            for key, times in _sums(connection, HOUR, hours.start, hours.stop).items()
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
