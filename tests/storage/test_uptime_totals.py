"""Running totals tell of every stretch what its hours tell, whatever befell checks, clock and child."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, func, select

from domain.facts import Mark, Status
from domain.ladder import DAY, HOUR, ladder
from domain.uptime import COLUMNS, Spent
from storage import schema, uptime_totals, uptimes
from storage.engine import reader, to_ms
from storage.retention import retain
from storage.slices import Slices, repeat
from tests.storage.stores import C, H, Store, entry
from tests.storage.test_uptimes import START, at, turn

FIRST = to_ms(START) // 3_600_000
READS = st.sampled_from(
    [
        (H, Mark.NONE),
        (C, Mark.NONE),
        (Status.WARNING, Mark.NONE),
        (C, Mark.MAINTENANCE),
        (Status.UNKNOWN, Mark.BLOCKED),
        (Status.UNKNOWN, Mark.PAUSED),
    ]
)
# What happens after how many hours: it reads something else, nobody measures for some hours, it is
# removed or there again, and it is rolled up: by a clock that may be behind, by a child that may end
# after some slices.
EVENTS = st.lists(
    st.tuples(
        st.floats(0.1, 30),
        st.one_of(
            READS,
            st.tuples(st.just("gap"), st.integers(1, 40)),
            st.tuples(st.just("late"), st.floats(0.1, 5)),
            st.just(("published", "")),
            st.tuples(st.just("rolled"), st.tuples(st.integers(-30, 0), st.integers(1, 40))),
        ),
    ),
    max_size=12,
)


class Ended(Exception):
    """The child that rolls up was killed."""


@contextmanager
def reading(store: Store) -> Iterator[Connection]:
    with reader(store.engine).connect() as connection:
        yield connection


def empty(store: Store) -> None:
    with store.engine.begin() as connection:
        for table in (schema.uptime, schema.uptime_totals, schema.transitions, schema.gaps):
            connection.execute(table.delete())
        noted = schema.counters.c.name.in_([uptimes.ROLLED, uptime_totals.TOTALLED])
        connection.execute(schema.counters.delete().where(noted))


def roll(store: Store, hours: float, slices_left: int) -> None:
    def pause(_: float) -> None:
        nonlocal slices_left
        slices_left -= 1
        if not slices_left:
            raise Ended

    with suppress(Ended):
        uptimes.roll(Slices(store.engine, store.lease, first=1, most=1, pause=pause), at(hours))


def by_hours(store: Store) -> dict[int, dict[int, Spent]]:
    """What each hour tells of each check."""
    table = schema.uptime
    with reading(store) as connection:
        rows = connection.execute(select(table).where(table.c.step == HOUR)).mappings().all()
    found: dict[int, dict[int, Spent]] = {}
    for row in rows:
        found.setdefault(row["bucket"], {})[row["check_id"]] = Spent(*(row[c] for c in COLUMNS))
    return found


def naive(hours: dict[int, dict[int, Spent]], first: int, last: int) -> dict[int, Spent]:
    found: dict[int, Spent] = {}
    for hour in range(first, last):
        for key, times in hours.get(hour, {}).items():
            found[key] = found.get(key, Spent()) + times
    return found


def some(found: dict[int, Spent]) -> dict[int, Spent]:
    """Without checks of which nothing is told: a total also knows those that came before or later."""
    return {key: times for key, times in found.items() if times != Spent()}


def befall(store: Store, events: list[tuple[float, tuple[object, object]]]) -> float:
    """Have it happen; the hours from the start to the end."""
    now, reads = 0.0, (H, Mark.NONE)
    for hours, (what, more) in events:
        now += hours
        if isinstance(what, Status) and isinstance(more, Mark):
            turn(store, now, reads[0], what, more, was=reads[1])
            reads = what, more
        elif what == "late" and isinstance(more, float):
            # A result from before the newest one, as after a store that was away.
            turn(store, max(0.0, now - more), reads[0], reads[0], reads[1], was=reads[1])
        elif what == "gap" and isinstance(more, int):
            store.journal.record_gap(store.lease, at(now), at(now + more), "no monitor was running")
            now += more
        elif what == "published":
            store.publish("other")
            store.publish("api")
        elif isinstance(more, tuple):
            roll(store, now + more[0], more[1])
    return now


@given(
    EVENTS, st.lists(st.tuples(st.integers(0, 400), st.integers(1, 400)), min_size=5, max_size=5)
)
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_totals_tell_what_the_hours_tell(
    store: Store,
    events: list[tuple[float, tuple[object, object]]],
    asked: list[tuple[int, int]],
) -> None:
    empty(store)
    store.publish("api")
    turn(store, 0, Status.UNKNOWN, H, was=Mark.PENDING)

    now = befall(store, events)
    uptimes.roll(store.slices, at(now + 1.1))

    hours, last = by_hours(store), FIRST + int(now + 1.1 - 2 / 60)
    with reading(store) as connection:
        for start, length in [(0, 400), *asked]:
            first, until = min(FIRST + start, last), min(FIRST + start + length, last)
            found = uptimes.rolled(connection, first, until)
            assert some(found) == some(naive(hours, first, until))
        assert uptime_totals.between(connection, FIRST, last) is not None or last == FIRST


def test_a_month_of_many_checks_is_two_rows_each(store: Store) -> None:
    store.publish("api", "other")
    turn(store, 0, Status.UNKNOWN, H, was=Mark.PENDING)
    uptimes.roll(store.slices, at(24 * 40 + 7.5))

    with reading(store) as connection:
        query = select(schema.uptime_totals.c.hour, func.count()).group_by("hour")
        rows = {row.hour: row[1] for row in connection.execute(query)}

    assert sorted(rows) == [*(FIRST + 24 * day for day in range(1, 41)), FIRST + 24 * 40 + 7]
    assert set(rows.values()) == {2}


def test_a_store_of_before_there_were_totals_gets_them_with_the_next_round(store: Store) -> None:
    store.publish("api")
    turn(store, 0, Status.UNKNOWN, H, was=Mark.PENDING)
    turn(store, 30, H, C)
    turn(store, 31.5, C, H)
    uptimes.roll(store.slices, at(24 * 5 + 3.1))
    with store.engine.begin() as connection:
        connection.execute(schema.uptime_totals.delete())
        noted = schema.counters.c.name == uptime_totals.TOTALLED
        connection.execute(schema.counters.delete().where(noted))
    with reading(store) as connection:
        assert uptime_totals.between(connection, FIRST, FIRST + 48) is None
        before = uptimes.rolled(connection, FIRST, FIRST + 24 * 5 + 3)

    uptimes.roll(store.slices, at(24 * 5 + 4.1))

    with reading(store) as connection:
        assert uptime_totals.between(connection, FIRST, FIRST + 48) is not None
        assert uptimes.rolled(connection, FIRST, FIRST + 24 * 5 + 3) == before
    assert before[store.check_id()].critical == 1.5 * 3_600_000


def test_totals_are_exact_when_what_they_are_made_of_is_past_its_days(store: Store) -> None:
    store.publish("api")
    turn(store, 0, Status.UNKNOWN, H, was=Mark.PENDING)
    for day in range(12):
        turn(store, 24 * day + 5, H, C)
        turn(store, 24 * day + 6, C, H)
    uptimes.roll(store.slices, at(24 * 12 + 0.1))
    now = START + timedelta(days=12, hours=1)

    # Days are kept five times as long as hours: from the second day on.
    repeat(lambda: retain(store.slices, now, ladder(1, 2)))

    with reading(store) as connection:
        found = uptimes.rolled(connection, FIRST, FIRST + 24 * 12)[store.check_id()]
        days = select(func.count()).where(schema.uptime.c.step == DAY)
        assert connection.scalar(days) == 10
        assert uptime_totals.between(connection, FIRST, FIRST + 24 * 12) is not None
    assert found.critical == 10 * 3_600_000


def test_a_result_of_now_does_not_wait_for_totals(store: Store) -> None:
    store.publish("api")
    store.commit(entry(H, transitions=(), result=None, samples=()))
    turn(store, 0, Status.UNKNOWN, H, was=Mark.PENDING)
    uptimes.roll(store.slices, at(49.1))
    turn(store, 49.25, H, C)

    found = uptimes.read(store.engine, at(0), at(49.75))[store.check_id()]

    assert found.critical == 1_800_000
    assert found.healthy == 49.25 * 3_600_000
