"""What becomes of a delivery that died: its fallback takes over, and what followed it goes along.

All of it happens in the transaction that settles the dead row.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, and_, exists, insert, not_, select, type_coerce, update

from domain.outbox import GIVES_UP_AFTER, DeliveryState, key_of, orphans
from domain.paging import Event, PageReason
from storage.deliveries import STANDING
from storage.engine import Words
from storage.schema import incidents, outbox

WAITING = (DeliveryState.PENDING.value, DeliveryState.RETRY.value)
EXPIRED_AT_ONCE = 200


def take_over(
    connection: Connection,
    dead: Row[Any],
    reason: str,
    fallback: str | None,
    now: datetime,
) -> None:
    """Let the fallback carry a dead row, and what followed it and has now nothing to follow.

    Without a fallback, what followed is cancelled alone: the line goes on with the next trigger.
    """
    same = and_(outbox.c.incident_id == dead.incident_id, outbox.c.channel == dead.channel)
    rows = connection.execute(select(outbox).where(same).order_by(outbox.c.id)).all()
    why = f"in place of {dead.channel}: {reason}"
    lost = set(orphans(rows))
    for row in rows:
        if row.id in lost:
            text = f"its trigger was not delivered: {reason}"
            _close(connection, row.id, DeliveryState.CANCELLED, text, now)
        if fallback is not None and (row.id == dead.id or row.id in lost):
            _hand_over(connection, row, fallback, why, now)


def _hand_over(
    connection: Connection, row: Row[Any], fallback: str, reason: str, now: datetime
) -> None:
    key = key_of(row.line_id, fallback)
    # The fallback may have been told of this line in its own right.
    if connection.execute(select(outbox.c.id).where(outbox.c.key == key)).first() is not None:
        return
    same = {
        name: getattr(row, name)
        for name in ("incident_id", "line_id", "fingerprint", "event", "body", "group_key")
    }
    state = {"state": DeliveryState.PENDING.value, "reason": words(reason), "attempts": 0}
    times = {"created_at": now, "due": now}
    connection.execute(insert(outbox).values(key=key, channel=fallback, **same, **state, **times))


def expire(
    connection: Connection, channel: str, reason: str, fallback: str | None, now: datetime
) -> None:
    """Give up with a row all others of its channel that are as old, instead of probing with each."""
    for row in _expired(connection, channel, now):
        _close(connection, row.id, DeliveryState.DEAD, reason, now)
        take_over(connection, row, reason, fallback, now)


def _expired(connection: Connection, channel: str, now: datetime) -> Iterator[Row[Any]]:
    old = and_(
        outbox.c.channel == channel,
        outbox.c.state.in_(WAITING),
        outbox.c.due <= now,
        outbox.c.created_at <= now - GIVES_UP_AFTER,
    )
    query = select(outbox).where(old).order_by(outbox.c.id).limit(1)
    for _ in range(EXPIRED_AT_ONCE):
        # One by one: giving one up may cancel those behind it.
        if (row := connection.execute(query).one_or_none()) is None:
            return
        yield row


def _close(
    connection: Connection, row_id: int, state: DeliveryState, reason: str, now: datetime
) -> None:
    values = {"state": state.value, "reason": words(reason), "settled_at": now}
    connection.execute(update(outbox).where(outbox.c.id == row_id).values(values))


def words(text: str) -> Any:
    """A text that may come from another server, without what the databases can't store."""
    return type_coerce(text, Words())


def hold(connection: Connection, rows: Sequence[Row[Any]]) -> None:
    """A page whose channel is gone is decided anew where nobody else was told: another may take it.

    Where somebody was, the next repeat goes to all channels that there are then.
    """
    ids = [row.incident_id for row in rows if row.event == Event.TRIGGER.value]
    others = outbox.alias()
    told = exists().where(
        others.c.incident_id == incidents.c.id,
        others.c.event == Event.TRIGGER.value,
        others.c.state.in_(STANDING),
    )
    mine = and_(
        incidents.c.id.in_(ids), incidents.c.is_open, incidents.c.page_gate.is_(None), not_(told)
    )
    held = {"page_gate": PageReason.NO_CHANNEL.value, "version": incidents.c.version + 1}
    connection.execute(update(incidents).where(mine).values(held))
