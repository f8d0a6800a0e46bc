"""Connections: the address that the policy saw is the one connected to; others are tried in turn."""

from __future__ import annotations

import asyncio
import socket
import ssl
from contextlib import ExitStack
from pathlib import Path

import pytest

from monitor.checks import Deadline
from monitor.checks.tcp import NameNotResolved, tls_context
from monitor.wire.connection import Connection, Phases, Resolver, connect
from tests.monitor.http_servers import answering, certificate, serve, tls_server


def standing_for(*addresses: str) -> Resolver:
    """A resolver by which every name stands for these addresses, the first time it is asked."""
    left = [list(addresses)]

    async def resolve(_: str, __: Deadline) -> list[str]:
        return left.pop()

    return resolve


async def dial(port: int, *addresses: str, seconds: float = 5) -> Connection:
    """Connect to a name that stands for these addresses."""
    resolve = standing_for(*addresses)
    return await connect(
        "two.example", port, None, Deadline.after(seconds), Phases(), resolve=resolve
    )


def peer(connection: Connection) -> str:
    return str(connection._socket.getpeername()[0])  # type: ignore[attr-defined]


async def test_the_next_address_is_tried_when_the_first_refuses() -> None:
    async with serve(answering()) as port:
        connection = await dial(port, "127.0.0.2", "127.0.0.1")

        assert peer(connection) == "127.0.0.1"
        connection.close()


async def test_a_first_address_that_swallows_everything_leaves_time_for_the_next() -> None:
    async with serve(answering()) as port:
        with ExitStack() as stack:
            hole = socket.create_server(("127.0.0.2", port), backlog=0)
            stack.enter_context(hole)
            for _ in range(4):  # a full queue: the kernel leaves further connections unanswered
                waiting = stack.enter_context(socket.socket())
                waiting.setblocking(False)
                waiting.connect_ex(("127.0.0.2", port))

            connection = await dial(port, "127.0.0.2", "127.0.0.1", seconds=1)

        assert peer(connection) == "127.0.0.1"
        connection.close()


async def test_the_error_of_the_last_address_is_told(free_port: int) -> None:
    with pytest.raises(ConnectionRefusedError):
        await dial(free_port, "127.0.0.2", "127.0.0.1")


async def test_a_name_is_resolved_once_so_that_it_cannot_change_after_it_was_judged() -> None:
    async with serve(answering()) as port:
        connection = await dial(port, "127.0.0.1")  # a second question would find nothing left

    connection.close()


async def test_a_name_that_is_not_resolved_in_time_ends_by_the_deadline() -> None:
    async def resolve(host: str, deadline: Deadline) -> list[str]:
        await asyncio.sleep(deadline.remaining())
        raise NameNotResolved(host, "no answer")

    phases = Phases()
    with pytest.raises(NameNotResolved):
        await connect("h", 80, None, Deadline.after(0.05), phases, resolve=resolve)

    assert phases.seconds == {}


@pytest.mark.parametrize("name", ["shop.example", "shop.example."])
async def test_the_name_is_told_in_sni_and_verified_while_its_address_is_connected_to(
    tmp_path: Path, name: str
) -> None:
    file = certificate(tmp_path, days=30, host="shop.example")
    server, told = tls_server(file), list[str | None]()
    server.sni_callback = lambda _, sni, __: told.append(sni)
    phases, trust = Phases(), tls_context(True, str(file))
    async with serve(answering(), server) as port:
        connection = await connect(
            name, port, trust, Deadline.after(5), phases, resolve=standing_for("127.0.0.1")
        )
        connection.close()

    assert told == ["shop.example"]
    assert set(phases.seconds) == {"dns", "connect", "tls"}


async def test_a_certificate_of_another_name_is_refused(tmp_path: Path) -> None:
    file = certificate(tmp_path, days=30, host="shop.example")
    async with serve(answering(), tls_server(file)) as port:
        with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
            await connect(
                "other.example",
                port,
                tls_context(True, str(file)),
                Deadline.after(5),
                Phases(),
                resolve=standing_for("127.0.0.1"),
            )
