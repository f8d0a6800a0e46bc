"""DNS messages (RFC 1035, 4): a question is written, an answer is read, strangers' bytes within limits.

dnspython reads whole messages too, but 64 kB made for it (thousands of records under a name of 127
labels) keep it busy for seconds, on our one loop. So the frame is read here, in time that grows with
the message, and dnspython is given single records only.
"""

from __future__ import annotations

import struct
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

TypeName: TypeAlias = Literal[
    "A",
    "AAAA",
    "CAA",
    "CNAME",
    "DNSKEY",
    "DS",
    "HTTPS",
    "MX",
    "NAPTR",
    "NS",
    "PTR",
    "SOA",
    "SRV",
    "SSHFP",
    "SVCB",
    "TLSA",
    "TXT",
]
TYPES: Mapping[TypeName, int] = {
    "A": 1,
    "NS": 2,
    "CNAME": 5,
    "SOA": 6,
    "PTR": 12,
    "MX": 15,
    "TXT": 16,
    "AAAA": 28,
    "SRV": 33,
    "NAPTR": 35,
    "DS": 43,
    "SSHFP": 44,
    "DNSKEY": 48,
    "TLSA": 52,
    "SVCB": 64,
    "HTTPS": 65,
    "CAA": 257,
}
RCODES = {
    0: "NOERROR",
    1: "FORMERR",
    2: "SERVFAIL",
    3: "NXDOMAIN",
    4: "NOTIMP",
    5: "REFUSED",
    6: "YXDOMAIN",
    7: "YXRRSET",
    8: "NXRRSET",
    9: "NOTAUTH",
    10: "NOTZONE",
}
INTERNET = 1
CNAME = TYPES["CNAME"]
MAX_NAME = 255
MAX_LABEL = 0x40  # the lengths from here on are of other forms
POINTER = 0xC0
MAX_HOPS = 127  # more pointers than a name can have parts
MAX_TTL = 2**31 - 1
MAX_ALIASES = 16
RESPONSE, AUTHORITATIVE, TRUNCATED, RECURSE, AUTHENTIC = 0x8000, 0x0400, 0x0200, 0x0100, 0x0020
OPERATION = 0x7800

Name = tuple[bytes, ...]


class Malformed(ValueError):
    """The bytes are no DNS message."""


class Loop(ValueError):
    """The aliases of an answer lead in a circle, or through more names than anyone follows."""


@dataclass(frozen=True, slots=True)
class Record:
    """A record of the answer: its owner in lower case, type, seconds to live, and where its data is."""

    owner: Name
    type: int
    ttl_s: int
    at: int
    size: int


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer: its flags, its question, and the records that answer it."""

    wire: bytes
    id: int
    flags: int
    question: tuple[Name, int] | None
    records: Sequence[Record]

    @property
    def rcode(self) -> str:
        """What became of the question: `NOERROR`, `NXDOMAIN` and so on."""
        code = self.flags & 0xF
        return RCODES.get(code, f"RCODE {code}")

    def has(self, flag: int) -> bool:
        """Whether a flag is set."""
        return bool(self.flags & flag)


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A question. With `authentic` it says that it understands the AD flag (RFC 6840, 5.7)."""

    id: int
    name: Name
    type: int
    recurse: bool = True
    authentic: bool = False

    def wire(self) -> bytes:
        """The message to send."""
        flags = (RECURSE if self.recurse else 0) | (AUTHENTIC if self.authentic else 0)
        head = struct.pack("!HHHHHH", self.id, flags, 1, 0, 0, 0)
        labels = b"".join(bytes([len(label)]) + label for label in self.name)
        return head + labels + b"\0" + struct.pack("!HH", self.type, INTERNET)

    def fits(self, reply: Reply) -> bool:
        """Whether it is the response to this question (RFC 5452, 9.1)."""
        if reply.id != self.id or not reply.has(RESPONSE) or reply.flags & OPERATION:
            return False
        if reply.question is None:  # as some servers refuse
            return reply.rcode != "NOERROR"
        return reply.question == (folded(self.name), self.type)


def encoded(name: str) -> Name:
    """The labels of a name. Raises ValueError for what can't be asked for (RFC 1035, 2.3.4)."""
    if not name.isprintable():
        raise ValueError("it holds characters that do not print")
    text = name.removesuffix(".")
    labels = tuple(_label(label) for label in text.split(".")) if text else ()
    if sum(len(label) + 1 for label in labels) + 1 > MAX_NAME:
        raise ValueError("it is longer than 255 bytes")
    return labels


def text(name: Name) -> str:
    """A name for people: `shop.example`."""
    return ".".join(label.decode("ascii", errors="backslashreplace") for label in name) or "."


def folded(name: Name) -> Name:
    """A name as names are compared, without regard to case (RFC 4343)."""
    return tuple(label.lower() for label in name)


def read(wire: bytes) -> Reply:
    """Read an answer. Raises Malformed. What follows the answer section is not looked at."""
    try:
        id, flags, questions, answers = struct.unpack_from("!HHHH", wire)
        names = _Names(wire)
        asked, at = _question(names, 12) if questions == 1 else (None, 12)
        if questions > 1 or len(wire) < 12:
            raise Malformed("it has more than one question")
        cut = bool(flags & TRUNCATED)
        records = [] if cut else list(_records(names, at, answers))
    except (struct.error, IndexError):
        raise Malformed("it ends early") from None
    return Reply(wire, id, flags, asked, records)


def resolved(reply: Reply, name: Name, type: int) -> tuple[list[Record], list[Record]]:
    """The records of a type for a name, and the aliases that led to them. Raises Loop, Malformed."""
    by_owner: dict[Name, list[Record]] = defaultdict(list)
    for record in reply.records:
        if record.type in (type, CNAME):
            by_owner[record.owner].append(record)
    names, aliases = _Names(reply.wire), list[Record]()
    owner, seen = folded(name), {folded(name)}
    while True:
        found = [record for record in by_owner[owner] if record.type == type]
        led = [record for record in by_owner[owner] if record.type == CNAME]
        if found or not led:
            return found, aliases
        aliases.append(led[0])
        owner = names.end_of_alias(led[0])
        if owner in seen:
            raise Loop(f"is an alias that leads back to {text(owner)}")
        if len(aliases) > MAX_ALIASES:
            raise Loop(f"is an alias of more than {MAX_ALIASES} others in turn")
        seen.add(owner)


def _label(label: str) -> bytes:
    # The codec for host names would change underscores in nothing, yet refuse some that exist.
    coded = label.encode("ascii") if label.isascii() else label.encode("idna")
    if not 0 < len(coded) < MAX_LABEL:
        raise ValueError("it has a part that is empty or longer than 63 bytes")
    return coded


def _question(names: _Names, at: int) -> tuple[tuple[Name, int], int]:
    name, at = names.at(at)
    type, _ = struct.unpack_from("!HH", names.wire, at)
    return (name, type), at + 4


def _records(names: _Names, at: int, count: int) -> Iterator[Record]:
    """The records of the Internet class; each takes 11 bytes at least, so they are some thousands."""
    for _ in range(count):
        owner, at = names.at(at)
        type, group, ttl_s, size = struct.unpack_from("!HHIH", names.wire, at)
        at += 10
        if at + size > len(names.wire):
            raise Malformed("it ends early")
        if group == INTERNET:
            # A TTL with its highest bit set counts as 0 (RFC 2181, 8).
            yield Record(owner, type, ttl_s if ttl_s <= MAX_TTL else 0, at, size)
        at += size


class _Names:
    """The names in a message, in lower case. Each place that a pointer leads to is read once."""

    def __init__(self, wire: bytes) -> None:
        self.wire = wire
        self._known: dict[int, tuple[Name, int]] = {}

    def at(self, start: int) -> tuple[Name, int]:
        """The name at a place, and the place behind it. Raises Malformed, IndexError, struct.error."""
        name, _, end = self._read(start, 0)
        return name, end

    def end_of_alias(self, alias: Record) -> Name:
        """The name that an alias stands for. Raises Malformed."""
        try:
            return self.at(alias.at)[0]
        except (IndexError, struct.error):
            raise Malformed("it ends early") from None

    def _read(self, start: int, hops: int) -> tuple[Name, int, int]:
        """A name, how many bytes it takes without pointers, and the place behind it."""
        labels: list[bytes] = []
        at, size = start, 1
        rest: tuple[Name, int] = ((), 1)
        while (length := self.wire[at]) != 0:
            if length >= POINTER:
                rest = self._elsewhere(at, start, hops)
                at += 1
                break
            if length >= MAX_LABEL:
                raise Malformed("a name in it has an unknown form")
            labels.append(self.wire[at + 1 : at + 1 + length].lower())
            at, size = at + 1 + length, size + 1 + length
            if size > MAX_NAME:
                break
        size += rest[1] - 1
        if size > MAX_NAME:
            raise Malformed("a name in it is too long")
        return (*labels, *rest[0]) if labels else rest[0], size, at + 1

    def _elsewhere(self, at: int, start: int, hops: int) -> tuple[Name, int]:
        """The rest of a name, at the place before it that a pointer leads to (RFC 1035, 4.1.4)."""
        target = struct.unpack_from("!H", self.wire, at)[0] & 0x3FFF
        if target >= start or hops > MAX_HOPS:
            raise Malformed("a name in it leads nowhere")
        if target not in self._known:
            self._known[target] = self._read(target, hops + 1)[:2]
        return self._known[target]
