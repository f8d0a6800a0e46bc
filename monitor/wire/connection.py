"""A connection to a host: resolve, connect to one of the addresses, TLS; timed by phase."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from typing import Protocol, TypeVar

from monitor.checks import Deadline, tcp

READ_BYTES = 64 * 1024

Resolver = Callable[[str, Deadline], Awaitable[list[str]]]
T = TypeVar("T")


class Phases:
    """Seconds spent in each phase, added up over redirects. A phase that failed is not counted."""

    def __init__(self) -> None:
        self._clock = asyncio.get_running_loop().time
        self.seconds: dict[str, float] = {}

    @contextlib.contextmanager
    def time(self, phase: str) -> Iterator[None]:
        """Count what is done inside as this phase."""
        start = self._clock()
        yield
        self.seconds[phase] = self.seconds.get(phase, 0.0) + self._clock() - start


class Connection(Protocol):
    """A stream of bytes both ways."""

    async def send(self, data: bytes) -> None:
        """Send all of it. Raises OSError."""

    async def receive(self) -> bytes:
        """What has come; nothing when the other side has ended. Raises OSError."""

    def certificate(self) -> bytes | None:
        """The other side's certificate in DER, None without TLS."""

    def close(self) -> None:
        """Hang up at once. May be called twice."""


async def connect(
    host: str,
    port: int,
    tls: ssl.SSLContext | None,
    deadline: Deadline,
    phases: Phases,
    resolve: Resolver = tcp.resolve,
) -> Connection:
    """Connect to the first address of `host` that takes it; each gets its share of the time.

    What the resolver's policy saw is what is connected to: the name is not resolved a second time,
    as an attacker's would then change (DNS rebinding).
    Raises OSError (also ssl.SSLError and TimeoutError) of the last address, or of the resolver.
    """
    with phases.time("dns"):
        addresses = await resolve(host, deadline)
    last: OSError = TimeoutError()
    for index, address in enumerate(addresses):
        try:
            async with asyncio.timeout(tcp.share(deadline, len(addresses) - index)):
                return await _open(address, port, host, tls, phases)
        except OSError as error:
            last = error
    raise last


async def _open(
    address: str, port: int, host: str, tls: ssl.SSLContext | None, phases: Phases
) -> Connection:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    plain = _Plain(socket.socket(family, socket.SOCK_STREAM))
    try:
        with phases.time("connect"):
            await plain.connect(address, port)
        if tls is None:
            return plain
        with phases.time("tls"):
            return await secured(plain, tls, host)
    except BaseException:
        plain.close()
        raise


async def secured(way: Connection, tls: ssl.SSLContext, host: str) -> Connection:
    """TLS with `host` over a connection, which may lead through a proxy. Raises ssl.SSLError, OSError."""
    return await _Tls.over(way, tls, host)


def protocol_of(connection: Connection) -> str | None:
    """What both sides agreed on by ALPN (RFC 7301), None without TLS or without an agreement."""
    return connection.protocol() if isinstance(connection, _Tls) else None


class _Plain:
    """TCP, directly on the socket: a stream of asyncio costs twice as much for one small answer."""

    def __init__(self, opened: socket.socket) -> None:
        opened.setblocking(False)
        self._socket = opened
        self._received = 0
        self._loop = asyncio.get_running_loop()

    async def connect(self, address: str, port: int) -> None:
        """Connect to an address, which is no name."""
        await self._loop.sock_connect(self._socket, (address, port))

    async def send(self, data: bytes) -> None:
        """Send all of it."""
        await self._loop.sock_sendall(self._socket, data)

    async def receive(self) -> bytes:
        """What has come.

        Reading what is there already does not give way to others, nor to the deadline: a server
        that sends faster than we read would hold up the whole loop.
        """
        if self._received > READ_BYTES:
            await asyncio.sleep(0)
        data = await self._loop.sock_recv(self._socket, READ_BYTES)
        self._received += len(data)
        return data

    def certificate(self) -> None:
        """There is none."""

    def close(self) -> None:
        """Hang up."""
        self._socket.close()


class _Tls:
    """TLS in memory over another connection, so that hanging up is closing one socket, at any time."""

    def __init__(self, way: Connection, context: ssl.SSLContext, host: str) -> None:
        self._way = way
        self._received, self._to_send = ssl.MemoryBIO(), ssl.MemoryBIO()
        # The name in SNI has no final dot (RFC 6066, 3), nor have those in certificates.
        name = host.removesuffix(".")
        self._tls = context.wrap_bio(self._received, self._to_send, server_hostname=name)

    @classmethod
    async def over(cls, way: Connection, context: ssl.SSLContext, host: str) -> _Tls:
        """Shake hands."""
        tls = cls(way, context, host)
        try:
            await tls._step(tls._tls.do_handshake)
        except ssl.SSLError:
            with contextlib.suppress(OSError):
                await tls._flush()  # the alert that tells the server why (RFC 8446, 6.2)
            raise
        return tls

    async def send(self, data: bytes) -> None:
        """Send all of it, encrypted."""
        rest = memoryview(data)
        while rest:
            rest = rest[await self._step(partial(self._tls.write, rest)) :]

    async def receive(self) -> bytes:
        """What has come, decrypted. An end without close_notify is an end: HTTP frames its answers."""
        try:
            return await self._step(lambda: self._tls.read(READ_BYTES))
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
            return b""

    def certificate(self) -> bytes | None:
        """The server's certificate, verified or not."""
        return self._tls.getpeercert(True)

    def protocol(self) -> str | None:
        """What both sides agreed on."""
        return self._tls.selected_alpn_protocol()

    def close(self) -> None:
        """Hang up."""
        self._way.close()

    async def _step(self, step: Callable[[], T]) -> T:
        """One call to the TLS library, repeated until it has the bytes that it wants."""
        while True:
            try:
                value = step()
            except ssl.SSLWantReadError:
                await self._flush()
                if data := await self._way.receive():
                    self._received.write(data)
                else:
                    self._received.write_eof()
            else:
                await self._flush()
                return value

    async def _flush(self) -> None:
        if waiting := self._to_send.read():
            await self._way.send(waiting)
