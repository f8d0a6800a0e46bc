"""The driver of PostgreSQL: libpq by psycopg, over a connection that lives for one attempt."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import struct
import time
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import SplitResult, parse_qsl, unquote

from domain.facts import Cause
from domain.mistakes import WrongFields
from monitor.checks import Deadline
from monitor.checks.tcp import place, resolve
from monitor.wire.databases.asking import (
    CONNECT_TIMEOUT_S,
    ROWS_KEPT,
    Answer,
    Exhausted,
    Question,
    SqlError,
    Tls,
    Unreachable,
    not_connected,
    not_installed,
    printable,
    trust,
)

if TYPE_CHECKING:
    import psycopg

PORT = 5432
# Without these a server's answer could be of any size: libpq keeps a whole row in memory.
BYTES_READ = 8 * 2**20
LOOK_EVERY_S = 0.01
BYTES_RECEIVED = 128  # where `tcpi_bytes_received` lies in Linux' struct tcp_info, as 64 bits
# They would send libpq elsewhere than to the host that was resolved, or make it read other files.
ELSEWHERE = ("hostaddr", "service", "servicefile", "load_balance_hosts")
VERIFYING = ("verify-ca", "verify-full")
WEAKER = ("disable", "allow", "prefer", "require", "verify-ca")
REQUIRE_AUTH_SINCE = 160_000  # the version of libpq
CONNECTIONS = """
    SELECT count(*), current_setting('max_connections')::int
        - current_setting('superuser_reserved_connections')::int
        - coalesce(current_setting('reserved_connections', true)::int, 0)
    FROM pg_stat_activity
    WHERE datid IS NOT NULL AND coalesce(backend_type, 'client backend') = 'client backend'
"""
MISSING_TABLES = """
    SELECT given FROM unnest(%s::text[], %s::text[], %s::text[])
    WITH ORDINALITY AS wanted(given, exact, folded, place)
    WHERE coalesce(to_regclass(exact), to_regclass(folded)) IS NULL ORDER BY place
"""


@dataclass(frozen=True, slots=True)
class Session:
    """An open connection in autocommit mode, and how many seconds opening it took."""

    connection: psycopg.AsyncConnection[Any]
    connect_s: float

    async def row(self, query: str, deadline: Deadline, share: float = 1) -> dict[str, Any]:
        """The only row of a query of ours, which the server ends after its share of the time left."""
        from psycopg.rows import dict_row

        cursor = self.connection.cursor(row_factory=dict_row)
        # Both in one message are one transaction to the server, which is what LOCAL needs.
        await cursor.execute(f"{_limit(deadline, share)}; {query}".encode())
        cursor.nextset()
        return await cursor.fetchone() or {}


class Postgres:
    """A PostgreSQL database. Raises WrongFields for what a URL can't mean, without repeating it."""

    def __init__(self, parts: SplitResult, tls: Tls) -> None:
        self._given = given = {key: value for key, value in parse_qsl(parts.query) if value}
        host = parts.hostname or given.get("host")
        # A folder, or an abstract name, is a Unix socket; no host at all is libpq's default one.
        self._host = host if host and not host.startswith(("/", "@")) else None
        self._port = parts.port or _port(given.get("port", str(PORT)))
        self.name = unquote(parts.path[1:]) or given.get("dbname") or "postgres"
        at = f" at {place(self._host, self._port)}" if self._host else ""
        self.where = f"database {self.name}{at}"
        self._url = parts._replace(scheme="postgresql").geturl()
        self._tls = tls
        if wrong := _wrong(given, host, tls):
            raise WrongFields([("url", wrong)])

    async def ask(self, question: Question, deadline: Deadline) -> Answer:
        """Ask in a read-only transaction that the server itself ends at the deadline."""
        async with self.session(deadline) as session:
            connection = session.connection
            connections = await _connections(session, deadline)
            await connection.set_autocommit(False)
            await connection.set_read_only(True)
            cursor = connection.cursor()
            await cursor.execute(_limit(deadline).encode())
            missing = await _missing_tables(cursor, question.tables) if question.tables else []
            asked = time.perf_counter()
            rows, count = ([], 0) if missing else await _first_rows(cursor, question)
            return Answer(
                connect_s=session.connect_s,
                query_s=time.perf_counter() - asked,
                missing=missing,
                rows=rows,
                count=count,
                connections=connections,
            )

    @contextlib.asynccontextmanager
    async def session(self, deadline: Deadline) -> AsyncIterator[Session]:
        """Connect, and hang up afterwards. Raises SqlError and TimeoutError, also for what is inside."""
        try:
            import psycopg
        except ImportError:
            raise not_installed("psycopg", "postgres") from None

        start = time.perf_counter()
        connection = await self._connect(deadline)
        try:
            async with _Limited(connection.fileno()) as limited:
                try:
                    yield Session(connection, time.perf_counter() - start)
                except psycopg.errors.QueryCanceled:
                    raise TimeoutError from None
                except psycopg.Error as error:
                    raise self._failure(error, limited.passed) from None
        finally:
            await connection.close()

    async def _connect(self, deadline: Deadline) -> psycopg.AsyncConnection[Any]:
        import psycopg

        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                conninfo = await self._conninfo(deadline)
                return await psycopg.AsyncConnection.connect(conninfo, autocommit=True)
        except OSError as error:
            raise not_connected(error, self._host or "", self._port, self.where) from None
        except psycopg.Error as error:
            raise self._no_connection(error) from None

    async def _conninfo(self, deadline: Deadline) -> str:
        """The URL with the host's addresses: psycopg would resolve in the shared executor."""
        import psycopg
        from psycopg.conninfo import make_conninfo

        # A ticket for Kerberos would be looked for by blocking calls.
        fixed = {"gssencmode": "disable", "application_name": "nocturne"}
        if self._tls.verify or self._tls.ca_file:
            trust(Tls(verify=True, ca_file=self._tls.ca_file))  # libpq's own texts are less clear
            fixed |= {"sslmode": "verify-full", "sslrootcert": self._tls.ca_file or _authorities()}
        elif "sslrootcert" not in self._given and self._given.get("sslmode") in VERIFYING:
            fixed["sslrootcert"] = _authorities()
        if not self._is_encrypted() and psycopg.pq.version() >= REQUIRE_AUTH_SINCE:
            # Whoever answers in place of the server could just ask for the password.
            fixed["require_auth"] = self._given.get("require_auth", "!password")
        if not self._host:
            return make_conninfo(self._url, **fixed)
        found = await resolve(self._host, deadline)
        return make_conninfo(
            self._url,
            host=",".join([self._host] * len(found)),
            hostaddr=",".join(found),
            connect_timeout=max(1, int(CONNECT_TIMEOUT_S / len(found))),
            **fixed,
        )

    def _is_encrypted(self) -> bool:
        """Whether it is TLS or nothing; a Unix socket is as good."""
        asked = self._given.get("sslmode") in ("require", *VERIFYING)
        return bool(asked or self._tls.verify or self._tls.ca_file or not self._host)

    def _no_connection(self, error: psycopg.Error) -> SqlError:
        import psycopg

        text = str(error)  # not shown: it may quote the URL
        if isinstance(error, psycopg.errors.ConnectionTimeout):
            return not_connected(TimeoutError(), "", self._port, self.where)
        if reason := _tls_trouble(text):
            return SqlError(f"TLS with {self.where} failed: {reason}", Cause.TLS)
        if "refused" in text or "No such file" in text:
            where = place(self._host, self._port) if self._host else self.where
            return Unreachable(f"Connection refused by {where}", Cause.REFUSED)
        if "too many c" in text or "connection slots are reserved" in text:
            return Exhausted(self.where)
        if "server requested a cleartext password" in text:
            reason = "it asks for the password itself, which needs TLS: add sslmode=require"
            return SqlError(f"Login to {self.where} is not possible: {reason}", Cause.REFUSED)
        if "pg_hba.conf" in text:
            reason = "its pg_hba.conf does not allow it from here"
            return SqlError(f"Login refused by {self.where}: {reason}", Cause.REFUSED)
        if "the database system is" in text:
            return Unreachable(f"{self.where} is starting or stopping", Cause.REFUSED)
        if "authentication" in text or "no password supplied" in text:
            return SqlError(f"Login refused by {self.where}", Cause.REFUSED)
        if "does not exist" in text:
            return SqlError(f"{self.where}: no such database or user", Cause.MISSING)
        if "invalid response" in text or "expected authentication request" in text:
            text = f"What answers at {place(self._host or '', self._port)} is no PostgreSQL"
            return SqlError(text, Cause.WRONG_ANSWER)
        reason = "the server closed it" if "closed the connection" in text else "it failed"
        return Unreachable(f"No connection to {self.where}: {reason}", Cause.REFUSED)

    def _failure(self, error: psycopg.Error, too_much: bool) -> SqlError:
        import psycopg

        if too_much:
            text = f"{self.where}: the answer has more than {BYTES_READ // 2**20} MB"
            return SqlError(text, Cause.WRONG_ANSWER)
        lost = isinstance(error, psycopg.OperationalError) and error.sqlstate is None
        if lost or (error.sqlstate or "").startswith(("08", "57P")):
            return Unreachable(f"Connection to {self.where} was lost", Cause.REFUSED)
        text = printable(error.diag.message_primary or type(error).__name__)
        return SqlError(f"{self.where}: {text}", Cause.WRONG_ANSWER)


class _Limited:
    """Ends a TCP connection on which more than BYTES_READ came in; libpq itself has no such limit."""

    def __init__(self, descriptor: int) -> None:
        self.passed = False
        self._socket = socket.socket(fileno=os.dup(descriptor))
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> _Limited:
        if self._socket.family in (socket.AF_INET, socket.AF_INET6):
            self._task = asyncio.create_task(self._look())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._task is not None:
            self._task.cancel()
        self._socket.close()

    async def _look(self) -> None:
        while not self.passed:
            await asyncio.sleep(LOOK_EVERY_S)
            self.passed = _bytes_received(self._socket) > BYTES_READ
        # A reset: what the server still wants to send must not wait for a window that never opens.
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._socket.shutdown(socket.SHUT_RDWR)


def _bytes_received(connected: socket.socket) -> int:
    if not hasattr(socket, "TCP_INFO"):  # only Linux tells
        return 0
    info = connected.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, BYTES_RECEIVED + 8)
    if len(info) < BYTES_RECEIVED + 8:
        return 0
    return int(struct.unpack_from("=Q", info, BYTES_RECEIVED)[0])


def _limit(deadline: Deadline, share: float = 1) -> str:
    """The server must not go on with a query whose check has given up."""
    return f"SET LOCAL statement_timeout = {max(1, round(deadline.remaining() * 1000 * share))}"


async def _connections(session: Session, deadline: Deadline) -> tuple[int, int] | None:
    import psycopg

    try:
        row = await session.row(CONNECTIONS, deadline)
    except psycopg.errors.QueryCanceled:
        raise
    except psycopg.Error:
        # Not every server that speaks this protocol has these views; if it was the connection
        # that failed, the next query tells.
        return None
    used, limit = row.values()
    return used, limit


async def _missing_tables(cursor: psycopg.AsyncCursor[Any], tables: Sequence[str]) -> list[str]:
    exact = [_quoted(table) for table in tables]
    folded = [_quoted(table.lower()) for table in tables]
    await cursor.execute(MISSING_TABLES, (list(tables), exact, folded))
    return [row[0] for row in await cursor.fetchall()]


async def _first_rows(
    cursor: psycopg.AsyncCursor[Any], question: Question
) -> tuple[list[Any], int]:
    """The first rows, streamed: a query without LIMIT must not fill the monitor's memory."""
    rows: list[Any] = []
    count = 0
    generator = cast("AsyncGenerator[Any, None]", cursor.stream(question.query.encode()))
    async with contextlib.aclosing(generator) as stream:
        async for row in stream:
            count += 1
            rows += [row] if count <= ROWS_KEPT else []
            if count == question.rows:
                break
    return rows, count


def _quoted(table: str) -> str:
    return '"' + table.replace('"', '""').replace(".", '"."') + '"'


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 65536):
        raise WrongFields([("url", "has a port that is none")])
    return int(text)


def _wrong(given: dict[str, str], host: str | None, tls: Tls) -> str | None:
    if found := [key for key in ELSEWHERE if key in given]:
        return f"can't hold {found[0]} here"
    if host and "," in host:
        return "names several hosts: make a check of each"
    if (tls.verify or tls.ca_file) and given.get("sslmode") in WEAKER:
        return f"has sslmode={given['sslmode']}, which verify and ca_file contradict"
    return None


def _authorities() -> str:
    """The file of the authorities that this system trusts; libpq's own default may lie elsewhere."""
    import ssl

    if found := ssl.get_default_verify_paths().cafile:
        return found
    import certifi  # for images without the system's certificates

    return certifi.where()


def _tls_trouble(text: str) -> str | None:
    """What libpq says of a failed handshake, in our words: its own text may quote the URL."""
    for part, reason in (
        ("does not support SSL", "the server offers none"),
        ("does not match host name", "the certificate names another host"),
        ("certificate verify failed", "the certificate is not trusted"),
        ("root certificate file", "the file of authorities can't be used"),
        ("SSL error", "no handshake"),
    ):
        if part in text:
            return reason
    return None
