"""Who is told what, when, and why not. Each step of an incident asks here; answers are stored.

The page gate, first match wins: nested → silenced → acknowledged → flapping → no channel → sent.
Waiting (to group, to cool down) moves a delivery's due time and never drops it; what is acknowledged,
resolved or flaps while it waits with its group is not told any more. What a silence, a missing
channel or the flapping of its check holds back is decided anew when that is over. A resolve passes
every gate, to exactly those whose trigger was sent or is still pending.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from domain.bounds import bounded
from domain.incidents import Action, Incident, Severity, Stage, Step
from domain.muting import Reason

GATE = "page"
GROUP_WAIT = timedelta(seconds=30)
COOLDOWN = timedelta(minutes=15)
REPEAT_EVERY = timedelta(hours=4)
# Of a group that grew after it was told: one update after the wait, then every so often.
GROUP_INTERVAL = timedelta(minutes=10)
# The pause while flapping never holds back a critical that has been hard for so long without a break.
FLAPPING_CRITICAL = timedelta(minutes=5)
# Who was told of a problem so long ago at most hears that it flaps, also of a new incident of it.
REMEMBERED = timedelta(days=1)

# The words of `severities` in a channel's table → the severities of incidents they stand for.
WORDS: Mapping[str, tuple[Severity, ...]] = {
    "info": (Severity.INFO,),
    "warning": (Severity.MINOR,),
    "low": (Severity.MINOR,),
    "error": (Severity.MAJOR,),
    "medium": (Severity.MAJOR,),
    "critical": (Severity.CRITICAL, Severity.EMERGENCY),
    "high": (Severity.CRITICAL, Severity.EMERGENCY),
}


class Event(StrEnum):
    """What a delivery tells its channel."""

    TRIGGER = "trigger"
    ACKNOWLEDGE = "acknowledge"
    RESOLVE = "resolve"
    NOTICE = "notice"
    TEST = "test"


class PageReason(StrEnum):
    """Why a step was or was not paged."""

    SENT = "sent"
    GROUPED = "grouped"
    COOLDOWN = "cooldown"
    NESTED = "nested"
    SILENCED = "silenced"
    ACKNOWLEDGED = "acknowledged"
    FLAPPING = "flapping"
    NO_CHANNEL = "no channel"
    MAINTENANCE = "maintenance"
    UNCONFIRMED = "not confirmed"
    NOBODY_TOLD = "nobody was told"
    NOT_A_PAGE = "not a page"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipient:
    """A channel as paging sees it: its name and the severities it takes."""

    name: str
    severities: frozenset[Severity]


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a channel was told of one fingerprint: its last trigger, and whether that still stands.

    `stands` is true while a trigger of this incident was sent or is pending without a resolve;
    `knows` also when a resolve has followed.
    """

    last_trigger: datetime | None = None
    stands: bool = False
    knows: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One delivery to make: to which channel, what, not before when, and why then.

    What waits names its `group`: all of a group that waits goes as one message.
    """

    channel: str
    event: Event
    due: datetime
    reason: PageReason
    group: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Paging:
    """The answer to one step: the deliveries, and the reason that is stored and shown."""

    plans: tuple[Plan, ...]
    reason: PageReason


PAGES = frozenset(
    {
        Action.OPENED,
        Action.REOPENED,
        Action.ROSE,
        Action.STANDS_ALONE,
        Action.REPEATED,
        Action.RELEASED,
        Action.LAPSED,
    }
)
NEVER_WAITS = frozenset({Action.ROSE, Action.REPEATED, Action.LAPSED})
REMARKS = frozenset({Action.FLAPPING, Action.STEADY, Action.GREW})
# Answers of the gate that hold back whatever is said, until something else is over: then it is
# asked again. Flapping holds back pages alone.
HOLDS = frozenset(
    {PageReason.SILENCED, PageReason.NO_CHANNEL, PageReason.MAINTENANCE, PageReason.UNCONFIRMED}
)
LONGEST_GROUP = 200


def plan(
    step: Step,
    incident: Incident,
    recipients: Sequence[Recipient],
    told: Mapping[str, Told],
    now: datetime,
    *,
    silenced: bool = False,
    lasting: bool = False,
    gate: Reason = Reason.PASSED,
) -> Paging:
    """The deliveries that a step asks for. `incident` is as it stands after the step.

    `lasting` says that it has been critical for so long that its flapping holds nothing back. `gate`
    is what the incident gate says, which a step by hand does not wait for.
    """
    if step.action is Action.RESOLVED:
        return _to_those_told(Event.RESOLVE, told, now)
    if step.action is Action.ACKNOWLEDGED:
        return _to_those_told(Event.ACKNOWLEDGE, told, now)
    recipients = [
        each for each in recipients if not incident.channels or each.name in incident.channels
    ]
    if step.action not in PAGES | REMARKS:
        return Paging(plans=(), reason=PageReason.NOT_A_PAGE)
    if gate is not Reason.PASSED:
        is_covered = gate is Reason.MAINTENANCE
        outside = PageReason.MAINTENANCE if is_covered else PageReason.UNCONFIRMED
        return Paging(plans=(), reason=outside)
    if silenced and incident.parent_id is None:
        return Paging(plans=(), reason=PageReason.SILENCED)
    if step.action is Action.GREW:
        return _about_growth(incident, told, now)
    if step.action in (Action.FLAPPING, Action.STEADY):
        return _about_flapping(told, now)
    return _trigger(step, incident, recipients, told, now, lasting=lasting)


def held_by(
    step: Step, incident: Incident, paging: Paging, *, took_back: bool = False
) -> PageReason | None:
    """What holds the page of an incident back after a step, until it is over; None for nothing.

    A remark on an incident neither pages nor frees what waits, but for a page that it `took_back`.
    """
    before = None if incident.page_gate is None else PageReason(incident.page_gate)
    if paging.reason is PageReason.NOT_A_PAGE:
        return before
    if not incident.is_open:
        return None
    if paging.reason in HOLDS:
        return paging.reason
    if step.action is Action.FLAPPING and took_back:
        return PageReason.FLAPPING
    if step.action in (Action.FLAPPING, Action.GREW, Action.ACKNOWLEDGED):
        return before
    if step.action is Action.STEADY and paging.reason is not PageReason.FLAPPING:
        return before
    return PageReason.FLAPPING if paging.reason is PageReason.FLAPPING else None


def no_longer_waits(step: Step, incident: Incident) -> str | None:
    """Why pages that wait with their group are not sent any more after a step; None: they are."""
    match step.action:
        case Action.NESTED:
            return f"{PageReason.NESTED.value} below {incident.parent_id}"
        case Action.ACKNOWLEDGED:
            return f"acknowledged by {incident.acknowledged_by} before it was sent"
        case Action.MOVED:
            return f"{incident.stage.value} before it was sent"
        case Action.RESOLVED:
            return f"resolved before it was sent: {step.reason}"
        case Action.FLAPPING:
            return f"{PageReason.FLAPPING.value}: it is held back until that is over"
    return None


def passes_flapping(critical_since: datetime | None, now: datetime) -> bool:
    """Whether what flaps pages all the same: it has been critical for 5 min without a break."""
    return critical_since is not None and now - critical_since >= FLAPPING_CRITICAL


def group_of(incident: Incident) -> str:
    """The group with which an incident is told: its first tag, else its kind.

    What stands under a root pages nobody: those who were told of the root hear how it grows.
    """
    name = f"tag:{incident.tags[0]}" if incident.tags else f"kind:{incident.kind}"
    return bounded(name, LONGEST_GROUP)


def repeats(incident: Incident, last_trigger: datetime | None, now: datetime) -> bool:
    """Whether an incident that nobody took is told again: 4 h after its last trigger."""
    waiting = incident.stage is Stage.NEW and incident.parent_id is None and not incident.flapping
    return waiting and last_trigger is not None and now - last_trigger >= REPEAT_EVERY


def grows(incident: Incident, affected: int, told_at: datetime | None, now: datetime) -> bool:
    """Whether those who were told of an incident at `told_at` learn now that it affects more.

    30 s after its trigger, so that a falling tree is told as one, and then every 10 min at most.
    """
    if not incident.is_open or told_at is None or affected <= incident.told_affected:
        return False
    if incident.stage is not Stage.NEW or incident.parent_id is not None:
        return False
    if incident.grew_at is None:
        return now - told_at >= GROUP_WAIT
    return now - incident.grew_at >= GROUP_INTERVAL


def severities(words: Sequence[str]) -> frozenset[Severity]:
    """The severities that a channel's `severities` stand for; all when there are none."""
    if not words:
        return frozenset(Severity)
    return frozenset(severity for word in words for severity in WORDS[word])


def _trigger(
    step: Step,
    incident: Incident,
    recipients: Sequence[Recipient],
    told: Mapping[str, Told],
    now: datetime,
    *,
    lasting: bool,
) -> Paging:
    reason = _held_back(incident)
    critical = incident.severity >= Severity.CRITICAL
    if reason is not None and not (reason is PageReason.FLAPPING and critical and lasting):
        return Paging(plans=(), reason=reason)
    if critical or step.action in NEVER_WAITS:
        return _at_once(incident, recipients, now)
    made = [
        _after_waiting(each, told.get(each.name, Told()), incident, now)
        for each in recipients
        if incident.severity in each.severities
    ]
    if not made:
        return Paging(plans=(), reason=PageReason.NO_CHANNEL)
    return Paging(plans=tuple(made), reason=made[0].reason)


def _held_back(incident: Incident) -> PageReason | None:
    if incident.parent_id is not None:
        return PageReason.NESTED
    if incident.stage is not Stage.NEW:
        return PageReason.ACKNOWLEDGED
    return PageReason.FLAPPING if incident.flapping else None


def _at_once(incident: Incident, recipients: Sequence[Recipient], now: datetime) -> Paging:
    plans = tuple(
        Plan(channel=each.name, event=Event.TRIGGER, due=now, reason=PageReason.SENT)
        for each in recipients
        if incident.severity in each.severities
    )
    return Paging(plans=plans, reason=PageReason.SENT if plans else PageReason.NO_CHANNEL)


def _cooldown(incident: Incident) -> timedelta:
    seconds = incident.cooldown_s
    return COOLDOWN if seconds is None else timedelta(seconds=seconds)


def _after_waiting(recipient: Recipient, told: Told, incident: Incident, now: datetime) -> Plan:
    """A page that is not urgent waits to be grouped, and longer within the cooldown."""
    due, reason = now + GROUP_WAIT, PageReason.GROUPED
    cooldown = _cooldown(incident)
    if told.last_trigger is not None and told.last_trigger + cooldown > due:
        due, reason = told.last_trigger + cooldown, PageReason.COOLDOWN
    return Plan(
        channel=recipient.name,
        event=Event.TRIGGER,
        due=due,
        reason=reason,
        group=group_of(incident),
    )


def _to_those_told(event: Event, told: Mapping[str, Told], now: datetime) -> Paging:
    plans = tuple(
        Plan(channel=name, event=event, due=now, reason=PageReason.SENT)
        for name, each in sorted(told.items())
        if each.stands
    )
    return Paging(plans=plans, reason=PageReason.SENT if plans else PageReason.NOBODY_TOLD)


def _about_growth(incident: Incident, told: Mapping[str, Told], now: datetime) -> Paging:
    held = _held_back(incident)
    if held is not None:
        return Paging(plans=(), reason=held)
    return _to_those_told(Event.NOTICE, told, now)


def _about_flapping(told: Mapping[str, Told], now: datetime) -> Paging:
    """One notice at each end to those who were told; the others are told of what is left then.

    Also to those for whom it was over since: that it began anew is what its flapping holds back.
    """
    plans = tuple(
        Plan(channel=name, event=Event.NOTICE, due=now, reason=PageReason.SENT)
        for name, each in sorted(told.items())
        if each.knows or _remembers(each, now)
    )
    stands = any(each.stands for each in told.values())
    return Paging(plans=plans, reason=PageReason.SENT if stands else PageReason.FLAPPING)


def _remembers(told: Told, now: datetime) -> bool:
    return told.last_trigger is not None and now - told.last_trigger <= REMEMBERED
