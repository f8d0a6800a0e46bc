"""Deliveries: what a channel is told, what came of it, and when it is tried again. All pure.

A delivery ends delivered, dead or cancelled, always with a reason; until then it is tried again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from domain.facts import Detail
from domain.incidents import Severity, Stage
from domain.paging import Event

FIRST_PAUSE = timedelta(seconds=5)
LONGEST_PAUSE = timedelta(seconds=60)
GIVES_UP_AFTER = timedelta(hours=24)
# Of incidents that are told together, so many are named in a timeline.
NAMED = 5
LONGEST_TITLE = 300


class DeliveryState(StrEnum):
    """Where a delivery is on its way."""

    PENDING = "pending"
    LEASED = "leased"
    DELIVERED = "delivered"
    RETRY = "retry"
    DEAD = "dead"
    CANCELLED = "cancelled"


UNSETTLED = frozenset({DeliveryState.PENDING, DeliveryState.LEASED, DeliveryState.RETRY})


@dataclass(frozen=True, slots=True, kw_only=True)
class Other:
    """An incident that is told in the message of another one; `link` is its address here."""

    id: str
    title: str
    severity: str
    component: str
    link: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What a channel sends. `key` is the same for every try, so that the other side can drop copies.

    `severity` and `stage` are the incident's words; `at` is when it happened, not when it is sent.
    `others` opened in its group while it waited, and are told by this message alone.
    """

    key: str
    event: Event
    incident_id: str
    title: str
    severity: str
    component: str
    message: str
    opened_at: datetime
    at: datetime
    stage: str
    others: tuple[Other, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Companion:
    """A row of the outbox that goes along with another one, as part of its message."""

    id: int
    incident_id: str
    body: Mapping[str, Detail]


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What is being sent: a row of the outbox, and those of its group that go along with it.

    `key` is the same for every try, with the same companions. `attempts` are the tries that have
    ended.
    """

    id: int
    key: str
    incident_id: str
    channel: str
    event: Event
    body: Mapping[str, Detail]
    attempts: int
    created_at: datetime
    due: datetime
    companions: tuple[Companion, ...] = ()

    @property
    def rows(self) -> tuple[int, ...]:
        """The numbers of all rows that it settles, its own first."""
        return (self.id, *(each.id for each in self.companions))


class Verdict(StrEnum):
    """How a try ended: a failure may pass, a refusal will not."""

    DELIVERED = "delivered"
    FAILED = "failed"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of one try. `text` is for people and holds no secret.

    `retry_after_s` is how many seconds the other side asked to be left alone.
    """

    verdict: Verdict
    text: str = ""
    retry_after_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """What becomes of a delivery: its state, when it is due again, and the reason shown."""

    state: DeliveryState
    due: datetime
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """How a channel does: failures since it last delivered; `next_try` while it backs off."""

    failures: int = 0
    next_try: datetime | None = None


class Told(Protocol):
    """A row in the history of one incident and channel."""

    @property
    def id(self) -> int:
        """Its number: rows are sent in its order."""
        ...

    @property
    def event(self) -> str:
        """What it tells, an Event's value."""
        ...

    @property
    def state(self) -> str:
        """Where it is, a DeliveryState's value."""
        ...


def delivered(text: str = "delivered") -> Outcome:
    """The channel took it."""
    return Outcome(verdict=Verdict.DELIVERED, text=text)


def failed(text: str, retry_after_s: float | None = None) -> Outcome:
    """The channel did not take it now; the same message may pass later."""
    return Outcome(verdict=Verdict.FAILED, text=text, retry_after_s=retry_after_s)


def refused(text: str) -> Outcome:
    """The channel will never take this message."""
    return Outcome(verdict=Verdict.REFUSED, text=text)


def key_of(line_id: int, channel: str) -> str:
    """The idempotency key of a delivery: one per line of the timeline and recipient."""
    return f"{line_id}:{channel}"


def test_message(channel: str, key: str, at: datetime) -> Message:
    """What a channel sends when it is tried: marked as a test in everything that people read."""
    return Message(
        key=key,
        event=Event.TEST,
        incident_id="TEST",
        title=f"Test of the channel {channel}",
        severity=Severity.INFO.word,
        component="nocturne",
        message="This is a test of Nocturne. Nothing is wrong, and nothing is to be done.",
        opened_at=at,
        at=at,
        stage=Stage.CLOSED.value,
    )


def unstored_message(key: str, text: str, at: datetime) -> Message:
    """What channels are told directly, since nothing can be stored: no incident stands for it."""
    return Message(
        key=key,
        event=Event.NOTICE,
        incident_id="STORE",
        title="Nocturne can store nothing",
        severity=Severity.CRITICAL.word,
        component="nocturne",
        message=text,
        opened_at=at,
        at=at,
        stage=Stage.NEW.value,
    )


def message_of(delivery: Delivery) -> Message:
    """What is sent. Raises KeyError or ValueError when the row's body lacks one of its fields."""
    body = delivery.body
    return Message(
        key=delivery.key,
        event=delivery.event,
        incident_id=delivery.incident_id,
        title=str(body["title"]),
        severity=str(body["severity"]),
        component=str(body["component"]),
        message=str(body["message"]),
        opened_at=datetime.fromisoformat(str(body["opened_at"])),
        at=datetime.fromisoformat(str(body["at"])),
        stage=str(body["stage"]),
        others=tuple(_other(each) for each in delivery.companions),
    )


def told_together(incident_ids: Sequence[str]) -> str:
    """How a timeline says that one message told of other incidents too; nothing without any."""
    if not incident_ids:
        return ""
    more = len(incident_ids) - NAMED
    rest = f" and {more} more" if more > 0 else ""
    return f", told together with {', '.join(incident_ids[:NAMED])}{rest}"


def after(outcome: Outcome, attempts: int, created_at: datetime, now: datetime) -> Settled:
    """What becomes of a delivery after a try; `attempts` counts this one too."""
    match outcome.verdict:
        case Verdict.DELIVERED:
            return Settled(state=DeliveryState.DELIVERED, due=now, reason=outcome.text)
        case Verdict.REFUSED:
            return Settled(state=DeliveryState.DEAD, due=now, reason=f"refused: {outcome.text}")
    if now - created_at >= GIVES_UP_AFTER:
        reason = f"given up after 24 h: {outcome.text}"
        return Settled(state=DeliveryState.DEAD, due=now, reason=reason)
    due = now + _pause(outcome, attempts)
    return Settled(state=DeliveryState.RETRY, due=due, reason=outcome.text)


def channel_after(health: Health, outcome: Outcome, now: datetime) -> Health:
    """How the channel does after a try. One that refuses answers, so it need not be spared."""
    if outcome.verdict is Verdict.DELIVERED:
        return Health()
    failures = health.failures + 1
    if outcome.verdict is Verdict.REFUSED:
        return Health(failures=failures)
    return Health(failures=failures, next_try=now + _pause(outcome, failures))


def orphans(history: Sequence[Told]) -> tuple[int, ...]:
    """The waiting rows of one incident and channel that follow up a trigger nobody got.

    `history` is in the order of sending. A resolve ends what the triggers before it began.
    """
    found: list[int] = []
    stands = False
    for row in history:
        lost = row.state in (DeliveryState.DEAD, DeliveryState.CANCELLED)
        if row.event == Event.TRIGGER:
            stands = stands or not lost
        elif not stands and row.state in (DeliveryState.PENDING, DeliveryState.RETRY):
            found.append(row.id)
        if row.event == Event.RESOLVE:
            stands = False
    return tuple(found)


def _other(companion: Companion) -> Other:
    """Told as well as it can be read: what is wrong in it must not hold back the whole message."""
    body = companion.body
    return Other(
        id=companion.incident_id,
        title=str(body.get("title", companion.incident_id))[:LONGEST_TITLE],
        severity=str(body.get("severity", "")),
        component=str(body.get("component", "")),
        link=f"/incidents/{companion.incident_id}",
    )


def _pause(outcome: Outcome, failures: int) -> timedelta:
    """5 s doubling to 60 s; longer when the other side asks for it."""
    doubled = FIRST_PAUSE * (1 << min(max(failures - 1, 0), 10))
    asked = timedelta(seconds=outcome.retry_after_s or 0)
    return max(min(doubled, LONGEST_PAUSE), asked)
