"""One run's connection to a server: opened, read within bounds, timed by phase; failures in words."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass

from domain.facts import Cause, Measurement, Status
from domain.units import show
from monitor.checks import Deadline, tcp
from monitor.wire.connection import READ_BYTES, Connection, Phases, connect
from monitor.wire.server import ServerCheck
from monitor.wire.tls.trust import UnusableFile


class HungUp(Exception):
    """The server ended the connection while it was to say something."""


class TooMuch(Exception):
    """The server says more than a check reads: `limit` bytes."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"more than {show(limit, 'bytes')}")


class Garbled(Exception):
    """What the server says is not of its protocol. The text is for people."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why there is nothing to measure: the cause, and the sentence that tells it."""

    cause: Cause
    message: str


class Dialogue:
    """Bytes sent to a server, and read from it: never more than `limit` in all."""

    def __init__(self, connection: Connection, limit: int) -> None:
        self._connection = connection
        self._limit = limit
        self._left = limit
        self._buffer = bytearray()

    async def send(self, data: bytes) -> None:
        """Send all. A server that has hung up may have said why, so reading tells of that."""
        with contextlib.suppress(ConnectionError):
            await self._connection.send(data)

    async def exactly(self, size: int) -> bytes:
        """The next `size` bytes. Raises HungUp, TooMuch, ssl.SSLError."""
        if size > len(self._buffer) + self._left:
            raise TooMuch(self._limit)
        while len(self._buffer) < size:
            await self._receive()
        return self._take(size)

    async def line(self, longest: int) -> bytes:
        """The next line without its CRLF. Raises HungUp, TooMuch, ssl.SSLError."""
        seen = 0
        while (end := self._buffer.find(b"\r\n", max(0, seen - 1))) < 0:
            seen = len(self._buffer)
            if seen > longest:
                raise TooMuch(longest)
            await self._receive()
        return self._take(end + 2)[:-2]

    async def _receive(self) -> None:
        try:
            data = await self._connection.receive()
        except ConnectionError:
            raise HungUp from None
        if not data:
            raise HungUp
        # A server that never pauses would keep the loop from every time-out but for this.
        self._left -= len(data)
        if self._left < 0:
            raise TooMuch(self._limit)
        self._buffer += data

    def _take(self, size: int) -> bytes:
        taken = bytes(self._buffer[:size])
        del self._buffer[:size]
        return taken


class Visit:
    """One run of a check: what it does now, how long each phase took, and how it failed."""

    def __init__(self, check: ServerCheck, deadline: Deadline) -> None:
        self._check = check
        self._deadline = deadline
        self._budget_s = deadline.remaining()
        self._clock = asyncio.get_running_loop().time
        self._start = self._clock()
        self._connection: Connection | None = None
        self._phases = Phases()
        self.doing = ""
        self.endpoint = check.endpoint()
        self.where = self.endpoint.where

    async def open(self, limit: int) -> Dialogue:
        """Connect. Raises OSError, ssl.SSLError, UnusableFile."""
        self._connection = connection = await self._connect()
        return Dialogue(connection, limit)

    @contextlib.contextmanager
    def step(self, phase: str, doing: str) -> Iterator[None]:
        """Time what is done inside as this phase; a failure says that it was `doing`."""
        self.doing = doing
        with self._phases.time(phase):
            yield

    def took_ms(self) -> dict[str, float]:
        """Milliseconds by phase, and `total` since the beginning."""
        phases = {**self._phases.seconds, "total": self._clock() - self._start}
        return {phase: round(seconds * 1000, 2) for phase, seconds in phases.items()}

    def days_left(self) -> dict[str, float]:
        """For how long the server's certificate is valid, by the name of the metric; if it has one."""
        certificate = self._connection.certificate() if self._connection else None
        days = None if certificate is None else tcp.days_left(certificate)
        return {} if days is None else {"tls.days_left": days}

    def hang_up(self) -> None:
        """Close the connection, in whatever state it is."""
        if self._connection is not None:
            self._connection.close()

    def failed(self, error: Exception, protocol: str) -> Measurement:
        """The measurement for what ended this run. A bug is raised again."""
        if isinstance(error, UnusableFile):
            return Measurement(
                status=Status.UNKNOWN, cause=Cause.NOT_MEASURABLE, message=str(error)
            )
        if self.doing and (failure := self._in_words(error, protocol)):
            return tcp.critical(failure.cause, failure.message)
        if isinstance(error, ssl.SSLError):
            text = f"TLS with {self.where} failed: {tcp.tls_reason(error)}"
            return tcp.critical(Cause.TLS, text)
        if isinstance(error, OSError):
            return self._unreachable(error)
        raise error

    async def _connect(self) -> Connection:
        to, context = self.endpoint, self._check.trust()
        if not to.socket:
            return await connect(to.host, to.port, context, self._deadline, self._phases)
        with self._phases.time("connect"):
            return await _Local.to(to.socket)

    def _in_words(self, error: Exception, protocol: str) -> Failure | None:
        """What went wrong in the dialogue; None for what is told as if it went wrong before."""
        if isinstance(error, TimeoutError):
            limit = tcp.length(self._budget_s)
            text = f"No answer to {self.doing} from {self.where} within {limit}"
            return Failure(Cause.TIMEOUT, text)
        if isinstance(error, HungUp):
            text = f"{self.where} hung up without an answer to {self.doing}"
            return Failure(Cause.WRONG_ANSWER, text)
        if isinstance(error, TooMuch):
            text = f"{self.where} answers {self.doing} with {error}"
            return Failure(Cause.WRONG_ANSWER, text)
        if isinstance(error, Garbled):
            text = f"{self.where} does not speak {protocol}: {error}"
            return Failure(Cause.WRONG_ANSWER, text)
        return None

    def _unreachable(self, error: OSError) -> Measurement:
        to = self.endpoint
        if not to.socket:
            return tcp.unreachable(error, to.host, to.port, self._budget_s)
        missing = isinstance(error, FileNotFoundError)
        reason = error.strerror or "it failed"
        return tcp.critical(
            Cause.MISSING if missing else Cause.REFUSED, f"No connection to {to.socket}: {reason}"
        )


class _Local:
    """A connection to a Unix socket of this machine."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.setblocking(False)
        self._loop = asyncio.get_running_loop()

    @classmethod
    async def to(cls, path: str) -> _Local:
        """Connect to the socket at `path`. Raises OSError."""
        local = cls()
        try:
            await local._loop.sock_connect(local._socket, path)
        except BaseException:
            local.close()
            raise
        return local

    async def send(self, data: bytes) -> None:
        """Send all of it."""
        await self._loop.sock_sendall(self._socket, data)

    async def receive(self) -> bytes:
        """What has come."""
        return await self._loop.sock_recv(self._socket, READ_BYTES)

    def certificate(self) -> None:
        """There is none."""

    def close(self) -> None:
        """Hang up."""
        self._socket.close()
