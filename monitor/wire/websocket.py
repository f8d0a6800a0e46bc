"""A WebSocket over a connection of ours: handshake, ping and messages, with bounds (RFC 6455).

The protocol itself is the websockets library's, which does no input and output of its own here. It
offers no extensions, so nothing is compressed: there are no bombs to unpack.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import secrets
from base64 import b64encode
from collections import deque
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import TYPE_CHECKING

from monitor.wire.connection import Connection
from monitor.wire.http.addresses import Url

if TYPE_CHECKING:
    from websockets.client import ClientProtocol
    from websockets.frames import Frame
    from websockets.http11 import Request

HEAD_BYTES = 64 * 1024
MESSAGE_BYTES = 2**20
# All that is read after the handshake: messages wait in memory until they are looked at.
READ_BYTES = 8 * 2**20
FRAMES = 10_000
SLICE_BYTES = 4096
GOODBYE_S = 0.2
GOODBYE_READS = 16
# The library logs every header that it sends, credentials included.
SILENT = logging.Logger("websocket", level=logging.CRITICAL + 1)
STATUS_LINE = re.compile(rb"HTTP/1\.[01] ([1-5][0-9][0-9])(?: |\r?\n)")


class Refused(Exception):
    """The server answered the handshake, and not by switching protocols."""

    def __init__(self, status: int) -> None:
        super().__init__(f"HTTP {status} instead of 101")


class Violation(Exception):
    """The server does what no WebSocket server may, or too much of it. Begins with a verb."""


class Ended(Exception):
    """The server ended the conversation before we did. Begins with a verb."""


class Conversation:
    """One WebSocket, from the handshake to the goodbye. Keeps the first `keep` messages."""

    def __init__(self, connection: Connection, keep: int) -> None:
        self._connection = connection
        self._keep = keep
        self._read_bytes = self._frames = 0
        self._pongs: set[bytes] = set()
        self._waiting: deque[bytes] = deque()
        self._parts: list[bytes] = []
        self._open: ClientProtocol | None = None
        self._over = False
        self.seen = 0
        self.subprotocol: str | None = None

    async def shake_hands(
        self,
        url: Url,
        user: tuple[str, str] | None,
        *,
        headers: Mapping[str, str],
        origin: str | None,
        subprotocols: Sequence[str],
    ) -> None:
        """Ask to switch to the WebSocket protocol. Raises Refused, Violation, Ended and OSError."""
        protocol = _protocol(url, origin, subprotocols)
        protocol.send_request(_with(protocol.connect(), user, headers))
        self._open = protocol
        await self._flush()
        head, _, rest = (await self._head()).partition(b"\r\n\r\n")
        protocol.receive_data(head + b"\r\n\r\n")
        if protocol.handshake_exc is not None:
            reason = type(protocol.handshake_exc).__name__  # its text quotes the server
            raise Violation(f"answers the handshake wrongly: {reason}")
        self.subprotocol = protocol.subprotocol
        await self._feed(rest)

    async def ping(self) -> None:
        """Send a ping and wait for its pong (RFC 6455, 5.5.2), whatever comes in between."""
        token = secrets.token_bytes(8)
        self._protocol.send_ping(token)
        await self._flush()
        while token not in self._pongs:
            await self._receive()

    async def send(self, text: str) -> None:
        """Send a text message."""
        self._protocol.send_text(text.encode())
        await self._flush()

    async def messages(self) -> AsyncIterator[str]:
        """The first messages, those that came before the pong included. Binary ones as UTF-8."""
        for _ in range(self._keep):
            while not self._waiting:
                await self._receive()
            yield self._waiting.popleft().decode("utf-8", errors="replace")

    async def say_goodbye(self, left_s: float) -> None:
        """Close as RFC 6455, 7.1.1 wants it, without waiting long for the server to do the same."""
        with contextlib.suppress(OSError, Ended, Violation):
            async with asyncio.timeout(min(GOODBYE_S, left_s / 2)):
                self._protocol.send_close(1000)
                await self._flush()
                for _ in range(GOODBYE_READS):
                    await self._receive()

    def close(self) -> None:
        """Hang up at once."""
        self._connection.close()

    @property
    def _protocol(self) -> ClientProtocol:
        assert self._open is not None, "there was no handshake"
        return self._open

    async def _head(self) -> bytes:
        """The answer's head and what came with it. The body of a refusal is not waited for."""
        received = bytearray()
        while b"\r\n\r\n" not in received:
            data = await self._connection.receive()
            if not data:
                raise Ended("hung up before it answered the handshake")
            received += data
            if len(received) > HEAD_BYTES:
                raise Violation(f"answers the handshake with more than {HEAD_BYTES} bytes")
            if not b"HTTP/1.".startswith(bytes(received[:7])):
                break
        status = STATUS_LINE.match(received)
        if status is None:
            raise Violation("does not speak HTTP")
        if int(status[1]) != 101:
            raise Refused(int(status[1]))
        return bytes(received)

    async def _receive(self) -> None:
        """Read once and take in what it was; answers the server's own pings."""
        if self._over:
            raise self._end()
        data = await self._connection.receive()
        self._over = not data
        self._read_bytes += len(data)
        if self._read_bytes > READ_BYTES:
            raise Violation(f"sends more than {READ_BYTES >> 20} MB before what is waited for")
        await self._feed(data)
        await self._flush()

    async def _feed(self, data: bytes) -> None:
        """Take in what was read, in slices: one may hold thousands of frames, and others must run.

        A read that need not wait does not let them run either.
        """
        for at in range(0, len(data), SLICE_BYTES):
            await asyncio.sleep(0)
            self._protocol.receive_data(data[at : at + SLICE_BYTES])
            self._take()

    def _take(self) -> None:
        """Take in the frames that are complete."""
        from websockets.frames import Frame

        for event in self._protocol.events_received():
            if isinstance(event, Frame):
                self._frames += 1
                self._take_frame(event)
        if self._frames > FRAMES:
            raise Violation(f"sends more than {FRAMES} frames before what is waited for")
        if self._protocol.parser_exc is not None:
            raise Violation(f"breaks the WebSocket protocol: {self._why()}")
        # What came before the end is looked at first.
        self._over = self._over or self._protocol.close_rcvd is not None

    def _take_frame(self, frame: Frame) -> None:
        from websockets.frames import DATA_OPCODES, Opcode

        if frame.opcode is Opcode.PONG:
            self._pongs.add(bytes(frame.data))
        if frame.opcode not in DATA_OPCODES or self.seen >= self._keep:
            return
        self._parts.append(bytes(frame.data))
        if frame.fin:
            self._waiting.append(b"".join(self._parts))
            self._parts.clear()
            self.seen += 1

    def _end(self) -> Ended:
        received = self._protocol.close_rcvd
        if received is None:
            return Ended("broke the connection off")
        return Ended(f"closed the connection: {_name(received.code)}")

    def _why(self) -> str:
        sent = self._protocol.close_sent
        return _name(sent.code if sent is not None else None)

    async def _flush(self) -> None:
        if data := b"".join(self._protocol.data_to_send()):
            await self._connection.send(data)


def _protocol(url: Url, origin: str | None, subprotocols: Sequence[str]) -> ClientProtocol:
    from websockets.client import ClientProtocol
    from websockets.typing import Origin, Subprotocol
    from websockets.uri import WebSocketURI

    path, _, query = url.target.partition("?")
    uri = WebSocketURI(url.scheme == "https", url.host, url.port, path, query)
    return ClientProtocol(
        uri,
        origin=None if origin is None else Origin(origin),
        subprotocols=[Subprotocol(name) for name in subprotocols] or None,
        max_size=MESSAGE_BYTES,
        logger=SILENT,
    )


def _with(request: Request, user: tuple[str, str] | None, headers: Mapping[str, str]) -> Request:
    """The request with basic authentication (RFC 7617) and headers; later ones go before earlier."""
    ours = {"User-Agent": "Nocturne"}
    if user is not None:
        ours["Authorization"] = f"Basic {b64encode(':'.join(user).encode()).decode()}"
    for name, value in (*ours.items(), *headers.items()):
        if name in request.headers:
            del request.headers[name]
        request.headers[name] = value
    return request


def _name(code: int | None) -> str:
    """A close code as people read it: `1009 message too big` (RFC 6455, 7.4.1)."""
    from websockets.frames import CLOSE_CODE_EXPLANATIONS

    explained = CLOSE_CODE_EXPLANATIONS.get(code) if code else None
    return f"{code} {explained}" if explained else f"{code or 'no code'}"
