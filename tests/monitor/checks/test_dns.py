"""The `dns` kind against dnsmasq, and against name servers that lie, drip and flood."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import re
import shutil
import socket
import ssl
import struct
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import dns.flags
import dns.message
import dns.rrset
import msgspec
import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as st

from domain.facts import Cause, Measurement, Status
from domain.mistakes import WrongFields
from domain.settings import Network
from monitor import reach
from monitor.checks import Deadline
from monitor.checks.dns import DnsCheck, Probe
from monitor.wire.dns import message as dnsmessage
from monitor.wire.dns import records as dnsrecords
from monitor.wire.dns.servers import NoResolver, Server, located, system_servers
from tests.cases import serve
from tests.waiting import PATIENCE_S

PLACES = f"{os.environ.get('PATH', '')}:/usr/sbin"
# On a loaded machine a part of the time is gone before the check begins.
LIMIT = re.compile(r"\b(?:[12]?\d?\d|300) ms$|\b(?:[12]?\d?\d|300) ms(?=,)")
# What a name server of ours sends for a query.
Answer = Callable[[bytes], Sequence[bytes]]

RECORDS = [
    "--host-record=shop.example,192.0.2.7,2001:db8::7",
    "--address=/two.example/192.0.2.1",
    "--address=/two.example/192.0.2.2",
    "--mx-host=shop.example,mail.shop.example,10",
    "--txt-record=shop.example,v=spf1 -all",
    "--srv-host=_imap._tcp.shop.example,mail.shop.example,143",
    "--cname=www.shop.example,shop.example",
    "--ptr-record=7.2.0.192.in-addr.arpa,shop.example",
    "--caa-record=shop.example,0,issue,ca.example",
    "--auth-server=ns.zone.example,127.0.0.2",
    "--auth-zone=zone.example",
    "--auth-soa=2024010101,hostmaster.zone.example",
    "--local=/example/",
    "--local-ttl=60",
    *(f"--txt-record=long.example,{n} {'x' * 200}" for n in range(9)),
]


@pytest.fixture(scope="module")
def dnsmasq() -> Iterator[int]:
    """The port of a dnsmasq that knows the zone `example`, at 127.0.0.1; `zone.example` at 127.0.0.2."""
    program = shutil.which("dnsmasq", path=PLACES)
    if program is None:
        pytest.skip("no dnsmasq on this machine")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = int(free.getsockname()[1])
    version = subprocess.run([program, "--version"], capture_output=True, text=True, check=True)
    serve("dns", f"dnsmasq {version.stdout.split()[2]}")
    command = [program, "-k", "--conf-file=/dev/null", "--pid-file=", "--no-resolv", "--no-hosts"]
    command += [
        f"--port={port}",
        "--bind-interfaces",
        *(["--user=root"] if os.getuid() == 0 else []),
    ]
    command += ["--listen-address=127.0.0.1", "--listen-address=127.0.0.2", *RECORDS]
    with subprocess.Popen(command) as running:
        try:
            until_open(port)
            yield port
        finally:
            running.terminate()


def until_open(port: int) -> None:
    for _ in range(500):
        with socket.socket() as tried:
            if tried.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise AssertionError(f"nothing listens on {port}")


async def run(port: int, timeout_s: float = 5, **fields: Any) -> Measurement:
    """Ask the server at a port for `shop.example`, or whatever the fields say."""
    given = {"lookup": "shop.example", "server": f"127.0.0.1:{port}", **fields}
    return await msgspec.convert(given, DnsCheck).run(Deadline.after(timeout_s))


@asynccontextmanager
async def udp(answer: Answer) -> AsyncIterator[int]:
    """A name server over UDP that sends what `answer` makes of a query; gives its port."""

    class Protocol(asyncio.DatagramProtocol):
        def connection_made(self, transport: Any) -> None:
            self.transport = transport

        def datagram_received(self, data: bytes, addr: Any) -> None:
            for packet in answer(data):
                self.transport.sendto(packet, addr)

    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(Protocol, ("127.0.0.1", 0))
    try:
        yield transport.get_extra_info("sockname")[1]
    finally:
        transport.close()


@asynccontextmanager
async def tcp(answer: Answer, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """The same over TCP or TLS; what `answer` gives is sent as it is, 10 ms apart."""

    talks = set[asyncio.Task[None] | None]()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talks.add(asyncio.current_task())
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            size = int.from_bytes(await reader.readexactly(2), "big")
            for piece in answer(await reader.readexactly(size)):
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(0.01)
        with contextlib.suppress(OSError):
            writer.close()
            await writer.wait_closed()

    listening = await asyncio.start_server(talk, "127.0.0.1", 0, ssl=tls)
    async with listening:
        yield listening.sockets[0].getsockname()[1]
        await asyncio.gather(*(each for each in talks if each))


def reply(query: bytes, *records: str, flags: int = 0) -> bytes:
    """The answer to a query with records such as `shop.example. 60 IN A 192.0.2.7`."""
    made = dns.message.make_response(dns.message.from_wire(query))
    made.flags |= flags
    for record in records:
        owner, ttl, group, type, value = record.split(maxsplit=4)
        made.answer.append(dns.rrset.from_text(owner, int(ttl), group, type, value))
    return made.to_wire()


def framed(message: bytes) -> bytes:
    return len(message).to_bytes(2, "big") + message


def right(query: bytes) -> list[bytes]:
    return [reply(query, "shop.example. 60 IN A 192.0.2.7")]


# ── What dnsmasq answers ────────────────────────────────────────────────────────────────────────


@pytest.mark.case("healthy")
async def test_an_answer_is_healthy_timed_and_told(dnsmasq: int) -> None:
    found = await run(dnsmasq)

    assert found.status is Status.HEALTHY, found.message
    assert found.message.startswith("A of shop.example is 192.0.2.7, answered in ")
    assert set(found.metrics) == {"dns.query_ms", "dns.answers", "dns.ttl_s"}
    assert (found.metrics["dns.answers"], found.metrics["dns.ttl_s"]) == (1, 60)
    assert found.response_time_ms == found.metrics["dns.query_ms"]
    assert found.details == {
        "server": f"127.0.0.1:{dnsmasq}",
        "transport": "udp",
        "rcode": "NOERROR",
        "values": ["192.0.2.7"],
    }


@pytest.mark.case("healthy")
@pytest.mark.parametrize(
    ("type", "name", "expect"),
    [
        ("A", "SHOP.example.", "192.0.2.7"),
        ("A", "www.shop.example", "192.0.2.7"),
        ("AAAA", "shop.example", "2001:DB8:0:0::7"),
        ("MX", "shop.example", "10 MAIL.shop.example"),
        ("MX", "shop.example", "10 mail.shop.example."),
        ("TXT", "shop.example", "v=spf1 -all"),
        ("SRV", "_imap._tcp.shop.example", "0 0 143 mail.shop.example"),
        ("CNAME", "www.shop.example", "shop.example"),
        ("PTR", "192.0.2.7", "shop.example"),
        ("PTR", "7.2.0.192.in-addr.arpa", "shop.example"),
        ("CAA", "shop.example", '0 issue "ca.example"'),
    ],
)
async def test_values_are_compared_without_regard_to_how_they_are_written(
    dnsmasq: int, type: str, name: str, expect: str
) -> None:
    found = await run(dnsmasq, type=type, lookup=name, expect=[expect])

    assert found.status is Status.HEALTHY, found.message


@pytest.mark.case("healthy")
async def test_the_serial_number_of_a_zone_is_a_metric(dnsmasq: int) -> None:
    fields: dict[str, Any] = {
        "server": f"127.0.0.2:{dnsmasq}",
        "recursion": False,
        "authoritative": True,
    }

    found = await run(dnsmasq, lookup="zone.example", type="SOA", **fields)

    assert found.status is Status.HEALTHY, found.message
    assert found.metrics["dns.soa_serial"] == 2024010101


@pytest.mark.case("wrong")
@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"expect": ["192.0.2.8"]}, "A of shop.example is 192.0.2.7, expected 192.0.2.8"),
        (
            {"expect": ["192.0.2.8", "192.0.2.9"], "expect_match": "any"},
            "A of shop.example is 192.0.2.7, expected any of 192.0.2.8, 192.0.2.9",
        ),
        (
            {"lookup": "two.example", "expect": ["192.0.2.1"]},
            "A of two.example is 192.0.2.1, 192.0.2.2, expected 192.0.2.1",
        ),
        (
            {"expect": ["192.0.2.7", "192.0.2.8"], "expect_match": "all"},
            "A of shop.example is 192.0.2.7, expected 192.0.2.7, 192.0.2.8 and maybe others",
        ),
        ({"min_answers": 2}, "A of shop.example has 1 answer, expected 2 or more"),
        ({"type": "NS"}, "NS of shop.example has no answers, expected 1 or more"),
        (
            {"type": "MX", "lookup": "www.shop.example"},
            None,
        ),
        (
            {"lookup": "none.example"},
            "A of none.example is answered with NXDOMAIN, expected NOERROR",
        ),
        (
            {"lookup": "none.example", "expect": ["192.0.2.7"]},
            "A of none.example is answered with NXDOMAIN, expected NOERROR",
        ),
        ({"expect_rcode": "NXDOMAIN"}, "A of shop.example is 192.0.2.7, expected NXDOMAIN"),
        ({"lookup": "shop.test"}, "A of shop.test is answered with REFUSED, expected NOERROR"),
        (
            {"require_ad": True},
            "A of shop.example is answered without the flag AD, "
            "expected an answer verified by DNSSEC",
        ),
    ],
)
async def test_what_came_instead_is_told(
    dnsmasq: int, fields: dict[str, Any], message: str | None
) -> None:
    found = await run(dnsmasq, **fields)

    assert message is None or found.message == message
    assert (found.status, found.cause) == (
        (Status.CRITICAL, Cause.WRONG_ANSWER) if message else (Status.HEALTHY, Cause.NONE)
    )


@pytest.mark.case("healthy")
@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (
            {"lookup": "two.example", "expect": ["192.0.2.2", "192.0.2.9"], "expect_match": "any"},
            "is 192.0.2.1, 192.0.2.2, answered in",
        ),
        (
            {"lookup": "two.example", "expect": ["192.0.2.2"], "expect_match": "all"},
            "is 192.0.2.1, 192.0.2.2, answered in",
        ),
        (
            {"lookup": "none.example", "expect_rcode": "NXDOMAIN"},
            "is answered with NXDOMAIN, as expected, in",
        ),
        ({"type": "NS", "min_answers": 0}, "has no answers, as expected, in"),
        ({"max_ttl_s": 60}, "is 192.0.2.7, answered in"),
    ],
)
async def test_other_expectations_can_be_fulfilled(
    dnsmasq: int, fields: dict[str, Any], message: str
) -> None:
    found = await run(dnsmasq, **fields)

    assert found.status is Status.HEALTHY, found.message
    assert message in found.message


@pytest.mark.case("wrong")
async def test_a_record_that_lives_longer_than_wished_is_degraded(dnsmasq: int) -> None:
    found = await run(dnsmasq, max_ttl_s=30)

    assert (found.status, found.cause) == (Status.DEGRADED, Cause.THRESHOLD)
    assert found.message == "A of shop.example lives 60 s, expected ≤ 30 s"


@pytest.mark.case("healthy")
async def test_a_truncated_answer_is_fetched_over_tcp(dnsmasq: int) -> None:
    found = await run(dnsmasq, lookup="long.example", type="TXT")

    assert found.status is Status.HEALTHY, found.message
    assert found.metrics["dns.answers"] == 9
    assert found.details["transport"] == "tcp"
    assert "dns.connect_ms" in found.metrics
    assert len(found.message) < 300


@pytest.mark.case("healthy")
async def test_a_server_can_be_asked_over_tcp(dnsmasq: int) -> None:
    found = await run(dnsmasq, transport="tcp")

    assert found.status is Status.HEALTHY
    assert set(found.metrics) == {"dns.query_ms", "dns.connect_ms", "dns.answers", "dns.ttl_s"}


@pytest.mark.case("healthy")
async def test_a_server_can_be_asked_over_tls_and_must_be_trusted(
    dnsmasq: int, tmp_path: Path
) -> None:
    ca = trustme.CA()
    ca.cert_pem.write_to_path(tmp_path / "ca.pem")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    ca.issue_cert("dns.example").configure_cert(context)

    def relayed(query: bytes) -> list[bytes]:
        with socket.create_connection(("127.0.0.1", dnsmasq), timeout=5) as asked:
            asked.sendall(framed(query))
            return [asked.recv(4096)]

    fields: dict[str, Any] = {"transport": "tls", "server_name": "dns.example"}
    async with tcp(relayed, context) as port:
        trusted = await run(port, ca_file=str(tmp_path / "ca.pem"), **fields)
        strange = await run(port, **fields)
        unusable = await run(port, ca_file=str(tmp_path / "none.pem"), **fields)

    assert trusted.status is Status.HEALTHY, trusted.message
    assert {"dns.tls_ms", "dns.connect_ms"} <= set(trusted.metrics)
    assert (strange.status, strange.cause) == (Status.CRITICAL, Cause.TLS)
    assert strange.message.startswith(f"TLS with 127.0.0.1:{port} failed: ")
    assert unusable.status is Status.UNKNOWN


@pytest.mark.case("healthy")
async def test_the_next_of_the_systems_servers_is_asked_when_one_fails(
    dnsmasq: int, free_port: int
) -> None:
    dead = Server("127.0.0.1", free_port, of_system=True)
    alive = Server("127.0.0.1", dnsmasq, of_system=True)
    check = DnsCheck(lookup="shop.example")

    async with udp(lambda query: [reply(query, flags=2)]) as failing:
        broken = Server("127.0.0.1", failing, of_system=True)
        found = await Probe(check, Deadline.after(5), [dead, broken, alive]).measure()
        nobody = await Probe(check, Deadline.after(5), [dead, broken]).measure()

    assert found.status is Status.HEALTHY, found.message
    assert found.details["server"] == alive.where
    assert nobody.message == "A of shop.example is answered with SERVFAIL, expected NOERROR"


@pytest.mark.case("healthy")
async def test_an_answer_that_the_resolver_has_verified_can_be_required() -> None:
    seen: list[bytes] = []

    def verified(query: bytes) -> list[bytes]:
        seen.append(query)
        return [reply(query, "shop.example. 60 IN A 192.0.2.7", flags=dns.flags.AD)]

    async with udp(verified) as port:
        found = await run(port, require_ad=True)

    assert found.status is Status.HEALTHY, found.message
    assert dns.message.from_wire(seen[0]).flags & dns.flags.AD


@pytest.mark.case("wrong")
async def test_an_answer_without_authority_is_told() -> None:
    async with udp(right) as port:
        found = await run(port, authoritative=True)

    assert found.message == (
        "A of shop.example is answered without authority, expected an authoritative answer"
    )


# ── Servers that do not answer, or badly ────────────────────────────────────────────────────────


@pytest.mark.case("refused")
@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_a_port_that_nothing_listens_on_is_refused_at_once(
    free_port: int, transport: str
) -> None:
    found = await run(free_port, transport=transport, timeout_s=20)

    assert (found.status, found.cause) == (Status.CRITICAL, Cause.REFUSED)
    assert found.message == f"Connection refused by 127.0.0.1:{free_port}"


async def test_a_server_whose_name_has_no_address_is_not_resolved() -> None:
    found = await run(0, server="no-such-host.invalid")

    assert found.cause is Cause.NAME_NOT_RESOLVED


def wrong_id(query: bytes) -> list[bytes]:
    return [bytes([query[0] ^ 1]) + each[1:] for each in right(query)]


def wrong_question(query: bytes) -> list[bytes]:
    return [right(query)[0].replace(b"\x04shop", b"\x04show")]


@pytest.mark.case("timeout")
@pytest.mark.parametrize(
    ("answer", "end"),
    [
        (lambda _: [], ""),
        (wrong_id, ", only 1 packets that are none"),
        (wrong_question, ", only 1 packets that are none"),
        (lambda query: [query], ", only 1 packets that are none"),
        (lambda _: [b"\0", b"x" * 11, b"\xff" * 600], ", only 3 packets that are none"),
    ],
)
async def test_without_an_answer_it_is_a_time_out(answer: Answer, end: str) -> None:
    started = time.monotonic()

    async with udp(answer) as port:
        found = await run(port, timeout_s=0.3)

    assert (found.status, found.cause) == (Status.CRITICAL, Cause.TIMEOUT)
    assert LIMIT.sub("300 ms", found.message) == (
        f"No answer from 127.0.0.1:{port} within 300 ms{end}"
    )
    assert time.monotonic() - started < PATIENCE_S


@pytest.mark.case("hostile")
async def test_forged_answers_do_not_hide_the_right_one() -> None:
    def forged_first(query: bytes) -> list[bytes]:
        return [*wrong_id(query), *wrong_question(query), b"\0", *right(query)]

    async with udp(forged_first) as port:
        found = await run(port, expect=["192.0.2.7"])

    assert found.status is Status.HEALTHY, found.message


@pytest.mark.case("hostile")
async def test_an_answer_from_another_address_is_not_heard() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        asked = asyncio.Event()
        to: list[Any] = []

        class Protocol(asyncio.DatagramProtocol):
            def datagram_received(self, data: bytes, addr: Any) -> None:
                other.sendto(right(data)[0], addr)
                to.append(addr)
                asked.set()

        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(Protocol, ("127.0.0.1", 0))
        found = await run(transport.get_extra_info("sockname")[1], timeout_s=0.3)
        transport.close()

    assert to
    assert LIMIT.search(found.message)


@pytest.mark.case("healthy")
async def test_a_lost_packet_is_sent_again() -> None:
    seen: list[bytes] = []

    def forgetful(query: bytes) -> list[bytes]:
        seen.append(query)
        return right(query) if len(seen) > 1 else []

    async with udp(forgetful) as port:
        found = await run(port, timeout_s=8)

    assert found.status is Status.HEALTHY
    assert seen[0] == seen[1]
    assert found.metrics["dns.query_ms"] > 900


@pytest.mark.case("hostile")
async def test_a_flood_of_packets_ends() -> None:
    async with udp(lambda _: [b"nonsense"] * 150) as port:
        found = await run(port, timeout_s=20)

    assert found.cause is Cause.WRONG_ANSWER
    assert found.message == f"127.0.0.1:{port} sent 100 packets, none of them an answer"


@pytest.mark.case("hostile")
async def test_aliases_in_a_circle_are_told() -> None:
    def circle(query: bytes) -> list[bytes]:
        return [
            reply(
                query,
                "shop.example. 9 IN CNAME b.example.",
                "b.example. 9 IN CNAME SHOP.example.",
            )
        ]

    def staircase(query: bytes) -> list[bytes]:
        names = ["shop", *(f"n{n}" for n in range(20))]
        steps = itertools.pairwise(names)
        return [reply(query, *(f"{a}.example. 9 IN CNAME {b}.example." for a, b in steps))]

    async with udp(circle) as first, udp(staircase) as second:
        turning = await run(first)
        climbing = await run(second)

    assert turning.cause is climbing.cause is Cause.WRONG_ANSWER
    assert turning.message == "A of shop.example is an alias that leads back to shop.example"
    assert climbing.message == "A of shop.example is an alias of more than 16 others in turn"


@pytest.mark.case("wrong")
async def test_an_alias_without_the_record_is_told() -> None:
    async with udp(lambda query: [reply(query, "shop.example. 9 IN CNAME b.example.")]) as port:
        found = await run(port)

    assert found.message == "A of shop.example has no answers, only an alias, expected 1 or more"


@pytest.mark.case("hostile")
@pytest.mark.parametrize(
    ("sent", "message"),
    [
        (lambda _: [b"\x00\x05garba"], "answers with what is no DNS message: it ends early"),
        (lambda query: [framed(wrong_id(query)[0])], "answers another question than was asked"),
        (lambda query: [framed(right(query)[0])[:20]], "broke off: it hung up before its answer"),
        (lambda query: [framed(reply(query, flags=dns.flags.TC))], "cuts its answer off over TCP"),
    ],
)
async def test_nonsense_over_tcp_is_a_wrong_answer(sent: Answer, message: str) -> None:
    async with tcp(sent) as port:
        found = await run(port, transport="tcp")

    assert (found.status, found.cause) == (Status.CRITICAL, Cause.WRONG_ANSWER)
    assert message in found.message


@pytest.mark.case("hostile")
async def test_an_answer_that_drips_is_a_time_out() -> None:
    async with tcp(lambda query: [bytes([b]) for b in framed(right(query)[0]) * 9][:40]) as quick:
        found = await run(quick, transport="tcp", timeout_s=0.2)

    assert found.cause is Cause.TIMEOUT
    assert found.message.startswith(f"No answer from 127.0.0.1:{quick} within ")


@pytest.mark.case("hostile")
async def test_the_truncated_answer_of_a_server_without_tcp_is_no_answer() -> None:
    async with udp(lambda query: [reply(query, flags=dns.flags.TC)]) as port:
        found = await run(port)

    assert (found.status, found.cause) == (Status.CRITICAL, Cause.REFUSED)


def huge(query: bytes) -> bytes:
    """64 kB of answers, under a name of many parts."""
    head = query[:2] + struct.pack("!HHH", 0x8180, 1, 4000)
    records = b"".join(
        b"\xc0\x0c" + struct.pack("!HHIHI", 1, 1, 5, 4, each) for each in range(4000)
    )
    return head + b"\0\0\0\0" + query[12:] + records


@pytest.mark.case("hostile")
async def test_a_huge_answer_is_read_quickly_and_refused() -> None:
    async with tcp(lambda query: [framed(huge(query))]) as port:
        found = await run(port, transport="tcp", lookup=".".join("a" * 120))

    assert found.cause is Cause.WRONG_ANSWER
    assert found.message.endswith(" has 4000 answers, expected 500 at most")
    assert len(msgspec.convert(found.details["values"], list[str])) == 50


@pytest.mark.case("hostile")
async def test_names_that_take_long_to_read_hold_nobody_up() -> None:
    """Each of 500 names of 120 parts takes dnspython some milliseconds."""
    parts = b"\x01a" * 120 + b"\0"
    records = [
        b"\xc0\x0c" + struct.pack("!HHIHH", 15, 1, 5, 4, each) + b"\xc0\x0c" for each in range(500)
    ]

    def heavy(query: bytes) -> list[bytes]:
        head = query[:2] + struct.pack("!HHHHH", 0x8180, 1, len(records), 0, 0)
        return [framed(head + parts + b"\0\x0f\0\x01" + b"".join(records))]

    async with tcp(heavy) as port:
        slept = asyncio.create_task(lateness())
        fields: dict[str, Any] = {"lookup": ".".join("a" * 120), "type": "MX", "transport": "tcp"}
        found = await run(port, timeout_s=0.4, **fields)
        slept.cancel()
        [late] = await asyncio.gather(slept)

    assert found.status in (Status.CRITICAL, Status.HEALTHY)
    assert found.status is Status.HEALTHY or found.message.endswith("there was no time left")
    assert late < 0.5


async def lateness() -> float:
    """How long the loop was busy in one go at most, in seconds of the processor, until cancelled."""
    worst = 0.0
    while True:
        begun = time.thread_time()
        try:
            await asyncio.sleep(0.01)
        except asyncio.CancelledError:
            return worst
        worst = max(worst, time.thread_time() - begun)


@pytest.mark.case("refused")
async def test_a_server_that_the_network_policy_refuses_is_not_asked() -> None:
    reach.adopt(Network(deny=("192.0.2.0/24",)))
    try:
        for transport in ("udp", "tcp"):
            found = await run(0, server="192.0.2.53", transport=transport)
            assert (found.status, found.cause) == (Status.UNKNOWN, Cause.NOT_MEASURABLE)
            assert "192.0.2.53 may not be connected to" in found.message
    finally:
        reach.adopt(Network())


@pytest.mark.case("hostile")
async def test_a_record_that_is_not_in_the_form_of_its_type_is_told() -> None:
    def short(query: bytes) -> list[bytes]:
        return [right(query)[0].replace(b"\0\x04\xc0\0\x02\x07", b"\0\x03\xc0\0\x02")]

    async with udp(short) as port:
        found = await run(port)

    assert found.cause is Cause.WRONG_ANSWER
    assert "answers with records that can't be read: A: " in found.message


@pytest.mark.case("hostile")
async def test_control_characters_of_a_server_are_not_shown() -> None:
    async with udp(lambda q: [reply(q, 'shop.example. 9 IN TXT "a\\027[2Jb\\010"')]) as port:
        found = await run(port, type="TXT")

    assert "a [2Jb" in found.message
    assert found.message.isprintable()


@pytest.mark.case("hostile")
@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_a_run_that_is_cancelled_closes_its_socket(transport: str) -> None:
    asked = asyncio.Event()

    def silent(_: bytes) -> list[bytes]:
        asked.set()
        return [] if transport == "udp" else [b"\0"] * 500

    async with udp(silent) as first, tcp(silent) as second:
        port = first if transport == "udp" else second
        running = asyncio.create_task(run(port, transport=transport, timeout_s=30))
        await asked.wait()
        running.cancel()
        await asyncio.wait([running])

    assert running.cancelled()


# ── Fields, messages and servers as they are written ────────────────────────────────────────────


@pytest.mark.parametrize(
    ("fields", "key"),
    [
        ({"lookup": "a..example"}, "lookup"),
        ({"lookup": "a\x1b.example"}, "lookup"),
        ({"lookup": f"{'a' * 64}.example"}, "lookup"),
        ({"lookup": ".".join("a" * 63 for _ in range(3)) + "." + "b" * 63}, "lookup"),
        ({"server": "::1:53:x"}, "server"),
        ({"server": "host:0"}, "server"),
        ({"server": "user@host"}, "server"),
        ({"transport": "tls"}, "server"),
        ({"ca_file": "/x"}, "ca_file"),
        ({"expect": ("a.b",), "expect_rcode": "NXDOMAIN", "type": "NS"}, "expect"),
        ({"expect": ("192.0.2",)}, "expect"),
        ({"type": "MX", "expect": ("mail.example",)}, "expect"),
    ],
)
def test_fields_that_cannot_work_are_refused(fields: dict[str, Any], key: str) -> None:
    with pytest.raises(WrongFields) as refused:
        DnsCheck(**{"lookup": "shop.example", **fields})

    assert [reason[0] for reason in refused.value.reasons] == [key]


@pytest.mark.parametrize(
    ("text", "server"),
    [
        ("192.0.2.53", Server("192.0.2.53", 53)),
        ("192.0.2.53:5353", Server("192.0.2.53", 5353)),
        ("::1", Server("::1", 53)),
        ("[::1]:54", Server("::1", 54)),
        ("ns.example", Server("ns.example", 53)),
        ("ns.example:54", Server("ns.example", 54)),
    ],
)
def test_a_server_can_be_written_in_these_ways(text: str, server: Server) -> None:
    assert located(text, 53) == server


def test_the_target_names_the_question_and_the_server() -> None:
    assert DnsCheck(lookup="shop.example", type="MX").target() == "MX of shop.example"
    assert DnsCheck(lookup="a", server="::1").target() == "A of a at ::1"


def test_the_systems_servers_are_those_of_its_file(tmp_path: Path) -> None:
    file = tmp_path / "resolv.conf"
    file.write_text(
        "# nameserver 192.0.2.9\nsearch example\nnameserver 192.0.2.1\nnameserver x\n"
        "nameserver\tfe80::1%eth0 # this\noptions rotate\nnameserver 192.0.2.3\n"
        "nameserver 192.0.2.4\n"
    )

    found = system_servers(file)

    assert [each.host for each in found] == ["192.0.2.1", "fe80::1%eth0", "192.0.2.3"]
    assert all(each.of_system and each.port == 53 for each in found)


def test_a_system_without_servers_cannot_ask(tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("")

    for name in ("missing", "empty"):
        with pytest.raises(NoResolver, match=name):
            system_servers(tmp_path / name)


def message(*records: bytes, question: bytes = b"\x01a\0\0\x01\0\x01") -> bytes:
    head = struct.pack("!HHHHHH", 1, 0x8180, 1, len(records), 0, 0)
    return head + question + b"".join(records)


DATA = struct.pack("!HHIH", 1, 1, 2**31, 4) + b"\xc0\0\x02\x07"


def test_a_message_is_read_with_its_pointers() -> None:
    found = dnsmessage.read(message(b"\x01B\xc0\x0c" + DATA, b"\xc0\x13" + DATA))

    assert [each.owner for each in found.records] == [(b"b", b"a"), (b"b", b"a")]
    assert [each.ttl_s for each in found.records] == [0, 0]
    assert found.question == ((b"a",), 1)


@pytest.mark.parametrize(
    "record",
    [
        b"\xc0\x13" + DATA,  # a pointer to itself
        b"\xc0\xff" + DATA,  # forward
        b"\x80a" + DATA,  # a label of no known form
        b"\x3f" + b"a" * 20,  # a label longer than the message
        (b"\x3f" + b"a" * 63) * 4 + b"\0" + DATA,  # a name longer than 255 bytes
        (b"\x3f" + b"a" * 63) * 3 + b"\x3c" + b"a" * 60 + b"\xc0\x0c" + DATA,  # by its pointer
        b"\0" + DATA[:-1],
        b"\0" + DATA[:5],
    ],
)
def test_a_malformed_message_is_refused(record: bytes) -> None:
    with pytest.raises(dnsmessage.Malformed):
        dnsmessage.read(message(record))


def test_a_long_chain_of_pointers_is_refused() -> None:
    chain = b"\xc0\x0c" + b"".join(struct.pack("!H", 0xC000 | at) for at in range(30, 9000, 2))
    holder = b"\0" + struct.pack("!HHIH", 16, 1, 5, len(chain)) + chain
    at = 12 + 7 + len(holder) - 2

    with pytest.raises(dnsmessage.Malformed, match="nowhere"):
        dnsmessage.read(message(holder, struct.pack("!H", 0xC000 | at) + DATA))


@given(data=st.data())
def test_any_bytes_are_a_message_or_malformed(data: st.DataObject) -> None:
    query = dnsmessage.Query(id=7, name=(b"shop", b"example"), type=1)
    wire = bytearray(right(query.wire())[0])
    for at in data.draw(st.lists(st.integers(0, len(wire) - 1), max_size=4)):
        wire[at] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(wire)))

    for broken in (bytes(wire), bytes(wire[:cut]), data.draw(st.binary(max_size=80))):
        with contextlib.suppress(dnsmessage.Malformed, dnsmessage.Loop):
            found = dnsmessage.read(broken)
            dnsmessage.resolved(found, (b"shop", b"example"), 1)


@given(type=st.sampled_from(sorted(dnsmessage.TYPES)), data=st.binary(max_size=60))
def test_any_bytes_are_a_value_or_told_not_to_be(type: str, data: bytes) -> None:
    record = dnsmessage.Record((), 1, 1, 0, len(data))

    with contextlib.suppress(ValueError):
        [found] = asyncio.run(dnsrecords.values(data, [record], type))
        assert found.text.isprintable()


@given(text=st.text(max_size=30), type=st.sampled_from(sorted(dnsmessage.TYPES)))
def test_any_text_is_an_expected_value_or_a_mistake(text: str, type: str) -> None:
    reason = dnsrecords.mistake(text, type)

    assert reason is None or reason.isprintable()


def test_a_name_in_other_letters_is_asked_for_as_dns_writes_it() -> None:
    assert dnsmessage.encoded("bücher.example") == (b"xn--bcher-kva", b"example")
    assert dnsmessage.encoded("_imap._tcp.example.") == (b"_imap", b"_tcp", b"example")
    assert dnsmessage.encoded(".") == ()
