"""TLS settings of a probe: whom it trusts, what it shows of itself, what it speaks. One context each.

Contexts are shared, since making one costs 22 ms; files that were written anew are read anew.
Error: Exception ← UnusableFile.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeVar

from monitor.checks import tcp

VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """`cert_file` and `key_file` are shown to servers that ask; `protocols` are for ALPN."""

    verify: bool = True
    ca_file: str | None = None
    cert_file: str | None = None
    key_file: str | None = None
    min_tls: str | None = None
    protocols: tuple[str, ...] = ("http/1.1",)

    def context(self) -> ssl.SSLContext:
        """The context of these settings. Raises UnusableFile."""
        files = (self.ca_file, self.cert_file, self.key_file)
        return _context(self, tuple(_stamp(file) for file in files))


class UnusableFile(Exception):
    """A file of certificates or keys cannot be used."""

    def __init__(self, what: str, path: str | None, error: OSError | ValueError) -> None:
        reason = getattr(error, "strerror", None) or "not PEM"
        if isinstance(error, ssl.SSLError):
            reason = WORDS.get(error.reason or "", "not PEM")
        super().__init__(f"{what} {path} can't be used: {reason}")


WORDS = {
    "KEY_VALUES_MISMATCH": "its key is another's",
    "BAD_PASSWORD_READ": "its key is encrypted",
    "BAD_DECRYPT": "its key is encrypted",
}


def _stamp(path: str | None) -> tuple[int, int] | None:
    try:
        found = os.stat(path) if path is not None else None
    except (OSError, ValueError):
        return None
    return found and (found.st_mtime_ns, found.st_size)


@lru_cache(maxsize=32)
def _context(trust: Trust, _stamps: object) -> ssl.SSLContext:
    context = _using(
        "CA file", trust.ca_file, lambda: tcp.new_tls_context(trust.verify, trust.ca_file)
    )
    if (file := trust.cert_file) is not None:
        # An empty passphrase, since OpenSSL would ask for one at the terminal.
        _using(
            "client certificate",
            file,
            lambda: context.load_cert_chain(file, trust.key_file, password=b""),
        )
    if trust.min_tls is not None:
        context.minimum_version = VERSIONS[trust.min_tls]
    context.set_alpn_protocols(list(trust.protocols))  # RFC 7301
    return context


def _using(what: str, path: str | None, load: Callable[[], T]) -> T:
    try:
        return load()
    except (OSError, ValueError) as error:
        raise UnusableFile(what, path, error) from error
