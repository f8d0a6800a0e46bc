"""What the drivers of databases share: the question, the answer, what can go wrong, and attempts.

SqlError ← Unreachable ← Exhausted.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import SplitResult, urlsplit

from domain.facts import Cause, Measurement, Status
from domain.mistakes import WrongFields, shown
from monitor.checks import Deadline
from monitor.checks.tcp import length, tls_context, unreachable

CONNECT_TIMEOUT_S = 5.0
PAUSE_S = 1.0
CANCEL_GRACE_S = 0.3
ROWS_KEPT = 2  # enough to know whether the answer is a single value
TEXT_SHOWN = 200

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    """What is asked of the certificate beside what the URL asks: to be trusted and to name the host."""

    verify: bool = False
    ca_file: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A query, the tables that must be there first, and after how many rows to stop counting."""

    query: str
    tables: Sequence[str] = ()
    rows: int = ROWS_KEPT


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What one attempt brought back: seconds, the first rows, and how many there are.

    `connections` are those in use and the limit of an ordinary login, where the server tells.
    """

    connect_s: float
    query_s: float
    missing: Sequence[str] = ()
    rows: Sequence[Sequence[object]] = ()
    count: int = 0
    connections: tuple[int, int] | None = None


class SqlError(Exception):
    """The database could not be asked; the text is for people and holds no secrets.

    `attempt` is the one that ended in it. Unreachable is worth another; everything else is definite.
    """

    def __init__(self, message: str, cause: Cause, status: Status = Status.CRITICAL) -> None:
        super().__init__(message)
        self.cause = cause
        self.status = status
        self.attempt = 1

    def measurement(self) -> Measurement:
        """As the result of a check."""
        return Measurement(
            status=self.status,
            cause=self.cause,
            message=str(self),
            details={"attempts": self.attempt},
        )


class Unreachable(SqlError):
    """No connection, or the database is busy: the next attempt may succeed."""


class Exhausted(Unreachable):
    """The server works, but has no connection left for this login."""

    def __init__(self, where: str) -> None:
        message = f"No connection left at {where}: its limit is reached"
        super().__init__(message, Cause.THRESHOLD, Status.DEGRADED)


def parsed(url: str) -> SplitResult:
    """The parts of a database's URL. Raises WrongFields, which does not repeat it."""
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - it is parsed only now, and may be none
    except ValueError:
        raise WrongFields([("url", "is not a valid database address")]) from None
    return parts


def not_installed(library: str, extra: str) -> SqlError:
    """The error for a driver that is an optional part of the installation."""
    text = f'{library} is not installed here: pip install "nocturne[{extra}]"'
    return SqlError(text, Cause.NOT_MEASURABLE, Status.UNKNOWN)


def not_connected(error: OSError, host: str, port: int, where: str) -> SqlError:
    """The error for a connection that failed, was not there in CONNECT_TIMEOUT_S, or is not allowed."""
    if isinstance(error, TimeoutError):
        text = f"No answer from {where} within {length(CONNECT_TIMEOUT_S)}"
        return Unreachable(text, Cause.TIMEOUT)
    found = unreachable(error, host, port, CONNECT_TIMEOUT_S)
    # What the network policy refuses, it refuses again.
    made = Unreachable if found.status is Status.CRITICAL else SqlError
    return made(found.message, found.cause, found.status)


def trust(tls: Tls) -> ssl.SSLContext:
    """The context for these wishes. Raises SqlError when the file of authorities can't be used."""
    try:
        return tls_context(tls.verify, tls.ca_file)
    except OSError as error:
        reason = "not PEM" if isinstance(error, ssl.SSLError) else error.strerror or "not readable"
        text = f"CA file {tls.ca_file} can't be used: {reason}"
        raise SqlError(text, Cause.NOT_MEASURABLE, Status.UNKNOWN) from None


def printable(text: str) -> str:
    """A server's own words on one line, without control characters, cut."""
    kept = " ".join("".join(c if c.isprintable() else " " for c in text[: 2 * TEXT_SHOWN]).split())
    return kept if len(kept) <= TEXT_SHOWN else kept[: TEXT_SHOWN - 1] + "…"


async def persist(
    ask: Callable[[], Coroutine[Any, Any, T]], attempts: int, deadline: Deadline, where: str
) -> tuple[T, int]:
    """Ask up to `attempts` times, as long as the database is out of reach and time is left.

    Returns the answer and the attempt that brought it. Raises SqlError at the deadline at the latest.
    """
    budget_s = deadline.remaining()
    for attempt in range(1, attempts + 1):
        try:
            return await _within(deadline, ask()), attempt
        except TimeoutError:
            failure = SqlError(f"No answer from {where} within {length(budget_s)}", Cause.TIMEOUT)
            spent = True
        except SqlError as error:
            failure = error
            spent = attempt == attempts or deadline.remaining() <= PAUSE_S
        if spent or not isinstance(failure, Unreachable):
            failure.attempt = attempt
            raise failure
        await asyncio.sleep(PAUSE_S)
    raise AssertionError("the last attempt always returns or raises")


async def _within(deadline: Deadline, asking: Coroutine[Any, Any, T]) -> T:
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


def cell(value: object) -> str:
    """One value of an answer as a message shows it: short, in one line, texts in quotes."""
    if value is None:
        return "NULL"
    return shown(value) if isinstance(value, str) else printable(str(value))
