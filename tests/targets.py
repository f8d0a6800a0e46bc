"""Local HTTP servers that can be healthy, slow, wrong, silent or gone."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"
SLOW_S = 2.5
WRONG = b"HTTP/1.1 503 No\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno"


class Target:
    """One server on a port of its own; `fail` changes how it behaves from then on."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._mode = "healthy"
        self._server = asyncio.run_coroutine_threadsafe(self._start(), loop).result(5)
        self.port = int(self._server.sockets[0].getsockname()[1])

    async def _start(self) -> asyncio.Server:
        return await asyncio.start_server(self._serve, "127.0.0.1", 0)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            while self._mode == "hanging":
                await asyncio.sleep(0.1)
            if self._mode == "slow":
                await asyncio.sleep(SLOW_S)
            writer.write(OK if self._mode in ("healthy", "slow") else WRONG)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            return
        finally:
            writer.close()

    def fail(self, mode: str) -> None:
        """From now on `refused`, `wrong`, `slow` or `hanging`; or `healthy` if it still listens."""
        self._mode = mode
        if mode == "refused":
            self._loop.call_soon_threadsafe(self._server.close)


@contextlib.contextmanager
def targets(count: int) -> Iterator[list[Target]]:
    """So many servers on one loop in a thread, ended afterwards."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    made = [Target(loop) for _ in range(count)]
    try:
        yield made
    finally:
        for each in made:
            each.fail("refused")
        asyncio.run_coroutine_threadsafe(_cancel_all(), loop).result(5)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(5)
        loop.close()


async def _cancel_all() -> None:
    tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    # Closed transports let go of their sockets one round of the loop later.
    await asyncio.sleep(0)
    await asyncio.sleep(0)
