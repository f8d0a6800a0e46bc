"""The one writer: what it is given is committed, in order, also when the store was away."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError

from domain.facts import CheckState, Mark, Result, Status
from monitor.recorder import Recorder
from storage import counters
from storage.engine import open_engine
from storage.journal import Beat, Entry, Journal, Published
from storage.leadership import Lease, Process, claim
from storage.readings import Readings
from storage.room import Obstacle
from storage.watch import CounterWatch
from tests.monitor.stand_ins import START
from tests.storage.fresh import make_store
from tests.waiting import PATIENCE_S, wait_for

ABOUT: dict[str, Any] = {"enabled": True, "interval_s": 30.0}


@dataclass
class Rig:
    """A recorder over a real store, with a switch that takes the store away."""

    engine: Engine
    lease: Lease
    journal: SwitchedJournal
    recorder: Recorder
    changed: list[bool] = field(default_factory=list)
    lost: threading.Event = field(default_factory=threading.Event)

    def stored(self) -> list[datetime]:
        readings = Readings(self.engine)
        row = readings.check("api")
        assert row is not None
        return [each.at for each in readings.results(row.id, start=START, limit=1000)][::-1]


class SwitchedJournal(Journal):
    """A journal whose store can be away, as a locked or unreachable database is."""

    away = False
    commits = 0

    def commit(self, *args: Any, **kwargs: Any) -> None:
        if self.away:
            raise OperationalError("COMMIT", None, Exception("database is locked"))
        super().commit(*args, **kwargs)
        self.commits += 1


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    url = f"sqlite:///{tmp_path / 'n.db'}"
    make_store(url)
    engine = open_engine(url)
    me = Process(boot_id="b", host="h", pid=1, process_start=START)
    lease = claim(engine, me, START, lambda _: True)
    assert isinstance(lease, Lease)
    journal = SwitchedJournal(engine)
    journal.publish(lease, [Published(name="api", kind="told", about=ABOUT)])
    made: list[Rig] = []

    def build(**more: Any) -> Rig:
        rig = Rig(engine, lease, journal, None)  # type: ignore[arg-type]
        rig.recorder = Recorder(
            journal,
            lease,
            CounterWatch(engine, counters.CHANGES),
            on_change=lambda: rig.changed.append(True),
            on_lost=rig.lost.set,
            **more,
        )
        rig.recorder.start()
        made.append(rig)
        return rig

    yield build()
    for each in made:
        journal.away = False
        each.recorder.stop(5)
    engine.dispose()


def entry(seconds: float) -> Entry:
    at = START + timedelta(seconds=seconds)
    state = CheckState(check="api", hard=Status.HEALTHY, mark=Mark.NONE, last_at=at)
    result = Result(check="api", kind="told", at=at, status=Status.HEALTHY, message="fine")
    return Entry(state=state, due=at, result=result)


def times(*seconds: float) -> list[datetime]:
    return [START + timedelta(seconds=each) for each in seconds]


def test_entries_are_committed_though_nothing_urgent_comes(rig: Rig) -> None:
    rig.recorder.record([entry(1)])

    wait_for(lambda: rig.stored() == times(1), 30)


def test_what_is_found_in_the_same_moment_is_committed_together(rig: Rig) -> None:
    # While the writer is busy, so that however slow this is all of it lies there when it looks.
    go_on = threading.Event()
    rig.recorder.call(lambda: go_on.wait(30))
    for second in range(1, 6):
        rig.recorder.record([entry(second)])

    go_on.set()

    wait_for(lambda: rig.stored() == times(1, 2, 3, 4, 5), 30)
    assert rig.journal.commits == 1


def test_who_asks_something_is_answered_after_what_was_found_before(rig: Rig) -> None:
    rig.recorder.record([entry(1)])

    assert rig.recorder.call(rig.stored).result(30) == times(1)


def test_what_was_found_while_the_store_was_away_is_written_when_it_is_back(rig: Rig) -> None:
    rig.journal.away = True
    for second in range(1, 6):
        rig.recorder.record([entry(second)])
    wait_for(lambda: rig.recorder.is_away, 3)

    rig.journal.away = False

    wait_for(lambda: rig.stored() == times(1, 2, 3, 4, 5), 5)


def test_an_overflow_drops_the_oldest_and_records_the_gap(rig: Rig) -> None:
    rig.journal.away = True
    rig.recorder.limit = 3
    for second in range(1, 6):
        rig.recorder.record([entry(second)])

    rig.journal.away = False

    wait_for(lambda: rig.stored() == times(3, 4, 5), 5)
    wait_for(lambda: len(Readings(rig.engine).gaps(START)) == 1, 2)


def test_a_stop_commits_what_is_left(rig: Rig) -> None:
    rig.recorder.record([entry(1), entry(2)])

    assert rig.recorder.stop(5)

    assert rig.stored() == times(1, 2)


def test_a_lost_leadership_stops_all_writing(rig: Rig) -> None:
    other = Process(boot_id="other", host="h", pid=2, process_start=START)
    claim(rig.engine, other, START, lambda _: False)

    rig.recorder.record([entry(1)])

    assert rig.lost.wait(PATIENCE_S)
    rig.recorder.record([entry(2)])
    rig.recorder.stop(2)
    assert rig.stored() == []


def test_an_edit_by_somebody_else_is_noticed(rig: Rig) -> None:
    from storage.changes import Changes

    wait_for(lambda: rig.recorder.is_watching, 2)

    Changes(rig.engine).monitor(False, actor="ops", now=START)

    wait_for(lambda: rig.changed == [True], 2)


def test_a_store_function_runs_in_the_writers_thread(rig: Rig) -> None:
    name: Callable[[], str] = lambda: threading.current_thread().name  # noqa: E731

    assert rig.recorder.call(name).result(2) == "recorder"


def test_a_call_that_nobody_waits_for_any_more_does_not_end_the_writer(rig: Rig) -> None:
    begun, may_end = threading.Event(), threading.Event()

    def slow() -> None:
        begun.set()
        may_end.wait(PATIENCE_S)

    running, waiting = rig.recorder.call(slow), rig.recorder.call(lambda: 7)
    begun.wait(PATIENCE_S)
    running.cancel()
    waiting.cancel()
    may_end.set()
    rig.recorder.record([entry(1)])

    wait_for(lambda: rig.stored() == times(1), 5)
    assert not rig.lost.is_set()


def test_a_beat_renews_the_leadership(rig: Rig) -> None:
    at = START + timedelta(seconds=2)

    rig.recorder.beat(Beat(at=at))

    wait_for(lambda: Readings(rig.engine).pulse().beat == at, 2)


def test_why_nothing_can_be_written_is_told_once_and_again_after_it_was_over(rig: Rig) -> None:
    found: list[Obstacle] = []
    full = OperationalError("COMMIT", None, Exception("database or disk is full"))
    recorder = Recorder(
        rig.journal,
        rig.lease,
        CounterWatch(rig.engine, counters.CHANGES),
        on_change=lambda: None,
        on_lost=lambda: None,
        on_obstacle=found.append,
    )

    for _ in range(3):
        recorder._note_away(full)
    assert found == [Obstacle.FULL]
    assert recorder.is_away

    recorder._round()
    assert not recorder.is_away
    recorder._note_away(full)
    assert found == [Obstacle.FULL] * 2


def test_what_the_disk_says_is_told_where_the_driver_says_less(rig: Rig) -> None:
    found: list[Obstacle] = []
    recorder = Recorder(
        rig.journal,
        rig.lease,
        CounterWatch(rig.engine, counters.CHANGES),
        on_change=lambda: None,
        on_lost=lambda: None,
        on_obstacle=found.append,
        obstacle=lambda: Obstacle.READ_ONLY,
    )

    recorder._note_away(OperationalError("COMMIT", None, Exception("disk I/O error")))

    assert found == [Obstacle.READ_ONLY]
