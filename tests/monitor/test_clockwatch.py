"""A clock that jumps a year and comes back costs no history and invents none, on both databases."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeVar

import pytest
from sqlalchemy import Engine, func, select, update

from domain.facts import Change, CheckState, Mark, Result, Sample, Status, Transition
from domain.uptime import Spent
from monitor.clockwatch import NOTICE, ClockWatch
from monitor.storekeeper_child import Orders, Report, keep
from storage import schema, timekeeping, uptimes
from storage.engine import reader, to_ms
from storage.journal import Entry, Journal, Published
from storage.leadership import Lease
from storage.readings import Readings
from tests.storage.conftest import engine, url
from tests.storage.stores import NOW, lead

__all__ = ["engine", "url"]

T = TypeVar("T")
H, C = Status.HEALTHY, Status.CRITICAL
YEAR = timedelta(days=365)
DAYS = 32
HOUR_MS = 3_600_000


@dataclass
class World:
    """A monitor's store, its two clocks, and one check that runs every ten minutes."""

    url: str
    engine: Engine
    lease: Lease
    journal: Journal
    wall: datetime = NOW
    steady: float = 0.0
    status: Status = H
    reports: list[Report] = field(default_factory=list)

    def __post_init__(self) -> None:
        about = {"enabled": True, "interval_s": 600.0}
        self.journal.publish(self.lease, [Published(name="api", kind="http", about=about)])
        self.watch = self.new_watch()

    def new_watch(self) -> ClockWatch:
        async def ask(function: Callable[[], T]) -> T:
            return function()

        return ClockWatch(self.engine, self.lease, self.journal, ask, lambda: self.steady)

    def measure(self, at: datetime, lines: tuple[Transition, ...] = ()) -> None:
        state = CheckState(check="api", hard=self.status, mark=Mark.NONE, last_at=at)
        entry = Entry(
            state=state,
            due=at + timedelta(minutes=10),
            result=Result(check="api", kind="http", at=at, status=self.status, message=""),
            transitions=lines,
            samples=(Sample(name="ms", at=at, value=1.0),),
        )
        self.journal.commit(self.lease, [entry])

    def turn(self, to: Status) -> None:
        """The check reads something else from now on."""
        line = Transition(
            check="api",
            at=self.wall,
            change=Change.HARD,
            before=self.status,
            after=to,
            mark_before=Mark.NONE,
            mark=Mark.NONE,
            reason="refused",
            message="",
        )
        self.status = to
        self.measure(self.wall, (line,))

    def jump(self, step: timedelta) -> None:
        self.wall += step

    async def run(self, hours: int) -> None:
        """So many hours of measuring, with a round of the storekeeper in each."""
        for _ in range(hours):
            for _ in range(6):
                self.wall += timedelta(minutes=10)
                self.steady += 600
                self.measure(self.wall)
                await self.watch.settle(self.wall)
            self.reports.append(self.keep())

    def keep(self) -> Report:
        orders = Orders(
            url=self.url,
            boot_id=self.lease.boot_id,
            epoch=self.lease.epoch,
            raw_days=30,
            aggregate_days=365,
            backup_days=0,
            backup_folder="",
            parent=os.getpid(),
        )
        return keep(orders, self.wall)

    def times(self, table: str) -> list[datetime]:
        column = getattr(schema, table).c.at
        with reader(self.engine).connect() as connection:
            return list(connection.scalars(select(column).order_by(column)))

    def rolled(self, table: str) -> set[int]:
        """The hours that stand in a table of roll-ups, in hours after NOW."""
        rows = getattr(schema, table)
        query = select(rows.c.bucket).where(rows.c.step == 3600)
        with reader(self.engine).connect() as connection:
            return {key - to_ms(NOW) // HOUR_MS for key in connection.scalars(query)}

    def uptime(self, start: datetime) -> Spent:
        (found,) = uptimes.read(self.engine, start, self.wall).values()
        return found

    def notices(self) -> dict[str, str]:
        told = Readings(self.engine).board(self.wall).notices
        return {each.key: each.text for each in told}


@pytest.fixture
async def world(url: str, engine: Engine) -> World:
    """32 days of a healthy check, sealed and rolled up."""
    made = World(url, engine, lead(engine), Journal(engine))
    made.wall = NOW - timedelta(days=DAYS)
    made.turn(H)
    for day in range(1, DAYS):
        made.measure(NOW - timedelta(days=DAYS - day))
    made.wall = NOW
    await made.watch.begin(NOW)
    await made.run(1)
    return made


async def test_a_year_ahead_for_two_hours_and_back_costs_nothing_and_invents_nothing(
    world: World,
) -> None:
    before = {table: world.times(table) for table in ("results", "transitions")}
    jumped = world.wall

    world.jump(YEAR)
    await world.run(1)
    world.turn(C)
    await world.run(1)

    assert [each.is_clock_doubted for each in world.reports] == [False, True, True]
    assert sum(each.deleted + each.hours + each.samples for each in world.reports[1:]) == 0
    assert "365 d more than it should" in world.notices()[NOTICE]
    assert set(before["results"]) <= set(world.times("results"))
    ahead = world.uptime(jumped)
    assert ahead.healthy + ahead.critical == pytest.approx(2 * HOUR_MS, abs=600_000)
    assert ahead.unmeasured > 8_700 * HOUR_MS

    world.jump(-YEAR)
    await world.run(3)

    assert not world.reports[-1].is_clock_doubted
    assert NOTICE not in world.notices()
    for table in ("results", "samples", "transitions"):
        assert max(world.times(table)) <= world.wall
    # What is past its 30 days by the true clock goes as always, and nothing else went.
    kept = [at for at in before["results"] if at >= world.wall - timedelta(days=30)]
    assert world.times("results")[: len(kept)] == kept
    assert max(world.rolled("uptime")) < 6
    assert max(world.rolled("rollups")) < 6
    # Two hours were not measured by a clock that was right, and what changed in them changed after.
    found = world.uptime(jumped)
    assert found.unmeasured == pytest.approx(2 * HOUR_MS, abs=600_000)
    assert found.critical == pytest.approx(3 * HOUR_MS, abs=600_000)
    assert found.healthy <= 600_000


async def test_a_year_back_for_two_hours_and_back_costs_nothing_and_invents_nothing(
    world: World,
) -> None:
    before = world.times("results")
    rolled = {table: world.rolled(table) for table in ("uptime", "rollups")}
    jumped = world.wall

    world.jump(-YEAR)
    await world.run(1)
    world.turn(C)
    await world.run(1)

    assert [each.is_clock_doubted for each in world.reports] == [False, True, True]
    assert "365 d less than it should" in world.notices()[NOTICE]
    assert {table: world.rolled(table) for table in rolled} == rolled

    world.jump(YEAR)
    await world.run(3)

    assert NOTICE not in world.notices()
    kept = [at for at in before if at >= world.wall - timedelta(days=30)]
    assert world.times("results")[: len(kept)] == kept
    # Nothing of the year before was rolled up: what was there then would be written over.
    assert min(world.rolled("rollups")) >= min(rolled["rollups"])
    assert min(world.rolled("uptime")) >= min(rolled["uptime"])
    found = world.uptime(jumped)
    assert found.unmeasured == pytest.approx(2 * HOUR_MS, abs=600_000)
    assert found.critical == pytest.approx(3 * HOUR_MS, abs=600_000)


async def test_a_monitor_that_was_off_for_months_deletes_nothing_for_a_day_then_a_day_a_round(
    world: World,
) -> None:
    count = len(world.times("results"))
    world.lease = Lease(
        boot_id=world.lease.boot_id, epoch=world.lease.epoch, previous_beat=world.wall
    )
    world.jump(timedelta(days=90))
    world.watch = world.new_watch()
    await world.watch.begin(world.wall)

    await world.run(23)
    assert all(each.is_clock_doubted for each in world.reports[1:])
    assert len(world.times("results")) == count + 23 * 6
    await world.run(1)

    assert not world.reports[-1].is_clock_doubted
    assert NOTICE not in world.notices()
    # A day of history a round at most: of one result a day.
    gone = [world.keep().deleted for _ in range(3)]
    assert all(0 < each < 10 for each in gone)
    assert len(world.times("results")) > count + 24 * 6 - 10


async def test_a_doubt_is_taken_over_by_the_next_monitor(world: World) -> None:
    world.jump(YEAR)
    await world.run(1)

    world.lease = Lease(
        boot_id=world.lease.boot_id, epoch=world.lease.epoch, previous_beat=world.wall
    )
    world.watch = world.new_watch()
    await world.watch.begin(world.wall)
    await world.run(1)
    assert world.reports[-1].is_clock_doubted

    world.jump(-YEAR)
    await world.run(1)
    assert not world.reports[-1].is_clock_doubted
    assert max(world.times("results")) <= world.wall
    assert timekeeping.recall(world.engine).back is None


async def test_what_is_due_by_a_clock_that_was_ahead_is_due_once_it_is_back(world: World) -> None:
    world.jump(YEAR)
    await world.run(1)
    with world.engine.begin() as connection:
        row = {"channel": "chat", "failures": 1, "next_try": world.wall + timedelta(minutes=1)}
        connection.execute(schema.channel_health.insert().values(row))

    world.jump(-YEAR)
    await world.run(1)

    query = select(schema.channel_health.c.next_try)
    with reader(world.engine).connect() as connection:
        tried = connection.execute(query).scalar_one()
    assert tried <= world.wall


async def test_history_of_an_hour_that_is_rolled_up_too_early_is_rolled_up_again(
    world: World,
) -> None:
    # Four minutes are no jump; by them an hour seems over that is not.
    world.wall += timedelta(minutes=58.5)
    world.steady += 58.5 * 60
    world.jump(timedelta(minutes=4))
    await world.watch.settle(world.wall)
    assert world.keep().hours == 2

    world.jump(timedelta(minutes=-4))
    world.turn(C)
    world.keep()
    await world.run(1)

    assert world.uptime(NOW + timedelta(hours=1)).critical == HOUR_MS


def test_of_the_rows_there_is_one_for_each_thing_to_remember(engine: Engine) -> None:
    lease = lead(engine)

    with engine.begin() as connection:
        connection.execute(update(schema.leadership).values(lag_ms=0.0))
        assert connection.scalar(select(func.count()).select_from(schema.counters)) == 2

    timekeeping.retain_until(engine, lease, NOW)
    timekeeping.retain_until(engine, lease, NOW + timedelta(hours=1))
    assert timekeeping.recall(engine).retained == NOW + timedelta(hours=1)
