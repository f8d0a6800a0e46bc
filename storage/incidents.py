"""Incidents as rows: what `domain.incidents` decides is applied here, in the caller's transaction.

The row of an incident is read for update, decided on, and written with its timeline line and its
deliveries together, so that result, state, incident and outbox can never disagree.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, and_, insert, select, update

from domain.incidents import (
    CLOSES_AFTER,
    Action,
    Incident,
    Problem,
    Severity,
    Stage,
    Step,
    closes,
    reconcile,
    releases,
)
from domain.muting import Reason
from domain.paging import Recipient, repeats
from storage.deliveries import deliver, told
from storage.engine import upsert
from storage.schema import affected, incident_lines, incident_numbers, incidents

SYSTEM = "nocturne"


def take_up(connection: Connection, problem: Problem, recipients: Sequence[Recipient]) -> None:
    """Bring the incident of a fingerprint in line with what the cycle knows of it now."""
    incident = newest(connection, problem.fingerprint)
    if incident is not None and incident.held and releases(problem):
        _write(connection, incident, {"held": False})
    for step in reconcile(problem, incident):
        parent = newest(connection, step.parent) if step.parent else None
        if step.parent and (parent is None or not parent.is_open):
            continue
        incident = _begin(connection, problem, incident, step, parent)
        line = note(connection, incident, step, problem.at, SYSTEM)
        deliver(connection, incident, step, line, recipients, problem.at)
    _note_affected(connection, problem)


def sweep(connection: Connection, recipients: Sequence[Recipient], now: datetime) -> None:
    """What comes with time alone: resolved incidents close, unattended ones are told again."""
    due = and_(
        incidents.c.stage == Stage.RESOLVED.value, incidents.c.resolved_at <= now - CLOSES_AFTER
    )
    for row in connection.execute(select(incidents).where(due)).all():
        incident = read(row)
        if closes(incident, now):
            step = Step(action=Action.CLOSED, reason="resolved an hour ago", stage=Stage.CLOSED)
            note(connection, apply(connection, incident, step, now, SYSTEM), step, now, SYSTEM)
    for row in connection.execute(select(incidents).where(incidents.c.is_open)).all():
        incident = read(row)
        last = max(
            (each.last_trigger for each in told(connection, incident).values() if each.stands),
            default=None,
            key=lambda moment: moment or now,
        )
        if repeats(incident, last, now):
            step = Step(action=Action.REPEATED, reason="nobody has acknowledged it")
            line = note(connection, incident, step, now, SYSTEM)
            deliver(connection, incident, step, line, recipients, now)


def stop_watching(
    connection: Connection, watched: Sequence[str], recipients: Sequence[Recipient], now: datetime
) -> None:
    """Resolve the incidents of checks that are no longer watched."""
    for row in connection.execute(select(incidents).where(incidents.c.is_open)).all():
        kind, _, name = row.fingerprint.partition(":")
        if kind == "check" and name not in watched:
            problem = Problem(
                fingerprint=row.fingerprint,
                component=name,
                kind=row.kind,
                at=now,
                status=None,
                gate=Reason.PAUSED,
                message="no longer watched",
            )
            take_up(connection, problem, recipients)


def newest(connection: Connection, fingerprint: str) -> Incident | None:
    """The open incident of a fingerprint, else its last one; locked for this transaction."""
    query = (
        select(incidents)
        .where(incidents.c.fingerprint == fingerprint)
        .order_by(incidents.c.is_open.desc(), incidents.c.opened_at.desc(), incidents.c.id.desc())
        .limit(1)
        .with_for_update()
    )
    row = connection.execute(query).one_or_none()
    return None if row is None else read(row)


def one(connection: Connection, incident_id: str) -> Incident | None:
    """An incident by its id, locked for this transaction."""
    query = select(incidents).where(incidents.c.id == incident_id).with_for_update()
    row = connection.execute(query).one_or_none()
    return None if row is None else read(row)


def apply(
    connection: Connection,
    incident: Incident,
    step: Step,
    now: datetime,
    actor: str,
    more: Mapping[str, Any] | None = None,
) -> Incident:
    """Write what a step changes in an incident; returns the incident as it stands then."""
    changed: dict[str, Any] = dict(more or {})
    if step.severity is not None:
        changed |= {"severity": int(step.severity), "state_severity": int(step.severity)}
    if step.drops_acknowledgement:
        changed |= {"acknowledged_by": None, "acknowledged_at": None, "sticky": False}
    if step.stage is not None:
        changed |= _staged(step.stage, step.reason, now)
    match step.action:
        case Action.ACKNOWLEDGED:
            changed |= {"acknowledged_by": actor, "acknowledged_at": now}
        case Action.STANDS_ALONE:
            changed["parent_id"] = None
        case Action.FLAPPING | Action.STEADY:
            changed["flapping"] = step.action is Action.FLAPPING
    return _write(connection, incident, changed)


def note(connection: Connection, incident: Incident, step: Step, now: datetime, actor: str) -> int:
    """Write the line of a step into the timeline; returns its number."""
    line = {
        "incident_id": incident.id,
        "at": now,
        "actor": actor,
        "action": step.action.value,
        "stage": incident.stage.value,
        "severity": int(incident.severity),
        "reason": step.reason,
    }
    made = connection.execute(insert(incident_lines).values(line).returning(incident_lines.c.id))
    return int(made.scalar_one())


def read(row: Row[Any]) -> Incident:
    """The incident of a row."""
    return Incident(
        id=row.id,
        fingerprint=row.fingerprint,
        component=row.component,
        kind=row.kind,
        title=row.title,
        stage=Stage(row.stage),
        severity=Severity(row.severity),
        state_severity=Severity(row.state_severity),
        opened_at=row.opened_at,
        parent_id=row.parent_id,
        flapping=row.flapping,
        acknowledged_by=row.acknowledged_by,
        acknowledged_at=row.acknowledged_at,
        sticky=row.sticky,
        assignee=row.assignee,
        resolved_at=row.resolved_at,
        resolution=row.resolution,
        held=row.held,
        version=row.version,
    )


def _begin(
    connection: Connection,
    problem: Problem,
    incident: Incident | None,
    step: Step,
    parent: Incident | None,
) -> Incident:
    """Apply a step of the cycle: a new row for an opening, else the one that stands."""
    if step.action is Action.OPENED or incident is None:
        return _insert(connection, problem, step)
    more: dict[str, Any] = {}
    if step.action in (Action.REOPENED, Action.ROSE, Action.FELL):
        more["title"] = _title(problem)
    if step.action is Action.REOPENED:
        more |= {"parent_id": None, "flapping": problem.flapping}
    if parent is not None:
        more["parent_id"] = parent.id
    return apply(connection, incident, step, problem.at, SYSTEM, more)


def _insert(connection: Connection, problem: Problem, step: Step) -> Incident:
    severity = int(step.severity or Severity.MINOR)
    row = {
        "id": _next_id(connection, problem.at),
        "fingerprint": problem.fingerprint,
        "component": problem.component,
        "kind": problem.kind,
        "title": _title(problem),
        "stage": Stage.NEW.value,
        "is_open": True,
        "severity": severity,
        "state_severity": severity,
        "opened_at": problem.at,
        "flapping": problem.flapping,
        "sticky": False,
        "resolution": "",
        "held": False,
        "version": 1,
    }
    made = connection.execute(insert(incidents).values(row).returning(incidents))
    return read(made.one())


def _write(connection: Connection, incident: Incident, changed: Mapping[str, Any]) -> Incident:
    """Compare-and-set on the version: the row was locked when it was read, so this can't miss."""
    written = connection.execute(
        update(incidents)
        .where(incidents.c.id == incident.id, incidents.c.version == incident.version)
        .values(**changed, version=incident.version + 1)
        .returning(incidents)
    )
    return read(written.one())


def _staged(stage: Stage, reason: str, now: datetime) -> dict[str, Any]:
    changed: dict[str, Any] = {"stage": stage.value}
    if stage is Stage.RESOLVED:
        changed |= {"is_open": False, "resolved_at": now, "resolution": reason}
    elif stage is not Stage.CLOSED:
        changed |= {"is_open": True, "resolved_at": None, "resolution": ""}
    return changed


def _next_id(connection: Connection, now: datetime) -> str:
    """`INC-YYYYMMDD-NNNN`: the UTC day, and the next number of it, counted in the database."""
    day = f"{now:%Y%m%d}"
    upsert(connection, incident_numbers, [{"day": day}], ("day",))
    counted = connection.execute(
        update(incident_numbers)
        .where(incident_numbers.c.day == day)
        .values(last=incident_numbers.c.last + 1)
        .returning(incident_numbers.c.last)
    )
    return f"INC-{day}-{counted.scalar_one():04d}"


def _note_affected(connection: Connection, problem: Problem) -> None:
    """Blocked checks stand under the incident of what blocks them, until they are free."""
    mine = and_(affected.c.component == problem.component, affected.c.until.is_(None))
    if problem.gate is Reason.BLOCKED and problem.parent is not None:
        root = newest(connection, problem.parent)
        if root is not None and root.is_open:
            row = {"incident_id": root.id, "component": problem.component}
            upsert(
                connection,
                affected,
                [{**row, "since": problem.at, "until": None}],
                ("incident_id", "component"),
            )
        return
    connection.execute(update(affected).where(mine).values(until=problem.at))


def _title(problem: Problem) -> str:
    word = problem.status.word if problem.status is not None else "unknown"
    return f"{problem.component} is {word}"
