"""Jobs and senders over a real store: from the inbox through the cycle to what the screens read."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TypeVar

import msgspec
import pytest
from sqlalchemy import Engine, select

from domain.facts import CheckState, Decision, Mark, Status
from domain.heartbeat import Beat, Signal
from domain.outages import Outage
from domain.passive import Told
from domain.settings import Settings
from monitor import arrivals
from monitor.cycle import Cycle
from monitor.definitions import build
from monitor.inbox import Inbox, Meaning
from monitor.publishing import published
from monitor.recorder import Recorder
from monitor.roster import Roster, Watch
from storage import counters, inbox
from storage.engine import reader
from storage.inbox import Arrival
from storage.journal import Entry, Journal
from storage.leadership import Lease
from storage.readings import Readings, ResultRow
from storage.schema import incidents
from storage.watch import CounterWatch
from tests.monitor.stand_ins import Clock, NoForeign
from tests.storage.stores import lead
from tests.waiting import wait_for

T = TypeVar("T")
TABLES = [
    {"name": "backup", "kind": "heartbeat", "period": "1h", "grace": "10m"},
    {"name": "tapes", "kind": "passive", "fresh_for": "10m", "when_silent": "critical"},
]
WATCHED = build(TABLES, Settings(), {})


@dataclass
class House:
    """A monitor whose clock stands still until it is moved. `restart` is another one on its store."""

    engine: Engine
    lease: Lease
    clock: Clock
    wishes: list[tuple[float, str, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        journal = Journal(self.engine)
        states = journal.publish(
            self.lease, [published(each, at) for at, each in enumerate(WATCHED)]
        )
        self.recorder = Recorder(
            journal,
            self.lease,
            CounterWatch(self.engine, counters.CHANGES),
            on_change=lambda: None,
            on_lost=lambda: None,
        )
        watches = [Watch(watched=each, state=states[each.definition.name]) for each in WATCHED]
        self.cycle = Cycle(
            Roster(watches),
            self.recorder,
            NoForeign(),
            clock=self.clock,
            later=lambda *wish: self.wishes.append(wish),
        )
        self.cycle.receiving = self.clock()

    def inbox(self, ask: Callable[[Callable[[], T]], Awaitable[T]] | None = None) -> Inbox:
        handlers = arrivals.handlers(self.cycle)
        return Inbox(self.engine, self.recorder, ask or self.ask, handlers)  # type: ignore[arg-type] # a generic function

    async def ask(self, function: Callable[[], T]) -> T:
        return await asyncio.wrap_future(self.recorder.call(function))

    async def take_in(self) -> int:
        taken = await self.inbox().take_in()
        while await self.ask(self.recorder.taking_in):
            pass
        return taken

    def restarted(self) -> House:
        return House(self.engine, self.lease, self.clock)

    def ping(self, signal: Signal = Signal.SUCCESS, **more: object) -> None:
        now = self.clock()
        body = msgspec.json.encode(msgspec.convert({"at": now, "signal": signal, **more}, Beat))
        inbox.append(self.engine, "beat", "backup", body, now)

    def report(self, status: Status, message: str) -> None:
        told = Told(at=self.clock(), status=status, message=message)
        inbox.append(self.engine, "result", "tapes", msgspec.json.encode(told), self.clock())

    def state(self, name: str = "backup") -> CheckState:
        row = Readings(self.engine).check(name)
        assert row is not None
        return row.state

    def results(self, name: str = "backup") -> list[ResultRow]:
        readings = Readings(self.engine)
        row = readings.check(name)
        assert row is not None
        start = self.clock() - timedelta(days=1)
        return list(readings.results(row.id, start=start, limit=100))[::-1]

    def incidents(self) -> list[str]:
        with reader(self.engine).connect() as connection:
            return list(connection.scalars(select(incidents.c.component)))


@pytest.fixture
async def house(engine: Engine) -> AsyncIterator[House]:
    house = House(engine, lead(engine), Clock())
    house.recorder.start()
    yield house
    await asyncio.to_thread(house.recorder.stop, 10)


async def until(condition: Callable[[], bool]) -> None:
    """Wait for what the writer's thread brings about."""
    await asyncio.to_thread(wait_for, condition, 20)


async def look(house: House, minutes: float, name: str = "backup") -> CheckState:
    """Time passes while the web receives, and the check is looked at."""
    house.clock.forward(60 * minutes)
    house.cycle.receiving = house.clock()
    await house.cycle.run(name)
    return house.cycle.roster.get(name).state  # type: ignore[union-attr] # it is watched


async def test_a_job_that_never_pinged_pages_nobody_before_its_first_time(house: House) -> None:
    await look(house, 0)
    early = await look(house, 69)
    late = await look(house, 2)

    assert (early.mark, early.last_status) == (Mark.INCONCLUSIVE, Status.UNKNOWN)
    assert late.hard is Status.CRITICAL
    await until(lambda: house.incidents() == ["backup"])


async def test_a_ping_is_a_result_and_confirmed_at_once(house: House) -> None:
    house.ping()

    assert await house.take_in() == 1

    assert house.state().hard is Status.HEALTHY
    assert len(house.results()) == 1
    assert inbox.waiting(house.engine, "beat") == ()


async def test_the_check_is_looked_at_again_when_its_ping_is_due_and_when_it_is_overdue(
    house: House,
) -> None:
    house.ping()
    await house.take_in()
    first = house.wishes[-1]
    await look(house, 60.1)

    assert first == (pytest.approx(3600.01), "backup", 1)
    assert house.wishes[-1] == (pytest.approx(594.01), "backup", 1)


async def test_pings_in_one_moment_are_a_result_each(house: House) -> None:
    for _ in range(5):
        house.ping()

    await house.take_in()

    assert len(house.results()) == 5


async def test_an_arrival_that_was_not_committed_when_the_monitor_died_is_taken_in_once(
    house: House,
) -> None:
    dying = house.restarted()

    async def at_once(function: Callable[[], T]) -> T:
        return function()

    for number in range(3):
        house.report(Status.WARNING, f"result {number}")
    # Its writer never runs: it dies with everything handed over and nothing committed.
    assert await dying.inbox(at_once).take_in() == 3
    assert house.results("tapes") == []

    assert await house.take_in() == 3
    assert await house.take_in() == 0

    assert [row.message for row in house.results("tapes")] == ["result 0", "result 1", "result 2"]


async def test_what_is_handed_over_is_not_taken_a_second_time(engine: Engine) -> None:
    house = House(engine, lead(engine), Clock())
    house.report(Status.WARNING, "once")

    async def at_once(function: Callable[[], T]) -> T:
        return function()

    taking = house.inbox(at_once)
    first, second = await taking.take_in(), await taking.take_in()

    assert (first, second) == (1, 0)


async def test_after_a_restart_the_last_ping_and_a_run_under_way_are_remembered(
    house: House,
) -> None:
    house.ping()
    house.ping(Signal.START, rid="a", body="begun")
    await house.take_in()
    house.clock.forward(300)

    again = house.restarted()
    again.cycle.receiving = house.clock()
    result = await again.cycle.run("backup")

    assert result is not None
    assert result.status is Status.HEALTHY
    assert result.metrics["heartbeat.age_s"] == 300
    assert result.details["last output"] == "begun"
    assert len(result.details["running since"]) == 1  # type: ignore[arg-type] # it is a list


async def test_an_outage_of_the_web_moves_what_every_job_is_waited_for(house: House) -> None:
    house.ping()
    await house.take_in()
    gone = house.clock()
    house.clock.forward(7200)
    outage = Outage(since=gone, until=house.clock())
    inbox.append(house.engine, "outage", "", msgspec.json.encode(outage), house.clock())

    await house.take_in()

    assert house.state().hard is Status.HEALTHY
    assert (await look(house, 69)).hard is Status.HEALTHY
    assert (await look(house, 2)).hard is Status.CRITICAL


async def test_while_the_web_is_away_a_job_is_not_known_and_nobody_is_told(house: House) -> None:
    house.ping()
    await house.take_in()
    house.clock.forward(7200)

    result = await house.cycle.run("backup")

    assert result is not None
    assert result.inconclusive
    await until(lambda: house.state().mark is Mark.INCONCLUSIVE)
    assert house.incidents() == []


async def test_a_ping_for_a_check_that_is_gone_is_dropped_and_blocks_nothing(house: House) -> None:
    inbox.append(house.engine, "beat", "nobody", b"{}", house.clock())
    house.ping()

    assert await house.take_in() == 2

    assert house.state().hard is Status.HEALTHY
    assert inbox.waiting(house.engine, "beat") == ()


async def test_a_ping_is_nothing_to_a_check_of_another_kind(house: House) -> None:
    body = msgspec.json.encode(Beat(at=house.clock(), signal=Signal.FAIL))
    inbox.append(house.engine, "beat", "tapes", body, house.clock())

    await house.take_in()

    assert house.state("tapes").last_status is Status.UNKNOWN


async def test_an_arrival_that_nobody_can_read_is_dropped_and_blocks_nothing(house: House) -> None:
    inbox.append(house.engine, "beat", "backup", b"not json", house.clock())
    house.ping()

    await house.take_in()

    assert house.state().hard is Status.HEALTHY
    assert inbox.waiting(house.engine, "beat") == ()


async def test_what_the_store_refuses_again_and_again_is_given_up(house: House) -> None:
    tries = []
    impossible = Decision(
        subject="check:backup",
        gate="incident",
        at=house.clock(),
        reason=None,  # type: ignore[arg-type] # what the store refuses
    )

    def wrong(arrival: Arrival) -> Meaning:
        tries.append(arrival.id)
        state = CheckState(check="backup")
        return Meaning(entries=(Entry(state=state, due=None, decisions=(impossible,)),))

    house.ping()
    taking = Inbox(house.engine, house.recorder, house.ask, {"beat": wrong})
    while inbox.waiting(house.engine, "beat"):
        await taking.take_in()

    assert len(tries) == 3


async def test_silence_of_a_sender_is_what_the_check_says(house: House) -> None:
    house.report(Status.HEALTHY, "12 tapes")
    await house.take_in()

    assert (await look(house, 9, "tapes")).hard is Status.HEALTHY
    assert (await look(house, 2, "tapes")).hard is Status.CRITICAL
