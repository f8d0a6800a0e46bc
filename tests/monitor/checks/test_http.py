"""The `http` kind against real servers on loopback, friendly and hostile."""

from __future__ import annotations

import asyncio
import gzip
import resource
import socket
import ssl
from pathlib import Path
from typing import Any

import msgspec
import pytest

from domain.facts import Cause, Measurement, Status
from monitor.checks import Deadline
from monitor.checks.http import HttpCheck
from tests.monitor.http_servers import Handler, answering, certificate, serve


async def run(handler: Handler, timeout_s: float = 5, **fields: Any) -> Measurement:
    """Run a check with these fields against `handler`; `path` is appended to the address."""
    async with serve(handler) as port:
        url = f"http://127.0.0.1:{port}{fields.pop('path', '/')}"
        check = msgspec.convert({"url": url, **fields}, HttpCheck)
        return await check.run(Deadline.after(timeout_s))


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


async def test_a_wrong_status_is_critical_and_says_what_was_expected() -> None:
    found = await run(answering("503 Busy"), path="/healthz?key=secret")

    assert (found.status, found.cause) == (Status.CRITICAL, Cause.WRONG_ANSWER)
    assert found.message == "HTTP 503 from /healthz, expected 200"
    assert found.metrics["http.status"] == 503


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
    assert clock() - start < 1.3


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


async def test_a_pattern_that_backtracks_for_ever_is_a_time_out() -> None:
    found = await run(answering(body=b"a" * 50 + b"b"), timeout_s=0.5, expect_regex="(a+)+$")

    assert found.cause is Cause.TIMEOUT


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
