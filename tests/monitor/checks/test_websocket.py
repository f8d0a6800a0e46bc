"""The `websocket` kind against the server of the websockets library, and against hostile ones."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import gc
import hashlib
import http
import logging
import re
import resource
import socket
import ssl
import struct
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
import trustme
from hypothesis import given, settings
from hypothesis import strategies as st
from websockets.asyncio.server import Server, ServerConnection
from websockets.asyncio.server import serve as serve_websockets
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol
from websockets.version import version

from domain.facts import Cause, Measurement, Status
from monitor.checks import Deadline
from monitor.checks.websocket import WebsocketCheck
from tests.cases import serve
from tests.waiting import PATIENCE_S

Handler = Callable[[ServerConnection], Awaitable[None]]
Raw = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

serve("websocket", f"websockets {version}")


async def echo(connection: ServerConnection) -> None:
    """Send back what comes."""
    async for message in connection:
        await connection.send(message)


def saying(*messages: str | bytes) -> Handler:
    """Greets with these messages, then waits for the end."""

    async def handler(connection: ServerConnection) -> None:
        for message in messages:
            await connection.send(message)
        await connection.wait_closed()

    return handler


@contextlib.asynccontextmanager
async def serving(handler: Handler = echo, **options: Any) -> AsyncIterator[Server]:
    async with serve_websockets(handler, "127.0.0.1", 0, **options) as server:
        yield server


def port_of(server: Server) -> int:
    return int(next(iter(server.sockets)).getsockname()[1])


async def run(handler: Handler = echo, timeout_s: float = 5, **fields: Any) -> Measurement:
    """Run a check with these fields against a real server; `path` is appended to the address."""
    options = fields.pop("options", {})
    async with serving(handler, **options) as server:
        url = f"ws://127.0.0.1:{port_of(server)}{fields.pop('path', '/')}"
        check = msgspec.convert({"url": url, **fields}, WebsocketCheck)
        return await check.run(Deadline.after(timeout_s))


# ── The real server ─────────────────────────────────────────────────────────────────────────────


@pytest.mark.case("healthy")
async def test_a_server_that_answers_is_healthy_and_timed_by_phase() -> None:
    found = await run()

    assert found.status is Status.HEALTHY, found.message
    assert found.message.startswith("WebSocket open in ")
    assert set(found.metrics) == {
        "websocket.dns_ms",
        "websocket.connect_ms",
        "websocket.handshake_ms",
        "websocket.ping_ms",
        "websocket.total_ms",
    }
    assert found.response_time_ms == found.metrics["websocket.total_ms"]


@pytest.mark.case("healthy")
async def test_what_is_sent_comes_back_as_expected() -> None:
    found = await run(send="hello", expect_text="hell", expect_regex="^hel{2}o$")

    assert found.status is Status.HEALTHY, found.message
    assert found.metrics["websocket.message_ms"] > 0
    assert found.details["messages"] == 1


@pytest.mark.case("healthy")
@pytest.mark.parametrize("compression", ["deflate", None])
async def test_a_message_in_fragments_or_binary_is_one_message(compression: str | None) -> None:
    async def handler(connection: ServerConnection) -> None:
        await connection.send(["one ", "message"])
        await connection.send(b"binary \xff")
        await connection.wait_closed()

    options = {"compression": compression}
    whole = await run(handler, expect_text="one message", options=options)
    binary = await run(handler, expect_regex="^binary", options=options)

    assert whole.status is Status.HEALTHY, whole.message
    assert binary.status is Status.HEALTHY, binary.message


@pytest.mark.case("healthy")
async def test_headers_origin_subprotocol_and_credentials_are_sent() -> None:
    seen: list[Request] = []

    def look(_: ServerConnection, request: Request) -> None:
        seen.append(request)

    async with serving(
        process_request=look, subprotocols=[Subprotocol("b")], origins=["https://shop.example"]
    ) as server:
        url = f"ws://a%3Ada:p%40w@localhost:{port_of(server)}/live?room=1"
        found = await WebsocketCheck(
            url=url,
            headers={"X-Key": "k", "User-Agent": "probe"},
            origin="https://shop.example",
            subprotocols=("a", "b"),
        ).run(Deadline.after(5))

    assert found.status is Status.HEALTHY, found.message
    assert found.details["subprotocol"] == "b"
    assert seen[0].path == "/live?room=1"
    headers = seen[0].headers
    assert headers["Host"].startswith("localhost:")
    assert (headers["X-Key"], headers.get_all("User-Agent")) == ("k", ["probe"])
    assert headers["Authorization"] == f"Basic {base64.b64encode(b'a:da:p@w').decode()}"


@pytest.mark.case("wrong")
@pytest.mark.parametrize("status", [301, 403, 503])
async def test_a_refused_handshake_is_critical_with_its_status(status: int) -> None:
    def refuse(connection: ServerConnection, _: Request) -> Response:
        return connection.respond(http.HTTPStatus(status), "no")

    found = await run(options={"process_request": refuse})

    assert (found.status, found.cause) == (Status.CRITICAL, Cause.WRONG_ANSWER)
    assert found.message.startswith(f"HTTP {status} instead of 101 from 127.0.0.1:")


@pytest.mark.case("wrong")
async def test_a_server_without_the_subprotocol_is_critical() -> None:
    found = await run(subprotocols=["graphql-ws"])

    assert found.cause is Cause.WRONG_ANSWER
    assert found.message.endswith("chose no subprotocol, expected graphql-ws")


@pytest.mark.case("wrong")
@pytest.mark.parametrize(
    ("fields", "what"),
    [
        ({"expect_text": "three"}, "text"),
        ({"expect_regex": "three"}, "pattern"),
        ({"expect_regex": "thre+"}, "pattern"),
        ({"expect_text": "one", "expect_regex": "two"}, "text"),
    ],
)
async def test_only_the_first_messages_are_looked_at(fields: dict[str, Any], what: str) -> None:
    found = await run(saying("one", "two", "three"), messages=2, **fields)

    assert (found.status, found.cause) == (Status.CRITICAL, Cause.WRONG_ANSWER)
    assert found.message == f"Expected {what} not found in the first 2 messages"
    assert "websocket.ping_ms" in found.metrics


@pytest.mark.case("wrong")
@pytest.mark.parametrize(("ping", "message"), [(True, None), (False, "one")])
async def test_a_server_that_closes_too_early_is_critical_with_its_code(
    ping: bool, message: str | None
) -> None:
    async def handler(connection: ServerConnection) -> None:
        if message:
            await connection.send(message)
        await connection.close(1013, "full, password=secret")

    found = await run(handler, ping=ping, expect_text="two")

    assert (found.status, found.cause) == (Status.CRITICAL, Cause.WRONG_ANSWER)
    assert "closed the connection: 1013 " in found.message
    assert found.message.startswith("Expected text not found before ") is (message is not None)
    assert "secret" not in found.message


@pytest.mark.case("healthy")
async def test_messages_before_the_pong_count_too() -> None:
    async def handler(connection: ServerConnection) -> None:
        await connection.send("early")
        await echo(connection)

    found = await run(handler, expect_text="early")

    assert found.status is Status.HEALTHY, found.message


async def test_no_header_is_logged_when_everything_is(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        found = await run(headers={"Authorization": "Bearer s3cret"}, send="s3cret")

    assert found.status is Status.HEALTHY, found.message
    client = [each.getMessage() for each in caplog.records if each.name != "websockets.server"]
    assert "s3cret" not in "\n".join(client)


# ── TLS ─────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def ca_file(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("websocket") / "ca.pem"
    authority.cert_pem.write_to_path(str(file))
    return file


def tls_of(authority: trustme.CA, name: str) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(name).configure_cert(context)
    return context


@pytest.mark.case("healthy")
async def test_wss_is_verified_by_name_and_its_days_are_counted(
    authority: trustme.CA, ca_file: Path
) -> None:
    async with serving(ssl=tls_of(authority, "localhost")) as server:
        check = WebsocketCheck(url=f"wss://localhost:{port_of(server)}/", ca_file=str(ca_file))
        found = await check.run(Deadline.after(5))

    assert found.status is Status.HEALTHY, found.message
    assert found.metrics["tls.days_left"] > 100
    assert found.metrics["websocket.tls_ms"] > 0


@pytest.mark.case("wrong")
@pytest.mark.parametrize(
    ("trusted", "name", "reason"),
    [(False, "127.0.0.1", "unable to get local issuer"), (True, "other.example", "mismatch")],
)
async def test_a_certificate_that_is_not_right_is_critical_and_says_why(
    authority: trustme.CA, ca_file: Path, trusted: bool, name: str, reason: str
) -> None:
    async with serving(ssl=tls_of(authority, name)) as server:
        url = f"wss://127.0.0.1:{port_of(server)}/"
        check = WebsocketCheck(url=url, ca_file=str(ca_file) if trusted else None)
        found = await check.run(Deadline.after(5))
        anyway = await WebsocketCheck(url=url, verify=False).run(Deadline.after(5))

    assert (found.status, found.cause) == (Status.CRITICAL, Cause.TLS)
    assert reason in found.message
    assert anyway.status is Status.HEALTHY, anyway.message
    assert "tls.days_left" in anyway.metrics


async def test_a_ca_file_that_is_not_there_cannot_be_measured_with() -> None:
    check = WebsocketCheck(url="wss://127.0.0.1/", ca_file="/no/such.pem")

    found = await check.run(Deadline.after(5))

    assert (found.status, found.cause) == (Status.UNKNOWN, Cause.NOT_MEASURABLE)


# ── Refused ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.case("refused")
async def test_a_refused_port_is_critical_and_says_so(free_port: int) -> None:
    found = await WebsocketCheck(url=f"ws://127.0.0.1:{free_port}/").run(Deadline.after(5))

    assert (found.status, found.cause) == (Status.CRITICAL, Cause.REFUSED)
    assert found.message == f"Connection refused by 127.0.0.1:{free_port}"


@pytest.mark.case("refused")
async def test_a_name_without_an_address_is_not_resolved() -> None:
    found = await WebsocketCheck(url="ws://no-such-host.invalid/").run(Deadline.after(5))

    assert found.cause is Cause.NAME_NOT_RESOLVED


# ── Hostile servers ─────────────────────────────────────────────────────────────────────────────


async def hostile(handler: Raw, timeout_s: float = 5, **fields: Any) -> Measurement:
    """Run a check against a server that does as it likes, and see that the check hangs up."""
    ended = asyncio.Event()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await handler(reader, writer)
            while await reader.read(65_536):
                pass  # ends when the check has hung up
        except OSError:
            pass  # it hung up while we were sending
        finally:
            writer.close()
            ended.set()

    async with await asyncio.start_server(handle, "127.0.0.1", 0) as server:
        url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        check = msgspec.convert({"url": url, **fields}, WebsocketCheck)
        found = await check.run(Deadline.after(timeout_s))
        async with asyncio.timeout(PATIENCE_S):
            await ended.wait()
    return found


async def opened(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, more: str = ""
) -> None:
    """Do the handshake as a server should (RFC 6455, 4.2.2)."""
    request = (await reader.readuntil(b"\r\n\r\n")).decode()
    key = request.split("Sec-WebSocket-Key: ")[1].split("\r\n")[0]
    digest = hashlib.sha1(f"{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11".encode()).digest()
    accept = base64.b64encode(digest).decode()
    writer.write(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Accept: {accept}\r\n{more}\r\n".encode()
    )
    await writer.drain()


async def silent(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Accept, and never say a word."""


async def dripping(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Send the head of the answer a byte at a time, for ever."""
    writer.write(b"HTTP/1.1 101 Switching Protocols\r\n")
    while True:
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(0.01)


async def without_pong(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await opened(reader, writer)


async def pinging(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Ask for pongs all the time and give none."""
    await opened(reader, writer)
    while True:
        writer.write(b"\x89\x00")
        await writer.drain()
        await asyncio.sleep(0.01)


async def dripping_frame(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await opened(reader, writer)
    writer.write(b"\x81\x7e\xff\xff")
    while True:
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(0.01)


@pytest.mark.case("timeout")
@pytest.mark.parametrize(
    ("handler", "awaited"),
    [
        (silent, "answer to the handshake"),
        (dripping, "answer to the handshake"),
        (without_pong, "pong"),
        (pinging, "pong"),
        (dripping_frame, "pong"),
    ],
)
async def test_a_server_that_never_gets_there_is_a_time_out(handler: Raw, awaited: str) -> None:
    clock = asyncio.get_running_loop().time
    start = clock()

    found = await hostile(handler, timeout_s=1)

    assert (found.status, found.cause) == (Status.CRITICAL, Cause.TIMEOUT)
    assert found.message.startswith(f"No {awaited} from 127.0.0.1:")
    assert re.search(r" within (\d{1,3} ms|1 s)$", found.message)  # what was left when it began
    assert clock() - start < PATIENCE_S


@pytest.mark.case("timeout")
async def test_a_message_that_never_comes_is_a_time_out() -> None:
    found = await run(timeout_s=1.5, expect_text="x")

    assert found.cause is Cause.TIMEOUT
    assert found.message.startswith("No expected message from ")
    assert "websocket.ping_ms" in found.metrics


@pytest.mark.case("hostile")
async def test_a_pattern_that_backtracks_for_ever_is_a_time_out() -> None:
    found = await run(saying("a" * 50 + "b"), timeout_s=1, expect_regex="(a+)+$")

    assert found.cause is Cause.TIMEOUT


async def garbage(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"220 mail.example ESMTP\r\n")


async def wrong_key(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: secret\r\n\r\n"
    )


async def endless_head(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 101 Switching Protocols\r\n")
    while True:
        writer.write(b"X-More: " + b"h" * 8000 + b"\r\n")
        await writer.drain()


async def huge_frame(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await opened(reader, writer)
    writer.write(b"\x82\x7f" + (2**40).to_bytes(8, "big"))
    while True:
        writer.write(bytes(65_536))
        await writer.drain()


async def endless_message(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One message in fragments that never ends."""
    await opened(reader, writer)
    writer.write(b"\x01\x01a")
    while True:
        writer.write((b"\x00\x7e\xff\xff" + bytes(65_535)) * 4)
        await writer.drain()


async def flood(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Many messages of a size that is allowed each."""
    await opened(reader, writer)
    while True:
        writer.write(b"\x82\x7e\xff\xff" + bytes(65_535))
        await writer.drain()


async def empty_frames(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await opened(reader, writer)
    writer.write(b"\x01\x00")
    while True:
        writer.write(b"\x00\x00" * 1000)
        await writer.drain()


async def bomb(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Compress although nobody offered to unpack (RFC 7692)."""
    await opened(reader, writer, "Sec-WebSocket-Extensions: permessage-deflate\r\n")
    packed = zlib.compress(bytes(3 * 10**7), 9)[2:-4]
    writer.write(b"\xc2\x7f" + len(packed).to_bytes(8, "big") + packed)


async def masked(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await opened(reader, writer)
    writer.write(b"\x81\x81\x00\x00\x00\x00x")


async def cut_off(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await opened(reader, writer)
    writer.write_eof()


@pytest.mark.case("hostile")
@pytest.mark.parametrize(
    ("handler", "words"),
    [
        (garbage, "does not speak HTTP"),
        (wrong_key, "answers the handshake wrongly: InvalidHeaderValue"),
        (endless_head, "answers the handshake with more than 65536 bytes"),
        (huge_frame, "breaks the WebSocket protocol: 1009 message too big"),
        (endless_message, "breaks the WebSocket protocol: 1009 message too big"),
        (flood, "sends more than 8 MB before what is waited for"),
        (empty_frames, "sends more than 10000 frames before what is waited for"),
        (bomb, "answers the handshake wrongly: NegotiationError"),
        (masked, "breaks the WebSocket protocol: 1002 protocol error"),
        (cut_off, "broke the connection off"),
    ],
)
async def test_what_no_server_may_do_is_a_wrong_answer_and_costs_little(
    handler: Raw, words: str
) -> None:
    await run()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    found = await hostile(handler)

    grown_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert (found.status, found.cause) == (Status.CRITICAL, Cause.WRONG_ANSWER)
    assert words in found.message
    assert "secret" not in found.message
    assert grown_kb < 20_000


@pytest.mark.case("hostile")
async def test_a_refusal_whose_body_never_ends_is_told_at_once() -> None:
    async def handler(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 403 No\r\nContent-Length: 100\r\n\r\n")

    found = await hostile(handler)

    assert found.message.startswith("HTTP 403 instead of 101 from ")


@pytest.mark.case("hostile")
async def test_a_server_that_never_says_goodbye_is_healthy_all_the_same() -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await opened(reader, writer)

    found = await hostile(handler, ping=False)

    assert found.status is Status.HEALTHY, found.message


@pytest.mark.case("hostile")
async def test_a_connection_that_is_reset_is_a_wrong_answer() -> None:
    async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        at_once = struct.pack("ii", 1, 0)
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, at_once)
        writer.close()
        await writer.wait_closed()

    found = await hostile(reset)

    assert (found.status, found.cause) == (Status.CRITICAL, Cause.WRONG_ANSWER)
    assert found.message.endswith(" broke the connection off")


async def test_a_cancelled_run_hangs_up() -> None:
    accepted, ended = asyncio.Event(), asyncio.Event()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        accepted.set()
        while await reader.read(65_536):
            pass
        writer.close()
        ended.set()

    async with await asyncio.start_server(handle, "127.0.0.1", 0) as server:
        url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        running = asyncio.create_task(WebsocketCheck(url=url).run(Deadline.after(30)))
        await accepted.wait()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        async with asyncio.timeout(PATIENCE_S):
            await ended.wait()
    gc.collect()


# ── Configuration ───────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"url": "http://host/"}, "must begin with ws"),
        ({"url": "ws://"}, "no host"),
        ({"url": "ws://host:port/secret"}, "no valid port"),
        ({"url": "ws://a b/"}, "no spaces"),
        ({"url": "ws://h/#part"}, "no fragment"),
        ({"url": "ws://h", "headers": {"X-Key": "sec\nret"}}, "header 'X-Key'"),
        ({"url": "ws://h", "headers": {"Sec-WebSocket-Key": "k"}}, "belongs to the handshake"),
        ({"url": "ws://h", "origin": "a\r\nb"}, "origin"),
        ({"url": "ws://h", "subprotocols": ["a b"]}, "subprotocols"),
        ({"url": "ws://h", "expect_regex": "("}, "not a regular expression"),
        ({"url": "ws://h", "expect_regex": "a\0"}, "NUL"),
        ({"url": "ws://h", "messages": 0}, "messages"),
    ],
)
def test_fields_that_cannot_work_are_refused_with_the_reason(
    fields: dict[str, object], reason: str
) -> None:
    with pytest.raises(msgspec.ValidationError, match=reason) as refused:
        msgspec.convert(fields, WebsocketCheck)

    assert "ret" not in str(refused.value)


@settings(deadline=None, max_examples=50)
@given(st.text(max_size=40))
def test_any_address_is_refused_by_name_or_can_be_shown(text: str) -> None:
    with contextlib.suppress(ValueError):
        assert WebsocketCheck(url=f"wss://{text}").target().startswith("wss://")


def test_neither_target_nor_repr_shows_a_secret() -> None:
    check = WebsocketCheck(
        url="wss://ada:secret@host:8443/path?key=secret",
        headers={"Authorization": "secret"},
        send="secret",
    )

    assert check.target() == "wss://host:8443/path"
    assert "secret" not in repr(check)


def test_stock_rules_are_on_response_time_and_certificate() -> None:
    rules = WebsocketCheck(url="ws://h").stock_rules()

    assert {rule.metric: (rule.warning, rule.critical) for rule in rules} == {
        "websocket.total_ms": (500, 1000),
        "tls.days_left": (21, 7),
    }
    assert all("First look:" in rule.runbook for rule in rules)
