"""Servers that say what a test wants: nothing, garbage, drops, floods; and what they got to say."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from tests.waiting import PATIENCE_S

PIECE = b"\0" * 65536
FLOOD_BYTES = 512 * 2**20

Talk = Callable[[asyncio.StreamReader, "Writer"], Awaitable[None]]


@dataclass(slots=True)
class Writer:
    """What one client is sent, and how many bytes it took; `silent` counts what it said."""

    stream: asyncio.StreamWriter
    sent: int = 0
    heard: int = 0

    async def say(self, data: bytes) -> None:
        """Send it all."""
        self.stream.write(data)
        await self.stream.drain()
        self.sent += len(data)

    async def drip(self, data: bytes = b"x") -> None:
        """Send it over and over, a piece each few milliseconds."""
        while True:
            await self.say(data)
            await asyncio.sleep(0.01)

    async def flood(self) -> None:
        """Send half a gigabyte, as fast as it is taken."""
        while self.sent < FLOOD_BYTES:
            await self.say(PIECE)


@dataclass(slots=True)
class Talker:
    """A listening server: its port, and the clients it had."""

    port: int
    writers: list[Writer]
    open_now: int = 0


@asynccontextmanager
async def talking(talk: Talk) -> AsyncIterator[Talker]:
    """Serve each client by `talk`, and hang up when it returns."""
    talker = Talker(0, [])

    async def serve(reader: asyncio.StreamReader, stream: asyncio.StreamWriter) -> None:
        writer = Writer(stream)
        talker.writers.append(writer)
        talker.open_now += 1
        try:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                await talk(reader, writer)
        finally:
            talker.open_now -= 1
            stream.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    talker.port = server.sockets[0].getsockname()[1]
    async with server:
        yield talker


async def silent(reader: asyncio.StreamReader, writer: Writer) -> None:
    """Say nothing, until the client hangs up."""
    while data := await reader.read(65536):
        writer.heard += len(data)


async def hung_up(talker: Talker) -> None:
    """Wait until every client has hung up and was told so."""
    async with asyncio.timeout(PATIENCE_S):
        while talker.open_now:
            await asyncio.sleep(0.01)
