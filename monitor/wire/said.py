"""What a server said, as it may be shown: on one line, short, and without what we sent in secret."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import parse_qsl, unquote, urlsplit

MASK = "***"
SHOWN = 200
# Shorter ones stand in every text, and masking them would spoil it.
SHORTEST_SECRET = 4
LONGER_WORD = re.compile(r"[^\s\"',:;&=<>{}\[\]]{8,}")


def said(text: str, secrets: Iterable[str] = (), limit: int = SHOWN) -> str:
    """The text, cleaned of control characters, each secret masked, cut to `limit` characters."""
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) >= SHORTEST_SECRET:
            text = text.replace(secret, MASK)
    line = " ".join("".join(c if c.isprintable() else " " for c in text[: 10 * limit]).split())
    return line if len(line) <= limit else f"{line[: limit - 1]}…"


def secrets_in(
    urls: Iterable[str], headers: Mapping[str, str], body: str | None = None
) -> Iterator[str]:
    """What a server was sent that may be secret: it may not give that back to people."""
    for url in urls:
        parts = urlsplit(url)
        given = (parts.username or "", parts.password or "")
        yield from (*given, *map(unquote, given))
        yield from (value for _, value in parse_qsl(parts.query))
    for value in headers.values():
        yield from (value, *value.split())
    yield from LONGER_WORD.findall(body or "")
