"""One view for all: callers that come at once after a quiet spell all see the store as it is."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest

from dashboard.live import Live
from storage.incident_readings import IncidentReadings
from storage.readings import Pulse, Readings
from tests.dashboard.filled import Filled, about, fill
from tests.monitor.stand_ins import START, Clock
from tests.waiting import wait_for


class SlowReadings(Readings):
    """Readings of a real store that takes its time to answer."""

    def pulse(self) -> Pulse:
        time.sleep(0.1)
        return super().pulse()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Filled]:
    filled = fill(tmp_path, START)
    filled.publish({"db": about()})
    yield filled
    filled.engine.dispose()


def test_after_a_quiet_spell_everybody_who_asks_at_once_sees_the_store_answer(
    store: Filled,
) -> None:
    clock = Clock()
    live = Live(
        SlowReadings(store.engine),
        IncidentReadings(store.engine),
        clock=clock,
        monotonic=lambda: clock.now.timestamp(),
    )
    live.look()
    clock.now += timedelta(seconds=20)
    store.beat(clock.now)
    together = threading.Barrier(8)

    def ask(_: int) -> tuple[float, bool]:
        together.wait()
        sight = live.look()
        return sight.store_age_s, sight.beat == clock.now

    with ThreadPoolExecutor(8) as pool:
        seen = set(pool.map(ask, range(8)))

    assert seen == {(0.0, True)}


def test_what_the_store_tells_of_is_seen_before_the_held_moment_is_old(store: Filled) -> None:
    clock = Clock()
    live = Live(
        Readings(store.engine),
        IncidentReadings(store.engine),
        clock=clock,
        monotonic=lambda: clock.now.timestamp(),
    )
    live.look()
    store.publish({"db": about(), "api": about()})
    clock.now += timedelta(seconds=0.3)

    held = live.look()
    live.told()
    fresh = live.look()

    assert held.moment is not None
    assert fresh.moment is not None
    assert (len(held.moment.checks), len(fresh.moment.checks)) == (1, 2)


def test_a_store_that_tells_all_the_time_is_not_read_at_every_look(store: Filled) -> None:
    clock = Clock()
    live = Live(
        Readings(store.engine),
        IncidentReadings(store.engine),
        clock=clock,
        monotonic=lambda: clock.now.timestamp(),
    )
    live.look()
    store.publish({"db": about(), "api": about()})
    clock.now += timedelta(seconds=0.05)

    live.told()
    seen = live.look()

    assert seen.moment is not None
    assert len(seen.moment.checks) == 1


class Counted(Readings):
    """Readings of a real store that tell in which threads they were asked."""

    def __init__(self, filled: Filled) -> None:
        super().__init__(filled.engine)
        self.asked_in: list[str] = []

    def pulse(self) -> Pulse:
        self.asked_in.append(threading.current_thread().name)
        return super().pulse()


def test_who_asks_all_the_time_never_waits_for_the_store(store: Filled) -> None:
    clock, readings = Clock(), Counted(store)
    live = Live(
        readings,
        IncidentReadings(store.engine),
        clock=clock,
        monotonic=lambda: clock.now.timestamp(),
    )
    live.keep_ahead()
    live.look()
    store.publish({"db": about(), "api": about()})
    clock.now += timedelta(seconds=0.6)

    def shown() -> int:
        sight = live.look()
        return len(sight.moment.checks) if sight.moment else 0

    wait_for(lambda: shown() == 2, 30)
    mine = threading.current_thread().name
    assert readings.asked_in[0] == mine
    assert set(readings.asked_in[1:]) == {"live"}


def test_after_a_change_from_here_the_next_look_reads_the_store_itself(store: Filled) -> None:
    clock = Clock()
    live = Live(
        Readings(store.engine),
        IncidentReadings(store.engine),
        clock=clock,
        monotonic=lambda: clock.now.timestamp(),
    )
    live.keep_ahead()
    live.look()
    store.publish({"db": about(), "api": about()})

    live.renew()
    seen = live.look()

    assert seen.moment is not None
    assert len(seen.moment.checks) == 2
