"""What timelines tell of silences: when one begins to cover an incident, and when none does any more.

Each edge is one line. What was told last stands in the lines themselves, so that a restart tells
nothing twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, func, select

from domain.incidents import Action, Incident, Step
from domain.silences import Silence, silenced_by
from storage.incident_rows import read
from storage.incidents import SYSTEM, note
from storage.schema import incident_lines, incidents

EDGES = (Action.SILENCED.value, Action.SILENCE_ENDED.value)
ENDED = Step(action=Action.SILENCE_ENDED, reason="no silence covers it any more")


def tell_silences(connection: Connection, holding: Sequence[Silence], now: datetime) -> int:
    """Write the edges that have come since the last look, of `holding` and those before; how many."""
    told = _told(connection)
    if not holding and not told:
        return 0
    mine = incidents.c.is_open if holding else incidents.c.id.in_(sorted(told))
    count = 0
    for row in connection.execute(select(incidents).where(mine).order_by(incidents.c.id)).all():
        incident = read(row)
        step = _edge(silenced_by(holding, incident, now), incident, told)
        if step is not None:
            note(connection, incident, step, now, SYSTEM)
            count += 1
    return count


def _edge(by: Silence | None, incident: Incident, told: frozenset[str]) -> Step | None:
    if (by is not None) == (incident.id in told):
        return None
    if by is None:
        return ENDED
    until = f"until {by.ends_at:%Y-%m-%d %H:%M} UTC"
    return Step(action=Action.SILENCED, reason=f"{by.author} silenced it {until}: {by.reason}")


def _told(connection: Connection) -> frozenset[str]:
    """The open incidents whose timelines say that they are silenced."""
    last = (
        select(func.max(incident_lines.c.id))
        .join(incidents, incidents.c.id == incident_lines.c.incident_id)
        .where(incidents.c.is_open, incident_lines.c.action.in_(EDGES))
        .group_by(incident_lines.c.incident_id)
    )
    begun = select(incident_lines.c.incident_id).where(
        incident_lines.c.id.in_(last), incident_lines.c.action == Action.SILENCED.value
    )
    return frozenset(connection.scalars(begun))
