"""What befell one check long before: uptime by hours and days, incidents of its own and of others."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine, insert

from domain.facts import Status
from domain.ladder import DAY, HOUR
from domain.uptime import COLUMNS
from storage import schema
from storage.check_history import incidents_around, rolled
from storage.journal import Journal
from tests.dashboard.filled import Filled, about
from tests.storage.stores import lead

START = datetime(2026, 3, 1, tzinfo=UTC)


def filled(url: str, engine: Engine) -> Filled:
    """A store in which `db` and `api` are watched."""
    made = Filled(url=url, engine=engine, journal=Journal(engine), lease=lead(engine))
    made.publish({"db": about(), "api": about()})
    return made


def row(step: int, at: datetime, check_id: int, **spent: int) -> dict[str, int]:
    bucket = int(at.timestamp()) // step
    return {
        "step": step,
        "bucket": bucket,
        "check_id": check_id,
        **dict.fromkeys(COLUMNS, 0),
    } | spent


def test_whole_days_are_read_by_days_and_their_ends_by_hours(url: str, engine: Engine) -> None:
    filled(url, engine)
    hours = [START + timedelta(hours=hour) for hour in range(72)]
    rows = [row(HOUR, at, 1, healthy=1) for at in hours]
    # Days hold other numbers than their hours, so that it shows which were read.
    rows += [row(DAY, START + timedelta(days=day), 1, healthy=1000) for day in range(3)]
    rows += [row(HOUR, at, 2, critical=7) for at in hours]
    with engine.begin() as connection:
        connection.execute(insert(schema.uptime), rows)

    def healthy(first: float, last: float) -> int:
        ends = (START + timedelta(hours=hour) for hour in (first, last))
        return rolled(engine, 1, *ends).healthy

    assert healthy(22, 50.5) == 2 + 1000 + 2
    assert healthy(3.9, 6) == 3
    assert healthy(0, 72) == 3000
    assert healthy(5, 5) == 0
    assert rolled(engine, 1, START, START + timedelta(hours=72)).critical == 0


def test_incidents_of_a_check_and_those_that_affected_it_are_told_newest_first(
    url: str, engine: Engine
) -> None:
    store = filled(url, engine)
    own = store.incident("api", START, Status.WARNING)
    root = store.incident("db", START + timedelta(hours=1))
    with engine.begin() as connection:
        struck = {"incident_id": root.id, "component": "api", "since": START}
        connection.execute(insert(schema.affected), [struck])

    found, total = incidents_around(engine, "api", START - timedelta(days=1), 10)
    newest, all_of_them = incidents_around(engine, "api", START - timedelta(days=1), 1)

    assert ([each.id for each in found], total) == ([root.id, own.id], 2)
    assert ([each.id for each in newest], all_of_them) == ([root.id], 2)
    assert incidents_around(engine, "api", START + timedelta(days=1), 10) == ((), 0)
    assert [each.id for each in incidents_around(engine, "db", START, 10)[0]] == [root.id]
