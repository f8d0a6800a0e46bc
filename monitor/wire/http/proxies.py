"""An HTTP proxy on the way: by CONNECT to https (RFC 9110, 9.3.6), by whole addresses to http."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import h11

from monitor.checks import Deadline, tcp
from monitor.wire.connection import Connection, Phases, connect, secured
from monitor.wire.http.addresses import DEFAULT_PORTS, Url, credentials
from monitor.wire.http.authorization import basic_value

LONGEST_HEAD = 32 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Proxy:
    """Where a proxy is, and who we are to it."""

    host: str
    port: int
    is_tls: bool
    fields: dict[str, str] = field(repr=False)

    @property
    def place(self) -> str:
        """`host:port`."""
        return tcp.place(self.host, self.port)


class ProxyRefused(Exception):
    """The proxy does not connect us, as it says itself."""

    def __init__(self, proxy: Proxy, said: str) -> None:
        super().__init__(f"Proxy {proxy.place} does not connect: {said}")


def parse(text: str) -> Proxy:
    """The proxy at an address like `http://user:password@host:3128`.

    Raises ValueError with the reason, which never quotes the address.
    """
    try:
        parts = urlsplit(text)
        host, port, given = parts.hostname, parts.port, credentials(text)
    except ValueError:
        raise ValueError("is not a valid address") from None
    if parts.scheme not in DEFAULT_PORTS:
        raise ValueError("must begin with http:// or https://")
    if not host or not text.isascii() or not text.isprintable() or " " in text:
        raise ValueError("must name a host and hold no spaces")
    if port is None:
        raise ValueError("must name a port: http://host:3128")
    if parts.path not in ("", "/") or parts.query or parts.fragment:
        raise ValueError("must end with its port")
    fields = {}
    if given is not None:
        fields["Proxy-Authorization"] = basic_value(*given)
    return Proxy(host=host, port=port, is_tls=parts.scheme == "https", fields=fields)


async def connect_through(
    proxy: Proxy,
    to: Url,
    proxy_tls: ssl.SSLContext | None,
    tls: ssl.SSLContext | None,
    deadline: Deadline,
    phases: Phases,
) -> Connection:
    """A connection on which `to` can be asked for; with `tls` it goes on to the host itself.

    Raises OSError as `connect` does, of the proxy; ssl.SSLError; ProxyRefused.
    """
    way = await connect(proxy.host, proxy.port, proxy_tls, deadline, phases)
    try:
        if tls is None:
            return way
        with phases.time("connect"):
            await _tunnel(way, proxy, to)
        with phases.time("tls"):
            return await secured(way, tls, to.host)
    except BaseException:
        way.close()
        raise


async def _tunnel(way: Connection, proxy: Proxy, to: Url) -> None:
    place = tcp.place(to.host, to.port)
    parser = h11.Connection(h11.CLIENT, max_incomplete_event_size=LONGEST_HEAD)
    fields = {"Host": place, "User-Agent": "Nocturne", **proxy.fields}
    asked = h11.Request(method="CONNECT", target=place, headers=list(fields.items()))
    await way.send((parser.send(asked) or b"") + (parser.send(h11.EndOfMessage()) or b""))
    spoke = False
    try:
        while not isinstance(event := parser.next_event(), h11.Response):
            if event is h11.NEED_DATA:
                data = await way.receive()
                if not data and not spoke:
                    raise ProxyRefused(proxy, "it hung up")
                spoke = True
                parser.receive_data(data)
    except h11.RemoteProtocolError:
        raise ProxyRefused(proxy, "it does not speak HTTP") from None
    if not 200 <= event.status_code < 300:
        raise ProxyRefused(proxy, f"HTTP {event.status_code}")
    # What came behind the head would be the host's; TLS speaks only when it is spoken to.
    if parser.trailing_data[0]:
        raise ProxyRefused(proxy, "it sent more than its answer")
