"""Check kind `smtp`: a mail server greets, changes to TLS, takes a login and a recipient. No mail is sent."""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
import ssl
from collections.abc import Iterator
from typing import Annotated, Literal

from msgspec import Meta

from domain.facts import Cause, Detail, Measurement, Status
from domain.mistakes import WrongFields
from domain.rules import StockRule, certificate_ends
from domain.units import show
from monitor.checks import Check, Deadline, kind, tcp
from monitor.wire.connection import Phases, connect
from monitor.wire.said import said
from monitor.wire.smtp import Dialogue, Ended, Refused, Reply, Violation, logins, traces
from monitor.wire.tls.certificates import Unreadable, read
from monitor.wire.tls.trust import Trust, UnusableFile

PORTS = {"none": 25, "starttls": 587, "implicit": 465}
# A domain or the literal of an address (RFC 5321, 4.1.2 and 4.1.3).
DOMAIN = re.compile(r"[0-9A-Za-z]([0-9A-Za-z.-]{0,252}[0-9A-Za-z])?|\[[0-9A-Za-z:.]{1,60}\]")
MAILBOX = re.compile(r"[!-;=?-~]{1,64}@[!-;=?-~]{1,255}")
GOODBYE_S = 0.2
SHOWN_EXTENSIONS = 50

SLOW = (
    "The mail server answers, but slowly; queues of senders grow and clients give up. First look: the "
    "phases of the last result: a long banner is often a deliberate delay against spam or a lookup of "
    "our name that fails, a long login the directory behind it. Usual fix: exempt the monitor's address "
    "from the delay, repair the name server or directory, look at the queue and the load of the server."
)
EXPIRING = (
    "The certificate ends soon; from then on clients refuse to log in, and some servers to deliver. "
    "First look: when it ends, and the log of the renewal. Usual fix: renew it and reload the mail "
    "server: it goes on serving the old one until then, although the file is new."
)


@kind(
    "smtp",
    title="Mail server",
    component="external service",
    headline="smtp.total_ms",
    rules=(
        StockRule(
            metric="smtp.total_ms",
            title="Response time",
            warning=2000,
            critical=5000,
            unit="ms",
            runbook=SLOW,
        ),
        certificate_ends(EXPIRING),
    ),
)
class SmtpCheck(Check, frozen=True, kw_only=True):
    """A mail server takes the conversation that leads to a mail, as far as it is asked for."""

    host: Annotated[tcp.Host, Meta(description="Name or address of the mail server")]
    port: Annotated[
        tcp.Port | None, Meta(description="TCP port; 25, 587 or 465 by tls when not given")
    ] = None
    tls: Annotated[
        Literal["none", "starttls", "implicit"], Meta(description="Whether and when TLS begins")
    ] = "starttls"
    verify: Annotated[bool, Meta(description="Refuse certificates that are not trusted")] = True
    ca_file: Annotated[
        str | None, Meta(description="PEM file of the authorities to trust instead of the usual")
    ] = None
    hello: Annotated[
        str | None, Meta(description="Name to say in EHLO instead of this machine's")
    ] = None
    expect_banner: Annotated[str | None, Meta(description="Text the banner must contain")] = None
    username: Annotated[str | None, Meta(description="User to log in as, over TLS only")] = None
    password: Annotated[str | None, Meta(description="Password for it")] = None
    mail_from: Annotated[
        str | None, Meta(description="Sender to try, taken back afterwards; empty: the null sender")
    ] = None
    rcpt_to: Annotated[str | None, Meta(description="Recipient to try with mail_from")] = None

    def __post_init__(self) -> None:
        """Refuse what could never work, or would give the password away."""
        if wrong := list(self._wrong()):
            raise WrongFields(wrong)

    def _wrong(self) -> Iterator[tuple[str, str]]:
        if (self.username is None) != (self.password is None):
            yield "username" if self.username is None else "password", "is missing: both or none"
        elif self.username is not None and self.tls == "none":
            yield "password", "is sent over TLS only: set tls to starttls or implicit"
        if "\0" in f"{self.username}{self.password}":
            yield "password", "and username can't hold the character NUL"
        if self.hello is not None and not DOMAIN.fullmatch(self.hello):
            yield "hello", "must be a domain or an address in brackets"
        if self.mail_from and not MAILBOX.fullmatch(self.mail_from):
            yield "mail_from", "must be an address like name@example.org"
        if self.rcpt_to is not None and not MAILBOX.fullmatch(self.rcpt_to):
            yield "rcpt_to", "must be an address like name@example.org"
        if self.rcpt_to is not None and self.mail_from is None:
            yield "rcpt_to", 'needs mail_from, which may be ""'

    def __repr__(self) -> str:
        """Without user and password."""
        return f"SmtpCheck({self.target()!r})"

    async def run(self, deadline: Deadline) -> Measurement:
        """Connect, greet, change to TLS, log in, try sender and recipient, take all back."""
        probe = Probe(self, deadline)
        try:
            async with asyncio.timeout_at(deadline.at):
                return await probe.measure()
        except TimeoutError:
            return probe.timed_out()
        finally:
            probe.hang_up()

    def target(self) -> str:
        """`host:port`."""
        return tcp.place(self.host, self.at_port())

    def at_port(self) -> int:
        """The port in force."""
        return self.port if self.port is not None else PORTS[self.tls]


class Probe:
    """One run of a check: how far it came, and what was measured so far."""

    def __init__(self, check: SmtpCheck, deadline: Deadline) -> None:
        self._check = check
        self._deadline = deadline
        self._where = check.target()
        self._budget_s = deadline.remaining()
        self._clock = asyncio.get_running_loop().time
        self._start = self._clock()
        self._phases = Phases()
        self._dialogue: Dialogue | None = None
        self._days_left: float | None = None
        self._details: dict[str, Detail] = {}
        self._secrets = traces(check.username or "", check.password) if check.password else ()

    async def measure(self) -> Measurement:
        """The whole conversation. Everything but a bug ends as a measurement."""
        try:
            return await self._converse()
        except UnusableFile as error:
            return Measurement(
                status=Status.UNKNOWN, cause=Cause.NOT_MEASURABLE, message=str(error)
            )
        except Refused as error:
            return self._critical(Cause.REFUSED, self._refusal(error))
        except (Violation, Ended) as error:
            return self._critical(Cause.WRONG_ANSWER, f"{self._where} {self._said(str(error))}")
        except TimeoutError:
            return self.timed_out()
        except ssl.SSLError as error:
            text = f"TLS with {self._where} failed: {tcp.tls_reason(error)}"
            return self._critical(Cause.TLS, text)
        except OSError as error:
            if self._dialogue is not None:
                text = f"{self._where} broke the connection off, {self._dialogue.step} was expected"
                return self._critical(Cause.WRONG_ANSWER, text)
            check = self._check
            return tcp.unreachable(error, check.host, check.at_port(), self._budget_s)

    def timed_out(self) -> Measurement:
        """The measurement for a deadline that has passed: what was waited for in vain."""
        awaited = "answer" if self._dialogue is None else self._dialogue.step
        limit = tcp.length(self._budget_s)
        return self._critical(Cause.TIMEOUT, f"No {awaited} from {self._where} within {limit}")

    def hang_up(self) -> None:
        """Close the connection, in whatever state it is."""
        if self._dialogue is not None:
            self._dialogue.close()

    async def _converse(self) -> Measurement:
        check = self._check
        trust = Trust(verify=check.verify, ca_file=check.ca_file, protocols=())
        context = None if check.tls == "none" else trust.context()
        at_once = context if check.tls == "implicit" else None
        connection = await connect(
            check.host, check.at_port(), at_once, self._deadline, self._phases
        )
        dialogue = self._dialogue = Dialogue(connection)
        self._note_certificate(dialogue)
        with self._phases.time("banner"):
            banner = await dialogue.greeting()
        self._details["banner"] = self._said(banner.text)
        offered = await dialogue.hello(self._name())
        if check.tls == "starttls" and context is not None:
            offered = await self._secure(dialogue, offered, context)
        self._details["offers"] = [*map(self._said, list(offered)[:SHOWN_EXTENSIONS])]
        await self._try(dialogue, logins(offered))
        metrics = self._metrics()
        metrics["smtp.total_ms"] = round((self._clock() - self._start) * 1000, 2)
        await self._leave(dialogue)
        return self._judge(banner, metrics)

    async def _secure(
        self,
        dialogue: Dialogue,
        offered: dict[str, tuple[str, ...]],
        context: ssl.SSLContext,
    ) -> dict[str, tuple[str, ...]]:
        """STARTTLS, and what is offered under it."""
        if "STARTTLS" not in offered:
            raise Violation("does not offer STARTTLS")
        await dialogue.ask("STARTTLS", {220})
        with self._phases.time("tls"):
            await dialogue.start_tls(context, self._check.host)
        self._note_certificate(dialogue)
        return await dialogue.hello(self._name())

    async def _try(self, dialogue: Dialogue, mechanisms: tuple[str, ...]) -> None:
        """Log in, and try sender and recipient, as far as the check asks for it."""
        check = self._check
        if check.username is not None and check.password is not None:
            with self._phases.time("login"):
                await dialogue.log_in(check.username, check.password, mechanisms)
        if check.mail_from is None:
            return
        await dialogue.ask("MAIL FROM:", {250}, f"<{check.mail_from}>")
        if check.rcpt_to is not None:
            await dialogue.ask("RCPT TO:", {250, 251}, f"<{check.rcpt_to}>")
        await dialogue.ask("RSET", {250})

    async def _leave(self, dialogue: Dialogue) -> None:
        with contextlib.suppress(OSError, Refused, Violation, Ended):
            async with asyncio.timeout(min(GOODBYE_S, self._deadline.remaining() / 2)):
                await dialogue.quit()

    def _judge(self, banner: Reply, metrics: dict[str, float]) -> Measurement:
        total_ms, wanted = metrics["smtp.total_ms"], self._check.expect_banner
        wrong = wanted is not None and wanted not in banner.text
        text = f'Expected text not found in the banner "{self._details["banner"]}"'
        return Measurement(
            status=Status.CRITICAL if wrong else Status.HEALTHY,
            cause=Cause.WRONG_ANSWER if wrong else Cause.NONE,
            message=text if wrong else f"{self._done()} in {show(total_ms, 'ms')}",
            response_time_ms=total_ms,
            metrics=metrics,
            details=self._details,
        )

    def _done(self) -> str:
        """What succeeded, as the message begins."""
        if self._check.rcpt_to is not None:
            return "Recipient accepted"
        if self._check.mail_from is not None:
            return "Sender accepted"
        return "EHLO answered" if self._check.username is None else "Logged in"

    def _metrics(self) -> dict[str, float]:
        names = {
            "dns": "smtp.dns_ms",
            "connect": "smtp.connect_ms",
            "tls": "smtp.tls_ms",
            "banner": "smtp.banner_ms",
            "login": "smtp.login_ms",
        }
        seconds = self._phases.seconds
        found = {
            names[phase]: round(seconds[phase] * 1000, 2) for phase in names if phase in seconds
        }
        if self._days_left is not None:
            found["tls.days_left"] = self._days_left
        return found

    def _note_certificate(self, dialogue: Dialogue) -> None:
        if certificate := dialogue.certificate():
            with contextlib.suppress(Unreadable):
                self._days_left = tcp.days_until(read(certificate).valid_until)

    def _refusal(self, error: Refused) -> str:
        if error.secret:  # the text of a reply to a login may quote the password
            return f"Login refused by {self._where}: {error.reply.status}"
        what = "Connection" if error.step == "banner" else error.step.rstrip(":")
        reply = self._said(f"{error.reply.code} {error.reply.text}")
        return f"{what} refused by {self._where}: {reply}"

    def _critical(self, cause: Cause, text: str) -> Measurement:
        return Measurement(
            status=Status.CRITICAL,
            cause=cause,
            message=text,
            metrics=self._metrics(),
            details=self._details,
        )

    def _name(self) -> str:
        """What we call ourselves: RFC 5321, 4.1.4 wants a name even where it proves nothing."""
        own = socket.gethostname()
        return self._check.hello or (own if DOMAIN.fullmatch(own) else "localhost")

    def _said(self, text: str) -> str:
        return said(text, self._secrets)
