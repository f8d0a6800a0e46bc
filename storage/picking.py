"""Which deliveries go next: of each channel the due rows in their order, leased as they are taken.

Rows of one incident and channel go in their order; a channel that fails is tried with its oldest row
alone.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, case, func, or_, select, true, update

from domain.outbox import Delivery, DeliveryState
from storage import bundles
from storage.schema import channel_health, outbox
from storage.takeover import WAITING

PER_CHANNEL = 10
_IS_LEASED = outbox.c.state == DeliveryState.LEASED.value


def _is_due(now: datetime) -> ColumnElement[bool]:
    waits = and_(outbox.c.state.in_(WAITING), outbox.c.due <= now)
    abandoned = and_(_IS_LEASED, outbox.c.leased_until <= now)
    return or_(waits, abandoned)


def channels(connection: Connection, now: datetime, busy: Collection[str]) -> list[tuple[str, int]]:
    """The channels with due rows that may be tried now, and how many rows each may have."""
    query = (
        select(outbox.c.channel, channel_health.c.next_try)
        .join_from(
            outbox, channel_health, outbox.c.channel == channel_health.c.channel, isouter=True
        )
        .where(_is_due(now))
        .group_by(outbox.c.channel, channel_health.c.next_try)
        .order_by(func.min(outbox.c.id))
    )
    return [
        (channel, PER_CHANNEL if next_try is None else 1)
        for channel, next_try in connection.execute(query)
        if channel not in busy and (next_try is None or next_try <= now)
    ]


def take(
    connection: Connection,
    channel: str,
    now: datetime,
    limit: int,
    *,
    alone: bool,
    until: datetime,
) -> list[Delivery]:
    """Lease what is due of a channel until then, so many messages at most; `alone` never bundles."""
    taken: list[Delivery] = []
    leased: set[int] = set()
    for head in _due(connection, channel, now, limit, alone=alone):
        if head.id in leased:
            continue
        others = () if alone else bundles.companions(connection, head, now)
        made = bundles.delivery(head, others, alone=alone)
        _mark(connection, made.rows, bundles.key_of_message(head, alone=alone), until)
        leased.update(made.rows)
        taken.append(made)
    return taken


def _due(
    connection: Connection, channel: str, now: datetime, limit: int, *, alone: bool
) -> Sequence[Row[Any]]:
    """The rows that are due of a channel, without those that go along with others."""
    query = (
        select(outbox)
        .where(_is_due(now), outbox.c.channel == channel, ~bundles.is_behind())
        .where(true() if alone else ~bundles.goes_along())
        .order_by(outbox.c.id)
        .limit(limit)
        # On Postgres an operator's transaction may be cancelling one of them.
        .with_for_update(of=outbox)
    )
    return connection.execute(query).all()


def _mark(connection: Connection, ids: Sequence[int], bundle: str | None, until: datetime) -> None:
    values = {
        "state": DeliveryState.LEASED.value,
        "leased_until": until,
        "bundle": bundle,
        # Who had it leased until now may have sent it: that counts as an attempt.
        "attempts": outbox.c.attempts + case((_IS_LEASED, 1), else_=0),
    }
    connection.execute(update(outbox).where(outbox.c.id.in_(ids)).values(values))
