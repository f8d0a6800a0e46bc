"""Silences: what is muted at the page gate, by whom, until when and why. All pure.

A silenced incident opens, is shown and resolves as any other; nobody is paged until the silence is
over, and then what is still bad is decided anew.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from fnmatch import fnmatchcase

from domain.checktable import plain
from domain.incidents import Incident, Severity
from domain.matching import Match, Subject, matches

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


def check(
    match: Match,
    reason: str,
    starts_at: datetime,
    ends_at: datetime,
    now: datetime,
    *,
    everything: bool = False,
) -> None:
    """Raise NotASilence for one that would mute nothing, too much, or for no stated reason.

    A matcher that names nothing mutes everything: it has to be asked for with `everything`.
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
    if _is_everything(match) and not everything:
        raise NotASilence("match", 'it mutes everything: send "everything": true if that is meant')


def _check_characters(reason: str) -> None:
    """It may have lines, and nothing in them that can't be seen."""
    try:
        for line in reason.splitlines():
            plain(line)
    except ValueError as error:
        raise NotASilence("reason", str(error)) from None


def _is_everything(match: Match) -> bool:
    """Whether it names nothing that something could lack: `**` and `?*` leave nothing out either."""
    given = [getattr(match, each.name) for each in fields(match)]
    return all(not texts or any(_is_any(text) for text in texts) for texts in given)


def _is_any(pattern: str) -> bool:
    return "*" in pattern and set(pattern) <= {"*", "?"} and pattern.count("?") <= 1


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
