"""Check kind `http`: an HTTP or HTTPS endpoint answers as expected, with its time by phase."""

from __future__ import annotations

import asyncio
import re
import ssl
import zlib
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal
from urllib.parse import urlsplit

from msgspec import Meta, field

from domain.facts import Cause, Measurement, Status
from domain.rules import Operator, StockRule
from domain.units import show
from monitor.checks import Check, Deadline, kind, tcp
from monitor.foreign import matches

if TYPE_CHECKING:
    import httpx

MAX_REDIRECTS = 10
HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
# A pattern without these can't backtrack for long, so it is matched in our own process.
REPEATS = frozenset("*+?{")
# The phases, by the trace events of httpcore that begin and end them.
PHASES = {
    "connect": ("connection.connect_tcp.started", "connection.connect_tcp.complete"),
    "tls": ("connection.start_tls.started", "connection.start_tls.complete"),
    "first_byte": (
        "http11.send_request_headers.started",
        "http11.receive_response_headers.complete",
    ),
}


@kind(
    "http",
    title="HTTP endpoint",
    component="api",
    headline="http.total_ms",
    rules=(
        StockRule(
            metric="http.total_ms", title="Response time", warning=500, critical=1000, unit="ms"
        ),
        StockRule(
            metric="tls.days_left",
            title="Certificate valid for",
            warning=21,
            critical=7,
            operator=Operator.LT,
            unit="days",
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
        _host_and_port(self.url)
        for name, value in self.headers.items():
            if not HEADER_NAME.fullmatch(name) or not value.isprintable() or not value.isascii():
                raise ValueError(f"header {name!r} has a name or value that HTTP does not allow")
        try:
            re.compile(self.expect_regex or "")
        except re.error as error:
            raise ValueError(f"expect_regex is not a regular expression: {error}") from None

    def __repr__(self) -> str:
        """Without headers and credentials, so that a log of the check gives nothing away."""
        return f"HttpCheck({self.target()!r})"

    async def run(self, deadline: Deadline) -> Measurement:
        """Request, follow redirects, read the answer up to `body_limit`, compare."""
        exchange = Exchange(self, deadline)
        try:
            async with asyncio.timeout_at(deadline.at):
                return await exchange.measure()
        except TimeoutError:
            return exchange.timed_out()
        finally:
            await exchange.hang_up()

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


class Exchange:
    """One request with its redirects: what happened so far, and when."""

    def __init__(self, check: HttpCheck, deadline: Deadline) -> None:
        self._check = check
        self._deadline = deadline
        self._clock = asyncio.get_running_loop().time
        self._start = self._clock()
        self._budget_s = deadline.remaining()
        self._phases: dict[str, float] = {}
        self._phase_start: dict[str, float] = {}
        self._answering = False
        self._streams: list[Any] = []
        self._transport: httpx.AsyncHTTPTransport | None = None
        self._scheme = ""
        self._host, self._port = _host_and_port(check.url)

    async def measure(self) -> Measurement:
        """The whole exchange. Everything but a bug ends as a measurement."""
        import httpx

        try:
            return await self._request(self._client())
        except UnusableCa as error:
            return Measurement(
                status=Status.UNKNOWN, cause=Cause.NOT_MEASURABLE, message=str(error)
            )
        except tcp.NameNotResolved as error:
            return tcp.unreachable(error, self._host, self._port, self._budget_s)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            return self._failure(error)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """The transport interface of httpx: resolve, then connect to the addresses in turn.

        Resolving ourselves times DNS, and keeps httpx from hanging the shared executor.
        """
        import httpx

        transport = await self._transport_for(request.url.scheme)
        self._host = request.url.raw_host.decode("ascii")
        self._port = request.url.port or (443 if request.url.scheme == "https" else 80)
        before = self._clock()
        addresses = await tcp.resolve(self._host, self._deadline)
        self._add("dns", before)
        for index, address in enumerate(addresses):
            limit = tcp.share(self._deadline, len(addresses) - index)
            try:
                return await transport.handle_async_request(
                    _readdressed(request, self._host, address, limit, self._trace)
                )
            except (httpx.ConnectError, httpx.ConnectTimeout):
                if address == addresses[-1]:
                    raise
        raise AssertionError("a resolved name has at least one address")

    async def _transport_for(self, scheme: str) -> httpx.AsyncHTTPTransport:
        """The transport for http or https; a redirect may change from one to the other.

        Plain HTTP gets a context without certificates: loading those takes 22 ms and 2 MB.
        """
        import httpx

        if self._transport is None or scheme != self._scheme:
            if self._transport is not None:
                await self._transport.aclose()
            context = self._trust() if scheme == "https" else tcp.bare_context()
            self._transport = httpx.AsyncHTTPTransport(verify=context)
            self._scheme = scheme
        return self._transport

    def _trust(self) -> ssl.SSLContext:
        try:
            return tcp.tls_context(self._check.verify, self._check.ca_file)
        except OSError as error:
            raise UnusableCa(self._check.ca_file, error) from error

    def timed_out(self) -> Measurement:
        """The measurement for a deadline that has passed."""
        what = "No complete answer" if self._answering else "No answer"
        where, limit = tcp.place(self._host, self._port), tcp.length(self._budget_s)
        return tcp.critical(Cause.TIMEOUT, f"{what} from {where} within {limit}")

    def _client(self) -> httpx.AsyncClient:
        import httpx

        check = self._check
        return httpx.AsyncClient(
            transport=self,  # type: ignore[arg-type]  # its interface, without importing httpx
            auth=(check.username, check.password or "") if check.username else None,
            follow_redirects=check.follow_redirects,
            max_redirects=MAX_REDIRECTS,
            timeout=None,  # the deadline covers all phases together
            trust_env=False,
            headers={"User-Agent": "Nocturne", "Accept-Encoding": "gzip"},
        )

    async def _request(self, client: httpx.AsyncClient) -> Measurement:
        check = self._check
        async with client.stream(
            check.method, check.url, headers=check.headers, content=check.body
        ) as response:
            self._answering = True
            metrics = {"http.status": float(response.status_code)}
            stream = response.extensions["network_stream"]
            certificate = stream.get_extra_info("ssl_object")
            if certificate is not None:
                expiry = tcp.expires_at(certificate.getpeercert(True))
                metrics["tls.days_left"] = tcp.days_until(expiry)
            body, cut = await _read(response, check.body_limit)
        total_ms = round((self._clock() - self._start) * 1000, 2)
        metrics |= {f"http.{name}_ms": round(s * 1000, 2) for name, s in self._phases.items()}
        metrics["http.total_ms"] = total_ms
        wrong = await self._wrong(response, body, cut)
        return Measurement(
            status=Status.CRITICAL if wrong else Status.HEALTHY,
            cause=Cause.WRONG_ANSWER if wrong else Cause.NONE,
            message=wrong or f"HTTP {response.status_code} in {show(total_ms, 'ms')}",
            response_time_ms=total_ms,
            metrics=metrics,
            details={"redirects": len(response.history), "bytes_read": len(body), "cut": cut},
        )

    async def _wrong(self, response: httpx.Response, body: bytes, cut: bool) -> str | None:
        """The sentence that says what is not as expected; None when all is."""
        check, path = self._check, response.url.path
        if response.status_code not in check.expect_status:
            expected = " or ".join(str(status) for status in check.expect_status)
            return f"HTTP {response.status_code} from {path}, expected {expected}"
        where = f"the first {show(len(body), 'bytes')} of {path}" if cut else path
        text = _text(body, response.charset_encoding)
        if check.expect_body is not None and check.expect_body not in text:
            return f"Expected text not found in {where}"
        if check.expect_regex is not None and not await _found(check.expect_regex, text):
            return f"Expected pattern does not match in {where}"
        return None

    def _failure(self, error: Exception) -> Measurement:
        import httpx

        where = tcp.place(self._host, self._port)
        for cause in _chain(error):
            if isinstance(cause, ssl.SSLError):
                return tcp.critical(Cause.TLS, f"TLS with {where} failed: {tcp.tls_reason(cause)}")
            if isinstance(cause, OSError) and cause.errno:
                return tcp.unreachable(cause, self._host, self._port, self._budget_s)
        if isinstance(error, httpx.TimeoutException):
            return self.timed_out()
        if isinstance(error, httpx.TooManyRedirects):
            text = f"More than {MAX_REDIRECTS} redirects, the last from {where}"
        elif isinstance(error, httpx.RemoteProtocolError):
            text = f"{where} does not speak HTTP: {str(error)[:120]}"
        else:
            # Other texts may quote what was sent, credentials included.
            text = f"Request to {where} failed: {type(error).__name__}"
        return tcp.critical(Cause.WRONG_ANSWER, text)

    async def hang_up(self) -> None:
        """Close every connection: httpcore leaks one that is cancelled in its TLS handshake."""
        for stream in self._streams:
            await stream.aclose()
        if self._transport is not None:
            await self._transport.aclose()

    async def _trace(self, event: str, info: Mapping[str, Any]) -> None:
        if event == "connection.connect_tcp.complete":
            self._streams.append(info["return_value"])
        for phase, (begins, ends) in PHASES.items():
            if event == begins:
                self._phase_start[phase] = self._clock()
            elif event == ends:
                self._add(phase, self._phase_start[phase])

    def _add(self, phase: str, since: float) -> None:
        self._phases[phase] = self._phases.get(phase, 0.0) + self._clock() - since


async def _read(response: httpx.Response, limit: int) -> tuple[bytes, bool]:
    """The body, unpacked by us since httpx would unpack a bomb whole. True when it was cut."""
    packed = response.headers.get("content-encoding", "").lower() in ("gzip", "x-gzip")
    unpack = zlib.decompressobj(wbits=31) if packed else None
    body, received = bytearray(), 0
    async for chunk in response.aiter_raw():
        received += len(chunk)
        room = limit - len(body)
        try:
            body += unpack.decompress(chunk, room + 1) if unpack else chunk[: room + 1]
        except zlib.error:
            return bytes(body), True
        if len(body) > limit or received > limit:
            return bytes(body[:limit]), True
    return bytes(body), False


async def _found(pattern: str, text: str) -> bool:
    if REPEATS & set(pattern):
        return await matches(pattern, text)
    return re.search(pattern, text) is not None


def _readdressed(
    request: httpx.Request, host: str, address: str, limit_s: float, trace: Any
) -> httpx.Request:
    """The same request to one address of its host; Host header and SNI keep the name."""
    import httpx

    return httpx.Request(
        request.method,
        request.url.copy_with(host=address),
        headers=request.headers,
        stream=request.stream,
        extensions={
            **request.extensions,
            "trace": trace,
            "sni_hostname": host,
            "timeout": {"connect": limit_s},
        },
    )


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


def _text(body: bytes, encoding: str | None) -> str:
    try:
        return body.decode(encoding or "utf-8", errors="replace")
    except LookupError:  # the server named an encoding that does not exist
        return body.decode("utf-8", errors="replace")


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
