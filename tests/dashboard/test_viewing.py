"""What is not made anew is as it would be if it were: nothing old is ever shown as new."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from dashboard.live import Live, Moment
from dashboard.snapshot import Drawing
from dashboard.viewing import REMADE, Viewing
from domain.facts import Mark, Status
from storage.changes import Changes
from storage.incident_readings import IncidentReadings
from storage.readings import Readings
from storage.schema import transitions
from tests.dashboard.filled import Filled, about, fill
from tests.monitor.stand_ins import START, Clock

NAMES = ("api", "db", "queue", "web")
# The window of the ticks moves with time alone, by less than a hundredth of one.
MOVES = ("ticks",)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Filled]:
    filled = fill(tmp_path, START)
    filled.publish({name: about(position=place) for place, name in enumerate(NAMES)})
    for name in NAMES:
        filled.results(name, [Status.HEALTHY] * 3, START)
    yield filled
    filled.engine.dispose()


def live(store: Filled, clock: Clock) -> Live:
    return Live(
        Readings(store.engine),
        IncidentReadings(store.engine),
        clock=clock,
        monotonic=lambda: clock.now.timestamp(),
    )


def seen(view: Live) -> Moment:
    moment = view.look().moment
    assert moment is not None
    return moment


def told(document: dict[str, Any]) -> dict[str, Any]:
    """A document without what says when it was made."""
    checks = [
        {key: value for key, value in each.items() if key not in MOVES}
        for each in document["checks"]
    ]
    return {**document, "at": None, "checks": checks}


def test_a_check_of_which_nothing_changed_is_not_made_anew(store: Filled) -> None:
    clock = Clock(START)
    view, drawing = live(store, clock), Drawing("1.2.3")
    first = seen(view)
    before = drawing.snapshot(first)
    clock.forward(2)
    store.results("db", [Status.CRITICAL] * 3, clock.now)

    second = seen(view)
    after = drawing.snapshot(second)

    def same(one: Any, other: Any) -> list[bool]:
        return [a is b for a, b in zip(one, other, strict=True)]

    assert same(first.checks, second.checks) == [True, False, True, True]
    assert same(before["checks"], after["checks"]) == [True, False, True, True]


@pytest.mark.parametrize("seed", range(3))
def test_whatever_happens_it_is_as_if_all_were_made_anew(store: Filled, seed: int) -> None:
    # Within a minute of the clock: exactly at its beginning nothing of it has been measured.
    clock, chance = Clock(START + timedelta(seconds=0.5)), random.Random(seed)
    changes = Changes(store.engine)
    view, drawing = live(store, clock), Drawing("1.2.3")
    for _ in range(15):
        name = chance.choice(NAMES)
        what = chance.randrange(5)
        if what == 0:
            status = chance.choice([Status.CRITICAL, Status.HEALTHY, Status.WARNING])
            store.results(name, [status] * 3, clock.now)
        elif what == 1:
            switch = chance.choice([changes.pause, changes.resume])
            switch(name, actor="jo", now=clock.now)
        elif what == 2:
            store.incident(name, clock.now)
        elif what == 3:
            store.journal.record_gap(store.lease, clock.now - timedelta(minutes=5), clock.now, "x")
        clock.forward(chance.choice([1, 3, 7, 19, 25, 61]))
        # What is written makes a moment be made anew, in part or as a whole.
        store.results("web", [Status.HEALTHY], clock.now)

        shown = drawing.snapshot(seen(view))

        anew = Drawing("1.2.3").snapshot(seen(live(store, clock)))
        assert told(shown) == told(anew)


def test_a_check_goes_stale_though_nothing_was_written(store: Filled) -> None:
    readings = Readings(store.engine)
    viewing = Viewing(readings)
    # Due 30 s after its result, with an interval of 30 s.
    last = START + timedelta(seconds=90)
    rows = readings.board(last).checks
    before = viewing.of(rows, last - timedelta(milliseconds=1))
    held = viewing.of(readings.board(last).checks, last)

    after = viewing.of(readings.board(last).checks, last + timedelta(milliseconds=1))

    assert [each is other for each, other in zip(before, held, strict=True)] == [True] * 4
    assert {each.reading.mark for each in held} == {Mark.NONE}
    assert {(each.reading.status, each.reading.mark) for each in after} == {
        (Status.UNKNOWN, Mark.STALE)
    }


def test_a_clock_that_is_set_back_ends_staleness_at_once(store: Filled) -> None:
    readings = Readings(store.engine)
    viewing = Viewing(readings)
    late = START + timedelta(seconds=91)
    stale = viewing.of(readings.board(late).checks, late)

    back = viewing.of(readings.board(START).checks, late - timedelta(seconds=5))

    assert {each.reading.mark for each in stale} == {Mark.STALE}
    assert {each.reading.mark for each in back} == {Mark.NONE}


def test_a_timeline_that_was_put_right_is_read_again_in_time(store: Filled) -> None:
    readings = Readings(store.engine)
    viewing = Viewing(readings)
    store.results("db", [Status.CRITICAL] * 3, START + timedelta(seconds=1))
    now = START + timedelta(seconds=2)
    viewing.of(readings.board(now).checks, now)
    right = START - timedelta(hours=1)
    with store.engine.begin() as connection:
        connection.execute(update(transitions).values(at=right))

    now += REMADE
    shown = {each.row.name: each for each in viewing.of(readings.board(now).checks, now)}

    assert shown["db"].day[-1].start == right


def test_rows_that_are_stored_as_before_are_given_out_as_they_were(store: Filled) -> None:
    readings = Readings(store.engine)
    first = {row.name: row for row in readings.board(START).checks}
    store.results("db", [Status.CRITICAL], START + timedelta(seconds=2))
    Changes(store.engine).pause("web", actor="jo", now=START)

    second = {row.name: row for row in readings.board(START).checks}

    assert [name for name in NAMES if first[name] is not second[name]] == ["db", "web"]
    assert second["db"].about is first["db"].about
    assert not second["web"].enabled and first["web"].enabled
