"""Uptime by hour and day equals what the timelines say, also when those are gone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.facts import Change, CheckState, Mark, Status, Transition
from domain.uptime import Spent
from storage import schema, uptimes
from tests.storage.stores import C, H, Store, entry

START = datetime(2026, 3, 1, tzinfo=UTC)
MS_PER_HOUR = 3_600_000


def at(hours: float) -> datetime:
    return START + timedelta(hours=hours)


def turn(
    store: Store,
    hours: float,
    before: Status,
    to: Status,
    mark: Mark = Mark.NONE,
    was: Mark = Mark.NONE,
) -> None:
    """A check changes what it reads."""
    moved = Transition(
        check="api",
        at=at(hours),
        change=Change.HARD,
        before=before,
        after=to,
        mark_before=was,
        mark=mark,
        reason="refused",
        message="",
    )
    state = CheckState(check="api", hard=to, mark=mark, last_at=at(hours))
    due = at(hours) + timedelta(seconds=30)
    store.commit(entry(to, state=state, due=due, transitions=(moved,), result=None, samples=()))


@pytest.fixture
def watched(store: Store) -> Store:
    store.publish("api")
    turn(store, 0.5, Status.UNKNOWN, H, was=Mark.PENDING)
    return store


def spent(store: Store, start: float, end: float) -> Spent:
    return uptimes.read(store.engine, at(start), at(end))[store.check_id()]


def test_an_hour_is_shared_out_among_what_was_read_in_it(watched: Store) -> None:
    turn(watched, 1.25, H, C)
    turn(watched, 1.75, C, H)

    assert uptimes.roll(watched.slices, at(2.5)) == 2

    found = spent(watched, 0, 2)
    assert (found.unmeasured, found.critical) == (MS_PER_HOUR // 2, MS_PER_HOUR // 2)
    assert found.healthy == MS_PER_HOUR
    assert found.percent == pytest.approx(100 * 2 / 3)


def test_maintenance_blocked_and_paused_time_stand_apart(watched: Store) -> None:
    turn(watched, 1, H, C, Mark.MAINTENANCE)
    turn(watched, 2, C, Status.UNKNOWN, Mark.BLOCKED, was=Mark.MAINTENANCE)
    turn(watched, 3, Status.UNKNOWN, Status.UNKNOWN, Mark.PAUSED, was=Mark.BLOCKED)
    turn(watched, 4, Status.UNKNOWN, H, was=Mark.PAUSED)
    uptimes.roll(watched.slices, at(6))

    found = spent(watched, 1, 5)

    assert (found.maintenance, found.blocked, found.paused) == (MS_PER_HOUR,) * 3
    assert (found.healthy, found.critical, found.percent) == (MS_PER_HOUR, 0, 100.0)


def test_a_gap_is_neither_up_nor_down(watched: Store) -> None:
    watched.journal.record_gap(watched.lease, at(1.5), at(3), "no monitor was running")

    uptimes.roll(watched.slices, at(4.1))

    assert spent(watched, 1, 4).unmeasured == MS_PER_HOUR * 1.5
    assert spent(watched, 1, 4).healthy == MS_PER_HOUR * 1.5


def test_it_stays_exact_when_the_timeline_is_gone(watched: Store) -> None:
    for day in range(40):
        turn(watched, day * 24 + 1, H, C)
        turn(watched, day * 24 + 1 + 1 / 3600, C, H)
    uptimes.roll(watched.slices, at(40 * 24 + 5))
    before = spent(watched, 24, 40 * 24)

    with watched.engine.begin() as connection:
        connection.execute(schema.transitions.delete())

    assert spent(watched, 24, 40 * 24) == before
    assert before.critical == 39 * 1000


def test_to_roll_again_changes_nothing_and_each_hour_is_rolled_once(watched: Store) -> None:
    turn(watched, 1.5, H, C)
    assert uptimes.roll(watched.slices, at(30)) == 29
    before = spent(watched, 0, 30)

    assert uptimes.roll(watched.slices, at(30)) == 0
    assert uptimes.roll(watched.slices, at(31.1)) == 2

    assert spent(watched, 0, 30) == before


def test_what_is_not_rolled_up_yet_is_read_from_the_timeline(watched: Store) -> None:
    uptimes.roll(watched.slices, at(2.1))
    turn(watched, 2.5, H, C)

    assert spent(watched, 1, 2.75) == Spent(
        healthy=int(1.5 * MS_PER_HOUR), critical=MS_PER_HOUR // 4
    )


def test_an_hour_waits_for_what_is_on_its_way(watched: Store) -> None:
    assert uptimes.roll(watched.slices, at(2 + 1.9 / 60)) == 1
    assert uptimes.roll(watched.slices, at(2 + 2.0 / 60)) == 1


TURNS = st.lists(
    st.tuples(st.integers(1, 5 * 3600), st.sampled_from([H, C, Status.WARNING])), max_size=8
)


@given(TURNS, st.lists(st.integers(0, 60), max_size=4))
@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_rolled_hours_equal_the_timeline_whenever_they_were_rolled(
    store: Store, turns: list[tuple[int, Status]], rolls: list[int]
) -> None:
    with store.engine.begin() as connection:
        for table in (schema.uptime, schema.transitions):
            connection.execute(table.delete())
        rolled = schema.counters.c.name == uptimes.ROLLED
        connection.execute(schema.counters.delete().where(rolled))
    store.publish("api")
    reading, done = H, sorted(rolls)
    begin = CheckState(check="api", hard=H, mark=Mark.NONE, last_at=START)
    store.commit(entry(H, state=begin, transitions=(), result=None, samples=()))
    turn(store, 0, Status.UNKNOWN, H, was=Mark.PENDING)
    for second, to in sorted(dict(turns).items()):
        while done and at(done[0]) < at(second / 3600):
            uptimes.roll(store.slices, at(done.pop(0)))
        turn(store, second / 3600, reading, to)
        reading = to
    uptimes.roll(store.slices, at(6.1))
    rolled = spent(store, 0, 6)

    with store.engine.begin() as connection:
        connection.execute(schema.uptime.delete())

    assert spent(store, 0, 6) == rolled


def test_a_check_that_is_gone_at_the_roll_up_keeps_the_hours_in_which_it_was_watched(
    watched: Store,
) -> None:
    turn(watched, 1.25, H, C)
    turn(watched, 2.5, C, H)
    key = watched.check_id()

    # It would have run again 30 s after its last run.
    watched.publish("another")
    uptimes.roll(watched.slices, at(5.1))

    watched.publish("api")
    found = spent(watched, 1, 4)
    assert found.critical == 1.25 * MS_PER_HOUR
    assert found.healthy == MS_PER_HOUR // 4 + 30_000
    assert found.unmeasured == MS_PER_HOUR // 2 - 30_000
    assert key == watched.check_id()


def test_an_hour_in_which_nobody_measured_is_neither_up_nor_down(watched: Store) -> None:
    watched.journal.record_gap(watched.lease, at(2), at(2 + 24 * 400), "no monitor was running")

    uptimes.roll(watched.slices, at(24 * 400 + 3.1), at(24 * 370))

    found = spent(watched, 0, 24 * 400)
    assert found.unmeasured >= 24 * 30 * MS_PER_HOUR
    assert (found.healthy, found.critical) == (0, 0)
    assert spent(watched, 24 * 399, 24 * 400).percent is None


def test_what_lies_before_the_timelines_is_left_as_it_was_rolled_up(watched: Store) -> None:
    turn(watched, 1.5, H, C)
    uptimes.roll(watched.slices, at(4.1))
    before = spent(watched, 0, 4)

    # The clock goes back for so long that it is believed, and what told of the time is gone.
    uptimes.roll(watched.slices, at(-24 * 300))
    with watched.engine.begin() as connection:
        connection.execute(schema.transitions.delete())
    uptimes.roll(watched.slices, at(5.1), at(4))

    assert spent(watched, 0, 4) == before
