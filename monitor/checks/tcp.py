"""Check kind `tcp`: a TCP connection can be opened. And what other network probes share with it.

That is: resolving and naming a host, judging a failed connection, TLS contexts, certificates.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl
from datetime import UTC, datetime
from functools import lru_cache
from typing import Annotated

from msgspec import Meta

from domain.facts import Cause, Measurement, Status
from domain.units import show
from monitor import reach
from monitor.checks import Check, Deadline, in_thread, kind
from monitor.wire.tls import certificates

Host = Annotated[str, Meta(min_length=1, max_length=253, pattern=r"^[^\s/@]+$")]
Port = Annotated[int, Meta(ge=1, le=65535)]


class NameNotResolved(OSError):
    """The name has no address, or no resolver said so in time. The text names it and the reason."""

    def __init__(self, host: str, reason: str) -> None:
        super().__init__(f'Name "{host}" not resolved: {reason}')


@kind("tcp", title="TCP connection", component="network", headline="tcp.connect_ms")
class TcpCheck(Check, frozen=True, kw_only=True):
    """A connection to `host`:`port` is accepted; nothing is sent."""

    host: Annotated[Host, Meta(description="Name or address to connect to")]
    port: Annotated[Port, Meta(description="TCP port, 1 to 65535")]

    async def run(self, deadline: Deadline) -> Measurement:
        """Resolve and connect; healthy as soon as one of the host's addresses accepts."""
        clock = asyncio.get_running_loop().time
        budget, start = deadline.remaining(), clock()
        try:
            addresses = await resolve(self.host, deadline)
            resolved = clock()
            address = await _connect_any(addresses, self.port, deadline)
        except OSError as error:
            return unreachable(error, self.host, self.port, budget)
        metrics = {
            "tcp.dns_ms": round((resolved - start) * 1000, 2),
            "tcp.connect_ms": round((clock() - resolved) * 1000, 2),
        }
        return Measurement(
            status=Status.HEALTHY,
            message=f"Connected to {place(self.host, self.port)} in "
            f"{show(metrics['tcp.connect_ms'], 'ms')}",
            response_time_ms=metrics["tcp.connect_ms"],
            metrics=metrics,
            details={"address": address},
        )

    def target(self) -> str:
        """`host:port`."""
        return place(self.host, self.port)


def place(host: str, port: int) -> str:
    """`host:port`, with brackets around an IPv6 address."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def length(seconds: float) -> str:
    """A time limit as messages say it: `10 s`, `500 ms`."""
    return show(round(seconds * 1000), "ms")


async def resolve(host: str, deadline: Deadline) -> list[str]:
    """The addresses of `host` that may be connected to, in the system's order of preference.

    Connect to these and not to the name, which could stand for another address a moment later.
    Raises AddressRefused when the network policy refuses one of them (see monitor/reach), else
    NameNotResolved, at the latest at the deadline.
    """
    addresses = [host] if _is_address(host) else await _ask(host, deadline)
    reach.require(addresses)
    return addresses


async def _ask(host: str, deadline: Deadline) -> list[str]:
    """Ask the system's resolver.

    Each name has a thread of its own, so that a dead resolver costs neither the loop nor the
    shared executor.
    """
    budget = deadline.remaining()
    try:
        async with asyncio.timeout_at(deadline.at):
            return await in_thread(("resolve", host), lambda: _lookup(host))
    except TimeoutError:
        raise NameNotResolved(host, f"no answer within {length(budget)}") from None
    except socket.gaierror as error:
        raise NameNotResolved(host, error.strerror or "no address") from None
    except UnicodeError:
        raise NameNotResolved(host, "not a valid host name") from None


def unreachable(error: OSError, host: str, port: int, budget_s: float) -> Measurement:
    """The measurement for a connection that could not be opened within `budget_s`.

    It is critical; unknown only when the connection was not tried, since the network policy
    refuses the address: that says nothing about what is watched.
    """
    where = place(host, port)
    if isinstance(error, reach.AddressRefused):
        return Measurement(status=Status.UNKNOWN, cause=Cause.NOT_MEASURABLE, message=str(error))
    if isinstance(error, NameNotResolved):
        return critical(Cause.NAME_NOT_RESOLVED, str(error))
    if isinstance(error, TimeoutError):
        return critical(Cause.TIMEOUT, f"No answer from {where} within {length(budget_s)}")
    if isinstance(error, ConnectionRefusedError):
        return critical(Cause.REFUSED, f"Connection refused by {where}")
    return critical(Cause.REFUSED, f"No connection to {where}: {error.strerror or 'it failed'}")


def critical(cause: Cause, message: str) -> Measurement:
    """A critical measurement without metrics: nothing was measured."""
    return Measurement(status=Status.CRITICAL, cause=cause, message=message)


def share(deadline: Deadline, left: int) -> float:
    """Seconds for the next of `left` addresses, so that a black hole leaves time for the others."""
    return deadline.remaining() / max(1, left)


@lru_cache(maxsize=16)
def tls_context(verify: bool, ca_file: str | None) -> ssl.SSLContext:
    """The context shared by all probes with these settings: making one costs 22 ms. Not to be changed."""
    return new_tls_context(verify, ca_file)


def new_tls_context(verify: bool, ca_file: str | None) -> ssl.SSLContext:
    """A context of the caller's own, which may be changed. Raises OSError for the file."""
    context = ssl.create_default_context(cafile=ca_file)
    if ca_file is None and ssl.get_default_verify_paths().cafile is None:
        import certifi  # for images without the system's certificates

        context.load_verify_locations(certifi.where())
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def days_left(certificate: bytes) -> float | None:
    """Days for which a DER certificate is still valid, negative when it has expired.

    None where its bytes are no certificate: one that was not verified may be anything.
    """
    end = _valid_until(certificate)
    return None if end is None else days_until(end)


def days_until(moment: datetime) -> float:
    """Days from now to the moment, negative when it has passed."""
    return round((moment - datetime.now(UTC)).total_seconds() / 86400, 1)


@lru_cache(maxsize=512)
def _valid_until(certificate: bytes) -> datetime | None:
    """Kept, since a server shows the same one at each run."""
    try:
        return certificates.read(certificate).valid_until
    except certificates.Unreadable:
        return None


def tls_reason(error: ssl.SSLError) -> str:
    """Why a handshake failed, as the library says it: `certificate has expired`."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return error.verify_message
    return (error.reason or "no handshake").replace("_", " ").lower()


@lru_cache(maxsize=4096)
def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _lookup(host: str) -> list[str]:
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


async def _connect_any(addresses: list[str], port: int, deadline: Deadline) -> str:
    last: OSError = TimeoutError()
    for index, address in enumerate(addresses):
        try:
            async with asyncio.timeout(share(deadline, len(addresses) - index)):
                await _connect(address, port)
            return address
        except OSError as error:
            last = error
    raise last


async def _connect(address: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as opened:
        opened.setblocking(False)
        await asyncio.get_running_loop().sock_connect(opened, (address, port))
