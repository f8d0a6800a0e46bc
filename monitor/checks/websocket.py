"""Check kind `websocket`: a WebSocket server takes the handshake, answers a ping, says what it must."""

from __future__ import annotations

import asyncio
import contextlib
import re
import ssl
from collections.abc import Iterator
from typing import Annotated

from msgspec import Meta, field

from domain.facts import Cause, Measurement, Status
from domain.mistakes import WrongFields
from domain.rules import StockRule, certificate_ends
from domain.units import show
from monitor.checks import Check, Deadline, kind, tcp
from monitor.wire.connection import Phases, connect
from monitor.wire.http.addresses import Url, credentials, parse
from monitor.wire.http.expectations import found
from monitor.wire.tls.certificates import Unreadable, read
from monitor.wire.tls.trust import Trust, UnusableFile
from monitor.wire.websocket import Conversation, Ended, Refused, Violation

TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110, 5.6.2

# These are the handshake's own (RFC 6455, 4.1), or have a field of their own.
RESERVED = re.compile(
    r"upgrade|connection|origin|content-length|transfer-encoding|sec-websocket-.*"
)

SLOW = (
    "The server takes long until a connection is open; clients that reconnect all at once make it "
    "worse. First look: the phases of the last result (name, connect, TLS, handshake, ping): a long "
    "handshake is the application or the proxy before it, a long ping a busy event loop. Usual fix: look "
    "at CPU and the number of open connections of the server, undo the last release, or add workers."
)
EXPIRING = (
    "The certificate ends soon; from then on browsers and clients refuse the connection. First look: "
    "when it ends, and the log of the renewal (`certbot renew --dry-run`). Usual fix: renew it, reload "
    "the server or the proxy before it, and repair the job that should have done so."
)


@kind(
    "websocket",
    title="WebSocket server",
    component="api",
    headline="websocket.total_ms",
    rules=(
        StockRule(
            metric="websocket.total_ms",
            title="Response time",
            warning=500,
            critical=1000,
            unit="ms",
            runbook=SLOW,
        ),
        certificate_ends(EXPIRING),
    ),
)
class WebsocketCheck(Check, frozen=True, kw_only=True):
    """A WebSocket to `url` opens, its ping is answered and, if asked for, a message is as expected."""

    url: Annotated[str, Meta(description="ws:// or wss:// address", max_length=4096)]
    headers: Annotated[dict[str, str], Meta(description="Headers to send")] = field(
        default_factory=dict
    )
    origin: Annotated[str | None, Meta(description="Origin to send, as browsers do")] = None
    subprotocols: Annotated[
        tuple[str, ...], Meta(description="Subprotocols to offer; the server must choose one")
    ] = ()
    ping: Annotated[bool, Meta(description="Send a ping, which must be answered")] = True
    send: Annotated[str | None, Meta(description="Text message to send when it is open")] = None
    expect_text: Annotated[str | None, Meta(description="Text a message must contain")] = None
    expect_regex: Annotated[
        str | None, Meta(description="Regular expression that must match in a message")
    ] = None
    messages: Annotated[
        int, Meta(ge=1, le=100, description="So many of the first messages are looked at")
    ] = 5
    verify: Annotated[bool, Meta(description="Refuse certificates that are not trusted")] = True
    ca_file: Annotated[
        str | None, Meta(description="PEM file of the authorities to trust instead of the usual")
    ] = None

    def __post_init__(self) -> None:
        """Refuse what could never work. No reason repeats a value that may be secret."""
        if wrong := list(self._wrong()):
            raise WrongFields(wrong)

    def _wrong(self) -> Iterator[tuple[str, str]]:
        if not self.url.startswith(("ws://", "wss://")):
            yield "url", "must begin with ws:// or wss://"
        elif any(letter.isspace() for letter in self.url) or "#" in self.url:
            yield "url", "must hold no spaces and no fragment"
        else:
            try:
                address(self.url)
            except ValueError as error:
                yield "url", f"is not a valid address: {error}"
        for name, value in self.headers.items():
            if not TOKEN.fullmatch(name) or not value.isprintable() or not value.isascii():
                yield "headers", f"header {name!r} has a name or value that HTTP does not allow"
            elif RESERVED.fullmatch(name.lower()):
                yield "headers", f"header {name!r} belongs to the handshake"
        if not (self.origin or "").isprintable() or not (self.origin or "").isascii():
            yield "origin", "holds what HTTP does not allow in a header"
        if not all(TOKEN.fullmatch(name) for name in self.subprotocols):
            yield "subprotocols", "must be words without spaces (RFC 6455, 4.1)"
        try:
            re.compile(self.expect_regex or "")
        except re.error as error:
            yield "expect_regex", f"is not a regular expression: {error}"
        if "\0" in (self.expect_regex or ""):
            yield "expect_regex", "can't hold the character NUL"

    def __repr__(self) -> str:
        """Without headers, message and credentials, so that a log of the check gives nothing away."""
        return f"WebsocketCheck({self.target()!r})"

    async def run(self, deadline: Deadline) -> Measurement:
        """Connect, shake hands, ping, send, and read up to `messages` messages."""
        probe = Probe(self, deadline)
        try:
            async with asyncio.timeout_at(deadline.at):
                return await probe.measure()
        except TimeoutError:
            return probe.timed_out()
        finally:
            probe.hang_up()

    def target(self) -> str:
        """The address, without credentials and query."""
        url = address(self.url)
        return f"ws{url.scheme[4:]}://{url.authority}{url.target.partition('?')[0]}"


def address(url: str) -> Url:
    """Where a ws:// or wss:// address leads: they differ from http's in the scheme only (RFC 6455, 3).

    Raises ValueError with the reason, without the address itself.
    """
    return parse("http" + url[2:])


class Probe:
    """One run of a check: what it waits for, and what was measured so far."""

    def __init__(self, check: WebsocketCheck, deadline: Deadline) -> None:
        self._check = check
        self._deadline = deadline
        self._url = address(check.url)
        self._clock = asyncio.get_running_loop().time
        self._start = self._clock()
        self._budget_s = deadline.remaining()
        self._phases = Phases()
        self._where = tcp.place(self._url.host, self._url.port)
        self._awaited = "answer"
        self._metrics: dict[str, float] = {}
        self._conversation: Conversation | None = None

    async def measure(self) -> Measurement:
        """The whole conversation. Everything but a bug ends as a measurement."""
        try:
            return await self._judge(await self._open())
        except UnusableFile as error:
            return Measurement(
                status=Status.UNKNOWN, cause=Cause.NOT_MEASURABLE, message=str(error)
            )
        except Refused as error:
            return self._wrong(f"{error} from {self._where}")
        except (Ended, Violation) as error:
            return self._wrong(f"{self._where} {error}")
        except TimeoutError:
            return self.timed_out()
        except ssl.SSLError as error:
            text = f"TLS with {self._where} failed: {tcp.tls_reason(error)}"
            return tcp.critical(Cause.TLS, text)
        except OSError as error:
            if self._conversation is not None:
                return self._wrong(f"{self._where} broke the connection off")
            return tcp.unreachable(error, self._url.host, self._url.port, self._budget_s)

    def timed_out(self) -> Measurement:
        """The measurement for a deadline that has passed: what was waited for in vain."""
        limit = tcp.length(self._budget_s)
        text = f"No {self._awaited} from {self._where} within {limit}"
        return Measurement(
            status=Status.CRITICAL, cause=Cause.TIMEOUT, message=text, metrics=self._metrics
        )

    def hang_up(self) -> None:
        """Close the connection, in whatever state it is."""
        if self._conversation is not None:
            self._conversation.close()

    async def _open(self) -> Conversation:
        """Connect, shake hands and have the ping answered."""
        trust = Trust(verify=self._check.verify, ca_file=self._check.ca_file)
        context = trust.context() if self._url.scheme == "https" else None
        connection = await connect(
            self._url.host, self._url.port, context, self._deadline, self._phases
        )
        open_ = self._conversation = Conversation(connection, self._check.messages)
        if certificate := connection.certificate():
            with contextlib.suppress(Unreadable):
                self._metrics["tls.days_left"] = tcp.days_until(read(certificate).valid_until)
        self._awaited = "answer to the handshake"
        with self._phases.time("handshake"):
            await open_.shake_hands(
                self._url,
                credentials(self._check.url),
                headers=self._check.headers,
                origin=self._check.origin,
                subprotocols=self._check.subprotocols,
            )
        if self._check.ping:
            self._awaited = "pong"
            with self._phases.time("ping"):
                await open_.ping()
        self._note_times()
        return open_

    def _note_times(self) -> None:
        names = {
            "dns": "websocket.dns_ms",
            "connect": "websocket.connect_ms",
            "tls": "websocket.tls_ms",
            "handshake": "websocket.handshake_ms",
            "ping": "websocket.ping_ms",
        }
        seconds = self._phases.seconds
        self._metrics |= {
            name: round(seconds[phase] * 1000, 2)
            for phase, name in names.items()
            if phase in seconds
        }
        self._metrics["websocket.total_ms"] = self._since(self._start)

    async def _judge(self, opened: Conversation) -> Measurement:
        if (wrong := await self._not_as_expected(opened)) is not None:
            return self._wrong(wrong)
        await opened.say_goodbye(self._deadline.remaining())
        total_ms = self._metrics["websocket.total_ms"]
        return Measurement(
            status=Status.HEALTHY,
            message=f"WebSocket open in {show(total_ms, 'ms')}",
            response_time_ms=total_ms,
            metrics=self._metrics,
            details={"subprotocol": opened.subprotocol, "messages": opened.seen},
        )

    async def _not_as_expected(self, opened: Conversation) -> str | None:
        """The sentence that says what is not as expected; None when all is."""
        check, began = self._check, self._clock()
        if check.subprotocols and opened.subprotocol is None:
            return f"{self._where} chose no subprotocol, expected {' or '.join(check.subprotocols)}"
        if check.send is not None:
            await opened.send(check.send)
        if check.expect_text is None and check.expect_regex is None:
            return None
        self._awaited = "expected message"
        what = "text" if check.expect_text is not None else "pattern"
        try:
            async for message in opened.messages():
                if await self._fits(message):
                    self._metrics["websocket.message_ms"] = self._since(began)
                    return None
        except Ended as error:
            return f"Expected {what} not found before {self._where} {error}"
        return f"Expected {what} not found in the first {show(check.messages, 'messages')}"

    async def _fits(self, message: str) -> bool:
        text, pattern = self._check.expect_text, self._check.expect_regex
        if text is not None and text not in message:
            return False
        return pattern is None or await found(pattern, message)

    def _since(self, moment: float) -> float:
        return round((self._clock() - moment) * 1000, 2)

    def _wrong(self, text: str) -> Measurement:
        return Measurement(
            status=Status.CRITICAL,
            cause=Cause.WRONG_ANSWER,
            message=text,
            response_time_ms=self._metrics.get("websocket.total_ms"),
            metrics=self._metrics,
        )
