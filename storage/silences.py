"""Silences as rows: made and ended by operators, and what they do to pages that wait to be sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, Row, and_, insert, or_, select, update

from domain.incidents import Incident
from domain.matching import Match, Present, Subject, as_table, stored_match
from domain.outbox import DeliveryState
from domain.paging import Event, PageReason
from domain.silences import Silence, silenced_by
from storage import counters, definitions
from storage.changes import RULE
from storage.engine import reader
from storage.incident_rows import read
from storage.schema import audit, check_state, incidents, outbox, silences

LARGEST_ID = 2**63 - 1
WAITING = (DeliveryState.PENDING.value, DeliveryState.RETRY.value)


class UnknownSilence(Exception):
    """There is no silence of this number that could still be ended."""

    def __init__(self, silence_id: int) -> None:
        super().__init__(f"there is no silence {silence_id} that is not over yet")


def silence(
    engine: Engine,
    match: Match,
    *,
    author: str,
    reason: str,
    starts_at: datetime,
    ends_at: datetime,
    now: datetime,
) -> Silence:
    """Mute what matches. Pages that wait to be sent are taken back in the same transaction."""
    with engine.begin() as connection:
        row = connection.execute(
            insert(silences)
            .values(
                match=as_table(match),
                author=author,
                reason=reason,
                starts_at=_stored(starts_at),
                ends_at=_stored(ends_at),
                created_at=now,
            )
            .returning(silences)
        ).one()
        made = _silence(row)
        _audit(connection, "silence", made, author, now)
        hush(connection, [made], now)
        counters.bump(connection, counters.CHANGES, counters.REVISION)
    return made


def end(engine: Engine, silence_id: int, *, actor: str, now: datetime) -> Silence:
    """End a silence now. Raises UnknownSilence when there is none, or when it is over already."""
    if silence_id > LARGEST_ID:
        raise UnknownSilence(silence_id)
    still = and_(silences.c.id == silence_id, silences.c.ends_at > now)
    with engine.begin() as connection:
        values = {"ends_at": _stored(now), "ended_by": actor}
        written = connection.execute(
            update(silences).where(still).values(values).returning(silences)
        ).one_or_none()
        if written is None:
            raise UnknownSilence(silence_id)
        ended = _silence(written)
        _audit(connection, "end silence", ended, actor, now)
        counters.bump(connection, counters.CHANGES, counters.REVISION)
    return ended


def listed(
    engine: Engine, since: datetime, *, limit: int | None = None, after: int | None = None
) -> tuple[Silence, ...]:
    """The silences that hold, are to come, or ended after `since`; the next to end first.

    At most `limit`; with `after`, those that follow the one of this number in this order. Raises
    UnknownSilence when there is none of it.
    """
    query = select(silences).where(silences.c.ends_at > since)
    ends = silences.c.ends_at
    with reader(engine).connect() as connection:
        if after is not None:
            place = connection.execute(select(ends).where(silences.c.id == after)).scalar()
            if place is None:
                raise UnknownSilence(after)
            query = query.where(or_(ends > place, and_(ends == place, silences.c.id > after)))
        rows = connection.execute(query.order_by(ends, silences.c.id).limit(limit)).all()
    return tuple(_silence(row) for row in rows)


def present(engine: Engine) -> Present:
    """The checks that are watched and the rules in force, as matchers see them."""
    query = select(check_state.c.name, check_state.c.kind, check_state.c.about)
    with reader(engine).connect() as connection:
        rows = connection.execute(query.where(check_state.c.present)).all()
    tables = (each.in_force for each in definitions.load(engine, RULE) if not each.orphaned)
    return Present(
        checks=tuple(_subject(row.name, row.kind, row.about) for row in rows),
        rules=tuple(_subject(str(table["id"]), RULE, table) for table in tables if "id" in table),
    )


def _subject(name: str, kind: str, about: Mapping[str, Any]) -> Subject:
    tags, group = about.get("tags"), about.get("group")
    bears = frozenset(str(tag) for tag in tags) if isinstance(tags, list) else frozenset()
    return Subject(name=name, kind=kind, tags=bears, group=str(group or ""))


def holding(connection: Connection, now: datetime) -> tuple[Silence, ...]:
    """The silences that hold now."""
    query = select(silences).where(silences.c.starts_at <= now, silences.c.ends_at > now)
    return tuple(_silence(row) for row in connection.execute(query))


def next_edge(connection: Connection, now: datetime) -> datetime | None:
    """The next moment at which a silence begins or ends; None when none will."""
    ahead = select(silences.c.starts_at, silences.c.ends_at).where(silences.c.ends_at > now)
    edges = [edge for row in connection.execute(ahead) for edge in row if edge > now]
    return min(edges, default=None)


def hush(connection: Connection, muting: Sequence[Silence], now: datetime) -> int:
    """Take back the triggers of muted incidents that wait to be sent; returns how many.

    The incident remembers that its page is held back, so that it is decided anew afterwards.
    """
    if not muting:
        return 0
    waiting = and_(outbox.c.event == Event.TRIGGER.value, outbox.c.state.in_(WAITING))
    asked = select(incidents).where(
        incidents.c.is_open,
        incidents.c.id.in_(select(outbox.c.incident_id).where(waiting)),
    )
    count = 0
    # In the order in which the sweep locks them, so that the two never wait for each other.
    for row in connection.execute(asked.order_by(incidents.c.id).with_for_update()).all():
        incident = read(row)
        by = silenced_by(muting, incident, now)
        if by is not None:
            count += _take_back(connection, incident, by, waiting, now)
    return count


def _take_back(
    connection: Connection, incident: Incident, by: Silence, waiting: Any, now: datetime
) -> int:
    values = {
        "state": DeliveryState.CANCELLED.value,
        "reason": f"silenced by {by.author}: {by.reason}",
        "settled_at": now,
    }
    mine = and_(outbox.c.incident_id == incident.id, waiting)
    count = connection.execute(update(outbox).where(mine).values(values)).rowcount
    if not count:
        # The sender was faster: nothing is held back.
        return 0
    connection.execute(
        update(incidents)
        .where(incidents.c.id == incident.id)
        .values(page_gate=PageReason.SILENCED.value, version=incidents.c.version + 1)
    )
    return count


def _stored(moment: datetime) -> datetime:
    """The millisecond in which a moment lies: one that is rounded up would begin or end too late."""
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def _silence(row: Row[Any]) -> Silence:
    return Silence(
        id=row.id,
        match=stored_match(row.match),
        author=row.author,
        reason=row.reason,
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        created_at=row.created_at,
        ended_by=row.ended_by,
    )


def _audit(connection: Connection, action: str, what: Silence, actor: str, now: datetime) -> None:
    after = {
        "match": as_table(what.match),
        "reason": what.reason,
        "starts_at": what.starts_at.isoformat(),
        "ends_at": what.ends_at.isoformat(),
    }
    row = {"at": now, "actor": actor, "action": action, "kind": "silence", "name": str(what.id)}
    connection.execute(insert(audit).values(**row, before=None, after=after))
