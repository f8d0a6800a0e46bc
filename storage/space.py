"""Free pages of an SQLite file go back to the disk, a few at a time."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection

from storage.engine import reader
from storage.slices import Slices

# So many free pages may stay: the next hours need them again.
SPARE_PAGES = 1_000


def give_back(slices: Slices) -> int:
    """Shrink the file by its free pages but a spare; returns how many went. Postgres cares for itself.

    A piece of `slices` is a page. Raises LeadershipLost.
    """
    if slices.engine.dialect.name != "sqlite":
        return 0
    gone = 0
    while (free := _free(slices)) > SPARE_PAGES:
        with slices.lock() as connection:
            driver: Any = connection.connection.driver_connection
            # It works while its rows are fetched, and SQLAlchemy sees none: they have no columns.
            driver.execute(f"PRAGMA incremental_vacuum({slices.size})").fetchall()
            left = _count(connection)
        if left >= free:
            break
        gone += free - left
    return gone


def _free(slices: Slices) -> int:
    with reader(slices.engine).connect() as connection:
        return _count(connection)


def _count(connection: Connection) -> int:
    return int(connection.exec_driver_sql("PRAGMA freelist_count").scalar_one())
