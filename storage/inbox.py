"""The inbox: what arrives from outside through the web, until the one writer has taken it in.

Whoever sent it is answered with success when the row is committed. The monitor reads the oldest
rows, writes what they mean, and deletes them in that same transaction, so that each counts once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, Row, delete, func, insert, select

from storage import counters
from storage.engine import reader
from storage.schema import inbox

# Some minutes of a busy sender: beyond that it is told to try again later.
FULL = 10_000
AT_ONCE = 500
# What is read at once holds little more than this, or one arrival: the monitor has to carry it.
BYTES_AT_ONCE = 2_000_000


class InboxFull(Exception):
    """The monitor has not taken in what arrived for a while; try again later."""

    def __init__(self, waiting: int) -> None:
        super().__init__(f"{waiting:,} arrivals wait for the monitor: try again later")


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """Something that arrived: of which kind, for what (a check, a key), and its body as it came."""

    id: int
    at: datetime
    kind: str
    subject: str
    body: bytes


def append(
    engine: Engine, kind: str, subject: str, body: bytes, now: datetime, *, full: int = FULL
) -> int:
    """Keep an arrival; returns its number once it is committed. Raises InboxFull."""
    with engine.begin() as connection:
        waiting = _waiting(connection)
        if waiting >= full:
            raise InboxFull(waiting)
        row = {"at": now, "kind": kind, "subject": subject, "body": body}
        made = connection.execute(insert(inbox).values(**row).returning(inbox.c.id)).scalar_one()
        counters.bump(connection, counters.CHANGES, counters.ARRIVALS)
    return int(made)


def waiting(engine: Engine, *kinds: str, most: int = AT_ONCE) -> tuple[Arrival, ...]:
    """The oldest arrivals of these kinds that were not taken in yet, in their order."""
    sizes = select(inbox.c.id, func.length(inbox.c.body)).where(inbox.c.kind.in_(kinds))
    with reader(engine).connect() as connection:
        found = connection.execute(sizes.order_by(inbox.c.id).limit(most)).all()
        ids, held = [], 0
        for number, size in found:
            ids.append(number)
            held += size
            if held > BYTES_AT_ONCE:
                break
        query = select(inbox).where(inbox.c.id.in_(ids)).order_by(inbox.c.id)
        return tuple(_arrival(row) for row in connection.execute(query)) if ids else ()


def taken_in(connection: Connection, ids: Sequence[int]) -> None:
    """Remove arrivals, in the transaction that writes what they mean."""
    if ids:
        connection.execute(delete(inbox).where(inbox.c.id.in_(ids)))


def _waiting(connection: Connection) -> int:
    return int(connection.execute(select(func.count()).select_from(inbox)).scalar_one())


def _arrival(row: Row[Any]) -> Arrival:
    return Arrival(id=row.id, at=row.at, kind=row.kind, subject=row.subject, body=bytes(row.body))
