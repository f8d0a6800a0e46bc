"""ICMP echo to one address, with an unprivileged socket or a raw one (RFC 792, RFC 4443).

Packets leave at a fixed pace, whatever came back so far: a lost one holds up none of the others.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import random
import secrets
import socket
import struct
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise

# Type of request and of reply (RFC 792, page 14; RFC 4443, 4.1 and 4.2).
V4, V6 = (8, 0), (128, 129)
TOKEN_BYTES = 8
HEADER_BYTES = 8
IP_HEADER_BYTES = 60
# At most so many packets in one go: a flood of them must not hold up the loop.
BATCH = 64
# Numbers of Linux that Python's socket module does not name (asm/socket.h, linux/icmp.h, in6.h).
SO_TIMESTAMPNS = 35
IP_RECVERR, IPV6_RECVERR = 11, 25
SOL_RAW, ICMP_FILTER = 255, 1
MSG_ERRQUEUE = 0x2000
ERRORS = {(socket.IPPROTO_IP, IP_RECVERR), (socket.IPPROTO_IPV6, IPV6_RECVERR)}


class CannotPing(Exception):
    """This process or machine can send no pings; the text says how to allow them."""

    def __init__(self, family: socket.AddressFamily, error: OSError) -> None:
        text = (
            "Ping is not permitted to this process: allow it with "
            'sysctl net.ipv4.ping_group_range="0 2147483647", or give it CAP_NET_RAW'
        )
        if error.errno == errno.EAFNOSUPPORT:
            text = f"This machine has no {'IPv6' if family is socket.AF_INET6 else 'IPv4'}"
        super().__init__(text)


@dataclass(slots=True)
class Answers:
    """What came back: seconds by sequence number. `reason` is the network's, for a lost packet."""

    sent: int = 0
    raw: bool = False
    seconds: dict[int, float] = field(default_factory=dict)
    duplicates: int = 0
    reason: str | None = None

    @property
    def loss_percent(self) -> float:
        """Share of the packets sent that were not answered in time."""
        return round(100 * (1 - len(self.seconds) / self.sent), 1) if self.sent else 0.0

    @property
    def jitter_s(self) -> float | None:
        """Mean difference in time of neighbouring answers; None for fewer than two.

        The difference is D of RFC 3550, 6.4.1, without its smoothing: a run has few packets.
        """
        times = [self.seconds[number] for number in sorted(self.seconds)]
        steps = [abs(after - before) for before, after in pairwise(times)]
        return sum(steps) / len(steps) if steps else None


async def echo(
    address: str, *, count: int, gap_s: float, wait_s: float, size: int, end_s: float
) -> Answers:
    """Send `count` requests with `size` bytes (8 at least) each, `gap_s` apart, and gather answers.

    An answer that takes longer than `wait_s` is lost. It ends after `end_s` seconds at the latest,
    for which it sends faster if need be. Raises CannotPing, or OSError when there is no route.
    """
    loop, asking = asyncio.get_running_loop(), _Echo(address, size, wait_s)
    end = loop.time() + end_s
    # Half of the time is for the answers to the last packet.
    gap_s = min(gap_s, end_s / 2 / max(1, count - 1))
    try:
        loop.add_reader(asking.socket, asking.read)
        for number in range(count):
            if number:
                await asyncio.sleep(gap_s)
            if number and loop.time() >= end:  # the loop is late
                break
            asking.send(number)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(min(end, loop.time() + wait_s)):
                await asking.all_are_back()
    finally:
        loop.remove_reader(asking.socket)
        asking.socket.close()
    return asking.answers


class _Echo:
    """One socket, and what was sent and came back on it."""

    def __init__(self, address: str, size: int, wait_s: float) -> None:
        self._request, self._reply = V6 if ":" in address else V4
        # A raw socket gets the answers to everybody's requests: these are ours.
        self._token = secrets.token_bytes(TOKEN_BYTES)
        self._payload = self._token + bytes(size - TOKEN_BYTES)
        # It tells processes apart; what nobody may guess is the token.
        self._id = random.getrandbits(16)  # nosec B311
        self._wait_s = wait_s
        self._sent: dict[int, tuple[float, int]] = {}
        self._back = asyncio.Event()
        self.socket, raw = _opened(address)
        self.answers = Answers(raw=raw)

    def send(self, number: int) -> None:
        """Send the request with this sequence number. One that cannot leave is lost."""
        packet = request(self._request, self._id, number, self._payload)
        self.answers.sent += 1
        for _ in range(2):  # the first error may be that of an earlier packet
            self._sent[number] = time.perf_counter(), time.time_ns()
            try:
                self.socket.send(packet)
            except OSError as error:
                self.answers.reason = error.strerror
            else:
                break

    def read(self) -> None:
        """Take what has come, answers and errors. Called by the loop."""
        for flags in (0, MSG_ERRQUEUE):
            for _ in range(BATCH):
                try:
                    received = self.socket.recvmsg(
                        len(self._payload) + HEADER_BYTES + IP_HEADER_BYTES, 512, flags
                    )
                except BlockingIOError:
                    break
                except OSError as error:
                    self.answers.reason = error.strerror
                else:
                    self._take(received[0], received[1])

    async def all_are_back(self) -> None:
        """Wait until every request that was sent is answered."""
        while len(self.answers.seconds) < self.answers.sent:
            self._back.clear()
            await self._back.wait()

    def _take(self, packet: bytes, ancillary: Iterable[tuple[int, int, bytes]]) -> None:
        now, stamp = time.perf_counter(), None
        for level, kind, data in ancillary:
            if (level, kind) in ERRORS:  # struct sock_extended_err begins with the error's number
                self.answers.reason = os.strerror(struct.unpack_from("=I", data)[0])
                return
            if (level, kind) == (socket.SOL_SOCKET, SO_TIMESTAMPNS) and len(data) == 16:
                stamp = data
        number = answered(packet, self._reply, self._token)
        if number is None or number not in self._sent:
            return
        if number in self.answers.seconds:
            self.answers.duplicates += 1
            return
        seconds = took(self._sent[number], now, stamp)
        if seconds <= self._wait_s:
            self.answers.seconds[number] = seconds
            self._back.set()


def request(kind: int, identifier: int, number: int, payload: bytes) -> bytes:
    """An echo request. The kernel fills in the checksum of IPv6 (RFC 3542, 3.1)."""
    packet = struct.pack("!BBHHH", kind, 0, 0, identifier, number) + payload
    return packet[:2] + struct.pack("!H", checksum(packet)) + packet[4:]


def checksum(packet: bytes) -> int:
    """The internet checksum: the complement of the one's complement sum of words (RFC 1071)."""
    even = packet + bytes(len(packet) % 2)
    # In one's complement, adding words and carrying over is the rest of a division by 0xFFFF.
    total = int.from_bytes(even, "big")
    return 0xFFFF - (total % 0xFFFF or (0xFFFF if total else 0))


def answered(packet: bytes, reply: int, token: bytes) -> int | None:
    """The sequence number of the answer to a request with this token; None for any other packet.

    Raw sockets, and all on some systems, give the IPv4 header first (RFC 791, 3.1).
    """
    if reply == V4[1] and packet and packet[0] >> 4 == 4:
        packet = packet[(packet[0] & 15) * 4 :]
    if len(packet) < HEADER_BYTES or (packet[0], packet[1]) != (reply, 0):
        return None
    if packet[HEADER_BYTES : HEADER_BYTES + len(token)] != token:
        return None
    return int.from_bytes(packet[6:8], "big")


def took(sent: tuple[float, int], now: float, stamp: bytes | None) -> float:
    """Seconds there and back. The kernel's time of arrival is free of the delays of our loop.

    It is by the wall clock, which may be set at any moment, so it counts only within what the
    steady clock says.
    """
    steady = now - sent[0]
    if stamp is not None:
        seconds, nanoseconds = struct.unpack("=qq", stamp)
        exact: float = (seconds * 10**9 + nanoseconds - sent[1]) / 10**9
        if 0 < exact < steady:
            return exact
    return steady


def _opened(address: str) -> tuple[socket.socket, bool]:
    """A socket connected to the address, so that the kernel drops what others send; whether raw."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    opened = _permitted(family)
    try:
        raw = opened.type == socket.SOCK_RAW
        opened.setblocking(False)
        with contextlib.suppress(OSError):  # it can do without each of them
            _tune(opened, raw)
        opened.connect((address, 0))
    except BaseException:
        opened.close()
        raise
    return opened, raw


def _permitted(family: socket.AddressFamily) -> socket.socket:
    """A datagram socket where net.ipv4.ping_group_range allows it, else a raw one."""
    protocol = socket.IPPROTO_ICMPV6 if family is socket.AF_INET6 else socket.IPPROTO_ICMP
    with contextlib.suppress(OSError):
        return socket.socket(family, socket.SOCK_DGRAM, protocol)
    try:
        return socket.socket(family, socket.SOCK_RAW, protocol)
    except OSError as error:
        if error.errno in (errno.EPERM, errno.EACCES, errno.EAFNOSUPPORT):
            raise CannotPing(family, error) from None
        raise


def _tune(opened: socket.socket, raw: bool) -> None:
    """Ask for times of arrival, for errors of the network, and on a raw socket for replies only."""
    opened.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    if opened.family == socket.AF_INET6:
        opened.setsockopt(socket.IPPROTO_IPV6, IPV6_RECVERR, 1)
        if raw:  # a bit that is set blocks its type (RFC 3542, 3.2; Linux has it that way round)
            blocked = ((1 << 256) - 1) ^ (1 << V6[1])
            words = [(blocked >> 32 * index) & 0xFFFFFFFF for index in range(8)]
            opened.setsockopt(socket.IPPROTO_ICMPV6, 1, struct.pack("=8I", *words))
    else:
        opened.setsockopt(socket.IPPROTO_IP, IP_RECVERR, 1)
        if raw:
            blocked = 0xFFFFFFFF ^ (1 << V4[1])
            opened.setsockopt(SOL_RAW, ICMP_FILTER, struct.pack("=I", blocked))
