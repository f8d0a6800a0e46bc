"""What every run of one `http` check does alike, made once: it takes as long as asking the server."""

from __future__ import annotations

from dataclasses import dataclass

from monitor.wire.http.expectations import Expectations
from monitor.wire.http.http1 import Request
from monitor.wire.http.proxies import Proxy
from monitor.wire.http.route import Route


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The first request and its way; what the answer must be like; who logs in where asked to."""

    first: Request
    route: Route
    expectations: Expectations
    login: tuple[str, str] | None = None

    @property
    def proxy(self) -> Proxy | None:
        """The proxy on the way, if there is one."""
        return self.route.proxy
