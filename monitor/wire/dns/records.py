"""The values of DNS records: read with dnspython, told as in a zone file, compared without regard to form."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from monitor.checks import in_thread
from monitor.wire.dns.message import Record
from monitor.wire.said import said

# Their values are one name, which zone files end with a dot and people do not.
NAMES = frozenset({"CNAME", "NS", "PTR"})


@dataclass(frozen=True, slots=True)
class Value:
    """A value: as it is compared, as it is shown, and with SOA the serial number of the zone."""

    key: bytes
    text: str
    serial: int = 0


async def values(wire: bytes, records: Sequence[Record], type: str) -> list[Value]:
    """The values of records of a message. Raises ValueError with the reason."""
    if not records:
        return []
    await in_thread("import dnspython", _load)  # takes the loop 100 ms otherwise, once
    found = []
    for record in records:
        found.append(_read(wire, record, type))
        await asyncio.sleep(0)  # a name of 127 parts takes dnspython some milliseconds
    return found


def mistake(text: str, type: str) -> str | None:
    """Why a text is no value of this type; None when it is one."""
    try:
        expected(text, type)
    except ValueError as error:
        return str(error)
    return None


@lru_cache(maxsize=1024)
def expected(text: str, type: str) -> Value:
    """The value that a configuration writes. Raises ValueError with the reason."""
    import dns.exception
    import dns.name
    import dns.rdata
    import dns.rdataclass
    import dns.rdatatype

    if type == "TXT":  # without the quotes and the cutting into pieces of zone files
        return Value(text.encode(), said(text))
    try:
        data = dns.rdata.from_text(
            dns.rdataclass.IN, dns.rdatatype.from_text(type), text, dns.name.root, relativize=False
        )
    except (dns.exception.DNSException, ValueError) as error:
        raise ValueError(said(str(error)) or "it is not written as in a zone file") from None
    return _value(data, type)


def _load() -> None:
    import dns.exception
    import dns.rdata
    import dns.rdataclass
    import dns.rdatatype  # noqa: F401 - loaded for _read, in a thread


def _read(wire: bytes, record: Record, type: str) -> Value:
    import dns.exception
    import dns.rdata
    import dns.rdataclass
    import dns.rdatatype

    group, number = dns.rdataclass.IN, dns.rdatatype.from_text(type)
    try:
        return _value(dns.rdata.from_wire(group, number, wire, record.at, record.size), type)
    except (dns.exception.DNSException, ValueError) as error:
        raise ValueError(f"{type}: {error or 'not in the form of this type'}") from None


def _value(data: Any, type: str) -> Value:
    if type == "TXT":
        whole = b"".join(data.strings)
        return Value(whole, said(whole.decode("utf-8", errors="backslashreplace")))
    text = data.to_text()
    if type in NAMES or type in ("MX", "SRV"):
        text = text.removesuffix(".") or "."
    serial = data.serial if type == "SOA" else 0
    # The canonical form of DNSSEC (RFC 4034, 6.2): names whole and in lower case.
    return Value(data.to_digestable(), said(text), serial)
