"""What an X.509 certificate says of itself, read from its DER bytes without trusting it (RFC 5280).

The standard library tells these facts of verified certificates only; of one that is refused people
want to know them most.
"""

from __future__ import annotations

import hashlib
import ipaddress
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from monitor.wire.said import said

UTC_TIME = 0x17
BMP_STRING, UNIVERSAL_STRING, T61_STRING = 0x1E, 0x1C, 0x14
VERSION, EXTENSIONS = 0xA0, 0xA3
DNS_NAME, IP_ADDRESS = 0x82, 0x87
ALTERNATIVE_NAMES = bytes.fromhex("551d11")  # 2.5.29.17
# The attributes of names that stand in certificates of servers, by object identifier (RFC 4519, 2).
ATTRIBUTES = {
    bytes.fromhex("550403"): "CN",
    bytes.fromhex("55040a"): "O",
    bytes.fromhex("55040b"): "OU",
    bytes.fromhex("550406"): "C",
    bytes.fromhex("550407"): "L",
    bytes.fromhex("550408"): "ST",
    bytes.fromhex("0992268993f22c640119"): "DC",
}
ESCAPED_COMMA = "\\,"  # RFC 4514, 2.4
PARTS = re.compile(r"(?<!\\), ")
MAX_NAMES = 100
SHOWN = 200


class Unreadable(ValueError):
    """The bytes are no certificate that can be read."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"certificate can't be read: {reason}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """The facts of one certificate. Texts are cut and hold printable characters only.

    `names` are at most 100 DNS names and addresses for which it is valid; `name_count` counts all.
    """

    subject: str
    issuer: str
    names: tuple[str, ...]
    name_count: int
    valid_from: datetime
    valid_until: datetime
    fingerprint: str

    @property
    def label(self) -> str:
        """How people call it: the common name of its subject, else the first it is valid for."""
        return common_name(self.subject) or (self.names[0] if self.names else "no name")

    def is_issued_by(self, text: str) -> bool:
        """Whether the issuer's name contains a text, its commas escaped or not."""
        return text in self.issuer or text in self.issuer.replace(ESCAPED_COMMA, ",")


def common_name(name: str) -> str:
    """The common name in a distinguished name, else all of it."""
    parts = (part for part in PARTS.split(name) if part.startswith("CN="))
    return next(parts, name).removeprefix("CN=").replace(ESCAPED_COMMA, ",")


def read(der: bytes) -> Certificate:
    """The facts of a certificate. Raises Unreadable, whatever the bytes are."""
    try:
        return _certificate(der)
    except Unreadable:
        raise
    except (ValueError, IndexError, OverflowError) as error:
        raise Unreadable(type(error).__name__) from None


def elements(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The elements of a DER sequence: tag and content (X.690, 8.1). Raises Unreadable."""
    at = 0
    while at < len(data):
        if at + 2 > len(data):
            raise Unreadable("it ends early")
        tag, size, start = data[at], data[at + 1], at + 2
        if size & 0x80:
            start += size & 0x7F
            size = int.from_bytes(data[at + 2 : start], "big")
        if start + size > len(data):
            raise Unreadable("it ends early")
        yield tag, data[start : start + size]
        at = start + size


def _certificate(der: bytes) -> Certificate:
    whole = next(elements(der), (0, b""))[1]
    body = list(elements(next(elements(whole), (0, b""))[1]))
    extensions = next((content for tag, content in body if tag == EXTENSIONS), b"")
    # serial number, signature, issuer, validity, subject, key; the version before them is optional
    fields = [content for tag, content in body if tag != VERSION]
    issuer, validity, subject = fields[2], list(elements(fields[3])), fields[4]
    names = list(_alternative_names(extensions))
    return Certificate(
        subject=_name(subject),
        issuer=_name(issuer),
        names=tuple(names[:MAX_NAMES]),
        name_count=len(names),
        valid_from=_time(*validity[0]),
        valid_until=_time(*validity[1]),
        fingerprint=hashlib.sha256(der).hexdigest(),
    )


def _time(tag: int, content: bytes) -> datetime:
    text = content.decode("ascii")
    if tag == UTC_TIME:  # two digits for the year: 50 to 49 are 1950 to 2049
        text = ("19" if text >= "50" else "20") + text
    return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)


def _name(content: bytes) -> str:
    """A distinguished name as `CN=shop.example, O=Shop`, the most particular part first."""
    parts = []
    for _, several in elements(content):
        for _, pair in elements(several):
            (_, identifier), (tag, value) = list(elements(pair))[:2]
            if key := ATTRIBUTES.get(identifier):
                parts.append(f"{key}={said(_text(tag, value)).replace(',', ESCAPED_COMMA)}")
    return ", ".join(reversed(parts))[:SHOWN]


def _text(tag: int, value: bytes) -> str:
    coding = {BMP_STRING: "utf-16-be", UNIVERSAL_STRING: "utf-32-be", T61_STRING: "latin-1"}
    return value.decode(coding.get(tag, "utf-8"), errors="replace")


def _alternative_names(extensions: bytes) -> Iterator[str]:
    for _, listed in elements(extensions):
        for _, extension in elements(listed):
            (_, identifier), *_, (_, value) = list(elements(extension))
            if identifier == ALTERNATIVE_NAMES:
                yield from _general_names(value)


def _general_names(value: bytes) -> Iterator[str]:
    for _, names in elements(value):
        for tag, name in elements(names):
            if tag == DNS_NAME:
                yield said(name.decode("ascii", errors="replace"))
            elif tag == IP_ADDRESS:
                yield str(ipaddress.ip_address(name))
