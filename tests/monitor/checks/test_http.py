"""The `http` kind against real servers on loopback, friendly and hostile."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import hashlib
import os
import re
import resource
import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec
import pytest

from domain.facts import Cause, Measurement, Status
from monitor.checks import Deadline
from monitor.checks.http import HttpCheck
from tests import cases
from tests.monitor.http_servers import Handler, answering, certificate, serve, tls_server
from tests.waiting import PATIENCE_S


async def run(handler: Handler, timeout_s: float = 5, **fields: Any) -> Measurement:
    """Run a check with these fields against `handler`; `path` is appended to the address."""
    async with serve(handler) as port:
        url = f"http://127.0.0.1:{port}{fields.pop('path', '/')}"
        check = msgspec.convert({"url": url, **fields}, HttpCheck)
        return await check.run(Deadline.after(timeout_s))


@pytest.mark.case("healthy")
async def test_an_endpoint_that_answers_is_healthy_and_timed_by_phase() -> None:
    found = await run(answering())

    assert found.status is Status.HEALTHY, found.message
    assert found.message.startswith("HTTP 200 in ")
    assert set(found.metrics) == {
        "http.status",
        "http.dns_ms",
        "http.connect_ms",
        "http.first_byte_ms",
        "http.total_ms",
    }
    assert found.response_time_ms == found.metrics["http.total_ms"]


@pytest.mark.case("wrong")
async def test_a_wrong_status_is_critical_and_says_what_was_expected() -> None:
    found = await run(answering("503 Busy"), path="/healthz?key=secret")

    assert (found.status, found.cause) == (Status.CRITICAL, Cause.WRONG_ANSWER)
    assert found.message == "HTTP 503 from /healthz, expected 200"
    assert found.metrics["http.status"] == 503


@pytest.mark.case("wrong")
@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"expect_body": "all good"}, None),
        ({"expect_body": "bad"}, "Expected text not found in /"),
        ({"expect_regex": "^all"}, None),
        ({"expect_regex": r"go{2}d\s*$"}, None),
        ({"expect_regex": "bad"}, "Expected pattern does not match in /"),
        ({"expect_regex": "b+ad"}, "Expected pattern does not match in /"),
        ({"expect_body": "good", "body_limit": 3}, "Expected text not found in the first 3 B of /"),
    ],
)
async def test_the_body_must_be_as_expected(fields: dict[str, Any], message: str | None) -> None:
    found = await run(answering(body=b"all good"), **fields)

    assert found.status is (Status.CRITICAL if message else Status.HEALTHY)
    assert message is None or found.message == message


async def test_method_headers_body_and_credentials_are_sent() -> None:
    seen: list[bytes] = []

    async def handler(request: bytes, writer: asyncio.StreamWriter) -> None:
        seen.append(request)
        await answering("201 Made")(request, writer)

    found = await run(
        handler,
        method="POST",
        headers={"X-Key": "k"},
        body="{}",
        username="ada",
        password="pw",
        expect_status=[200, 201],
    )

    assert found.status is Status.HEALTHY
    assert seen[0].startswith(b"POST / HTTP/1.1\r\nHost: 127.0.0.1:")
    assert b"x-key: k" in seen[0].lower()
    assert b"Authorization: Basic YWRhOnB3" in seen[0]


async def test_redirects_are_followed_by_name_and_not_for_ever() -> None:
    async def handler(request: bytes, writer: asyncio.StreamWriter) -> None:
        end = b"GET /end" in request
        await answering("200 OK" if end else "302 Found", "Location: /end")(request, writer)

    followed = await run(handler)
    kept = await run(handler, follow_redirects=False, expect_status=[302])
    endless = await run(answering("302 Found", "Location: /again"))

    assert followed.details["redirects"] == 1
    assert kept.status is Status.HEALTHY
    assert endless.message.startswith("More than 10 redirects, the last from 127.0.0.1:")


async def test_a_host_name_is_kept_for_the_server_when_its_address_is_connected_to() -> None:
    seen: list[bytes] = []

    async def handler(request: bytes, writer: asyncio.StreamWriter) -> None:
        seen.append(request)
        await answering()(request, writer)

    async with serve(handler) as port:
        found = await HttpCheck(url=f"http://localhost:{port}/").run(Deadline.after(5))

    assert found.status is Status.HEALTHY, found.message
    assert f"Host: localhost:{port}".encode() in seen[0]


@pytest.mark.case("refused")
async def test_a_refused_port_is_critical_and_says_so(free_port: int) -> None:
    found = await HttpCheck(url=f"http://127.0.0.1:{free_port}/").run(Deadline.after(5))

    assert (found.status, found.cause) == (Status.CRITICAL, Cause.REFUSED)
    assert found.message == f"Connection refused by 127.0.0.1:{free_port}"


async def test_a_name_without_an_address_is_not_resolved() -> None:
    found = await HttpCheck(url="http://no-such-host.invalid/").run(Deadline.after(5))

    assert (found.status, found.cause) == (Status.CRITICAL, Cause.NAME_NOT_RESOLVED)
    assert found.message.startswith('Name "no-such-host.invalid" not resolved')


async def test_a_server_that_does_not_speak_http_is_a_wrong_answer() -> None:
    async def handler(_: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example ESMTP\r\n")
        await writer.drain()

    found = await run(handler)

    assert (found.status, found.cause) == (Status.CRITICAL, Cause.WRONG_ANSWER)
    assert "does not speak HTTP" in found.message


async def silent(_: bytes, writer: asyncio.StreamWriter) -> None:
    """Never answer."""
    await asyncio.Event().wait()


async def dripping(_: bytes, writer: asyncio.StreamWriter) -> None:
    """Send the body a byte at a time, for ever."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    while True:
        writer.write(b".")
        await writer.drain()
        await asyncio.sleep(0.01)


async def dripping_headers(_: bytes, writer: asyncio.StreamWriter) -> None:
    """Send headers for ever."""
    writer.write(b"HTTP/1.1 200 OK\r\n")
    while True:
        writer.write(b"X-More: header\r\n")
        await writer.drain()
        await asyncio.sleep(0.01)


async def interim(_: bytes, writer: asyncio.StreamWriter) -> None:
    """Announce an answer for ever and never give it."""
    while True:
        writer.write(b"HTTP/1.1 103 Early Hints\r\n\r\n")
        await writer.drain()
        await asyncio.sleep(0.01)


@pytest.mark.case("timeout")
@pytest.mark.parametrize(
    ("handler", "words"),
    [
        (silent, "No answer"),
        (dripping, "No complete answer"),
        (dripping_headers, "No answer"),
        (interim, "No answer"),
    ],
)
async def test_an_answer_that_never_ends_is_a_time_out(handler: Handler, words: str) -> None:
    clock = asyncio.get_running_loop().time
    start = clock()

    found = await run(handler, timeout_s=0.3)

    assert (found.status, found.cause) == (Status.CRITICAL, Cause.TIMEOUT)
    assert found.message.startswith(f"{words} from 127.0.0.1:")
    assert found.message.endswith(" within 300 ms")
    assert clock() - start < PATIENCE_S


@pytest.mark.case("hostile")
async def test_an_endless_body_is_read_to_the_limit_only() -> None:
    async def handler(_: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            writer.write(b"x" * 65536)
            await writer.drain()

    found = await run(handler)

    assert found.status is Status.HEALTHY
    assert found.details["bytes_read"] == 2**20
    assert found.details["cut"] is True


@pytest.mark.case("hostile")
async def test_a_compression_bomb_is_unpacked_to_the_limit_only() -> None:
    bomb = gzip.compress(bytes(300 * 10**6), compresslevel=1)
    await run(answering())
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    found = await run(answering("200 OK", "Content-Encoding: gzip", body=bomb))

    grown_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert found.details["bytes_read"] == 2**20
    assert grown_kb < 20_000


async def test_a_compressed_body_is_compared_unpacked() -> None:
    packed = gzip.compress(b"all good")

    found = await run(
        answering("200 OK", "Content-Encoding: gzip", body=packed), expect_body="all good"
    )

    assert found.status is Status.HEALTHY


@pytest.mark.case("hostile")
async def test_a_pattern_that_backtracks_for_ever_is_a_time_out() -> None:
    found = await run(answering(body=b"a" * 50 + b"b"), timeout_s=0.5, expect_regex="(a+)+$")

    assert found.cause is Cause.TIMEOUT


@pytest.mark.case("hostile")
async def test_more_headers_than_memory_should_hold_are_a_wrong_answer() -> None:
    async def handler(_: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n")
        while True:
            writer.write(b"X-More: " + b"h" * 8000 + b"\r\n")
            await writer.drain()

    found = await run(handler)

    assert found.cause is Cause.WRONG_ANSWER
    assert len(found.message) < 200


async def run_tls(file: Path, **fields: object) -> Measurement:
    """Run a check with these fields against a server with this certificate."""
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(file)
    async with serve(answering(), tls) as port:
        check = msgspec.convert({"url": f"https://127.0.0.1:{port}/", **fields}, HttpCheck)
        return await check.run(Deadline.after(5))


async def test_a_trusted_certificate_is_healthy_and_its_days_are_counted(tmp_path: Path) -> None:
    file = certificate(tmp_path, days=30)

    found = await run_tls(file, ca_file=str(file))

    assert found.status is Status.HEALTHY, found.message
    assert found.metrics["tls.days_left"] == 30.0
    assert found.metrics["http.tls_ms"] > 0


async def test_days_are_counted_also_when_trust_is_not_asked_for(tmp_path: Path) -> None:
    found = await run_tls(certificate(tmp_path, days=-2), verify=False)

    assert found.status is Status.HEALTHY, found.message
    assert found.metrics["tls.days_left"] == -2.0


@pytest.mark.parametrize(
    ("days", "host", "trusted", "reason"),
    [
        (30, "127.0.0.1", False, "self-signed certificate"),
        (-2, "127.0.0.1", True, "certificate has expired"),
        (30, "other.example", True, "IP address mismatch"),
    ],
)
async def test_a_certificate_that_is_not_right_is_critical_and_says_why(
    tmp_path: Path, days: int, host: str, trusted: bool, reason: str
) -> None:
    file = certificate(tmp_path, days, host)

    found = await run_tls(file, **({"ca_file": str(file)} if trusted else {}))

    assert (found.status, found.cause) == (Status.CRITICAL, Cause.TLS)
    assert reason in found.message


async def test_https_to_a_server_without_tls_is_a_tls_failure() -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example ESMTP\r\n")
        writer.close()

    async with await asyncio.start_server(handler, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        found = await HttpCheck(url=f"https://127.0.0.1:{port}/").run(Deadline.after(5))

    assert (found.status, found.cause) == (Status.CRITICAL, Cause.TLS)
    assert found.message.startswith(f"TLS with 127.0.0.1:{port} failed: ")


@pytest.mark.case("timeout")
async def test_a_handshake_that_never_ends_is_a_time_out_and_leaves_no_connection() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        check = HttpCheck(url=f"https://127.0.0.1:{port}/")

        found = await check.run(Deadline.after(0.2))

        accepted, _ = listener.accept()
        with accepted:
            accepted.settimeout(5)
            while accepted.recv(65536):
                pass  # ends when the check has hung up, else with the time-out
    assert found.cause is Cause.TIMEOUT


async def test_a_ca_file_that_is_not_there_cannot_be_measured_with() -> None:
    check = HttpCheck(url="https://127.0.0.1/", ca_file="/no/such.pem")

    found = await check.run(Deadline.after(5))

    assert (found.status, found.cause) == (Status.UNKNOWN, Cause.NOT_MEASURABLE)
    assert found.message == "CA file /no/such.pem can't be used: No such file or directory"


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"url": "ftp://host/"}, "must begin with http"),
        ({"url": "http://"}, "must name a host"),
        ({"url": "http://host:port/"}, "not a valid address"),
        ({"url": "http://a b/"}, "no spaces"),
        ({"url": "http://h", "headers": {"X-Key": "sec\nret"}}, "header 'X-Key'"),
        ({"url": "http://h", "expect_regex": "("}, "not a regular expression"),
        ({"url": "http://h", "expect_status": []}, "expect_status"),
        ({"url": "http://h", "method": "BREW"}, "method"),
        ({"url": "http://h", "expect_headers": {"a b": "x"}}, "name that HTTP does not allow"),
        ({"url": "http://h", "expect_headers": {"a": "/(/"}}, "not a regular expression"),
        ({"url": "http://h", "expect_json": {"status": "ok"}}, "must begin with"),
        ({"url": "http://h", "expect_json": {"$.a": "< null"}}, "compares numbers and texts"),
        ({"url": "http://h", "metrics_json": {"A": "$.a"}}, "small letters"),
        ({"url": "http://h", "metrics_json": {"a": "$..a"}}, "can't be read"),
        ({"url": "http://h", "reject_body": ""}, "must not be empty"),
        ({"url": "http://h", "proxy": "socks5://u:sec-ret@h:1"}, "must begin with http"),
        ({"url": "http://h", "proxy": "http://u:sec-ret@h"}, "must name a port"),
        ({"url": "http://h", "proxy": "http://u:sec-ret@h:1/path"}, "must end with its port"),
        ({"url": "http://h", "proxy": "http://u:sec-ret@h:port"}, "proxy is not a valid address"),
        ({"url": "http://h", "http_version": "2"}, "needs an https:// address"),
        ({"url": "http://h", "http_version": "3"}, "http_version"),
        ({"url": "http://h", "cert_file": "/c.pem"}, "cert_file needs an https:// address"),
        ({"url": "https://h", "key_file": "/k.pem"}, "key_file needs cert_file"),
        ({"url": "http://h", "auth": "digest"}, "needs username"),
        ({"url": "http://h", "bearer_token": "sec\nret"}, "visible ASCII"),
        ({"url": "http://h", "bearer_token": "sec-ret", "username": "u"}, "one way to log in"),
        (
            {"url": "http://h", "bearer_token": "sec-ret", "headers": {"authorization": "x"}},
            "can't go with an Authorization header",
        ),
    ],
)
def test_fields_that_cannot_work_are_refused_with_the_reason(
    fields: dict[str, object], reason: str
) -> None:
    with pytest.raises(msgspec.ValidationError, match=reason) as refused:
        msgspec.convert(fields, HttpCheck)

    assert "ret" not in str(refused.value)


def test_neither_target_nor_repr_shows_a_secret() -> None:
    check = HttpCheck(
        url="https://ada:secret@host:8443/path?key=secret#secret",
        headers={"Authorization": "secret"},
        password="secret",
        proxy="http://u:secret@proxy:3128",
    )

    assert check.target() == "GET https://host:8443/path"
    assert "secret" not in repr(check)


async def test_no_message_shows_the_credentials_of_the_address(free_port: int) -> None:
    check = HttpCheck(url=f"http://ada:secret@127.0.0.1:{free_port}/?key=secret")

    found = await check.run(Deadline.after(5))

    assert "secret" not in f"{found.message}{found.details}"


def test_stock_rules_are_on_response_time_and_certificate() -> None:
    levels = {r.metric: (r.warning, r.critical) for r in HttpCheck(url="http://h").stock_rules()}

    assert levels == {"http.total_ms": (500, 1000), "tls.days_left": (21, 7)}


@pytest.fixture
def flooding_port() -> Iterator[int]:
    """A server in a thread of its own that announces an answer for ever, as fast as it can."""
    interim = b"HTTP/1.1 103 Early Hints\r\n\r\n" * 5000
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def flood() -> None:
            with contextlib.suppress(OSError):
                accepted, _ = listener.accept()
                with accepted:
                    while True:
                        accepted.sendall(interim)

        thread = threading.Thread(target=flood, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        thread.join(5)


@pytest.mark.case("hostile")
async def test_a_server_that_sends_faster_than_we_read_holds_up_nobody(flooding_port: int) -> None:
    # Without a break for others in between, its time limit would never be looked at.
    async with asyncio.timeout(60):
        found = await HttpCheck(url=f"http://127.0.0.1:{flooding_port}/").run(Deadline.after(0.5))

    assert found.cause is Cause.TIMEOUT


# ── Logging in ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.case("healthy")
async def test_a_bearer_token_is_sent_and_not_to_another_host() -> None:
    seen: list[bytes] = []

    async def other(request: bytes, writer: asyncio.StreamWriter) -> None:
        seen.append(request)
        await answering()(request, writer)

    async with serve(other) as port:

        async def first(request: bytes, writer: asyncio.StreamWriter) -> None:
            seen.append(request)
            there = f"Location: http://127.0.0.1:{port}/"
            await answering("302 Found", there)(request, writer)

        found = await run(first, bearer_token="t0ken")

    assert found.status is Status.HEALTHY, found.message
    assert b"Authorization: Bearer t0ken" in seen[0]
    assert b"t0ken" not in seen[1]


class Guarded:
    """A server that lets in who answers its digest challenge (RFC 7616)."""

    def __init__(self, algorithm: str) -> None:
        self._algorithm = algorithm
        self.requests: list[bytes] = []

    async def __call__(self, request: bytes, writer: asyncio.StreamWriter) -> None:
        self.requests.append(request)
        right = self._is_right(dict(re.findall(r'(\w+)="?([^",]*)"?', request.decode())))
        challenge = (
            f'WWW-Authenticate: Digest realm="r", qop="auth", nonce="n1", opaque="o", '
            f"algorithm={self._algorithm}"
        )
        answer = answering() if right else answering("401 Who", challenge)
        await answer(request, writer)

    def _is_right(self, given: dict[str, str]) -> bool:
        made = hashlib.new("md5" if self._algorithm.startswith("MD5") else "sha256")

        def digest(*parts: str) -> str:
            one = made.copy()
            one.update(":".join(parts).encode())
            return one.hexdigest()

        if "cnonce" not in given:
            return False
        first = digest("ada", "r", "pw")
        if self._algorithm.endswith("-sess"):
            first = digest(first, "n1", given["cnonce"])
        expected = digest(first, "n1", "00000001", given["cnonce"], "auth", digest("GET", "/x?y=1"))
        return given.get("response") == expected and given.get("opaque") == "o"


@pytest.mark.case("healthy")
@pytest.mark.parametrize("algorithm", ["MD5", "MD5-sess", "SHA-256", "SHA-256-sess"])
async def test_a_digest_challenge_is_answered(algorithm: str) -> None:
    server = Guarded(algorithm)
    login = {"auth": "digest", "username": "ada", "password": "pw"}

    found = await run(server, path="/x?y=1", **login)
    wrong = await run(server, path="/x?y=1", **{**login, "password": "other"})

    assert found.status is Status.HEALTHY, found.message
    assert len(server.requests) == 4
    assert not any(b"pw" in request for request in server.requests)
    assert wrong.message == "HTTP 401 from /x, expected 200"


# ── Proxies ─────────────────────────────────────────────────────────────────────────────────────


class ProxyServer:
    """A proxy: CONNECT to anything on loopback, and whole addresses over http."""

    def __init__(self, answer: bytes = b"HTTP/1.1 200 Yes\r\n\r\n") -> None:
        self._answer = answer
        self.heads: list[bytes] = []
        self.running: list[asyncio.Task[Any] | None] = []

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.running.append(asyncio.current_task())
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            head = await reader.readuntil(b"\r\n\r\n")
            self.heads.append(head)
            method, target, _ = head.split(b"\r\n")[0].split(b" ")
            if method == b"CONNECT":
                writer.write(self._answer)
                await writer.drain()
                port = int(target.rsplit(b":", 1)[1])
            else:
                port = urlsplit(target.decode()).port or 80
            if b" 200 " in self._answer:
                await self._relay(reader, writer, port, b"" if method == b"CONNECT" else head)
        writer.close()

    async def _relay(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int, first: bytes
    ) -> None:
        there, onward = await asyncio.open_connection("127.0.0.1", port)
        onward.write(first)
        ways = [
            asyncio.create_task(pass_on(reader, onward)),
            asyncio.create_task(pass_on(there, writer)),
        ]
        _, left = await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        for each in left:
            each.cancel()
        await asyncio.gather(*ways, return_exceptions=True)
        onward.close()


async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()


@asynccontextmanager
async def proxying(server: ProxyServer, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    running = await asyncio.start_server(server, "127.0.0.1", 0, ssl=tls)
    async with running:
        yield running.sockets[0].getsockname()[1]
        await asyncio.gather(*filter(None, server.running))


@pytest.mark.case("healthy")
async def test_http_goes_through_a_proxy_that_alone_gets_its_password() -> None:
    seen, proxy = list[bytes](), ProxyServer()

    async def handler(request: bytes, writer: asyncio.StreamWriter) -> None:
        seen.append(request)
        await answering()(request, writer)

    async with proxying(proxy) as port:
        found = await run(handler, path="/a?b=c", proxy=f"http://ada:pw%21@127.0.0.1:{port}")

    assert found.status is Status.HEALTHY, found.message
    assert re.match(rb"GET http://127\.0\.0\.1:\d+/a\?b=c HTTP/1\.1\r\n", proxy.heads[0])
    assert b"Proxy-Authorization: Basic YWRhOnB3IQ==" in proxy.heads[0]


@pytest.mark.case("healthy")
async def test_https_goes_through_a_tunnel_and_is_verified_to_its_end(tmp_path: Path) -> None:
    file, proxy = certificate(tmp_path, days=30), ProxyServer()
    async with proxying(proxy) as port, serve(answering(), tls_server(file)) as there:
        fields = {"url": f"https://127.0.0.1:{there}/", "proxy": f"http://ada:pw@127.0.0.1:{port}"}
        trusted = HttpCheck(**fields, ca_file=str(file))
        found = await trusted.run(Deadline.after(5))
        distrusted = await HttpCheck(**fields).run(Deadline.after(5))

    assert found.status is Status.HEALTHY, found.message
    assert found.metrics["tls.days_left"] == 30.0
    assert proxy.heads[0].startswith(f"CONNECT 127.0.0.1:{there} HTTP/1.1\r\n".encode())
    assert b"Proxy-Authorization: Basic YWRhOnB3" in proxy.heads[0]
    assert distrusted.cause is Cause.TLS
    assert f"127.0.0.1:{there} through proxy 127.0.0.1:{port}" in distrusted.message


@pytest.mark.case("healthy")
@pytest.mark.parametrize("tls", [False, True], ids=["http", "https"])
async def test_a_proxy_may_be_spoken_to_over_tls(tmp_path: Path, tls: bool) -> None:
    file, proxy = certificate(tmp_path, days=30), ProxyServer()
    served = tls_server(file) if tls else None
    async with proxying(proxy, tls_server(file)) as port, serve(answering(), served) as there:
        found = await HttpCheck(
            url=f"http{'s' * tls}://127.0.0.1:{there}/",
            proxy=f"https://127.0.0.1:{port}",
            ca_file=str(file),
        ).run(Deadline.after(5))

    assert found.status is Status.HEALTHY, found.message
    assert len(proxy.heads) == 1


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"HTTP/1.1 407 Who\r\nContent-Length: 0\r\n\r\n", "does not connect: HTTP 407"),
        (b"220 mail.example ESMTP\r\n", "does not connect: it does not speak HTTP"),
        (b"", "does not connect: it hung up"),
        (b"HTTP/1.1 200 Yes\r\n\r\nmore", "does not connect: it sent more than its answer"),
    ],
)
async def test_a_proxy_that_does_not_connect_is_told(answer: bytes, words: str) -> None:
    async with proxying(ProxyServer(answer.replace(b" 200 ", b" 201 "))) as port:
        check = HttpCheck(url="https://127.0.0.1:1/", proxy=f"http://ada:s3cret@127.0.0.1:{port}")
        found = await check.run(Deadline.after(5))

    assert (found.status, found.cause) == (Status.CRITICAL, Cause.REFUSED)
    assert found.message == f"Proxy 127.0.0.1:{port} {words}"


@pytest.mark.case("refused")
async def test_a_proxy_that_is_not_there_is_named(free_port: int) -> None:
    check = HttpCheck(url="http://shop.invalid/", proxy=f"http://ada:s3cret@127.0.0.1:{free_port}")

    found = await check.run(Deadline.after(5))

    assert found.message == f"Connection refused by 127.0.0.1:{free_port}"


@pytest.mark.case("timeout")
@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_proxy_that_never_answers_is_a_time_out(scheme: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        place = f"127.0.0.1:{listener.getsockname()[1]}"
        check = HttpCheck(url=f"{scheme}://shop.invalid/", proxy=f"http://{place}")

        found = await check.run(Deadline.after(0.2))

    assert found.cause is Cause.TIMEOUT
    assert f"through proxy {place} within 200 ms" in found.message


@pytest.mark.parametrize("host", ["169.254.169.254", "2852039166", "[::ffff:a9fe:a9fe]"])
async def test_a_proxy_is_not_asked_for_a_metadata_address(host: str) -> None:
    proxy = ProxyServer()
    async with proxying(proxy) as port:
        check = HttpCheck(url=f"http://{host}/", proxy=f"http://127.0.0.1:{port}")
        found = await check.run(Deadline.after(5))

    assert found.cause is Cause.NOT_MEASURABLE
    assert proxy.heads == []


async def test_the_network_policy_holds_for_the_proxy() -> None:
    check = HttpCheck(url="http://shop.invalid/", proxy="http://169.254.169.254:80")

    found = await check.run(Deadline.after(5))

    assert found.message == "169.254.169.254 may not be connected to: cloud metadata address"


# ── nginx: HTTP/2, client certificates, old TLS ─────────────────────────────────────────────────


@dataclass(frozen=True)
class Nginx:
    """A real server: one port in HTTP/2, one in HTTP/1.1 only, one that asks for a
    certificate, and one that says farewell before it answers.
    """

    folder: Path
    http2: int
    http1: int
    mutual: int
    once: int

    def file(self, name: str) -> str:
        return str(self.folder / name)

    async def visit(self, port: int, timeout_s: float = 5, **fields: Any) -> Measurement:
        url = f"https://localhost:{port}{fields.pop('path', '/')}"
        given = {"url": url, "ca_file": self.file("ca.pem"), **fields}
        return await msgspec.convert(given, HttpCheck).run(Deadline.after(timeout_s))


NGINX = """
daemon off; master_process off; pid {folder}/pid; error_log {folder}/error.log;
events {{ worker_connections 64; }}
http {{
    access_log off; ssl_protocols TLSv1.2 TLSv1.3;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    ssl_certificate {folder}/server.pem; ssl_certificate_key {folder}/server.pem;
    server {{
        listen 127.0.0.1:{http2} ssl http2;
        client_max_body_size 1m;
        location / {{ default_type application/json; add_header x-served $server_protocol;
            return 200 '{{"protocol": "$server_protocol", "host": "$host", "depth": 7}}'; }}
        location /moved {{ return 302 /; }}
        location /slow {{ root {folder}; limit_rate 1000; }}
        location /big {{ root {folder}; }}
        location /post {{ proxy_pass https://127.0.0.1:{http1}; }}
    }}
    server {{
        listen 127.0.0.1:{once} ssl http2; keepalive_requests 1;
        location / {{ return 200 "once"; }}
    }}
    server {{
        listen 127.0.0.1:{http1} ssl; ssl_protocols TLSv1.2;
        location / {{ return 200 "$server_protocol $request_method $content_length"; }}
    }}
    server {{
        listen 127.0.0.1:{mutual} ssl http2;
        ssl_client_certificate {folder}/ca.pem; ssl_verify_client on;
        location / {{ return 200 "hello $ssl_client_s_dn"; }}
    }}
}}
"""


@pytest.fixture(scope="module")
def nginx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nginx]:
    program = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
    if program is None:
        pytest.skip("no nginx on this machine")
    import trustme

    version = subprocess.run([program, "-v"], capture_output=True, text=True, check=True).stderr
    cases.serve("http", f"nginx {version.strip().rpartition('/')[2]}")
    folder = tmp_path_factory.mktemp("nginx")
    ca, other = trustme.CA(), trustme.CA()
    ca.cert_pem.write_to_path(folder / "ca.pem")
    ca.issue_cert("localhost", "127.0.0.1").private_key_and_cert_chain_pem.write_to_path(
        folder / "server.pem"
    )
    client = ca.issue_cert("ada@example.org", common_name="ada")
    client.private_key_and_cert_chain_pem.write_to_path(folder / "client.pem")
    client.cert_chain_pems[0].write_to_path(folder / "client.crt")
    client.private_key_pem.write_to_path(folder / "client.key")
    stranger = other.issue_cert("eve@example.org")
    stranger.private_key_and_cert_chain_pem.write_to_path(folder / "stranger.pem")
    (folder / "slow").write_bytes(b"x" * 100_000)
    (folder / "big").write_bytes(b"x" * 3 * 2**20)
    ports = free_ports(4)
    made = Nginx(folder, *ports)
    (folder / "nginx.conf").write_text(
        NGINX.format(folder=folder, http2=ports[0], http1=ports[1], mutual=ports[2], once=ports[3])
    )
    process = subprocess.Popen([program, "-p", str(folder), "-c", str(folder / "nginx.conf")])
    try:
        wait_for(ports[2], process)
        yield made
    finally:
        process.terminate()
        process.wait(10)


def free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        made = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [each.getsockname()[1] for each in made]


def wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + 10
    while time.monotonic() < end and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.02)
    raise AssertionError("nginx does not start")


@pytest.mark.case("healthy")
async def test_http2_is_spoken_with_conditions_and_metrics(nginx: Nginx) -> None:
    found = await nginx.visit(
        nginx.http2,
        http_version="2",
        expect_headers={"X-Served": "HTTP/2.0"},
        expect_json={"$.protocol": "HTTP/2.0", "$.host": "localhost", "$.depth": "< 10"},
        metrics_json={"depth": "$.depth"},
    )

    assert found.status is Status.HEALTHY, found.message
    assert found.metrics["http.value.depth"] == 7
    assert found.metrics["http.tls_ms"] > 0
    assert found.metrics["tls.days_left"] > 0


@pytest.mark.case("healthy")
async def test_http1_is_spoken_unless_asked_otherwise(nginx: Nginx) -> None:
    found = await nginx.visit(nginx.http2, expect_json={"$.protocol": "HTTP/1.1"})

    assert found.status is Status.HEALTHY, found.message


@pytest.mark.case("healthy")
async def test_http2_follows_redirects_and_sends_bodies_longer_than_a_window(nginx: Nginx) -> None:
    moved = await nginx.visit(nginx.http2, path="/moved", http_version="2")
    posted = await nginx.visit(
        nginx.http2,
        path="/post",
        http_version="2",
        method="POST",
        body="y" * 200_000,
        expect_body="POST 200000",
    )

    assert moved.details["redirects"] == 1
    assert posted.status is Status.HEALTHY, posted.message


@pytest.mark.case("healthy")
async def test_an_http2_server_may_say_farewell_before_it_answers(nginx: Nginx) -> None:
    found = await nginx.visit(nginx.once, http_version="2", expect_body="once")

    assert found.status is Status.HEALTHY, found.message


@pytest.mark.case("wrong")
async def test_the_failing_condition_is_told_with_its_value(nginx: Nginx) -> None:
    found = await nginx.visit(nginx.http2, http_version="2", expect_json={"$.depth": "< 5"})

    assert (found.status, found.cause) == (Status.CRITICAL, Cause.WRONG_ANSWER)
    assert found.message == "$.depth is 7, expected < 5"


@pytest.mark.case("wrong")
async def test_a_server_without_http2_is_told(nginx: Nginx) -> None:
    found = await nginx.visit(nginx.http1, http_version="2")

    assert (found.status, found.cause) == (Status.CRITICAL, Cause.WRONG_ANSWER)
    assert found.message == f"localhost:{nginx.http1} does not speak HTTP/2"


@pytest.mark.case("hostile")
async def test_a_long_body_in_http2_is_read_to_the_limit_only(nginx: Nginx) -> None:
    found = await nginx.visit(nginx.http2, path="/big", http_version="2")

    assert found.details["bytes_read"] == 2**20
    assert found.details["cut"] is True


@pytest.mark.case("timeout")
async def test_a_dripping_body_in_http2_is_a_time_out(nginx: Nginx) -> None:
    found = await nginx.visit(nginx.http2, 1.0, path="/slow", http_version="2")

    assert found.cause is Cause.TIMEOUT
    assert found.message.startswith("No complete answer from localhost:")


@pytest.mark.case("healthy")
@pytest.mark.parametrize("http_version", ["1.1", "2"])
@pytest.mark.parametrize("files", [("client.pem", None), ("client.crt", "client.key")])
async def test_a_client_certificate_is_shown(
    nginx: Nginx, http_version: str, files: tuple[str, str | None]
) -> None:
    found = await nginx.visit(
        nginx.mutual,
        http_version=http_version,
        cert_file=nginx.file(files[0]),
        key_file=files[1] and nginx.file(files[1]),
        expect_body="hello",
    )

    assert found.status is Status.HEALTHY, found.message


@pytest.mark.case("refused")
@pytest.mark.parametrize("cert_file", [None, "stranger.pem"])
async def test_without_the_right_client_certificate_the_server_refuses(
    nginx: Nginx, cert_file: str | None
) -> None:
    found = await nginx.visit(nginx.mutual, cert_file=cert_file and nginx.file(cert_file))

    assert found.message == "HTTP 400 from /, expected 200"


@pytest.mark.parametrize(
    ("cert_file", "key_file", "reason"),
    [
        ("no-such.pem", None, "No such file or directory"),
        ("client.crt", None, "not PEM"),
        ("ca.pem", "client.key", "its key is another's"),
        ("nginx.conf", None, "not PEM"),
    ],
)
async def test_a_client_certificate_that_cannot_be_used_cannot_be_measured_with(
    nginx: Nginx, cert_file: str, key_file: str | None, reason: str
) -> None:
    found = await nginx.visit(
        nginx.mutual,
        cert_file=nginx.file(cert_file),
        key_file=key_file and nginx.file(key_file),
    )

    assert (found.status, found.cause) == (Status.UNKNOWN, Cause.NOT_MEASURABLE)
    assert found.message == f"client certificate {nginx.file(cert_file)} can't be used: {reason}"


@pytest.mark.case("wrong")
async def test_tls_that_is_too_old_is_refused(nginx: Nginx) -> None:
    found = await nginx.visit(nginx.http1, min_tls="1.3")
    new = await nginx.visit(nginx.http2, min_tls="1.3")

    assert (found.status, found.cause) == (Status.CRITICAL, Cause.TLS)
    assert new.status is Status.HEALTHY


@pytest.mark.case("hostile")
@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"\x00\x00\x00\x04\x00\x00\x00\x00\x00" + bytes(9) * 5000,
        b"\xff" * 100_000,
        b"",
        b"\x00\x00\x00\x04\x00\x00\x00\x00\x00\x00\x00\x04\x08\x00\x00\x00\x00\x00" + b"\x00" * 4,
        b"\x00\x00\x00\x04\x00\x00\x00\x00\x00\x00\x00\x08\x07\x00\x00\x00\x00\x00" + bytes(8),
    ],
)
async def test_frames_that_are_not_http2_are_a_wrong_answer(tmp_path: Path, answer: bytes) -> None:
    file = certificate(tmp_path, days=30)
    tls = tls_server(file)
    tls.set_alpn_protocols(["h2"])

    async def handler(_: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        await writer.drain()

    async with serve(handler, tls) as port:
        check = HttpCheck(url=f"https://127.0.0.1:{port}/", http_version="2", ca_file=str(file))
        found = await check.run(Deadline.after(5))

    assert (found.status, found.cause) == (Status.CRITICAL, Cause.WRONG_ANSWER), found.message
    assert "does not speak HTTP: " in found.message
