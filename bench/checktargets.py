"""What the checks of a bench ask: a cheap server of HTTP and HTTPS on loopback, and hostile ones.

`python -m bench.checktargets FOLDER` serves until it is ended, and writes `ports.json` into the folder.
It runs in a process of its own, so that its CPU is nobody else's.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import ssl
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import trustme

from bench.cores import on_core

OK = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"
FAILED = b"HTTP/1.1 503 No\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno"
ENDLESS = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"
LOOP = b"HTTP/1.1 302 Found\r\nLocation: /loop/%d\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
BOMB_BYTES = 200 * 2**20
BACKLOG = 4096
# By the loop's clock: a task that waits for nothing that anybody holds is collected as garbage.
FOR_EVER_S = 86_400


class Board:
    """What was asked, by the first part of the path; and whether all are to fail."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()
        self.failing = False

    def obey(self, path: str) -> bytes:
        """What the bench asks of the server itself."""
        if path != "/control/count":
            self.failing = path == "/control/fail"
        body = json.dumps(self.asked).encode()
        head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        return head.encode() + body


class Answering(asyncio.Protocol):
    """One connection: one request, one short answer."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self._head = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._head += data
        if b"\r\n\r\n" not in self._head:
            return
        path = self._head.split(b" ", 2)[1].decode()
        who = path.split("/", 2)[1]
        if who == "hang":
            return
        if who == "control":
            answer = self._board.obey(path)
        else:
            self._board.asked[who] += 1
            answer = FAILED if self._board.failing else OK
        self._transport.write(answer)
        self._transport.close()


Misbehave = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def tar_pit(_: asyncio.StreamReader, __: asyncio.StreamWriter) -> None:
    """Takes the request and never says a word."""
    await asyncio.sleep(FOR_EVER_S)


async def drip(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """An answer, a byte every half second."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
    while True:
        writer.write(b".")
        await writer.drain()
        await asyncio.sleep(0.5)


async def endless(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """An answer that goes on for ever, as fast as it is taken."""
    writer.write(ENDLESS)
    piece = b"x" * 65536
    while True:
        writer.write(piece)
        await writer.drain()


async def bomb(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """200 kB that unpack to 200 MB."""
    packed = _bomb()
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(packed)}\r\n\r\n"
    writer.write(head.encode() + packed)
    await writer.drain()


async def redirect_loop(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Each address sends on to another one."""
    writer.write(LOOP % time.monotonic_ns())
    await writer.drain()


async def broken_tls(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Bytes that are no TLS, and then nothing."""
    writer.write(b"\x16\x03\x03\xff\xff" + b"\x00" * 1000)
    await writer.drain()
    await asyncio.sleep(FOR_EVER_S)


HOSTILE: dict[str, Misbehave] = {
    "tar_pit": tar_pit,
    "drip": drip,
    "endless": endless,
    "bomb": bomb,
    "redirect_loop": redirect_loop,
    "broken_tls": broken_tls,
}


def _serving(misbehave: Misbehave) -> Misbehave:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            await reader.read(4096)
            await misbehave(reader, writer)
        writer.close()

    return serve


_packed: list[bytes] = []


def _bomb() -> bytes:
    if not _packed:
        _packed.append(gzip.compress(bytes(BOMB_BYTES)))
    return _packed[0]


def _port(server: asyncio.Server) -> int:
    return int(server.sockets[0].getsockname()[1])


def _trusted(folder: Path) -> ssl.SSLContext:
    """A context with a certificate for loopback; the authority is written into the folder."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return context


class Silence(asyncio.DatagramProtocol):
    """A name server that never answers."""


async def serve(folder: Path) -> None:
    """Serve until the process ends."""
    loop, board, ports = asyncio.get_running_loop(), Board(), {}
    _bomb()
    servers = []
    for name, context in (("http", None), ("https", _trusted(folder))):
        server = await loop.create_server(
            lambda: Answering(board), "127.0.0.1", 0, ssl=context, backlog=BACKLOG
        )
        ports[name] = _port(server)
        servers.append(server)
    for name, misbehave in HOSTILE.items():
        server = await asyncio.start_server(_serving(misbehave), "127.0.0.1", 0, backlog=BACKLOG)
        ports[name] = _port(server)
        servers.append(server)
    silent, _ = await loop.create_datagram_endpoint(Silence, local_addr=("127.0.0.1", 0))
    ports["silent_dns"] = silent.get_extra_info("sockname")[1]
    written = folder / "ports.json.new"
    written.write_text(json.dumps(ports))
    written.rename(folder / "ports.json")
    await asyncio.Event().wait()


@dataclass(frozen=True)
class Targets:
    """The servers as the bench sees them: their ports by name, and the file of their authority."""

    ports: dict[str, int]
    ca_file: Path

    def url(self, scheme: str, who: str, number: int) -> str:
        """An address; what `who` asks is counted."""
        return f"{scheme}://127.0.0.1:{self.ports[scheme]}/{who}/{number}"

    def hostile_url(self, name: str) -> str:
        scheme = "https" if name == "broken_tls" else "http"
        return f"{scheme}://127.0.0.1:{self.ports[name]}/loop/1"

    def asked(self, who: str) -> int:
        """How many requests came so far."""
        return int(self._control("count").get(who, 0))

    def fail(self) -> None:
        """From now on every answer is 503."""
        self._control("fail")

    def recover(self) -> None:
        self._control("recover")

    def _control(self, what: str) -> dict[str, int]:
        url = f"http://127.0.0.1:{self.ports['http']}/control/{what}"
        with urllib.request.urlopen(url, timeout=10) as reply:
            found: dict[str, int] = json.load(reply)
        return found


@contextmanager
def targets(folder: Path, core: int | None = None) -> Iterator[Targets]:
    """The servers in a process of their own, ended afterwards."""
    with on_core(core):
        process = subprocess.Popen([sys.executable, "-m", "bench.checktargets", str(folder)])
    try:
        limit = time.monotonic() + 300
        while not (folder / "ports.json").exists():
            assert process.poll() is None, "the targets ended"
            assert time.monotonic() < limit, "the targets did not start"
            time.sleep(0.1)
        yield Targets(json.loads((folder / "ports.json").read_text()), folder / "ca.pem")
    finally:
        process.terminate()
        process.wait(30)


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1])))
