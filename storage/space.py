"""Free pages of an SQLite file go back to the disk, a few at a time."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from sqlalchemy import Engine

# So many free pages may stay: the next hours need them again.
SPARE_PAGES = 1_000
# About 2 MB, which takes some milliseconds.
SLICE_PAGES = 500


def give_back(engine: Engine, pause: Callable[[float], None] = time.sleep) -> int:
    """Shrink the file by its free pages but a spare; returns how many went. Postgres cares for itself."""
    if engine.dialect.name != "sqlite":
        return 0
    # The driver's own connection: through SQLAlchemy all of it would be one transaction.
    borrowed = engine.raw_connection()
    try:
        return _shrink(borrowed.driver_connection, pause)
    finally:
        borrowed.close()


def _shrink(driver: Any, pause: Callable[[float], None]) -> int:
    gone = 0
    while (free := _free(driver)) > SPARE_PAGES:
        begun = time.perf_counter()
        # It works while its rows are fetched.
        driver.execute(f"PRAGMA incremental_vacuum({SLICE_PAGES})").fetchall()
        left = _free(driver)
        if left >= free:
            break
        gone += free - left
        pause(time.perf_counter() - begun)
    return gone


def _free(driver: Any) -> int:
    return int(driver.execute("PRAGMA freelist_count").fetchone()[0])
