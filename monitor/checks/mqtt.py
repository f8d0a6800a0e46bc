"""Check kind `mqtt`: an MQTT broker takes a message and hands it back, with its time by phase."""

from __future__ import annotations

import asyncio
import math
import secrets
from collections.abc import Iterator, Mapping
from typing import Annotated, ClassVar, Literal

from msgspec import Meta

from domain.facts import Cause, Measurement, Status
from domain.rules import StockRule, certificate_ends
from domain.units import show
from monitor.checks import Deadline, kind
from monitor.checks.tcp import critical, length
from monitor.wire import mqtt
from monitor.wire.said import said
from monitor.wire.server import Scheme, ServerCheck
from monitor.wire.visit import HungUp, Visit

SLOW = (
    "The broker takes long to hand a message on; devices and applications see the same delay. First "
    "look: the phases of the last result: a long connect or TLS is the network, a long CONNACK the "
    "login (a database behind it?), a long round trip the broker. Then its CPU, queues and log. Usual "
    "fix: find the client that floods it, limit its rate, or give the broker more CPU."
)
EXPIRING = (
    "The certificate ends soon; from then on clients refuse the broker. First look: the file that "
    "`certfile` of its configuration names, and the job that renews it. Usual fix: renew it and have "
    "the broker load it again (mosquitto: SIGHUP); devices that pin it need the new one first."
)
RUN = "{run}"
ClientId = Annotated[str, Meta(min_length=1, max_length=200, pattern="^[^\x00]+$")]
PHASES = {
    "round_trip": "mqtt.round_trip_ms",
    "ping": "mqtt.ping_ms",
    "dns": "mqtt.dns_ms",
    "connect": "mqtt.connect_ms",
    "tls": "mqtt.tls_ms",
    "connack": "mqtt.connack_ms",
    "subscribe": "mqtt.subscribe_ms",
    "total": "mqtt.total_ms",
}
# What mosquitto and others tell of themselves: topic → metric, and by what to multiply.
STATISTICS: Mapping[str, tuple[str, float]] = {
    "$SYS/broker/clients/connected": ("mqtt.clients", 1),
    "$SYS/broker/subscriptions/count": ("mqtt.subscriptions", 1),
    "$SYS/broker/retained messages/count": ("mqtt.retained_messages", 1),
    "$SYS/broker/load/messages/received/1min": ("mqtt.received_per_s", 1 / 60),
    "$SYS/broker/load/messages/sent/1min": ("mqtt.sent_per_s", 1 / 60),
    "$SYS/broker/load/publish/dropped/1min": ("mqtt.dropped_per_s", 1 / 60),
    "$SYS/broker/heap/current": ("mqtt.memory_bytes", 1),
}


@kind(
    "mqtt",
    title="MQTT broker",
    component="broker",
    headline="mqtt.round_trip_ms",
    rules=(
        StockRule(
            metric="mqtt.round_trip_ms",
            title="Round trip",
            warning=500,
            critical=2000,
            unit="ms",
            runbook=SLOW,
        ),
        certificate_ends(EXPIRING),
    ),
)
class MqttCheck(ServerCheck, frozen=True, kw_only=True):
    """The broker lets us in and hands back a message that we publish; nothing is retained."""

    schemes: ClassVar[Mapping[str, Scheme]] = {
        "mqtt": Scheme(1883),
        "mqtts": Scheme(8883, tls=True),
    }

    version: Annotated[
        Literal["5", "3.1.1"],
        Meta(description="Version of MQTT; the older one can't say why it refuses a message"),
    ] = "5"
    client_id: Annotated[
        ClientId | None, Meta(description="Client identifier; a new one for each run if not given")
    ] = None
    round_trip: Annotated[
        bool, Meta(description="Publish a message and wait for it; else only log in and ping")
    ] = True
    topic: Annotated[
        str,
        Meta(
            min_length=1,
            max_length=512,
            pattern=r"^[^$+#\x00][^+#\x00]*$",
            description="Topic of the message; {run} is replaced by a random word",
        ),
    ] = "nocturne/probe/{run}"
    qos: Annotated[Literal[0, 1, 2], Meta(description="Quality of service of the message")] = 1
    statistics: Annotated[
        bool, Meta(description="Also read what the broker tells of itself under $SYS/broker")
    ] = False

    async def run(self, deadline: Deadline) -> Measurement:
        """Connect, log in, subscribe, publish, and wait for the message."""
        probe = Probe(self, deadline)
        try:
            async with asyncio.timeout_at(deadline.at):
                return await probe.measure()
        except Exception as error:  # the probe raises what is a bug
            return probe.failed(error)
        finally:
            probe.visit.hang_up()

    def target(self) -> str:
        """The address, without credentials: `mqtts://host:8883`."""
        to = self.endpoint()
        return f"{'mqtts' if to.tls else 'mqtt'}://{to.where}"

    def headline(self) -> str:
        """The round trip, or where there is none the ping."""
        return "mqtt.round_trip_ms" if self.round_trip else "mqtt.ping_ms"

    def wrong(self) -> Iterator[tuple[str, str]]:
        """The fields that can't work, each with the reason."""
        if reasons := list(super().wrong()):
            yield from reasons
            return
        to = self.endpoint()
        if to.path or to.query:
            yield "url", "ends with the port: MQTT has no path"
        if to.password is not None and not to.username:
            yield "username", "is missing beside the password"


class Probe:
    """One run of a check: the message that is on its way, and what was heard."""

    def __init__(self, check: MqttCheck, deadline: Deadline) -> None:
        self.visit = Visit(check, deadline)
        self._check = check
        self._limit_s = deadline.remaining()
        word = secrets.token_hex(6)
        self._topic = check.topic.replace(RUN, word)
        # Unique, so that monitors that share a topic don't take each other's messages for theirs.
        self._payload = f"nocturne {word}".encode()
        # 23 characters at most, letters and digits: what every broker must take (3.1.3.1).
        self._client_id = check.client_id or f"nocturne{word}"
        self._session: mqtt.Session | None = None
        self._came = False
        self._qos = 0
        self._told: dict[str, float] = {}

    async def measure(self) -> Measurement:
        """The whole conversation. Raises what `failed` puts into words."""
        check, to = self._check, self.visit.endpoint
        dialogue = await self.visit.open(mqtt.LONGEST_ANSWERS)
        self._session = mqtt.Session(dialogue, version=check.version, heard=self._hear)
        with self.visit.step("connack", "CONNECT"):
            offered = await self._session.connect(self._client_id, to.username, to.password)
        if check.round_trip:
            self._qos = min(check.qos, offered)
            await self._send_and_hear(self._session)
        else:
            with self.visit.step("ping", "PINGREQ"):
                await self._session.ping()
        unknown = await self._read_statistics(self._session) if check.statistics else ""
        await self._session.disconnect()
        return self._measured(unknown)

    def failed(self, error: Exception) -> Measurement:
        """The measurement for what ended this run. A bug is raised again."""
        if isinstance(error, mqtt.Refused):
            return critical(error.cause, self._refusal(error))
        if isinstance(error, TimeoutError) and self.visit.doing == "PUBLISH":
            return critical(Cause.TIMEOUT, self._lost())
        return self.visit.failed(error, "MQTT")

    async def _send_and_hear(self, session: mqtt.Session) -> None:
        with self.visit.step("subscribe", "SUBSCRIBE"):
            [refusal] = await session.subscribe([self._topic], self._qos)
        if refusal is not None:
            raise refusal
        with self.visit.step("round_trip", "PUBLISH"):
            await session.publish(self._topic, self._payload, self._qos)
            await session.hear(lambda: self._came)

    async def _read_statistics(self, session: mqtt.Session) -> str:
        """Hear what the broker keeps under $SYS. Why not, if it does not tell; else nothing."""
        try:
            with self.visit.step("statistics", "SUBSCRIBE to $SYS"):
                refused = await session.subscribe(list(STATISTICS), 0)
                await session.ping()  # its answer comes after all that is kept
        except (mqtt.Refused, HungUp) as error:  # some hang up on those who ask for too much
            return str(error) or "the broker hung up"
        return next((str(each) for each in refused if each is not None), "")

    def _hear(self, topic: str, payload: bytes) -> None:
        if topic == self._topic and payload == self._payload:
            self._came = True
        elif topic in STATISTICS:
            name, factor = STATISTICS[topic]
            value = _number(payload)
            if value is not None:
                self._told[name] = round(value * factor, 2)

    def _measured(self, unknown: str) -> Measurement:
        took = self.visit.took_ms()
        metrics = {name: took[phase] for phase, name in PHASES.items() if phase in took}
        metrics |= self.visit.days_left() | self._told
        headline = metrics[self._check.headline()]
        what = "Message came back" if self._check.round_trip else "Logged in, ping answered"
        details = {"topic": self._topic if self._check.round_trip else "", "no statistics": unknown}
        return Measurement(
            status=Status.HEALTHY,
            message=f"{what} in {show(headline, 'ms')}",
            response_time_ms=headline,
            metrics=metrics,
            details={name: text for name, text in details.items() if text},
        )

    def _refusal(self, error: mqtt.Refused) -> str:
        where, topic = self.visit.where, said(self._topic)
        what = {
            "CONNECT": f"Login refused by {where}",
            "SUBSCRIBE": f'{where} refuses the subscription to "{topic}"',
            "PUBLISH": f'{where} refuses the message to "{topic}"',
        }
        ended = f"{where} ended the session at {self.visit.doing}"
        told = ended if isinstance(error, mqtt.Ended) else what.get(self.visit.doing, ended)
        old = error.code == mqtt.UNSUPPORTED_VERSION and self._check.version == "5"
        return f"{told}: {error}" + (': set version = "3.1.1"' if old else "")

    def _lost(self) -> str:
        where, topic, limit = self.visit.where, said(self._topic), length(self._limit_s)
        if self._came:
            return f'{where} did not acknowledge the message to "{topic}" within {limit}'
        taken = self._qos > 0 and self._session is not None and self._session.acknowledged
        hint = ", though it was taken: may this user write and read there?" if taken else ""
        return f'The message to "{topic}" did not come back from {where} within {limit}{hint}'


def _number(payload: bytes) -> float | None:
    """The number that a statistic begins with: `12`, `3.5`, `86400 seconds`."""
    try:
        value = float(payload[:40].split(b" ")[0])
    except ValueError:
        return None
    return value if math.isfinite(value) else None
