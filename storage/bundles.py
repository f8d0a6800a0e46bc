"""Deliveries that go as one message: all of a group that waits for one channel, under one key.

The key is written with the lease and stays, so that what is tried again is the same message, also
by a monitor that does not know whether the one before it had sent it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, exists, or_, select

from domain.outbox import UNSETTLED, Companion, Delivery, DeliveryState
from domain.paging import Event, PageReason
from storage.schema import outbox

# So many incidents are told by one message at most.
LARGEST = 100
OPEN = sorted(state.value for state in UNSETTLED)


def is_behind() -> ColumnElement[bool]:
    """Whether an earlier delivery of its incident and channel has not ended yet."""
    ahead = outbox.alias("ahead")
    return exists().where(
        ahead.c.incident_id == outbox.c.incident_id,
        ahead.c.channel == outbox.c.channel,
        ahead.c.id < outbox.c.id,
        ahead.c.state.in_(OPEN),
    )


def goes_along() -> ColumnElement[bool]:
    """Whether a row was sent with an earlier one that has not ended yet, and goes with it again."""
    first = outbox.alias("first")
    return exists().where(
        first.c.bundle == outbox.c.bundle, first.c.id < outbox.c.id, first.c.state.in_(OPEN)
    )


def companions(connection: Connection, head: Row[Any], now: datetime) -> Sequence[Row[Any]]:
    """The rows that go along with this one, in their order: those of before, else what waits now."""
    if head.bundle is not None:
        query = select(outbox).where(outbox.c.bundle == head.bundle, outbox.c.state.in_(OPEN))
    elif head.group_key is not None:
        query = _waiting_with(head, now)
    else:
        return ()
    others = query.where(outbox.c.id != head.id).order_by(outbox.c.id)
    return connection.execute(others.with_for_update(of=outbox)).all()


def key_of_message(head: Row[Any], *, alone: bool) -> str | None:
    """The key to remember with the lease of a row; None for what is never told with others."""
    if alone or head.group_key is None:
        return None
    return str(head.bundle or head.key)


def delivery(head: Row[Any], others: Sequence[Row[Any]], *, alone: bool) -> Delivery:
    """What is to be sent: the first row with its companions."""
    return Delivery(
        id=head.id,
        key=key_of_message(head, alone=alone) or head.key,
        incident_id=head.incident_id,
        channel=head.channel,
        event=Event(head.event),
        body=head.body,
        # An earlier lease that ran out counts: see picking.
        attempts=head.attempts + (head.state == DeliveryState.LEASED.value),
        created_at=head.created_at,
        due=head.due,
        companions=tuple(
            Companion(id=row.id, incident_id=row.incident_id, body=row.body) for row in others
        ),
    )


def _waiting_with(head: Row[Any], now: datetime) -> Select[Any]:
    """The triggers of a group that wait to be told together, and those whose own wait is over."""
    same = and_(
        outbox.c.channel == head.channel,
        outbox.c.group_key == head.group_key,
        outbox.c.event == Event.TRIGGER.value,
    )
    # What was sent once has a key of its own for good: by another it would be told twice.
    never_sent = and_(outbox.c.state == DeliveryState.PENDING.value, outbox.c.bundle.is_(None))
    # A cooldown is not cut short: only what waits for its group leaves early.
    ready = or_(outbox.c.due <= now, outbox.c.reason == PageReason.GROUPED.value)
    return select(outbox).where(same, never_sent, ready, ~is_behind()).limit(LARGEST - 1)
