"""Maintenance windows as the monitor applies them: to each result, and at their edges."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from domain.facts import CheckState, Mark
from domain.matching import Subject
from domain.muting import decide
from domain.state import Advance, maintain
from domain.windows import Window, covers, next_edge
from monitor.roster import Roster, Watch
from storage.journal import Entry


class Windows:
    """The windows in force. `next_edge` is when one begins or ends; None when none ever will."""

    def __init__(self, windows: Sequence[Window] = ()) -> None:
        self._windows = tuple(windows)

    def covering(self, watch: Watch, state: CheckState, now: datetime) -> str | None:
        """The window that covers a check now; None when none does."""
        return self.over(_subject(watch), state.failing_since, now) if self._windows else None

    def over(self, subject: Subject, failing_since: datetime | None, now: datetime) -> str | None:
        """The window that covers a subject which fails since then, of several the last to end."""
        covering = [
            (found.end, window.name)
            for window in self._windows
            if (found := covers(window, subject, now, failing_since)) is not None
        ]
        return max(covering)[1] if covering else None

    def lay_over(self, watch: Watch, moved: Advance, now: datetime) -> Advance:
        """What becomes of a state that has moved when a window covers the check, or no longer does."""
        laid = maintain(moved.state, self.covering(watch, moved.state, now), now)
        if laid.state is moved.state:
            return moved
        transitions = (*moved.transitions, *laid.transitions)
        return replace(moved, state=laid.state, transitions=transitions)

    def settle(self, roster: Roster, now: datetime) -> list[Entry]:
        """The entries of all checks for which a window has begun or ended since their last result.

        What they block is told again with them: an incident that may open now affects it.
        """
        entries = []
        for watch in roster:
            before = watch.state
            moved = maintain(before, self.covering(watch, before, now), now)
            if moved.state is before:
                continue
            watch.state = moved.state
            entries.append(_entry(watch, before, moved, now))
            entries += [_repeated(child, now) for child in _blocked_by(roster, watch.name)]
        return entries

    def next_edge(self, now: datetime) -> datetime | None:
        """The next moment at which one of them begins or ends."""
        return next_edge(self._windows, now)


def _subject(watch: Watch) -> Subject:
    definition = watch.watched.definition
    return Subject(
        name=definition.name,
        kind=definition.kind,
        tags=frozenset(definition.tags),
        group=watch.watched.group,
    )


def _entry(watch: Watch, before: CheckState, moved: Advance, now: datetime) -> Entry:
    return Entry(
        state=moved.state,
        due=watch.due,
        transitions=moved.transitions,
        decisions=decide(before, moved.state, now),
        problem=watch.problem(moved.state, now),
    )


def _repeated(watch: Watch, now: datetime) -> Entry:
    return Entry(state=watch.state, due=watch.due, problem=watch.problem(watch.state, now))


def _blocked_by(roster: Roster, name: str) -> list[Watch]:
    return [
        watch
        for watch in roster
        if watch.state.mark is Mark.BLOCKED and watch.state.blocked_by == name
    ]
