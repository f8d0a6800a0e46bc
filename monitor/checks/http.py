"""Check kind `http`: an HTTP or HTTPS endpoint answers as expected, with its time by phase."""

from __future__ import annotations

import asyncio
import re
import ssl
from base64 import b64encode
from collections.abc import Iterator
from typing import Annotated, Literal
from urllib.parse import urlsplit

from msgspec import Meta, field

from domain.facts import Cause, Measurement, Status
from domain.mistakes import WrongFields
from domain.rules import Operator, StockRule
from domain.units import show
from monitor.checks import Check, Deadline, kind, tcp
from monitor.foreign import matches
from monitor.wire.addresses import InvalidURL, credentials, parse
from monitor.wire.connection import AddressRefused, Connection, Phases, Policy, connect, everyone
from monitor.wire.cookies import Cookies
from monitor.wire.http1 import (
    Exchange,
    Head,
    LocalProtocolError,
    RemoteProtocolError,
    Request,
    fields,
    read,
)
from monitor.wire.redirects import following as redirected

MAX_REDIRECTS = 10
HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
# A pattern without these can't backtrack for long, so it is matched in our own process.
REPEATS = frozenset("*+?{")
# The phases that are metrics, in their order; redirects add up. `tls` is there for https only.
PHASES = ("dns", "connect", "tls", "first_byte")
CHARSET = re.compile(r";\s*charset\s*=\s*[\"']?([^\s;\"',]+)", re.IGNORECASE)


SLOW = (
    "The service answers, but slower than its users accept. First look: the phases of the last result "
    "(name, connect, TLS, first byte): a long first byte is the service itself or its database, a long "
    "connect is the network or a full queue. Usual fix: look at CPU, memory and slow queries of the "
    "service, undo the last release, or add workers."
)
EXPIRING = (
    "The certificate ends soon; from then on browsers and clients refuse the service. First look: when "
    "it ends, and the log of the renewal (`certbot renew --dry-run`). Usual fix: renew it, reload the "
    "server so that it is used, and repair the job that should have done so; a renewed file that is not "
    "served needs only the reload."
)


@kind(
    "http",
    title="HTTP endpoint",
    component="api",
    headline="http.total_ms",
    rules=(
        StockRule(
            metric="http.total_ms",
            title="Response time",
            warning=500,
            critical=1000,
            unit="ms",
            runbook=SLOW,
        ),
        StockRule(
            metric="tls.days_left",
            title="Certificate valid for",
            warning=21,
            critical=7,
            operator=Operator.LT,
            unit="days",
            runbook=EXPIRING,
        ),
    ),
)
class HttpCheck(Check, frozen=True, kw_only=True):
    """A request to `url` is answered with an expected status and, if asked for, body."""

    url: Annotated[str, Meta(description="http:// or https:// address", max_length=4096)]
    method: Annotated[
        Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"],
        Meta(description="HTTP method"),
    ] = "GET"
    headers: Annotated[dict[str, str], Meta(description="Headers to send")] = field(
        default_factory=dict
    )
    body: Annotated[str | None, Meta(description="Body to send")] = None
    expect_status: Annotated[
        tuple[Annotated[int, Meta(ge=100, le=599)], ...],
        Meta(min_length=1, description="Statuses that are right"),
    ] = (200,)
    expect_body: Annotated[str | None, Meta(description="Text the answer must contain")] = None
    expect_regex: Annotated[
        str | None, Meta(description="Regular expression that must match in the answer")
    ] = None
    follow_redirects: Annotated[bool, Meta(description="Follow up to 10 redirects")] = True
    verify: Annotated[bool, Meta(description="Refuse certificates that are not trusted")] = True
    ca_file: Annotated[
        str | None, Meta(description="PEM file of the authorities to trust instead of the usual")
    ] = None
    username: Annotated[str | None, Meta(description="User for basic authentication")] = None
    password: Annotated[str | None, Meta(description="Password for basic authentication")] = None
    body_limit: Annotated[
        int, Meta(ge=1, le=16 * 2**20, description="Bytes of the answer that are read at most")
    ] = 2**20

    def __post_init__(self) -> None:
        """Refuse what could never work. No reason repeats a value that may be secret."""
        if wrong := list(self._wrong()):
            raise WrongFields(wrong)

    def _wrong(self) -> Iterator[tuple[str, str]]:
        try:
            _host_and_port(self.url)
        except ValueError as error:
            yield "url", str(error).removeprefix("url ")
        for name, value in self.headers.items():
            if not HEADER_NAME.fullmatch(name) or not value.isprintable() or not value.isascii():
                yield "headers", f"header {name!r} has a name or value that HTTP does not allow"
        try:
            re.compile(self.expect_regex or "")
        except re.error as error:
            yield "expect_regex", f"is not a regular expression: {error}"

    def __repr__(self) -> str:
        """Without headers and credentials, so that a log of the check gives nothing away."""
        return f"HttpCheck({self.target()!r})"

    async def run(self, deadline: Deadline) -> Measurement:
        """Request, follow redirects, read the answer up to `body_limit`, compare."""
        probe = Probe(self, deadline)
        try:
            async with asyncio.timeout_at(deadline.at):
                return await probe.measure()
        except TimeoutError:
            return probe.timed_out()
        finally:
            probe.hang_up()

    def target(self) -> str:
        """Method and address, without credentials, query and fragment."""
        parts = urlsplit(self.url)
        host, port = parts.hostname or "", parts.port
        where = tcp.place(host, port) if port else f"[{host}]" if ":" in host else host
        return f"{self.method} {parts.scheme}://{where}{parts.path or '/'}"


class UnusableCa(Exception):
    """The file of certificates to trust cannot be used."""

    def __init__(self, path: str | None, error: OSError) -> None:
        super().__init__(f"CA file {path} can't be used: {error.strerror or 'not PEM'}")


class TooManyRedirects(Exception):
    """The last redirect that is followed led to one more."""


class Probe:
    """One run of a check, with its redirects: what happened so far, and when."""

    def __init__(self, check: HttpCheck, deadline: Deadline, policy: Policy = everyone) -> None:
        self._check = check
        self._deadline = deadline
        self._policy = policy
        self._clock = asyncio.get_running_loop().time
        self._start = self._clock()
        self._budget_s = deadline.remaining()
        self._phases = Phases()
        self._connection: Connection | None = None
        self._answering = False
        self._redirects = 0
        self._host, self._port = _host_and_port(check.url)

    async def measure(self) -> Measurement:
        """The whole exchange. Everything but a bug ends as a measurement."""
        try:
            return await self._answered(*await self._follow())
        except (UnusableCa, AddressRefused) as error:
            return Measurement(
                status=Status.UNKNOWN, cause=Cause.NOT_MEASURABLE, message=str(error)
            )
        except TimeoutError:
            return self.timed_out()
        except ssl.SSLError as error:
            text = f"TLS with {self._where()} failed: {tcp.tls_reason(error)}"
            return tcp.critical(Cause.TLS, text)
        except OSError as error:
            return tcp.unreachable(error, self._host, self._port, self._budget_s)
        except (TooManyRedirects, RemoteProtocolError, LocalProtocolError, InvalidURL) as error:
            return tcp.critical(Cause.WRONG_ANSWER, self._failure(error))

    def timed_out(self) -> Measurement:
        """The measurement for a deadline that has passed."""
        what = "No complete answer" if self._answering else "No answer"
        limit = tcp.length(self._budget_s)
        return tcp.critical(Cause.TIMEOUT, f"{what} from {self._where()} within {limit}")

    def hang_up(self) -> None:
        """Close the connection, in whatever state it is."""
        if self._connection is not None:
            self._connection.close()

    async def _follow(self) -> tuple[Request, Exchange, Head]:
        """The request that was answered at last, and the answer, of which only the head is read."""
        cookies, request = Cookies(), _first_request(self._check)
        for self._redirects in range(MAX_REDIRECTS + 1):
            exchange, head = await self._ask(request)
            following = self._check.follow_redirects and redirected(request, head, cookies)
            if not following:
                self._answering = True
                return request, exchange, head
            request = following
        raise TooManyRedirects

    async def _ask(self, request: Request) -> tuple[Exchange, Head]:
        self.hang_up()
        url = request.url
        self._host, self._port = url.host, url.port
        context = self._trust() if url.scheme == "https" else None
        self._connection = await connect(
            url.host, url.port, context, self._deadline, self._phases, self._policy
        )
        exchange = Exchange(self._connection)
        with self._phases.time("first_byte"):
            return exchange, await exchange.ask(request)

    def _trust(self) -> ssl.SSLContext:
        try:
            context = tcp.tls_context(self._check.verify, self._check.ca_file)
        except OSError as error:
            raise UnusableCa(self._check.ca_file, error) from error
        context.set_alpn_protocols(["http/1.1"])  # RFC 7301
        return context

    async def _answered(self, request: Request, exchange: Exchange, head: Head) -> Measurement:
        metrics = {"http.status": float(head.status)}
        if self._connection and (certificate := self._connection.certificate()):
            metrics["tls.days_left"] = tcp.days_until(tcp.expires_at(certificate))
        body, cut = await read(exchange, head, self._check.body_limit)
        total_ms = round((self._clock() - self._start) * 1000, 2)
        seconds = self._phases.seconds
        metrics |= {f"http.{p}_ms": round(seconds[p] * 1000, 2) for p in PHASES if p in seconds}
        metrics["http.total_ms"] = total_ms
        wrong = await self._wrong(request.url.path, head, body, cut)
        return Measurement(
            status=Status.CRITICAL if wrong else Status.HEALTHY,
            cause=Cause.WRONG_ANSWER if wrong else Cause.NONE,
            message=wrong or f"HTTP {head.status} in {show(total_ms, 'ms')}",
            response_time_ms=total_ms,
            metrics=metrics,
            details={"redirects": self._redirects, "bytes_read": len(body), "cut": cut},
        )

    async def _wrong(self, path: str, head: Head, body: bytes, cut: bool) -> str | None:
        """The sentence that says what is not as expected; None when all is."""
        check = self._check
        if head.status not in check.expect_status:
            expected = " or ".join(str(status) for status in check.expect_status)
            return f"HTTP {head.status} from {path}, expected {expected}"
        where = f"the first {show(len(body), 'bytes')} of {path}" if cut else path
        text = _text(body, head.value("content-type") or "")
        if check.expect_body is not None and check.expect_body not in text:
            return f"Expected text not found in {where}"
        if check.expect_regex is not None and not await _found(check.expect_regex, text):
            return f"Expected pattern does not match in {where}"
        return None

    def _where(self) -> str:
        return tcp.place(self._host, self._port)

    def _failure(self, error: Exception) -> str:
        if isinstance(error, TooManyRedirects):
            return f"More than {MAX_REDIRECTS} redirects, the last from {self._where()}"
        if isinstance(error, RemoteProtocolError):
            return f"{self._where()} does not speak HTTP: {str(error)[:120]}"
        # Other texts may quote what was sent, credentials included.
        return f"Request to {self._where()} failed: {type(error).__name__}"


def _first_request(check: HttpCheck) -> Request:
    """What the check asks for. Its own fields go before ours, credentials before both."""
    url, body = parse(check.url), (check.body or "").encode()
    ours = {
        "Host": url.authority,
        "User-Agent": "Nocturne",
        "Accept": "*/*",
        "Accept-Encoding": "gzip",
        "Connection": "close",
    }
    length = {"Content-Length": str(len(body))}
    if not body and check.method in ("POST", "PUT", "PATCH"):  # RFC 9110, 8.6
        ours |= {} if "transfer-encoding" in fields(check.headers) else length
    return Request(
        method=check.method,
        url=url,
        fields=fields(ours, check.headers, length if body else {}, _authorization(check)),
        body=body,
    )


def _authorization(check: HttpCheck) -> dict[str, str]:
    """Basic authentication (RFC 7617) from the fields, else from the address."""
    if check.username:
        given: tuple[str, str] | None = (check.username, check.password or "")
    else:
        given = credentials(check.url)
    if given is None:
        return {}
    return {"Authorization": f"Basic {b64encode(':'.join(given).encode()).decode()}"}


async def _found(pattern: str, text: str) -> bool:
    if REPEATS & set(pattern):
        return await matches(pattern, text)
    return re.search(pattern, text) is not None


def _host_and_port(url: str) -> tuple[str, int]:
    """Host and port of an HTTP URL. Raises ValueError with the reason, without the URL itself."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ValueError("url is not a valid address") from None
    if parts.scheme not in ("http", "https"):
        raise ValueError("url must begin with http:// or https://")
    if not parts.hostname or any(letter.isspace() for letter in url):
        raise ValueError("url must name a host and hold no spaces")
    return parts.hostname, port or (443 if parts.scheme == "https" else 80)


def _text(body: bytes, content_type: str) -> str:
    """The body as text, in the charset that the server names (RFC 9110, 8.3.2), else UTF-8."""
    named = CHARSET.search(content_type)
    try:
        return body.decode(named[1] if named else "utf-8", errors="replace")
    except (LookupError, UnicodeError):  # no such charset, or one that is not for text
        return body.decode("utf-8", errors="replace")
