"""One request and its answer over a connection, in HTTP/1.1 (RFC 9112).

Plain answers are read by `plain`, all others by h11, which takes four times as long.
"""

from __future__ import annotations

import contextlib
import zlib
from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

import h11

from monitor.wire.connection import Connection
from monitor.wire.http import plain
from monitor.wire.http.addresses import Url

# A head longer than this is refused. RFC 9110 (5.4) leaves the limit to us.
LONGEST_HEAD = 100 * 1024
SWITCHING_PROTOCOLS = 101
CUT_SHORT = (
    "peer closed connection without sending complete message body (received {} bytes, expected {})"
)

# Fields by their name in lower case: as it was written, and the value.
Fields = Mapping[str, tuple[str, str]]
RemoteProtocolError = h11.RemoteProtocolError
LocalProtocolError = h11.LocalProtocolError


def fields(*groups: Mapping[str, str]) -> Fields:
    """Header fields; a later group overrides an earlier one, whatever the case (RFC 9110, 5.1)."""
    return {name.lower(): (name, value) for group in groups for name, value in group.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is asked for. `absolute` asks a proxy, with the whole address (RFC 9112, 3.2.2)."""

    method: str
    url: Url
    fields: Fields
    body: bytes = b""
    absolute: bool = False
    # Head and body as they are sent, where `prepared` made them before. Another request that is
    # made of this one by `replace` begins without.
    wire: bytes = field(default=b"", init=False, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The beginning of an answer: all but its body."""

    status: int
    fields: tuple[tuple[bytes, bytes], ...]

    def all(self, name: str) -> list[str]:
        """Every value of a field; the name in lower case."""
        wanted = name.encode()
        return [_text(value) for field, value in self.fields if field == wanted]

    def value(self, name: str) -> str | None:
        """The values of a field as one, None when there is none (RFC 9110, 5.3)."""
        return ", ".join(found) if (found := self.all(name)) else None


class Exchanging(Protocol):
    """One request and its answer, in whatever version of HTTP. `ask`, then `chunks`."""

    async def ask(self, request: Request) -> Head:
        """Send the request, wait for the head of the final answer."""

    def chunks(self) -> AsyncGenerator[bytes, None]:
        """The body as it comes, not unpacked."""


class Exchange:
    """One request on a connection that serves nothing else. `ask`, then `chunks`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._parser: h11.Connection | None = None
        self._body: plain.Body | None = None

    async def ask(self, request: Request) -> Head:
        """Send the request, wait for the head of the final answer. Raises the errors of h11, OSError."""
        message = request.wire or _written(_parser(), request)
        # A server may refuse a request that it did not read to the end, and say why.
        with contextlib.suppress(ConnectionError):
            await self._connection.send(message)
        begun = await self._begun()
        if request.method != "HEAD" and (found := plain.read(begun)) is not None:
            self._body = found.body
            return Head(status=found.status, fields=found.fields)
        return await self._parsed(request, begun)

    async def _begun(self) -> bytes:
        """What comes until a head seems to be complete, or too long; or until the other side ends."""
        begun = b""
        while not plain.is_head(begun) and len(begun) <= LONGEST_HEAD:
            data = await self._connection.receive()
            if not data:
                break
            begun += data
        return begun

    async def _parsed(self, request: Request, begun: bytes) -> Head:
        """The head as h11 reads it, which knows all that HTTP allows."""
        self._parser = _parser()
        _written(self._parser, request)
        if begun:
            self._parser.receive_data(begun)
        while True:
            event = await self._next()
            if isinstance(event, h11.Response) or (
                isinstance(event, h11.InformationalResponse)
                and event.status_code == SWITCHING_PROTOCOLS
            ):
                return Head(status=event.status_code, fields=tuple(event.headers))

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """The body as it comes, not unpacked. Raises RemoteProtocolError when it is cut short."""
        if self._body is not None:
            async for data in self._plain(self._body):
                yield data
            return
        while True:
            event = await self._next()
            if isinstance(event, h11.Data):
                yield bytes(event.data)
            elif isinstance(event, h11.EndOfMessage) or event is h11.PAUSED:
                return

    async def _plain(self, body: plain.Body) -> AsyncGenerator[bytes, None]:
        received = 0
        data = body.begun
        while body.length is None or received < body.length:
            received += len(data)
            if data:
                yield data if body.length is None else data[: body.length - received + len(data)]
            if body.length is not None and received >= body.length:
                return
            data = await self._connection.receive()
            if not data:
                if body.length is not None:
                    raise RemoteProtocolError(CUT_SHORT.format(received, body.length))
                return

    async def _next(self) -> h11.Event | type[h11.PAUSED] | type[h11.NEED_DATA]:
        """The next event, never NEED_DATA."""
        parser = self._parser
        assert parser is not None, "asked before"
        while (event := parser.next_event()) is h11.NEED_DATA:
            data = await self._connection.receive()
            if not data and parser.their_state is h11.SEND_RESPONSE:
                raise RemoteProtocolError("Server disconnected without sending a response.")
            parser.receive_data(data)
        return event


def prepared(request: Request) -> Request:
    """The request with what is sent of it made beforehand, as far as it can be sent at all."""
    made = replace(request)
    with contextlib.suppress(LocalProtocolError):
        object.__setattr__(made, "wire", _written(_parser(), made))
    return made


def _parser() -> h11.Connection:
    return h11.Connection(h11.CLIENT, max_incomplete_event_size=LONGEST_HEAD)


def _written(parser: h11.Connection, request: Request) -> bytes:
    """Head and body in one piece, so that Nagle's algorithm holds back neither."""
    asked = h11.Request(
        method=request.method,
        target=str(request.url) if request.absolute else request.url.target,
        headers=[(n.encode(), value.encode("latin-1")) for n, value in request.fields.values()],
    )
    events = (asked, h11.Data(data=request.body), h11.EndOfMessage())
    return b"".join(parser.send(event) or b"" for event in events)


async def read(exchange: Exchanging, head: Head, limit: int) -> tuple[bytes, bool]:
    """The body up to `limit` bytes, unpacked as far as that. True when it was cut.

    The limit holds for what is received as well as for what it is unpacked to.
    """
    unpack = _unpacker((head.value("content-encoding") or "").lower())
    body, received = bytearray(), 0
    async with contextlib.aclosing(exchange.chunks()) as chunks:
        async for chunk in chunks:
            received += len(chunk)
            room = limit - len(body) + 1
            try:
                body += unpack(chunk, room) if unpack else chunk[:room]
            except zlib.error:
                return bytes(body), True
            if len(body) > limit or received > limit:
                return bytes(body[:limit]), True
    return bytes(body), False


Unpack = Callable[[bytes, int], bytes]


def _unpacker(coding: str) -> Unpack | None:
    """What unpacks the next piece of a body to so many bytes; None for one that is not packed."""
    if coding in ("gzip", "x-gzip"):
        return zlib.decompressobj(wbits=31).decompress
    return _deflated() if coding == "deflate" else None


def _deflated() -> Unpack:
    """For zlib (RFC 9110, 8.4.1.2), and for the bare deflate that some servers send in its name."""
    begun = bytearray()
    unpack: Unpack | None = None

    def decompress(data: bytes, room: int) -> bytes:
        nonlocal unpack
        if unpack is None:
            begun.extend(data)
            if len(begun) < 2:
                return b""
            is_zlib = begun[0] & 0x0F == 8 and (begun[0] << 8 | begun[1]) % 31 == 0  # RFC 1950
            unpack = zlib.decompressobj(wbits=15 if is_zlib else -15).decompress
            data = bytes(begun)
        return unpack(data, room)

    return decompress


def _text(value: bytes) -> str:
    """A field's value: in practice UTF-8, else each byte a letter (RFC 9110, 5.5)."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")
