"""The gate in front of incidents: the first reason why a bad check does not open one.

Level-triggered: it is asked again with each result, and a decision row is written when its answer
changes.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from domain.dependencies import OWN_NETWORK
from domain.facts import CheckState, Decision, Mark, Status

GATE = "incident"


class Reason(StrEnum):
    """What the incident gate answers for a check or a rule, in the order in which it asks."""

    PAUSED = "paused"
    NO_DATA = "no data yet"
    HELD = "held"
    INCONCLUSIVE = "inconclusive"
    BLOCKED = "blocked"
    NOT_YET_HARD = "not yet hard"
    HEALTHY = "healthy"
    MAINTENANCE = "maintenance"
    PASSED = "passed"


def incident_gate(state: CheckState, *, enabled: bool = True) -> Reason:
    """Whether what the check reads may open an incident; PASSED when it may."""
    if not enabled or state.mark is Mark.PAUSED:
        return Reason.PAUSED
    if state.mark is Mark.HELD:
        return Reason.HELD
    if state.mark is Mark.INCONCLUSIVE:
        return Reason.INCONCLUSIVE
    if state.mark is Mark.BLOCKED:
        return Reason.INCONCLUSIVE if state.blocked_by == OWN_NETWORK else Reason.BLOCKED
    if state.hard is None or state.mark is Mark.ANEW or _soft(state):
        return Reason.NOT_YET_HARD
    if state.hard is Status.HEALTHY:
        return Reason.HEALTHY
    return Reason.MAINTENANCE if state.maintenance is not None else Reason.PASSED


def decide(before: CheckState, after: CheckState, at: datetime) -> tuple[Decision, ...]:
    """The decision row for a change of the gate's answer; empty while the answer is the same."""
    old, new = incident_gate(before), incident_gate(after)
    if old is new and before.blocked_by == after.blocked_by and before.hard is after.hard:
        return ()
    detail = _detail(new, after)
    subject = f"check:{after.check}"
    return (Decision(subject=subject, gate=GATE, at=at, reason=new.value, detail=detail),)


def _detail(reason: Reason, state: CheckState) -> str:
    if state.blocked_by:
        return f"by {state.blocked_by}"
    if reason is Reason.MAINTENANCE:
        return f"{state.maintenance}: {state.last_message}"
    return state.last_message


def _soft(state: CheckState) -> bool:
    bad = state.last_status not in (None, Status.HEALTHY)
    return state.hard is Status.HEALTHY and bad
