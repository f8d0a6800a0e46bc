"""Running totals of uptime: what each check read from its first day up to a full hour.

The time between two hours is the difference of two rows a check, however long it is. A total stands for
the end of each day and for the hour up to which was rolled up last; each holds every check that the one
before it holds, so that one without a row had read nothing yet. They are made of the hours and days that
stand in `uptime`, and can be made of them anew.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Delete, Select, and_, bindparam, delete, func, insert, select

from domain.ladder import DAY, HOUR
from domain.uptime import COLUMNS
from storage.engine import reader, upsert
from storage.schema import counters, uptime, uptime_totals
from storage.slices import Slices
from storage.uptime_rows import HOURS_OF_A_DAY, Times, added, merged

# The row of `counters` that holds the hour up to which totals are whole.
TOTALLED = "uptime_totalled"
KEY = ("hour", "check_id")
_end, _start = uptime_totals.alias("until"), uptime_totals.alias("since")
# Made once: to put it together takes longer than to carry it out.
BETWEEN: Select[Any] = (
    select(
        _end.c.check_id,
        *(_end.c[name] - func.coalesce(_start.c[name], 0) for name in COLUMNS),
    )
    .outerjoin(
        _start, and_(_start.c.hour == bindparam("first"), _start.c.check_id == _end.c.check_id)
    )
    .where(_end.c.hour == bindparam("last"))
)


def between(connection: Connection, first: int, last: int) -> dict[int, Times] | None:
    """What was read from the hour `first` to the one before `last`; None where no totals tell it."""
    made = _made(connection)
    if made is None or last > made or not _stands(connection, last):
        return None
    begins = _beginning(connection)
    if begins is None:
        return None
    # Nothing is known from before. That day's total stands where earlier ones are past their days.
    first = max(first, begins)
    if not _stands(connection, first) and (
        first > begins or _before(connection, first) is not None
    ):
        return None
    rows = connection.execute(BETWEEN, {"first": first, "last": last})
    return {key: tuple(times) for key, *times in rows}


def bring_up_to(slices: Slices, hour: int) -> None:
    """Make what is missing of totals up to `hour`, day by day, and drop what lies beyond it.

    All before `hour` is rolled up, its days too. Beyond it lies what a clock told that was ahead, or
    a part of a total that was just being made when its maker ended.
    """
    with reader(slices.engine).connect() as connection:
        made = _made(connection)
        at = None if made is None else _before(connection, min(made, hour) + 1)
        head = {} if at is None else _read(connection, at)
        begins = _beginning(connection) if at is None else at
    if at != made:
        _note(slices, at)
    _drop_beyond(slices, -1 if at is None else at)
    while begins is not None and begins < hour:
        until = min(hour, (begins // HOURS_OF_A_DAY + 1) * HOURS_OF_A_DAY)
        with reader(slices.engine).connect() as connection:
            head = merged(head, added(connection, begins, until))
        slices.each(_rows(until, head), _write)
        _note(slices, until)
        begins = until


def forget_former(slices: Slices, hour: int) -> None:
    """Drop totals in the middle of a day that the one of `hour` has taken the place of."""
    in_a_day = uptime_totals.c.hour % HOURS_OF_A_DAY != 0
    recent = uptime_totals.c.hour >= hour - 2 * HOURS_OF_A_DAY
    with reader(slices.engine).connect() as connection:
        query = select(uptime_totals.c.hour).where(recent, in_a_day, uptime_totals.c.hour < hour)
        former = connection.scalars(query.distinct()).all()
    for each in former:
        _drop(slices, each)


def _drop_beyond(slices: Slices, hour: int) -> None:
    while True:
        with reader(slices.engine).connect() as connection:
            newest = connection.scalar(select(func.max(uptime_totals.c.hour)))
        if newest is None or newest <= hour:
            return
        _drop(slices, newest)


def _drop(slices: Slices, hour: int) -> None:
    with reader(slices.engine).connect() as connection:
        query = select(uptime_totals.c.check_id).where(uptime_totals.c.hour == hour)
        ids = connection.scalars(query).all()

    def gone(ids: Any) -> Delete:
        return delete(uptime_totals).where(
            uptime_totals.c.hour == hour, uptime_totals.c.check_id.in_(ids)
        )

    slices.each(ids, lambda connection, part: connection.execute(gone(part)).rowcount)


def _read(connection: Connection, hour: int) -> dict[int, Times]:
    columns = [uptime_totals.c[name] for name in COLUMNS]
    query = select(uptime_totals.c.check_id, *columns).where(uptime_totals.c.hour == hour)
    return {key: tuple(times) for key, *times in connection.execute(query)}


def _stands(connection: Connection, hour: int) -> bool:
    query = select(uptime_totals.c.check_id).where(uptime_totals.c.hour == hour).limit(1)
    return connection.execute(query).first() is not None


def _before(connection: Connection, hour: int) -> int | None:
    """The newest hour before this one of which totals stand."""
    query = select(func.max(uptime_totals.c.hour)).where(uptime_totals.c.hour < hour)
    found: int | None = connection.scalar(query)
    return found


def _beginning(connection: Connection) -> int | None:
    """The hour in which the oldest day begins of which something was rolled up."""
    found = []
    for step, hours in ((DAY, HOURS_OF_A_DAY), (HOUR, 1)):
        oldest = connection.scalar(select(func.min(uptime.c.bucket)).where(uptime.c.step == step))
        if oldest is not None:
            found.append(oldest * hours // HOURS_OF_A_DAY * HOURS_OF_A_DAY)
    return min(found, default=None)


def _made(connection: Connection) -> int | None:
    """Up to which hour totals are whole."""
    query = select(counters.c.value).where(counters.c.name == TOTALLED)
    found: int | None = connection.scalar(query)
    return found


def _note(slices: Slices, hour: int | None) -> None:
    with slices.lock() as connection:
        connection.execute(delete(counters).where(counters.c.name == TOTALLED))
        if hour is not None:
            connection.execute(insert(counters).values(name=TOTALLED, value=hour))


def _rows(hour: int, totals: Mapping[int, Times]) -> list[dict[str, int]]:
    return [
        {"hour": hour, "check_id": key, **dict(zip(COLUMNS, times, strict=True))}
        for key, times in sorted(totals.items())
    ]


def _write(connection: Connection, rows: Sequence[Mapping[str, int]]) -> None:
    upsert(connection, uptime_totals, rows, KEY)
