"""A TLS handshake over an open connection, made to see what the other side presents.

The TLS of `monitor.wire.connection` hands on bytes and keeps what was agreed to itself; here the
certificates, version and cipher are all that is wanted, on a connection that may have spoken before
(STARTTLS), and with a name of its own in SNI.
"""

from __future__ import annotations

import contextlib
import ipaddress
import re
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from monitor.checks import tcp
from monitor.wire.connection import Connection

# Chains of real servers take some kB; a flood must end although every single read succeeds.
MAX_BYTES = 512 * 1024
TEXT = re.compile(r"\] (.+?) \(_ssl")

T = TypeVar("T")


class Flood(OSError):
    """The other side sends without end and shakes no hands."""

    def __init__(self) -> None:
        super().__init__(0, f"more than {MAX_BYTES // 1024} kB without a handshake")


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreed:
    """What a handshake showed: the presented certificates in DER, the server's own first."""

    chain: tuple[bytes, ...]
    version: str
    cipher: str
    protocol: str | None


class Handshake:
    """TLS in memory over a plain connection."""

    def __init__(self, plain: Connection, context: ssl.SSLContext, name: str) -> None:
        self._plain = plain
        self._received, self._to_send = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._bytes = 0
        # The name in SNI has no final dot (RFC 6066, 3), nor have those in certificates.
        name = name.removesuffix(".")
        self._tls = context.wrap_bio(self._received, self._to_send, server_hostname=name)

    async def shake(self) -> Agreed:
        """Shake hands. Raises ssl.SSLError, Flood and other OSErrors."""
        try:
            await self._step(self._tls.do_handshake)
        except ssl.SSLError:
            with contextlib.suppress(OSError):
                await self._flush()  # the alert that tells the server why (RFC 8446, 6.2)
            raise
        cipher = self._tls.cipher()
        return Agreed(
            chain=_presented(self._tls),
            version=(self._tls.version() or "").replace("TLSv", "TLS "),
            cipher=cipher[0] if cipher else "",
            protocol=self._tls.selected_alpn_protocol(),
        )

    async def accepted(self) -> None:
        """Wait for the server's first word after the handshake. Raises ssl.SSLError for a refusal.

        With TLS 1.3 a server judges the client's certificate when the client is done already: its
        refusal comes where its first data would (RFC 8446, E.1.2). One that accepts mostly sends
        session tickets; to one that keeps silent the caller sets a limit.
        """
        for _ in range(2):
            try:
                self._tls.read(1)
            except ssl.SSLWantReadError:
                await self._fill()
            except ssl.SSLZeroReturnError:
                return

    async def _step(self, step: Callable[[], T]) -> T:
        while True:
            try:
                value = step()
            except ssl.SSLWantReadError:
                await self._flush()
                await self._fill()
            else:
                await self._flush()
                return value

    async def _fill(self) -> None:
        data = await self._plain.receive()
        self._bytes += len(data)
        if self._bytes > MAX_BYTES:
            raise Flood
        if data:
            self._received.write(data)
        else:
            self._received.write_eof()

    async def _flush(self) -> None:
        if waiting := self._to_send.read():
            await self._plain.send(waiting)


def _presented(tls: ssl.SSLObject) -> tuple[bytes, ...]:
    """The chain as the server sent it; its own certificate alone where the library tells no more."""
    own = tls.getpeercert(True)
    if hasattr(tls, "get_unverified_chain"):  # Python 3.13
        return tuple(cast(Any, tls).get_unverified_chain())
    # Before 3.13 the same call is there, but not yet public.
    inner = getattr(tls, "_sslobj", None)
    if not hasattr(inner, "get_unverified_chain"):
        return (own,) if own else ()
    return tuple(
        ssl.PEM_cert_to_DER_cert(each.public_bytes())
        for each in cast(Any, inner).get_unverified_chain() or ()
    )


def why(error: ssl.SSLError) -> str:
    """What the library says; it has no name for some alerts, but a text (`[SSL] … (_ssl.c:1006)`)."""
    if not error.reason and (found := TEXT.search(str(error))):
        return found[1]
    return tcp.tls_reason(error)


def can_be_asked_for(name: str) -> bool:
    """Whether the library takes a name for SNI, or as an address."""
    with contextlib.suppress(ValueError):
        return bool(ipaddress.ip_address(name))
    try:
        return bool(name.removesuffix(".").encode("idna")) and name.isprintable()
    except UnicodeError:
        return False
