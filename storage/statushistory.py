"""What the public status page tells of the past: its checks by day, and incidents with public notes."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Engine, or_, select

from domain.incidents import Action, Incident, Stage
from domain.ladder import DAY
from domain.uptime import COLUMNS, Spent
from storage import uptimes
from storage.engine import from_ms, reader, to_ms
from storage.incident_rows import read
from storage.schema import affected, incident_lines, incidents, uptime

# So many of the newest are shown: a page that nobody reads to its end tells nothing.
MOST = 100
DAY_MS = DAY * 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """A comment that is public: when it was written, and at which stage of the incident."""

    at: datetime
    stage: Stage
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """An incident that concerns the page. `touches` are the checks it is about or has blocked."""

    incident: Incident
    touches: frozenset[str]
    notes: tuple[Note, ...]


def published(engine: Engine, checks: Collection[str], start: datetime) -> tuple[Published, ...]:
    """Incidents that stand or ended since `start`, newest first: of these checks, and those with notes."""
    lines = select(incident_lines.c.incident_id).where(
        incident_lines.c.action == Action.PUBLISHED.value, incident_lines.c.at >= start
    )
    query = (
        select(incidents)
        .where(
            or_(incidents.c.is_open, incidents.c.resolved_at >= start),
            or_(incidents.c.component.in_(list(checks)), incidents.c.id.in_(lines)),
        )
        .order_by(incidents.c.opened_at.desc(), incidents.c.id.desc())
        .limit(MOST)
    )
    with reader(engine).connect() as connection:
        found = [read(row) for row in connection.execute(query)]
        ids = [each.id for each in found]
        notes, blocked = _notes(connection, ids), _blocked(connection, ids)
    return tuple(
        Published(
            incident=each,
            touches=frozenset({each.component, *blocked.get(each.id, ())}),
            notes=tuple(notes.get(each.id, ())),
        )
        for each in found
    )


def days(
    engine: Engine, checks: Collection[int], start: datetime, end: datetime
) -> dict[int, dict[int, Spent]]:
    """How long each of these checks read what on each UTC day, by its id and the day since 1970.

    `end` is when anything was measured last: from then on a timeline would tell what it told then.
    Days that are rolled up come from there, the others and that of `end` from hours and timelines too. A
    check has no entry for days of which nothing is known.
    """
    first, until = to_ms(start) // DAY_MS, to_ms(end) // DAY_MS
    last = max(first, min(until, uptimes.whole_days(engine) or until))
    times = [uptime.c[name] for name in COLUMNS]
    query = select(uptime.c.check_id, uptime.c.bucket, *times).where(
        uptime.c.step == DAY,
        uptime.c.bucket >= first,
        uptime.c.bucket < last,
        uptime.c.check_id.in_(list(checks)),
    )
    found: dict[int, dict[int, Spent]] = {key: {} for key in checks}
    with reader(engine).connect() as connection:
        for key, day, *spent in connection.execute(query):
            found[key][day] = Spent(*spent)
    edges = [from_ms(day * DAY_MS) for day in range(last, until + 1)]
    for day, told in enumerate(uptimes.read_each(engine, [*edges, end]), last):
        for key in found.keys() & told.keys():
            found[key][day] = told[key]
    return found


def _notes(connection: Connection, ids: Sequence[str]) -> dict[str, list[Note]]:
    query = (
        select(incident_lines)
        .where(
            incident_lines.c.incident_id.in_(ids),
            incident_lines.c.action == Action.PUBLISHED.value,
        )
        .order_by(incident_lines.c.id)
    )
    found: dict[str, list[Note]] = {}
    for row in connection.execute(query):
        note = Note(at=row.at, stage=Stage(row.stage), text=row.reason)
        found.setdefault(row.incident_id, []).append(note)
    return found


def _blocked(connection: Connection, ids: Sequence[str]) -> dict[str, list[str]]:
    query = select(affected.c.incident_id, affected.c.component).where(
        affected.c.incident_id.in_(ids)
    )
    found: dict[str, list[str]] = {}
    for incident_id, component in connection.execute(query):
        found.setdefault(incident_id, []).append(component)
    return found
