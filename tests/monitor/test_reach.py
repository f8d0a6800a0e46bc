"""The network policy in force: every kind obeys it, since it holds where names are resolved."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from domain.configuration import Configuration
from domain.facts import Cause, Status
from domain.settings import Network, Settings
from monitor import reach
from monitor.checks import Deadline
from monitor.checks.http import HttpCheck
from monitor.checks.tcp import TcpCheck, resolve, unreachable
from monitor.process import is_alive, myself
from monitor.running import Running
from storage import leadership
from storage.engine import open_existing
from tests.monitor.http_servers import answering, serve
from tests.storage.fresh import make_store


@pytest.fixture
def denying_loopback() -> Iterator[None]:
    reach.adopt(Network(deny=("loopback",)))
    yield
    reach.adopt(Network())


@pytest.mark.parametrize(
    "host",
    [
        "169.254.169.254",
        "2852039166",  # decimal
        "0xa9fea9fe",
        "0xA9.0xFE.0xA9.0xFE",
        "0251.0376.0251.0376",  # octal
        "025177524776",
        "169.254.43518",  # shortened
        "169.16689662",
        "::ffff:169.254.169.254",
        "::ffff:a9fe:a9fe",
        "64:ff9b::a9fe:a9fe",
        "2002:a9fe:a9fe::",
        "fd00:ec2::254",
        "fe80::a9fe:a9fe%1",
    ],
)
async def test_a_metadata_address_is_not_resolved_however_it_is_written(host: str) -> None:
    with pytest.raises(reach.AddressRefused, match="may not be connected to: cloud metadata"):
        await resolve(host, Deadline.after(5))


async def test_a_refused_address_could_not_be_measured_and_the_message_says_why() -> None:
    found = await TcpCheck(host="169.254.169.254", port=80).run(Deadline.after(5))

    assert (found.status, found.cause) == (Status.UNKNOWN, Cause.NOT_MEASURABLE)
    assert found.message == "169.254.169.254 may not be connected to: cloud metadata address"


@pytest.mark.parametrize(
    "host", ["2852039166", "0xa9fea9fe", "0251.0376.0251.0376", "[::ffff:169.254.169.254]"]
)
async def test_http_refuses_it_in_an_address_too(host: str) -> None:
    found = await HttpCheck(url=f"http://{host}/latest/meta-data/").run(Deadline.after(5))

    assert (found.status, found.cause) == (Status.UNKNOWN, Cause.NOT_MEASURABLE)
    assert found.message.endswith("may not be connected to: cloud metadata address")


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_redirect_to_a_refused_address_is_not_followed(scheme: str) -> None:
    there = f"Location: {scheme}://169.254.169.254/latest/meta-data/"
    async with serve(answering("302 Found", there)) as port:
        found = await HttpCheck(url=f"http://127.0.0.1:{port}/").run(Deadline.after(5))

    assert (found.status, found.cause) == (Status.UNKNOWN, Cause.NOT_MEASURABLE)
    assert found.message == "169.254.169.254 may not be connected to: cloud metadata address"


@pytest.mark.parametrize("location", ["file:///etc/passwd", "gopher://127.0.0.1:70/", "ftp://h/"])
async def test_a_redirect_out_of_http_is_not_followed(location: str) -> None:
    async with serve(answering("302 Found", f"Location: {location}")) as port:
        found = await HttpCheck(url=f"http://127.0.0.1:{port}/").run(Deadline.after(5))

    assert (found.status, found.cause) == (Status.CRITICAL, Cause.WRONG_ANSWER)
    assert "UnsupportedProtocol" in found.message


async def test_nothing_is_sent_to_what_is_denied_by_name_or_address(denying_loopback: None) -> None:
    asked: list[bytes] = []

    async def handler(request: bytes, _: asyncio.StreamWriter) -> None:
        asked.append(request)

    async with serve(handler) as port:
        by_name = await HttpCheck(url=f"http://localhost:{port}/").run(Deadline.after(5))
        by_zero = await HttpCheck(url=f"http://0:{port}/").run(Deadline.after(5))
        by_number = await TcpCheck(host="2130706433", port=port).run(Deadline.after(5))

    assert asked == []
    for found in (by_name, by_zero, by_number):
        assert found.status is Status.UNKNOWN
        assert 'may not be connected to: [network] deny has "loopback"' in found.message


async def test_the_policy_changes_with_the_settings(free_port: int) -> None:
    check = TcpCheck(host="127.0.0.1", port=free_port)
    deadline = Deadline.after(5)

    reach.adopt(Network(deny=("loopback",)))
    denied = await check.run(deadline)
    reach.adopt(Network(deny=("127.0.0.0/8",), allow=("127.0.0.1",)))
    allowed = await check.run(deadline)
    reach.adopt(Network())

    assert denied.cause is Cause.NOT_MEASURABLE
    assert allowed.cause is Cause.REFUSED


def test_one_refused_address_refuses_the_name() -> None:
    with pytest.raises(reach.AddressRefused, match=r"169\.254\.169\.254"):
        reach.require(["192.0.2.1", "169.254.169.254"])


def test_a_written_address_is_judged_and_a_name_is_left_to_who_resolves_it() -> None:
    reach.require_written("metadata.example")
    reach.require_written("127.0.0.1")
    for host in ("169.254.169.254", "2852039166", "0xa9fea9fe", "::ffff:169.254.169.254"):
        with pytest.raises(reach.AddressRefused):
            reach.require_written(host)


def test_a_refused_address_is_no_failed_connection() -> None:
    found = unreachable(reach.AddressRefused("192.0.2.1", "because"), "host", 80, 5)

    assert found.status is Status.UNKNOWN
    assert found.message == "192.0.2.1 may not be connected to: because"


async def test_a_reload_takes_up_the_policy_at_once(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/store.db"
    make_store(url)
    engine = open_existing(url)
    lease = leadership.claim(engine, myself(), datetime.now(UTC), is_alive)
    assert isinstance(lease, leadership.Lease)
    before = Configuration(source="config.toml", settings=Settings(), checks=())
    denying = replace(before, settings=Settings(network=Network(deny=("loopback",))))
    running = Running(engine, lease, before, {}, lost=lambda: None)
    try:
        await running.start()
        reach.require(["127.0.0.1"])

        await running.reload(lambda: denying)

        with pytest.raises(reach.AddressRefused):
            reach.require(["127.0.0.1"])
    finally:
        await running.stop()
        engine.dispose()
        reach.adopt(Network())
