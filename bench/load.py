"""Loads a server on loopback: `wrk` where it is installed, else processes with raw sockets.

`python -m bench.load PORT PATH --seconds 4 [--connections 8] [--rate 200]` prints JSON: requests a
second, errors (anything but 2xx), and the times (ms) of those with a rate. With a rate each request has
a moment at which it is due, and its time counts from then: what waits behind a slow one is late too.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from bench.cores import on_core

PROCESSES = 2


@dataclass(frozen=True, kw_only=True)
class Load:
    """What a load got: requests a second, how many were refused, times (ms) in their order."""

    per_second: float
    errors: int
    times_ms: Sequence[float] = ()


class Client(asyncio.Protocol):
    """One connection that is kept: the next request leaves when the answer before it is whole."""

    def __init__(self, request: bytes) -> None:
        self._request = request
        self._held = b""
        self._missing: int | None = None
        self._answered: asyncio.Future[bool] | None = None
        self._good = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        if self._missing is None:
            self._held += data
            head, found, data = self._held.partition(b"\r\n\r\n")
            if not found:
                return
            self._good = head.startswith(b"HTTP/1.1 2")
            told = re.search(rb"(?i)content-length: (\d+)", head)
            self._missing, self._held = int(told[1]) if told else 0, b""
        self._missing -= len(data)
        if self._missing <= 0 and self._answered is not None and not self._answered.done():
            self._answered.set_result(self._good)

    def connection_lost(self, _: Exception | None) -> None:
        if self._answered is not None and not self._answered.done():
            self._answered.set_result(False)

    async def ask(self) -> bool:
        """Whether one request was answered well."""
        self._answered, self._missing = asyncio.get_running_loop().create_future(), None
        self._transport.write(self._request)
        return await self._answered


async def _connected(port: int, path: str, count: int) -> list[Client]:
    loop = asyncio.get_running_loop()
    request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode()
    made = [
        await loop.create_connection(lambda: Client(request), "127.0.0.1", port)
        for _ in range(count)
    ]
    return [client for _, client in made]


async def as_fast_as_it_goes(port: int, path: str, seconds: float, connections: int) -> Load:
    """Every connection asks again as soon as it was answered."""
    clients, begun, good = await _connected(port, path, connections), time.perf_counter(), [0, 0]

    async def work(client: Client) -> None:
        while time.perf_counter() - begun < seconds:
            good[await client.ask()] += 1

    await asyncio.gather(*map(work, clients))
    return Load(per_second=sum(good) / (time.perf_counter() - begun), errors=good[False])


async def at_a_rate(port: int, path: str, seconds: float, connections: int, rate: float) -> Load:
    """Requests at even distances, each by a connection that is free."""
    free: asyncio.Queue[Client] = asyncio.Queue()
    for client in await _connected(port, path, connections):
        free.put_nowait(client)
    begun, good, times = time.perf_counter(), [0, 0], list[float]()

    async def one(due: float) -> None:
        client = await free.get()
        good[await client.ask()] += 1
        times.append(1000 * (time.perf_counter() - due))
        free.put_nowait(client)

    running = set[asyncio.Task[None]]()
    for number in range(int(rate * seconds)):
        due = begun + number / rate
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        running.add(asyncio.create_task(one(due)))
    await asyncio.gather(*running)
    spent = time.perf_counter() - begun
    return Load(per_second=sum(good) / spent, errors=good[False], times_ms=times)


def most(port: int, path: str, seconds: float, connections: int, core: int | None = None) -> Load:
    """As many requests as the server answers."""
    if shutil.which("wrk") is None:
        each = ["--connections", str(max(1, connections // PROCESSES))]
        found = _ours(port, path, seconds, each, core, PROCESSES)
        return Load(
            per_second=sum(each.per_second for each in found),
            errors=sum(each.errors for each in found),
        )
    url = f"http://127.0.0.1:{port}{path}"
    # It knows whole seconds only.
    words = ["wrk", "-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s", url]
    with on_core(core):
        told = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    wrong = re.search(r"Non-2xx or 3xx responses: (\d+)", told)
    broken = re.search(r"Socket errors: .*", told)
    rate = re.search(r"Requests/sec:\s+([\d.]+)", told)
    assert broken is None, told
    assert rate is not None, told
    return Load(per_second=float(rate[1]), errors=int(wrong[1]) if wrong else 0)


def steady(port: int, path: str, seconds: float, rate: float, core: int | None = None) -> Load:
    """So many requests a second."""
    return _ours(port, path, seconds, ["--rate", str(rate)], core, 1)[0]


def _ours(
    port: int, path: str, seconds: float, more: Sequence[str], core: int | None, processes: int
) -> list[Load]:
    words = [sys.executable, "-m", "bench.load", str(port), path, "--seconds", str(seconds), *more]
    with on_core(core):
        running = [
            subprocess.Popen(words, stdout=subprocess.PIPE, text=True) for _ in range(processes)
        ]
    told = [each.communicate()[0] for each in running]
    return [Load(**json.loads(each)) for each in told]


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("port", type=int)
    options.add_argument("path")
    options.add_argument("--seconds", type=float, default=4)
    options.add_argument("--connections", type=int, default=8)
    options.add_argument("--rate", type=float)
    given = options.parse_args()
    place = (given.port, given.path, given.seconds, given.connections)
    if given.rate is None:
        found = asyncio.run(as_fast_as_it_goes(*place))
    else:
        found = asyncio.run(at_a_rate(*place, given.rate))
    print(json.dumps(asdict(found)))


if __name__ == "__main__":
    main()
