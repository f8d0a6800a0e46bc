"""Brings the state of a check in line with whether it is paused."""

from __future__ import annotations

from datetime import datetime

from domain.muting import decide
from domain.state import pause, resume
from monitor.roster import Watch
from storage.journal import Entry


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
