"""Incidents for screens and the API: what stands, what was, and how long people took."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Engine, select

from domain.incidents import Incident, Severity, Stage
from storage.engine import reader
from storage.incidents import read
from storage.schema import affected, incident_lines, incidents, outbox


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


class IncidentReadings:
    """Reads for incident lists and pages; every method is one short read transaction."""

    def __init__(self, engine: Engine) -> None:
        self._engine = reader(engine)

    def open(self) -> tuple[Incident, ...]:
        """The incidents that stand, worst and oldest first."""
        query = (
            select(incidents)
            .where(incidents.c.is_open)
            .order_by(incidents.c.severity.desc(), incidents.c.opened_at)
        )
        with self._engine.connect() as connection:
            return tuple(read(row) for row in connection.execute(query))

    def since(self, start: datetime, limit: int) -> tuple[Incident, ...]:
        """The incidents opened since `start`, newest first, at most `limit`."""
        query = (
            select(incidents)
            .where(incidents.c.opened_at >= start)
            .order_by(incidents.c.opened_at.desc(), incidents.c.id.desc())
            .limit(limit)
        )
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
            return Told(
                incident=read(row),
                lines=_lines(connection, incident_id),
                deliveries=_sent(connection, incident_id),
                affected=_affected(connection, incident_id),
                nested=_nested(connection, incident_id),
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistics:
    """How incidents went: counts, and mean seconds to acknowledge and to resolve (None: none)."""

    count: int
    open: int
    by_severity: dict[str, int]
    by_component: dict[str, int]
    mtta_s: float | None
    mttr_s: float | None


def statistics(found: Sequence[Incident]) -> Statistics:
    """The figures of a set of incidents. An incident acknowledged and then risen counts its last."""
    acknowledged = [
        (each.acknowledged_at - each.opened_at).total_seconds()
        for each in found
        if each.acknowledged_at
    ]
    resolved = [
        (each.resolved_at - each.opened_at).total_seconds()
        for each in found
        if each.resolved_at and each.stage in (Stage.RESOLVED, Stage.CLOSED)
    ]
    return Statistics(
        count=len(found),
        open=sum(each.is_open for each in found),
        by_severity=_count([each.severity.word for each in found]),
        by_component=_count([each.component for each in found]),
        mtta_s=_mean(acknowledged),
        mttr_s=_mean(resolved),
    )


def _count(words: Sequence[str]) -> dict[str, int]:
    return {word: words.count(word) for word in sorted(set(words))}


def _mean(seconds: Sequence[float]) -> float | None:
    return round(sum(seconds) / len(seconds), 1) if seconds else None


def _lines(connection: Connection, incident_id: str) -> tuple[Line, ...]:
    query = select(incident_lines).where(incident_lines.c.incident_id == incident_id)
    return tuple(
        Line(
            at=row.at,
            actor=row.actor,
            action=row.action,
            stage=row.stage,
            severity=Severity(row.severity),
            reason=row.reason,
        )
        for row in connection.execute(query.order_by(incident_lines.c.id))
    )


def _sent(connection: Connection, incident_id: str) -> tuple[Sent, ...]:
    query = select(outbox).where(outbox.c.incident_id == incident_id).order_by(outbox.c.id)
    return tuple(
        Sent(
            channel=row.channel,
            event=row.event,
            state=row.state,
            reason=row.reason,
            attempts=row.attempts,
            created_at=row.created_at,
            settled_at=row.settled_at,
        )
        for row in connection.execute(query)
    )


def _affected(connection: Connection, incident_id: str) -> tuple[str, ...]:
    query = select(affected.c.component).where(
        affected.c.incident_id == incident_id, affected.c.until.is_(None)
    )
    return tuple(connection.scalars(query.order_by(affected.c.component)))


def _nested(connection: Connection, incident_id: str) -> tuple[str, ...]:
    query = select(incidents.c.id).where(incidents.c.parent_id == incident_id, incidents.c.is_open)
    return tuple(connection.scalars(query.order_by(incidents.c.id)))
