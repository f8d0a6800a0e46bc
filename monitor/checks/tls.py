"""Check kind `tls`: an endpoint presents a certificate that is trusted, fits its name and lasts."""

from __future__ import annotations

import asyncio
import contextlib
import re
import ssl
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Literal

from msgspec import Meta

from domain.facts import Cause, Detail, Measurement, Status
from domain.mistakes import WrongFields
from domain.rules import certificate_ends
from domain.units import show
from monitor.checks import Check, Deadline, in_thread, kind, tcp
from monitor.wire.connection import Connection, Phases, connect
from monitor.wire.tls import starttls
from monitor.wire.tls.certificates import Certificate, Unreadable, read
from monitor.wire.tls.distrust import lasting, reason
from monitor.wire.tls.handshake import Agreed, Handshake, can_be_asked_for, why
from monitor.wire.tls.trust import Trust, UnusableFile

# How long a server that was shown a certificate of ours is waited for to refuse it.
REFUSAL_S = 0.5
SHOWN_CHAIN = 10
FINGERPRINT = re.compile(r"[0-9a-f]{64}")
# Reasons of the TLS library for bytes that are no TLS, and for a version that it no longer speaks.
NO_TLS = frozenset({"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG"})
TOO_OLD = frozenset({"UNSUPPORTED_PROTOCOL", "TLSV1_ALERT_PROTOCOL_VERSION"})

EXPIRING = (
    "The certificate ends soon; from then on clients refuse the service. First look: when it ends and "
    "who issued it (details of the last result), and the log of the renewal. Usual fix: renew it, "
    "reload the server so that the new one is served, and repair the job that should have done so; "
    "mail and database servers often go on serving the old file until they are reloaded."
)

Protocol = Annotated[str, Meta(min_length=1, max_length=255, pattern=r"^[!-~]+$")]


@kind(
    "tls",
    title="TLS certificate",
    component="network",
    headline="tls.days_left",
    rules=(certificate_ends(EXPIRING),),
)
class TlsCheck(Check, frozen=True, kw_only=True):
    """A TLS handshake with `host`:`port` shows a certificate that is as it should be."""

    host: Annotated[tcp.Host, Meta(description="Name or address to connect to")]
    port: Annotated[tcp.Port, Meta(description="TCP port, 1 to 65535")] = 443
    server_name: Annotated[
        tcp.Host | None, Meta(description="Name to ask for and to expect, instead of the host")
    ] = None
    starttls: Annotated[
        Literal["none", "smtp", "imap", "pop3", "postgres"],
        Meta(description="Protocol that begins in plain text and changes to TLS"),
    ] = "none"
    verify: Annotated[bool, Meta(description="Refuse certificates that are not trusted")] = True
    ca_file: Annotated[
        str | None, Meta(description="PEM file of the authorities to trust instead of the usual")
    ] = None
    cert_file: Annotated[
        str | None, Meta(description="PEM file of the certificate to show to the server")
    ] = None
    key_file: Annotated[
        str | None, Meta(description="PEM file of its key, where cert_file does not hold it")
    ] = None
    min_version: Annotated[
        Literal["1.2", "1.3"], Meta(description="Oldest version of TLS that is right")
    ] = "1.2"
    alpn: Annotated[
        tuple[Protocol, ...],
        Meta(max_length=10, description="Protocols to offer; the server must choose one"),
    ] = ()
    expect_issuer: Annotated[
        str | None, Meta(description="Text that the issuer's name must contain")
    ] = None
    expect_fingerprint: Annotated[
        str | None, Meta(description="SHA-256 of the certificate, in hexadecimal")
    ] = None

    def __post_init__(self) -> None:
        """Refuse what could never work."""
        if wrong := list(self._wrong()):
            raise WrongFields(wrong)

    def _wrong(self) -> Iterator[tuple[str, str]]:
        if self.starttls != "none" and self.port == 443:
            yield "port", f"must be given with starttls: 443 does not speak {self.starttls}"
        if self.key_file is not None and self.cert_file is None:
            yield "key_file", "needs cert_file"
        if self.expect_fingerprint is not None and not FINGERPRINT.fullmatch(self.fingerprint()):
            yield "expect_fingerprint", "must be 64 hexadecimal digits, colons between are fine"
        if not can_be_asked_for(self.name()):
            yield "server_name" if self.server_name else "host", "is not a valid host name"

    async def run(self, deadline: Deadline) -> Measurement:
        """Connect, speak what comes before TLS, shake hands, judge what was shown."""
        probe = Probe(self, deadline)
        try:
            async with asyncio.timeout_at(deadline.at):
                return await probe.measure()
        except TimeoutError:
            return probe.timed_out()
        finally:
            probe.hang_up()

    def target(self) -> str:
        """`host:port`, with the name that is asked for there and the protocol before TLS."""
        name = f"{self.server_name} at " if self.server_name else ""
        before = "" if self.starttls == "none" else f" ({self.starttls})"
        return f"{name}{tcp.place(self.host, self.port)}{before}"

    def name(self) -> str:
        """The name that the certificate must fit."""
        return self.server_name or self.host

    def fingerprint(self) -> str:
        """The expected fingerprint as it is compared."""
        return (self.expect_fingerprint or "").replace(":", "").lower()


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What one handshake showed, with its certificates read."""

    agreed: Agreed
    chain: Sequence[Certificate]
    seconds: Mapping[str, float]

    @property
    def own(self) -> Certificate:
        """The server's certificate."""
        return self.chain[0]

    def metrics(self) -> dict[str, float]:
        """The numbers of this handshake."""
        names = {
            "tls.dns_ms": "dns",
            "tls.connect_ms": "connect",
            "tls.starttls_ms": "starttls",
            "tls.handshake_ms": "handshake",
        }
        done = {name: phase for name, phase in names.items() if phase in self.seconds}
        return {
            "tls.days_left": tcp.days_until(self.own.valid_until),
            "tls.chain_days_left": min(tcp.days_until(each.valid_until) for each in self.chain),
            **{name: round(self.seconds[phase] * 1000, 2) for name, phase in done.items()},
            "tls.total_ms": round(sum(self.seconds.values()) * 1000, 2),
        }

    def details(self) -> dict[str, Detail]:
        """The facts of the certificate and of the connection."""
        own, agreed = self.own, self.agreed
        return {
            "version": agreed.version,
            "cipher": agreed.cipher,
            "protocol": agreed.protocol,
            "subject": own.subject,
            "issuer": own.issuer,
            "names": list(own.names),
            "name_count": own.name_count,
            "valid_from": own.valid_from.isoformat(),
            "valid_until": own.valid_until.isoformat(),
            "fingerprint": own.fingerprint,
            "chain": [each.label for each in self.chain[:SHOWN_CHAIN]],
        }


class Probe:
    """One run of a check: what happened so far."""

    def __init__(self, check: TlsCheck, deadline: Deadline) -> None:
        self._check = check
        self._deadline = deadline
        self._budget_s = deadline.remaining()
        self._where = tcp.place(check.host, check.port)
        self._step = "connect"
        self._connection: Connection | None = None
        self._untrusted: ssl.SSLCertVerificationError | None = None

    async def measure(self) -> Measurement:
        """The whole exchange. Everything but a bug ends as a measurement."""
        try:
            return await self._looked()
        except UnusableFile as error:
            return Measurement(
                status=Status.UNKNOWN, cause=Cause.NOT_MEASURABLE, message=str(error)
            )
        except starttls.Refused as error:
            return tcp.critical(Cause.WRONG_ANSWER, f"{self._where} {error}")
        except Unreadable as error:
            return tcp.critical(Cause.TLS, f"{self._of()}: {error}")
        except TimeoutError:
            return self.timed_out()
        except ssl.SSLError as error:
            return tcp.critical(Cause.TLS, self._failed(error))
        except OSError as error:
            return self._broken(error)

    def timed_out(self) -> Measurement:
        """The measurement for a deadline that has passed."""
        if self._untrusted is not None:
            return self._refused(self._untrusted, None)
        if self._step == "connect":
            return tcp.unreachable(
                TimeoutError(), self._check.host, self._check.port, self._budget_s
            )
        what = "go-ahead for TLS" if self._step == "starttls" else "TLS handshake"
        limit = tcp.length(self._budget_s)
        return tcp.critical(Cause.TIMEOUT, f"No {what} from {self._where} within {limit}")

    def hang_up(self) -> None:
        """Close the connection, in whatever state it is."""
        if self._connection is not None:
            self._connection.close()

    async def _looked(self) -> Measurement:
        check = self._check
        trust = Trust(
            verify=check.verify,
            ca_file=check.ca_file,
            cert_file=check.cert_file,
            key_file=check.key_file,
            protocols=check.alpn,
        )
        try:
            return self._judged(await self._look(trust))
        except ssl.SSLCertVerificationError as error:
            self._untrusted = error
        # The library shows no certificate that it refuses: ask for it once more.
        seen = None
        with contextlib.suppress(OSError, starttls.Refused, Unreadable):
            seen = await self._look(replace(trust, verify=False, ca_file=None))
        return self._refused(self._untrusted, seen)

    async def _look(self, trust: Trust) -> Seen:
        """Connect and shake hands once."""
        check, phases = self._check, Phases()
        context = await in_thread(("tls context", trust), trust.context)
        self.hang_up()
        self._step = "connect"
        plain = await connect(check.host, check.port, None, self._deadline, phases)
        self._connection = plain
        if dialogue := starttls.DIALOGUES.get(check.starttls):
            self._step = "starttls"
            with phases.time("starttls"):
                await dialogue(plain)
        self._step = "handshake"
        handshake = Handshake(plain, context, check.name())
        with phases.time("handshake"):
            agreed = await handshake.shake()
        if check.cert_file is not None and agreed.version == "TLS 1.3":
            await self._be_accepted(handshake)
        chain = [read(each) for each in agreed.chain]
        if not chain:
            raise Unreadable("none was presented")
        return Seen(agreed=agreed, chain=chain, seconds=phases.seconds)

    async def _be_accepted(self, handshake: Handshake) -> None:
        """Wait a moment for the server's refusal of our certificate. No word is no refusal."""
        self._step = "client certificate"
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(min(REFUSAL_S, self._deadline.remaining() / 2)):
                await handshake.accepted()

    def _judged(self, seen: Seen) -> Measurement:
        wrong = next(self._mistakes(seen), None)
        metrics = seen.metrics()
        took = show(metrics["tls.handshake_ms"], "ms")
        return Measurement(
            status=Status.CRITICAL if wrong else Status.HEALTHY,
            cause=Cause.TLS if wrong else Cause.NONE,
            message=wrong or f"{self._of()} {lasting(seen.own)}, {seen.agreed.version} in {took}",
            response_time_ms=metrics["tls.total_ms"],
            metrics=metrics,
            details=seen.details(),
        )

    def _mistakes(self, seen: Seen) -> Iterator[str]:
        """What is not as the fields expect it, beyond what verification judges."""
        check, own, agreed = self._check, seen.own, seen.agreed
        if agreed.version < f"TLS {check.min_version}":
            yield f"{self._where} speaks {agreed.version}, expected {check.min_version} or newer"
        if check.alpn and agreed.protocol is None:
            yield f"{self._where} chose no protocol, expected {' or '.join(check.alpn)}"
        if check.expect_issuer is not None and not own.is_issued_by(check.expect_issuer):
            expected = f'expected "{check.expect_issuer}"'
            yield f'{self._of()} is issued by "{own.issuer}", {expected}'
        if check.expect_fingerprint is not None and check.fingerprint() != own.fingerprint:
            ends = f"{own.fingerprint[:16]}…, expected {check.fingerprint()[:16]}…"
            yield f"{self._of()} has the fingerprint {ends}"

    def _refused(self, error: ssl.SSLCertVerificationError, seen: Seen | None) -> Measurement:
        """The measurement for a certificate that was not verified, with its facts if they are known."""
        message = f"{self._of()} is not trusted: {tcp.tls_reason(error)}"
        if seen is None:
            return tcp.critical(Cause.TLS, message)
        known = reason(error.verify_code, seen.chain, self._check.name())
        return Measurement(
            status=Status.CRITICAL,
            cause=Cause.TLS,
            message=f"{self._of()} {known}" if known else message,
            metrics=seen.metrics(),
            details=seen.details(),
        )

    def _failed(self, error: ssl.SSLError) -> str:
        """The sentence for a handshake that failed, the certificate aside."""
        cause = why(error)
        if self._step == "client certificate":
            return f"{self._where} refuses the client certificate: {cause}"
        if isinstance(error, ssl.SSLEOFError):
            return f"{self._where} hangs up during the TLS handshake"
        if error.reason in NO_TLS:
            return f"{self._where} does not speak TLS: {cause}"
        if error.reason in TOO_OLD:
            return f"{self._where} speaks no TLS 1.2 or newer: {cause}"
        return f"TLS with {self._where} failed: {cause}"

    def _broken(self, error: OSError) -> Measurement:
        """The measurement for a connection that failed, or that broke once it was there."""
        if self._step == "connect":
            return tcp.unreachable(error, self._check.host, self._check.port, self._budget_s)
        what = "what comes before TLS" if self._step == "starttls" else "the TLS handshake"
        text = f"{self._where} broke off during {what}: {error.strerror or type(error).__name__}"
        return tcp.critical(Cause.TLS, text)

    def _of(self) -> str:
        return f"Certificate of {self._check.name()}"
