"""Brings the state of a check in line with whether it is paused."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from domain.facts import CheckState
from domain.muting import decide
from domain.state import pause, resume
from monitor.roster import Roster, Watch
from storage.journal import Entry


def part_with(left: Iterable[CheckState], roster: Roster, now: datetime) -> list[Entry]:
    """What is to be stored of checks that will be watched no more.

    Nothing of the time until one comes back counts as what it read last, and then it counts anew.
    """
    entries = []
    for state in left:
        moved = pause(state, now, "no longer watched")
        if (watch := roster.get(state.check)) is not None:
            watch.state = moved.state
        entries.append(Entry(state=moved.state, due=None, transitions=moved.transitions))
    return entries


def settle_pause(watch: Watch, now: datetime) -> list[Entry]:
    """What is to be stored when a check was paused or resumed; nothing when neither."""
    before = watch.state
    moved = resume(before, now) if watch.enabled else pause(before, now)
    if not watch.enabled:
        watch.due = None
    if moved.state == before:
        return []
    watch.state = moved.state
    return [
        Entry(
            state=moved.state,
            due=watch.due,
            transitions=moved.transitions,
            decisions=decide(before, moved.state, now),
            problem=watch.problem(moved.state, now),
        )
    ]
