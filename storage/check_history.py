"""What befell one check long before: the uptime that was rolled up, and its incidents."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Engine, and_, func, or_, select

from domain.incidents import Incident, fingerprint
from domain.ladder import DAY, HOUR
from domain.uptime import Spent, of_row
from storage import incident_rows
from storage.engine import reader, to_ms
from storage.schema import affected, incidents, uptime

HOUR_MS, DAY_HOURS = HOUR * 1000, DAY // HOUR


def rolled(engine: Engine, check_id: int, start: datetime, end: datetime) -> Spent:
    """How long a check read what from the hour of `start` to the hour of `end`, as rolled up."""
    first, last = to_ms(start) // HOUR_MS, to_ms(end) // HOUR_MS
    first_day, last_day = -(-first // DAY_HOURS), last // DAY_HOURS
    # A stretch within one day has no whole one in it.
    ends = [*range(first, first_day * DAY_HOURS), *range(last_day * DAY_HOURS, last)]
    hours = ends if first_day <= last_day else list(range(first, last))
    total = Spent()
    with reader(engine).connect() as connection:
        for step, buckets in ((HOUR, hours), (DAY, list(range(first_day, last_day)))):
            # Each by its key: a range would run over the rows of all checks.
            mine = and_(uptime.c.step == step, uptime.c.bucket.in_(buckets))
            query = select(uptime).where(mine, uptime.c.check_id == check_id)
            for row in connection.execute(query).mappings():
                # SQLAlchemy's rows have keys of a type of their own.
                total += of_row({str(key): value for key, value in row.items()})
    return total


def incidents_around(
    engine: Engine, name: str, start: datetime, limit: int
) -> tuple[tuple[Incident, ...], int]:
    """The newest incidents since `start` of a check, or that affected it, and how many there are."""
    struck = select(affected.c.incident_id).where(affected.c.component == name)
    concerns = or_(incidents.c.fingerprint == fingerprint(name), incidents.c.id.in_(struck))
    which = and_(concerns, incidents.c.opened_at >= start)
    newest = (incidents.c.opened_at.desc(), incidents.c.id.desc())
    with reader(engine).connect() as connection:
        rows = connection.execute(select(incidents).where(which).order_by(*newest).limit(limit))
        found = tuple(incident_rows.read(row) for row in rows)
        total = connection.execute(
            select(func.count()).select_from(incidents).where(which)
        ).scalar_one()
    return found, int(total)
