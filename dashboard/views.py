"""What the check page shows, as frozen values made out of what stands in the store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from dashboard.edits import EditView, edits, plain
from dashboard.relatives import Needed, Relative, drawn, needed_by, relatives
from dashboard.snapshot import policy
from dashboard.trend import Trend, trend
from dashboard.viewing import read
from domain.explain import why
from domain.facts import Cause, Detail, Mark, Status
from domain.incidents import Incident, fingerprint, reads_as
from domain.reading import Reading
from domain.state import mark_of, reads
from domain.timeline import Stretch, stretches
from domain.units import show, unit_of
from domain.uptime import Spent, spent
from storage.changes import CHECK
from storage.check_history import incidents_around, rolled
from storage.check_rows import CheckRow
from storage.readings import Readings, ResultRow

DAY = timedelta(hours=24)
WINDOWS = (("24 h", 1), ("7 d", 7), ("30 d", 30), ("90 d", 90))
INCIDENT_DAYS = 30
INCIDENTS_SHOWN = 4
RESULTS_READ = 200
AUDIT_SHOWN = 5
SIGNS = {"gt": ">", "gte": "≥", "lt": "<", "lte": "≤", "eq": "=", "ne": "≠"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Uptime:
    """How a window went. `percent` is of the time measured, None when nothing was (seconds else)."""

    label: str
    percent: float | None
    down_s: float
    measured_s: float
    window_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleView:
    """A rule on the check, in words, and what it says now (None: it has not spoken yet)."""

    title: str
    levels: str
    level: Status | None


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentView:
    """An incident of the check, or one that affected it; `ended_at` is None while it stands."""

    id: str
    title: str
    status: Status
    opened_at: datetime
    ended_at: datetime | None
    affected: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultView:
    """One run as it is listed; `why` is a sentence for people."""

    at: datetime
    reading: Reading
    took: str
    why: str
    kind: tuple[Any, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckView:
    """All that the check page shows at the moment `at`. `trend` is None where it was not asked for."""

    at: datetime
    name: str
    title: str
    group: str
    description: str
    target: str
    tags: tuple[str, ...]
    weight: float
    interval_s: float
    enabled: bool
    flapping: bool
    due: datetime | None
    last_at: datetime | None
    reading: Reading
    incident: str | None
    why: str
    day: tuple[Stretch, ...]
    changes: int
    uptimes: tuple[Uptime, ...]
    incidents: tuple[IncidentView, ...]
    incident_count: int
    needs: tuple[Relative, ...]
    needed_by: tuple[Relative, ...]
    further: tuple[str, ...]
    rules: tuple[RuleView, ...]
    results: tuple[ResultView, ...]
    numbers: tuple[tuple[str, str], ...]
    edits: tuple[EditView, ...]
    trend: Trend | None


def check_view(
    readings: Readings,
    name: str,
    now: datetime,
    hours: float | None,
    needed: Needed | None = None,
) -> CheckView | None:
    """The view of one check; None when there is no such check.

    `hours` is how far the chart goes back, None leaves it out. `needed` saves reading all checks.
    """
    row = readings.check(name)
    if row is None:
        return None
    state, shown = row.state, read(row, now)
    # From a full hour on: what lies before it is rolled up by hours and days.
    edge = (now - DAY).replace(minute=0, second=0, microsecond=0)
    recent = history(readings, row, shown, now - edge, now)
    day = joined(clip(recent, now - DAY, now))
    around, incident_count = incidents_around(
        readings.engine, name, now - timedelta(days=INCIDENT_DAYS), INCIDENTS_SHOWN
    )
    above, below, further = _kin(readings, row, now, needed)
    return CheckView(
        at=now,
        **_as_defined(row),
        enabled=row.enabled,
        flapping=state.flapping,
        due=row.due if row.enabled else None,
        last_at=state.last_at,
        reading=shown,
        incident=readings.incident_of(name),
        why=why(state, shown, policy(row), now),
        day=day,
        changes=sum(before.letter != after.letter for before, after in pairwise(day)),
        uptimes=_uptimes(readings, row.id, recent, edge, now),
        incidents=tuple(_incident(each, name) for each in around),
        incident_count=incident_count,
        needs=above,
        needed_by=below,
        further=further,
        rules=tuple(_rule(rule, state.levels) for rule in row.about["rules"]),
        results=_results(readings, row, now),
        numbers=_numbers(row.metrics, row.details),
        edits=edits(readings.audit(CHECK, name, AUDIT_SHOWN)),
        trend=None if hours is None else _trend(readings, row, now, hours),
    )


def _as_defined(row: CheckRow) -> dict[str, Any]:
    """What of the view the definition alone says."""
    about = row.about
    return {
        "name": row.name,
        **{key: about[key] for key in ("title", "group", "description", "target")},
        "tags": tuple(about["tags"]),
        "weight": float(about["weight"]),
        "interval_s": float(about["interval_s"]),
    }


def _kin(
    readings: Readings, row: CheckRow, now: datetime, needed: Needed | None
) -> tuple[tuple[Relative, ...], tuple[Relative, ...], tuple[str, ...]]:
    """What a check needs, what needs it, and the names of those for which there is no room."""
    children = (needed if needed is not None else needed_by(readings.board(now))).get(row.name, ())
    parents = [parent for group in row.about["depends_on"] for parent in group]
    above, below = drawn(len(parents), len(children))
    return (
        relatives(readings, parents[:above], now),
        relatives(readings, children[:below], now),
        (*parents[above:], *children[below:]),
    )


def check_trend(readings: Readings, name: str, now: datetime, hours: float) -> Trend | None:
    """Only the chart of one check over `hours`; None when there is no such check."""
    row = readings.check(name)
    return None if row is None else _trend(readings, row, now, hours)


def _trend(readings: Readings, row: CheckRow, now: datetime, hours: float) -> Trend:
    parts = history(readings, row, read(row, now), timedelta(hours=hours), now)
    return trend(readings, row, parts, now, hours)


def history(
    readings: Readings, row: CheckRow, shown: Reading, window: timedelta, now: datetime
) -> tuple[Stretch, ...]:
    """What the check read in the window before `now`, up to what it reads now.

    A pause or staleness that no transition tells of yet overlays the end: it is not measured time.
    """
    start = now - window
    lines = readings.timeline(start, row.id).get(row.id, [])
    mark = mark_of(row.state)
    parts = stretches(lines, reads(row.state), mark, start, now, readings.gaps(start))
    if shown.mark is mark or shown.mark not in (Mark.STALE, Mark.PAUSED):
        return parts
    since = max(start, min(now, row.state.last_at or start))
    tail = Stretch(start=since, end=now, status=Status.UNKNOWN, mark=shown.mark)
    return (*clip(parts, start, since), tail)


def clip(parts: Sequence[Stretch], start: datetime, end: datetime) -> tuple[Stretch, ...]:
    """The parts of the stretches between `start` and `end`."""
    return tuple(
        replace(part, start=max(part.start, start), end=min(part.end, end))
        for part in parts
        if part.end > start and part.start < end
    )


def joined(parts: Sequence[Stretch]) -> tuple[Stretch, ...]:
    """The stretches with neighbours that read alike made one, told as the first of them."""
    whole: list[Stretch] = []
    for part in parts:
        if whole and whole[-1].letter == part.letter and whole[-1].end == part.start:
            whole[-1] = replace(whole[-1], end=part.end)
        else:
            whole.append(part)
    return tuple(whole)


def _uptimes(
    readings: Readings, check_id: int, recent: Sequence[Stretch], edge: datetime, now: datetime
) -> tuple[Uptime, ...]:
    """The uptime over each window; `recent` reaches back to `edge`."""
    return tuple(
        _uptime(label, days, _spent(readings, check_id, recent, edge, now, days))
        for label, days in WINDOWS
    )


def _spent(
    readings: Readings,
    check_id: int,
    recent: Sequence[Stretch],
    edge: datetime,
    now: datetime,
    days: int,
) -> Spent:
    """How long the check read what in the last days; `recent` reaches back to `edge`."""
    window = timedelta(days=days)
    if window <= DAY:
        return spent(clip(recent, now - window, now))
    return rolled(readings.engine, check_id, now - window, edge) + spent(recent)


def _uptime(label: str, days: int, times: Spent) -> Uptime:
    return Uptime(
        label=label,
        percent=times.percent,
        down_s=times.down_ms / 1000,
        measured_s=(times.up_ms + times.down_ms) / 1000,
        window_s=timedelta(days=days).total_seconds(),
    )


def _incident(incident: Incident, name: str) -> IncidentView:
    return IncidentView(
        id=incident.id,
        title=incident.title,
        status=reads_as(incident.severity),
        opened_at=incident.opened_at,
        ended_at=None if incident.is_open else incident.resolved_at,
        affected=incident.fingerprint != fingerprint(name),
    )


def _rule(rule: Mapping[str, Any], levels: Mapping[str, Status]) -> RuleView:
    limits = [rule[level] for level in ("warning", "critical") if rule[level] is not None]
    shown = _limits([show(limit, rule["unit"]) for limit in limits])
    return RuleView(
        title=rule["title"] or rule["id"],
        levels=f"{SIGNS.get(rule['operator'], rule['operator'])} {shown}" if limits else "no level",
        level=levels.get(rule["id"]),
    )


def _limits(texts: Sequence[str]) -> str:
    """The limits side by side; a unit that all share is said once."""
    units = {text.partition(" ")[2] for text in texts}
    told = [text.partition(" ")[0] for text in texts] if len(units) == 1 else texts
    return f"{' / '.join(told)} {units.pop() if len(units) == 1 else ''}".strip()


def _results(readings: Readings, row: CheckRow, now: datetime) -> tuple[ResultView, ...]:
    failures = policy(row).failures
    rows = readings.results(row.id, start=now - DAY, limit=RESULTS_READ)
    return tuple(_result(each, failures) for each in rows)


def _result(row: ResultRow, failures: int) -> ResultView:
    """`kind` is what must be equal for results to be told as a run of equal ones."""
    took = "" if row.response_ms is None else show(row.response_ms, "ms")
    text = row.message or "as expected"
    if row.mark is Mark.BLOCKED:
        text = f"{text}; counted for nothing"
    elif row.attempt > 1 or (row.status is not Status.HEALTHY and row.mark is not Mark.NONE):
        text = f"{text}, try {row.attempt} of {max(row.attempt, failures)}"
    # The mark of a run that counted says how far the state was, not how the run went.
    mark = row.mark if row.mark in (Mark.BLOCKED, Mark.INCONCLUSIVE) else Mark.NONE
    cause = row.cause if row.cause != Cause.NONE else None
    return ResultView(
        at=row.at,
        reading=Reading(status=row.status, mark=mark, since=None),
        took=took,
        why=text,
        kind=(row.status, mark, cause, row.attempt > 1),
    )


def _numbers(
    metrics: Mapping[str, float], details: Mapping[str, Detail]
) -> tuple[tuple[str, str], ...]:
    told = [(name, show(value, unit_of(name))) for name, value in metrics.items()]
    return (*told, *((name, plain(value)) for name, value in details.items()))
