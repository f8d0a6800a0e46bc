"""Check kind `heartbeat`: a job says by pings that it has run, in time and well."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, ClassVar

import msgspec
from msgspec import Meta

from domain import heartbeat
from domain.facts import Measurement
from domain.fields import duration
from domain.heartbeat import Beat, Heard, Plan
from domain.mistakes import WrongFields
from domain.outages import Outage
from domain.zones import zone_name
from monitor.checks import kind
from monitor.cron import next_run
from monitor.feeding import Fed, Memory, Weighed

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@kind(
    "heartbeat",
    title="Heartbeat",
    component="job",
    headline="heartbeat.age_s",
    retry_s=None,
    # Its tolerance is the grace.
    failures=1,
    successes=1,
)
class HeartbeatCheck(Fed, frozen=True, kw_only=True):
    """A job pings every `period`, or when `cron` says so, and no more than `grace` later."""

    hears: ClassVar[str] = "beat"

    period: Annotated[str | None, Meta(description="Time between two pings: 1d")] = None
    cron: Annotated[
        str | None, Meta(description="Or when the job runs, as in a crontab: 0 3 * * *")
    ] = None
    timezone: Annotated[str, Meta(description="Time zone of cron: Europe/Berlin")] = "UTC"
    grace: Annotated[
        str, Meta(description="How late a ping may be, and how long a run may take")
    ] = "10m"

    def __post_init__(self) -> None:
        """Refuse what could never work."""
        if wrong := list(self._wrong()):
            raise WrongFields(wrong)

    def _wrong(self) -> Iterator[tuple[str, str]]:
        if (self.period is None) == (self.cron is None):
            yield "period", "or cron must be given, one of the two"
        for key, value, read in (
            ("period", self.period, duration),
            ("cron", self.cron, lambda text: next_run(text, "UTC", EPOCH)),
            ("timezone", self.timezone, zone_name),
            ("grace", self.grace, duration),
        ):
            try:
                if value is not None:
                    read(value)
            except ValueError as error:
                yield key, str(error)
        if self.period is not None and self.timezone != "UTC":
            yield "timezone", "goes with cron"

    def hear(self, memory: Memory, body: bytes) -> Memory:
        """What is remembered after a ping."""
        beat = msgspec.json.decode(body, type=Beat)
        return _kept(heartbeat.take_in(_heard(memory), beat, self._plan()))

    def miss(self, memory: Memory, outage: Outage) -> Memory:
        """What is remembered after no ping could be received for a while."""
        return _kept(heartbeat.missed(_heard(memory), outage))

    def begin(self, memory: Memory, now: datetime) -> Memory:
        """Its pings are waited for from the first look on."""
        return memory or _kept(Heard(since=now))

    def weigh(self, memory: Memory, now: datetime, receiving: datetime | None) -> Weighed:
        """Whether the job runs in time and well."""
        heard = _heard(memory)
        found = heartbeat.judge(heard, self._plan(), now, receiving)
        measurement = Measurement(
            status=found.status,
            message=found.message,
            cause=found.cause,
            metrics=dict(_metrics(heard, now)),
            details=_details(heard, found),
        )
        return Weighed(measurement=measurement, look_at=found.look_at)

    def target(self) -> str:
        """`every 1d + 10m`, `0 3 * * * Europe/Berlin + 10m`."""
        when = f"every {self.period}" if self.period else f"{self.cron} {self.timezone}"
        return f"{when} + {self.grace}"

    def _plan(self) -> Plan:
        grace_s = duration(self.grace)
        if self.cron is not None:
            cron, zone = self.cron, self.timezone
            return Plan(grace_s=grace_s, due_after=lambda moment: next_run(cron, zone, moment))
        period = timedelta(seconds=duration(self.period or ""))
        return Plan(grace_s=grace_s, due_after=lambda moment: moment + period)


def _metrics(heard: Heard, now: datetime) -> Iterator[tuple[str, float]]:
    if heard.ended_at is not None:
        yield "heartbeat.age_s", max(0.0, round((now - heard.ended_at).total_seconds(), 3))
    if heard.duration_ms is not None:
        yield "heartbeat.duration_ms", heard.duration_ms
    if heard.exit_status is not None:
        yield "heartbeat.exit_status", float(heard.exit_status)


def _details(heard: Heard, found: heartbeat.Verdict) -> dict[str, Any]:
    details: dict[str, Any] = {"reason": found.reason.value, "expected by": found.due.isoformat()}
    if heard.ended_at is not None:
        details["last ping"] = heard.ended_at.isoformat()
    if heard.running:
        details["running since"] = [run.at.isoformat() for run in heard.running]
    if heard.body:
        details["last output"] = heard.body
    return details


def _heard(memory: Memory) -> Heard:
    return msgspec.convert(memory, Heard)


def _kept(heard: Heard) -> Mapping[str, Any]:
    kept: Mapping[str, Any] = msgspec.to_builtins(heard)
    return kept
