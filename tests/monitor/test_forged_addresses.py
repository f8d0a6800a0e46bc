"""Nothing that connects reaches what the network policy denies: a real listener hears of nobody.

Every kind of check, the webhook and drafts, however the address is written, by a redirect, and by a
name that stands for another address each time it is asked for.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from domain.facts import Cause, Status
from domain.outbox import Verdict
from domain.settings import Network, Settings
from monitor import channeltables, reach
from monitor.channels import Deadline as ChannelDeadline
from monitor.channels.webhook import WebhookChannel
from monitor.checks import Deadline, kind_names
from monitor.checks.http import HttpCheck
from monitor.checks.tcp import TcpCheck
from monitor.definitions import examine
from storage.commands import CommandState
from tests.monitor.channels.messages import message
from tests.monitor.http_servers import answering, serve
from tests.monitor.test_orders import Post, post

__all__ = ["post"]

# This machine, as resolvers and URLs take it.
WRITTEN = [
    "localhost",
    "127.0.0.1",
    "127.1",
    "2130706433",
    "0x7f000001",
    "0x7f.0.0.1",
    "017700000001",
    "0177.0.0.1",
    "0",
    "0.0.0.0",
    "::1",
    "::",
    "::ffff:127.0.0.1",
    "::ffff:7f00:1",
    "::ffff:0:7f00:1",
    "64:ff9b::7f00:1",
    "2002:7f00:1::",
]
# What each kind is told to connect to a host and port; kinds that connect nowhere by themselves.
Fields = Callable[[str, int], Mapping[str, Any]]
CONNECTS: dict[str, list[Fields]] = {
    "http": [lambda host, port: {"url": f"http://{host}:{port}/"}],
    "prometheus": [
        lambda host, port: {"url": f"http://{host}:{port}/", "select": [{"metric": "up"}]}
    ],
    "tcp": [lambda host, port: {"host": host.strip("[]"), "port": port}],
    "ping": [lambda host, _: {"host": host.strip("[]")}],
    "tls": [lambda host, port: {"host": host.strip("[]"), "port": port}],
    "smtp": [lambda host, port: {"host": host.strip("[]"), "port": port}],
    "dns": [
        lambda host, port: {"lookup": "a.example", "server": f"{host}:{port}"},
        lambda host, port: {"lookup": "a.example", "server": f"{host}:{port}", "transport": "tcp"},
    ],
    "network": [lambda host, port: {"references": [f"tcp://{host}:{port}"]}],
    "sql": [
        lambda host, port: {"url": f"postgresql://u:p@{host}:{port}/d"},
        lambda host, port: {"url": f"mysql://u:p@{host}:{port}/d"},
    ],
    "postgres": [lambda host, port: {"url": f"postgresql://u:p@{host}:{port}/d"}],
    "redis": [lambda host, port: {"url": f"redis://{host}:{port}"}],
    "mqtt": [lambda host, port: {"url": f"mqtt://{host}:{port}"}],
    "websocket": [lambda host, port: {"url": f"ws://{host}:{port}/"}],
    "openai": [lambda host, port: {"base_url": f"http://{host}:{port}/v1"}],
}
NOWHERE = {
    "application",
    "callable",
    "command",
    "composite",
    "custom",
    "file",
    "heartbeat",
    "passive",
    "process",
    "system",
}


class Listener:
    """Sockets of this machine on one port, TCP and UDP, and how often somebody came."""

    def __init__(self) -> None:
        self.port = 0
        self.heard: list[str] = []

    def came(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.heard.append("tcp")
        writer.close()


class Datagrams(asyncio.DatagramProtocol):
    """The UDP half of a listener."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self._listener.heard.append("udp")


@contextlib.asynccontextmanager
async def listening(host: str = "127.0.0.1") -> AsyncIterator[Listener]:
    """A listener on every family that this machine has, for as long as the block lasts."""
    made, loop = Listener(), asyncio.get_running_loop()
    server = await asyncio.start_server(made.came, host, 0)
    made.port = server.sockets[0].getsockname()[1]
    udp, _ = await loop.create_datagram_endpoint(
        lambda: Datagrams(made), local_addr=(host, made.port)
    )
    with contextlib.ExitStack() as stack:
        stack.callback(udp.close)
        stack.callback(server.close)
        # Also by IPv6, where this machine has it.
        with contextlib.suppress(OSError):
            second = await asyncio.start_server(made.came, "::1", made.port)
            stack.callback(second.close)
        yield made
        # What is on its way to the listener is there after one more connection of our own.
        _, writer = await asyncio.open_connection(host, made.port)
        writer.close()
        while "tcp" not in made.heard:
            await asyncio.sleep(0)
        made.heard.remove("tcp")


@pytest.fixture
def denying() -> Iterator[None]:
    reach.adopt(Network(deny=("loopback",)))
    yield
    reach.adopt(Network())


def test_every_kind_either_stands_in_the_table_or_connects_nowhere() -> None:
    assert set(kind_names()) == set(CONNECTS) | NOWHERE


@pytest.mark.parametrize("kind", CONNECTS)
async def test_no_kind_connects_to_what_is_denied_however_it_is_written(
    denying: None, kind: str
) -> None:
    wrong = []
    async with listening() as listener:
        for host in WRITTEN:
            for fields in CONNECTS[kind]:
                bracketed = f"[{host}]" if ":" in host else host
                table = {"name": "x", "kind": kind, **fields(bracketed, listener.port)}
                built, mistakes = examine([table], Settings(), {})
                # What is refused as a table connects nowhere either.
                if mistakes:
                    continue
                found = await built[0].check.run(Deadline.after(5))
                if found.status not in (Status.UNKNOWN, Status.CRITICAL):
                    wrong.append((host, found))

    assert listener.heard == []
    assert wrong == []


@pytest.mark.parametrize("host", WRITTEN)
async def test_no_webhook_is_sent_to_what_is_denied(denying: None, host: str) -> None:
    bracketed = f"[{host}]" if ":" in host else host
    async with listening() as listener:
        table = {
            "name": "ops",
            "kind": "webhook",
            "url": f"http://{bracketed}:{listener.port}/",
        }
        (built,) = channeltables.build([table], Settings(), {})
        outcome = await built.channel.send(message(), ChannelDeadline.after(5))

    assert listener.heard == []
    assert outcome.verdict is not Verdict.DELIVERED


async def test_trying_a_draft_connects_to_nothing_that_is_denied(denying: None, post: Post) -> None:
    async with listening() as listener:
        for host in ("localhost", "2130706433", "[::ffff:127.0.0.1]"):
            url = f"http://{host}:{listener.port}/"
            reply = await post.draft("try-check", name="x", kind="http", url=url)

            assert reply.state is CommandState.DONE
            assert reply.document is not None
            assert "may not be connected to" in str(reply.document)

    assert listener.heard == []


@pytest.mark.parametrize("code", ["301 Moved", "302 Found", "303 See", "307 Temp", "308 Perm"])
async def test_no_redirect_leads_to_what_is_denied_also_at_the_second_hop(code: str) -> None:
    reach.adopt(Network(deny=("127.0.0.2",)))
    try:
        async with listening("127.0.0.2") as listener:
            there = f"Location: http://127.0.0.2:{listener.port}/latest/meta-data/"
            async with serve(answering(code, there)) as second:
                hop = f"Location: http://127.0.0.1:{second}/"
                async with serve(answering(code, hop)) as first:
                    found = await HttpCheck(url=f"http://127.0.0.1:{first}/").run(Deadline.after(5))
    finally:
        reach.adopt(Network())

    assert listener.heard == []
    assert (found.status, found.cause) == (Status.UNKNOWN, Cause.NOT_MEASURABLE)


async def test_a_webhook_follows_no_redirect() -> None:
    async with listening("127.0.0.2") as listener:
        there = f"Location: http://127.0.0.2:{listener.port}/"
        async with serve(answering("307 Temporary Redirect", there)) as port:
            channel = WebhookChannel(url=f"http://127.0.0.1:{port}/")
            outcome = await channel.send(message(), ChannelDeadline.after(5))

    assert listener.heard == []
    assert outcome.verdict is not Verdict.DELIVERED


class Rebinding:
    """The resolver of an attacker: a harmless address when asked first, a denied one from then on."""

    def __init__(self, harmless: str, denied: str) -> None:
        self._answers = [harmless]
        self._then = denied
        self.asked = 0

    def __call__(self, host: Any, port: Any, *more: Any, **options: Any) -> list[Any]:
        self.asked += 1
        address = self._answers.pop() if self._answers else self._then
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port or 0))]


@pytest.mark.parametrize("kind", ["http", "webhook", "tcp"])
async def test_a_name_that_changes_after_it_was_judged_leads_nowhere_else(
    monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    reach.adopt(Network(deny=("127.0.0.2",)))
    resolver = Rebinding("127.0.0.1", "127.0.0.2")
    try:
        async with listening("127.0.0.2") as listener:
            with monkeypatch.context() as patched:
                # The system's resolver, which only an attacker's name server would make lie.
                patched.setattr(socket, "getaddrinfo", resolver)
                url = f"http://rebound.example:{listener.port}/"
                if kind == "http":
                    await HttpCheck(url=url).run(Deadline.after(5))
                elif kind == "webhook":
                    await WebhookChannel(url=url).send(message(), ChannelDeadline.after(5))
                else:
                    check = TcpCheck(host="rebound.example", port=listener.port)
                    await check.run(Deadline.after(5))
    finally:
        reach.adopt(Network())

    assert listener.heard == []
    assert resolver.asked == 1


@pytest.mark.parametrize(
    "address",
    [
        "file:///etc/passwd",
        "FILE:///etc/passwd",
        "gopher://127.0.0.1:6379/_INFO",
        "dict://127.0.0.1:11211/stats",
        "ftp://127.0.0.1/",
        "unix:///var/run/docker.sock",
        "http+unix://%2Fvar%2Frun%2Fdocker.sock/info",
        "//127.0.0.1/",
        "http:///etc/passwd",
    ],
)
async def test_what_is_not_http_is_no_address_of_a_check_nor_of_a_webhook(
    post: Post, address: str, tmp_path: Path
) -> None:
    for kind, field in (("http", "url"), ("prometheus", "url"), ("openai", "base_url")):
        more = {"select": [{"metric": "up"}]} if kind == "prometheus" else {}
        table = {"name": "x", "kind": kind, field: address, **more}
        _, mistakes = examine([table], Settings(), {})
        assert [each.path[-1] for each in mistakes] == [field], (kind, mistakes)

    with pytest.raises(Exception, match="url"):
        channeltables.build([{"name": "x", "kind": "webhook", "url": address}], Settings(), {})
    reply = await post.draft("try-check", name="x", kind="http", url=address)
    assert reply.state is CommandState.FAILED
