"""Uptime as it was rolled up by hour and day, added up: milliseconds by check, in the order of COLUMNS."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from operator import add
from typing import TypeAlias

from sqlalchemy import Connection, func, select

from domain.ladder import DAY, HOUR
from domain.uptime import COLUMNS
from storage.schema import uptime

HOURS_OF_A_DAY = DAY // HOUR
Times: TypeAlias = "tuple[int, ...]"
NONE: Times = (0,) * len(COLUMNS)


def added(connection: Connection, first: int, last: int) -> dict[int, Times]:
    """What was rolled up from the hour `first` to the one before `last`, whole days by their days."""
    first_day, last_day = -(-first // HOURS_OF_A_DAY), last // HOURS_OF_A_DAY
    if first_day >= last_day:
        return sums(connection, HOUR, first, last)
    return merged(
        sums(connection, HOUR, first, first_day * HOURS_OF_A_DAY),
        sums(connection, DAY, first_day, last_day),
        sums(connection, HOUR, last_day * HOURS_OF_A_DAY, last),
    )


def merged(*parts: Mapping[int, Times]) -> dict[int, Times]:
    """The times of all parts by check."""
    found: dict[int, Times] = {}
    for key, times in _each(parts):
        before = found.get(key)
        found[key] = times if before is None else tuple(map(add, before, times))
    return found


def sums(connection: Connection, step: int, first: int, last: int) -> dict[int, Times]:
    """The times of the steps from `first` to the one before `last`."""
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


def _each(parts: Iterable[Mapping[int, Times]]) -> Iterable[tuple[int, Times]]:
    return ((key, times) for part in parts for key, times in part.items())
