"""Servers on loopback that misbehave, for any protocol; and a connection over which given bytes come."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def hostile(handler: Handler) -> AsyncIterator[int]:
    """A server that does this with every connection; gives its port."""
    handlers: set[asyncio.Task[None]] = set()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        handlers.add(task)
        try:
            await handler(reader, writer)
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # the check hung up, or the test ended
        finally:
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        try:
            yield server.sockets[0].getsockname()[1]
        finally:
            for task in handlers:
                task.cancel()
            await asyncio.gather(*handlers, return_exceptions=True)


def saying(*answers: bytes, then_silent: bool = True) -> Handler:
    """Answer each thing that comes with the next of these; then say nothing, or hang up."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for answer in answers:
            await reader.read(1000)
            writer.write(answer)
            await writer.drain()
        if then_silent:
            await asyncio.Event().wait()

    return handler


def endlessly(first: bytes, more: bytes, pause_s: float = 0) -> Handler:
    """Say the first, then the other for ever."""

    async def handler(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(first)
        while True:
            writer.write(more)
            await writer.drain()
            await asyncio.sleep(pause_s)

    return handler


class Fed:
    """A connection over which these pieces come; what is sent is kept."""

    def __init__(self, pieces: list[bytes]) -> None:
        self._pieces = list(pieces)
        self.sent = b""

    async def send(self, data: bytes) -> None:
        """Keep it."""
        self.sent += data

    async def receive(self) -> bytes:
        """The next piece, then the end."""
        return self._pieces.pop(0) if self._pieces else b""

    def certificate(self) -> None:
        """There is none."""

    def close(self) -> None:
        """Nothing to do."""
