"""Incidents for screens and the API: what stands, what was, and how long people took."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, Select, and_, or_, select

from domain.incidents import Action, Incident, Severity
from storage import definitions, outbox
from storage.engine import reader
from storage.incident_rows import read
from storage.incident_statistics import Statistics, statistics
from storage.schema import affected, incident_lines, incidents
from storage.schema import outbox as outbox_rows

CHANNEL = "channel"
RULE_KIND = "rule"
NEWS = {Action.OPENED, Action.REOPENED, Action.ROSE, Action.FELL}


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of a timeline."""

    at: datetime
    actor: str
    action: str
    stage: str
    severity: Severity
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """One delivery as the timeline shows it; `reason` says why it is where it is."""

    channel: str
    event: str
    state: str
    reason: str
    attempts: int
    created_at: datetime
    settled_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """An incident with all that belongs to it. `nested` are the ids of incidents under it."""

    incident: Incident
    lines: tuple[Line, ...]
    deliveries: tuple[Sent, ...]
    affected: tuple[str, ...]
    nested: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """The incident of an alert rule, which no tile stands for, and what the rule said last."""

    incident: Incident
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PagingHealth:
    """Whether anybody can be told: `failing` are channels in use whose last try failed.

    `pending` counts deliveries that have not ended, `lost` those that never will arrive, by channel.
    """

    configured: bool
    pending: int
    lost: dict[str, int]
    failing: tuple[str, ...]


class IncidentReadings:
    """Reads for incident lists and pages; every method is a few short reads."""

    def __init__(self, engine: Engine) -> None:
        self._engine = reader(engine)
        self._store = engine

    def open(self) -> tuple[Incident, ...]:
        """The incidents that stand, worst and oldest first."""
        query = (
            select(incidents)
            .where(incidents.c.is_open)
            .order_by(incidents.c.severity.desc(), incidents.c.opened_at)
        )
        with self._engine.connect() as connection:
            return tuple(read(row) for row in connection.execute(query))

    def standing(self) -> tuple[Told, ...]:
        """The incidents that stand with all that belongs to them, worst and oldest first."""
        found = self.open()
        with self._engine.connect() as connection:
            return _told(connection, found)

    def alerts(self, standing: Sequence[Incident]) -> tuple[Alert, ...]:
        """Of the incidents that stand those of alert rules, in their order, with their last news."""
        found = [each for each in standing if each.kind == RULE_KIND and each.parent_id is None]
        if not found:
            return ()
        with self._engine.connect() as connection:
            lines = _lines(connection, [each.id for each in found])
        return tuple(Alert(incident=each, message=_news(lines.get(each.id, ()))) for each in found)

    def since(
        self, start: datetime, limit: int, *, before: Incident | None = None
    ) -> tuple[Incident, ...]:
        """The incidents opened since `start`, newest first, at most `limit`.

        With `before`, those that come after that one in this order.
        """
        query = (
            select(incidents)
            .where(incidents.c.opened_at >= start)
            .order_by(incidents.c.opened_at.desc(), incidents.c.id.desc())
            .limit(limit)
        )
        if before is not None:
            at, same = incidents.c.opened_at, incidents.c.opened_at == before.opened_at
            query = query.where(or_(at < before.opened_at, and_(same, incidents.c.id < before.id)))
        with self._engine.connect() as connection:
            return tuple(read(row) for row in connection.execute(query))

    def of(self, component: str, limit: int) -> tuple[Incident, ...]:
        """The newest incidents of one component."""
        query = (
            select(incidents)
            .where(incidents.c.component == component)
            .order_by(incidents.c.opened_at.desc())
            .limit(limit)
        )
        with self._engine.connect() as connection:
            return tuple(read(row) for row in connection.execute(query))

    def tell(self, incident_id: str) -> Told | None:
        """One incident with its timeline, deliveries and what it affects; None when unknown."""
        with self._engine.connect() as connection:
            row = connection.execute(
                select(incidents).where(incidents.c.id == incident_id)
            ).one_or_none()
            if row is None:
                return None
            return _told(connection, [read(row)])[0]

    def statistics(self, start: datetime) -> Statistics:
        """The figures of incidents opened since `start`."""
        return statistics(self._store, start)

    def paging(self) -> PagingHealth:
        """How the notification pipeline does, over all channels."""
        channels = definitions.load(self._store, CHANNEL)
        used = {each.name for each in channels if not each.orphaned and _is_enabled(each)}
        known = outbox.health(self._store)
        return PagingHealth(
            configured=bool(used),
            pending=sum(each.pending for each in known),
            lost={each.channel: each.dead for each in known if each.dead},
            failing=tuple(each.channel for each in known if each.failures and each.channel in used),
        )


def _news(lines: Sequence[Line]) -> str:
    """What the rule itself said last: the reason of the newest line that followed its level."""
    said = [line.reason for line in lines if line.action in NEWS]
    return said[-1] if said else ""


def _is_enabled(channel: definitions.Definition) -> bool:
    return channel.in_force.get("enabled", True) is not False


def _told(connection: Connection, found: Sequence[Incident]) -> tuple[Told, ...]:
    """All that belongs to these incidents, with one query for each part."""
    ids = [each.id for each in found]
    lines, sent = _lines(connection, ids), _sent(connection, ids)
    blocked, nested = _affected(connection, ids), _nested(connection, ids)
    return tuple(
        Told(
            incident=each,
            lines=tuple(lines.get(each.id, ())),
            deliveries=tuple(sent.get(each.id, ())),
            affected=tuple(blocked.get(each.id, ())),
            nested=tuple(nested.get(each.id, ())),
        )
        for each in found
    )


def _lines(connection: Connection, ids: Sequence[str]) -> dict[str, list[Line]]:
    query = select(incident_lines).where(incident_lines.c.incident_id.in_(ids))
    found: dict[str, list[Line]] = {}
    for row in connection.execute(query.order_by(incident_lines.c.id)):
        line = Line(
            at=row.at,
            actor=row.actor,
            action=row.action,
            stage=row.stage,
            severity=Severity(row.severity),
            reason=row.reason,
        )
        found.setdefault(row.incident_id, []).append(line)
    return found


def _sent(connection: Connection, ids: Sequence[str]) -> dict[str, list[Sent]]:
    query = select(outbox_rows).where(outbox_rows.c.incident_id.in_(ids))
    found: dict[str, list[Sent]] = {}
    for row in connection.execute(query.order_by(outbox_rows.c.id)):
        sent = Sent(
            channel=row.channel,
            event=row.event,
            state=row.state,
            reason=row.reason,
            attempts=row.attempts,
            created_at=row.created_at,
            settled_at=row.settled_at,
        )
        found.setdefault(row.incident_id, []).append(sent)
    return found


def _affected(connection: Connection, ids: Sequence[str]) -> dict[str, list[str]]:
    query = (
        select(affected.c.incident_id, affected.c.component)
        .where(affected.c.incident_id.in_(ids), affected.c.until.is_(None))
        .order_by(affected.c.component)
    )
    return _by_first(connection, query)


def _nested(connection: Connection, ids: Sequence[str]) -> dict[str, list[str]]:
    query = (
        select(incidents.c.parent_id, incidents.c.id)
        .where(incidents.c.parent_id.in_(ids), incidents.c.is_open)
        .order_by(incidents.c.id)
    )
    return _by_first(connection, query)


def _by_first(connection: Connection, query: Select[Any]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for row in connection.execute(query):
        found.setdefault(row[0], []).append(row[1])
    return found
