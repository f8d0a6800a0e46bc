"""Plain answers in HTTP/1.1: a final status, and a body that is counted or ends with the connection.

Nearly all answers to a check are such. What is not plain in every respect (1xx, chunks, folded or odd
lines) is nobody's here: `read` gives None, and h11 decides what it means.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

# RFC 9112, 4 and 5, without what is obsolete; each byte can be matched in one way only.
HEAD = re.compile(
    rb"HTTP/1\.[01] ([2-9][0-9]{2})(?: [\t\x20-\x7e\x80-\xff]*)?\r\n"
    rb"((?:[-!#$%&'*+.^_`|~0-9A-Za-z]+:[\t\x20-\x7e\x80-\xff]*\r\n)*)\r\n"
)
LENGTH = re.compile(rb"[0-9]{1,15}")
WITHOUT_BODY = frozenset({204, 304})


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """What has come of it with the head, and its length in bytes; None until the connection ends."""

    begun: bytes
    length: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plain:
    """The head of a plain answer: names in lower case. What follows it is the body."""

    status: int
    fields: tuple[tuple[bytes, bytes], ...]
    body: Body


def is_head(data: bytes) -> bool:
    """Whether an empty line has come. Some servers end lines with LF alone; that is not plain."""
    return b"\n\r\n" in data or b"\n\n" in data


def read(data: bytes) -> Plain | None:
    """A plain answer to anything but HEAD and CONNECT; None where h11 must look."""
    found = HEAD.match(data)
    if found is None:
        return None
    lines = (line.partition(b":") for line in found[2].split(b"\r\n")[:-1])
    fields = tuple((name.lower(), value.strip(b" \t")) for name, _, value in lines)
    lengths = [value for name, value in fields if name == b"content-length"]
    if any(name == b"transfer-encoding" for name, _ in fields) or len(lengths) > 1:
        return None
    if lengths and not LENGTH.fullmatch(lengths[0]):
        return None
    status = int(found[1])
    length = int(lengths[0]) if lengths else None
    if status in WITHOUT_BODY:
        length = 0
    return Plain(status=status, fields=fields, body=Body(begun=data[found.end() :], length=length))
