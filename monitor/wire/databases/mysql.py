"""The driver of MySQL and MariaDB, over a connection that lives for one attempt."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import time
from collections.abc import AsyncIterator, Sequence
from urllib.parse import SplitResult, parse_qsl, unquote

from domain.facts import Cause
from domain.mistakes import WrongFields
from monitor.checks import Deadline
from monitor.checks.tcp import place, resolve, share, tls_reason
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
    printable,
    trust,
)
from monitor.wire.databases.mysqlwire import (
    Client,
    Login,
    ProtocolError,
    Refusal,
    TooLong,
    UnknownLogin,
)

PORT = 3306
MODES = ("disabled", "preferred", "required", "verify_identity")
# `charset` is what other libraries are told in such URLs; here it is always UTF-8.
PARAMETERS = ("ssl_mode", "ssl_ca", "unix_socket", "charset")
# Errors by number, from "Server Error Message Reference" of MySQL and "Error Codes" of MariaDB.
NO_CONNECTION_LEFT = (1040, 1203, 1226)
LOGIN_REFUSED = (1045, 1698, 1130, 1129, 1862)
NO_DATABASE = (1044, 1049)
TIME_IS_UP = (1969, 3024, 1317)
GOING_DOWN = (1053, 1077, 1927)


class Mysql:
    """A MySQL or MariaDB database. Raises WrongFields for what a URL can't mean."""

    def __init__(self, parts: SplitResult, tls: Tls) -> None:
        given = {key.replace("-", "_").lower(): value for key, value in parse_qsl(parts.query)}
        self._socket = given.get("unix_socket", "")
        self._host, self._port = parts.hostname or "localhost", parts.port or PORT
        named = unquote(parts.path[1:])
        self.name = named or "MySQL"
        self.where = f"{'database ' if named else ''}{self.name} at {self._place()}"
        self._login = Login(
            user=unquote(parts.username or "") or "root",
            password=unquote(parts.password or ""),
            database=named,
        )
        mode = given.get("ssl_mode", "preferred").lower()
        if wrong := _wrong(given, mode, tls):
            raise WrongFields([("url", wrong)])
        self._ca_file = tls.ca_file or given.get("ssl_ca")
        self._mode = "verify_identity" if tls.verify or self._ca_file else mode

    async def ask(self, question: Question, deadline: Deadline) -> Answer:
        """Ask in a read-only transaction that the server itself ends at the deadline."""
        start = time.perf_counter()
        async with self._session(deadline) as client:
            connect_s = time.perf_counter() - start
            connections = await _connections(client)
            # Of the session too: statements like CREATE end the transaction that they are in.
            await client.execute("SET SESSION TRANSACTION READ ONLY")
            await client.execute("START TRANSACTION READ ONLY")
            missing = await _missing_tables(client, question.tables) if question.tables else []
            asked = time.perf_counter()
            rows, count = ([], 0) if missing else await _first_rows(client, question)
            return Answer(
                connect_s=connect_s,
                query_s=time.perf_counter() - asked,
                missing=missing,
                rows=rows,
                count=count,
                connections=connections,
            )

    @contextlib.asynccontextmanager
    async def _session(self, deadline: Deadline) -> AsyncIterator[Client]:
        client = await self._connect(deadline)
        try:
            yield client
            client.quit()
        except Refusal as refusal:
            raise self._failure(refusal) from None
        except TooLong as error:
            raise SqlError(f"{self.where}: {error}", Cause.WRONG_ANSWER) from None
        except ProtocolError as error:
            text = f"{self.where} does not keep to the protocol: {error}"
            raise SqlError(text, Cause.WRONG_ANSWER) from None
        except ssl.SSLError as error:
            raise SqlError(self._tls_text(error), Cause.TLS) from None
        except OSError:
            raise Unreachable(f"Connection to {self.where} was lost", Cause.REFUSED) from None
        finally:
            client.close()

    async def _connect(self, deadline: Deadline) -> Client:
        """A client that is logged in and told how long it may take."""
        context = None if self._mode == "disabled" or self._socket else self._trust()
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                return await self._connected(context, deadline)
        except ssl.SSLError as error:
            raise SqlError(self._tls_text(error), Cause.TLS) from None
        except OSError as error:
            if self._socket and not isinstance(error, TimeoutError):
                raise Unreachable(f"No connection to {self.where}", Cause.REFUSED) from None
            raise not_connected(error, self._host, self._port, self.where) from None
        except Refusal as refusal:
            raise self._failure(refusal) from None
        except UnknownLogin as reason:
            text = f"Login to {self.where} is not possible: {reason}"
            raise SqlError(text, Cause.REFUSED) from None
        except ProtocolError as error:
            text = f"What answers at {self._place()} is no MySQL: {error}"
            raise SqlError(text, Cause.WRONG_ANSWER) from None

    async def _connected(self, context: ssl.SSLContext | None, deadline: Deadline) -> Client:
        client = await self._reached(deadline)
        try:
            needed = self._mode in ("required", "verify_identity") and not self._socket
            greeting = await client.login(self._login, context, needed, self._host)
            await _limit(client, greeting.is_mariadb, deadline)
        except BaseException:
            client.close()
            raise
        return client

    async def _reached(self, deadline: Deadline) -> Client:
        if self._socket:
            return await _open(self._socket, socket.AF_UNIX)
        budget = Deadline(min(deadline.at, Deadline.after(CONNECT_TIMEOUT_S).at))
        found = await resolve(self._host, budget)
        last: OSError = TimeoutError()
        for index, address in enumerate(found):
            try:
                async with asyncio.timeout(share(budget, len(found) - index)):
                    family = socket.AF_INET6 if ":" in address else socket.AF_INET
                    return await _open((address, self._port), family)
            except OSError as error:
                last = error
        raise last

    def _trust(self) -> ssl.SSLContext:
        return trust(Tls(verify=self._mode == "verify_identity", ca_file=self._ca_file))

    def _place(self) -> str:
        return self._socket or place(self._host, self._port)

    def _tls_text(self, error: ssl.SSLError) -> str:
        reason = error.args[1] if error.errno == 0 and len(error.args) > 1 else tls_reason(error)
        return f"TLS with {self.where} failed: {reason}"

    def _failure(self, refusal: Refusal) -> SqlError:
        if refusal.number in TIME_IS_UP:
            raise TimeoutError
        if refusal.number in NO_CONNECTION_LEFT:
            return Exhausted(self.where)
        if refusal.number in LOGIN_REFUSED:
            return SqlError(f"Login refused by {self.where}", Cause.REFUSED)
        if refusal.number in NO_DATABASE:
            text = f"{self.where}: no such database, or no right to use it"
            return SqlError(text, Cause.MISSING)
        if refusal.number in GOING_DOWN:
            return Unreachable(f"Connection to {self.where} was lost", Cause.REFUSED)
        return SqlError(f"{self.where}: {printable(str(refusal))}", Cause.WRONG_ANSWER)


async def _open(address: str | tuple[str, int], family: int) -> Client:
    opened = socket.socket(family, socket.SOCK_STREAM)
    try:
        opened.setblocking(False)
        await asyncio.get_running_loop().sock_connect(opened, address)
    except BaseException:
        opened.close()
        raise
    return Client(opened)


async def _limit(client: Client, is_mariadb: bool, deadline: Deadline) -> None:
    """The server must not go on with a query whose check has given up."""
    left_s = max(0.001, deadline.remaining())
    setting = f"max_statement_time = {left_s:.3f}"
    if not is_mariadb:
        setting = f"max_execution_time = {round(left_s * 1000)}"
    with contextlib.suppress(Refusal):  # before MySQL 5.7.8 and MariaDB 10.1 there is none
        await client.execute(f"SET SESSION {setting}")


async def _connections(client: Client) -> tuple[int, int] | None:
    try:
        [[_, used]] = await client.execute("SHOW GLOBAL STATUS LIKE 'Threads_connected'")
        [[limit]] = await client.execute("SELECT @@GLOBAL.max_connections")
        return int(str(used)), int(str(limit))
    except (Refusal, ValueError):  # a proxy may know neither
        return None


async def _missing_tables(client: Client, tables: Sequence[str]) -> list[str]:
    columns = ", ".join(_exists(table) for table in tables)
    [found] = await client.execute(f"SELECT {columns}")
    return [table for table, present in zip(tables, found, strict=True) if not present]


def _exists(table: str) -> str:
    schema, _, name = table.rpartition(".")
    return (
        # Quoted by _literal: the text protocol binds nothing.
        "EXISTS (SELECT 1 FROM information_schema.tables "  # nosec B608
        f"WHERE table_schema = {_literal(schema) if schema else 'DATABASE()'} "
        f"AND table_name = {_literal(name)})"
    )


def _literal(text: str) -> str:
    """A text that no setting of the server's can make part of the statement."""
    return f"CONVERT(X'{text.encode().hex()}' USING utf8mb4)"


async def _first_rows(client: Client, question: Question) -> tuple[list[Sequence[object]], int]:
    rows: list[Sequence[object]] = []
    count = 0
    async with contextlib.aclosing(client.query(question.query)) as stream:
        async for row in stream:
            count += 1
            rows += [row] if count <= ROWS_KEPT else []
            if count == question.rows:
                break
    return rows, count


def _wrong(given: dict[str, str], mode: str, tls: Tls) -> str | None:
    if unknown := given.keys() - set(PARAMETERS):
        named = ", ".join(sorted(key for key in unknown if key.isidentifier()))
        return f"has a parameter that is not known here ({named}): use {', '.join(PARAMETERS)}"
    if mode not in MODES:
        return f"has an unknown ssl_mode: use one of {', '.join(MODES)}"
    if mode == "disabled" and (tls.verify or tls.ca_file or given.get("ssl_ca")):
        return "has ssl_mode=disabled, which verify and ca_file contradict"
    return None
