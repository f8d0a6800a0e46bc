"""How what an incident is about reads now, by the rows of its check or rule."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, and_, select

from domain.facts import CheckState, Status
from domain.incidents import Incident, fingerprint
from domain.incidenttexts import wrong_with
from domain.muting import GATE, Reason, incident_gate
from domain.state import reads
from storage.schema import check_state, decisions, rule_states
from storage.state_rows import decode_state


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What is behind an incident now: what the incident gate says of it, and what is wrong.

    `status` is what it reads, `since` since when that is confirmed, and `at` when it was last seen.
    """

    gate: Reason
    status: Status = Status.HEALTHY
    message: str = ""
    since: datetime | None = None
    at: datetime | None = None
    flapping: bool = False

    @property
    def is_bad(self) -> bool:
        """Whether it reads anything but healthy."""
        return self.status is not Status.HEALTHY

    @property
    def critical_since(self) -> datetime | None:
        """Since when it is confirmed as critical; None when it is not, or is in maintenance."""
        return self.since if self._is_critical else None

    @property
    def _is_critical(self) -> bool:
        return self.gate is Reason.PASSED and self.status is Status.CRITICAL


# What nobody watches any more is neither good nor bad.
GONE = Standing(gate=Reason.PAUSED)


def standing(connection: Connection, incident: Incident) -> Standing:
    """How what an incident is about reads now."""
    if is_of_a_check(incident):
        return _of_check(connection, incident.component)
    return _of_rule(connection, incident.fingerprint)


def is_of_a_check(incident: Incident) -> bool:
    """Whether it is about a check; rules that speak for themselves never flap."""
    return incident.fingerprint == fingerprint(incident.component)


def decided(connection: Connection, key: str) -> Reason | None:
    """What the incident gate said last of a rule's series; None when it never did."""
    query = (
        select(decisions.c.reason)
        .where(and_(decisions.c.subject == key, decisions.c.gate == GATE))
        .order_by(decisions.c.id.desc())
        .limit(1)
    )
    reason = connection.execute(query).scalar_one_or_none()
    return Reason(reason) if reason in set(Reason) else None


def _of_check(connection: Connection, name: str) -> Standing:
    query = select(check_state.c.state).where(check_state.c.name == name, check_state.c.present)
    document = connection.execute(query).scalar_one_or_none()
    return GONE if document is None else _of_state(decode_state(document))


def _of_state(state: CheckState) -> Standing:
    return Standing(
        gate=incident_gate(state),
        status=reads(state),
        message=wrong_with(state),
        since=state.since,
        at=state.last_at,
        flapping=state.flapping,
    )


def _of_rule(connection: Connection, key: str) -> Standing:
    query = select(rule_states).where(rule_states.c.fingerprint == key)
    row = connection.execute(query).one_or_none()
    if row is None:
        return GONE
    status = Status(row.level)
    gate = decided(connection, key) or (Reason.PASSED if row.level else Reason.HEALTHY)
    message = str(row.state.get("message", ""))
    return Standing(gate=gate, status=status, message=message, at=row.at)
