"""The `openai` kind against a stub of such an API on loopback: the real ones cost money."""

from __future__ import annotations

import asyncio
import contextlib
import json
import resource
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import h11
import msgspec
import pytest

from domain.facts import Cause, Measurement, Status
from monitor.checks import Deadline
from monitor.checks.openai import OpenAICheck
from monitor.wire.ai.completion import BadStream, Completion
from monitor.wire.ai.purse import Purse, purse_of
from tests.cases import serve as note_server
from tests.monitor.http_servers import certificate, tls_server

KEY = "sk-s3cret-key"
Send = Callable[[bytes], Awaitable[None]]
Script = Callable[[Send], Awaitable[None]]


def models(*names: str) -> bytes:
    return json.dumps({"object": "list", "data": [{"id": name} for name in names]}).encode()


def token(text: str | None, finish: str | None = None) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": finish}]}


USAGE = {"choices": [], "usage": {"prompt_tokens": 12, "completion_tokens": 2, "total_tokens": 14}}
STREAM = (token(""), token("o"), token("k"), token(None, "stop"), USAGE)


def events(*chunks: dict[str, Any], end: bool = True) -> bytes:
    lines = [f"data: {json.dumps(chunk)}\n\n" for chunk in chunks]
    return "".join([*lines, "data: [DONE]\n\n" if end else ""]).encode()


async def whole(send: Send) -> None:
    """A right completion, its events one by one."""
    for chunk in STREAM:
        await send(events(chunk, end=False))
    await send(b"data: [DONE]\n\n")


@dataclass
class Stub:
    """An API of the OpenAI kind that answers as a test wants."""

    models: tuple[int, bytes] = (200, models("gpt-small", "gpt-large"))
    completion: Script | tuple[int, bytes] = whole
    headers: list[tuple[str, str]] = field(default_factory=list)
    content_type: str = "text/event-stream"
    requests: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    running: list[asyncio.Task[Any] | None] = field(default_factory=list)
    port: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.running.append(asyncio.current_task())
        server = h11.Connection(h11.SERVER)
        try:
            await self._answer(server, await self._asked(server, reader), writer)
        except (OSError, h11.RemoteProtocolError, asyncio.CancelledError):
            pass  # the check hung up, or the test is over
        finally:
            writer.close()
            with contextlib.suppress(OSError, asyncio.CancelledError):
                await writer.wait_closed()

    async def _asked(self, server: h11.Connection, reader: asyncio.StreamReader) -> str:
        target, headers, body = "", dict[str, str](), b""
        while True:
            event = server.next_event()
            if event is h11.NEED_DATA:
                server.receive_data(await reader.read(65536))
            elif isinstance(event, h11.Request):
                target = f"{event.method.decode()} {event.target.decode()}"
                headers = {name.decode(): value.decode() for name, value in event.headers}
            elif isinstance(event, h11.Data):
                body += event.data
            else:
                self.requests.append((target, headers, body))
                return target

    async def _answer(
        self, server: h11.Connection, target: str, writer: asyncio.StreamWriter
    ) -> None:
        async def send(data: bytes) -> None:
            writer.write(server.send(h11.Data(data=data)) or b"")
            await writer.drain()

        given = self.models if target == "GET /v1/models" else self.completion
        status, kind = 200, self.content_type
        if isinstance(given, tuple):
            status, kind = given[0], "application/json"
        headers = [("content-type", kind), *self.headers]
        writer.write(server.send(h11.Response(status_code=status, headers=headers)) or b"")
        if isinstance(given, tuple):
            await send(given[1])
        else:
            await given(send)
        writer.write(server.send(h11.EndOfMessage()) or b"")
        await writer.drain()


@asynccontextmanager
async def running(stub: Stub, tls: ssl.SSLContext | None = None) -> AsyncIterator[Stub]:
    note_server("openai", "a stub in h11")
    async with await asyncio.start_server(stub.serve, "127.0.0.1", 0, ssl=tls) as server:
        stub.port = server.sockets[0].getsockname()[1]
        yield stub
        for each in filter(None, stub.running):
            each.cancel()
        await asyncio.gather(*filter(None, stub.running), return_exceptions=True)


async def visit(stub: Stub, timeout_s: float = 5, **fields: Any) -> Measurement:
    given = {"base_url": f"http://127.0.0.1:{stub.port}/v1", "api_key": KEY, **fields}
    return await msgspec.convert(given, OpenAICheck).run(Deadline.after(timeout_s))


async def run(stub: Stub, timeout_s: float = 5, **fields: Any) -> Measurement:
    async with running(stub):
        return await visit(stub, timeout_s, **fields)


async def complete(script: Script | tuple[int, bytes], **fields: Any) -> Measurement:
    stub = Stub(completion=script)
    return await run(stub, **{"model": "gpt-small", "completion": True, **fields})


@pytest.mark.case("healthy")
async def test_an_api_that_lists_the_model_is_healthy() -> None:
    stub = Stub()

    found = await run(stub, model="gpt-small")

    assert found.status is Status.HEALTHY, found.message
    assert found.message.startswith("2 models in ")
    assert found.metrics["openai.models"] == 2
    assert found.response_time_ms == found.metrics["openai.models_ms"] > 0
    assert {"openai.dns_ms", "openai.connect_ms", "openai.first_byte_ms"} <= found.metrics.keys()
    [(target, headers, _)] = stub.requests
    assert (target, headers["authorization"]) == ("GET /v1/models", f"Bearer {KEY}")


@pytest.mark.case("healthy")
async def test_an_api_over_https_is_verified_and_its_handshake_timed(tmp_path: Path) -> None:
    file = certificate(tmp_path, days=30)
    async with running(Stub(), tls_server(file)) as stub:
        url = f"https://127.0.0.1:{stub.port}/v1"
        found = await visit(stub, base_url=url, ca_file=str(file))
        distrusted = await visit(stub, base_url=url)
        nothing = await visit(stub, base_url=url, ca_file="/no/such.pem")

    assert found.status is Status.HEALTHY, found.message
    assert found.metrics["openai.tls_ms"] > 0
    assert (distrusted.status, distrusted.cause) == (Status.CRITICAL, Cause.TLS)
    assert (nothing.status, nothing.cause) == (Status.UNKNOWN, Cause.NOT_MEASURABLE)


@pytest.mark.case("healthy")
async def test_a_completion_is_streamed_timed_counted_and_paid() -> None:
    stub = Stub()

    found = await run(stub, model="gpt-small", completion=True, price_in=2.5, price_out=10)

    assert found.status is Status.HEALTHY, found.message
    metrics = found.metrics
    assert 0 < metrics["openai.first_token_ms"] <= metrics["openai.total_ms"]
    assert (metrics["openai.prompt_tokens"], metrics["openai.completion_tokens"]) == (12, 2)
    assert metrics["openai.cost_usd"] == pytest.approx((12 * 2.5 + 2 * 10) / 1e6)
    assert "; completion in " in found.message
    target, headers, body = stub.requests[1]
    asked = json.loads(body)
    assert (target, headers["authorization"]) == ("POST /v1/chat/completions", f"Bearer {KEY}")
    assert (asked["model"], asked["stream"], asked["max_tokens"]) == ("gpt-small", True, 5)


@pytest.mark.case("healthy")
async def test_an_api_without_a_key_gets_none_and_the_limit_has_the_name_it_wants() -> None:
    stub = Stub()

    found = await run(
        stub,
        api_key=None,
        model="gpt-small",
        completion=True,
        tokens_field="max_completion_tokens",
    )

    assert found.status is Status.HEALTHY, found.message
    assert all("authorization" not in headers for _, headers, _ in stub.requests)
    assert json.loads(stub.requests[1][2])["max_completion_tokens"] == 5


async def test_costs_add_up_and_a_spent_cap_stops_completions_and_not_the_check() -> None:
    stub = Stub()
    prices = {"price_in": 1000.0, "price_out": 1000.0, "daily_cap_usd": 0.02}
    asked = {"model": "gpt-small", "completion": True, **prices}
    async with running(stub):
        runs = [await visit(stub, **asked) for _ in range(4)]

    costs = [found.metrics["openai.cost_usd"] for found in runs]
    assert costs == pytest.approx([0.014, 0.014, 0, 0])
    assert [found.status for found in runs] == [Status.HEALTHY] * 4
    assert runs[1].metrics["openai.spent_usd"] == pytest.approx(0.028)
    assert runs[3].metrics["openai.spent_today_usd"] == pytest.approx(0.028)
    assert len(stub.requests) == 6
    assert runs[2].message.endswith(
        "; no completion until tomorrow (UTC): $0.028 spent today, daily_cap_usd is $0.02"
    )
    assert "openai.first_token_ms" not in runs[2].metrics


def test_a_purse_is_empty_each_day_and_remembers_the_total() -> None:
    purse = Purse()
    first, second = date(2026, 3, 1), date(2026, 3, 2)

    purse.pay(0.5, first)
    purse.pay(0.25, first)
    assert (purse.spent(first), purse.spent(second)) == (0.75, 0)

    purse.pay(0.1, second)
    assert (purse.spent(second), purse.total) == (0.1, 0.85)


def test_a_purse_goes_on_from_what_was_stored_and_never_forgets_what_it_counted() -> None:
    purse, first, second = Purse(), date(2026, 3, 1), date(2026, 3, 2)

    purse.take_up(10.0, 0.5, first)
    purse.take_up(9.0, 0.25, first)  # of another check that shares it, from an earlier run
    assert (purse.spent(first), purse.total) == (0.5, 10.0)

    purse.take_up(8.0, 0.75, second)
    purse.take_up(12.0, 3.0, first)
    assert (purse.spent(first), purse.spent(second), purse.total) == (0, 0.75, 12.0)


async def test_a_check_goes_on_counting_from_its_last_stored_result_whatever_that_was() -> None:
    fields = {"model": "gpt-small", "completion": True, "price_out": 1e6, "daily_cap_usd": 5}
    stub = Stub()
    async with running(stub):
        paid = await visit(stub, **fields)
        stub.models = (500, b"")
        failed = await visit(stub, **fields)
        # Another process has another purse: here that of another key.
        given = {"base_url": f"http://127.0.0.1:{stub.port}/v1", "api_key": "sk-later", **fields}
        later = msgspec.convert(given, OpenAICheck)
        later.resume({}, {})
        later.resume(failed.metrics, failed.details)
        stub.models = (200, models("gpt-small"))
        resumed = await later.run(Deadline.after(5))

    assert paid.metrics["openai.spent_usd"] == failed.metrics["openai.spent_usd"] == 2
    assert "openai.cost_usd" not in failed.metrics
    assert resumed.metrics["openai.spent_today_usd"] == 4
    assert resumed.metrics["openai.spent_usd"] == 4


def test_a_purse_belongs_to_a_key_and_model_whatever_else_changes() -> None:
    assert purse_of("http://h", "m", "k") is purse_of("http://h", "m", "k")
    assert purse_of("http://h", "m", "k") is not purse_of("http://h", "m", "other")


@pytest.mark.case("wrong")
async def test_a_missing_model_is_critical_and_similar_ones_are_named() -> None:
    found = await run(Stub(), model="gpt-huge")

    assert (found.status, found.cause) == (Status.CRITICAL, Cause.MISSING)
    assert found.message == (
        "Model gpt-huge is not among the 2 models, such as gpt-small, gpt-large"
    )


@pytest.mark.case("refused")
@pytest.mark.parametrize("status", [401, 403])
async def test_a_refused_key_is_critical_and_never_shown(status: int) -> None:
    said = json.dumps({"error": {"message": f"bad key {KEY}"}}).encode()

    listing = await run(Stub(models=(status, said)))
    completing = await complete((status, said))

    for found in (listing, completing):
        assert (found.status, found.cause) == (Status.CRITICAL, Cause.REFUSED)
        assert found.message.startswith(f"The key is refused: HTTP {status} to ")
        assert KEY not in f"{found}"


@pytest.mark.case("refused")
async def test_a_port_where_nobody_listens_is_critical(free_port: int) -> None:
    check = OpenAICheck(base_url=f"http://127.0.0.1:{free_port}/v1")

    found = await check.run(Deadline.after(5))

    assert (found.status, found.cause) == (Status.CRITICAL, Cause.REFUSED)


@pytest.mark.case("wrong")
@pytest.mark.parametrize(
    ("headers", "words"),
    [
        ([("retry-after", "20")], "HTTP 429 to GET /models, try again after 20 s: slow down ***"),
        ([("retry-after", "Sun, 01 Mar 2026 12:00:00 GMT")], "try again after Sun, 01 Mar 2026"),
        ([], "HTTP 429 to GET /models: slow down ***"),
    ],
)
async def test_too_many_requests_are_degraded_and_the_pause_is_told(
    headers: list[tuple[str, str]], words: str
) -> None:
    said = json.dumps({"error": {"message": f"slow down {KEY}", "code": None}}).encode()

    found = await run(Stub(models=(429, said), headers=headers))

    assert found.status is Status.DEGRADED
    assert words in found.message


@pytest.mark.case("wrong")
@pytest.mark.parametrize(
    ("given", "words"),
    [
        ((500, b""), "HTTP 500 to GET /models, expected 200"),
        ((503, b'{"error": "over loaded"}'), "HTTP 503 to GET /models, expected 200: over loaded"),
        ((404, b'{"error": {"code": 404}}'), "HTTP 404 to GET /models, expected 200: 404"),
        ((302, b""), "HTTP 302 to GET /models, expected 200"),
        ((200, b"<html>"), "The answer to GET /models is no list of models"),
        ((200, b'{"data": [1]}'), "The answer to GET /models is no list of models"),
        ((200, b"[" * 10_000), "The answer to GET /models is no list of models"),
    ],
)
async def test_another_answer_to_the_listing_is_critical(
    given: tuple[int, bytes], words: str
) -> None:
    found = await run(Stub(models=given))

    assert (found.status, found.cause) == (Status.CRITICAL, Cause.WRONG_ANSWER)
    assert found.message == words


def scripted(stream: bytes) -> Script:
    async def script(send: Send) -> None:
        await send(stream)

    return script


@pytest.mark.case("wrong")
@pytest.mark.parametrize(
    ("stream", "words"),
    [
        (events(token("o"), end=False), "broke off before its end"),
        (events(), "holds no token"),
        (events(token(None, "stop")), "holds no token"),
        (b"data: {]\n\n", "has an event that is no part of a completion"),
        (b'data: {"choices": 5}\n\n', "has an event that is no part of a completion"),
        (
            b'data: {"error": {"message": "over ' + KEY.encode() + b'\\u0000"}}\n\n',
            "is an error: over ***",
        ),
        (b'data: {"error": "busy"}\n\n', "is an error: busy"),
    ],
)
async def test_a_stream_that_is_no_completion_is_critical(stream: bytes, words: str) -> None:
    found = await complete(scripted(stream))

    assert (found.status, found.cause) == (Status.CRITICAL, Cause.WRONG_ANSWER)
    assert found.message == f"The completion of gpt-small {words}"


@pytest.mark.case("wrong")
async def test_a_completion_that_is_refused_or_not_streamed_is_critical() -> None:
    failed = await complete((500, b'{"error": {"message": "no GPU"}}'))
    plain = await run(Stub(content_type="application/json"), model="gpt-small", completion=True)

    assert failed.message == "HTTP 500 to the completion, expected 200: no GPU"
    assert failed.metrics["openai.models"] == 2
    assert "openai.cost_usd" not in failed.metrics
    assert plain.message == (
        "The completion of gpt-small is application/json, expected text/event-stream"
    )


async def test_a_completion_without_a_count_is_paid_by_the_worst_case() -> None:
    stream = events(token("o"), token(None, "stop"))

    found = await complete(scripted(stream), price_in=1.0, price_out=1.0)

    assert found.status is Status.HEALTHY, found.message
    assert found.details["usage"] == "estimated"
    assert "openai.completion_tokens" not in found.metrics
    assert found.metrics["openai.cost_usd"] > 5e-6


async def test_a_count_of_hidden_tokens_is_a_completion_too() -> None:
    found = await complete(scripted(events(token("", "length"), USAGE)))

    assert found.status is Status.HEALTHY, found.message
    assert "openai.first_token_ms" not in found.metrics


@pytest.mark.case("timeout")
async def test_a_listing_that_never_comes_is_degraded() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        check = OpenAICheck(base_url=f"http://127.0.0.1:{port}/v1", api_key=KEY)
        found = await check.run(Deadline.after(0.2))

    assert (found.status, found.cause) == (Status.DEGRADED, Cause.TIMEOUT)
    assert found.message == (
        f"No complete answer to GET /models from 127.0.0.1:{port} within 200 ms"
    )


async def dripping(send: Send) -> None:
    while True:
        await send(events(token("o"), end=False))
        await asyncio.sleep(0.01)


async def stalled(send: Send) -> None:
    await send(events(token("o"), end=False))
    await asyncio.sleep(60)


@pytest.mark.case("timeout")
@pytest.mark.parametrize("script", [dripping, stalled])
async def test_a_completion_without_end_is_degraded_and_paid(script: Script) -> None:
    clock = asyncio.get_running_loop().time
    start = clock()

    found = await run(
        Stub(completion=script),
        1.0,
        model="gpt-small",
        completion=True,
        price_out=1.0,
        daily_cap_usd=1.0,
    )

    assert (found.status, found.cause) == (Status.DEGRADED, Cause.TIMEOUT)
    assert "No complete answer to the completion" in found.message
    assert found.metrics["openai.cost_usd"] > 0
    assert clock() - start < 2.5


async def flood(send: Send) -> None:
    while True:
        await send(b"data: " + b"x" * 65536)


async def comments(send: Send) -> None:
    while True:
        await send(b": nothing\n" * 5000)


@pytest.mark.case("hostile")
@pytest.mark.parametrize(
    ("script", "words"),
    [(flood, "has an event without end"), (comments, "is longer than 256 kB")],
)
async def test_an_endless_stream_ends_at_a_limit(script: Script, words: str) -> None:
    await complete(whole)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    found = await complete(script)

    assert found.message == f"The completion of gpt-small {words}"
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20_000


@pytest.mark.case("hostile")
async def test_an_endless_list_of_models_ends_at_a_limit() -> None:
    endless = b'{"data": [' + b'{"id":"ab"},' * (3 * 2**20 // 12)
    await run(Stub())
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    found = await run(Stub(models=(200, endless)))

    assert found.message == "The list of models is longer than 2.1 MB"
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20_000


@pytest.mark.case("hostile")
async def test_a_server_that_does_not_speak_http_is_critical() -> None:
    async def mail(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)  # a close with something unread would reset the connection
        writer.write(b"220 mail.example ESMTP\r\n")
        writer.close()
        await writer.wait_closed()

    async with await asyncio.start_server(mail, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        plain = OpenAICheck(base_url=f"http://127.0.0.1:{port}/v1")
        found = await plain.run(Deadline.after(5))
        secure = await OpenAICheck(base_url=f"https://127.0.0.1:{port}/v1").run(Deadline.after(5))

    assert found.cause is Cause.WRONG_ANSWER
    assert secure.cause is Cause.TLS


@pytest.mark.case("hostile")
@pytest.mark.parametrize("tokens", [-5, 10**9, 10**30, 1.5, "many"])
async def test_a_count_that_cannot_be_is_not_believed(tokens: object) -> None:
    usage = {"choices": [], "usage": {"prompt_tokens": tokens, "completion_tokens": tokens}}

    found = await complete(scripted(events(token("o"), token("", "stop"), usage)), price_out=1.0)

    assert found.metrics["openai.cost_usd"] < 0.001


async def test_an_address_that_may_not_be_connected_to_cannot_be_measured() -> None:
    found = await OpenAICheck(base_url="http://2852039166/v1").run(Deadline.after(5))

    assert (found.status, found.cause) == (Status.UNKNOWN, Cause.NOT_MEASURABLE)


def test_a_stream_in_pieces_is_the_same_completion() -> None:
    stream = events(*STREAM)
    for size in (1, 7, 1000):
        made = Completion()
        for at in range(0, len(stream), size):
            made.feed(stream[at : at + size], float(at))
        usage = made.end()

        assert (usage.prompt, usage.completion, usage.is_told) == (12, 2, True)
        assert made.is_over
    with pytest.raises(BadStream, match="broke off"):
        Completion().end()


def test_neither_target_nor_repr_shows_the_key() -> None:
    check = OpenAICheck(base_url="https://api.example.org/v1/", api_key=KEY)

    assert check.target() == "GET https://api.example.org/v1/models"
    assert KEY not in repr(check)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"base_url": "api.example.org"}, "must begin with http"),
        ({"base_url": "https://u:s3cret@h/v1"}, "no user, query or fragment"),
        ({"base_url": "https://h/v1?key=s3cret"}, "no user, query or fragment"),
        ({"base_url": "https://h", "api_key": "s3cret\nx"}, "visible ASCII"),
        ({"base_url": "https://h", "completion": True}, "needs model"),
        ({"base_url": "https://h", "daily_cap_usd": 1.0}, "needs price_in or price_out"),
        ({"base_url": "https://h", "daily_cap_usd": 1.0, "price_in": 1.0}, "needs completion"),
        ({"base_url": "https://h", "daily_cap_usd": 0.0, "price_in": 1.0}, "more than 0"),
        ({"base_url": "https://h", "price_in": -1.0}, "price_in"),
    ],
)
def test_fields_that_cannot_work_are_refused_with_the_reason(
    fields: dict[str, object], reason: str
) -> None:
    with pytest.raises(msgspec.ValidationError, match=reason) as refused:
        msgspec.convert(fields, OpenAICheck)

    assert "s3cret" not in str(refused.value)


def test_slowness_is_a_warning_at_most() -> None:
    rules = OpenAICheck(base_url="https://h").stock_rules()

    assert {rule.metric: (rule.warning, rule.critical) for rule in rules} == {
        "openai.models_ms": (2000, None),
        "openai.first_token_ms": (5000, None),
    }
