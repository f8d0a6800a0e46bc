"""The `ping` kind against the kernel: on loopback, and in a network namespace with settings of its own."""

from __future__ import annotations

import asyncio
import errno
import functools
import gc
import json
import os
import platform
import shutil
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.facts import Cause, Measurement, Status
from domain.rules import Operator
from monitor.checks import Deadline
from monitor.checks.ping import PingCheck
from monitor.wire.icmp import Answers, CannotPing, answered, checksum, echo, request, took
from tests.cases import serve

ROOT = Path(__file__).parents[3]
PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
UP = "ip link set lo up && "

serve("ping", f"Linux {platform.release()}")

# A program that runs checks one after the other in whatever surroundings it is started in.
PROGRAM = """
import asyncio, json, os, sys
import monitor.checks.ping
import monitor.foreign
from monitor.checks import Deadline
before, timeout_s, *checks = json.loads(sys.argv[1])
exec(before)
async def main():
    for fields in checks:
        found = await monitor.checks.ping.PingCheck(**fields).run(Deadline.after(timeout_s))
        print(json.dumps([found.status.word, found.cause.value, found.message,
                          dict(found.metrics), dict(found.details)]))
asyncio.run(main())
"""


@functools.cache
def permitted(address: str) -> bool:
    """Whether this user may ping at all, and there is such a loopback address."""
    once = functools.partial(echo, count=1, gap_s=0, wait_s=1, size=8, end_s=1)
    try:
        return bool(asyncio.run(once(address)).seconds)
    except (CannotPing, OSError):
        return False


@functools.cache
def namespace() -> tuple[str, ...]:
    """The command that begins a network namespace, empty when this user can have none."""
    with_user = () if os.geteuid() == 0 else ("--user", "--map-root-user")
    program = shutil.which("unshare", path=PATH)
    command = (program or "false", *with_user, "--net", "sh", "-c")
    try:
        done = subprocess.run([*command, f"{UP}true"], env={"PATH": PATH}, capture_output=True)
    except OSError:
        return ()
    return command if done.returncode == 0 else ()


@pytest.fixture(params=["127.0.0.1", "::1"])
def address(request: pytest.FixtureRequest) -> str:
    """Both loopback addresses, as far as this user may ping them."""
    found: str = request.param
    if not permitted(found):
        pytest.skip(f"no ping of {found} for this user on this machine")
    return found


def apart(
    surroundings: str, *checks: dict[str, Any], timeout_s: float = 5, before: str = ""
) -> list[list[Any]]:
    """Run checks in a network namespace after these shell commands; `before` is Python."""
    if not namespace():
        pytest.skip("no network namespace for this user on this machine")
    told = json.dumps([before, timeout_s, *checks])
    done = subprocess.run(
        [
            *namespace(),
            f'{UP}{surroundings} && exec "$0" -c "$1" "$2"',
            sys.executable,
            PROGRAM,
            told,
        ],
        env={**os.environ, "PATH": PATH, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


DATAGRAMS = 'echo "0 0" > /proc/sys/net/ipv4/ping_group_range'
RAW = 'echo "1 0" > /proc/sys/net/ipv4/ping_group_range'
DEAF = (
    "echo 1 > /proc/sys/net/ipv4/icmp_echo_ignore_all && "
    "echo 1 > /proc/sys/net/ipv6/icmp/echo_ignore_all"
)
FAST = {"gap_ms": 10, "wait_ms": 300}


async def run(timeout_s: float = 5, **fields: Any) -> Measurement:
    check = msgspec.convert({"gap_ms": 10, **fields}, PingCheck)
    return await check.run(Deadline.after(timeout_s))


# ── The kernel's answers ────────────────────────────────────────────────────────────────────────


@pytest.mark.case("healthy")
@pytest.mark.parametrize("size", [8, 56, 1473, 20_000])
async def test_a_host_that_answers_is_healthy_with_all_its_numbers(address: str, size: int) -> None:
    found = await run(host=address, size=size)

    assert found.status is Status.HEALTHY, found.message
    assert found.message.startswith("4 of 4 pings answered, ")
    assert set(found.metrics) == {
        "ping.avg_ms",
        "ping.min_ms",
        "ping.max_ms",
        "ping.jitter_ms",
        "ping.loss_percent",
        "ping.dns_ms",
    }
    assert found.metrics["ping.loss_percent"] == 0
    assert (
        0
        < found.metrics["ping.min_ms"]
        <= found.metrics["ping.avg_ms"]
        <= found.metrics["ping.max_ms"]
    )
    assert found.response_time_ms == found.metrics["ping.avg_ms"]
    assert (found.details["sent"], found.details["received"]) == (4, 4)
    assert found.details["address"] == address


@pytest.mark.case("healthy")
async def test_a_name_is_resolved_and_one_of_its_addresses_is_pinged(address: str) -> None:
    family = "ipv6" if ":" in address else "ipv4"

    found = await run(host="localhost", family=family, count=1)

    if found.cause is not Cause.NAME_NOT_RESOLVED:  # localhost need not have both
        assert found.status is Status.HEALTHY, found.message
        assert found.details["address"] == address
        assert "ping.jitter_ms" not in found.metrics


async def test_many_at_once_each_get_their_own_answers(address: str) -> None:
    found = await asyncio.gather(*(run(host=address, count=4) for _ in range(30)))

    assert {each.status for each in found} == {Status.HEALTHY}
    assert {each.details["received"] for each in found} == {4}
    assert {each.details["duplicates"] for each in found} == {0}


@pytest.mark.case("healthy")
@pytest.mark.parametrize(("surroundings", "kind"), [(DATAGRAMS, "datagram"), (RAW, "raw")])
def test_both_kinds_of_socket_do(surroundings: str, kind: str) -> None:
    checks = [{"host": host, **FAST} for host in ("127.0.0.1", "::1")]

    found = apart(surroundings, *checks)

    assert [each[0] for each in found] == ["healthy", "healthy"], found
    assert [each[4]["socket"] for each in found] == [kind, kind]


@pytest.mark.parametrize("surroundings", [DATAGRAMS, RAW])
def test_a_host_that_goes_deaf_midway_loses_some(surroundings: str) -> None:
    hush = (
        "import threading\n"
        "def hush():\n"
        "    with open('/proc/sys/net/ipv4/icmp_echo_ignore_all', 'w') as file:\n"
        "        file.write('1')\n"
        "threading.Timer(0.4, hush).start()"
    )

    [found] = apart(
        surroundings, {"host": "127.0.0.1", "count": 20, "gap_ms": 50, "wait_ms": 300}, before=hush
    )

    assert (found[0], found[1]) == ("healthy", "none")  # loss is judged by its rule
    assert 0 < found[3]["ping.loss_percent"] < 100
    assert found[4]["received"] == round(20 - 20 * found[3]["ping.loss_percent"] / 100)


# ── No answer, no way, no permission ────────────────────────────────────────────────────────────


@pytest.mark.case("timeout")
def test_a_host_that_answers_nothing_is_critical() -> None:
    found = apart(DEAF, {"host": "127.0.0.1", **FAST}, {"host": "::1", "count": 1, **FAST})

    assert [each[:3] for each in found] == [
        ["critical", "timeout", "No answer from 127.0.0.1 to 4 pings within 300 ms"],
        ["critical", "timeout", "No answer from ::1 to 1 ping within 300 ms"],
    ]
    assert found[0][3]["ping.loss_percent"] == 100
    assert "ping.avg_ms" not in found[0][3]


@pytest.mark.case("timeout")
async def test_a_run_ends_within_its_time_however_many_packets_are_asked_for(address: str) -> None:
    clock = asyncio.get_running_loop().time
    start = clock()

    found = await run(0.5, host=address, count=20, gap_ms=1000)

    assert clock() - start < 2
    assert 1 < int(str(found.details["sent"])) <= 20  # fewer where the loop is late
    assert found.status is Status.HEALTHY, found.message


@pytest.mark.case("refused")
def test_a_host_without_a_way_is_critical_with_the_reason() -> None:
    found = apart(
        "ip route add unreachable 198.51.100.0/24 && ip route add prohibit 203.0.113.0/24",
        {"host": "198.51.100.1", **FAST},
        {"host": "203.0.113.1", **FAST},
    )

    assert [each[:3] for each in found] == [
        ["critical", "refused", "No way to 198.51.100.1: No route to host"],
        ["critical", "refused", "No way to 203.0.113.1: Permission denied"],
    ]


@pytest.mark.case("refused")
async def test_a_name_without_an_address_is_not_resolved() -> None:
    found = await run(host="no-such-host.invalid")

    assert (found.status, found.cause) == (Status.CRITICAL, Cause.NAME_NOT_RESOLVED)
    assert found.message.startswith('Name "no-such-host.invalid" not resolved')


@pytest.mark.case("wrong")
async def test_a_host_without_an_address_of_the_family_is_told_apart() -> None:
    found = await run(host="127.0.0.1", family="ipv6")

    assert (found.status, found.cause) == (Status.CRITICAL, Cause.NAME_NOT_RESOLVED)
    assert found.message == '"127.0.0.1" has no IPv6 address'


@pytest.mark.case("wrong")
def test_a_process_that_may_not_ping_is_unknown_and_says_how_to_allow_it() -> None:
    drop = "os.setgroups([]); os.setgid(65534); os.setuid(65534)"
    if os.geteuid() != 0:
        pytest.skip("no root to become somebody else from on this machine")

    [found] = apart(RAW, {"host": "127.0.0.1", **FAST}, before=drop)

    assert found[:2] == ["unknown", "not_measurable"]
    assert 'sysctl net.ipv4.ping_group_range="0 2147483647"' in found[2]
    assert "CAP_NET_RAW" in found[2]


# ── Others' packets ─────────────────────────────────────────────────────────────────────────────


@pytest.mark.case("hostile")
async def test_a_flood_of_answers_that_nobody_asked_for_counts_for_nothing(address: str) -> None:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    protocol = socket.IPPROTO_ICMPV6 if ":" in address else socket.IPPROTO_ICMP
    try:
        forger = socket.socket(family, socket.SOCK_RAW, protocol)
    except PermissionError:
        pytest.skip("no raw sockets for this user on this machine")

    async def forge() -> None:
        while True:
            for number in range(4):
                forger.sendto(
                    request(129 if ":" in address else 0, 7, number, bytes(56)), (address, 0)
                )
            await asyncio.sleep(0)

    with forger:
        forging = asyncio.create_task(forge())
        found = await run(host=address, gap_ms=50)
        forging.cancel()

    assert found.status is Status.HEALTHY, found.message
    assert (found.details["received"], found.details["duplicates"]) == (4, 0)


@pytest.fixture
def forger() -> Iterator[socket.socket]:
    """A raw socket on loopback, with which to be somebody else."""
    if not permitted("127.0.0.1"):
        pytest.skip("no ping of 127.0.0.1 for this user on this machine")
    try:
        opened = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
    except PermissionError:
        pytest.skip("no raw sockets for this user on this machine")
    with opened:
        opened.setblocking(False)
        yield opened


@pytest.mark.case("hostile")
async def test_an_answer_that_comes_twice_counts_once(forger: socket.socket) -> None:
    loop, seen = asyncio.get_running_loop(), set()

    async def repeat() -> None:
        while True:
            packet = (await loop.sock_recv(forger, 2000))[20:]
            if packet[0] == 0 and packet not in seen:
                seen.add(packet)
                forger.sendto(packet, ("127.0.0.1", 0))

    repeating = asyncio.create_task(repeat())
    found = await run(host="127.0.0.1", gap_ms=100)
    repeating.cancel()

    assert found.status is Status.HEALTHY, found.message
    assert (found.details["received"], found.metrics["ping.loss_percent"]) == (4, 0)
    assert 1 <= int(str(found.details["duplicates"])) <= 4


@pytest.mark.case("hostile")
async def test_what_the_network_reports_is_kept_and_loses_no_answer(forger: socket.socket) -> None:
    loop = asyncio.get_running_loop()

    async def report() -> None:
        while True:
            whole = await loop.sock_recv(forger, 2000)
            if whole[20] == 8:  # host unreachable (RFC 792, page 4), for each request on its way
                told = bytearray(b"\x03\x01" + bytes(6) + whole[:28])
                told[2:4] = checksum(bytes(told)).to_bytes(2, "big")
                forger.sendto(told, ("127.0.0.1", 0))

    reporting = asyncio.create_task(report())
    found = await run(host="127.0.0.1", gap_ms=50)
    reporting.cancel()

    assert found.status is Status.HEALTHY, found.message
    assert found.details["received"] == 4
    assert found.details["network_error"] == "No route to host"


async def test_a_cancelled_run_closes_its_socket(address: str) -> None:
    running = asyncio.create_task(run(30, host=address, count=100, gap_ms=100))
    await asyncio.sleep(0.05)
    before = set(os.listdir("/proc/self/fd"))

    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running

    gc.collect()
    assert len(set(os.listdir("/proc/self/fd"))) < len(before)


# ── Packets and numbers ─────────────────────────────────────────────────────────────────────────


def words_added(packet: bytes) -> int:
    """The checksum as RFC 1071, 4.1 computes it, word by word."""
    total = 0
    even = packet + bytes(len(packet) % 2)
    for at in range(0, len(even), 2):
        total += int.from_bytes(even[at : at + 2], "big")
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


@settings(deadline=None)
@given(st.binary(max_size=100))
def test_the_checksum_is_that_of_the_rfc(packet: bytes) -> None:
    assert checksum(packet) == words_added(packet)


@settings(deadline=None)
@given(st.integers(0, 65535), st.integers(0, 65535), st.binary(max_size=60))
def test_the_checksum_of_a_whole_request_is_zero(identifier: int, number: int, load: bytes) -> None:
    assert words_added(request(8, identifier, number, load)) == 0


@settings(deadline=None)
@given(st.binary(max_size=80), st.sampled_from([0, 129]))
def test_whatever_comes_is_no_answer_unless_it_is_ours(packet: bytes, reply: int) -> None:
    assert answered(packet, reply, b"\xffmy token") is None


@settings(deadline=None)
@given(st.integers(0, 65535), st.binary(max_size=20), st.sampled_from([b"", b"\x45" + bytes(19)]))
def test_our_answer_is_known_with_and_without_its_ip_header(
    number: int, rest: bytes, header: bytes
) -> None:
    packet = header + request(0, 1, number, b"my token" + rest)

    assert answered(packet, 0, b"my token") == number
    assert answered(packet, 0, b"no token") is None
    assert answered(request(8, 1, number, b"my token"), 0, b"my token") is None


@pytest.mark.parametrize(
    ("sent", "seconds", "loss", "jitter"),
    [
        (4, {}, 100, None),
        (4, {2: 0.5}, 75, None),
        (3, {0: 0.1, 2: 0.3}, 33.3, 0.2),
        (4, {3: 0.1, 0: 0.1, 1: 0.4, 2: 0.2}, 0, 0.2),  # in the order of sending, 3 + 2 + 1
        (0, {}, 0, None),
    ],
)
def test_loss_and_jitter_are_counted_over_the_packets_in_their_order(
    sent: int, seconds: dict[int, float], loss: float, jitter: float | None
) -> None:
    found = Answers(sent=sent, seconds=seconds)

    assert found.loss_percent == loss
    assert found.jitter_s == (None if jitter is None else pytest.approx(jitter))


@pytest.mark.parametrize(
    ("arrived_s", "seconds"),
    [
        (0.25, 0.25),  # the kernel saw it before the loop did
        (None, 0.4),
        (0.7, 0.4),  # the wall clock was set while the packet was on its way, forward
        (-3600, 0.4),  # or back
    ],
)
def test_the_kernels_time_of_arrival_counts_unless_the_clock_was_set(
    arrived_s: float | None, seconds: float
) -> None:
    sent = (100.0, time.time_ns())
    stamp = None
    if arrived_s is not None:
        stamp = struct.pack("=qq", *divmod(sent[1] + round(arrived_s * 1e9), 10**9))

    assert took(sent, 100.4, stamp) == pytest.approx(seconds)


def test_a_machine_without_the_family_is_told_apart_from_one_that_forbids() -> None:
    missing = OSError(errno.EAFNOSUPPORT, "")

    assert str(CannotPing(socket.AF_INET6, missing)) == "This machine has no IPv6"
    assert str(CannotPing(socket.AF_INET, missing)) == "This machine has no IPv4"


@pytest.mark.case("refused")
async def test_an_address_that_may_not_be_pinged_is_critical(address: str) -> None:
    """The broadcast address of loopback, to which nothing is sent."""
    found = await run(host="127.255.255.255")

    assert (found.status, found.cause) == (Status.CRITICAL, Cause.REFUSED)
    assert found.message == "No way to 127.255.255.255: Permission denied"


# ── Configuration ───────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "fields",
    [
        {"host": ""},
        {"host": "a b"},
        {"host": "h", "count": 0},
        {"host": "h", "count": 101},
        {"host": "h", "gap_ms": 1},
        {"host": "h", "size": 7},
        {"host": "h", "size": 65_508},
        {"host": "h", "max_loss": 101},
        {"host": "h", "family": "ipx"},
        {"host": "h", "hots": "i"},
    ],
)
def test_fields_that_cannot_work_are_refused(fields: dict[str, object]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(fields, PingCheck)


@pytest.mark.parametrize(("max_loss", "warning"), [(60, 20), (0, 0), (100, 33.3)])
def test_the_levels_of_loss_follow_what_is_allowed(max_loss: float, warning: float) -> None:
    [rule] = PingCheck(host="h", max_loss=max_loss).stock_rules()

    assert (rule.metric, rule.operator) == ("ping.loss_percent", Operator.GT)
    assert (rule.warning, rule.critical) == (warning, max_loss)
    assert "First look:" in rule.runbook


def test_the_target_is_the_host() -> None:
    assert PingCheck(host="gateway.example").target() == "gateway.example"
