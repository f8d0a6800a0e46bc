"""One request until its answer: digest authentication and redirects on the way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from monitor.checks import Deadline
from monitor.wire.connection import Connection, Phases
from monitor.wire.http import digest
from monitor.wire.http.addresses import Url, parse
from monitor.wire.http.cookies import Cookies
from monitor.wire.http.http1 import Exchanging, Head, Request, fields
from monitor.wire.http.redirects import following as redirected
from monitor.wire.http.route import Route

MAX_REDIRECTS = 10
UNAUTHORIZED = 401


class TooManyRedirects(Exception):
    """The last redirect that is followed led to one more."""


class Errand:
    """`url` is what is asked for now; `phases` add up over all requests. Hang up in the end.

    `login` are user and password for a digest challenge of the first host, None answers none.
    """

    def __init__(
        self,
        first: Request,
        route: Route,
        deadline: Deadline,
        *,
        follow: bool,
        login: tuple[str, str] | None = None,
    ) -> None:
        self._first = first
        self._route = route
        self._deadline = deadline
        self._follow = follow
        self._login = login
        self.url: Url = first.url
        self.phases = Phases()
        self.redirects = 0
        self.connection: Connection | None = None

    async def run(self) -> tuple[Request, Exchanging, Head]:
        """The request that was answered at last, and the answer, of which only the head is read.

        Raises TooManyRedirects, what `redirected` raises, what the route and its exchange raise.
        """
        cookies, request = Cookies(), self._first
        for self.redirects in range(MAX_REDIRECTS + 1):
            exchange, head = await self._ask(request)
            if answer := self._login_for(request, head):
                exchange, head = await self._ask(answer)
            following = self._follow and redirected(request, head, cookies)
            if not following:
                return request, exchange, head
            request = following
        raise TooManyRedirects

    def hang_up(self) -> None:
        """Close the connection, in whatever state it is."""
        if self.connection is not None:
            self.connection.close()

    async def _ask(self, request: Request) -> tuple[Exchanging, Head]:
        self.hang_up()
        self.url = request.url
        self.connection = await self._route.open(request.url, self._deadline, self.phases)
        exchange = self._route.exchange(self.connection, request.url)
        with self.phases.time("first_byte"):
            return exchange, await exchange.ask(self._route.addressed(request))

    def _login_for(self, request: Request, head: Head) -> Request | None:
        """The request with the answer to a digest challenge; None where none is to be answered."""
        if self._login is None or head.status != UNAUTHORIZED:
            return None
        challenge = digest.challenge_of(head.all("www-authenticate"))
        if challenge is None or request.url.origin != self._first.url.origin:
            return None
        username, password = self._login
        value = digest.authorization(
            challenge,
            username=username,
            password=password,
            method=request.method,
            target=request.url.target,
        )
        own = fields(dict(request.fields.values()), {"Authorization": value})
        return replace(request, fields=own)


def first_request(
    method: str,
    address: str,
    headers: Mapping[str, str],
    body: str | None,
    authorization: Mapping[str, str],
) -> Request:
    """What is asked for at first. Given headers go before ours, credentials before both."""
    url, content = parse(address), (body or "").encode()
    ours = {
        "Host": url.authority,
        "User-Agent": "Nocturne",
        "Accept": "*/*",
        "Accept-Encoding": "gzip, deflate",
        "Connection": "close",
    }
    length = {"Content-Length": str(len(content))}
    if not content and method in ("POST", "PUT", "PATCH"):  # RFC 9110, 8.6
        ours |= {} if "transfer-encoding" in fields(headers) else length
    return Request(
        method=method,
        url=url,
        fields=fields(ours, headers, length if content else {}, authorization),
        body=content,
    )
