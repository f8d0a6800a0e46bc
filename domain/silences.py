"""Silences: what is muted at the page gate, by whom, until when and why. All pure.

Hierarchy of errors: ValueError ← NotASilence ← MutesEverything.

A silenced incident opens, is shown and resolves as any other; nobody is paged until the silence is
over, and then what is still bad is decided anew.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from fnmatch import fnmatchcase

from domain.checktable import plain
from domain.incidents import Incident, Severity
from domain.matching import Match, Present, Subject, matches

LONGEST = timedelta(days=366)
LONGEST_REASON = 1_000
SEVERITIES = tuple(each.word for each in Severity)


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence:
    """A silence from `starts_at` until before `ends_at` (UTC). `ended_by` ended it early."""

    id: int
    match: Match
    author: str
    reason: str
    starts_at: datetime
    ends_at: datetime
    created_at: datetime
    ended_by: str | None = None

    def is_active(self, now: datetime) -> bool:
        """Whether it holds now."""
        return self.starts_at <= now < self.ends_at


class NotASilence(ValueError):
    """What was asked for can't be a silence; the message names the field and what to do."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field


class MutesEverything(NotASilence):
    """It would leave nobody to be paged for anything, and was asked for once only."""

    def __init__(self, what: str) -> None:
        super().__init__("match", f'it mutes {what}: send "everything": true if that is meant')


NOTHING = Present()


def check(
    match: Match,
    reason: str,
    starts_at: datetime,
    ends_at: datetime,
    now: datetime,
    *,
    everything: bool = False,
    present: Present = NOTHING,
) -> None:
    """Raise NotASilence for one that would mute nothing, too much, or for no stated reason.

    One that leaves out nothing of what is `present`, or nothing at all, has to be asked for with
    `everything`: raises MutesEverything.
    """
    if ends_at <= starts_at:
        raise NotASilence("ends_at", "it ends before it starts")
    if ends_at <= now:
        raise NotASilence("ends_at", "it is over already: give a time to come")
    if ends_at - starts_at > LONGEST:
        raise NotASilence("ends_at", f"it lasts longer than {LONGEST.days} days: pause the check")
    if not reason.strip():
        raise NotASilence("reason", "say why, for those who wonder why nobody was paged")
    if len(reason) > LONGEST_REASON:
        raise NotASilence("reason", f"must have at most {LONGEST_REASON} characters")
    _check_characters(reason)
    for pattern in match.severity:
        if not any(fnmatchcase(word, pattern) for word in SEVERITIES):
            known = ", ".join(SEVERITIES)
            raise NotASilence("match", f"severity {pattern!r} is none of {known}")
    if not everything and (muted := _all_muted(match, present)):
        raise MutesEverything(muted)


def _check_characters(reason: str) -> None:
    """It may have lines, and nothing in them that can't be seen."""
    try:
        for line in reason.splitlines():
            plain(line)
    except ValueError as error:
        raise NotASilence("reason", str(error)) from None


def _all_muted(match: Match, present: Present) -> str | None:
    """What it leaves nothing out of; None when it does leave something out."""
    words = [any(fnmatchcase(word, pattern) for pattern in match.severity) for word in SEVERITIES]
    # To list all severities is to name none.
    whatever = replace(match, severity=()) if all(words) else match
    return "everything" if whatever.is_everything else present.all_of(whatever)


def silenced_by(silences: Iterable[Silence], incident: Incident, now: datetime) -> Silence | None:
    """The silence that mutes an incident now, the one that lasts longest; None when none does."""
    subject = subject_of(incident)
    holding = [each for each in silences if each.is_active(now) and matches(each.match, subject)]
    return max(holding, key=lambda each: each.ends_at, default=None)


def subject_of(incident: Incident) -> Subject:
    """An incident as matchers see it."""
    return Subject(
        name=incident.component,
        kind=incident.kind,
        tags=frozenset(incident.tags),
        group=incident.group,
        severity=incident.severity.word,
    )
