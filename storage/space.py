"""Free pages of an SQLite file go back to the disk, a few at a time."""

from __future__ import annotations

import time
from collections.abc import Callable

from sqlalchemy import Connection, Engine

# So many free pages may stay: the next hours need them again.
SPARE_PAGES = 1_000
# About 2 MB, which takes some milliseconds.
SLICE_PAGES = 500


def give_back(engine: Engine, pause: Callable[[float], None] = time.sleep) -> int:
    """Shrink the file by its free pages but a spare; returns how many went. Postgres cares for itself."""
    if engine.dialect.name != "sqlite":
        return 0
    gone = 0
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        while (free := _free(connection)) > SPARE_PAGES:
            begun = time.perf_counter()
            # It works while its rows are fetched.
            connection.exec_driver_sql(f"PRAGMA incremental_vacuum({SLICE_PAGES})").all()
            left = _free(connection)
            if left >= free:
                break
            gone += free - left
            pause(time.perf_counter() - begun)
    return gone


def _free(connection: Connection) -> int:
    return int(connection.exec_driver_sql("PRAGMA freelist_count").scalar_one())
