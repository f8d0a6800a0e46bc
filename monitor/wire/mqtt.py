"""MQTT 3.1.1 and 5 as far as a probe needs it: log in, subscribe, publish, hear the message again.

Sources: OASIS "MQTT Version 3.1.1" and "MQTT Version 5.0"; numbers in brackets are sections of the
latter. paho would cost the monitor 6 MB of memory, and it resolves names and connects blocking.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from domain.facts import Cause
from monitor.wire.said import said
from monitor.wire.visit import Dialogue, Garbled

CONNECT, CONNACK, PUBLISH, PUBACK, PUBREC, PUBREL, PUBCOMP = range(1, 8)
SUBSCRIBE, SUBACK = 8, 9
PINGREQ, PINGRESP, DISCONNECT = 12, 13, 14
NAMES = {CONNACK: "CONNACK", SUBACK: "SUBACK", PINGRESP: "PINGRESP"}

# All that is read in one run. A server that sends without a pause must not hold up the loop.
LONGEST_ANSWERS = 256 * 1024
MOST_PACKETS = 2000
CLEAN, USERNAME, PASSWORD = 0x02, 0x80, 0x40  # flags of CONNECT (3.1.2.3)
# Seconds of silence after which the broker hangs up; no run takes so long.
KEEP_ALIVE_S = 60
# Nobody who comes back an hour later shall find our message waiting for him (3.3.2.3.3).
EXPIRY = b"\x02" + (60).to_bytes(4, "big")
REASON_STRING, MAXIMUM_QOS = 0x1F, 0x24
FAILURE, UNSUPPORTED_VERSION = 0x80, 0x84
# The reason codes of MQTT 5 (2.4) that mean a failure. Some also say who is at fault.
REASONS: Mapping[int, str] = {
    0x00: "no reason given",
    0x80: "no reason given",
    0x81: "malformed packet",
    0x82: "protocol error",
    0x83: "implementation specific error",
    0x84: "it does not speak this version of MQTT",
    0x85: "client identifier not valid",
    0x86: "bad user name or password",
    0x87: "not authorised",
    0x88: "server unavailable",
    0x89: "server busy",
    0x8A: "banned",
    0x8B: "server shutting down",
    0x8C: "bad authentication method",
    0x8D: "keep alive timeout",
    0x8E: "session taken over by another client of the same identifier",
    0x8F: "topic filter not valid",
    0x90: "topic name not valid",
    0x93: "receive maximum exceeded",
    0x95: "packet too large",
    0x96: "message rate too high",
    0x97: "quota exceeded",
    0x98: "administrative action",
    0x99: "payload format not valid",
    0x9A: "it keeps no retained messages",
    0x9B: "it does not offer this quality of service",
    0x9C: "use another server",
    0x9D: "server moved",
    0x9E: "shared subscriptions not supported",
    0x9F: "connection rate exceeded",
    0xA0: "maximum connect time",
    0xA1: "subscription identifiers not supported",
    0xA2: "wildcard subscriptions not supported",
}
# The return codes of CONNACK in MQTT 3.1.1 (its 3.2.2.3), as those of version 5.
RETURN_CODES = {1: 0x84, 2: 0x85, 3: 0x88, 4: 0x86, 5: 0x87}
DENIED = frozenset({0x86, 0x87, 0x8A, 0x8C})
# How long the value of a property is, by its identifier (2.2.2.2); the others hold text or bytes.
PROPERTY_BYTES = {
    **dict.fromkeys((0x01, 0x17, 0x19, 0x24, 0x25, 0x28, 0x29, 0x2A), 1),
    **dict.fromkeys((0x13, 0x21, 0x22, 0x23), 2),
    **dict.fromkeys((0x02, 0x11, 0x18, 0x27), 4),
}
SUBSCRIPTION_ID, USER_PROPERTY = 0x0B, 0x26
STRINGS = frozenset({0x03, 0x08, 0x09, 0x12, 0x15, 0x16, 0x1A, 0x1C, REASON_STRING})

# What is done with a message that is heard: its topic and payload.
Heard = Callable[[str, bytes], None]


class Refused(Exception):
    """The broker said no, with a reason code as in MQTT 5. The text is for people."""

    def __init__(self, code: int, words: str = "") -> None:
        reason = REASONS.get(code, f"reason code 0x{code:02X}")
        super().__init__(f"{reason} ({words})" if words else reason)
        self.code = code

    @property
    def cause(self) -> Cause:
        """Whether it is about access, or the broker's own trouble."""
        return Cause.REFUSED if self.code in DENIED else Cause.WRONG_ANSWER


class Ended(Refused):
    """The broker ended the session, by DISCONNECT."""


class Packet(NamedTuple):
    """One control packet (2.1): its type, flags, and what follows the length."""

    type: int
    flags: int
    body: bytes


class Body:
    """What stands in a packet, from the front. Raises Garbled where the packet is too short."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def __bool__(self) -> bool:
        return self._at < len(self._data)

    def take(self, size: int) -> bytes:
        """The next `size` bytes."""
        if self._at + size > len(self._data):
            raise Garbled("a packet is shorter than it says")
        self._at += size
        return self._data[self._at - size : self._at]

    def number(self, size: int) -> int:
        """A number of `size` bytes."""
        return int.from_bytes(self.take(size), "big")

    def text(self) -> str:
        """A text with its length before it (1.5.4)."""
        return self.take(self.number(2)).decode("utf-8", "replace")

    def length(self) -> int:
        """A number of variable length (1.5.5)."""
        value = 0
        for shift in (0, 7, 14, 21):
            byte = self.number(1)
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
        raise Garbled("a length never ends")

    def rest(self) -> bytes:
        """All that is left."""
        return self.take(len(self._data) - self._at)

    def properties(self) -> dict[int, int | str]:
        """The properties of MQTT 5 (2.2.2), of those that come more than once the last."""
        inner, found = Body(self.take(self.length())), dict[int, int | str]()
        while inner:
            identifier = inner.length()
            if identifier in PROPERTY_BYTES:
                found[identifier] = inner.number(PROPERTY_BYTES[identifier])
            elif identifier == SUBSCRIPTION_ID:
                found[identifier] = inner.length()
            elif identifier == USER_PROPERTY:
                found[identifier] = f"{inner.text()}={inner.text()}"
            elif identifier in STRINGS:
                found[identifier] = inner.text()
            else:
                raise Garbled(f"there is no property 0x{identifier:02X}")
        return found


def encode_length(value: int) -> bytes:
    """A number of variable length (1.5.5), up to 268 435 455."""
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def packet(kind: int, flags: int, *parts: bytes) -> bytes:
    """A control packet as it is sent."""
    body = b"".join(parts)
    return bytes([kind << 4 | flags]) + encode_length(len(body)) + body


def text(value: str | bytes) -> bytes:
    """A text, or bytes, with their length before them."""
    data = value.encode() if isinstance(value, str) else value
    return len(data).to_bytes(2, "big") + data


class Session:
    """A connection to a broker, from CONNECT to DISCONNECT.

    Methods raise Refused, Garbled, and what Dialogue raises. `heard` gets every message.
    """

    def __init__(self, dialogue: Dialogue, *, version: str, heard: Heard) -> None:
        self._dialogue = dialogue
        self._five = version == "5"
        self._level = 5 if self._five else 4
        self._heard = heard
        self._last_id = 0
        self._unread = MOST_PACKETS
        self.acknowledged = False

    async def connect(self, client_id: str, username: str | None, password: str | None) -> int:
        """Log in with an empty session; gives the highest quality of service on offer."""
        flags, login = CLEAN, b""
        if username is not None:
            flags, login = flags | USERNAME, text(username)
        if password is not None:
            flags, login = flags | PASSWORD, login + text(password)
        head = text("MQTT") + bytes([self._level, flags]) + KEEP_ALIVE_S.to_bytes(2, "big")
        await self._send(CONNECT, 0, head, self._no_properties(), text(client_id), login)
        body = Body((await self._read(first=True)).body)
        body.number(1)  # whether there was a session before
        code = body.number(1)
        if not self._five or (code in RETURN_CODES and not body):  # an old broker, in its own way
            code = RETURN_CODES.get(code, code)
        found = body.properties() if body else {}
        if code:
            raise self._refusal(code, found)
        return int(found.get(MAXIMUM_QOS, 2))

    async def subscribe(self, filters: Sequence[str], qos: int) -> list[Refused | None]:
        """Subscribe to all; gives for each filter None, or why not."""
        number = self._next_id()
        wanted = (text(each) + bytes([qos]) for each in filters)
        await self._send(SUBSCRIBE, 2, number, self._no_properties(), *wanted)
        body = Body(await self._until(SUBACK))
        if body.take(2) != number:
            raise Garbled("it acknowledges what was not asked for")
        found = body.properties() if self._five else {}
        codes = body.rest()
        if len(codes) != len(filters):
            raise Garbled("it does not acknowledge every topic")
        return [self._refusal(code, found) if code >= FAILURE else None for code in codes]

    async def publish(self, topic: str, payload: bytes, qos: int) -> None:
        """Publish a message that is not retained; the broker's answer is awaited by `hear`."""
        self.acknowledged = qos == 0
        number = self._next_id() if qos else b""
        properties = encode_length(len(EXPIRY)) + EXPIRY if self._five else b""
        await self._send(PUBLISH, qos << 1, text(topic), number, properties, payload)

    async def hear(self, enough: Callable[[], bool]) -> None:
        """Read until `enough` and all that was published is acknowledged."""
        while not (enough() and self.acknowledged):
            await self._handle(await self._read())

    async def ping(self) -> None:
        """Ask for a sign of life."""
        await self._send(PINGREQ, 0)
        await self._until(PINGRESP)

    async def disconnect(self) -> None:
        """Take leave, so that the broker does not note a lost client."""
        await self._send(DISCONNECT, 0)

    async def _until(self, wanted: int) -> bytes:
        while (found := await self._read()).type != wanted:
            await self._handle(found, NAMES[wanted])
        return found.body

    async def _handle(self, found: Packet, wanted: str = "") -> None:
        """Do what the protocol asks for when such a packet comes (4.3)."""
        if found.type == PUBLISH:
            await self._message(found)
        elif found.type in (PUBACK, PUBREC, PUBCOMP):
            await self._answered(found)
        elif found.type == PUBREL:
            await self._send(PUBCOMP, 0, Body(found.body).take(2))
        elif found.type == DISCONNECT and self._five:
            body = Body(found.body)
            code = body.number(1) if body else 0
            raise self._refusal(code, body.properties() if body else {}, Ended)
        else:
            instead = f" in place of {wanted}" if wanted else ""
            raise Garbled(f"it sends a packet of type {found.type}{instead}")

    async def _message(self, found: Packet) -> None:
        qos, body = found.flags >> 1 & 3, Body(found.body)
        topic = body.text()
        number = body.take(2) if qos else b""
        if self._five:
            body.properties()
        self._heard(topic, body.rest())
        if qos:
            await self._send(PUBACK if qos == 1 else PUBREC, 0, number)

    async def _answered(self, found: Packet) -> None:
        body = Body(found.body)
        number = body.take(2)
        code = body.number(1) if body else 0
        if code >= FAILURE:
            raise self._refusal(code, body.properties() if body else {})
        if found.type == PUBREC:
            await self._send(PUBREL, 2, number)
        else:
            self.acknowledged = True

    async def _read(self, first: bool = False) -> Packet:
        self._unread -= 1
        if self._unread < 0:
            raise Garbled(f"it sends more than {MOST_PACKETS} packets")
        head = (await self._dialogue.exactly(1))[0]
        # Told at once: what another protocol says would be taken for a length, and waited for.
        if first and head >> 4 != CONNACK:
            raise Garbled("its first answer is no CONNACK")
        encoded = b""
        while not encoded or (encoded[-1] > 0x7F and len(encoded) < 4):
            encoded += await self._dialogue.exactly(1)
        body = await self._dialogue.exactly(Body(encoded).length())
        return Packet(head >> 4, head & 0x0F, body)

    async def _send(self, kind: int, flags: int, *parts: bytes) -> None:
        await self._dialogue.send(packet(kind, flags, *parts))

    def _no_properties(self) -> bytes:
        return b"\x00" if self._five else b""

    def _next_id(self) -> bytes:
        self._last_id += 1
        return self._last_id.to_bytes(2, "big")

    def _refusal(
        self, code: int, found: Mapping[int, int | str], made: type[Refused] = Refused
    ) -> Refused:
        return made(code, said(str(found.get(REASON_STRING, ""))))
