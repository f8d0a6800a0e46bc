"""What the public status page shows, decided as data: its rows, its days, its incidents. No HTML, no I/O."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from domain.incidents import Severity, Stage
from domain.reading import Reading
from domain.statuspage import (
    CANT_TELL,
    WORST_FIRST,
    Component,
    Public,
    StatusPage,
    day_of_all,
    percent_text,
    read_as,
    sentence,
)
from domain.units import span
from domain.uptime import Spent
from storage.statushistory import Published

PAST = timedelta(days=14)
EPOCH = date(1970, 1, 1)
STALE = "stale"
FEW_DAYS_S = 2 * 86_400.0
BY_SEVERITY = {
    Severity.MINOR: Public.SLOW,
    Severity.MAJOR: Public.DEGRADED,
    Severity.CRITICAL: Public.OUTAGE,
    Severity.EMERGENCY: Public.OUTAGE,
}
# What a note begins with, by the stage at which it was written.
LEADS = {
    Stage.INVESTIGATING: "Investigating.",
    Stage.IN_PROGRESS: "Fixing.",
    Stage.RESOLVED: "Resolved.",
}
COLUMNS = {Public.OUTAGE: "critical", Public.DEGRADED: "degraded", Public.SLOW: "warning"}

Days = Mapping[int, Mapping[int, Spent]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """One bar: its UTC day, what it was (None: not measured), and for how long when that was bad."""

    day: date
    state: Public | None
    lasted: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A component as it is shown. `shape` is the state it is drawn as; `uptime` None: none yet."""

    label: str
    word: str
    shape: str
    uptime: str | None
    days: tuple[Day, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line of an incident: when, a bold word, and what was written for everybody."""

    at: datetime
    lead: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """An incident as everybody may see it; `end` None while it stands. Lines newest first."""

    title: str
    state: Public
    start: datetime
    end: datetime | None
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """The whole page. `beat` is when anything was measured last; `stale` that it is too old."""

    title: str
    shape: str
    sentence: str
    stale: bool
    beat: datetime | None
    made: datetime
    rows: tuple[Row, ...]
    standing: tuple[Story, ...]
    past: tuple[Story, ...]


def view(
    page: StatusPage,
    rows: Sequence[Component],
    readings: Mapping[str, Reading],
    days: Days,
    told: Sequence[Published],
    *,
    now: datetime,
    beat: datetime | None,
    stale: bool,
) -> View:
    """The page at `now`. While the data is stale nothing of the present is claimed."""
    states = states_of(rows, readings)
    whole, said = sentence([each.label for each in rows], states) if rows else (None, CANT_TELL)
    shown = stories(rows, told)
    return View(
        title=page.title,
        shape=STALE if stale or whole is None else whole.shape,
        sentence=CANT_TELL if stale else said,
        stale=stale,
        beat=beat,
        made=now,
        rows=tuple(
            _row(each, state, days, page.history_days, now=now, stale=stale)
            for each, state in zip(rows, states, strict=True)
        ),
        standing=tuple(each for each in shown if each.end is None),
        past=tuple(each for each in shown if each.end is not None and each.end > now - PAST),
    )


def states_of(rows: Sequence[Component], readings: Mapping[str, Reading]) -> tuple[Public, ...]:
    """What each component reads."""
    return tuple(
        read_as(readings[check.name] for check in each.checks if check.name in readings)
        for each in rows
    )


def _row(
    component: Component, state: Public, days: Days, count: int, *, now: datetime, stale: bool
) -> Row:
    today = now.astimezone(UTC).date()
    bars = tuple(
        _day(component, days, today - timedelta(days=back)) for back in reversed(range(count))
    )
    return Row(
        label=component.label,
        word=Public.UNKNOWN.word if stale else state.word,
        shape=STALE if stale else state.shape,
        uptime=_uptime(component, days, bars),
        days=bars,
    )


def _day(component: Component, days: Days, day: date) -> Day:
    number = (day - EPOCH).days
    told = [days.get(each.id, {}).get(number) for each in component.checks]
    known = [each for each in told if each is not None]
    state = day_of_all(known)
    column = COLUMNS.get(state) if state else None
    if column is None:
        return Day(day=day, state=state)
    longest_ms = max(getattr(each, column) for each in known)
    return Day(day=day, state=state, lasted=span(max(1.0, longest_ms / 1000)))


def _uptime(component: Component, days: Days, bars: Sequence[Day]) -> str | None:
    """The share of up over all its checks, and over how long; None when nothing was measured.

    What was measured for a part of two days only is told by its length: "over 1 day" would promise more.
    """
    numbers = [(each.day - EPOCH).days for each in bars]
    found = [days.get(check.id, {}) for check in component.checks]
    told = [[each[number] for each in found if number in each] for number in numbers]
    measured = [day for day in told if any(each.percent is not None for each in day)]
    percent = sum((each for day in measured for each in day), Spent()).percent
    if percent is None:
        return None
    # Of several checks, that which was measured longest: they were measured at the same time.
    told_ms = [sum(each[n].up_ms + each[n].down_ms for n in numbers if n in each) for each in found]
    longest_s = max(told_ms) / 1000
    if longest_s < FEW_DAYS_S:
        return f"{percent_text(percent)} over the {span(max(1.0, longest_s))} measured"
    return f"{percent_text(percent)} over {len(measured)} days"


def stories(rows: Sequence[Component], told: Sequence[Published]) -> tuple[Story, ...]:
    """The incidents as everybody may see them, newest first.

    They are called by what they touch of the page. Those of the same components that overlap are one:
    who reads it does not know that several checks stand behind it.
    """
    found: list[Story] = []
    for each in sorted(told, key=lambda one: one.incident.opened_at):
        story = _story(rows, each)
        if story is None:
            continue
        same = next((one for one in reversed(found) if _overlap(one, story)), None)
        if same is not None:
            found[found.index(same)] = _joined(same, story)
        else:
            found.append(story)
    return tuple(sorted(found, key=lambda one: one.start, reverse=True))


def _story(rows: Sequence[Component], told: Published) -> Story | None:
    incident = told.incident
    labels = [
        row.label for row in rows if told.touches.intersection(check.name for check in row.checks)
    ]
    # What stands under another is told there; without a word for everybody it is not told twice.
    if not told.notes and (incident.parent_id is not None or not labels):
        return None
    state = BY_SEVERITY.get(incident.severity, Public.SLOW)
    lines = [Line(at=incident.opened_at, lead="Detected.", text="")]
    lines += [
        Line(at=note.at, lead=LEADS.get(note.stage, "Update."), text=note.text)
        for note in told.notes
    ]
    if incident.resolved_at is not None:
        lines.append(Line(at=incident.resolved_at, lead="Resolved.", text=""))
    return Story(
        title=f"{' and '.join(labels)}: {state.word}" if labels else "An incident",
        state=state,
        start=incident.opened_at,
        end=incident.resolved_at,
        lines=_newest_first(lines),
    )


def _overlap(one: Story, later: Story) -> bool:
    same = one.title.rpartition(":")[0] == later.title.rpartition(":")[0]
    return same and (one.end is None or later.start <= one.end)


def _joined(one: Story, later: Story) -> Story:
    worse = min(one, later, key=lambda each: WORST_FIRST.index(each.state))
    ends = [each.end for each in (one, later) if each.end is not None]
    end = None if None in (one.end, later.end) else max(ends)
    notes = [each for each in (*one.lines, *later.lines) if each.text]
    lines = [Line(at=one.start, lead="Detected.", text=""), *notes]
    if end is not None:
        lines.append(Line(at=end, lead="Resolved.", text=""))
    return Story(
        title=worse.title,
        state=worse.state,
        start=one.start,
        end=end,
        lines=_newest_first(lines),
    )


def _newest_first(lines: Sequence[Line]) -> tuple[Line, ...]:
    return tuple(sorted(lines, key=lambda each: each.at, reverse=True))
