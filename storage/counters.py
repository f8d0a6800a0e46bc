"""The two counters everything is watched by: `revision` for screens, `changes` for the monitor."""

from __future__ import annotations

from sqlalchemy import Connection, select, update

from storage.schema import counters

REVISION = "revision"
CHANGES = "changes"


def bump(connection: Connection, *names: str) -> None:
    """Count the named counters up by one, in the transaction of what they announce."""
    connection.execute(
        update(counters).where(counters.c.name.in_(names)).values(value=counters.c.value + 1)
    )


def value(connection: Connection, name: str) -> int:
    """The present value of a counter."""
    query = select(counters.c.value).where(counters.c.name == name)
    return int(connection.scalars(query).one())
