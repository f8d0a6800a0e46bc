"""Why was I (not) paged? The questions of both gates in their order, up to the one that stops.

What stands in the store answers them, so the answer is the same whoever asks and whenever. Each
answer is one sentence: what holds the page back, since when, and until when.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from domain.dependencies import OWN_NETWORK
from domain.incidents import Action, Incident, Severity, Stage
from domain.muting import Reason
from domain.outbox import DeliveryState
from domain.paging import FLAPPING_CRITICAL, PageReason, Recipient
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
    """A delivery as the explanation tells of it: the outbox's words.

    `since` is when it was decided; `at` when it ended, or is due as long as it has not.
    """

    channel: str
    event: str
    state: str
    reason: str
    since: datetime
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """All that decides whether somebody is paged for one component.

    `gate` is what the incident gate says of it, `since` then, and `detail` its words. `by` is what
    blocks it or the window that covers it, and `until` when that window ends. `incident` is the one
    that stands, else the last one, and `lines` when each thing last happened to it; `silence` mutes
    it now. `critical_since` is since when it is critical without a break.
    """

    component: str
    gate: Reason
    detail: str
    since: datetime | None = None
    by: str | None = None
    until: datetime | None = None
    incident: Incident | None = None
    lines: Mapping[str, datetime] = field(default_factory=dict)
    critical_since: datetime | None = None
    silence: Silence | None = None
    recipients: tuple[Recipient, ...] = ()
    deliveries: tuple[Delivered, ...] = ()


# The questions of the incident gate, with the reasons that stop there.
QUESTIONS: Sequence[tuple[str, frozenset[Reason]]] = (
    ("Is it being checked?", frozenset({Reason.PAUSED, Reason.NO_DATA})),
    ("Is anything wrong with it?", frozenset({Reason.HEALTHY})),
    ("Is that confirmed?", frozenset({Reason.NOT_YET_HARD, Reason.HELD})),
    ("Can it be told from here?", frozenset({Reason.INCONCLUSIVE})),
    ("Is everything up that it needs?", frozenset({Reason.BLOCKED})),
    ("Is it outside of maintenance?", frozenset({Reason.MAINTENANCE})),
)
ENDED = frozenset({DeliveryState.DELIVERED, DeliveryState.DEAD, DeliveryState.CANCELLED})


def explain(case: Case) -> tuple[Answer, ...]:
    """The answers in the order in which the gates ask, then what was sent."""
    asked = incident_gate(case)
    standing = case.incident is not None and case.incident.is_open
    if asked[-1].says is Says.STOPS and not standing:
        return (*asked, *_sent(case))
    return (*asked, *page_gate(case), *_sent(case))


def incident_gate(case: Case) -> list[Answer]:
    """The questions up to the one that stops, or all of them and the incident."""
    found = []
    for question, stopping in QUESTIONS:
        if case.gate in stopping:
            found.append(_answer("incident", question, Says.STOPS, _stopped(case)))
            return found
        found.append(_answer("incident", question, Says.PASSES, "Yes."))
    return found


def page_gate(case: Case) -> list[Answer]:
    """The questions of the page gate about the incident that stands, up to the one that stops."""
    incident = case.incident
    if incident is None or not incident.is_open:
        text = "Not yet: it opens with the next result."
        if incident is not None and incident.held:
            since = _since(incident.resolved_at)
            text = (
                f"No: {incident.id} was resolved by force{since}, so nothing opens until it was "
                "healthy once or the incident is reopened."
            )
        return [_answer("incident", "Does an incident stand?", Says.STOPS, text)]
    found = [_answer("incident", "Does an incident stand?", Says.PASSES, f"Yes: {incident.id}.")]
    for question, stop in _page_questions(case, incident):
        says = Says.PASSES if stop is None else Says.STOPS
        found.append(_answer("page", question, says, stop or "Yes."))
        if stop is not None:
            break
    return found


def _stopped(case: Case) -> str:
    """Why nothing opens: what holds it back, since when, until when, and what was read."""
    since, detail = _since(case.since), case.detail.strip().removesuffix(".")
    read = f" ({detail})" if detail else ""
    match case.gate:
        case Reason.PAUSED:
            return f"No: it is not being checked{since}{read}."
        case Reason.NO_DATA:
            return f"Not yet: nothing that it looks at has been measured{since}{read}."
        case Reason.HEALTHY:
            return f"No: it is healthy{since}{read}."
        case Reason.NOT_YET_HARD:
            return f"Not yet: it is not confirmed{since}, until its next results agree{read}."
        case Reason.HELD:
            return f"Not yet: it waits{since} until what it needs has been checked too{read}."
        case Reason.INCONCLUSIVE if case.by == OWN_NETWORK:
            return f"No: this machine's own network is down{since}, until it is back{read}."
        case Reason.INCONCLUSIVE:
            return f"No: its results are inconclusive{since}, until one is not{read}."
        case Reason.BLOCKED:
            by = case.by or "what it needs"
            return f"No: {by} is down{since}, and is told instead until it is back{read}."
    window = f"maintenance {case.by}" if case.by else "a maintenance window"
    until = f" until {_moment(case.until)}" if case.until else " until it ends"
    return f"No: {window} covers it{since}{until}{read}."


def _page_questions(case: Case, incident: Incident) -> list[tuple[str, str | None]]:
    """Each question with what stops there; None lets it pass."""
    return [
        ("Does it stand alone?", _nested(case, incident)),
        *_outside(case, incident),
        ("Is it not silenced?", _silenced(case.silence)),
        ("Has nobody taken it?", _taken(case, incident)),
        ("Is it steady?", _flapping(case, incident)),
        ("Does a channel take it?", _untaken(case, incident)),
    ]


def _nested(case: Case, incident: Incident) -> str | None:
    if incident.parent_id is None:
        return None
    since = _since(case.lines.get(Action.NESTED))
    return (
        f"No: it stands under {incident.parent_id}{since}, which pages for it until that is over."
    )


def _outside(case: Case, incident: Incident) -> list[tuple[str, str]]:
    """What the incident gate has held a page of an open incident back for, if anything."""
    if incident.page_gate == PageReason.UNCONFIRMED:
        at = _since(case.lines.get(Action.REOPENED))
        text = f"No: it was reopened by hand while it was well{at}, so it pages once it is bad."
        return [("Was it bad when it was reopened?", text)]
    if incident.page_gate == PageReason.MAINTENANCE:
        text = (
            "No: its page came due in maintenance, so it pages when that ends, if it is still bad."
        )
        return [("Was it outside of maintenance?", text)]
    return []


def _silenced(silence: Silence | None) -> str | None:
    if silence is None:
        return None
    times = f"from {_moment(silence.starts_at)} until {_moment(silence.ends_at)}"
    return f"No: {silence.author} silenced it {times}: {silence.reason}"


def _taken(case: Case, incident: Incident) -> str | None:
    if incident.stage is Stage.NEW:
        return None
    who = incident.acknowledged_by or "somebody"
    since = _since(incident.acknowledged_at or case.lines.get(Action.MOVED))
    end = "it gets worse or is resolved"
    if incident.sticky:
        end = "it is resolved"
    elif incident.acknowledged_until is not None and incident.stage is Stage.ACKNOWLEDGED:
        end = f"{_moment(incident.acknowledged_until)}, or until it gets worse"
    return f"No: {who} has taken it{since} ({incident.stage.value}), so it is quiet until {end}."


def _flapping(case: Case, incident: Incident) -> str | None:
    if not incident.flapping or _has_lasted(incident):
        return None
    since = _since(case.lines.get(Action.FLAPPING))
    text = f"No: it changes again and again{since}, so it is quiet until it has stopped"
    if incident.severity < Severity.CRITICAL:
        return f"{text}."
    if case.critical_since is None:
        return f"{text}, or was critical for 5 min without a break."
    lasts = _moment(case.critical_since + FLAPPING_CRITICAL)
    return f"{text}, or stays critical until {lasts}."


def _has_lasted(incident: Incident) -> bool:
    """Whether it was told though it flaps: nothing holds its page back any more."""
    return incident.severity >= Severity.CRITICAL and incident.page_gate is None


def _untaken(case: Case, incident: Incident) -> str | None:
    meant = [
        each for each in case.recipients if not incident.channels or each.name in incident.channels
    ]
    if any(incident.severity in each.severities for each in meant):
        return None
    if not case.recipients:
        return "No: there is no channel, so it pages once a [[channel]] is configured."
    named = ", ".join(each.name for each in meant or case.recipients)
    if not meant:
        wanted = ", ".join(incident.channels)
        return f"No: its rule tells {wanted} alone, and the channels are {named}."
    return f"No: none of {named} takes {incident.severity.word} incidents; it pages once one does."


def _sent(case: Case) -> list[Answer]:
    """What became of each delivery, also of the last incident after it is over."""
    return [
        _answer(
            "delivery",
            f"Was {each.channel} told ({each.event})?",
            Says.TELLS if each.state in ENDED else Says.WAITS,
            _delivery(each),
        )
        for each in case.deliveries
    ]


def _delivery(each: Delivered) -> str:
    at = _moment(each.at)
    match DeliveryState(each.state), each.reason:
        case DeliveryState.DELIVERED, _:
            return f"Yes: at {at} ({each.reason})."
        case DeliveryState.DEAD, _:
            return f"No: it was given up at {at} ({each.reason})."
        case DeliveryState.CANCELLED, _:
            return f"No: it was taken back at {at} ({each.reason})."
        case DeliveryState.PENDING, PageReason.GROUPED:
            return f"Not yet: it waits for others of its group{_since(each.since)} until {at}."
        case DeliveryState.PENDING, PageReason.COOLDOWN:
            return (
                f"Not yet: it was told of this shortly before, so it waits until {at} (cooldown)."
            )
        case DeliveryState.RETRY, _:
            return f"Not yet: it is tried again at {at} ({each.reason})."
    return f"Not yet: it is on its way{_since(each.since)}."


def _since(moment: datetime | None) -> str:
    return "" if moment is None else f" since {_moment(moment)}"


def _moment(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"


def _answer(gate: str, question: str, says: Says, text: str) -> Answer:
    return Answer(gate=gate, question=question, says=says, text=text)
