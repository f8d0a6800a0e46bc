"""What operators do with incidents, written with its line, its deliveries and its audit row."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, insert, select

from domain.facts import Status
from domain.incidents import Incident
from domain.operating import NotAllowed, Order, Verb, operate
from domain.state import reads
from storage import counters
from storage.deliveries import deliver, told
from storage.incidents import apply, newest, note, one
from storage.schema import audit, check_state, rule_states
from storage.state_rows import decode_state


class UnknownIncident(Exception):
    """There is no incident of this id."""

    def __init__(self, incident_id: str) -> None:
        super().__init__(f"there is no incident {incident_id!r}")


class IncidentChanges:
    """Orders by operators; each commits whole or raises, and works while the monitor is dead."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def carry_out(self, incident_id: str, order: Order, *, actor: str, now: datetime) -> Incident:
        """Do what an operator asks; returns the incident as it stands then.

        Raises UnknownIncident, or NotAllowed when the lifecycle forbids it.
        """
        with self._engine.begin() as connection:
            before = one(connection, incident_id)
            if before is None:
                raise UnknownIncident(incident_id)
            step = operate(before, order, still_bad=_is_bad(connection, before))
            _refuse_a_second(connection, before, order)
            after = apply(
                connection, before, step, now, actor, _more(order, before, connection, now)
            )
            line = note(connection, after, step, now, actor)
            # A reopening by hand pages nobody: who reopens it has it in hand.
            if order.verb in (Verb.ACKNOWLEDGE, Verb.RESOLVE):
                deliver(connection, after, step, line, (), told(connection, after), now)
            connection.execute(
                insert(audit).values(
                    at=now,
                    actor=actor,
                    action=order.verb.value,
                    kind="incident",
                    name=incident_id,
                    before={"stage": before.stage.value, "assignee": before.assignee},
                    after={"stage": after.stage.value, "assignee": after.assignee},
                )
            )
            # The monitor's sender has deliveries to take up, screens have something to show.
            counters.bump(connection, counters.CHANGES, counters.REVISION)
            return after


def _refuse_a_second(connection: Connection, incident: Incident, order: Order) -> None:
    """Only one incident of a fingerprint may stand."""
    other = newest(connection, incident.fingerprint)
    if order.verb is Verb.REOPEN and other is not None and other.is_open:
        raise NotAllowed(f"{other.id} stands for {incident.component} already")


def _more(order: Order, before: Incident, connection: Connection, now: datetime) -> dict[str, Any]:
    """Fields that an order sets beside those of its step."""
    if order.verb is Verb.ACKNOWLEDGE:
        until = None if order.lasts is None else now + order.lasts
        return {"sticky": order.sticky, "acknowledged_until": until}
    if order.verb is Verb.ASSIGN:
        return {"assignee": order.assignee}
    if order.verb is Verb.RESOLVE:
        return {"held": _is_bad(connection, before)}
    return {}


def _is_bad(connection: Connection, incident: Incident) -> bool:
    """Whether what the incident is about still reads bad."""
    if not incident.fingerprint.startswith("check:"):
        level = select(rule_states.c.level).where(rule_states.c.fingerprint == incident.fingerprint)
        return bool(connection.execute(level).scalar_one_or_none())
    query = select(check_state.c.state, check_state.c.present).where(
        check_state.c.name == incident.component
    )
    row = connection.execute(query).one_or_none()
    if row is None or not row.present:
        return False
    return reads(decode_state(row.state)) is not Status.HEALTHY
