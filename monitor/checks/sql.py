"""Check kind `sql`: a database answers a query, in time, and holds the tables it must."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import threading
import time
from collections.abc import AsyncGenerator, Coroutine, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias, cast
from urllib.parse import quote, unquote, urlsplit

from msgspec import Meta

from domain.facts import Cause, Measurement, Status
from domain.mistakes import WrongFields
from domain.units import show
from monitor.checks import Check, Deadline, hanging_s, in_thread, kind
from monitor.checks.tcp import NameNotResolved, length, place, resolve

if TYPE_CHECKING:
    import psycopg

FORMS = "sqlite:///path or postgresql://user:password@host/name"
CONNECT_TIMEOUT_S = 5.0
PAUSE_S = 1.0
CANCEL_GRACE_S = 0.3
STUCK_AFTER_S = 1.0
ROWS_READ = 2  # enough to know whether the answer is a single value
SQLITE_TABLES = "SELECT name FROM sqlite_master WHERE type IN ('table', 'view')"
MISSING_TABLES = """
    SELECT given FROM unnest(%s::text[], %s::text[], %s::text[])
    WITH ORDINALITY AS wanted(given, exact, folded, place)
    WHERE coalesce(to_regclass(exact), to_regclass(folded)) IS NULL ORDER BY place
"""


class SqlError(Exception):
    """The database could not be asked; the text is for people and holds no secrets.

    `Unreachable(SqlError)` is worth another attempt; everything else is definite.
    """

    def __init__(self, message: str, cause: Cause) -> None:
        super().__init__(message)
        self.cause = cause


class Unreachable(SqlError):
    """No connection, or the database is busy: the next attempt may succeed."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What one attempt brought back: how long it took in seconds, and at most two rows."""

    connect_s: float
    query_s: float
    missing: Sequence[str]
    rows: Sequence[Sequence[object]]


@kind("sql", title="SQL database", component="database", headline="sql.query_ms")
class SqlCheck(Check, frozen=True, kw_only=True):
    """The database answers `query` (read-only) and holds all `tables`."""

    url: Annotated[str, Meta(description=FORMS)]
    query: Annotated[str, Meta(min_length=1, description="Query to run, read-only")] = "SELECT 1"
    tables: Annotated[tuple[str, ...], Meta(description="Tables that must exist")] = ()
    slow_ms: Annotated[float, Meta(gt=0, description="A slower query is degraded")] = 3000.0
    attempts: Annotated[int, Meta(ge=1, le=10, description="Attempts to connect, 1 s apart")] = 3

    def __post_init__(self) -> None:
        """Refuse a URL no driver understands, without repeating it: it may hold a password."""
        database(self.url)

    def __repr__(self) -> str:
        """Without the URL's credentials."""
        return f"SqlCheck({self.target()!r})"

    async def run(self, deadline: Deadline) -> Measurement:
        """Ask up to `attempts` times, as long as the database is out of reach and time is left."""
        asked, budget_s = database(self.url), deadline.remaining()
        for attempt in range(1, self.attempts + 1):
            try:
                answer = await _within(deadline, asked.ask(self.query, self.tables, deadline))
            except TimeoutError:
                text = f"No answer from {asked.where} within {length(budget_s)}"
                return _critical(Cause.TIMEOUT, text, attempt)
            except SqlError as error:
                spent = attempt == self.attempts or deadline.remaining() <= PAUSE_S
                if spent or not isinstance(error, Unreachable):
                    return _critical(error.cause, str(error), attempt)
                await asyncio.sleep(PAUSE_S)
            else:
                return self._judge(asked, answer, attempt)
        raise AssertionError("the last attempt always returns")

    def target(self) -> str:
        """The database and where it is, without credentials."""
        return database(self.url).where

    def _judge(self, asked: Database, answer: Answer, attempt: int) -> Measurement:
        if answer.missing:
            return _critical(Cause.MISSING, _missing_sentence(answer.missing, asked.name), attempt)
        metrics = {
            "sql.connect_ms": round(answer.connect_s * 1000, 2),
            "sql.query_ms": round(answer.query_s * 1000, 2),
            **_value(answer.rows),
        }
        took = show(metrics["sql.query_ms"], "ms")
        slow = answer.query_s * 1000 >= self.slow_ms
        expected = f", expected < {show(self.slow_ms, 'ms')}" if slow else ""
        return Measurement(
            status=Status.DEGRADED if slow else Status.HEALTHY,
            cause=Cause.THRESHOLD if slow else Cause.NONE,
            message=f"Query on {asked.name} took {took}{expected}",
            response_time_ms=round((answer.connect_s + answer.query_s) * 1000, 2),
            metrics=metrics,
            details={"attempts": attempt},
        )


def database(url: str) -> Database:
    """The database a URL means. Raises ValueError that names the forms supported, not the URL."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise WrongFields([("url", "is not a valid database address")]) from None
    scheme = parts.scheme.removesuffix("+psycopg").removesuffix("+pysqlite")
    path = unquote(parts.path[1:])
    if scheme == "sqlite" and path and not parts.netloc:
        return Sqlite(path)
    if scheme in ("postgresql", "postgres"):
        return Postgres(parts._replace(scheme="postgresql").geturl(), parts.hostname, port, path)
    raise WrongFields([("url", f"is of a database that is not supported here: use {FORMS}")])


class Sqlite:
    """An SQLite file, asked in a daemon thread and never created or written."""

    def __init__(self, path: str) -> None:
        self.name = path.rsplit("/", 1)[-1]
        self.where = f"SQLite {path}"
        self._path = path

    async def ask(self, query: str, tables: Sequence[str], deadline: Deadline) -> Answer:
        """Ask; at the deadline the query is interrupted."""
        key = ("sqlite", self._path, query, tuple(tables))
        # A file on a dead mount hangs beyond any interrupt: don't take its late answer for new.
        if (hanging := hanging_s(key)) > deadline.remaining() + STUCK_AFTER_S:
            raise SqlError(f"Still waiting for {self.where}, for {hanging:.0f} s", Cause.TIMEOUT)
        opened: list[Any] = []
        given_up = threading.Event()
        try:
            return await in_thread(key, lambda: self._ask(query, tables, opened, given_up))
        finally:
            given_up.set()
            with contextlib.suppress(Exception):  # it was closed between these two lines
                for connection in opened:
                    connection.interrupt()

    def _ask(
        self, query: str, tables: Sequence[str], opened: list[Any], given_up: threading.Event
    ) -> Answer:
        dbapi2 = importlib.import_module("pysqlite3.dbapi2")
        start = time.perf_counter()
        connection = None
        try:
            connection = dbapi2.connect(
                f"file:{quote(self._path)}?mode=ro", uri=True, check_same_thread=False, timeout=1
            )
            opened.append(connection)
            if given_up.is_set():
                raise TimeoutError
            present = {name.casefold() for (name,) in connection.execute(SQLITE_TABLES)}
            missing = [table for table in tables if table.casefold() not in present]
            connected = time.perf_counter()
            rows = [] if missing else connection.execute(query).fetchmany(ROWS_READ)
            return Answer(connected - start, time.perf_counter() - connected, missing, rows)
        except dbapi2.Error as error:
            raise self._failure(str(error)) from None
        finally:
            # Out of the list first: interrupting a closed connection is an error.
            opened.clear()
            if connection is not None:
                connection.close()

    def _failure(self, text: str) -> SqlError:
        if "interrupted" in text:
            raise TimeoutError
        if "unable to open" in text:
            reason = "can't be opened: no such file, or no access to it"
            return SqlError(f"{self.where} {reason}", Cause.MISSING)
        if "locked" in text:
            return Unreachable(f"{self.where} is locked by a writer", Cause.TIMEOUT)
        return SqlError(f"{self.where}: {text}", Cause.WRONG_ANSWER)


class Postgres:
    """A PostgreSQL database, asked over a connection that lives for one attempt."""

    def __init__(self, url: str, host: str | None, port: int | None, name: str) -> None:
        self.name = name or "postgres"
        self.where = f"database {self.name}" + (f" at {place(host, port or 5432)}" if host else "")
        self._url, self._host, self._port = url, host, port

    async def ask(self, query: str, tables: Sequence[str], deadline: Deadline) -> Answer:
        """Ask in a read-only transaction that the server itself ends at the deadline."""
        import psycopg

        clock, start = time.perf_counter, time.perf_counter()
        connection = await self._connect(deadline)
        try:
            connected = clock()
            await connection.set_read_only(True)
            # The server must not go on with a query whose check has given up.
            limit_ms = max(1, round(deadline.remaining() * 1000))
            cursor = connection.cursor()
            await cursor.execute(f"SET LOCAL statement_timeout = {limit_ms}".encode())
            missing = await _missing_tables(cursor, tables) if tables else []
            asked = clock()
            rows = [] if missing else await _first_rows(cursor, query)
            return Answer(connected - start, clock() - asked, missing, rows)
        except psycopg.errors.QueryCanceled:
            raise TimeoutError from None
        except psycopg.Error as error:
            raise self._failure(error) from None
        finally:
            await connection.close()

    async def _connect(self, deadline: Deadline) -> psycopg.AsyncConnection[Any]:
        import psycopg

        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                conninfo = await self._conninfo(deadline)
                return await psycopg.AsyncConnection.connect(conninfo)
        except NameNotResolved as error:
            raise Unreachable(str(error), Cause.NAME_NOT_RESOLVED) from None
        except TimeoutError:
            message = f"No answer from {self.where} within {length(CONNECT_TIMEOUT_S)}"
            raise Unreachable(message, Cause.TIMEOUT) from None
        except psycopg.Error as error:
            raise self._no_connection(error) from None

    async def _conninfo(self, deadline: Deadline) -> str:
        """The URL with the host's addresses: psycopg would resolve in the shared executor."""
        from psycopg.conninfo import make_conninfo

        if not self._host:
            return make_conninfo(self._url)
        found = await resolve(self._host, deadline)
        return make_conninfo(
            self._url,
            host=",".join([self._host] * len(found)),
            hostaddr=",".join(found),
            connect_timeout=max(1, int(CONNECT_TIMEOUT_S / len(found))),
        )

    def _no_connection(self, error: psycopg.Error) -> SqlError:
        text = str(error)  # not shown: it may quote the URL
        if "refused" in text or "No such file" in text:
            where = place(self._host, self._port or 5432) if self._host else self.where
            return Unreachable(f"Connection refused by {where}", Cause.REFUSED)
        if "authentication" in text:
            return SqlError(f"Login refused by {self.where}", Cause.REFUSED)
        if "does not exist" in text:
            return SqlError(f"{self.where}: no such database or user", Cause.MISSING)
        return Unreachable(f"No connection to {self.where}: {type(error).__name__}", Cause.REFUSED)

    def _failure(self, error: psycopg.Error) -> SqlError:
        import psycopg

        lost = isinstance(error, psycopg.OperationalError) and error.sqlstate is None
        if lost or (error.sqlstate or "").startswith(("08", "57P")):
            return Unreachable(f"Connection to {self.where} was lost", Cause.REFUSED)
        text = error.diag.message_primary or type(error).__name__
        return SqlError(f"{self.where}: {text}", Cause.WRONG_ANSWER)


Database: TypeAlias = Sqlite | Postgres


async def _within(deadline: Deadline, asking: Coroutine[Any, Any, Answer]) -> Answer:
    """Await until the deadline, else cancel; psycopg gets little time to tell a frozen server."""
    task = asyncio.create_task(asking)
    try:
        done, _ = await asyncio.wait({task}, timeout=deadline.remaining())
        if done:
            return task.result()
    finally:
        while not task.done():
            task.cancel()
            await asyncio.wait({task}, timeout=CANCEL_GRACE_S)
    raise TimeoutError


async def _missing_tables(cursor: psycopg.AsyncCursor[Any], tables: Sequence[str]) -> list[str]:
    exact = [_quoted(table) for table in tables]
    folded = [_quoted(table.lower()) for table in tables]
    await cursor.execute(MISSING_TABLES, (list(tables), exact, folded))
    return [row[0] for row in await cursor.fetchall()]


async def _first_rows(cursor: psycopg.AsyncCursor[Any], query: str) -> list[Any]:
    """The first rows, streamed: a query without LIMIT must not fill the monitor's memory."""
    rows: list[Any] = []
    generator = cast("AsyncGenerator[Any, None]", cursor.stream(query.encode()))
    async with contextlib.aclosing(generator) as stream:
        async for row in stream:
            rows.append(row)
            if len(rows) == ROWS_READ:
                break
    return rows


def _quoted(table: str) -> str:
    return '"' + table.replace('"', '""').replace(".", '"."') + '"'


def _value(rows: Sequence[Sequence[object]]) -> dict[str, float]:
    value = rows[0][0] if len(rows) == 1 and len(rows[0]) == 1 else None
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return {}
    return {"sql.value": float(value)}


def _missing_sentence(tables: Sequence[str], name: str) -> str:
    named = ", ".join(f'"{table}"' for table in tables)
    subject = f"Table {named} is" if len(tables) == 1 else f"Tables {named} are"
    return f"{subject} missing in database {name}"


def _critical(cause: Cause, message: str, attempt: int) -> Measurement:
    return Measurement(
        status=Status.CRITICAL, cause=cause, message=message, details={"attempts": attempt}
    )
