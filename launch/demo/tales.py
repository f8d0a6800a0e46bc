"""What a demo store tells of its checks: results, timelines, incidents, and what stands at the end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np

from domain.facts import Cause, Change, CheckState, Mark, Status
from domain.flapping import HISTORY
from domain.incidents import CLOSES_AFTER, OPENS_AS, Action, Severity, Stage, fingerprint
from domain.state import SPARK
from domain.units import show
from launch.demo.numbers import is_in
from launch.demo.scenery import COMMON, INTERVAL_MS, MINUTE, Episode, Span, Watched
from storage.chunks import Times, Values
from storage.engine import from_ms
from storage.incidents import FRESH, SYSTEM
from storage.state_rows import encode_state

PEOPLE = ("anna", "bo", "chidi", "dana")
CLOSES_MS = round(CLOSES_AFTER.total_seconds() * 1000)
ACKNOWLEDGED_SHARE = 0.7

RESULT_COLUMNS = (
    *("check_id", "at", "status", "attempt", "mark", "cause", "response_ms", "message"),
)
LINE_COLUMNS = (
    *("check_id", "at", "change", "before", "after", "mark_before", "mark", "reason", "message"),
)
Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """Rows of incidents, of their timelines, of what they affect, and the last number of each day."""

    incidents: list[dict[str, Any]]
    lines: list[dict[str, Any]]
    affected: list[dict[str, Any]]
    numbers: dict[str, int]


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a check: when it was, what it found, and its number (NaN: none was measured)."""

    at: int
    value: float
    episode: Episode | None

    @property
    def status(self) -> Status:
        """What it found; behind a host that is down nothing answers."""
        if self.episode is None:
            return Status.HEALTHY
        blocked = self.episode.mark is Mark.BLOCKED
        return Status.CRITICAL if blocked else self.episode.status


def runs(
    ticks: Times, at: Times, values: Values, episodes: Sequence[Episode], gaps: Sequence[Span]
) -> list[Run]:
    """The runs at these ticks, but those that fell into a gap."""
    found = np.full(len(ticks), np.nan)
    recent = int(np.searchsorted(at, ticks[0]))
    at, values = at[recent:], values[recent:]
    found[np.searchsorted(ticks, at)] = values
    number = np.full(len(ticks), -1)
    for index, each in enumerate(episodes):
        first, last = np.searchsorted(ticks, [each.start, each.end])
        number[first:last] = index
    ran = ~is_in(ticks, gaps)
    return [
        Run(moment, value, None if index < 0 else episodes[index])
        for moment, value, index in zip(
            ticks[ran].tolist(), found[ran].tolist(), number[ran].tolist(), strict=True
        )
    ]


def results(check_id: int, found: Sequence[Run]) -> list[Row]:
    """The rows of runs. The text of healthy ones is not kept."""
    return [
        (check_id, run.at, 0, 1, None, None, _number(run.value), None)
        if run.episode is None
        else _result(check_id, run, run.episode)
        for run in found
    ]


def timeline(check_id: int, start: int, episodes: Sequence[Episode], since: int) -> list[Row]:
    """The transitions of a check since a time, oldest first; the first says that it was measured."""
    begun = (Status.UNKNOWN, Mark.PENDING)
    healthy = (Status.HEALTHY, Mark.NONE)
    lines = [_line(check_id, start, begun, healthy, "", "")]
    for each in episodes:
        there = (each.status, each.mark)
        reason = each.cause.value if each.mark is Mark.NONE else (each.message or "maintenance")
        lines.append(_line(check_id, each.start, healthy, there, reason, each.message))
        lines.append(_line(check_id, each.end, there, healthy, Cause.NONE.value, ""))
    return [row for row in lines if row[1] >= since]


def state(each: Watched, unit: str, found: Sequence[Run], ran: int, failed: int) -> CheckState:
    """What is remembered of a check after these runs, of which there were `ran` in all."""
    last = found[-1]
    episode = last.episode
    blocked = episode is not None and episode.mark is Mark.BLOCKED
    hard = Status.HEALTHY if episode is None or blocked else episode.status
    bad = last.status is not Status.HEALTHY
    errors = [run for run in found if run.status is not Status.HEALTHY]
    since = from_ms(last.at if episode is None else episode.start)
    trouble = errors[-1] if errors else None
    return CheckState(
        check=each.name,
        hard=hard,
        since=since,
        mark=Mark.BLOCKED if blocked else Mark.NONE,
        mark_since=since,
        blocked_by=episode.blocked_by if episode else None,
        recent=() if blocked else tuple(run.status for run in found[-3:]),
        history=tuple(run.status for run in found[-HISTORY:]),
        failing_since=since if bad else None,
        consecutive_failures=_failures(found),
        runs=ran,
        errors=failed,
        last_at=from_ms(last.at),
        last_status=last.status,
        last_cause=episode.cause if episode else Cause.NONE,
        last_message=_message(last, unit),
        last_error=_message(trouble, unit) if trouble else None,
        last_error_at=from_ms(trouble.at) if trouble else None,
        attempt=1,
        usual_ms=round(each.course.level, 2) if unit == "ms" else None,
        spark=tuple(_number(run.value) for run in found[-SPARK:]),
    )


def check_row(last: Run, told: CheckState, headline: str, unit: str) -> dict[str, Any]:
    """What changes in the row of a check that was published, after its last run."""
    value = _number(last.value)
    return {
        "state": encode_state(told),
        "due": from_ms(last.at + INTERVAL_MS),
        "metrics": {} if value is None else {headline: value},
        "details": {},
        "response_ms": value if unit == "ms" else None,
    }


def incidents(
    watched: Sequence[Watched], befell: dict[int, tuple[Episode, ...]], end: int, seed: int
) -> Told:
    """The incidents of all that befell the checks, in the order in which they opened."""
    draw = np.random.default_rng((seed, COMMON, 1))
    told = Told(incidents=[], lines=[], affected=[], numbers={})
    bad = [
        (episode.start, each.index, episode)
        for each in watched
        for episode in befell[each.index]
        if episode.mark is Mark.NONE
    ]
    for start, index, episode in sorted(bad, key=lambda one: one[:2]):
        day = f"{from_ms(start):%Y%m%d}"
        told.numbers[day] = told.numbers.get(day, 0) + 1
        number = f"INC-{day}-{told.numbers[day]:04d}"
        _tell(told, number, watched[index], episode, end, draw)
        told.affected.extend(_affected(number, watched, befell, index, episode, end))
    return told


def _tell(
    told: Told, number: str, each: Watched, episode: Episode, end: int, draw: np.random.Generator
) -> None:
    severity = OPENS_AS[episode.status]
    by, after = PEOPLE[int(draw.integers(len(PEOPLE)))], int(draw.integers(1, 12)) * MINUTE
    stands = episode.end >= end
    seen = draw.random() < ACKNOWLEDGED_SHARE and episode.start + after < min(episode.end, end)
    steps = [(episode.start, SYSTEM, Action.OPENED, Stage.NEW, episode.message)]
    if seen:
        steps.append((episode.start + after, by, Action.ACKNOWLEDGED, Stage.ACKNOWLEDGED, ""))
    if not stands:
        steps.append((episode.end, SYSTEM, Action.RESOLVED, Stage.RESOLVED, "recovered"))
    if episode.end + CLOSES_MS <= end:
        at = episode.end + CLOSES_MS
        steps.append((at, SYSTEM, Action.CLOSED, Stage.CLOSED, "resolved an hour ago"))
    told.incidents.append(
        _incident(number, each, episode, severity, steps[-1][3], (by, after) if seen else None, end)
    )
    told.lines.extend(
        {
            "incident_id": number,
            "at": from_ms(at),
            "actor": actor,
            "action": action.value,
            "stage": stage.value,
            "severity": int(severity),
            "reason": reason,
        }
        for at, actor, action, stage, reason in steps
    )


def _incident(
    number: str,
    each: Watched,
    episode: Episode,
    severity: Severity,
    stage: Stage,
    seen: tuple[str, int] | None,
    end: int,
) -> dict[str, Any]:
    stands = episode.end >= end
    about = {"tags": list(each.table.get("tags", ())), "group": each.table["group"]}
    return {
        "id": number,
        "fingerprint": fingerprint(each.name),
        "component": each.name,
        "kind": each.table["kind"],
        "title": f"{each.name} is {episode.status.word}",
        "stage": stage.value,
        "is_open": stands,
        "severity": int(severity),
        "state_severity": int(severity),
        "opened_at": from_ms(episode.start),
        "flapping": False,
        "acknowledged_by": seen[0] if seen else None,
        "acknowledged_at": from_ms(episode.start + seen[1]) if seen else None,
        "sticky": False,
        "resolved_at": None if stands else from_ms(episode.end),
        "resolution": "" if stands else "recovered",
        "held": False,
        "about": {**about, "runbook": "", "channels": [], "cooldown_s": None},
        "version": 1,
        **FRESH,
    }


def _affected(
    number: str,
    watched: Sequence[Watched],
    befell: dict[int, tuple[Episode, ...]],
    index: int,
    episode: Episode,
    end: int,
) -> Iterator[dict[str, Any]]:
    """The checks that a host took with it."""
    for each in watched:
        if each.host == index:
            for blocked in befell[each.index]:
                if blocked.mark is Mark.BLOCKED and episode.start < blocked.start < episode.end:
                    until: datetime | None = from_ms(blocked.end) if blocked.end < end else None
                    since = from_ms(blocked.start)
                    row = {"incident_id": number, "component": each.name}
                    yield {**row, "since": since, "until": until}


def _result(check_id: int, run: Run, episode: Episode) -> Row:
    value = _number(run.value)
    mark = None if episode.mark is Mark.NONE else episode.mark.value
    if run.status is Status.HEALTHY:
        return (check_id, run.at, 0, 1, mark, None, value, None)
    told = (episode.cause.value, value, episode.message)
    return (check_id, run.at, int(run.status), 1, mark, *told)


def _line(
    check_id: int,
    at: int,
    before: tuple[Status, Mark],
    after: tuple[Status, Mark],
    reason: str,
    message: str,
) -> Row:
    change = Change.HARD if before[0] is not after[0] else Change.MARK
    statuses = (int(before[0]), int(after[0]))
    return (check_id, at, change.value, *statuses, before[1].value, after[1].value, reason, message)


def _failures(found: Sequence[Run]) -> int:
    """How many of the last runs failed one after the other."""
    count = 0
    for run in reversed(found):
        if run.status is Status.HEALTHY:
            break
        count += 1
    return count


def _message(run: Run, unit: str) -> str:
    if run.episode is not None and run.status is not Status.HEALTHY:
        return run.episode.message
    return f"It answers: {show(run.value, unit)}" if unit == "ms" else show(run.value, unit)


def _number(value: float) -> float | None:
    return None if value != value else value
