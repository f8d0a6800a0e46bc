"""Secrets that are handed out once and kept only as hashes: made, told apart, compared."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass

SHAPE = re.compile(r"noc_(?P<prefix>[0-9a-f]{12})_(?P<rest>[A-Za-z0-9_-]{43})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Secret:
    """A new secret: `text` is shown once, `prefix` and `hash` are stored."""

    text: str
    prefix: str
    hash: str

    def __repr__(self) -> str:
        """The prefix alone: the text must not come into a log."""
        return f"Secret(prefix={self.prefix!r})"


def make() -> Secret:
    """A secret of 256 random bits: `noc_<prefix>_<secret>`."""
    prefix = secrets.token_hex(6)
    text = f"noc_{prefix}_{secrets.token_urlsafe(32)}"
    return Secret(text=text, prefix=prefix, hash=digest(text))


def prefix_of(text: str) -> str | None:
    """The prefix by which a secret is found; None for what can't be one of ours."""
    found = SHAPE.fullmatch(text)
    return found["prefix"] if found else None


def digest(text: str) -> str:
    """SHA-256 in hex. A slow hash would add nothing: there are 256 random bits to guess."""
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()


def same(text: str, stored: str) -> bool:
    """Whether a secret has this hash, compared in constant time."""
    return hmac.compare_digest(digest(text), stored)
