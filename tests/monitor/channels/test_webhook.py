"""Channel `webhook`, against real servers on the loopback interface."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from domain.outbox import Other, Outcome, Verdict
from domain.settings import Network
from monitor import reach
from monitor.channels import Deadline
from monitor.channels.webhook import WebhookChannel, retry_after, signature
from tests.monitor.channels.messages import message
from tests.waiting import PATIENCE_S


@dataclass
class Hook:
    """A server that gives one answer, and keeps what it was sent."""

    answer: bytes
    port: int = 0
    requests: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            first, *lines = head.strip().split("\r\n")
            headers = {k.lower(): v for k, v in (line.split(": ", 1) for line in lines)}
            body = await reader.readexactly(int(headers.get("content-length", 0)))
            self.requests.append((first, headers, body))
            if not self.answer:  # hangs until the client has gone
                await reader.read()
            writer.write(self.answer)
            await writer.drain()
        writer.close()

    def url(self, path: str = "/hook") -> str:
        return f"http://127.0.0.1:{self.port}{path}"


def answer(status: int, body: str = "", headers: str = "") -> bytes:
    head = f"HTTP/1.1 {status} X\r\nContent-Length: {len(body)}\r\nConnection: close\r\n"
    return f"{head}{headers}\r\n{body}".encode()


@contextlib.asynccontextmanager
async def hook(given: bytes) -> AsyncIterator[Hook]:
    made = Hook(given)
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    async with server:
        yield made


async def told(given: bytes, path: str = "/hook", **fields: Any) -> tuple[Outcome, Hook]:
    async with hook(given) as server:
        channel = WebhookChannel(url=server.url(path), **fields)
        return await channel.send(message(), Deadline.after(5)), server


async def test_a_message_arrives_as_json_with_its_key() -> None:
    outcome, server = await told(answer(204), headers={"X-Team": "ops"}, method="PUT")

    [(first, headers, body)] = server.requests
    document = json.loads(body)
    assert outcome.verdict is Verdict.DELIVERED
    assert first == "PUT /hook HTTP/1.1"
    assert headers["idempotency-key"] == "7:hook"
    assert (headers["content-type"], headers["x-team"]) == ("application/json", "ops")
    assert headers["host"] == f"127.0.0.1:{server.port}"
    assert (document["event"], document["incident_id"]) == ("trigger", "INC-20260301-0001")
    assert document["opened_at"] == "2026-03-01T12:00:00Z"
    assert "nocturne-signature" not in headers


async def test_a_message_of_several_incidents_lists_the_others_and_counts_them() -> None:
    other = Other(
        id="INC-20260301-0002",
        title="web is slow",
        severity="minor",
        component="web",
        link="/incidents/INC-20260301-0002",
    )
    async with hook(answer(200)) as server:
        channel = WebhookChannel(url=server.url("/hook"))
        await channel.send(message(others=(other,)), Deadline.after(5))
        await channel.send(message(), Deadline.after(5))

    both, alone = (json.loads(body) for _, _, body in server.requests)
    assert both["others"] == [
        {
            "id": "INC-20260301-0002",
            "title": "web is slow",
            "severity": "minor",
            "component": "web",
            "link": "/incidents/INC-20260301-0002",
        }
    ]
    assert (both["others_count"], alone["others"], alone["others_count"]) == (1, [], 0)


async def test_a_secret_signs_the_time_and_the_body() -> None:
    _, server = await told(answer(200), secret="s3cret-key")

    [(_, headers, body)] = server.requests
    stamp, _, given = headers["nocturne-signature"].partition(",v1=")
    unix_s = int(stamp.removeprefix("t="))
    assert abs(unix_s - time.time()) < 5
    assert given == signature("s3cret-key", unix_s, body)


@pytest.mark.parametrize("status", [408, 425, 429, 500, 503])
async def test_what_may_pass_is_tried_again(status: int) -> None:
    outcome, _ = await told(answer(status))

    assert outcome.verdict is Verdict.FAILED
    assert f"HTTP {status}" in outcome.text


@pytest.mark.parametrize("status", [400, 401, 404, 410])
async def test_what_will_not_pass_is_refused_for_good(status: int) -> None:
    outcome, _ = await told(answer(status))

    assert outcome.verdict is Verdict.REFUSED


async def test_a_redirect_is_not_followed() -> None:
    async with hook(answer(200)) as other:
        outcome, _ = await told(answer(302, headers=f"Location: {other.url()}\r\n"))

    assert outcome.verdict is Verdict.REFUSED
    assert "redirects are not followed" in outcome.text
    assert other.requests == []


async def test_the_pause_that_the_other_side_asks_for_is_kept() -> None:
    outcome, _ = await told(answer(429, headers="Retry-After: 30\r\n"))

    assert outcome.retry_after_s == 30


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        (None, None),
        ("soon", None),
        ("-5", None),
        ("0", 0),
        ("99999999999999999", 600),
        ("Sun, 01 Mar 2026 12:01:00 GMT", 60),
        ("Sun, 01 Mar 2026 11:00:00 GMT", 0),
        ("Sun, 01 Mar 2099 11:00:00 GMT", 600),
    ],
)
def test_retry_after_is_read_in_both_forms_and_limited(
    text: str | None, seconds: float | None
) -> None:
    assert retry_after(text, datetime(2026, 3, 1, 12, tzinfo=UTC)) == seconds


async def test_nobody_listening_may_pass(free_port: int) -> None:
    channel = WebhookChannel(url=f"http://127.0.0.1:{free_port}/hook")

    outcome = await channel.send(message(), Deadline.after(5))

    assert outcome.verdict is Verdict.FAILED
    assert outcome.text == f"connection refused by http://127.0.0.1:{free_port}"


async def test_a_server_that_hangs_is_left_at_the_timeout() -> None:
    started = time.monotonic()

    outcome, _ = await told(b"", timeout="200ms")

    assert outcome.verdict is Verdict.FAILED
    assert "within 200 ms" in outcome.text
    assert time.monotonic() - started < PATIENCE_S


async def test_a_server_that_speaks_no_http_may_pass() -> None:
    outcome, _ = await told(b"hello\r\n\r\n")

    assert outcome.verdict is Verdict.FAILED


@pytest.mark.parametrize(
    "host",
    [
        "169.254.169.254",
        "2852039166",
        "0xa9fea9fe",
        "[::ffff:169.254.169.254]",
        "[64:ff9b::a9fe:a9fe]",
        "[fe80::1]",
        "[fd00:ec2::254]",
    ],
)
async def test_a_metadata_address_is_refused_however_it_is_written(host: str) -> None:
    channel = WebhookChannel(url=f"http://{host}/latest")

    outcome = await channel.send(message(), Deadline.after(5))

    assert outcome.verdict is Verdict.REFUSED
    assert " may not be connected to: " in outcome.text


async def test_what_the_network_policy_denies_is_refused_to_channels_too(free_port: int) -> None:
    channel = WebhookChannel(url=f"http://127.0.0.1:{free_port}/hook")
    reach.adopt(Network(deny=("loopback",)))
    try:
        outcome = await channel.send(message(), Deadline.after(5))
    finally:
        reach.adopt(Network())

    assert outcome.verdict is Verdict.REFUSED
    assert '127.0.0.1 may not be connected to: [network] deny has "loopback"' in outcome.text


async def test_what_the_server_says_is_shown_short_and_without_our_secrets() -> None:
    said = "no\r\n\x00 T0KENPATH hunter22 s3cret-key " + "x" * 1000

    outcome, _ = await told(
        answer(400, said),
        path="/services/T0KENPATH?key=hunter22",
        secret="s3cret-key",
        headers={"Authorization": "Bearer hunter22"},
    )

    assert len(outcome.text) < 300
    assert outcome.text.isprintable()
    assert not any(each in outcome.text for each in ("T0KENPATH", "hunter22", "s3cret-key"))


def test_a_channel_names_its_host_only() -> None:
    channel = WebhookChannel(url="https://u:pw123@h.example/T0KEN?k=v", secret="s3cret")

    assert channel.target() == "POST https://h.example"
    assert repr(channel) == "WebhookChannel('POST https://h.example')"


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"url": "ftp://h/"}, "url must begin with http"),
        ({"url": "http:///x"}, "url must name a host"),
        ({"url": "http://h:x/"}, "url is not a valid address"),
        ({"url": "http://h/", "headers": {"A b": "x"}}, "HTTP does not allow"),
        ({"url": "http://h/", "headers": {"Host": "x"}}, "set by Nocturne itself"),
        ({"url": "http://h/", "secret": ""}, "secret must not be empty"),
        ({"url": "http://h/", "timeout": "16s"}, "at most 15 s"),
        ({"url": "http://h/", "timeout": "x"}, "timeout 'x' is not a duration"),
    ],
)
def test_what_could_never_work_is_refused(fields: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        WebhookChannel(**fields)


async def test_a_name_of_a_channel_that_is_not_ascii_has_a_key_all_the_same() -> None:
    async with hook(answer(200)) as server:
        channel = WebhookChannel(url=server.url())
        outcome = await channel.send(message(key="7:nächte"), Deadline.after(5))

    assert outcome.verdict is Verdict.DELIVERED
    assert server.requests[0][1]["idempotency-key"] == "7:n\\xe4chte"
