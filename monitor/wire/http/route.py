"""How requests of one probe get to their hosts: over which proxy, with which TLS, in which HTTP."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, replace

from monitor import reach
from monitor.checks import Deadline
from monitor.wire.connection import Connection, Phases, connect, protocol_of
from monitor.wire.http.addresses import Url
from monitor.wire.http.http1 import Exchange, Exchanging, Request, fields
from monitor.wire.http.http2 import Exchange2, NoHttp2
from monitor.wire.http.proxies import Proxy, connect_through
from monitor.wire.tls.trust import Trust


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """`home` is the host that the client certificate is for: no other one gets to see it."""

    home: str
    trust: Trust
    proxy: Proxy | None = None
    is_http2: bool = False

    async def open(self, url: Url, deadline: Deadline, phases: Phases) -> Connection:
        """A connection for one request to `url`.

        Raises OSError as `connect` does, ssl.SSLError, ProxyRefused, UnusableFile.
        """
        context = self._context(url.host) if url.scheme == "https" else None
        if self.proxy is None:
            return await connect(url.host, url.port, context, deadline, phases)
        # The proxy resolves names, so that only what is written as an address can be judged here.
        reach.require_written(url.host)
        plain = Trust(verify=self.trust.verify, ca_file=self.trust.ca_file)
        proxy_tls = plain.context() if self.proxy.is_tls else None
        return await connect_through(self.proxy, url, proxy_tls, context, deadline, phases)

    def exchange(self, connection: Connection, url: Url) -> Exchanging:
        """What speaks HTTP over it. Raises NoHttp2."""
        if not self.is_http2 or url.scheme != "https":
            return Exchange(connection)
        if protocol_of(connection) != "h2":
            raise NoHttp2
        return Exchange2(connection)

    def addressed(self, request: Request) -> Request:
        """The request as it is sent: http over a proxy asks the proxy itself, with its credentials."""
        if self.proxy is None or request.url.scheme == "https":
            return request
        own = fields(dict(request.fields.values()), self.proxy.fields)
        return replace(request, absolute=True, fields=own)

    def _context(self, host: str) -> ssl.SSLContext:
        trust = self.trust
        if host != self.home:
            trust = replace(trust, cert_file=None, key_file=None)
        return replace(
            trust, protocols=("h2", "http/1.1") if self.is_http2 else ("http/1.1",)
        ).context()
