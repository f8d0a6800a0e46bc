"""Which checks are watched: what the monitor publishes of them, written where it differs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Text, bindparam, insert, select, type_coerce, update

from storage import counters
from storage.engine import Json, reader
from storage.schema import check_state
from storage.slices import Slices

# As it is stored: comparing texts is many times quicker than making documents of them.
STANDS = select(
    check_state.c.id,
    check_state.c.name,
    check_state.c.kind,
    check_state.c.present,
    type_coerce(check_state.c.about, Text).label("about"),
)
AS_TEXT = Json()
CHANGED = update(check_state).where(check_state.c.id == bindparam("row_id"))


def publish(slices: Slices, rows: Sequence[Mapping[str, Any]]) -> None:
    """Make these the checks that are watched; each row is the one to insert where the check is new.

    Those that go are taken away last: between two slices a screen shows too many rather than none.
    Done again after a crash, it ends the same. Raises LeadershipLost.
    """
    with reader(slices.engine).connect() as connection:
        stands = {row.name: row for row in connection.execute(STANDS)}
    names = {row["name"] for row in rows}
    slices.each([row for row in rows if row["name"] not in stands], _add)
    slices.each(_changes(rows, stands), _change)
    gone = [row.id for row in stands.values() if row.present and row.name not in names]
    slices.each(gone, _leave)
    with slices.lock() as connection:
        counters.begin(connection, counters.ARRIVALS)
        counters.bump(connection, counters.REVISION)


def _changes(rows: Sequence[Mapping[str, Any]], stands: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What is to be written over rows that stand and say something else."""
    told = [(row, stands[row["name"]]) for row in rows if row["name"] in stands]
    return [
        {"row_id": stood.id, "kind": row["kind"], "present": True, "about": row["about"]}
        for row, stood in told
        if (stood.kind, stood.present, stood.about)
        != (row["kind"], True, AS_TEXT.process_bind_param(row["about"]))
    ]


def _add(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    connection.execute(insert(check_state), list(rows))


def _change(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    connection.execute(CHANGED, list(rows))


def _leave(connection: Connection, ids: Sequence[int]) -> None:
    gone = update(check_state).where(check_state.c.id.in_(ids))
    connection.execute(gone.values(present=False))
