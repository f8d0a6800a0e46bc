"""Engines and column types: the differences between SQLite and Postgres stand here and in `drivers`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec
from sqlalchemy import BigInteger, ColumnElement, Connection, Engine, Integer, Table
from sqlalchemy.engine import URL, Dialect, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, InterfaceError, OperationalError
from sqlalchemy.types import Text, TypeDecorator

from storage import drivers, occupancy, presence

# The driver tells no codes, only SQLite's own words; its tables can't go while it is in use.
DAMAGED = (
    "disk image is malformed",
    "malformed database schema",
    "not a database",
    "no such table",
)
# What a text column can't hold: Postgres refuses NUL, UTF-8 has no lone surrogates.
UNSTORABLE = re.compile("[\0\ud800-\udfff]")
FULL = "database or disk is full"
DISK_FULL = "53100"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)
LONG = BigInteger().with_variant(Integer, "sqlite")


class StoreError(Exception):
    """The store cannot be used; the message is one sentence that says why and what to do.

    Hierarchy: Exception ← StoreError ← StoreLost ← StoreGone ← StoreReplaced; StoreLost ←
    StoreDamaged.
    """


class StoreLost(StoreError):
    """The SQLite file that was in use can't be used any more; a start may restore a backup."""


class StoreGone(StoreLost):
    """The SQLite file is not there any more, though there was one: it was deleted or replaced."""

    def __init__(self, path: Path, what: str) -> None:
        way = presence.way_on if what is presence.REPLACED else presence.way_back
        super().__init__(f"the store {path} {what}: {way(path)}")


class StoreReplaced(StoreGone):
    """Another file stands where the SQLite file was that is in use: one was renamed or copied over it."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, presence.REPLACED)


class StoreDamaged(StoreLost):
    """The SQLite file is not what SQLite wrote: bits flipped, its end is missing, or the like."""

    def __init__(self, path: Path | str, reason: str) -> None:
        path = str(path).removeprefix("file:")
        super().__init__(
            f"the store {path} is damaged ({reason}): start Nocturne again, which restores the last "
            "backup or says why not"
        )


class Utc(TypeDecorator[datetime]):
    """An aware UTC datetime, stored as integer milliseconds since 1970."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        """To milliseconds; ValueError for a naive datetime, which would mean local time."""
        return None if value is None else to_ms(value)

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        """Back to an aware datetime."""
        return None if value is None else from_ms(value)


class Json(TypeDecorator[Any]):
    """A JSON value as text, the same on both databases. Infinities and NaN become null."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect | None = None) -> str | None:
        """Encode, the same for all dialects; None stays NULL."""
        if value is None:
            return None
        try:
            return msgspec.json.encode(value).decode()
        except UnicodeEncodeError:
            return msgspec.json.encode(_storable(msgspec.to_builtins(value))).decode()

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        """Decode to plain dicts, lists and scalars."""
        return None if value is None else msgspec.json.decode(value)


class Words(TypeDecorator[str]):
    """A text that came from outside: what the databases can't store in it becomes U+FFFD."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Replace what can't be stored."""
        return None if value is None else _storable(value)


def _storable(value: Any) -> Any:
    if isinstance(value, str):
        return UNSTORABLE.sub("\ufffd", value)
    if isinstance(value, dict):
        return {_storable(key): _storable(each) for key, each in value.items()}
    return [_storable(each) for each in value] if isinstance(value, list) else value


def to_ms(moment: datetime) -> int:
    """Milliseconds since 1970 of an aware datetime. Raises ValueError for a naive one."""
    if moment.tzinfo is None:
        raise ValueError(f"{moment.isoformat()} has no time zone: only aware datetimes are stored")
    return (moment - EPOCH + MILLISECOND / 2) // MILLISECOND


def from_ms(value: int) -> datetime:
    """The aware UTC datetime of integer milliseconds since 1970."""
    # Not by fromtimestamp(): a float of seconds is some microseconds off in later centuries.
    return EPOCH + value * MILLISECOND


def open_engine(url: str) -> Engine:
    """An engine for `url`, with one meaning on both databases: `begin()` takes the write lock.

    Raises StoreError when the URL cannot be used or the folder of the SQLite file can't be made.
    """
    parsed = parse_url(url)
    if parsed.get_backend_name() == "sqlite":
        _make_folder(Path(str(parsed.database)).parent)
        return drivers.sqlite(parsed)
    return _postgres(parsed)


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(
            f"the folder of the store, {folder}, cannot be made: {error.strerror}. "
            "Choose another [storage] url or make the folder writable."
        ) from error


def open_existing(url: str) -> Engine:
    """An engine for a store that must be there already; its file is never made.

    Raises StoreError when the file is not there, or is just being restored; StoreGone when it was
    there once.
    """
    path = file_of(url)
    if path is None:
        return open_engine(url)
    if presence.is_missing(path):
        if presence.was_there(path):
            raise StoreGone(path, "is gone, though there was one")
        raise StoreError(
            f"there is no store at {path} yet: start Nocturne, or run `python app.py migrate`"
        )
    engine = drivers.sqlite(_opened(parse_url(url), "rw"))
    drivers.guard(engine, path)
    try:
        occupancy.share(engine, path)
    except occupancy.Occupied:
        raise StoreError(f"the store {path} is just being restored: try again") from None
    return engine


def open_untouched(url: str) -> Engine:
    """An engine to look into a store that may not be ours: nothing is changed in its file.

    An SQLite file must be there already.
    """
    parsed = parse_url(url)
    path = file_of(url)
    if path is None:
        return _postgres(parsed)
    # Whoever may write moves a log that a crash left into the file as it closes. Without one it
    # changes nothing, while a mere reader would leave empty files behind.
    log = path.with_name(f"{path.name}-wal")
    mode = "ro" if log.exists() and log.stat().st_size else "rw"
    return drivers.sqlite(_opened(parsed, mode), untouched=True)


def file_of(url: str) -> Path | None:
    """The file of an SQLite store; None for Postgres. Raises StoreError."""
    parsed = parse_url(url)
    return Path(str(parsed.database)) if parsed.get_backend_name() == "sqlite" else None


def _opened(url: URL, mode: str) -> URL:
    """The URL of an SQLite file that is opened in this mode, and never made when it is not there."""
    # By a URI alone SQLite can be told: otherwise a connection to a deleted file makes an empty one.
    file = f"file:{quote(str(url.database))}"
    return url.set(database=file).update_query_dict({"mode": mode, "uri": "true"})


def parse_url(url: str) -> URL:
    """The URL in parts. Raises StoreError for anything but sqlite and postgresql."""
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise StoreError(
            '[storage] url cannot be read: write "sqlite:///data/nocturne.db" or "postgresql://…"'
        ) from None
    name = parsed.get_backend_name()
    if name not in ("sqlite", "postgresql"):
        raise StoreError(f"[storage] url names {name!r}: use sqlite or postgresql")
    if name == "sqlite" and parsed.database in (None, "", ":memory:"):
        raise StoreError("[storage] url names no file: write sqlite:///data/nocturne.db")
    return parsed


def reader(engine: Engine) -> Engine:
    """The same engine for reading: its transactions take no write lock, and see one moment.

    On SQLite that is so by itself; without it on Postgres, what moves from one table to another
    between two statements would be seen in neither.
    """
    options: dict[str, Any] = {drivers.READ: True}
    if engine.dialect.name == "postgresql":
        options["isolation_level"] = "REPEATABLE READ"
    return engine.execution_options(**options)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Over:
    """How a row that stands is overwritten: only `where` that holds, and with these `values`.

    Each is a function of the columns of the row that was to be inserted. To be made once: statements
    are remembered by it.
    """

    where: Callable[[Any], ColumnElement[bool]]
    values: Mapping[str, Callable[[Any], Any]] = field(default_factory=dict)


def upsert(
    connection: Connection,
    table: Table,
    rows: Sequence[Mapping[str, Any]],
    keys: Sequence[str],
    over: Over | None = None,
) -> None:
    """Insert rows; where `keys` exist already, overwrite the other given columns (last wins).

    `over` tells what is overwritten, and with what, where that is not so.
    """
    if rows:
        columns, dialect = tuple(rows[0]), connection.dialect.name
        connection.execute(_upserting(dialect, table, columns, tuple(keys), over), list(rows))


# Made once: to put it together takes longer than to carry it out.
@lru_cache(maxsize=256)
def _upserting(
    dialect: str, table: Table, columns: tuple[str, ...], keys: tuple[str, ...], over: Over | None
) -> Any:
    statement = _insert(dialect, table)
    fresh = statement.excluded
    changed = {name: fresh[name] for name in columns if name not in keys}
    if over is not None:
        changed |= {name: make(fresh) for name, make in over.values.items()}
    if not changed:
        return statement.on_conflict_do_nothing(index_elements=list(keys))
    where = None if over is None else over.where(fresh)
    return statement.on_conflict_do_update(index_elements=list(keys), set_=changed, where=where)


def _insert(dialect: str, table: Table) -> Any:
    """The dialect's own insert: the two have no common base that knows `on_conflict`."""
    if dialect == "sqlite":
        from sqlalchemy.dialects import sqlite

        return sqlite.insert(table)
    # Imported only where it is used: 3 MB that a monitor on SQLite need not carry.
    from sqlalchemy.dialects import postgresql

    return postgresql.insert(table)


def is_away(error: DBAPIError) -> bool:
    """Whether an error means that the store is away (locked, full, not reachable): try again later."""
    return isinstance(error, OperationalError | InterfaceError) or error.connection_invalidated


def is_full(error: DBAPIError) -> bool:
    """Whether an error means that there is no room left where the store writes."""
    # Postgres has a code for it (53100, disk_full), SQLite only its words (SQLITE_FULL).
    if getattr(error.orig, "sqlstate", None) is not None:
        return str(getattr(error.orig, "sqlstate", "")) == DISK_FULL
    return FULL in str(error.orig).lower()


def is_damaged(error: DBAPIError) -> bool:
    """Whether an error means that the SQLite file is damaged, or was emptied while it was open."""
    if "sqlite" not in type(error.orig).__module__:
        return False
    return any(word in str(error.orig).lower() for word in DAMAGED)


def version(engine: Engine) -> str:
    """Name and version of the database, for diagnostics: `SQLite 3.53.4`."""
    with reader(engine).connect() as connection:
        if engine.dialect.name == "sqlite":
            return f"SQLite {connection.exec_driver_sql('SELECT sqlite_version()').scalar_one()}"
        return f"Postgres {connection.exec_driver_sql('SHOW server_version').scalar_one()}"


def _postgres(url: URL) -> Engine:
    try:
        return drivers.postgres(url)
    except ImportError as error:
        raise StoreError(
            "[storage] url names Postgres, and its driver is not installed: "
            'pip install "nocturne[postgres]"'
        ) from error
