"""The outbox: deliveries are leased, sent elsewhere, and settled; all rows end with a reason.

A row leased by a monitor that died is free once the next one leads, at `leased_until` at the latest.
Which rows go next is in `storage.picking`; what waits in a group goes as one message, see
`storage.bundles`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Row,
    and_,
    func,
    insert,
    select,
    update,
)

from domain.outbox import (
    UNSETTLED,
    Delivery,
    DeliveryState,
    Health,
    Outcome,
    Settled,
    Verdict,
    after,
    channel_after,
    told_together,
)
from domain.paging import Event
from storage import counters, picking
from storage.bundles import OPEN
from storage.engine import reader
from storage.leadership import Lease, fence
from storage.schema import channel_health, outbox
from storage.takeover import expire, hold, take_over, words

LEASED_FOR = timedelta(seconds=60)
# Made once: it is asked all the time.
UNENDED = select(outbox.c.id).where(outbox.c.state.in_(OPEN)).limit(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryRow:
    """A delivery as a timeline shows it. `settled_at` is None until it has ended."""

    id: int
    line_id: int
    channel: str
    event: Event
    state: DeliveryState
    reason: str
    attempts: int
    created_at: datetime
    due: datetime
    settled_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelHealth:
    """How a channel does. `failures` are those since it last delivered; `pending` and `dead` count rows."""

    channel: str
    failures: int = 0
    next_try: datetime | None = None
    last_error: str | None = None
    last_delivered: datetime | None = None
    pending: int = 0
    dead: int = 0
    last_dead: datetime | None = None


def lease(
    engine: Engine,
    lease: Lease,
    now: datetime,
    limit: int = 50,
    busy: Collection[str] = frozenset(),
    alone: Collection[str] = frozenset(),
) -> tuple[Delivery, ...]:
    """Take deliveries that are due, oldest first, for 60 s; none of the channels that are `busy`.

    The channels `alone` take one incident a message. Raises LeadershipLost.
    """
    with reader(engine).connect() as connection:
        if not picking.channels(connection, now, busy):
            return ()
    with engine.begin() as connection:
        fence(connection, lease)
        taken: list[Delivery] = []
        for channel, at_most in picking.channels(connection, now, busy):
            most = min(at_most, limit - len(taken))
            taken += picking.take(
                connection, channel, now, most, alone=channel in alone, until=now + LEASED_FOR
            )
    return tuple(taken)


def settle(
    engine: Engine,
    lease: Lease,
    delivery: Delivery,
    outcome: Outcome,
    now: datetime,
    fallbacks: Mapping[str, str],
) -> Settled | None:
    """Store what came of a try; None when the row is no longer leased as it was.

    `fallbacks` are the channels that take over, by name of the one that failed. Raises
    LeadershipLost.
    """
    attempts = delivery.attempts + 1
    settled = after(outcome, attempts, delivery.created_at, now)
    with engine.begin() as connection:
        fence(connection, lease)
        if not _end(connection, delivery, settled, attempts, now):
            return None
        _note_health(connection, delivery.channel, outcome, now)
        if settled.state is DeliveryState.DEAD:
            fallback = fallbacks.get(delivery.channel)
            for row in _rows(connection, delivery):
                take_over(connection, row, settled.reason, fallback, now)
            if outcome.verdict is Verdict.FAILED:
                expire(connection, delivery.channel, settled.reason, fallback, now)
        counters.bump(connection, counters.REVISION)
    return settled


def cancel(engine: Engine, lease: Lease, delivery: Delivery, reason: str, now: datetime) -> bool:
    """End a leased row without sending it; whether it was still leased. Raises LeadershipLost."""
    settled = Settled(state=DeliveryState.CANCELLED, due=delivery.due, reason=reason)
    with engine.begin() as connection:
        fence(connection, lease)
        ended = _end(connection, delivery, settled, delivery.attempts, now)
        if ended:
            hold(connection, _rows(connection, delivery))
            counters.bump(connection, counters.REVISION)
    return ended


def release(engine: Engine, lease: Lease, deliveries: Sequence[Delivery]) -> None:
    """Give back rows that were leased and not tried. Raises LeadershipLost."""
    with engine.begin() as connection:
        fence(connection, lease)
        for each in deliveries:
            state = DeliveryState.RETRY if each.attempts else DeliveryState.PENDING
            connection.execute(
                update(outbox).where(_leased(each)).values(state=state.value, leased_until=None)
            )


def take_back(engine: Engine, lease: Lease) -> int:
    """Free all rows that earlier monitors had leased; how many. Raises LeadershipLost.

    For a new leader, before its first lease. It need not wait for theirs to run out: they lost the
    right to settle, so whether they sent will never be known, and waiting would spare no copy. Each
    counts as an attempt: it may have arrived.
    """
    freed_as = {
        "state": DeliveryState.RETRY.value,
        "attempts": outbox.c.attempts + 1,
        "leased_until": None,
    }
    with engine.begin() as connection:
        fence(connection, lease)
        left = outbox.c.state == DeliveryState.LEASED.value
        freed = connection.execute(update(outbox).where(left).values(freed_as))
    return freed.rowcount


def is_waiting(engine: Engine) -> bool:
    """Whether any row has not ended yet."""
    with reader(engine).connect() as connection:
        return connection.execute(UNENDED).first() is not None


def recent(engine: Engine, incident_id: str) -> tuple[DeliveryRow, ...]:
    """The deliveries of an incident, in the order of sending."""
    query = select(outbox).where(outbox.c.incident_id == incident_id).order_by(outbox.c.id)
    with reader(engine).connect() as connection:
        rows = connection.execute(query).all()
    return tuple(
        DeliveryRow(
            id=row.id,
            line_id=row.line_id,
            channel=row.channel,
            event=Event(row.event),
            state=DeliveryState(row.state),
            reason=row.reason,
            attempts=row.attempts,
            created_at=row.created_at,
            due=row.due,
            settled_at=row.settled_at,
        )
        for row in rows
    )


def health(engine: Engine) -> tuple[ChannelHealth, ...]:
    """How every channel does that was ever told something, by name."""
    counted = [*OPEN, DeliveryState.DEAD.value]
    query = (
        select(
            outbox.c.channel,
            outbox.c.state,
            func.count().label("rows"),
            func.max(outbox.c.settled_at).label("last"),
        )
        .where(outbox.c.state.in_(counted))
        .group_by(outbox.c.channel, outbox.c.state)
    )
    with reader(engine).connect() as connection:
        counts = connection.execute(query).all()
        known = {row.channel: row for row in connection.execute(select(channel_health))}
    names = sorted(known.keys() | {row.channel for row in counts})
    return tuple(_health_of(name, known.get(name), counts) for name in names)


def _health_of(name: str, row: Row[Any] | None, counts: Sequence[Row[Any]]) -> ChannelHealth:
    own = {each.state: each for each in counts if each.channel == name}
    dead = own.pop(DeliveryState.DEAD.value, None)
    return ChannelHealth(
        channel=name,
        failures=row.failures if row else 0,
        next_try=row.next_try if row else None,
        last_error=row.last_error if row else None,
        last_delivered=row.last_delivered if row else None,
        pending=sum(each.rows for each in own.values()),
        dead=dead.rows if dead else 0,
        last_dead=dead.last if dead else None,
    )


def _leased(delivery: Delivery) -> ColumnElement[bool]:
    return and_(
        outbox.c.id.in_(delivery.rows),
        outbox.c.state == DeliveryState.LEASED.value,
        outbox.c.attempts == delivery.attempts,
    )


def _end(
    connection: Connection, delivery: Delivery, settled: Settled, attempts: int, now: datetime
) -> bool:
    """Write what a leased row and its companions become; whether they were still leased."""
    written = connection.execute(
        update(outbox)
        .where(_leased(delivery))
        .values(
            state=settled.state.value,
            reason=words(settled.reason),
            attempts=attempts,
            due=settled.due,
            leased_until=None,
            settled_at=None if settled.state in UNSETTLED else now,
        )
    )
    if written.rowcount and settled.state is DeliveryState.DELIVERED and delivery.companions:
        _note_together(connection, delivery, settled.reason)
    return bool(written.rowcount)


def _note_together(connection: Connection, delivery: Delivery, reason: str) -> None:
    """Let the timeline of each incident name those that were told by the same message."""
    first, *others = delivery.rows
    ids = [each.incident_id for each in delivery.companions]
    for rows, named in (((first,), ids), (others, [delivery.incident_id])):
        text = words(reason + told_together(named))
        connection.execute(update(outbox).where(outbox.c.id.in_(rows)).values(reason=text))


def _rows(connection: Connection, delivery: Delivery) -> Sequence[Row[Any]]:
    query = select(outbox).where(outbox.c.id.in_(delivery.rows)).order_by(outbox.c.id)
    return connection.execute(query).all()


def _note_health(connection: Connection, channel: str, outcome: Outcome, now: datetime) -> None:
    query = select(channel_health).where(channel_health.c.channel == channel)
    row = connection.execute(query).one_or_none()
    before = Health(failures=row.failures, next_try=row.next_try) if row else Health()
    then = channel_after(before, outcome, now)
    values: dict[str, Any] = {"failures": then.failures, "next_try": then.next_try}
    if outcome.verdict is Verdict.DELIVERED:
        values["last_delivered"] = now
    else:
        values["last_error"] = words(outcome.text)
    if row is None:
        connection.execute(insert(channel_health).values(channel=channel, **values))
    else:
        same = channel_health.c.channel == channel
        connection.execute(update(channel_health).where(same).values(values))
