"""Check kind `sql`: a database answers a query, in time and as expected, and holds its tables."""

from __future__ import annotations

import math
from collections.abc import Iterator
from decimal import Decimal
from typing import Annotated, TypeAlias, TypeGuard
from urllib.parse import unquote

from msgspec import Meta

from domain.facts import Cause, Measurement, Status
from domain.mistakes import WrongFields
from domain.rules import StockRule
from domain.units import show
from monitor.checks import Check, Deadline, kind
from monitor.wire.databases.asking import (
    ROWS_KEPT,
    Answer,
    Question,
    SqlError,
    Tls,
    cell,
    parsed,
    persist,
)
from monitor.wire.databases.mysql import Mysql
from monitor.wire.databases.postgres import Postgres
from monitor.wire.databases.sqlite import Sqlite

FORMS = "sqlite:///path, postgresql://user:password@host/name or mysql://user:password@host/name"
DRIVERS = ("+psycopg", "+pysqlite", "+aiomysql", "+pymysql", "+asyncmy")

FULL = (
    "The server has few connections left for ordinary logins; when none is left, programs can't log "
    "in. First look: who holds them, in pg_stat_activity or SHOW PROCESSLIST, by user and state: many "
    "that idle are pools that are too large or leak. Usual fix: restart or mend the program that "
    "leaks, make its pool smaller, put a pooler in front, or raise max_connections if memory allows."
)

Database: TypeAlias = Sqlite | Postgres | Mysql


@kind(
    "sql",
    title="SQL database",
    component="database",
    headline="sql.query_ms",
    rules=(
        StockRule(
            metric="sql.connections.percent",
            title="Connections in use",
            warning=80,
            critical=95,
            unit="%",
            runbook=FULL,
        ),
    ),
)
class SqlCheck(Check, frozen=True, kw_only=True):
    """The database answers `query` (read-only) as expected and holds all `tables`."""

    url: Annotated[str, Meta(description=FORMS, max_length=4096)]
    query: Annotated[str, Meta(min_length=1, description="Query to run, read-only")] = "SELECT 1"
    tables: Annotated[tuple[str, ...], Meta(description="Tables that must exist")] = ()
    expect_value: Annotated[
        bool | int | float | str | None,
        Meta(description="What the first value of the answer must be"),
    ] = None
    expect_rows: Annotated[
        Annotated[int, Meta(ge=0, le=100_000)] | None,
        Meta(description="How many rows the answer must have"),
    ] = None
    slow_ms: Annotated[float, Meta(gt=0, description="A slower query is degraded")] = 3000.0
    attempts: Annotated[int, Meta(ge=1, le=10, description="Attempts to connect, 1 s apart")] = 3
    verify: Annotated[
        bool, Meta(description="Require TLS, with a certificate that is trusted and names the host")
    ] = False
    ca_file: Annotated[
        str | None,
        Meta(description="PEM file of the authorities to trust instead of the usual; verifies"),
    ] = None

    def __post_init__(self) -> None:
        """Refuse a URL no driver understands, without repeating it: it may hold a password."""
        self._database()

    def __repr__(self) -> str:
        """Without the URL's credentials."""
        return f"SqlCheck({self.target()!r})"

    async def run(self, deadline: Deadline) -> Measurement:
        """Ask up to `attempts` times, as long as the database is out of reach and time is left."""
        asked = self._database()
        counted = ROWS_KEPT if self.expect_rows is None else max(ROWS_KEPT, self.expect_rows + 1)
        question = Question(query=self.query, tables=self.tables, rows=counted)
        try:
            answer, attempt = await persist(
                lambda: asked.ask(question, deadline), self.attempts, deadline, asked.where
            )
        except SqlError as error:
            return error.measurement()
        return self._judge(asked.name, answer, attempt)

    def target(self) -> str:
        """The database and where it is, without credentials."""
        return self._database().where

    def _database(self) -> Database:
        return database(self.url, Tls(verify=self.verify, ca_file=self.ca_file))

    def _judge(self, name: str, answer: Answer, attempt: int) -> Measurement:
        status, cause, message = self._verdict(name, answer)
        if attempt > 1 and status is Status.HEALTHY:
            message += f", reconnected at attempt {attempt}"
        total_ms = round((answer.connect_s + answer.query_s) * 1000, 2)
        return Measurement(
            status=status,
            cause=cause,
            message=message,
            response_time_ms=None if answer.missing else total_ms,
            metrics={} if answer.missing else dict(_metrics(answer)),
            details={"attempts": attempt, **({"reconnected": True} if attempt > 1 else {})},
        )

    def _verdict(self, name: str, answer: Answer) -> tuple[Status, Cause, str]:
        if answer.missing:
            return Status.CRITICAL, Cause.MISSING, _missing_sentence(answer, name)
        if wrong := next(self._wrong(answer), None):
            return Status.CRITICAL, Cause.WRONG_ANSWER, f"Query on {name} answered {wrong}"
        took = f"Query on {name} took {show(round(answer.query_s * 1000, 2), 'ms')}"
        if answer.query_s * 1000 >= self.slow_ms:
            text = f"{took}, expected < {show(self.slow_ms, 'ms')}"
            return Status.DEGRADED, Cause.THRESHOLD, text
        return Status.HEALTHY, Cause.NONE, took

    def _wrong(self, answer: Answer) -> Iterator[str]:
        if self.expect_rows is not None and answer.count != self.expect_rows:
            more = "more than " if answer.count > self.expect_rows else ""
            count = self.expect_rows if more else answer.count
            yield f"{more}{count} {'row' if count == 1 else 'rows'}, expected {self.expect_rows}"
        if self.expect_value is not None:
            expected = cell(self.expect_value)
            if not answer.rows or not answer.rows[0]:
                yield f"nothing, expected {expected}"
            elif not _equal(found := answer.rows[0][0], self.expect_value):
                yield f"{cell(found)}, expected {expected}"


def database(url: str, tls: Tls | None = None) -> Database:
    """The database a URL means. Raises WrongFields that names the forms supported, not the URL."""
    parts = parsed(url)
    scheme = parts.scheme
    for driver in DRIVERS:
        scheme = scheme.removesuffix(driver)
    path, tls = unquote(parts.path[1:]), tls or Tls()
    if scheme == "sqlite" and path and not parts.netloc:
        if tls.verify or tls.ca_file:
            raise WrongFields([("verify", "and ca_file are for servers, SQLite is a file")])
        return Sqlite(path)
    if scheme in ("postgresql", "postgres"):
        return Postgres(parts, tls)
    if scheme in ("mysql", "mariadb"):
        return Mysql(parts, tls)
    raise WrongFields([("url", f"is of a database that is not supported here: use {FORMS}")])


def _metrics(answer: Answer) -> Iterator[tuple[str, float]]:
    yield "sql.query_ms", round(answer.query_s * 1000, 2)
    yield "sql.connect_ms", round(answer.connect_s * 1000, 2)
    if answer.count == 1 and len(answer.rows[0]) == 1:
        value = answer.rows[0][0]
        if _is_number(value) and math.isfinite(value):
            yield "sql.value", float(value)
    if answer.connections and answer.connections[1] > 0:
        used, limit = answer.connections
        yield "sql.connections.used", float(used)
        yield "sql.connections.limit", float(limit)
        yield "sql.connections.percent", round(100 * used / limit, 1)


def _equal(found: object, expected: bool | float | str) -> bool:
    """Whether a database's value is the one expected; MySQL and SQLite know 1 and 0 for booleans."""
    if isinstance(expected, str):
        return str(found) == expected
    if isinstance(found, bool):
        return found == expected
    return _is_number(found) and float(found) == float(expected)


def _is_number(value: object) -> TypeGuard[int | float | Decimal]:
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)


def _missing_sentence(answer: Answer, name: str) -> str:
    named = ", ".join(f'"{table}"' for table in answer.missing)
    subject = f"Table {named} is" if len(answer.missing) == 1 else f"Tables {named} are"
    return f"{subject} missing in database {name}"
