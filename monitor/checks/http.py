"""Check kind `http`: an HTTP or HTTPS endpoint answers as expected, with its time by phase."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property
from typing import Annotated, Literal
from urllib.parse import urlsplit

from msgspec import Meta, field

from domain.facts import Cause, Measurement, Status
from domain.mistakes import WrongFields
from domain.rules import StockRule, certificate_ends
from domain.units import show
from monitor.checks import Check, Deadline, kind, tcp
from monitor.wire.http import proxies
from monitor.wire.http.addresses import InvalidURL, credentials, parse, why_not
from monitor.wire.http.authorization import basic, bearer, is_token
from monitor.wire.http.errand import MAX_REDIRECTS, Errand, TooManyRedirects, first_request
from monitor.wire.http.expectations import HEADER_NAME, Answer, Expectations
from monitor.wire.http.http1 import LocalProtocolError, RemoteProtocolError, fields, prepared, read
from monitor.wire.http.http2 import NoHttp2
from monitor.wire.http.plan import Plan
from monitor.wire.http.proxies import ProxyRefused
from monitor.wire.http.route import Route
from monitor.wire.said import secrets_in
from monitor.wire.tls.trust import Trust, UnusableFile

# The phases that are metrics, in their order; redirects add up. `tls` is there for https only.
PHASES = ("dns", "connect", "tls", "first_byte")


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
        certificate_ends(EXPIRING),
    ),
)
# `dict` makes room for the plan, which is no field.
class HttpCheck(Check, frozen=True, kw_only=True, dict=True):
    """A request to `url` is answered with an expected status and, if asked for, headers and body."""

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
    expect_headers: Annotated[
        dict[str, str], Meta(description="Headers of the answer: exact value, or /pattern/")
    ] = field(default_factory=dict)
    expect_body: Annotated[str | None, Meta(description="Text the answer must contain")] = None
    reject_body: Annotated[str | None, Meta(description="Text it must not contain")] = None
    expect_regex: Annotated[
        str | None, Meta(description="Regular expression that must match in the answer")
    ] = None
    expect_json: Annotated[
        dict[str, str | int | float | bool],
        Meta(description="Values in a JSON answer by their path: a value, or such as < 10"),
    ] = field(default_factory=dict)
    metrics_json: Annotated[
        dict[str, str], Meta(description="Numbers of a JSON answer to keep: name and path")
    ] = field(default_factory=dict)
    follow_redirects: Annotated[bool, Meta(description="Follow up to 10 redirects")] = True
    verify: Annotated[bool, Meta(description="Refuse certificates that are not trusted")] = True
    ca_file: Annotated[
        str | None, Meta(description="PEM file of the authorities to trust instead of the usual")
    ] = None
    cert_file: Annotated[
        str | None, Meta(description="PEM file of the client certificate to show")
    ] = None
    key_file: Annotated[
        str | None, Meta(description="PEM file of its key, if that is not in cert_file")
    ] = None
    min_tls: Annotated[Literal["1.2", "1.3"], Meta(description="Oldest TLS that will do")] = "1.2"
    http_version: Annotated[
        Literal["1.1", "2"], Meta(description="HTTP version that must be spoken")
    ] = "1.1"
    proxy: Annotated[str | None, Meta(description="HTTP proxy: http://user:password@host:port")] = (
        None
    )
    username: Annotated[str | None, Meta(description="User to log in as")] = None
    password: Annotated[str | None, Meta(description="Password of the user")] = None
    auth: Annotated[Literal["basic", "digest"], Meta(description="How to log in")] = "basic"
    bearer_token: Annotated[str | None, Meta(description="Token to log in with")] = None
    body_limit: Annotated[
        int, Meta(ge=1, le=16 * 2**20, description="Bytes of the answer that are read at most")
    ] = 2**20

    def __post_init__(self) -> None:
        """Refuse what could never work. No reason repeats a value that may be secret."""
        if wrong := [*self._wrong(), *self._wrong_together(), *self.expectations().mistakes()]:
            raise WrongFields(wrong)

    def _wrong(self) -> Iterator[tuple[str, str]]:
        if why := why_not(self.url):
            yield "url", why
        for name, value in self.headers.items():
            if not HEADER_NAME.fullmatch(name) or not value.isprintable() or not value.isascii():
                yield "headers", f"header {name!r} has a name or value that HTTP does not allow"
        if self.bearer_token is not None and not is_token(self.bearer_token):
            yield "bearer_token", "must be visible ASCII characters without spaces"
        if self.proxy is not None:
            try:
                proxies.parse(self.proxy)
            except ValueError as error:
                yield "proxy", str(error)

    def _wrong_together(self) -> Iterator[tuple[str, str]]:
        is_tls = self.url.lower().startswith("https:")
        if self.http_version == "2" and not is_tls:
            yield "http_version", '"2" needs an https:// address'
        if self.cert_file is not None and not is_tls:
            yield "cert_file", "needs an https:// address"
        if self.key_file is not None and self.cert_file is None:
            yield "key_file", "needs cert_file beside it"
        if self.auth == "digest" and not self.username:
            yield "auth", '"digest" needs username and password beside it'
        if self.bearer_token is not None and self.username:
            yield "bearer_token", "can't go with username: there is one way to log in"
        if self.bearer_token is not None and "authorization" in fields(self.headers):
            yield "bearer_token", "can't go with an Authorization header"

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

    @cached_property
    def plan(self) -> Plan:
        """What all its runs do alike. Raises InvalidURL."""
        first = first_request(self.method, self.url, self.headers, self.body, self.authorization())
        return Plan(
            first=prepared(first),
            route=self.route(),
            expectations=replace(self.expectations(), secrets=tuple(_secrets(self))),
            login=self.login() if self.auth == "digest" else None,
        )

    def target(self) -> str:
        """Method and address, without credentials, query and fragment."""
        parts = urlsplit(self.url)
        host, port = parts.hostname or "", parts.port
        where = tcp.place(host, port) if port else f"[{host}]" if ":" in host else host
        return f"{self.method} {parts.scheme}://{where}{parts.path or '/'}"

    def login(self) -> tuple[str, str] | None:
        """User and password from the fields, else from the address."""
        if self.username:
            return self.username, self.password or ""
        return credentials(self.url)

    def authorization(self) -> dict[str, str]:
        """What goes along with the first request already; digest waits to be asked."""
        if self.bearer_token is not None:
            return bearer(self.bearer_token)
        login = self.login()
        return {} if login is None or self.auth == "digest" else basic(*login)

    def expectations(self) -> Expectations:
        """What the answer must be like."""
        return Expectations(
            statuses=self.expect_status,
            headers=self.expect_headers,
            body=self.expect_body,
            reject_body=self.reject_body,
            regex=self.expect_regex,
            json=self.expect_json,
            numbers=self.metrics_json,
        )

    def route(self) -> Route:
        """How its requests get there."""
        return Route(
            home=parse(self.url).host,
            trust=Trust(
                verify=self.verify,
                ca_file=self.ca_file,
                cert_file=self.cert_file,
                key_file=self.key_file,
                min_tls=self.min_tls,
            ),
            proxy=None if self.proxy is None else proxies.parse(self.proxy),
            is_http2=self.http_version == "2",
        )


class Probe:
    """One run of a check, with its redirects: what happened so far, and when."""

    def __init__(self, check: HttpCheck, deadline: Deadline) -> None:
        self._check = check
        self._deadline = deadline
        self._clock = asyncio.get_running_loop().time
        self._start = self._clock()
        self._budget_s = deadline.remaining()
        self._errand: Errand | None = None
        self._answering = False

    async def measure(self) -> Measurement:
        """The whole exchange. Everything but a bug ends as a measurement."""
        try:
            return await self._answered()
        except UnusableFile as error:
            return Measurement(
                status=Status.UNKNOWN, cause=Cause.NOT_MEASURABLE, message=str(error)
            )
        except TimeoutError:
            return self.timed_out()
        except ssl.SSLError as error:
            text = f"TLS with {self._where()} failed: {tcp.tls_reason(error)}"
            return tcp.critical(Cause.TLS, text)
        except OSError as error:
            return tcp.unreachable(error, *self._dialled(), self._budget_s)
        except ProxyRefused as error:
            return tcp.critical(Cause.REFUSED, str(error))
        except (
            TooManyRedirects,
            RemoteProtocolError,
            LocalProtocolError,
            InvalidURL,
            NoHttp2,
        ) as error:
            return tcp.critical(Cause.WRONG_ANSWER, self._failure(error))

    def timed_out(self) -> Measurement:
        """The measurement for a deadline that has passed."""
        what = "No complete answer" if self._answering else "No answer"
        limit = tcp.length(self._budget_s)
        return tcp.critical(Cause.TIMEOUT, f"{what} from {self._where()} within {limit}")

    def hang_up(self) -> None:
        """Close the connection, in whatever state it is."""
        if self._errand is not None:
            self._errand.hang_up()

    async def _answered(self) -> Measurement:
        check, plan = self._check, self._check.plan
        errand = self._errand = Errand(
            plan.first,
            plan.route,
            self._deadline,
            follow=check.follow_redirects,
            login=plan.login,
        )
        request, exchange, head = await errand.run()
        self._answering = True
        body, cut = await read(exchange, head, check.body_limit)
        total_ms = round((self._clock() - self._start) * 1000, 2)
        answer = Answer(path=request.url.path, head=head, body=body, cut=cut)
        wrong, numbers = await plan.expectations.judge(answer)
        return Measurement(
            status=Status.CRITICAL if wrong else Status.HEALTHY,
            cause=Cause.WRONG_ANSWER if wrong else Cause.NONE,
            message=wrong or f"HTTP {head.status} in {show(total_ms, 'ms')}",
            response_time_ms=total_ms,
            metrics=self._metrics(errand, head.status, total_ms, numbers),
            details={"redirects": errand.redirects, "bytes_read": len(body), "cut": cut},
        )

    def _metrics(
        self, errand: Errand, status: int, total_ms: float, numbers: dict[str, float]
    ) -> dict[str, float]:
        metrics = {"http.status": float(status)}
        if errand.connection and (certificate := errand.connection.certificate()):
            days = tcp.days_left(certificate)
            if days is not None:
                metrics["tls.days_left"] = days
        seconds = errand.phases.seconds
        metrics |= {f"http.{p}_ms": round(seconds[p] * 1000, 2) for p in PHASES if p in seconds}
        metrics["http.total_ms"] = total_ms
        return metrics | {f"http.value.{name}": number for name, number in numbers.items()}

    def _dialled(self) -> tuple[str, int]:
        """Where a connection was opened to: the proxy, if there is one."""
        if proxy := self._check.plan.proxy:
            return proxy.host, proxy.port
        assert self._errand is not None
        return self._errand.url.host, self._errand.url.port

    def _where(self) -> str:
        plan = self._check.plan
        url = self._errand.url if self._errand is not None else plan.first.url
        through = f" through proxy {plan.proxy.place}" if plan.proxy else ""
        return tcp.place(url.host, url.port) + through

    def _failure(self, error: Exception) -> str:
        if isinstance(error, TooManyRedirects):
            return f"More than {MAX_REDIRECTS} redirects, the last from {self._where()}"
        if isinstance(error, NoHttp2):
            return f"{self._where()} does not speak HTTP/2"
        if isinstance(error, RemoteProtocolError):
            return f"{self._where()} does not speak HTTP: {str(error)[:120]}"
        # Other texts may quote what was sent, credentials included.
        return f"Request to {self._where()} failed: {type(error).__name__}"


def _secrets(check: HttpCheck) -> Iterator[str]:
    yield from secrets_in((check.url, check.proxy or ""), check.headers, check.body)
    yield from secrets_in((), check.authorization())
    if login := check.login():
        yield login[1]
