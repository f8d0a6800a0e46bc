"""Watching the change counter on a connection that stays open, also when the store goes away."""

from __future__ import annotations

import psycopg
import pytest
from sqlalchemy.exc import DBAPIError

from storage.commands import request
from storage.engine import is_away, open_engine
from storage.watch import CounterWatch
from tests.storage.stores import Store, after


def test_the_counter_is_seen_to_move(store: Store) -> None:
    watch = CounterWatch(store.engine)
    before = watch.poll()

    request(store.engine, "check", "api", actor="ann", now=after(0))

    assert (watch.poll(), watch.poll()) == (before + 1, before + 1)
    watch.close()


def test_watching_holds_up_no_writer(store: Store) -> None:
    watch = CounterWatch(store.engine)
    watch.poll()

    store.beat(1)

    assert watch.poll() == 0
    watch.close()


def test_a_watch_can_be_closed_twice_and_used_again(store: Store) -> None:
    watch = CounterWatch(store.engine)
    watch.close()
    watch.poll()
    watch.close()
    watch.close()

    assert watch.poll() == 0
    watch.close()


def test_a_connection_cut_by_postgres_is_told_as_away_and_made_anew(
    store: Store, postgres_server: str
) -> None:
    if store.engine.dialect.name == "sqlite":
        return  # nothing can cut a connection to a file
    watch = CounterWatch(store.engine)
    watch.poll()
    query = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s"
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute(query, [store.engine.url.database])

    with pytest.raises(DBAPIError) as told:
        watch.poll()

    assert is_away(told.value)
    assert watch.poll() == 0
    watch.close()


def test_a_store_that_can_not_be_reached_is_told_as_away() -> None:
    engine = open_engine("postgresql://127.0.0.1:1/nocturne")
    watch = CounterWatch(engine)

    with pytest.raises(DBAPIError) as told:
        watch.poll()

    assert is_away(told.value)
    watch.close()
    engine.dispose()
