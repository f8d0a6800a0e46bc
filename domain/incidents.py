"""Incidents: when one opens, nests, rises, resolves, reopens and closes, and why. All pure.

A problem is what the cycle knows of one fingerprint after a result. `reconcile` compares it with
the incident that stands and answers with the steps to take; each step is one row of the timeline.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import IntEnum, StrEnum

from domain.facts import CheckState, Status
from domain.incidentactions import Action as Action
from domain.incidenttexts import still, told_with, wrong_with
from domain.muting import Reason, incident_gate

REOPENS_WITHIN = timedelta(minutes=10)
CLOSES_AFTER = timedelta(hours=1)


class Severity(IntEnum):
    """How bad an incident is, from least to worst."""

    INFO = 0
    MINOR = 1
    MAJOR = 2
    CRITICAL = 3
    EMERGENCY = 4

    @property
    def word(self) -> str:
        """The severity as people and the API read it."""
        return self.name.lower()


OPENS_AS = {
    Status.WARNING: Severity.MINOR,
    Status.DEGRADED: Severity.MAJOR,
    Status.UNKNOWN: Severity.MINOR,
    Status.CRITICAL: Severity.CRITICAL,
}


class Stage(StrEnum):
    """Where an incident is in its life."""

    NEW = "new"
    ACKNOWLEDGED = "acknowledged"
    INVESTIGATING = "investigating"
    IN_PROGRESS = "in progress"
    RESOLVED = "resolved"
    CLOSED = "closed"


OPEN = frozenset({Stage.NEW, Stage.ACKNOWLEDGED, Stage.INVESTIGATING, Stage.IN_PROGRESS})

# What an operator may do: stage → stages that may follow by hand.
MOVES = {
    Stage.NEW: {Stage.ACKNOWLEDGED, Stage.INVESTIGATING, Stage.IN_PROGRESS, Stage.RESOLVED},
    Stage.ACKNOWLEDGED: {Stage.INVESTIGATING, Stage.IN_PROGRESS, Stage.RESOLVED},
    Stage.INVESTIGATING: {Stage.IN_PROGRESS, Stage.RESOLVED},
    Stage.IN_PROGRESS: {Stage.INVESTIGATING, Stage.RESOLVED},
    Stage.RESOLVED: {Stage.NEW},
    Stage.CLOSED: set(),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """What the cycle knows of one fingerprint: its confirmed status and the gate's answer.

    `parent` is the fingerprint of the root that blocks it; None unless something does.
    `severity` stands in for that of the status where a rule names its own. `tags` and `group` are
    what matchers see; `runbook` is the text that says what to do. `channels` are the only ones to
    be told (none: all), and `cooldown_s` is their pause between two pages (None: the default).
    `window` is the maintenance window that covers it.
    """

    fingerprint: str
    component: str
    kind: str
    at: datetime
    status: Status | None
    gate: Reason
    message: str
    parent: str | None = None
    flapping: bool = False
    severity: Severity | None = None
    tags: tuple[str, ...] = ()
    group: str = ""
    runbook: str = ""
    title: str = ""
    channels: tuple[str, ...] = ()
    cooldown_s: float | None = None
    window: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """An incident as it stands. `state_severity` follows the state; `severity` is what counts.

    `held` says that it was resolved by force: the fingerprint opens nothing until once healthy, or
    until it is reopened by hand.
    `page_gate` is the reason that holds its page back now, None when none does. `told_affected` is
    how many affected components those who were told know of, since `grew_at`. `maintained` and
    `parent_back` are what its timeline told last: in maintenance; what it stands under is back.
    """

    id: str
    fingerprint: str
    component: str
    kind: str
    title: str
    stage: Stage
    severity: Severity
    state_severity: Severity
    opened_at: datetime
    parent_id: str | None = None
    flapping: bool = False
    acknowledged_by: str | None = None
    acknowledged_at: datetime | None = None
    acknowledged_until: datetime | None = None
    sticky: bool = False
    assignee: str | None = None
    resolved_at: datetime | None = None
    resolution: str = ""
    held: bool = False
    page_gate: str | None = None
    tags: tuple[str, ...] = ()
    group: str = ""
    runbook: str = ""
    channels: tuple[str, ...] = ()
    cooldown_s: float | None = None
    maintained: bool = False
    parent_back: bool = False
    told_affected: int = 0
    grew_at: datetime | None = None
    version: int = 1

    @property
    def is_open(self) -> bool:
        """Whether it still stands."""
        return self.stage in OPEN


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing that happens to an incident. `reason` is stored and shown."""

    action: Action
    reason: str
    stage: Stage | None = None
    severity: Severity | None = None
    parent: str | None = None
    drops_acknowledgement: bool = False


FLAPS = Step(action=Action.FLAPPING, reason="it changes again and again")
STEADY = Step(action=Action.STEADY, reason="it has stopped changing")


def reconcile(problem: Problem, incident: Incident | None) -> tuple[Step, ...]:
    """The steps that bring the newest incident of a fingerprint in line with its problem.

    `incident` is the open one, else the one resolved last, else None.
    """
    standing = incident if incident is not None and incident.is_open else None
    match problem.gate:
        case Reason.PASSED if standing is None:
            return _open(problem, incident)
        case Reason.PASSED:
            return _go_on(problem, standing)
        case _ if standing is None:
            return ()
        case Reason.HEALTHY:
            return _recover(problem, standing)
        case Reason.PAUSED:
            return (_resolve("no longer watched"),)
        case Reason.BLOCKED | Reason.INCONCLUSIVE:
            return _nest(problem, standing)
    return ()


def problem_of(
    state: CheckState,
    kind: str,
    at: datetime,
    *,
    enabled: bool = True,
    tags: tuple[str, ...] = (),
    group: str = "",
    runbook: str = "",
) -> Problem:
    """What a check's state means for its incident."""
    gate = incident_gate(state, enabled=enabled)
    parent = state.blocked_by if gate in (Reason.BLOCKED, Reason.INCONCLUSIVE) else None
    return Problem(
        fingerprint=fingerprint(state.check),
        component=state.check,
        kind=kind,
        at=at,
        status=state.hard,
        gate=gate,
        message=wrong_with(state),
        parent=None if parent is None else fingerprint(parent),
        flapping=state.flapping,
        tags=tags,
        group=group,
        runbook=runbook,
        window=state.maintenance,
    )


def title_of(problem: Problem) -> str:
    """What an incident is called while its problem reads as it does now."""
    word = problem.status.word if problem.status is not None else Status.UNKNOWN.word
    return problem.title or f"{problem.component} is {word}"


def fingerprint(check: str) -> str:
    """The fingerprint of a check's problem, which its own rules share."""
    return f"check:{check}"


def releases(problem: Problem) -> bool:
    """Whether a fingerprint held by a forced resolution is free again: it was healthy once."""
    return problem.gate is Reason.HEALTHY


def closes(incident: Incident, now: datetime) -> bool:
    """Whether a resolved incident closes now: an hour after it was resolved."""
    resolved = incident.resolved_at
    return (
        incident.stage is Stage.RESOLVED
        and resolved is not None
        and (now - resolved >= CLOSES_AFTER)
    )


def lapses(incident: Incident, now: datetime) -> bool:
    """Whether an acknowledgement that was given for a time is over, and nobody has gone on."""
    until = incident.acknowledged_until
    return incident.stage is Stage.ACKNOWLEDGED and until is not None and now >= until


def reads_as(severity: Severity) -> Status:
    """The status that an incident of this severity adds to the whole; info adds nothing bad."""
    if severity >= Severity.CRITICAL:
        return Status.CRITICAL
    words = {Severity.MAJOR: Status.DEGRADED, Severity.MINOR: Status.WARNING}
    return words.get(severity, Status.HEALTHY)


def severity_of(problem: Problem) -> Severity:
    """The severity with which a problem opens an incident."""
    if problem.severity is not None:
        return problem.severity
    return OPENS_AS.get(problem.status or Status.UNKNOWN, Severity.MINOR)


def _open(problem: Problem, last: Incident | None) -> tuple[Step, ...]:
    if last is not None and last.held:
        return ()
    severity = severity_of(problem)
    recent = (
        last is not None
        and last.stage is Stage.RESOLVED
        and last.resolved_at is not None
        and problem.at - last.resolved_at <= REOPENS_WITHIN
    )
    opened = Step(
        action=Action.REOPENED if recent else Action.OPENED,
        reason=problem.message,
        stage=Stage.NEW,
        severity=severity,
        drops_acknowledgement=True,
    )
    return (opened, FLAPS) if problem.flapping else (opened,)


def _go_on(problem: Problem, incident: Incident | None) -> tuple[Step, ...]:
    if incident is None:
        return ()
    steps = []
    if incident.parent_id is not None:
        reason = told_with(problem.message, f"what it needs is back, {still(problem.status)}")
        steps.append(Step(action=Action.STANDS_ALONE, reason=reason))
    severity = severity_of(problem)
    if severity > incident.state_severity:
        drops = incident.stage is not Stage.NEW and not incident.sticky
        steps.append(
            Step(
                action=Action.ROSE,
                reason=problem.message,
                stage=Stage.NEW if drops else None,
                severity=severity,
                drops_acknowledgement=drops,
            )
        )
    elif severity < incident.state_severity:
        steps.append(Step(action=Action.FELL, reason=problem.message, severity=severity))
    return (*steps, *_flapping(problem, incident))


def _recover(problem: Problem, incident: Incident | None) -> tuple[Step, ...]:
    if incident is None:
        return ()
    if problem.flapping:
        return _flapping(problem, incident)
    steady = replace(STEADY, reason="it has stopped changing, and is well")
    return (*((steady,) if incident.flapping else ()), _resolve("recovered"))


def _nest(problem: Problem, incident: Incident | None) -> tuple[Step, ...]:
    if incident is None or problem.parent is None:
        return ()
    if incident.parent_id is not None and not incident.parent_back:
        return ()
    reason = f"{problem.parent.partition(':')[2]} went down"
    return (Step(action=Action.NESTED, reason=reason, parent=problem.parent),)


def _flapping(problem: Problem, incident: Incident) -> tuple[Step, ...]:
    if problem.flapping == incident.flapping:
        return ()
    if problem.flapping:
        return (FLAPS,)
    reason = told_with(problem.message, f"it has stopped changing, {still(problem.status)}")
    return (replace(STEADY, reason=reason),)


def _resolve(reason: str) -> Step:
    return Step(action=Action.RESOLVED, reason=reason, stage=Stage.RESOLVED)
