"""Watching the change counter on a connection that stays open, also when the store goes away."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import psycopg
import pytest
from sqlalchemy.exc import DBAPIError

from storage import counters
from storage.commands import request
from storage.engine import is_away, open_engine
from storage.watch import FALLBACK_S, RECONNECT_S, CounterWatch, listen
from tests.storage.stores import Store, after
from tests.waiting import wait_for

# Only Postgres can tell, and only a connection to it can be cut.
ON_POSTGRES = pytest.mark.parametrize("url", ["postgres"], indirect=True)
ON_SQLITE = pytest.mark.parametrize("url", ["sqlite"], indirect=True)


def test_the_counter_is_seen_to_move(store: Store) -> None:
    watch = CounterWatch(store.engine, counters.CHANGES)
    before = watch.poll()

    request(store.engine, "check", "api", actor="ann", now=after(0))

    assert (watch.poll(), watch.poll()) == (before + 1, before + 1)
    watch.close()


def test_watching_holds_up_no_writer(store: Store) -> None:
    watch = CounterWatch(store.engine, counters.CHANGES)
    watch.poll()

    store.beat(1)

    assert watch.poll() == 0
    watch.close()


def test_a_watch_can_be_closed_twice_and_used_again(store: Store) -> None:
    watch = CounterWatch(store.engine, counters.CHANGES)
    watch.close()
    watch.poll()
    watch.close()
    watch.close()

    assert watch.poll() == 0
    watch.close()


@ON_POSTGRES
def test_a_connection_cut_by_postgres_is_told_as_away_and_made_anew(
    store: Store, postgres_server: str
) -> None:
    watch = CounterWatch(store.engine, counters.CHANGES)
    watch.poll()
    cut(store, postgres_server)

    with pytest.raises(DBAPIError) as told:
        watch.poll()

    assert is_away(told.value)
    assert watch.poll() == 0
    watch.close()


def test_a_store_that_can_not_be_reached_is_told_as_away() -> None:
    engine = open_engine("postgresql://127.0.0.1:1/nocturne")
    watch = CounterWatch(engine, counters.CHANGES)

    with pytest.raises(DBAPIError) as told:
        watch.poll()

    assert is_away(told.value)
    watch.close()
    engine.dispose()


def cut(store: Store, server: str) -> None:
    """Have Postgres end all connections to the store."""
    query = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(query, [store.engine.url.database])


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def woken() -> threading.Event:
    return threading.Event()


@pytest.fixture
def listening(store: Store, clock: Clock, woken: threading.Event) -> Iterator[CounterWatch]:
    """A watch that listens, and has read the counter."""
    watch = CounterWatch(store.engine, counters.CHANGES, clock)
    watch.listen(woken.set)
    wait_for(lambda: watch.is_hearing and woken.is_set(), 20)
    watch.poll()
    woken.clear()
    yield watch
    watch.close()


def count_up_untold(store: Store) -> None:
    """The counter moves and nobody is told: as what is not heard looks like."""
    with store.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE counters SET value = value + 1")


@ON_POSTGRES
def test_postgres_tells_who_listens_and_the_counter_is_read_at_once(
    listening: CounterWatch, store: Store, woken: threading.Event
) -> None:
    request(store.engine, "check", "api", actor="ann", now=after(0))

    assert woken.wait(20)
    assert listening.poll() == 1


@ON_POSTGRES
def test_only_the_watched_counter_wakes_and_only_once_it_is_committed(
    store: Store,
) -> None:
    heard: list[int] = []
    listener = listen(store.engine, counters.CHANGES, lambda: heard.append(1))
    assert listener is not None
    wait_for(lambda: heard == [1], 20)

    store.publish("api")
    with store.engine.connect() as connection:
        counters.bump(connection, counters.CHANGES)
        connection.rollback()
    request(store.engine, "check", "api", actor="ann", now=after(0))

    # They are told in the order of their commits: nothing can be on its way after this one.
    wait_for(lambda: len(heard) > 1, 20)
    assert heard == [1, 1]
    listener.close()


@ON_POSTGRES
def test_who_listens_asks_only_now_and_then(
    listening: CounterWatch, store: Store, clock: Clock
) -> None:
    count_up_untold(store)

    clock.now = FALLBACK_S - 0.1
    before = listening.poll()
    clock.now = FALLBACK_S

    assert (before, listening.poll()) == (0, 1)


@ON_POSTGRES
def test_without_its_listener_a_watch_asks_at_each_poll_until_it_listens_again(
    listening: CounterWatch, store: Store, postgres_server: str, woken: threading.Event
) -> None:
    cut(store, postgres_server)
    wait_for(lambda: not listening.is_hearing, 20)

    with pytest.raises(DBAPIError):
        listening.poll()
    count_up_untold(store)
    assert listening.poll() == 1

    # Told anew when it listens again: something may have been missed.
    assert woken.wait(RECONNECT_S + 20)
    wait_for(lambda: listening.is_hearing, 20)


@ON_POSTGRES
def test_a_listener_ends_with_its_watch(listening: CounterWatch) -> None:
    listening.close()

    names = {each.name for each in threading.enumerate()}
    assert "listener" not in names
    assert not listening.is_hearing


@ON_SQLITE
def test_sqlite_can_not_tell_and_is_asked_each_time(store: Store, clock: Clock) -> None:
    watch = CounterWatch(store.engine, counters.CHANGES, clock)
    watch.listen(pytest.fail)
    before = watch.poll()

    count_up_untold(store)

    assert (before, watch.poll(), watch.is_hearing) == (0, 1, False)
    watch.close()
