"""Check kind `passive`: somebody else measures, and sends the results."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, ClassVar, Literal

import msgspec
from msgspec import Meta

from domain import passive
from domain.facts import Measurement
from domain.fields import duration
from domain.mistakes import WrongFields
from domain.outages import Outage
from domain.passive import Told, Waiting, status_named
from monitor.checks import kind
from monitor.feeding import Fed, Memory, Weighed


@kind(
    "passive",
    title="Passive",
    component="service",
    headline="passive.age_s",
    retry_s=None,
    # Whoever sends has confirmed it already.
    failures=1,
    successes=1,
)
class PassiveCheck(Fed, frozen=True, kw_only=True):
    """The last result that was sent, for as long as it is fresh."""

    hears: ClassVar[str] = "result"

    fresh_for: Annotated[str, Meta(description="How long a result holds: 10m")] = "10m"
    when_silent: Annotated[
        Literal["unknown", "warning", "degraded", "critical"],
        Meta(description="What it reads when no fresh one has come"),
    ] = "unknown"

    def __post_init__(self) -> None:
        """Refuse what could never work."""
        try:
            duration(self.fresh_for)
        except ValueError as error:
            raise WrongFields([("fresh_for", str(error))]) from None

    def hear(self, memory: Memory, body: bytes) -> Memory:
        """What is remembered after a result."""
        told = msgspec.json.decode(body, type=Told)
        return _kept(passive.take_in(_waiting(memory), told))

    def miss(self, memory: Memory, outage: Outage) -> Memory:
        """What is remembered after no result could be received for a while."""
        return _kept(passive.missed(_waiting(memory), outage))

    def begin(self, memory: Memory, now: datetime) -> Memory:
        """Results are waited for from the first look on."""
        return memory or _kept(Waiting(since=now))

    def weigh(self, memory: Memory, now: datetime, receiving: datetime | None) -> Weighed:
        """The last result, or what silence means."""
        waiting = _waiting(memory)
        silent = status_named(self.when_silent)
        found = passive.judge(waiting, duration(self.fresh_for), silent, now, receiving)
        metrics = dict(found.metrics)
        details: dict[str, Any] = {}
        if waiting.last is not None:
            age_s = (now - waiting.last.at).total_seconds()
            metrics["passive.age_s"] = max(0.0, round(age_s, 3))
            details["measured at"] = waiting.last.at.isoformat()
        measurement = Measurement(
            status=found.status,
            message=found.message,
            cause=found.cause,
            metrics=metrics,
            details=details,
        )
        return Weighed(measurement=measurement, look_at=found.look_at)

    def target(self) -> str:
        """`results from outside, at least every 10m`."""
        return f"results from outside, at least every {self.fresh_for}"


def _waiting(memory: Memory) -> Waiting:
    return msgspec.convert(memory, Waiting)


def _kept(waiting: Waiting) -> Mapping[str, Any]:
    kept: Mapping[str, Any] = msgspec.to_builtins(waiting)
    return kept
