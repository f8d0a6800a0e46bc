"""Channel kind `webhook`: a signed JSON document is sent to an address of the operator's choice."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import re
import ssl
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta, field

from domain.fields import duration
from domain.mistakes import WrongFields
from domain.outbox import Message, Outcome, delivered, failed, refused
from monitor.channels import Channel, Deadline, channel
from monitor.checks import tcp
from monitor.reach import AddressRefused

if TYPE_CHECKING:
    import httpx

HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
# Ours, and those that frame the request: an operator's header must not contradict them.
OWN_HEADERS = frozenset(
    {"content-length", "host", "idempotency-key", "nocturne-signature", "transfer-encoding"}
)
PASSES = frozenset({408, 425, 429})
LONGEST_WAIT_S = 600.0
LONGEST_TIMEOUT_S = 15
BODY_READ = 2048
BODY_SHOWN = 200
SHORTEST_SECRET = 4
MASK = "***"


@channel("webhook", title="Webhook")
class WebhookChannel(Channel, frozen=True, kw_only=True):
    """Each message is one request to `url`; 2xx means that it was taken."""

    bundles: ClassVar[bool] = True

    url: Annotated[str, Meta(description="http:// or https:// address", max_length=4096)]
    method: Annotated[Literal["POST", "PUT"], Meta(description="HTTP method")] = "POST"
    headers: Annotated[dict[str, str], Meta(description="Headers to send")] = field(
        default_factory=dict
    )
    secret: Annotated[str | None, Meta(description="Key with which each request is signed")] = None
    timeout: Annotated[str, Meta(description="How long one request may take, at most 15 s")] = "10s"

    def __post_init__(self) -> None:
        """Refuse what could never work. No reason repeats a value that may be secret."""
        if wrong := list(self._wrong()):
            raise WrongFields(wrong)

    def _wrong(self) -> Iterator[tuple[str, str]]:
        if reason := _wrong_url(self.url):
            yield "url", reason
        for name, value in self.headers.items():
            if not HEADER_NAME.fullmatch(name) or not value.isprintable() or not value.isascii():
                yield "headers", f"header {name!r} has a name or value that HTTP does not allow"
            if name.lower() in OWN_HEADERS:
                yield "headers", f"header {name!r} is set by Nocturne itself"
        if self.secret == "":
            yield "secret", "must not be empty"
        try:
            if duration(self.timeout) > LONGEST_TIMEOUT_S:
                yield "timeout", f"must be at most {LONGEST_TIMEOUT_S} s"
        except ValueError as error:
            yield "timeout", str(error)

    def __repr__(self) -> str:
        """Without path, headers and secret, so that a log of the channel gives nothing away."""
        return f"WebhookChannel({self.target()!r})"

    def target(self) -> str:
        """Method and host: the path of a webhook is often its password."""
        return f"{self.method} {_origin(self.url)}"

    async def send(self, message: Message, deadline: Deadline) -> Outcome:
        """One request, without redirects. 408, 425, 429, 5xx and no answer may pass later."""
        limit_s = min(deadline.remaining(), duration(self.timeout))
        request = Request(self, Deadline.after(limit_s))
        try:
            async with asyncio.timeout(limit_s):
                return await request.send(message)
        except TimeoutError:
            return failed(f"no answer from {_origin(self.url)} within {tcp.length(limit_s)}")
        finally:
            await request.hang_up()


class Request:
    """One request: it connects only to addresses that channels may reach."""

    def __init__(self, channel: WebhookChannel, deadline: Deadline) -> None:
        self._channel = channel
        self._deadline = deadline
        self._origin = _origin(channel.url)
        self._transport: httpx.AsyncHTTPTransport | None = None
        self._streams: list[Any] = []

    async def send(self, message: Message) -> Outcome:
        """What came of it. Everything but a bug and the deadline ends as an outcome."""
        import httpx

        body = document(message)
        self._transport = httpx.AsyncHTTPTransport(verify=tcp.tls_context(True, None))
        # Ours as its transport: the policy holds for the address, whatever the name says later.
        # The whole delivery has one time limit, which its caller keeps.
        client = httpx.AsyncClient(  # nosec B113
            transport=self,  # type: ignore[arg-type]  # it has the methods that are called
            timeout=None,
            trust_env=False,
        )
        try:
            async with client.stream(
                self._channel.method,
                self._channel.url,
                content=body,
                headers=headers(self._channel, message.key, body, int(time.time())),
                follow_redirects=False,
            ) as response:
                return await self._answered(response)
        except AddressRefused as error:
            return refused(f"{self._origin}: {error}")
        except OSError as error:
            return failed(f"no connection to {self._origin}: {error.strerror or error}")
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            return failed(_failure(error, self._origin))

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """The transport interface of httpx: resolve by our policy, connect to each in turn."""
        import httpx

        assert self._transport is not None
        host = request.url.raw_host.decode("ascii")
        addresses = await tcp.resolve(host, self._deadline)
        for index, address in enumerate(addresses):
            limit = tcp.share(self._deadline, len(addresses) - index)
            try:
                return await self._transport.handle_async_request(
                    self._readdressed(request, host, address, limit)
                )
            except (httpx.ConnectError, httpx.ConnectTimeout):
                if address == addresses[-1]:
                    raise
        raise AssertionError("a resolved name has at least one address")

    async def hang_up(self) -> None:
        """Close every connection: httpcore leaks one that is cancelled in its TLS handshake."""
        for stream in self._streams:
            await stream.aclose()
        if self._transport is not None:
            await self._transport.aclose()

    def _readdressed(
        self, request: httpx.Request, host: str, address: str, limit_s: float
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
                "trace": self._trace,
                "sni_hostname": host,
                "timeout": {"connect": limit_s},
            },
        )

    async def _trace(self, event: str, info: Mapping[str, Any]) -> None:
        if event == "connection.connect_tcp.complete":
            self._streams.append(info["return_value"])

    async def _answered(self, response: httpx.Response) -> Outcome:
        status = response.status_code
        if 200 <= status < 300:
            return delivered(f"HTTP {status} from {self._origin}")
        text = f"HTTP {status} from {self._origin}"
        if 300 <= status < 400:
            return refused(f"{text}: redirects are not followed, give the final address")
        if said := self._said(await _beginning(response)):
            text = f'{text}: "{said}"'
        if status in PASSES or status >= 500:
            return failed(text, retry_after(response.headers.get("retry-after"), _now()))
        return refused(text)

    def _said(self, body: bytes) -> str:
        """The beginning of an answer on one line, with everything masked that we sent in secret."""
        text = body.decode("utf-8", errors="replace")
        for secret in _secrets(self._channel):
            text = text.replace(secret, MASK)
        line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
        return line if len(line) <= BODY_SHOWN else f"{line[: BODY_SHOWN - 1]}…"


def document(message: Message) -> bytes:
    """The JSON body: every field of the message by its name, times in ISO 8601."""
    return msgspec.json.encode({**asdict(message), "others_count": len(message.others)})


def headers(channel: WebhookChannel, key: str, body: bytes, unix_s: int) -> dict[str, str]:
    """The headers of one request; the signature covers the time too, so that it can't be replayed."""
    # A key holds the channel's name, and headers hold ASCII only.
    safe_key = key.encode("ascii", "backslashreplace").decode("ascii")
    made = {
        "User-Agent": "Nocturne",
        "Content-Type": "application/json",
        **channel.headers,
        "Idempotency-Key": safe_key,
    }
    if channel.secret is not None:
        made["Nocturne-Signature"] = f"t={unix_s},v1={signature(channel.secret, unix_s, body)}"
    return made


def signature(secret: str, unix_s: int, body: bytes) -> str:
    """HMAC-SHA256 over `<unix seconds>.<body>`, in hex."""
    signed = str(unix_s).encode() + b"." + body
    return hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()


def retry_after(text: str | None, now: datetime) -> float | None:
    """Seconds that a Retry-After header asks for, at most 10 min; None without a readable one."""
    if text is None:
        return None
    text = text.strip()
    if text.isascii() and text.isdigit():
        return min(float(text[:6]), LONGEST_WAIT_S)
    with contextlib.suppress(ValueError, OverflowError):
        moment = parsedate_to_datetime(text)
        aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return min(max((aware - now).total_seconds(), 0.0), LONGEST_WAIT_S)
    return None


async def _beginning(response: httpx.Response) -> bytes:
    """The first bytes of an answer, as sent: unpacking could blow up."""
    import httpx

    if response.headers.get("content-encoding", "identity").lower() != "identity":
        return b""
    body = bytearray()
    # An answer that breaks off has been given all the same: its status counts.
    with contextlib.suppress(httpx.HTTPError):
        async for chunk in response.aiter_raw():
            body += chunk[: BODY_READ - len(body)]
            if len(body) >= BODY_READ:
                break
    return bytes(body)


def _failure(error: Exception, origin: str) -> str:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLError):
            return f"TLS with {origin} failed: {tcp.tls_reason(cause)}"
        if isinstance(cause, ConnectionRefusedError):
            return f"connection refused by {origin}"
        if isinstance(cause, OSError) and cause.errno:
            return f"no connection to {origin}: {cause.strerror or 'it failed'}"
        cause = cause.__cause__ or cause.__context__
    # Other texts may quote what was sent, credentials included.
    return f"request to {origin} failed: {type(error).__name__}"


def _wrong_url(url: str) -> str | None:
    """Why nothing can be sent to this address; None when it can be."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return "is not a valid address"
    if parts.scheme not in ("http", "https"):
        return "must begin with http:// or https://"
    if not parts.hostname or not url.isprintable() or any(each.isspace() for each in url):
        return "must name a host and hold no spaces"
    return None


def _origin(url: str) -> str:
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port
    shown = tcp.place(host, port) if port else f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{shown}"


def _secrets(channel: WebhookChannel) -> list[str]:
    """What an answer may not give back: key, headers' values, and the address behind its host."""
    parts = urlsplit(channel.url)
    values = [
        channel.secret,
        parts.username,
        parts.password,
        parts.query,
        *channel.headers.values(),
    ]
    values += [word for value in channel.headers.values() for word in value.split()]
    values += [parts.path, *parts.path.split("/"), *re.split("[&=]", parts.query)]
    found = {value for value in values if value and len(value) >= SHORTEST_SECRET}
    return sorted(found, key=len, reverse=True)


def _now() -> datetime:
    return datetime.now(UTC)
