"""Check kind `ping`: a host answers ICMP echo requests, with its loss, round-trip times and jitter."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from statistics import fmean
from typing import Annotated, Literal

from msgspec import Meta

from domain.facts import Cause, Measurement, Status
from domain.rules import Operator, StockRule
from domain.units import show
from monitor.checks import Check, Deadline, kind
from monitor.checks.tcp import Host, critical, length, resolve, unreachable
from monitor.wire.icmp import Answers, CannotPing, echo

FAMILIES = {"ipv4": "IPv4", "ipv6": "IPv6"}

LOSSY = (
    "Packets to the host or its answers are lost; connections through the same path stall and repeat. "
    "First look: whether other hosts behind the same link lose packets too, then `mtr` to the host: the "
    "first hop from which on all later ones lose is the place. Usual fix: a full link needs traffic "
    "shaping or more width, a bad cable, port or radio link needs replacing; a host that limits its "
    "answers is right as it is: raise max_loss or the gap."
)
LOSS = StockRule(
    metric="ping.loss_percent",
    title="Packet loss",
    warning=20,
    critical=60,
    operator=Operator.GT,
    unit="%",
    runbook=LOSSY,
)


@kind("ping", title="Ping", component="network", headline="ping.avg_ms", rules=(LOSS,))
class PingCheck(Check, frozen=True, kw_only=True):
    """`host` answers at least one of `count` echo requests; loss is judged by its rule."""

    host: Annotated[Host, Meta(description="Name or address to ping")]
    family: Annotated[
        Literal["any", "ipv4", "ipv6"], Meta(description="Which addresses of the host may be taken")
    ] = "any"
    count: Annotated[int, Meta(ge=1, le=100, description="Packets to send")] = 4
    gap_ms: Annotated[
        float, Meta(ge=10, le=10_000, description="Milliseconds from one packet to the next")
    ] = 200.0
    wait_ms: Annotated[
        float, Meta(ge=1, le=30_000, description="A later answer counts as lost, milliseconds")
    ] = 2000.0
    size: Annotated[int, Meta(ge=8, le=65_507, description="Bytes of payload in each packet")] = 56
    max_loss: Annotated[
        float,
        Meta(ge=0, le=100, description="More loss is critical, of a third a warning, percent"),
    ] = 60.0

    async def run(self, deadline: Deadline) -> Measurement:
        """Resolve, then ping the first address to which there is a way."""
        clock = asyncio.get_running_loop().time
        budget, start = deadline.remaining(), clock()
        try:
            found = await resolve(self.host, deadline)
        except OSError as error:
            return unreachable(error, self.host, 0, budget)
        dns_ms = round((clock() - start) * 1000, 2)
        addresses = [each for each in found if self._fits(each)]
        if not addresses:
            text = f'"{self.host}" has no {FAMILIES[self.family]} address'
            return critical(Cause.NAME_NOT_RESOLVED, text)
        return await self._ping_any(addresses, deadline, dns_ms)

    def target(self) -> str:
        """The host."""
        return self.host

    def stock_rules(self) -> tuple[StockRule, ...]:
        """The rule on loss, with the levels that `max_loss` asks for."""
        return (replace(LOSS, warning=round(self.max_loss / 3, 1), critical=self.max_loss),)

    def _fits(self, address: str) -> bool:
        return self.family == "any" or (":" in address) == (self.family == "ipv6")

    async def _ping_any(
        self, addresses: list[str], deadline: Deadline, dns_ms: float
    ) -> Measurement:
        failed: CannotPing | OSError = OSError()
        limit_s = min(self.wait_ms / 1000, deadline.remaining())
        for address in addresses:
            try:
                answers = await echo(
                    address,
                    count=self.count,
                    gap_s=self.gap_ms / 1000,
                    wait_s=self.wait_ms / 1000,
                    size=self.size,
                    end_s=deadline.remaining(),
                )
            except (CannotPing, OSError) as error:
                failed = error
            else:
                return self._judge(answers, address, dns_ms, limit_s)
        if isinstance(failed, CannotPing):
            return Measurement(
                status=Status.UNKNOWN, cause=Cause.NOT_MEASURABLE, message=str(failed)
            )
        return critical(Cause.REFUSED, f"No way to {self.host}: {failed.strerror or 'it failed'}")

    def _judge(self, answers: Answers, address: str, dns_ms: float, limit_s: float) -> Measurement:
        metrics = {"ping.dns_ms": dns_ms, "ping.loss_percent": answers.loss_percent}
        if answers.seconds:
            metrics = _times(answers) | metrics
        average = metrics.get("ping.avg_ms")
        return Measurement(
            status=Status.CRITICAL if average is None else Status.HEALTHY,
            cause=Cause.NONE if average is not None else _why(answers),
            message=self._sentence(answers, average, limit_s),
            response_time_ms=average,
            metrics=metrics,
            details={
                "address": address,
                "sent": answers.sent,
                "received": len(answers.seconds),
                "duplicates": answers.duplicates,
                "network_error": answers.reason,
                "socket": "raw" if answers.raw else "datagram",
            },
        )

    def _sentence(self, answers: Answers, average: float | None, limit_s: float) -> str:
        if average is not None:
            got = f"{len(answers.seconds)} of {answers.sent} pings answered"
            return f"{got}, {show(average, 'ms')} on average"
        pings = "1 ping" if answers.sent == 1 else f"{answers.sent} pings"
        why = f": {answers.reason}" if answers.reason else f" within {length(limit_s)}"
        return f"No answer from {self.host} to {pings}{why}"


def _times(answers: Answers) -> dict[str, float]:
    times_ms = [seconds * 1000 for seconds in answers.seconds.values()]
    metrics = {
        "ping.avg_ms": round(fmean(times_ms), 3),
        "ping.min_ms": round(min(times_ms), 3),
        "ping.max_ms": round(max(times_ms), 3),
    }
    if (jitter := answers.jitter_s) is not None:
        metrics["ping.jitter_ms"] = round(jitter * 1000, 3)
    return metrics


def _why(answers: Answers) -> Cause:
    """An error that the network reports is a refusal, silence is a time-out."""
    return Cause.REFUSED if answers.reason else Cause.TIMEOUT
