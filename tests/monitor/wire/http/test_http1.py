"""Answers in HTTP/1.1, right and wrong, as the `http` kind judges them."""

from __future__ import annotations

import asyncio
import gzip
import resource
import socket
import struct
import zlib
from pathlib import Path
from typing import Any

import msgspec
import pytest

from domain.facts import Cause, Measurement, Status
from monitor.checks import Deadline
from monitor.checks.http import HttpCheck
from monitor.wire.http.addresses import parse
from monitor.wire.http.http1 import Exchange, Request, fields, read
from tests.monitor.http_servers import Handler, answering, certificate, saying, serve, tls_server

HEAD = b"HTTP/1.1 200 OK\r\n"
CHUNKED = (
    HEAD + b"Transfer-Encoding: chunked\r\n\r\n4\r\nall \r\n4;x=y\r\ngood\r\n0\r\nT: 1\r\n\r\n"
)


async def run(handler: Handler, timeout_s: float = 5, **config: Any) -> Measurement:
    """Run a check with these fields against `handler`."""
    async with serve(handler) as port:
        check = msgspec.convert({"url": f"http://127.0.0.1:{port}/", **config}, HttpCheck)
        return await check.run(Deadline.after(timeout_s))


@pytest.mark.parametrize(
    ("answer", "config", "size"),
    [
        (CHUNKED, {"expect_body": "all good"}, 8),
        (HEAD + b"\r\nuntil the end", {"expect_body": "until the end"}, 13),
        (b"HTTP/1.0 200 OK\r\n\r\nold", {"expect_body": "old"}, 3),
        (HEAD + b"Content-Length: 9\r\n\r\n", {"method": "HEAD"}, 0),
        (b"HTTP/1.1 204 None\r\nContent-Length: 9\r\n\r\n", {"expect_status": [204]}, 0),
        (b"HTTP/1.1 304 Same\r\nContent-Length: 9\r\n\r\n", {"expect_status": [304]}, 0),
        (b"HTTP/1.1 100 Go on\r\n\r\nHTTP/1.1 103 Hints\r\nLink: x\r\n\r\n" + CHUNKED, {}, 8),
        (
            HEAD + b"Content-Length: 1\r\nContent-Type: text/plain; charset=latin-1\r\n\r\n\xe4",
            {"expect_body": "ä"},
            1,
        ),
        (
            b"HTTP/1.1 101 Up\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n\x81\x00",
            {
                "expect_status": [101],
                "headers": {"Upgrade": "websocket", "Connection": "Upgrade"},
            },
            0,
        ),
    ],
)
async def test_an_answer_is_read_as_it_is_framed(
    answer: bytes, config: dict[str, Any], size: int
) -> None:
    found = await run(saying(answer), **config)

    assert found.status is Status.HEALTHY, found.message
    assert found.details == {"redirects": 0, "bytes_read": size, "cut": False}


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"", "Server disconnected without sending a response."),
        (b"HTTP/1.1 100 Go on\r\n\r\n", "Server disconnected without sending a response."),
        (HEAD + b"Content-Length: 9\r\n\r\nshort", "without sending complete message body"),
        (CHUNKED[:-12], "without sending complete message body"),
        (HEAD + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab", "conflicting Content-Length"),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\nxyz\r\n", "illegal chunk header"),
        (HEAD + b"X: " + b"h" * 200_000, ""),
    ],
)
async def test_an_answer_that_breaks_the_rules_is_wrong_and_says_why(
    answer: bytes, words: str
) -> None:
    found = await run(saying(answer))

    assert (found.status, found.cause) == (Status.CRITICAL, Cause.WRONG_ANSWER)
    assert "does not speak HTTP: " in found.message
    assert words in found.message


async def test_more_than_the_announced_body_is_not_read() -> None:
    found = await run(saying(HEAD + b"Content-Length: 2\r\n\r\nokGARBAGE"), expect_regex="^ok$")

    assert found.status is Status.HEALTHY, found.message


async def test_a_server_that_keeps_the_connection_open_is_not_waited_for() -> None:
    async def handler(request: bytes, writer: asyncio.StreamWriter) -> None:
        await answering("200 OK", "Connection: keep-alive")(request, writer)
        await asyncio.Event().wait()

    found = await run(handler)

    assert found.status is Status.HEALTHY, found.message


async def test_a_connection_that_is_reset_is_a_failed_connection() -> None:
    async def handler(_: bytes, writer: asyncio.StreamWriter) -> None:
        opened = writer.get_extra_info("socket")
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()

    found = await run(handler)

    assert (found.status, found.cause) == (Status.CRITICAL, Cause.REFUSED)
    assert found.message.endswith(": Connection reset by peer")


async def test_a_tar_pit_that_takes_nothing_in_is_a_time_out() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        check = HttpCheck(
            url=f"http://127.0.0.1:{listener.getsockname()[1]}/",
            method="POST",
            body="x" * 16 * 2**20,
        )

        found = await check.run(Deadline.after(0.3))

    assert (found.status, found.cause) == (Status.CRITICAL, Cause.TIMEOUT)


class Impatient:
    """A server that refuses a request which it did not read to the end."""

    def __init__(self, answer: bytes) -> None:
        self._left = [answer]

    async def send(self, data: bytes) -> None:
        raise BrokenPipeError(32, "Broken pipe")

    async def receive(self) -> bytes:
        return self._left.pop() if self._left else b""

    def certificate(self) -> None:
        return None

    def close(self) -> None:
        pass


async def test_an_early_refusal_of_a_long_body_is_read() -> None:
    exchange = Exchange(Impatient(b"HTTP/1.1 413 Too long\r\nContent-Length: 2\r\n\r\nno"))
    request = Request(
        method="POST",
        url=parse("http://host/"),
        fields=fields({"Host": "host", "Content-Length": "4"}),
        body=b"long",
    )

    head = await exchange.ask(request)

    assert head.status == 413
    assert await read(exchange, head, 100) == (b"no", False)


async def test_a_broken_packed_body_is_cut_where_it_breaks() -> None:
    packed = gzip.compress(b"all good")[:-9] + b"\xff" * 9

    found = await run(answering("200 OK", "Content-Encoding: gzip", body=packed))

    assert found.details["cut"] is True


async def test_a_packed_body_ends_at_the_limit_of_what_it_unpacks_to() -> None:
    bomb = gzip.compress(bytes(10**6))

    found = await run(
        answering("200 OK", "Content-Encoding: gzip", body=bomb), body_limit=len(bomb)
    )

    assert found.details == {"redirects": 0, "bytes_read": len(bomb), "cut": True}


async def test_an_ipv6_address_is_asked_with_brackets_in_its_host_field() -> None:
    seen: list[bytes] = []

    async def handler(request: bytes, writer: asyncio.StreamWriter) -> None:
        seen.append(request)
        await answering()(request, writer)

    async with serve(handler, host="::1") as port:
        found = await HttpCheck(url=f"http://[::1]:{port}/").run(Deadline.after(5))

    assert found.status is Status.HEALTHY, found.message
    assert f"Host: [::1]:{port}\r\n".encode() in seen[0]


async def test_long_bodies_go_over_tls_whole_both_ways(tmp_path: Path) -> None:
    file, got = certificate(tmp_path, days=30), list[bytes]()

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        got.append(await reader.readexactly(300_000))
        await answering(body=b"x" * 300_000)(b"", writer)
        writer.close()

    async with await asyncio.start_server(handler, "127.0.0.1", 0, ssl=tls_server(file)) as server:
        url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        check = HttpCheck(url=url, ca_file=str(file), method="POST", body="y" * 300_000)

        found = await check.run(Deadline.after(5))

    assert found.status is Status.HEALTHY, found.message
    assert found.details["bytes_read"] == 300_000
    assert got == [b"y" * 300_000]


def deflated(data: bytes, wbits: int) -> bytes:
    packer = zlib.compressobj(wbits=wbits)
    return packer.compress(data) + packer.flush()


@pytest.mark.parametrize("wbits", [15, -15], ids=["zlib", "bare"])
@pytest.mark.parametrize("piece", [1, 1000])
async def test_a_deflated_body_is_compared_unpacked_in_either_form(wbits: int, piece: int) -> None:
    body = deflated(b"all good", wbits)

    async def handler(_: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(HEAD + b"Content-Encoding: deflate\r\n\r\n")
        for at in range(0, len(body), piece):
            writer.write(body[at : at + piece])
            await writer.drain()
            await asyncio.sleep(0)

    found = await run(handler, expect_body="all good")

    assert found.status is Status.HEALTHY, found.message


async def test_a_deflate_bomb_is_unpacked_to_the_limit_only() -> None:
    bomb = deflated(bytes(100 * 10**6), 15)
    await run(answering())
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    found = await run(answering("200 OK", "Content-Encoding: deflate", body=bomb))

    grown_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert found.details["bytes_read"] == 2**20
    assert grown_kb < 20_000
