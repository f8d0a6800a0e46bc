"""Which store a demo may fill: one of its own, empty or filled by a demo before, never a real one."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection, Engine, delete, insert, inspect, select
from sqlalchemy.exc import DBAPIError

from storage import counters, leadership, presence
from storage.engine import (
    StoreError,
    file_of,
    open_engine,
    open_untouched,
    parse_url,
    reader,
)
from storage.migrate import migrate
from storage.schema import metadata, notices

# The notice that stands on every page of a demo store, and by which it is known.
MARK = "demo"
# What a store has from its migration on.
ALWAYS = frozenset({"counters"})


class NotADemo(StoreError):
    """The store must not be filled with a demo; the message says why."""


def open_demo(url: str, configured: str, now: datetime) -> Engine:
    """An engine of a migrated, marked store without any rows. Raises StoreError, NotADemo."""
    if is_same(url, configured):
        raise NotADemo(
            f"{place(url)} is the store that is configured: a demo is filled into another one"
        )
    path = file_of(url)
    if path is not None and presence.is_missing(path) and presence.was_there(path):
        raise NotADemo(
            f"{place(url)} is missing, though there was a store: if that was a demo, remove "
            f"{presence.mark_of(path)} as well"
        )
    if path is None or not presence.is_missing(path):
        _examine(url, now)
    migrate(url, now)
    engine = open_engine(url)
    with engine.begin() as connection:
        _empty(connection)
        row = {"key": MARK, "level": "warning", "text": _told(now), "at": now}
        connection.execute(insert(notices).values(row))
        counters.bump(connection, counters.REVISION, counters.CHANGES)
    return engine


def is_same(one: str, other: str) -> bool:
    """Whether two URLs name the same store."""
    first, second = parse_url(one), parse_url(other)
    paths = file_of(one), file_of(other)
    if paths[0] is not None and paths[1] is not None:
        return _real(paths[0]) == _real(paths[1])
    names = [(each.host, each.port or 5432, each.database) for each in (first, second)]
    return paths == (None, None) and names[0] == names[1] and first.query == second.query


def place(url: str) -> str:
    """A store as people are told of it: without its password."""
    return parse_url(url).render_as_string(hide_password=True)


def _real(path: Path) -> object:
    """What tells a file apart, however its path is written."""
    return presence.identity(path) or path.resolve()


def _examine(url: str, now: datetime) -> None:
    """Make sure that nothing but a demo can be lost. Raises NotADemo."""
    engine = open_untouched(url)
    try:
        with reader(engine).connect() as connection:
            there = set(inspect(connection).get_table_names())
            if not there:
                return
            marked = notices.name in there and _is_marked(connection)
            if not marked and not _is_empty(connection, there):
                raise NotADemo(f"{place(url)} is not empty and no demo: nothing was changed")
            held = leadership.holder(connection) if "leadership" in there else None
            if held is not None and held.valid_until > now:
                raise NotADemo(f"a monitor runs on {place(url)}: end it first")
    except DBAPIError as error:
        raise StoreError(f"{place(url)} cannot be read: {str(error.orig).strip()}") from error
    finally:
        engine.dispose()


def _is_marked(connection: Connection) -> bool:
    query = select(notices.c.key).where(notices.c.key == MARK)
    return connection.execute(query).first() is not None


def _is_empty(connection: Connection, there: set[str]) -> bool:
    ours = [table for table in metadata.sorted_tables if table.name not in ALWAYS]
    foreign = there - set(metadata.tables) - {"alembic_version"}
    return not foreign and not any(
        connection.execute(select(1).select_from(table).limit(1)).first()
        for table in ours
        if table.name in there
    )


def _empty(connection: Connection) -> None:
    tables = [table for table in reversed(metadata.sorted_tables) if table.name not in ALWAYS]
    if connection.dialect.name == "postgresql":
        names = ", ".join(table.name for table in tables)
        connection.exec_driver_sql(f"TRUNCATE {names} RESTART IDENTITY CASCADE")
        return
    for table in tables:
        connection.execute(delete(table))


def _told(now: datetime) -> str:
    return (
        f"A demo: all of this was made up, as of {now:%Y-%m-%d %H:%M} UTC. "
        "Nothing is watched, and nobody is told of anything."
    )
