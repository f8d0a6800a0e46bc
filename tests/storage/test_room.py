"""Whether there is room beside a store is found out on the disk itself."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError

from storage.engine import is_away, is_full, open_engine
from storage.migrate import migrate
from storage.room import Obstacle, obstacle
from tests.faults.small import Small, small

__all__ = ["small"]

MUCH = "INSERT INTO much VALUES (randomblob(3000000))"


def test_where_there_is_room_nothing_is_in_the_way_and_nothing_is_left_behind(
    tmp_path: Path,
) -> None:
    assert obstacle(tmp_path / "n.db") is None
    assert list(tmp_path.iterdir()) == []


def test_a_database_server_and_a_folder_that_is_gone_say_nothing(tmp_path: Path) -> None:
    assert obstacle(None) is None
    assert obstacle(tmp_path / "none" / "n.db") is None


def test_a_full_disk_is_told_as_long_as_it_is_full(small: Small) -> None:
    store = small.folder / "n.db"

    small.fill()
    assert obstacle(store) is Obstacle.FULL
    assert "is full" in Obstacle.FULL.text

    small.free()
    assert obstacle(store) is None


def test_a_disk_that_is_read_only_is_told(small: Small) -> None:
    small.remount("ro")

    assert obstacle(small.folder / "n.db") is Obstacle.READ_ONLY


def test_what_sqlite_says_of_a_full_disk_means_that_it_is_full(small: Small) -> None:
    url = f"sqlite:///{small.folder / 'n.db'}"
    migrate(url)
    engine = open_engine(url)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE much (it BLOB)")
    small.fill()

    with pytest.raises(OperationalError) as raised, engine.begin() as connection:
        connection.exec_driver_sql(MUCH)

    engine.dispose()
    assert is_away(raised.value)
    assert is_full(raised.value)


def test_a_limit_of_the_file_itself_is_a_full_store(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path / 'n.db'}")

    with engine.connect() as connection:
        connection.exec_driver_sql("CREATE TABLE much (it BLOB)")
        connection.exec_driver_sql("PRAGMA max_page_count = 10")
        with pytest.raises(OperationalError) as raised:
            connection.exec_driver_sql(MUCH)

    engine.dispose()
    assert is_full(raised.value)
