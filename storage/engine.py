"""Engines and column types: every difference between SQLite and Postgres stands in this file."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec
from sqlalchemy import BigInteger, Connection, Engine, Integer, Table, create_engine, event
from sqlalchemy.engine import URL, Dialect, make_url
from sqlalchemy.exc import (
    ArgumentError,
    DBAPIError,
    DisconnectionError,
    InterfaceError,
    OperationalError,
)
from sqlalchemy.pool import ConnectionPoolEntry
from sqlalchemy.types import Text, TypeDecorator

from storage import occupancy, presence

READ = "nocturne_read"
BUSY_TIMEOUT_MS = 5_000
CONNECT_TIMEOUT_S = 5
# The driver tells no codes, only SQLite's own words; its tables can't go while it is in use.
DAMAGED = (
    "disk image is malformed",
    "malformed database schema",
    "not a database",
    "no such table",
)
# What a text column can't hold: Postgres refuses NUL, UTF-8 has no lone surrogates.
UNSTORABLE = re.compile("[\0\ud800-\udfff]")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)
LONG = BigInteger().with_variant(Integer, "sqlite")
PRAGMAS = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = NORMAL",
    f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}",
    "PRAGMA foreign_keys = ON",
    "PRAGMA cache_size = -1000",
)


class StoreError(Exception):
    """The store cannot be used; the message is one sentence that says why and what to do.

    Hierarchy: Exception ← StoreError ← StoreLost ← StoreGone, StoreDamaged.
    """


class StoreLost(StoreError):
    """The SQLite file that was in use can't be used any more; a start may restore a backup."""


class StoreGone(StoreLost):
    """The SQLite file is not there any more, though there was one: it was deleted or replaced."""

    def __init__(self, path: Path, what: str) -> None:
        super().__init__(f"the store {path} {what}: {presence.way_back(path)}")


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

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        """Encode; None stays NULL."""
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
        return _sqlite(parsed, _prepare)
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
    engine = _sqlite(_opened(parse_url(url), "rw"), _prepare)
    _guard(engine, path)
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
    return _sqlite(_opened(parsed, mode), _leave_transactions)


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
    options: dict[str, Any] = {READ: True}
    if engine.dialect.name == "postgresql":
        options["isolation_level"] = "REPEATABLE READ"
    return engine.execution_options(**options)


def upsert(
    connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]], keys: Sequence[str]
) -> None:
    """Insert rows; where `keys` exist already, overwrite the other given columns (last wins)."""
    if not rows:
        return
    statement = _insert(connection, table)
    changed = {name: statement.excluded[name] for name in rows[0] if name not in keys}
    if changed:
        statement = statement.on_conflict_do_update(index_elements=list(keys), set_=changed)
    else:
        statement = statement.on_conflict_do_nothing(index_elements=list(keys))
    connection.execute(statement, list(rows))


def _insert(connection: Connection, table: Table) -> Any:
    """The dialect's own insert: the two have no common base that knows `on_conflict`."""
    if connection.dialect.name == "sqlite":
        from sqlalchemy.dialects import sqlite

        return sqlite.insert(table)
    # Imported only where it is used: 3 MB that a monitor on SQLite need not carry.
    from sqlalchemy.dialects import postgresql

    return postgresql.insert(table)


def is_away(error: DBAPIError) -> bool:
    """Whether an error means that the store is away (locked, full, not reachable): try again later."""
    return isinstance(error, OperationalError | InterfaceError) or error.connection_invalidated


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
        return create_engine(
            url.set(drivername="postgresql+psycopg"),
            pool_pre_ping=True,
            pool_size=4,
            max_overflow=4,
            connect_args={"connect_timeout": CONNECT_TIMEOUT_S},
        )
    except ImportError as error:
        raise StoreError(
            "[storage] url names Postgres, and its driver is not installed: "
            'pip install "nocturne[postgres]"'
        ) from error


def _sqlite(url: URL, prepare: Callable[[Any, ConnectionPoolEntry], None]) -> Engine:
    # The interpreter's own SQLite may have the WAL bug that corrupts (3.7.0 to 3.51.2).
    import pysqlite3.dbapi2

    engine = create_engine(
        url.set(drivername="sqlite"),
        module=pysqlite3.dbapi2,
        pool_size=4,
        max_overflow=8,
        connect_args={"check_same_thread": False},
    )
    event.listen(engine, "connect", prepare)
    event.listen(engine, "begin", _begin)
    return engine


def _guard(engine: Engine, path: Path) -> None:
    """Let no connection be used whose file is not at `path` any more: it is opened anew, or fails."""

    @event.listens_for(engine, "connect")
    def _note(_: Any, entry: ConnectionPoolEntry) -> None:
        entry.info["file"] = presence.identity(path)

    @event.listens_for(engine, "checkout")
    def _compare(_: Any, entry: ConnectionPoolEntry, __: Any) -> None:
        if not presence.is_same(path, entry.info["file"]):
            raise DisconnectionError(f"the store {path} was deleted or replaced")


def _leave_transactions(connection: Any, _: ConnectionPoolEntry) -> None:
    connection.isolation_level = None


def _prepare(connection: Any, entry: ConnectionPoolEntry) -> None:
    _leave_transactions(connection, entry)
    # Possible in an empty file only; elsewhere it would take the write lock for each connection.
    if connection.execute("PRAGMA page_count").fetchone()[0] == 0:
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
    for pragma in PRAGMAS:
        connection.execute(pragma)


def _begin(connection: Connection) -> None:
    reading = connection.get_execution_options().get(READ, False)
    connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")
