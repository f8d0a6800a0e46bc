"""Engines and column types: what a URL may say, what a time must have, how the databases are set."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, insert, inspect
from sqlalchemy.exc import IntegrityError, OperationalError, StatementError

from storage.engine import (
    Json,
    StoreError,
    Utc,
    from_ms,
    is_away,
    open_engine,
    open_existing,
    parse_url,
    reader,
    to_ms,
    upsert,
    version,
)
from storage.schema import counters, gaps, notices
from tests.storage.stores import NOW, Store, after


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("nonsense", "cannot be read: write"),
        ("", "cannot be read: write"),
        ("postgresql://host:port/db", "cannot be read: write"),
        ("mysql://host/db", "names 'mysql': use sqlite or postgresql"),
        ("sqlite://", "names no file"),
        ("sqlite:///:memory:", "names no file"),
    ],
)
def test_a_url_that_can_not_be_used_is_refused_with_a_remedy(url: str, words: str) -> None:
    with pytest.raises(StoreError, match=words):
        parse_url(url)


def test_the_folder_of_the_store_is_made(tmp_path: Path) -> None:
    open_engine(f"sqlite:///{tmp_path / 'a' / 'b' / 'nocturne.db'}").dispose()

    assert (tmp_path / "a" / "b").is_dir()


def test_a_folder_that_can_not_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(StoreError, match=r"the folder of the store, .*file/deeper, cannot be made"):
        open_engine(f"sqlite:///{tmp_path / 'file' / 'deeper' / 'nocturne.db'}")


def test_a_missing_postgres_driver_is_told_with_the_extra_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)

    with pytest.raises(StoreError, match=r'pip install "nocturne\[postgres\]"'):
        open_engine("postgresql://host/db")


def test_sqlite_is_the_bundled_one_without_the_bug_that_corrupts(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path / 'nocturne.db'}")

    name, number = version(engine).split()
    engine.dispose()

    assert name == "SQLite"
    assert tuple(map(int, number.split("."))) > (3, 51, 2)


def test_the_version_of_the_database_is_told(engine: Engine) -> None:
    assert version(engine).startswith(("SQLite 3.", "Postgres "))


def test_an_existing_store_is_opened_whatever_its_folder_is_called(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'odd 100% #1 ü' / 'nocturne.db'}"
    made = open_engine(url)
    with made.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE here (id INTEGER)")
    made.dispose()

    engine = open_existing(url)
    with reader(engine).connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM here").scalar_one() == 0
    engine.dispose()


def test_a_deleted_store_is_never_written_to_nor_made_again(tmp_path: Path) -> None:
    path = tmp_path / "nocturne.db"
    open_engine(f"sqlite:///{path}").connect().close()
    engine = open_existing(f"sqlite:///{path}")
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE here (id INTEGER)")

    path.unlink()

    with pytest.raises(OperationalError, match="unable to open"), engine.begin():
        pass
    engine.dispose()
    assert not path.exists()


def test_a_store_that_was_put_in_the_place_of_another_is_opened_anew(tmp_path: Path) -> None:
    path, other = tmp_path / "nocturne.db", tmp_path / "other.db"
    for each in (path, other):
        engine = open_engine(f"sqlite:///{each}")
        with engine.begin() as connection:
            connection.exec_driver_sql(f"CREATE TABLE {each.stem} (id INTEGER)")
        engine.dispose()
    engine = open_existing(f"sqlite:///{path}")
    with engine.connect():
        pass

    other.replace(path)

    with reader(engine).connect() as connection:
        assert inspect(connection).get_table_names() == ["other"]
    engine.dispose()


def test_sqlite_writes_ahead_and_holds_foreign_keys(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path / 'nocturne.db'}")
    names = ("journal_mode", "foreign_keys", "busy_timeout", "auto_vacuum")

    with reader(engine).connect() as connection:
        found = [connection.exec_driver_sql(f"PRAGMA {name}").scalar_one() for name in names]
    engine.dispose()

    assert found == ["wal", 1, 5000, 2]


def test_reading_goes_on_while_another_writes(store: Store) -> None:
    with store.engine.begin() as writing:
        writing.execute(insert(gaps).values(started=NOW, ended=after(1), reason="r"))

        assert store.count(gaps) == 0

    assert store.count(gaps) == 1


def test_a_second_writer_on_sqlite_waits_and_then_finds_the_store_away(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path / 'nocturne.db'}")

    with engine.begin(), engine.connect() as second:
        second.execution_options(nocturne_read=True)
        second.exec_driver_sql("PRAGMA busy_timeout = 1")
        second.rollback()
        second.execution_options(nocturne_read=False)
        with pytest.raises(OperationalError, match="locked") as refused:
            second.exec_driver_sql("SELECT 1")
    engine.dispose()

    assert is_away(refused.value)


def test_a_row_that_is_refused_does_not_mean_that_the_store_is_away(store: Store) -> None:
    with pytest.raises(IntegrityError) as refused, store.engine.begin() as connection:
        connection.execute(insert(counters).values(name="revision", value=1))

    assert not is_away(refused.value)


def test_a_naive_datetime_is_refused_by_the_store(store: Store) -> None:
    naive = datetime(2026, 3, 1, 12)

    with (
        pytest.raises(StatementError, match="has no time zone: only aware datetimes are stored"),
        store.engine.begin() as connection,
    ):
        connection.execute(insert(gaps).values(started=naive, ended=NOW, reason="r"))

    assert store.count(gaps) == 0


def test_a_time_of_any_zone_comes_back_as_the_same_moment_in_utc(store: Store) -> None:
    tokyo = datetime(2026, 3, 1, 21, tzinfo=timezone(timedelta(hours=9)))
    with store.engine.begin() as connection:
        connection.execute(insert(gaps).values(started=tokyo, ended=tokyo, reason="r"))

    with store.reading() as connection:
        found = connection.scalars(gaps.select().with_only_columns(gaps.c.started)).one()

    assert (found, found.tzinfo) == (NOW, UTC)


@given(st.datetimes(min_value=datetime(1970, 1, 1), timezones=st.just(UTC)))
def test_a_moment_survives_to_the_millisecond(moment: datetime) -> None:
    assert abs(from_ms(to_ms(moment)) - moment) <= timedelta(milliseconds=0.5)
    assert to_ms(from_ms(to_ms(moment))) == to_ms(moment)


def test_nothing_stays_nothing(store: Store) -> None:
    dialect = store.engine.dialect

    for kind in (Utc(), Json()):
        assert kind.process_bind_param(None, dialect) is None
        assert kind.process_result_value(None, dialect) is None


def test_of_rows_with_the_same_key_the_last_wins(store: Store) -> None:
    rows = [{"key": "k", "level": "info", "text": each, "at": NOW} for each in ("first", "last")]

    with store.engine.begin() as connection:
        upsert(connection, notices, rows, ("key",))
        upsert(connection, notices, [], ("key",))
        upsert(connection, notices, rows[:1], ("key", "level", "text", "at")[:1])

    assert [each.text for each in store.readings.board(NOW).notices] == ["first"]
