"""Incidents as rows: what `domain.incidents` decides is applied here, in the caller's transaction.

The row of an incident is read for update, decided on, and written with its timeline line and its
deliveries together, so that result, state, incident and outbox can never disagree.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, and_, insert, select, update

from domain.covering import covering
from domain.incidents import (
    Action,
    Incident,
    Problem,
    Severity,
    Stage,
    Step,
    reconcile,
    releases,
    title_of,
)
from domain.muting import Reason
from domain.paging import Recipient, held_by
from domain.silences import Silence, silenced_by
from storage.deliveries import deliver, take_back, told
from storage.desk import Desk
from storage.engine import upsert
from storage.incident_rows import read
from storage.schema import affected, incident_lines, incidents

SYSTEM = "nocturne"
# What the timeline tells of what covers an incident, and remembers to tell it once.
MARKS: Mapping[Action, Mapping[str, bool]] = {
    Action.MAINTAINED: {"maintained": True},
    Action.MAINTENANCE_ENDED: {"maintained": False},
    Action.PARENT_BACK: {"parent_back": True},
    Action.NESTED: {"parent_back": False},
    Action.STANDS_ALONE: {"parent_back": False},
    Action.REOPENED: {"maintained": False, "parent_back": False},
}
# An incident that opens holds nothing back yet, and nobody knows what it affects.
FRESH: Mapping[str, Any] = {"page_gate": None, "told_affected": 0, "grew_at": None}
DROPPED: Mapping[str, Any] = {
    "acknowledged_by": None,
    "acknowledged_at": None,
    "acknowledged_until": None,
    "sticky": False,
}


def take_up(
    connection: Connection, problems: Sequence[Problem], recipients: Sequence[Recipient]
) -> None:
    """Bring the incidents of all problems in line with what the cycle knows of them, in order."""
    desk = Desk(connection, problems)
    for problem in problems:
        _take_up(connection, desk, problem, recipients)
    desk.close()


def _take_up(
    connection: Connection, desk: Desk, problem: Problem, recipients: Sequence[Recipient]
) -> None:
    incident = desk.incident(problem.fingerprint)
    if incident is not None and incident.held and releases(problem):
        incident = desk.keep(_write(connection, incident, {"held": False}))
    if incident is not None and incident.is_open and problem.gate is Reason.PASSED:
        incident = desk.keep(_describe(connection, incident, problem))
    for step in covering(problem, incident):
        incident = desk.keep(_begin(connection, desk, problem, incident, step, None))
        note(connection, incident, step, problem.at, SYSTEM)
    for step in reconcile(problem, incident):
        parent = desk.incident(step.parent) if step.parent else None
        if step.parent and (parent is None or not parent.is_open):
            continue
        incident = desk.keep(_begin(connection, desk, problem, incident, step, parent))
        asked = desk.was_told(problem.fingerprint)
        silences = desk.silences(problem.at)
        paged, incident = page(
            connection, incident, step, recipients, silences, problem.at, was_told=asked
        )
        desk.keep(incident)
        if paged:
            desk.note_told(problem.fingerprint)
    _note_affected(connection, desk, problem)


def page(
    connection: Connection,
    incident: Incident,
    step: Step,
    recipients: Sequence[Recipient],
    silences: Sequence[Silence],
    now: datetime,
    *,
    was_told: bool = True,
    lasting: bool = False,
    gate: Reason = Reason.PASSED,
    actor: str = SYSTEM,
) -> tuple[bool, Incident]:
    """Write a step into the timeline, take back what it makes pointless, and page whom it concerns.

    Returns whether anybody is told, and the incident with what holds its page back, if anything.
    `lasting` and `gate`: see `deliver`.
    """
    line = note(connection, incident, step, now, actor)
    took_back = was_told and take_back(connection, incident, step, now)
    before = told(connection, incident) if was_told else {}
    by = silenced_by(silences, incident, now)
    paging = deliver(
        connection,
        incident,
        step,
        line,
        recipients,
        before,
        now,
        silence=by,
        lasting=lasting,
        gate=gate,
    )
    held = held_by(step, incident, paging, took_back=took_back)
    if held != incident.page_gate:
        incident = _write(connection, incident, {"page_gate": held.value if held else None})
    return bool(paging.plans), incident


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
        changed |= DROPPED
    if step.stage is not None:
        changed |= _staged(step.stage, step.reason, now)
    match step.action:
        case Action.ACKNOWLEDGED:
            changed |= {"acknowledged_by": actor, "acknowledged_at": now}
        case Action.STANDS_ALONE:
            changed["parent_id"] = None
        case Action.FLAPPING | Action.STEADY:
            changed["flapping"] = step.action is Action.FLAPPING
    if step.action in MARKS:
        about = {**_about(incident), **_marks(incident), **MARKS[step.action]}
        changed.setdefault("about", about)
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


def _begin(
    connection: Connection,
    desk: Desk,
    problem: Problem,
    incident: Incident | None,
    step: Step,
    parent: Incident | None,
) -> Incident:
    """Apply a step of the cycle: a new row for an opening, else the one that stands."""
    if step.action is Action.OPENED or incident is None:
        return _insert(connection, desk.next_id(problem.at), problem, step)
    more: dict[str, Any] = {}
    if step.action is Action.REOPENED:
        more |= {"title": title_of(problem), "about": _about(problem)}
        more |= {"parent_id": None, "flapping": problem.flapping, **FRESH}
    if parent is not None:
        more["parent_id"] = parent.id
    return apply(connection, incident, step, problem.at, SYSTEM, more)


def _insert(connection: Connection, incident_id: str, problem: Problem, step: Step) -> Incident:
    severity = int(step.severity or Severity.MINOR)
    row = {
        "id": incident_id,
        "fingerprint": problem.fingerprint,
        "component": problem.component,
        "kind": problem.kind,
        "title": title_of(problem),
        "stage": Stage.NEW.value,
        "is_open": True,
        "severity": severity,
        "state_severity": severity,
        "opened_at": problem.at,
        "flapping": problem.flapping,
        "sticky": False,
        "resolution": "",
        "held": False,
        "about": _about(problem),
        "version": 1,
        **FRESH,
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
        over = {"is_open": False, "resolved_at": now, "resolution": reason}
        changed |= {**over, "page_gate": None}
    elif stage is not Stage.CLOSED:
        changed |= {"is_open": True, "resolved_at": None, "resolution": ""}
    return changed


def _note_affected(connection: Connection, desk: Desk, problem: Problem) -> None:
    """Blocked checks stand under the incident of what blocks them, until they are free."""
    if problem.parent is not None:
        root = desk.incident(problem.parent)
        if root is not None and root.is_open:
            row = {"incident_id": root.id, "component": problem.component}
            under = {**row, "since": problem.at, "until": None}
            upsert(connection, affected, [under], ("incident_id", "component"))
        return
    if desk.is_affected(problem.component):
        mine = and_(affected.c.component == problem.component, affected.c.until.is_(None))
        connection.execute(update(affected).where(mine).values(until=problem.at))


def _describe(connection: Connection, incident: Incident, problem: Problem) -> Incident:
    """Let the title, and what matchers see, follow what reads bad now without getting worse."""
    title = title_of(problem)
    same = (
        incident.title == title
        and (incident.tags, incident.group) == (problem.tags, problem.group)
        and (incident.runbook, incident.channels) == (problem.runbook, problem.channels)
        and incident.cooldown_s == problem.cooldown_s
    )
    if same:
        return incident
    about = {**_about(problem), **_marks(incident)}
    return _write(connection, incident, {"title": title, "about": about})


def _about(of: Problem | Incident) -> dict[str, Any]:
    """What matchers see of an incident, and what to do about it."""
    return {
        "tags": list(of.tags),
        "group": of.group,
        "runbook": of.runbook,
        "channels": list(of.channels),
        "cooldown_s": of.cooldown_s,
    }


def _marks(incident: Incident) -> dict[str, bool]:
    """What its timeline told last of what covers it."""
    return {"maintained": incident.maintained, "parent_back": incident.parent_back}
