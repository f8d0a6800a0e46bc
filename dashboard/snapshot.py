"""The snapshot that feeds every live panel of every screen: one document, made once per change."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from operator import is_
from typing import Any

from dashboard.live import Moment, alert_reading
from dashboard.viewing import WINDOW, Viewed
from domain.explain import progress, soft_note
from domain.facts import CheckState, Mark, Policy, Status
from domain.incidents import Incident, fingerprint
from domain.reading import Reading, overall
from domain.score import Score, score
from domain.state import stale_at
from domain.timeline import LETTERS, Stretch, ticks
from domain.units import show
from storage.check_rows import CheckRow
from storage.engine import to_ms
from storage.incident_readings import Alert, PagingHealth
from storage.readings import Board

TICKS = 48
MINUTES = 60
HEALTHY = LETTERS[Status.HEALTHY]
# Marks that a check is counted under instead of its status: none of them may look green.
COUNTED_BY_MARK = {
    Mark.PENDING: "pending",
    Mark.HELD: "pending",
    Mark.ANEW: "pending",
    Mark.INCONCLUSIVE: "pending",
    Mark.BLOCKED: "blocked",
    Mark.PAUSED: "paused",
    Mark.MAINTENANCE: "maintenance",
    Mark.STALE: "stale",
}


@dataclass(frozen=True, slots=True)
class Drawn:
    """What was made of one check and the incident that stood for it."""

    viewed: Viewed
    incident: Incident | None
    document: dict[str, Any]


class Drawing:
    """Makes the documents of moments; a check that is as it was keeps its part of the one before.

    For one thread at a time.
    """

    def __init__(self, version: str) -> None:
        self._version = version
        self._drawn: dict[str, Drawn] = {}
        self._abouts: list[Any] = []
        self._groups: list[dict[str, Any]] = []

    def snapshot(self, moment: Moment) -> dict[str, Any]:
        """The document of `GET /live/snapshot`. Times are milliseconds UTC, durations seconds."""
        document = _around(moment, self._version)
        document["groups"] = self._grouped(moment.checks)
        document["checks"] = self._checks(moment)
        return document

    def _checks(self, moment: Moment) -> list[dict[str, Any]]:
        standing = {each.fingerprint: each for each in moment.incidents}
        strips = Strips(moment.at)
        now: dict[str, Drawn] = {}
        for each in moment.checks:
            name = each.row.name
            incident = standing.get(fingerprint(name))
            held = self._drawn.get(name)
            if held is None or held.viewed is not each or held.incident != incident:
                held = Drawn(each, incident, _check(each, incident, strips))
            now[name] = held
        self._drawn = now
        return [each.document for each in now.values()]

    def _grouped(self, checks: Sequence[Viewed]) -> list[dict[str, Any]]:
        abouts = [each.row.about for each in checks]
        # By identity, as rows share what is known of a check until it is published anew.
        same = len(abouts) == len(self._abouts) and all(map(is_, abouts, self._abouts))
        if not same:
            self._groups = _groups(checks)
            self._abouts = abouts
        return self._groups


def _around(moment: Moment, version: str) -> dict[str, Any]:
    """The document without its checks and their groups."""
    board = moment.board
    return {
        "version": version,
        "revision": board.revision,
        "at": to_ms(moment.at),
        "overall": overall(moment.readings).word,
        "counts": counts(moment.readings),
        "score": _score_document(health_score(moment.checks)),
        "monitoring": _monitoring(board),
        "paging": _paging(moment.paging),
        "incidents": len(moment.incidents),
        "notices": [
            {"level": each.level, "text": each.text, "at": to_ms(each.at)} for each in board.notices
        ],
        "alerts": [
            _alert(each)
            for each in moment.alerts
            if alert_reading(each).status is not Status.HEALTHY
        ],
    }


def counts(readings: Sequence[Reading]) -> dict[str, int]:
    """How many are in each status; marked ones count under their mark."""
    found: Counter[str] = Counter()
    for (mark, status), many in Counter((each.mark, each.status) for each in readings).items():
        found[COUNTED_BY_MARK.get(mark, status.word)] += many
    names = [status.word for status in Status] + [*COUNTED_BY_MARK.values()]
    return {name: found.get(name, 0) for name in names}


def last_hour(day: Sequence[Stretch], now: datetime) -> str | None:
    """A letter for each minute of the last hour, the present one last; None when all were healthy.

    Minutes are whole ones of the clock, so that those of different checks fall together.
    """
    end = now.replace(second=0, microsecond=0) + timedelta(minutes=1)
    start = end - timedelta(minutes=MINUTES)
    recent = [each for each in day if each.end > start]
    if recent and recent[0].start <= start and all(each.letter == HEALTHY for each in recent):
        return None
    return ticks(recent, start, end, MINUTES)


class Strips:
    """The letters of days and hours. Checks that share a day (see `Live`) share its letters."""

    def __init__(self, now: datetime) -> None:
        self._now = now
        self._made: dict[int, dict[str, str | None]] = {}

    def of(self, day: tuple[Stretch, ...]) -> dict[str, str | None]:
        """The `ticks` and the `hour` of a day, which must live as long as this."""
        made = self._made.get(id(day))
        if made is None:
            made = self._made[id(day)] = {
                "ticks": ticks(day, self._now - WINDOW, self._now, TICKS),
                "hour": last_hour(day, self._now),
            }
        return made


def health_score(checks: Sequence[Viewed]) -> Score:
    """The health score of all checks as they read now."""
    return score([each.component for each in checks])


def policy(row: CheckRow) -> Policy:
    """The policy of a check, as the monitor published it."""
    about = row.about
    return Policy(
        interval_s=float(about["interval_s"]),
        timeout_s=float(about["timeout_s"]),
        failures=int(about["failures"]),
        successes=int(about["successes"]),
        retry_interval_s=about["retry_s"],
    )


def _score_document(found: Score) -> dict[str, Any]:
    return {
        "value": None if found.value is None else round(found.value, 1),
        "uncapped": None if found.uncapped is None else round(found.uncapped, 1),
        "capped_by": found.capped_by,
        "losses": [
            {
                "check": each.check,
                "status": each.status.word,
                "weight": each.weight,
                "cost": round(each.cost, 1),
            }
            for each in found.losses
        ],
    }


def _monitoring(board: Board) -> dict[str, Any]:
    leader = board.holder
    return {
        "stopped": board.stopped,
        "leader": f"{leader.process.host} {leader.process.pid}" if leader else None,
        "standbys": board.standbys,
    }


def _groups(checks: Sequence[Viewed]) -> list[dict[str, Any]]:
    """Groups and their checks in the order of the file; checks made by an edit come last."""
    groups: dict[str, list[str]] = {}
    for each in sorted(checks, key=lambda viewed: (viewed.row.about["position"], viewed.row.name)):
        groups.setdefault(str(each.row.about["group"]), []).append(each.row.name)
    return [{"name": name, "checks": names} for name, names in groups.items()]


def _paging(found: PagingHealth) -> dict[str, Any]:
    return {
        "configured": found.configured,
        "pending": found.pending,
        "dead": sum(found.lost.values()),
        "lost": found.lost,
        "failing": list(found.failing),
    }


def _check(each: Viewed, incident: Incident | None, strips: Strips) -> dict[str, Any]:
    """One check. Nothing in it may move with time alone: it would be news of every check."""
    row, about, state = each.row, each.row.about, each.row.state
    headline = row.metrics.get(about["headline"])
    note = soft_note(state, policy(row))
    interval_s = float(about["interval_s"])
    return {
        "name": row.name,
        "kind": row.kind,
        "title": about["title"],
        "component": about["component"],
        "group": about["group"],
        "tags": about["tags"],
        "target": about["target"],
        "status": each.reading.status.word,
        "mark": each.reading.mark.value,
        "blocked_by": state.blocked_by,
        "sentence": " ".join(filter(None, [state.last_message, note])),
        "message": state.last_message,
        "soft": _soft(row) if note or _none_confirmed(state) else None,
        "since": _ms(each.reading.since),
        "last_at": _ms(state.last_at),
        "due": _ms(row.due),
        "stale_at": _ms(stale_at(row.due, interval_s)) if row.due and row.enabled else None,
        "interval_s": interval_s,
        "value": None if headline is None else show(headline, about["unit"]),
        "spark": list(state.spark),
        **strips.of(each.day),
        "weight": about["weight"],
        "depends_on": [name for group in about["depends_on"] for name in group],
        "flapping": state.flapping,
        "response_ms": row.response_ms,
        "incident": None if incident is None else _incident(incident),
    }


def _alert(alert: Alert) -> dict[str, Any]:
    """An alert as a screen shows it among the problems: like a check that nothing is drawn for."""
    incident, shown = alert.incident, alert_reading(alert)
    return {
        "name": incident.title.rpartition(" is ")[0] or incident.title,
        "alert": incident.component,
        "kind": incident.kind,
        "component": "",
        "group": incident.group,
        "tags": list(incident.tags),
        "target": "",
        "status": shown.status.word,
        "mark": shown.mark.value,
        "sentence": alert.message,
        "message": alert.message,
        "since": _ms(shown.since),
        "stale_at": None,
        "spark": [],
        "flapping": incident.flapping,
        "incident": _incident(incident),
    }


def _incident(incident: Incident) -> dict[str, Any]:
    return {
        "id": incident.id,
        "stage": incident.stage.value,
        "severity": incident.severity.word,
        "acknowledged_by": incident.acknowledged_by,
        "acknowledged_at": _ms(incident.acknowledged_at),
        "assignee": incident.assignee,
        "page_gate": incident.page_gate,
        "opened_at": to_ms(incident.opened_at),
    }


def _none_confirmed(state: CheckState) -> bool:
    """Whether there are results, and none of them is confirmed yet."""
    return state.hard is None and state.last_status is not None


def _soft(row: CheckRow) -> dict[str, Any]:
    seen, needed = progress(row.state, policy(row))
    latest = row.state.last_status or Status.UNKNOWN
    return {"status": latest.word, "try": seen, "of": needed}


def _ms(moment: datetime | None) -> int | None:
    return None if moment is None else to_ms(moment)
