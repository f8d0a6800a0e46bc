"""Why was I (not) paged? The questions of both gates in their order, up to the one that stops.

What stands in the store answers them, so the answer is the same whoever asks and whenever.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from domain.incidents import Incident, Severity, Stage
from domain.muting import Reason
from domain.paging import Recipient
from domain.silences import Silence


class Says(StrEnum):
    """What an answer means for the page: it lets it pass, stops it, delays it, or tells of it."""

    PASSES = "passes"
    STOPS = "stops"
    WAITS = "waits"
    TELLS = "tells"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One question on the way from a result to a page: by which gate, and what it says."""

    gate: str
    question: str
    says: Says
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """A delivery as the explanation tells of it: the outbox's words."""

    channel: str
    event: str
    state: str
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """All that decides whether somebody is paged for one component.

    `gate` is what the incident gate says of it now, `detail` its words. `incident` is the one that
    stands, else the last one; `silence` mutes it now.
    """

    component: str
    gate: Reason
    detail: str
    incident: Incident | None = None
    silence: Silence | None = None
    recipients: tuple[Recipient, ...] = ()
    deliveries: tuple[Delivered, ...] = ()


# The questions of the incident gate, with the reasons that stop there.
QUESTIONS: Sequence[tuple[str, frozenset[Reason]]] = (
    ("Is it being checked?", frozenset({Reason.PAUSED})),
    ("Is anything wrong with it?", frozenset({Reason.HEALTHY})),
    ("Is that confirmed?", frozenset({Reason.NOT_YET_HARD, Reason.HELD})),
    ("Can it be told from here?", frozenset({Reason.INCONCLUSIVE})),
    ("Is everything up that it needs?", frozenset({Reason.BLOCKED})),
    ("Is it outside of maintenance?", frozenset({Reason.MAINTENANCE})),
)
STOPPED = {
    Reason.PAUSED: "No: it is paused, so it opens nothing.",
    Reason.HEALTHY: "No: it is healthy.",
    Reason.NOT_YET_HARD: "Not yet: the next results decide.",
    Reason.HELD: "It waits: what it depends on is being checked first.",
    Reason.INCONCLUSIVE: "No: what it measures is inconclusive now.",
    Reason.BLOCKED: "No: it is blocked, and stands under the incident of what is down.",
    Reason.MAINTENANCE: "No: a maintenance window covers it, until it ends.",
}
ENDED = {"delivered", "dead", "cancelled"}


def explain(case: Case) -> tuple[Answer, ...]:
    """The answers in the order in which the gates ask, then what was sent."""
    asked = incident_gate(case)
    standing = case.incident is not None and case.incident.is_open
    if asked[-1].says is Says.STOPS and not standing:
        return (*asked, *_last_time(case))
    return (*asked, *page_gate(case), *_sent(case))


def incident_gate(case: Case) -> list[Answer]:
    """The questions up to the one that stops, or all of them and the incident."""
    found = []
    for question, stopping in QUESTIONS:
        if case.gate in stopping:
            text = f"{STOPPED[case.gate]} {case.detail}".strip()
            found.append(_answer("incident", question, Says.STOPS, text))
            return found
        found.append(_answer("incident", question, Says.PASSES, "Yes."))
    return found


def page_gate(case: Case) -> list[Answer]:
    """The questions of the page gate about the incident that stands, up to the one that stops."""
    incident = case.incident
    if incident is None or not incident.is_open:
        text = "Not yet: it opens with the next result."
        if incident is not None and incident.held:
            text = f"No: {incident.id} was resolved by force, until it was healthy once."
        return [_answer("incident", "Does an incident stand?", Says.STOPS, text)]
    found = [_answer("incident", "Does an incident stand?", Says.PASSES, f"Yes: {incident.id}.")]
    for question, stop in _page_questions(case, incident):
        says = Says.PASSES if stop is None else Says.STOPS
        found.append(_answer("page", question, says, stop or "Yes."))
        if stop is not None:
            break
    return found


def _page_questions(case: Case, incident: Incident) -> list[tuple[str, str | None]]:
    """Each question with what stops there; None lets it pass."""
    return [
        ("Does it stand alone?", _nested(incident)),
        ("Is it not silenced?", _silenced(case.silence)),
        ("Has nobody taken it?", _taken(incident)),
        ("Is it steady?", _flapping(incident)),
        ("Does a channel take it?", _untaken(case, incident)),
    ]


def _nested(incident: Incident) -> str | None:
    return f"No: it stands under {incident.parent_id}, which pages." if incident.parent_id else None


def _silenced(silence: Silence | None) -> str | None:
    if silence is None:
        return None
    until = f"until {silence.ends_at:%Y-%m-%d %H:%M} UTC"
    return f"No: {silence.author} silenced it {until}: {silence.reason}"


def _taken(incident: Incident) -> str | None:
    if incident.stage is Stage.NEW:
        return None
    by = f" by {incident.acknowledged_by}" if incident.acknowledged_by else ""
    return f"No: it is {incident.stage.value}{by}, so it is not repeated."


def _flapping(incident: Incident) -> str | None:
    if not incident.flapping:
        return None
    late = " A critical one pages after 5 min." if incident.severity >= Severity.CRITICAL else ""
    return f"No: it changes again and again.{late}"


def _untaken(case: Case, incident: Incident) -> str | None:
    meant = [
        each for each in case.recipients if not incident.channels or each.name in incident.channels
    ]
    if any(incident.severity in each.severities for each in meant):
        return None
    if not case.recipients:
        return "No: there is no channel. Add a [[channel]] to the configuration."
    return f"No: none of the channels takes {incident.severity.word} incidents."


def _sent(case: Case) -> list[Answer]:
    return [
        _answer(
            "delivery",
            f"Was {each.channel} told ({each.event})?",
            Says.TELLS if each.state in ENDED else Says.WAITS,
            f"{each.state.capitalize()} at {each.at:%Y-%m-%d %H:%M:%S} UTC: {each.reason}",
        )
        for each in case.deliveries
    ]


def _last_time(case: Case) -> list[Answer]:
    """What became of the last incident, for those who ask after it is over."""
    if case.incident is None:
        return []
    return _sent(case)


def _answer(gate: str, question: str, says: Says, text: str) -> Answer:
    return Answer(gate=gate, question=question, says=says, text=text)
