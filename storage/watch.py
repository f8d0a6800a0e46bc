"""Watching one counter cheaply, some times a second, on a connection that stays open.

On Postgres whoever counts up tells it (NOTIFY): who listens reads the counter at once, and otherwise
only every few seconds, in case that something was not heard.
"""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

import structlog
from sqlalchemy import Engine, Executable, Update, func
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.pool import PoolProxiedConnection

# A poll asks the store at least so often, whatever was heard.
FALLBACK_S = 2.0
# A lost listener comes back after so long, plus the time that connecting takes.
RECONNECT_S = 2.0
# A connection that is silent for so long is asked whether it is still there.
PROBE_S = 30.0
# One that waits for a server that vanished is left behind: its thread keeps no process alive.
CLOSE_S = 1.0

log = structlog.get_logger()


def announcing(dialect: str, counted: Update) -> Executable:
    """The statement that counts up, so that it also tells who listens once it is committed."""
    if dialect != "postgresql":
        return counted
    return counted.returning(func.pg_notify(_channel("") + counted.table.c.name, ""))


def listen(engine: Engine, counter: str, heard: Callable[[], None]) -> Listener | None:
    """Call `heard` whenever the counter moves; None where the database can't tell (SQLite)."""
    if engine.dialect.name != "postgresql":
        return None
    listener = Listener(engine, counter, heard)
    listener.start()
    return listener


class CounterWatch:
    """Reads one counter; a few microseconds on SQLite, at most one round trip on Postgres."""

    def __init__(
        self, engine: Engine, counter: str, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._engine = engine
        self._counter = counter
        # A name of ours, never one that somebody gave.
        self._query = f"SELECT value FROM counters WHERE name = '{counter}'"  # nosec B608
        self._monotonic = monotonic
        self._connection: PoolProxiedConnection | None = None
        self._listener: Listener | None = None
        self._heard = threading.Event()
        # The value that was read last, and when.
        self._last: tuple[int, float] | None = None

    def listen(self, wake: Callable[[], None]) -> None:
        """Have `wake` called (in another thread) when the counter moved, where that can be heard."""

        def heard() -> None:
            self._heard.set()
            wake()

        self._listener = listen(self._engine, self._counter, heard)

    @property
    def is_hearing(self) -> bool:
        """Whether a move of the counter would be heard now."""
        return self._listener is not None and self._listener.is_hearing

    def poll(self) -> int:
        """The counter's value. Raises DBAPIError when the store is away, and reconnects next time."""
        if self._last is not None and self._would_have_heard(self._last[1]):
            return self._last[0]
        self._heard.clear()
        asked, self._last = self._monotonic(), None
        value = self._read()
        self._last = value, asked
        return value

    def close(self) -> None:
        """Give the connection back, and listen no more."""
        if self._listener is not None:
            self._listener.close()
            self._listener = None
        self._drop()

    def _would_have_heard(self, since: float) -> bool:
        recent = self._monotonic() - since < FALLBACK_S
        return recent and self.is_hearing and not self._heard.is_set()

    def _read(self) -> int:
        driver = self._engine.dialect.loaded_dbapi
        try:
            if self._connection is None:
                self._connection = self._open()
            cursor = self._connection.cursor()
            cursor.execute(self._query)
            row = cursor.fetchone()
            cursor.close()
            return int(row[0]) if row else 0
        except driver.Error as error:
            # Below SQLAlchemy's connections, nothing makes its errors of the driver's.
            self._drop()
            raise OperationalError(self._query, None, error) from error
        except BaseException:
            self._drop()
            raise

    def _drop(self) -> None:
        if self._connection is not None:
            with contextlib.suppress(DBAPIError):
                self._connection.invalidate()
            self._connection = None

    def _open(self) -> PoolProxiedConnection:
        connection = self._engine.raw_connection()
        if self._engine.dialect.name == "postgresql":
            connection.driver_connection.autocommit = True  # type: ignore[union-attr]
        return connection


class Listener:
    """A thread with a connection of its own that calls `heard` when Postgres tells of a counter.

    It is also called when listening begins, for what was missed. A lost connection is made anew;
    until then `is_hearing` is False.
    """

    def __init__(self, engine: Engine, counter: str, heard: Callable[[], None]) -> None:
        self._engine = engine
        self._channel = _channel(counter)
        self._heard = heard
        self._stop, self._stopped = socket.socketpair()
        self._thread = threading.Thread(target=self._run, name="listener", daemon=True)
        self.is_hearing = False

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def close(self) -> None:
        """End the thread and its connection."""
        self._stop.close()
        self._thread.join(CLOSE_S)

    def _run(self) -> None:
        with self._stopped, selectors.DefaultSelector() as ready:
            ready.register(self._stopped, selectors.EVENT_READ)
            while True:
                try:
                    return self._listen()
                except (DBAPIError, PoolTimeout, self._engine.dialect.loaded_dbapi.Error) as error:
                    # Who watches asks by itself meanwhile, and tells when the store is away.
                    log.debug("not listening to the store", error=str(error))
                if ready.select(RECONNECT_S):
                    return None

    def _listen(self) -> None:
        """Listen until `close`. Raises the driver's error when the connection is lost."""
        pooled = self._engine.raw_connection()
        driver: Any = pooled.driver_connection
        # Its own from here on: it would keep a place of the pool for ever.
        pooled.detach()
        try:
            driver.autocommit = True
            driver.execute(f"LISTEN {self._channel}")
            self.is_hearing = True
            self._heard()
            with selectors.DefaultSelector() as ready:
                ready.register(driver.fileno(), selectors.EVENT_READ)
                ready.register(self._stopped, selectors.EVENT_READ)
                while self._stopped not in (found := _ready(ready)):
                    if not found:
                        driver.execute("SELECT 1")
                    if list(driver.notifies(timeout=0)):
                        self._heard()
        finally:
            self.is_hearing = False
            driver.close()


def _ready(ready: selectors.BaseSelector) -> set[Any]:
    """What can be read; nothing when all was silent for PROBE_S."""
    return {key.fileobj for key, _ in ready.select(PROBE_S)}


def _channel(counter: str) -> str:
    return f"nocturne_{counter}"
