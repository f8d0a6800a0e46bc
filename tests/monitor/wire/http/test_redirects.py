"""Redirects: method, body, credentials and cookies of the request that follows."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import msgspec
import pytest

from domain.facts import Cause, Measurement, Status
from monitor.checks import Deadline
from monitor.checks.http import HttpCheck
from monitor.wire.http.addresses import parse
from monitor.wire.http.cookies import Cookies
from monitor.wire.http.http1 import Head, Request, fields
from monitor.wire.http.redirects import following
from tests.monitor.http_servers import Handler, answering, certificate, serve, tls_server


def asked_next(
    status: int, location: str, method: str = "GET", url: str = "http://host/", **more: str
) -> Request:
    """What is asked after this redirect of a request with credentials and a body."""
    sent = {"Host": "host", "Authorization": "Basic x", "Cookie": "a=b", "Content-Length": "2"}
    request = Request(method=method, url=parse(url), fields=fields(sent, more), body=b"{}")
    head = Head(status=status, fields=((b"location", location.encode()),))
    found = following(request, head, Cookies())
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("status", "method", "becomes"),
    [
        (301, "POST", "GET"),
        (301, "PUT", "PUT"),
        (302, "PUT", "GET"),
        (303, "DELETE", "GET"),
        (303, "HEAD", "HEAD"),
        (307, "POST", "POST"),
        (308, "POST", "POST"),
    ],
)
def test_the_method_follows_the_status_and_a_body_goes_only_with_it(
    status: int, method: str, becomes: str
) -> None:
    found = asked_next(status, "/b", method)

    assert found.method == becomes
    assert found.body == (b"{}" if becomes == method else b"")
    assert ("content-length" in found.fields) == (becomes == method)


@pytest.mark.parametrize(
    ("url", "location", "goes_along"),
    [
        ("http://host/", "/b", True),
        ("http://host/", "https://host/b", True),
        ("http://host:81/", "https://host/b", False),
        ("https://host/", "http://host/b", False),
        ("http://host/", "http://host:81/", False),
        ("http://host/", "https://other/", False),
    ],
)
def test_credentials_go_to_their_own_host_only(url: str, location: str, goes_along: bool) -> None:
    found = asked_next(302, location, url=url)

    assert ("authorization" in found.fields) is goes_along
    assert "cookie" not in found.fields


def test_another_host_is_named_in_the_host_field() -> None:
    assert asked_next(302, "http://other:81/").fields["host"] == ("Host", "other:81")
    assert asked_next(302, "/b", host="virtual").fields["host"][1] == "virtual"


async def run(handler: Handler, **config: Any) -> Measurement:
    async with serve(handler) as port:
        check = msgspec.convert({"url": f"http://127.0.0.1:{port}/", **config}, HttpCheck)
        return await check.run(Deadline.after(5))


async def test_a_cookie_that_a_redirect_sets_is_sent_with_the_next_request() -> None:
    async def handler(request: bytes, writer: asyncio.StreamWriter) -> None:
        if b"Cookie: seen=1" in request:
            await answering()(request, writer)
        else:
            await answering("302 Found", "Location: /", "Set-Cookie: seen=1")(request, writer)

    found = await run(handler)

    assert found.status is Status.HEALTHY, found.message
    assert found.details["redirects"] == 1


async def test_a_redirect_leads_from_http_to_https_and_to_another_host(tmp_path: Path) -> None:
    seen: list[bytes] = []

    async def end(request: bytes, writer: asyncio.StreamWriter) -> None:
        seen.append(request)
        await answering(body=b"safe")(request, writer)

    file = certificate(tmp_path, days=30, host="localhost")
    async with serve(end, tls_server(file)) as port:
        found = await run(
            answering("301 Moved", f"Location: https://localhost:{port}/end"),
            ca_file=str(file),
            username="ada",
            expect_body="safe",
        )

    assert found.status is Status.HEALTHY, found.message
    assert found.metrics["tls.days_left"] == 30.0
    assert f"Host: localhost:{port}\r\n".encode() in seen[0]
    assert b"authorization" not in seen[0].lower()


async def test_the_body_of_a_redirect_is_not_waited_for() -> None:
    async def handler(request: bytes, writer: asyncio.StreamWriter) -> None:
        if b"GET /end" in request:
            await answering()(request, writer)
        else:
            writer.write(b"HTTP/1.1 302 Found\r\nLocation: /end\r\nContent-Length: 9\r\n\r\n")
            await writer.drain()
            await asyncio.Event().wait()

    assert (await run(handler)).status is Status.HEALTHY


@pytest.mark.parametrize(
    ("location", "words"),
    [
        ("ftp://host/", "failed: UnsupportedProtocol"),
        ("javascript:alert(1)", "failed: UnsupportedProtocol"),
        ("http://[broken", "does not speak HTTP: Invalid URL in location header"),
    ],
)
async def test_a_redirect_to_what_is_not_http_is_a_wrong_answer(location: str, words: str) -> None:
    handler = answering("302 Found", f"Location: {location}")

    found = await run(handler)
    kept = await run(handler, follow_redirects=False, expect_status=[302])

    assert found.cause is Cause.WRONG_ANSWER
    assert words in found.message
    assert kept.status is Status.HEALTHY
