"""The `tcp` kind against real listeners."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import certifi
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.facts import Cause, Status
from monitor.checks import Deadline, hanging_s, in_thread, tcp
from monitor.checks.tcp import TcpCheck


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port whose queue is full, so that the kernel leaves further connections unanswered."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]


@pytest.mark.case("healthy")
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_an_open_port_is_healthy(listener: socket.socket, host: str) -> None:
    port = listener.getsockname()[1]

    found = await TcpCheck(host=host, port=port).run(Deadline.after(5))

    assert found.status is Status.HEALTHY
    assert found.message.startswith(f"Connected to {host}:{port} in ")
    assert set(found.metrics) == {"tcp.dns_ms", "tcp.connect_ms"}
    assert found.details["address"] == "127.0.0.1"


@pytest.mark.case("refused")
async def test_a_refused_port_is_critical_and_says_so(free_port: int) -> None:
    found = await TcpCheck(host="127.0.0.1", port=free_port).run(Deadline.after(5))

    assert (found.status, found.cause) == (Status.CRITICAL, Cause.REFUSED)
    assert found.message == f"Connection refused by 127.0.0.1:{free_port}"


@pytest.mark.case("timeout")
async def test_a_port_that_does_not_answer_is_a_time_out(silent_port: int) -> None:
    found = await TcpCheck(host="127.0.0.1", port=silent_port).run(Deadline.after(0.2))

    assert (found.status, found.cause) == (Status.CRITICAL, Cause.TIMEOUT)
    assert found.message == f"No answer from 127.0.0.1:{silent_port} within 200 ms"


@pytest.mark.case("wrong")
@pytest.mark.parametrize("host", ["no-such-host.invalid", "a" * 100 + ".example"])
async def test_a_name_without_an_address_is_not_resolved(host: str) -> None:
    found = await TcpCheck(host=host, port=80).run(Deadline.after(5))

    assert (found.status, found.cause) == (Status.CRITICAL, Cause.NAME_NOT_RESOLVED)
    assert found.message.startswith(f'Name "{host}" not resolved: ')


@pytest.mark.case("hostile")
async def test_a_dead_resolver_costs_one_thread_and_no_more_time_than_given() -> None:
    released = asyncio.Event()
    loop = asyncio.get_running_loop()
    key = ("resolve", "slow.example")

    def hang() -> list[str]:
        asyncio.run_coroutine_threadsafe(released.wait(), loop).result()
        return ["127.0.0.1"]

    earlier = asyncio.create_task(in_thread(key, hang))
    await asyncio.sleep(0)

    found = await TcpCheck(host="slow.example", port=80).run(Deadline.after(0.1))

    assert found.message == 'Name "slow.example" not resolved: no answer within 100 ms'
    assert hanging_s(key) > 0.05
    released.set()
    assert await earlier == ["127.0.0.1"]
    assert hanging_s(key) == pytest.approx(0, abs=0.01)


@pytest.mark.parametrize(
    "fields",
    [
        {"host": "", "port": 1},
        {"host": "user:secret@host", "port": 1},
        {"host": "h", "port": 0},
        {"host": "h", "port": 65536},
        {"host": "h", "port": 1, "prot": 2},
    ],
)
def test_fields_that_cannot_work_are_refused(fields: dict[str, object]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(fields, TcpCheck)


@given(st.binary(max_size=80))
def test_bytes_that_are_no_certificate_have_no_days_left(garbage: bytes) -> None:
    assert tcp.days_left(garbage) is None


def authority() -> bytes:
    """A real certificate: the first of those that are trusted."""
    text = Path(certifi.where()).read_text()
    begin, end = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"
    return ssl.PEM_cert_to_DER_cert(text[text.index(begin) : text.index(end) + len(end)])


def test_a_certificate_has_its_days_left() -> None:
    found = tcp.days_left(authority())

    assert found is not None
    assert found > -36500


@given(st.data())
def test_a_damaged_certificate_has_days_left_or_none_and_never_raises(data: st.DataObject) -> None:
    whole = authority()
    damaged = bytearray(whole)
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))

    found = tcp.days_left(bytes(damaged[: data.draw(st.integers(0, len(whole)))]))

    assert found is None or isinstance(found, float)


def test_the_target_puts_brackets_around_an_ipv6_address() -> None:
    assert TcpCheck(host="::1", port=80).target() == "[::1]:80"
