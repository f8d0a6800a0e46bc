"""What operators do with incidents: which moves the lifecycle allows, and why one is refused."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from domain.incidents import MOVES, Action, Incident, Stage, Step
from domain.incidenttexts import told_with

LONGEST_TEXT = 10_000
LONGEST_NAME = 200


class Verb(StrEnum):
    """What an operator may ask for."""

    ACKNOWLEDGE = "acknowledge"
    INVESTIGATE = "investigate"
    PROGRESS = "progress"
    COMMENT = "comment"
    ASSIGN = "assign"
    RESOLVE = "resolve"
    REOPEN = "reopen"


STAGE_OF = {
    Verb.ACKNOWLEDGE: Stage.ACKNOWLEDGED,
    Verb.INVESTIGATE: Stage.INVESTIGATING,
    Verb.PROGRESS: Stage.IN_PROGRESS,
    Verb.RESOLVE: Stage.RESOLVED,
    Verb.REOPEN: Stage.NEW,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What an operator asks for. `text` is the comment or the notes of a resolution.

    `force` resolves what is still bad, and holds the fingerprint until it was healthy once.
    `sticky` keeps the acknowledgement also when the severity rises; `lasts` is how long it stands,
    None for one that stands until the incident is resolved. A `public` comment is shown to everybody.
    """

    verb: Verb
    text: str = ""
    assignee: str | None = None
    sticky: bool = False
    lasts: timedelta | None = None
    force: bool = False
    public: bool = False


class NotAllowed(Exception):
    """The lifecycle forbids the move; the message says why and what to do instead."""


def operate(incident: Incident, order: Order, *, still_bad: bool, wrong: str = "") -> Step:
    """The step that an order makes of an incident; `wrong` is what is wrong now. Raises NotAllowed."""
    if order.verb in (Verb.COMMENT, Verb.ASSIGN):
        return _remark(incident, order)
    stage = STAGE_OF[order.verb]
    if stage not in MOVES[incident.stage]:
        raise NotAllowed(_refusal(incident, order.verb))
    if order.verb is Verb.RESOLVE:
        return _resolve(incident, order, still_bad)
    if order.verb is Verb.REOPEN:
        reason = told_with(wrong, order.text or "reopened by hand")
        return Step(action=Action.REOPENED, reason=reason, stage=stage, drops_acknowledgement=True)
    taken = order.verb is Verb.ACKNOWLEDGE
    action = Action.ACKNOWLEDGED if taken else Action.MOVED
    return Step(action=action, reason=order.text or f"{stage.value} by hand", stage=stage)


def _remark(incident: Incident, order: Order) -> Step:
    if incident.stage is Stage.CLOSED:
        raise NotAllowed(f"{incident.id} is closed: its timeline takes no more lines")
    if order.verb is Verb.ASSIGN:
        return Step(action=Action.ASSIGNED, reason=f"to {order.assignee or 'nobody'}")
    if not order.text.strip():
        raise NotAllowed("a comment needs a text")
    action = Action.PUBLISHED if order.public else Action.COMMENTED
    return Step(action=action, reason=order.text)


def _resolve(incident: Incident, order: Order, still_bad: bool) -> Step:
    if still_bad and not order.force:
        raise NotAllowed(
            f"{incident.component} is still bad: it resolves by itself when it recovers. "
            "Use force to resolve it now; it then opens nothing until it was healthy once."
        )
    reason = order.text or "resolved by hand"
    return Step(action=Action.RESOLVED, reason=reason, stage=Stage.RESOLVED)


def _refusal(incident: Incident, verb: Verb) -> str:
    if verb is Verb.ACKNOWLEDGE and incident.acknowledged_by:
        return f"{incident.id} was acknowledged by {incident.acknowledged_by} already"
    return f"{incident.id} is {incident.stage.value}: it cannot be changed by {verb.value} now"
