"""How the drivers of both databases are opened: pools, pragmas, and what each connection is told."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.pool import ConnectionPoolEntry

from storage import presence, turnstile

READ = "nocturne_read"
BUSY_TIMEOUT_MS = 5_000
CONNECT_TIMEOUT_S = 5
PRAGMAS = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = NORMAL",
    f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}",
    "PRAGMA foreign_keys = ON",
    "PRAGMA cache_size = -1000",
)


def postgres(url: URL) -> Engine:
    """An engine for Postgres. Raises ImportError where the driver is not installed."""
    return create_engine(
        url.set(drivername="postgresql+psycopg"),
        pool_pre_ping=True,
        pool_size=4,
        max_overflow=4,
        connect_args={"connect_timeout": CONNECT_TIMEOUT_S},
    )


def limit(engine: Engine, *, lock_ms: int, statement_ms: int) -> None:
    """Let no statement wait longer than that for a lock, or take longer in all; on Postgres.

    SQLite's readers wait for nobody, and its writers no longer than `BUSY_TIMEOUT_MS`.
    """
    if engine.dialect.name != "postgresql":
        return

    @event.listens_for(engine, "connect")
    def _tell(connection: Any, _: ConnectionPoolEntry) -> None:
        # Outside of a transaction: with its rollback the settings would be gone.
        connection.autocommit = True
        connection.execute(f"SET lock_timeout = {lock_ms}")
        connection.execute(f"SET statement_timeout = {statement_ms}")
        connection.autocommit = False


def sqlite(url: URL, *, untouched: bool = False) -> Engine:
    """An engine for an SQLite file; one that is opened `untouched` gets no pragmas."""
    # The interpreter's own SQLite may have the WAL bug that corrupts (3.7.0 to 3.51.2).
    import pysqlite3.dbapi2

    engine = create_engine(
        url.set(drivername="sqlite"),
        module=pysqlite3.dbapi2,
        pool_size=4,
        max_overflow=8,
        connect_args={"check_same_thread": False},
    )
    prepare: Callable[[Any, ConnectionPoolEntry], None]
    prepare = _leave_transactions if untouched else _prepare
    event.listen(engine, "connect", prepare)
    file = Path(unquote(str(url.database).removeprefix("file:")))
    event.listen(engine, "begin", partial(_begin, presence.mark_of(file)))
    return engine


def guard(engine: Engine, path: Path) -> None:
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


def _begin(mark: Path, connection: Connection) -> None:
    if connection.get_execution_options().get(READ, False):
        connection.exec_driver_sql("BEGIN")
        return
    with turnstile.queue(mark):
        connection.exec_driver_sql("BEGIN IMMEDIATE")
