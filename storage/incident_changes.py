"""What operators do with incidents, written with its line, its deliveries and its audit row."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, insert

from domain.incidents import OPENS_AS, Incident
from domain.muting import Reason
from domain.operating import NotAllowed, Order, Verb, operate
from storage import counters
from storage.explaining import recipients
from storage.incidents import FRESH, apply, newest, note, one, page
from storage.schema import audit
from storage.silences import holding
from storage.standing import Standing, is_of_a_check, standing


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
        channels = recipients(self._engine) if order.verb is Verb.REOPEN else ()
        with self._engine.begin() as connection:
            before = one(connection, incident_id)
            if before is None:
                raise UnknownIncident(incident_id)
            reads = standing(connection, before)
            wrong = reads.message if reads.is_bad else ""
            step = operate(before, order, still_bad=reads.is_bad, wrong=wrong)
            _refuse_a_second(connection, before, order)
            after = apply(connection, before, step, now, actor, _more(order, before, reads, now))
            if order.verb in (Verb.COMMENT, Verb.ASSIGN):
                note(connection, after, step, now, actor)
            else:
                _, after = page(
                    connection,
                    after,
                    step,
                    channels,
                    holding(connection, now),
                    now,
                    gate=reads.gate,
                    actor=actor,
                )
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


def _more(order: Order, before: Incident, reads: Standing, now: datetime) -> dict[str, Any]:
    """Fields that an order sets beside those of its step."""
    if order.verb is Verb.ACKNOWLEDGE:
        until = None if order.lasts is None else now + order.lasts
        return {"sticky": order.sticky, "acknowledged_until": until}
    if order.verb is Verb.ASSIGN:
        return {"assignee": order.assignee}
    if order.verb is Verb.RESOLVE:
        return {"held": reads.is_bad}
    if order.verb is Verb.REOPEN:
        anew = {"held": False, "parent_id": None, "flapping": reads.flapping, **FRESH}
        return anew | (_as_it_reads(before, reads) if is_of_a_check(before) else {})
    return {}


def _as_it_reads(incident: Incident, reads: Standing) -> dict[str, Any]:
    """What an incident that is reopened says of a check that is bad in another way than it was."""
    if reads.gate is not Reason.PASSED:
        return {}
    severity = int(OPENS_AS[reads.status])
    title = f"{incident.component} is {reads.status.word}"
    return {"title": title, "severity": severity, "state_severity": severity}
