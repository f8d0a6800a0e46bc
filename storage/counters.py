"""The counters everything is watched by: `revision` for screens, `changes` for the monitor.

`arrivals` counts those of the changes that came into the inbox and left all definitions as they are.
"""

from __future__ import annotations

from functools import lru_cache

from sqlalchemy import Connection, Executable, insert, or_, select, update

from storage.schema import counters
from storage.watch import announcing

REVISION = "revision"
CHANGES = "changes"
ARRIVALS = "arrivals"


def bump(connection: Connection, *names: str) -> None:
    """Count the named counters up by one, in the transaction of what they announce."""
    connection.execute(_counting(connection.dialect.name, names))


@lru_cache(maxsize=64)
def _counting(dialect: str, names: tuple[str, ...]) -> Executable:
    # Made once: nearly each transaction ends with it.
    named = or_(*(counters.c.name == name for name in names))
    return announcing(dialect, update(counters).where(named).values(value=counters.c.value + 1))


def value(connection: Connection, name: str) -> int:
    """The present value of a counter."""
    query = select(counters.c.value).where(counters.c.name == name)
    return int(connection.scalars(query).one())


def begin(connection: Connection, name: str) -> None:
    """Make a counter that is not there yet, at zero."""
    if connection.scalars(select(counters.c.name).where(counters.c.name == name)).first() is None:
        connection.execute(insert(counters).values(name=name, value=0))


def edits(connection: Connection) -> int:
    """How many changes there were beside the arrivals."""
    query = select(counters.c.name, counters.c.value).where(
        counters.c.name.in_((CHANGES, ARRIVALS))
    )
    values = {row.name: row.value for row in connection.execute(query)}
    return int(values.get(CHANGES, 0) - values.get(ARRIVALS, 0))
