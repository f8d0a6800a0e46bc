"""What is done at regular times goes on when one turn of it fails for want of the store."""

from __future__ import annotations

import asyncio

from sqlalchemy.exc import OperationalError

from monitor.timetable import Timetable


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

    await asyncio.wait_for(again.wait(), 5)

    await timetable.drain(1)
    assert turns == [0, 1]
