"""What is done at regular times goes on when one turn of it fails for want of the store."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

from sqlalchemy.exc import OperationalError

from monitor.timetable import BEGUN_AT_ONCE, Timetable
from tests.waiting import PATIENCE_S


async def test_a_turn_that_finds_the_store_away_is_left_out_and_the_next_one_comes() -> None:
    turns: list[int] = []
    again = asyncio.Event()

    async def work() -> None:
        turns.append(len(turns))
        if len(turns) == 1:
            raise OperationalError("SELECT 1", None, Exception("unable to open database file"))
        again.set()

    async def check(name: str, attempt: int, slot: object) -> None:
        raise AssertionError("no check is watched")

    timetable = Timetable(check)
    timetable.every(1, work)
    timetable.start()

    await asyncio.wait_for(again.wait(), PATIENCE_S)

    await timetable.drain(1)
    assert turns == [0, 1]


async def test_regular_work_is_laid_anew_when_the_clock_was_set() -> None:
    done = asyncio.Event()

    async def work() -> None:
        done.set()

    async def check(name: str, attempt: int, slot: object) -> None:
        raise AssertionError("no check is watched")

    timetable = Timetable(check)
    timetable.every(1, work)
    timetable.start()
    # As it stands after a year's step ahead and back: the next turn is due in a year.
    (job,) = timetable._regular
    job.modify(next_run_time=datetime.now(UTC) + timedelta(days=365))

    timetable.lay_regular()

    await asyncio.wait_for(done.wait(), PATIENCE_S)
    await timetable.drain(1)


async def test_of_thousands_that_are_due_at_once_few_are_under_way_at_a_time() -> None:
    under_way: set[str] = set()
    most, ran = 0, []

    async def check(name: str, attempt: int, slot: object) -> None:
        nonlocal most
        under_way.add(name)
        most = max(most, len(under_way))
        for _ in range(3):
            await asyncio.sleep(0)
        under_way.discard(name)
        ran.append(name)

    timetable = Timetable(check)
    names = [str(number) for number in range(5_000)]

    for name in names:
        timetable.begin(name)
    while len(ran) < len(names):
        await asyncio.sleep(0)

    assert sorted(ran) == sorted(names)
    assert most <= 5 * BEGUN_AT_ONCE


async def test_a_check_that_waits_for_its_turn_is_not_begun_twice() -> None:
    ran: list[tuple[str, int, object]] = []

    async def check(name: str, attempt: int, slot: datetime | None) -> None:
        ran.append((name, attempt, slot))

    timetable = Timetable(check)
    slot = datetime(2026, 1, 1, tzinfo=UTC)

    timetable.begin("a", 1, slot)
    timetable.begin("a", 2)
    for _ in range(3):
        await asyncio.sleep(0)

    assert ran == [("a", 1, slot)]
