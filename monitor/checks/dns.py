"""Check kind `dns`: a name server answers a question, with the records that are expected."""

from __future__ import annotations

import asyncio
import ipaddress
import secrets
from collections.abc import Iterator, Sequence
from typing import Annotated, Literal

from msgspec import Meta

from domain.facts import Cause, Detail, Measurement, Status
from domain.mistakes import WrongFields
from domain.rules import StockRule
from domain.units import show
from monitor.checks import Check, Deadline, in_thread, kind, tcp
from monitor.wire.dns import message as dnsmessage
from monitor.wire.dns import records as dnsrecords
from monitor.wire.dns.message import (
    AUTHENTIC,
    AUTHORITATIVE,
    TYPES,
    Loop,
    Record,
    Reply,
    TypeName,
    resolved,
)
from monitor.wire.dns.records import Value
from monitor.wire.dns.servers import (
    Asked,
    NoAnswer,
    NoResolver,
    Server,
    ask,
    located,
    system_servers,
)
from monitor.wire.said import said
from monitor.wire.tls.trust import Trust, UnusableFile

PORTS = {"udp": 53, "tcp": 53, "tls": 853}
# With these a resolver says that it could not find out; the system's next one may (resolv.conf(5)).
NEXT = frozenset({"SERVFAIL", "REFUSED", "NOTIMP"})
SHOWN_VALUES = 5
KEPT_VALUES = 50
MAX_COMPARED = 500

SLOW = (
    "Names are resolved slowly, and whatever uses them waits as long. First look: whether the resolver "
    "itself is slow or what it asks (`dig +trace` of the name, the same name a second time from its "
    "cache), and packets lost on the way to it: a lost one costs a second. Usual fix: a resolver nearer "
    "by, one that is not overloaded, or a name server of the zone that no longer answers taken out."
)


@kind(
    "dns",
    title="DNS answer",
    component="network",
    headline="dns.query_ms",
    rules=(
        StockRule(
            metric="dns.query_ms",
            title="DNS answer",
            warning=500,
            critical=1000,
            unit="ms",
            runbook=SLOW,
        ),
    ),
)
class DnsCheck(Check, frozen=True, kw_only=True):
    """A question for records of `lookup` is answered as expected."""

    lookup: Annotated[
        str, Meta(min_length=1, max_length=255, description="Name to ask for, or PTR address")
    ]
    type: Annotated[TypeName, Meta(description="Type of the records")] = "A"
    server: Annotated[
        str | None, Meta(description="Name server to ask, host or host:port, else the system's")
    ] = None
    transport: Annotated[
        Literal["udp", "tcp", "tls"], Meta(description="How to ask; udp falls back to tcp")
    ] = "udp"
    verify: Annotated[bool, Meta(description="With tls, refuse a server not trusted")] = True
    ca_file: Annotated[
        str | None, Meta(description="With tls, PEM file of the authorities to trust")
    ] = None
    server_name: Annotated[
        tcp.Host | None, Meta(description="With tls, name the server's certificate must fit")
    ] = None
    expect: Annotated[
        tuple[str, ...], Meta(max_length=100, description="Values to expect, as in a zone file")
    ] = ()
    expect_match: Annotated[
        Literal["exact", "all", "any"],
        Meta(description="Exactly these values, all of them and maybe others, or any of them"),
    ] = "exact"
    expect_rcode: Annotated[
        Literal["NOERROR", "NXDOMAIN", "SERVFAIL", "REFUSED"],
        Meta(description="Response code to expect"),
    ] = "NOERROR"
    min_answers: Annotated[
        int, Meta(ge=0, le=500, description="Records that must come at least, with NOERROR")
    ] = 1
    max_ttl_s: Annotated[
        Annotated[int, Meta(ge=0, le=2**31 - 1)] | None,
        Meta(description="Longer times to live are degraded"),
    ] = None
    recursion: Annotated[bool, Meta(description="Ask the server to ask others")] = True
    authoritative: Annotated[
        bool, Meta(description="The server must answer for the zone itself (flag AA)")
    ] = False
    require_ad: Annotated[
        bool, Meta(description="The resolver must have verified the answer by DNSSEC (flag AD)")
    ] = False

    def __post_init__(self) -> None:
        """Refuse what could never work."""
        if wrong := list(self._wrong()):
            raise WrongFields(wrong)

    def _wrong(self) -> Iterator[tuple[str, str]]:
        try:
            dnsmessage.encoded(self.asked())
        except ValueError as error:
            yield "lookup", f"can't be asked for: {error}"
        if self.server is not None:
            try:
                located(self.server, 53)
            except ValueError:
                yield "server", "is no host, host:port or [address]:port"
        if self.transport != "tls" and (self.ca_file or self.server_name):
            yield "ca_file" if self.ca_file else "server_name", "is for transport tls only"
        if self.transport == "tls" and self.server is None:
            yield "server", "must be given with transport tls"
        if self.expect and self.expect_rcode != "NOERROR":
            yield "expect", f"can't be fulfilled by {self.expect_rcode}"
        for value in self.expect:
            if reason := dnsrecords.mistake(value, self.type):
                yield "expect", f"is not a value of {self.type}: {reason}"

    async def run(self, deadline: Deadline) -> Measurement:
        """Ask, over TCP again when the answer was cut off, and compare what came."""
        try:
            async with asyncio.timeout_at(deadline.at):
                servers = await self._servers()
        except (NoResolver, TimeoutError) as error:
            return unknown(str(error) or "The file of the system's resolvers can't be read in time")
        return await Probe(self, deadline, servers).measure()

    def target(self) -> str:
        """`MX of shop.example at 192.0.2.53`."""
        return f"{self.type} of {self.lookup}" + (f" at {self.server}" if self.server else "")

    def asked(self) -> str:
        """The name in the question: of an address the one that its PTR record has."""
        if self.type != "PTR":
            return self.lookup
        try:
            return ipaddress.ip_address(self.lookup).reverse_pointer
        except ValueError:
            return self.lookup

    async def _servers(self) -> Sequence[Server]:
        if self.server is not None:
            return [located(self.server, PORTS[self.transport])]
        return await in_thread("resolv.conf", system_servers)


class Probe:
    """One run of a check, asking these servers in turn."""

    def __init__(self, check: DnsCheck, deadline: Deadline, servers: Sequence[Server]) -> None:
        self._check = check
        self._deadline = deadline
        self._budget_s = deadline.remaining()
        self._servers = servers
        self._what = f"{check.type} of {check.lookup}"
        self._name = dnsmessage.encoded(check.asked())

    async def measure(self) -> Measurement:
        """The whole exchange. Everything but a bug ends as a measurement."""
        for index, server in enumerate(self._servers, 1):
            left = len(self._servers) - index
            within, budget_s = self._deadline, self._budget_s
            if len(self._servers) > 1:
                budget_s = tcp.share(self._deadline, left + 1)
                within = Deadline.after(budget_s)
            asked = await self._asked(server, within, budget_s)
            failed = isinstance(asked, Measurement) or asked.reply.rcode in NEXT
            if left == 0 or not failed:
                break
        return asked if isinstance(asked, Measurement) else await self._judged(asked)

    async def _asked(
        self, server: Server, deadline: Deadline, budget_s: float
    ) -> Asked | Measurement:
        try:
            return await self._ask(server, deadline, budget_s)
        except NoAnswer as error:
            return tcp.critical(error.cause, str(error))
        except UnusableFile as error:
            return unknown(str(error))
        except OSError as error:
            return tcp.unreachable(error, server.host, server.port, budget_s)

    async def _ask(self, server: Server, deadline: Deadline, budget_s: float) -> Asked:
        check, context = self._check, None
        if check.transport == "tls":
            trust = Trust(verify=check.verify, ca_file=check.ca_file, protocols=("dot",))
            async with asyncio.timeout_at(deadline.at):
                context = await in_thread(("tls context", trust), trust.context)
        query = dnsmessage.Query(
            id=secrets.randbits(16),  # RFC 5452, 9.2
            name=self._name,
            type=TYPES[check.type],
            recurse=check.recursion,
            authentic=check.require_ad,
        )
        return await ask(
            server, query, check.transport, deadline, context, check.server_name, budget_s
        )

    async def _judged(self, asked: Asked) -> Measurement:
        check, reply = self._check, asked.reply
        metrics = _times(asked)
        try:
            found, aliases = resolved(reply, self._name, TYPES[check.type])
            async with asyncio.timeout_at(self._deadline.at):
                values = await dnsrecords.values(reply.wire, found[:MAX_COMPARED], check.type)
        except Loop as error:
            return self._measured(asked, metrics, f"{self._what} {error}", [])
        except (ValueError, TimeoutError) as error:
            reason = said(str(error)) or "there was no time left"
            broken = f"{asked.where} answers with records that can't be read: {reason}"
            return self._measured(asked, metrics, broken, [])
        metrics["dns.answers"] = float(len(found))
        if found:
            metrics["dns.ttl_s"] = float(min(each.ttl_s for each in (*found, *aliases)))
        if check.type == "SOA" and values:
            metrics["dns.soa_serial"] = float(values[0].serial)
        wrong = next(self._mistakes(reply, found, aliases, values), None)
        return self._measured(asked, metrics, wrong, values)

    def _measured(
        self, asked: Asked, metrics: dict[str, float], wrong: str | None, values: Sequence[Value]
    ) -> Measurement:
        status = Status.CRITICAL if wrong else Status.HEALTHY
        cause = Cause.WRONG_ANSWER if wrong else Cause.NONE
        if wrong is None and (wrong := self._too_long(metrics)):
            status, cause = Status.DEGRADED, Cause.THRESHOLD
        details: dict[str, Detail] = {
            "server": asked.where,
            "transport": asked.transport,
            "rcode": asked.reply.rcode,
            "values": [value.text for value in values[:KEPT_VALUES]],
        }
        return Measurement(
            status=status,
            cause=cause,
            message=wrong or self._sentence(asked, values, metrics["dns.query_ms"]),
            response_time_ms=metrics["dns.query_ms"],
            metrics=metrics,
            details=details,
        )

    def _mistakes(
        self,
        reply: Reply,
        found: Sequence[Record],
        aliases: Sequence[Record],
        values: Sequence[Value],
    ) -> Iterator[str]:
        """What is not as expected, as sentences, the one that explains most first."""
        check, what = self._check, self._what
        if reply.rcode != check.expect_rcode:
            came = _listed(values) if values else f"answered with {reply.rcode}"
            yield f"{what} is {came}, expected {check.expect_rcode}"
        if check.authoritative and not reply.has(AUTHORITATIVE):
            yield f"{what} is answered without authority, expected an authoritative answer"
        if len(found) > MAX_COMPARED:
            yield f"{what} has {len(found)} answers, expected {MAX_COMPARED} at most"
        if check.expect_rcode == "NOERROR" and len(found) < check.min_answers and not check.expect:
            alias = ", only an alias" if aliases else ""
            least = f"expected {check.min_answers} or more"
            yield f"{what} has {_count(len(found))}{alias}, {least}"
        if check.expect and not self._fits(values):
            yield f"{what} is {_listed(values)}, expected {self._expected()}"
        if check.require_ad and not reply.has(AUTHENTIC):
            yield f"{what} is answered without the flag AD, expected an answer verified by DNSSEC"

    def _fits(self, values: Sequence[Value]) -> bool:
        came = {value.key for value in values}
        wanted = {dnsrecords.expected(text, self._check.type).key for text in self._check.expect}
        match self._check.expect_match:
            case "any":
                return bool(came & wanted)
            case "all":
                return wanted <= came
            case "exact":
                return wanted == came

    def _expected(self) -> str:
        check = self._check
        wanted = [dnsrecords.expected(text, check.type) for text in check.expect]
        if check.expect_match == "any" and len(wanted) > 1:
            return f"any of {_listed(wanted)}"
        more = " and maybe others" if check.expect_match == "all" else ""
        return f"{_listed(wanted)}{more}"

    def _too_long(self, metrics: dict[str, float]) -> str | None:
        longest, ttl_s = self._check.max_ttl_s, metrics.get("dns.ttl_s", 0.0)
        if longest is None or ttl_s <= longest:
            return None
        return f"{self._what} lives {ttl_s:.0f} s, expected ≤ {longest} s"

    def _sentence(self, asked: Asked, values: Sequence[Value], query_ms: float) -> str:
        took = show(query_ms, "ms")
        if asked.reply.rcode != "NOERROR":
            return f"{self._what} is answered with {asked.reply.rcode}, as expected, in {took}"
        if not values:
            return f"{self._what} has no answers, as expected, in {took}"
        return f"{self._what} is {_listed(values)}, answered in {took}"


def unknown(message: str) -> Measurement:
    """The measurement when nothing could be asked, for a reason of this machine's own."""
    return Measurement(status=Status.UNKNOWN, cause=Cause.NOT_MEASURABLE, message=message)


def _times(asked: Asked) -> dict[str, float]:
    """The phases of an exchange; connecting is one over TCP and TLS only."""
    seconds = asked.seconds
    names = {"query": "dns.query_ms", "connect": "dns.connect_ms", "tls": "dns.tls_ms"}
    return {name: round(seconds[p] * 1000, 2) for p, name in names.items() if p in seconds}


def _count(answers: int) -> str:
    return f"{answers or 'no'} answer{'' if answers == 1 else 's'}"


def _listed(values: Sequence[Value]) -> str:
    """The values as a message tells them: `192.0.2.7, 192.0.2.8`; `no answer` for none."""
    texts = sorted(value.text for value in values)
    more = f" and {len(texts) - SHOWN_VALUES} more" if len(texts) > SHOWN_VALUES else ""
    return said(", ".join(texts[:SHOWN_VALUES])) + more if texts else "without an answer"
