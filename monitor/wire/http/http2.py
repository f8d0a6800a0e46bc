"""One request and its answer over a TLS connection in HTTP/2 (RFC 9113), framed by h2.

The library is imported when the first such request is made: most installations make none.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any

from monitor.wire.connection import Connection
from monitor.wire.http.http1 import Head, RemoteProtocolError, Request

# Fields of HTTP/1.1 that belong to a connection (RFC 9113, 8.2.2), and Host, which has a place of its own.
LEFT_OUT = frozenset(
    {"connection", "host", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"}
)


HEADER_BYTES = 9
LONGEST_FRAME = 16_384  # more would be announced by us (RFC 9113, 4.2)
GOAWAY = 7


class NoHttp2(Exception):
    """The server speaks older versions of HTTP only."""


class Exchange2:
    """One request on a connection that serves nothing else. `ask`, then `chunks`."""

    def __init__(self, connection: Connection) -> None:
        from h2.config import H2Configuration
        from h2.connection import H2Connection

        self._connection = connection
        self._h2 = H2Connection(H2Configuration(header_encoding=None))
        self._waiting: list[Any] = []
        self._partial = b""
        self._stream = 0

    async def ask(self, request: Request) -> Head:
        """Send the request, wait for the head of the final answer.

        Raises RemoteProtocolError when the server breaks the protocol, OSError.
        """
        from h2 import events
        from h2.settings import SettingCodes

        self._h2.initiate_connection()
        self._h2.update_settings({SettingCodes.ENABLE_PUSH: 0})
        self._stream = self._h2.get_next_available_stream_id()
        self._h2.send_headers(self._stream, _fields(request), end_stream=not request.body)
        await self._flush()
        await self._send_body(request.body)
        while True:
            event = await self._next()
            if isinstance(event, events.ResponseReceived):
                return _head(event.headers or [])

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """The body as it comes, not unpacked. Raises RemoteProtocolError when it is cut short."""
        from h2 import events

        while True:
            event = await self._next()
            if isinstance(event, events.DataReceived):
                # The server may send as much again: what is read here is what bounds it.
                self._h2.acknowledge_received_data(event.flow_controlled_length, self._stream)
                await self._flush()
                yield bytes(event.data)
            elif isinstance(event, events.StreamEnded):
                return

    async def _send_body(self, body: bytes) -> None:
        """Send it as fast as the server opens its window; its answer may come before the end."""
        from h2 import events

        rest = memoryview(body)
        while rest:
            window = self._h2.local_flow_control_window(self._stream)
            size = min(len(rest), window, self._h2.max_outbound_frame_size)
            if size > 0:
                part, rest = rest[:size], rest[size:]
                self._h2.send_data(self._stream, bytes(part), end_stream=not rest)
                await self._flush()
                continue
            event = await self._next()
            if isinstance(event, (events.ResponseReceived, events.StreamEnded)):
                self._waiting.insert(0, event)
                return

    async def _next(self) -> object:
        """The next event of our stream. Raises RemoteProtocolError when none will come."""
        from h2 import events
        from h2.exceptions import ProtocolError

        while not self._waiting:
            data = await self._connection.receive()
            if not data:
                raise RemoteProtocolError("Server disconnected before the end of its answer.")
            try:
                self._waiting += self._h2.receive_data(self._frames(data))
            except (ProtocolError, ValueError, IndexError, KeyError):
                # The library's texts may quote fields.
                raise RemoteProtocolError("Its frames are not HTTP/2.") from None
            await self._flush()
        event = self._waiting.pop(0)
        if isinstance(event, (events.StreamReset, events.ConnectionTerminated)):
            raise RemoteProtocolError(
                f"Server ended the stream with code {event.error_code!s:.40}."
            )
        return event

    def _frames(self, data: bytes) -> bytes:
        """The whole frames that have come, without a farewell that still lets us finish.

        A server that ends a connection softly says so before it answers (RFC 9113, 6.8), and the
        library takes no frame after that.
        """
        self._partial += data
        kept = bytearray()
        while len(self._partial) >= HEADER_BYTES:
            length = int.from_bytes(self._partial[:3], "big")
            if length > LONGEST_FRAME:  # the library refuses it by its header
                kept, self._partial = kept + self._partial, b""
            if len(self._partial) < HEADER_BYTES + length:
                break
            frame = self._partial[: HEADER_BYTES + length]
            self._partial = self._partial[len(frame) :]
            if not _is_soft_farewell(frame, self._stream):
                kept += frame
        return bytes(kept)

    async def _flush(self) -> None:
        if waiting := self._h2.data_to_send():
            await self._connection.send(waiting)


def _is_soft_farewell(frame: bytes, stream: int) -> bool:
    """Whether it is a GOAWAY without an error, which leaves our stream to be answered."""
    if frame[3] != GOAWAY or len(frame) < HEADER_BYTES + 8:
        return False
    last = int.from_bytes(frame[9:13], "big") & 0x7FFFFFFF
    return last >= stream and frame[13:17] == bytes(4)


def _fields(request: Request) -> list[tuple[bytes, bytes]]:
    """The pseudo-fields first (RFC 9113, 8.3.1), then the rest, in lower case."""
    authority = request.fields.get("host", ("", request.url.authority))[1]
    pseudo = {
        ":method": request.method,
        ":scheme": request.url.scheme,
        ":authority": authority,
        ":path": request.url.target,
    }
    rest = {key: value for key, (_, value) in request.fields.items() if key not in LEFT_OUT}
    return [(name.encode(), value.encode("latin-1")) for name, value in {**pseudo, **rest}.items()]


def _head(fields: list[tuple[bytes, bytes]]) -> Head:
    found = {bytes(name): bytes(value) for name, value in fields if name.startswith(b":")}
    try:
        status = int(found[b":status"])
    except (KeyError, ValueError):
        raise RemoteProtocolError("Its answer has no status.") from None
    rest = tuple((bytes(name), bytes(value)) for name, value in fields if name[:1] != b":")
    return Head(status=status, fields=rest)
