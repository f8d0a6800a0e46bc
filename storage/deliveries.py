"""Deliveries as rows: what paging plans for a step of an incident, written with the step itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, exists, insert, select, update

from domain.incidents import Action, Incident, Step
from domain.muting import Reason
from domain.outbox import DeliveryState
from domain.paging import (
    GATE,
    Event,
    PageReason,
    Paging,
    Recipient,
    Told,
    no_longer_waits,
    plan,
)
from domain.silences import Silence
from storage.schema import decisions, outbox

# States in which a delivery has told its channel, or will.
STANDING = ("pending", "leased", "retry", "delivered")


def deliver(
    connection: Connection,
    incident: Incident,
    step: Step,
    line: int,
    recipients: Sequence[Recipient],
    before: Mapping[str, Told],
    now: datetime,
    *,
    silence: Silence | None = None,
    lasting: bool = False,
    gate: Reason = Reason.PASSED,
) -> Paging:
    """Plan the deliveries of a step, write them into the outbox, and store why.

    `before` is what each channel was told until now, by its name; `silence` is what mutes it.
    `lasting` says that it was critical for so long that its flapping holds nothing back; `gate` is
    what the incident gate says.
    """
    paging = plan(
        step,
        incident,
        recipients,
        before,
        now,
        silenced=silence is not None,
        lasting=lasting,
        gate=gate,
    )
    _overtake(connection, incident, paging, now)
    _post(connection, incident, step, line, paging, now)
    _note(connection, incident, step, paging, now, silence)
    return paging


def _post(
    connection: Connection, incident: Incident, step: Step, line: int, paging: Paging, now: datetime
) -> None:
    """Write the deliveries into the outbox; `line` is the row of the timeline that they tell of."""
    body = _body(incident, step, now)
    rows = [
        {
            "key": f"{line}:{each.channel}",
            "incident_id": incident.id,
            "line_id": line,
            "fingerprint": incident.fingerprint,
            "channel": each.channel,
            "event": each.event.value,
            "body": body,
            "state": DeliveryState.PENDING.value,
            "reason": each.reason.value,
            "attempts": 0,
            "created_at": now,
            "due": each.due,
            "group_key": each.group,
        }
        for each in paging.plans
    ]
    if rows:
        connection.execute(insert(outbox), rows)


def _note(
    connection: Connection,
    incident: Incident,
    step: Step,
    paging: Paging,
    now: datetime,
    silence: Silence | None,
) -> None:
    """Store why a step was paged or not."""
    detail = f"{step.action.value}, {incident.id}"
    if paging.reason is PageReason.SILENCED and silence is not None:
        until = f"until {silence.ends_at:%Y-%m-%d %H:%M} UTC"
        detail = f"{detail}: by {silence.author}, {until}, {silence.reason}"
    decided = {"subject": incident.fingerprint, "gate": GATE, "at": now}
    connection.execute(
        insert(decisions).values(**decided, reason=paging.reason.value, detail=detail)
    )


def take_back(connection: Connection, incident: Incident, step: Step, now: datetime) -> bool:
    """Cancel the pages of an incident that a step makes pointless; whether there were any.

    Those that wait with their group; below a parent, which speaks for it, all that nobody has tried
    to send. What a monitor had leased that died since may have been sent, and stays.
    """
    reason = no_longer_waits(step, incident)
    if reason is None:
        return False
    is_nested = step.action is Action.NESTED
    waiting = _never_tried(incident) if is_nested else _waits_with_its_group(incident)
    return bool(_cancel(connection, waiting, reason, now))


def _overtake(connection: Connection, incident: Incident, paging: Paging, now: datetime) -> None:
    """What is told at once takes the place of what waits: in its line it would wait behind it."""
    urgent = [
        each.channel for each in paging.plans if each.event is Event.TRIGGER and each.group is None
    ]
    if urgent:
        waiting = and_(_waits_with_its_group(incident), outbox.c.channel.in_(urgent))
        _cancel(connection, waiting, "overtaken by a page that does not wait", now)


def _waits_with_its_group(incident: Incident) -> ColumnElement[bool]:
    return and_(_never_tried(incident), outbox.c.group_key.is_not(None))


def _never_tried(incident: Incident) -> ColumnElement[bool]:
    """The pages that wait; one that something follows stays, for that would tell of it alone."""
    behind = outbox.alias("behind")
    followed = exists().where(
        behind.c.incident_id == outbox.c.incident_id,
        behind.c.channel == outbox.c.channel,
        behind.c.id > outbox.c.id,
        behind.c.event.in_([Event.RESOLVE.value, Event.ACKNOWLEDGE.value]),
    )
    return and_(
        outbox.c.incident_id == incident.id,
        outbox.c.event == Event.TRIGGER.value,
        outbox.c.state == DeliveryState.PENDING.value,
        outbox.c.attempts == 0,
        outbox.c.bundle.is_(None),
        ~followed,
    )


def _cancel(connection: Connection, which: ColumnElement[bool], reason: str, now: datetime) -> int:
    ended = {"state": DeliveryState.CANCELLED.value, "reason": reason, "settled_at": now}
    return connection.execute(update(outbox).where(which).values(ended)).rowcount


def told(connection: Connection, incident: Incident) -> dict[str, Told]:
    """What each channel was told: its last trigger of the fingerprint, and whether that stands."""
    query = (
        select(outbox.c.channel, outbox.c.event, outbox.c.incident_id, outbox.c.state, outbox.c.due)
        .where(
            outbox.c.fingerprint == incident.fingerprint,
            outbox.c.event.in_([Event.TRIGGER.value, Event.RESOLVE.value]),
            outbox.c.state.in_(STANDING),
        )
        .order_by(outbox.c.id)
    )
    found: dict[str, Told] = {}
    for row in connection.execute(query):
        before = found.get(row.channel, Told())
        if row.event == Event.RESOLVE.value:
            found[row.channel] = replace(before, stands=False)
        else:
            mine = row.incident_id == incident.id
            found[row.channel] = Told(last_trigger=row.due, stands=mine, knows=mine)
    return found


def _body(incident: Incident, step: Step, now: datetime) -> dict[str, Any]:
    """What a channel is told, whatever becomes of the incident until it is sent."""
    return {
        "incident": incident.id,
        "title": incident.title,
        "severity": incident.severity.word,
        "stage": incident.stage.value,
        "component": incident.component,
        "message": _message(incident, step),
        "opened_at": incident.opened_at.isoformat(),
        "at": now.isoformat(),
    }


def _message(incident: Incident, step: Step) -> str:
    if step.action is Action.ACKNOWLEDGED and incident.acknowledged_by:
        return f"acknowledged by {incident.acknowledged_by}"
    return step.reason
