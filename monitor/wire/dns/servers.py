"""Asking a name server one question, over UDP, TCP or TLS, at an address that was resolved before.

The sockets are our own and dnspython's are not used: a connected UDP socket learns at once that
nothing listens, the kernel drops answers from other addresses, and hanging up is closing one socket.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import ipaddress
import socket
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from domain.facts import Cause
from monitor.checks import Deadline, tcp
from monitor.wire.connection import Connection, Phases, connect
from monitor.wire.dns.message import TRUNCATED, Malformed, Query, Reply, read
from monitor.wire.tls.handshake import can_be_asked_for, why

Transport: TypeAlias = Literal["udp", "tcp", "tls"]

RESOLV_CONF = Path("/etc/resolv.conf")
MAX_SERVERS = 3  # as the C library reads (resolv.conf(5))
MAX_MESSAGE = 65535
# A lost packet is sent again after these, as often as there is time.
RESEND_S = (1.0, 2.0, 4.0, 8.0)
# So many packets that are no answer end the waiting: else a flood of them would never.
MAX_STRAYS = 100


class NoResolver(Exception):
    """The system names no resolver that can be asked. The text says why."""


class NoAnswer(Exception):
    """The server was asked and gave no answer that can be used. The text says what came instead."""

    def __init__(self, cause: Cause, message: str) -> None:
        super().__init__(message)
        self.cause = cause


@dataclass(frozen=True, slots=True)
class Server:
    """A name server. `of_system` is one that this machine's own resolving uses anyway."""

    host: str
    port: int
    of_system: bool = False

    @property
    def where(self) -> str:
        """As messages name it, without the usual port."""
        return self.host if self.port == 53 else tcp.place(self.host, self.port)


@dataclass(frozen=True, slots=True)
class Asked:
    """An answer, from where and how it came, and seconds by phase."""

    reply: Reply
    where: str
    transport: Transport
    seconds: Mapping[str, float]


def located(text: str, port: int) -> Server:
    """The server `192.0.2.53`, `ns.example:5353`, `::1` or `[::1]:53` means. Raises ValueError."""
    try:
        return Server(str(ipaddress.ip_address(text)), port)
    except ValueError:
        host, colon, given = text.rpartition(":")
    if not colon:
        host, given = text, str(port)
    if host.startswith("[") and host.endswith("]"):
        host = str(ipaddress.IPv6Address(host[1:-1]))
    elif ":" in host or not can_be_asked_for(host) or any(each in "/@[]" for each in host):
        raise ValueError("no host")
    if not (given.isascii() and given.isdigit() and 0 < int(given) < 65536):
        raise ValueError("no port")
    return Server(host, int(given))


def system_servers(file: Path = RESOLV_CONF) -> list[Server]:
    """The resolvers of this machine. It reads a file, so call it in a thread. Raises NoResolver."""
    try:
        text = file.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise NoResolver(f"{file} can't be read: {error.strerror}") from None
    found = [Server(host, 53, of_system=True) for host in _named(text)]
    if not found:
        raise NoResolver(f"{file} names no name server")
    return found[:MAX_SERVERS]


async def ask(
    server: Server,
    query: Query,
    transport: Transport,
    deadline: Deadline,
    context: ssl.SSLContext | None,
    server_name: str | None,
    budget_s: float,
) -> Asked:
    """Ask and wait for the answer; one that UDP cut off is fetched over TCP (RFC 7766, 5).

    `budget_s` is how long the deadline was away when all began, for the message of a time-out.

    Raises NoAnswer, and the OSErrors of a connection that can't be opened.
    """
    exchange = _Exchange(server, query, deadline, server_name or server.host)
    try:
        async with asyncio.timeout_at(deadline.at):
            return await exchange.over(transport, context)
    except TimeoutError:
        raise exchange.timed_out(budget_s) from None
    except ssl.SSLError as error:
        text = f"TLS with {server.where} failed: {why(error)}"
        raise NoAnswer(Cause.TLS, text) from None


class _Exchange:
    """One question to one server."""

    def __init__(self, server: Server, query: Query, deadline: Deadline, name: str) -> None:
        self._server = server
        self._query = query
        self._deadline = deadline
        self._name = name
        self._loop = asyncio.get_running_loop()
        self._phases = Phases()
        self._strays = 0

    def timed_out(self, budget_s: float) -> NoAnswer:
        """What is told when the deadline has passed."""
        limit = tcp.length(budget_s)
        strays = f", only {self._strays} packets that are none" if self._strays else ""
        text = f"No answer from {self._server.where} within {limit}{strays}"
        return NoAnswer(Cause.TIMEOUT, text)

    async def over(self, transport: Transport, context: ssl.SSLContext | None) -> Asked:
        """Ask this way, and if need be the other."""
        if transport != "udp":
            return await self._over_stream(transport, context)
        start = self._loop.time()
        reply = await self._over_udp()
        if not reply.has(TRUNCATED):
            return self._done(reply, "udp", start)
        asked = await self._over_stream("tcp", None)
        return self._done(asked.reply, "tcp", start)  # who asks waits for both

    async def _addresses(self, host: str, deadline: Deadline) -> list[str]:
        """The server's addresses.

        The network policy is about what checks name: it is not asked about the system's own servers,
        to which the names of all other checks go as well.
        """
        return [host] if self._server.of_system else await tcp.resolve(host, deadline)

    async def _over_udp(self) -> Reply:
        addresses = await self._addresses(self._server.host, self._deadline)
        last: OSError = TimeoutError()
        for index, address in enumerate(addresses):
            try:
                async with asyncio.timeout(tcp.share(self._deadline, len(addresses) - index)):
                    return await self._at(address)
            except OSError as error:
                last = error
        raise last

    async def _at(self, address: str) -> Reply:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        with socket.socket(family, socket.SOCK_DGRAM) as opened:
            opened.setblocking(False)
            await self._loop.sock_connect(opened, (address, self._server.port))
            for pause_s in (*RESEND_S, None):
                await self._loop.sock_sendall(opened, self._query.wire())
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(pause_s):
                        return await self._answer(opened)
        raise AssertionError("the last wait has no end of its own")

    async def _answer(self, opened: socket.socket) -> Reply:
        """The first packet that answers; others are counted: they may be forged (RFC 5452)."""
        while self._strays < MAX_STRAYS:
            packet = await self._loop.sock_recv(opened, MAX_MESSAGE)
            with contextlib.suppress(Malformed):
                if self._query.fits(reply := read(packet)):
                    return reply
            self._strays += 1
            await asyncio.sleep(0)  # a flood is received without waiting, and starves the loop
        text = f"{self._server.where} sent {MAX_STRAYS} packets, none of them an answer"
        raise NoAnswer(Cause.WRONG_ANSWER, text)

    async def _over_stream(self, transport: Transport, context: ssl.SSLContext | None) -> Asked:
        connection = await connect(
            self._name, self._server.port, context, self._deadline, self._phases, self._pinned
        )
        try:
            start = self._loop.time()
            return self._done(await self._exchanged(connection), transport, start)
        finally:
            connection.close()

    def _done(self, reply: Reply, transport: Transport, start: float) -> Asked:
        seconds = {**self._phases.seconds, "query": self._loop.time() - start}
        return Asked(reply, self._server.where, transport, seconds)

    async def _pinned(self, _: str, deadline: Deadline) -> list[str]:
        """The addresses of the server, whatever name its certificate is asked for by."""
        return await self._addresses(self._server.host, deadline)

    async def _exchanged(self, connection: Connection) -> Reply:
        """One message each way, with its length before it (RFC 1035, 4.2.2)."""
        wire = self._query.wire()
        try:
            await connection.send(len(wire).to_bytes(2, "big") + wire)
            reply = read(await _message(connection))
        except Malformed as error:
            text = f"{self._server.where} answers with what is no DNS message: {error}"
            raise NoAnswer(Cause.WRONG_ANSWER, text) from None
        except ConnectionError as error:
            text = f"{self._server.where} broke off: {error.strerror or 'no answer'}"
            raise NoAnswer(Cause.WRONG_ANSWER, text) from None
        if not self._query.fits(reply):
            text = f"{self._server.where} answers another question than was asked"
            raise NoAnswer(Cause.WRONG_ANSWER, text)
        if reply.has(TRUNCATED):
            text = f"{self._server.where} cuts its answer off over TCP too"
            raise NoAnswer(Cause.WRONG_ANSWER, text)
        return reply


async def _message(connection: Connection) -> bytes:
    held = bytearray()
    while len(held) < 2 or len(held) < 2 + int.from_bytes(held[:2], "big"):
        data = await connection.receive()
        if not data:
            raise ConnectionResetError(errno.ECONNRESET, "it hung up before its answer")
        held += data
    return bytes(held[2 : 2 + int.from_bytes(held[:2], "big")])


def _named(text: str) -> Sequence[str]:
    """The addresses in the lines `nameserver …`; what is none is left out, as the C library does."""
    found = []
    for line in text.splitlines():
        words = line.split()
        if len(words) >= 2 and words[0] == "nameserver":
            with contextlib.suppress(ValueError):
                found.append(str(ipaddress.ip_address(words[1])))
    return found
