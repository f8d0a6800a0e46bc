"""Backups of an SQLite store while it is in use: before a migration, daily, and when asked for.

A copy is made by SQLite's backup interface in small steps, all of one read transaction. In WAL mode
that holds no writer up, what is written meanwhile does not begin it anew (as it does without a
transaction), and the pauses leave the disk to others. VACUUM INTO knows no pauses.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from storage import presence
from storage.engine import StoreDamaged, StoreError, is_damaged

# How many copies from before migrations are kept, and for how many weeks one of the daily ones.
KEPT = 5
WEEKS = 4
DAILY = timedelta(hours=24)
DAYS = 7
# A quarter of a megabyte, then a pause; each 8 MB go to the disk before more come, so that no
# flood of them delays a commit.
STEP_PAGES = 64
PAUSE_S = 0.003
FLUSH_STEPS = 32
# What must be left on the disk for the store itself.
SPARE = 20_000_000
ABANDONED = timedelta(hours=6)


class NoRoom(StoreError):
    """A disk has too little space left for a copy of the store."""


def back_up(
    engine: Engine, path: Path, step: str, now: datetime, folder: Path | None = None
) -> Path:
    """Copy the SQLite file before a migration, and keep the last five such copies.

    `folder` is where backups go, if not beside the store. Raises StoreError when there is no place
    for it; nothing was changed then.
    """
    place = presence.backup_folder(path, folder)
    target = place / f"{path.stem}-before-{step}-{now:{presence.TIME_FORMAT}}.db"
    try:
        _make(engine, path, target, "backup before the migration")
    except StoreDamaged:
        raise
    except StoreError as error:
        raise StoreError(f"{error}. Nothing was changed.") from error
    others = [each for each in presence.backups(path, folder) if "-before-" in each.name]
    others.remove(target)
    _forget(others[: 1 - KEPT])
    return target


def daily(
    engine: Engine,
    path: Path | None,
    now: datetime,
    *,
    days: int = DAYS,
    folder: Path | None = None,
) -> Path | None:
    """Make the daily backup if the last one is 24 h old, and let old ones go; None: not due yet.

    The `days` newest are kept, and of the older ones the first of each week, for four weeks; with 0
    there are none. A database server (`path` is None) has none either. Raises StoreError when there
    is no room, and StoreDamaged when the copy does not pass SQLite's check; nothing is left behind
    then, and no older one goes.
    """
    if path is None or not days or not is_due(path, now, folder):
        return None
    place = presence.backup_folder(path, folder)
    _sweep(path, place, now)
    target = place / f"{path.stem}-{now:{presence.TIME_FORMAT}}-daily.db"
    _make(engine, path, target, "daily backup")
    _forget(outlived(_daily(path, folder), days))
    return target


def by_hand(engine: Engine, path: Path, now: datetime, *, folder: Path | None = None) -> Path:
    """Make a backup now. Nothing but people removes it. Raises StoreError like `daily`."""
    place = presence.backup_folder(path, folder)
    target = place / f"{path.stem}-{now:{presence.TIME_FORMAT}}-by-hand.db"
    _make(engine, path, target, "backup")
    return target


def is_due(path: Path, now: datetime, folder: Path | None = None) -> bool:
    """Whether no daily backup is younger than 24 h. Those from a clock gone wrong don't count."""
    times = [presence.made_at(each) for each in _daily(path, folder)]
    return not any(now - DAILY < made <= now + presence.CLOCKS_DIFFER for made in times)


def outlived(daily: list[Path], days: int) -> list[Path]:
    """Which of the daily backups, oldest first, have had their time."""
    weeks: dict[tuple[int, int], Path] = {}
    for each in daily[:-days]:
        year, week, _ = presence.made_at(each).isocalendar()
        weeks.setdefault((year, week), each)
    kept = {weeks[week] for week in sorted(weeks)[-WEEKS:]}
    return [each for each in daily[:-days] if each not in kept]


def flaw(copy: Path) -> str | None:
    """What SQLite finds to be wrong in a file that nobody writes to; None when it is whole."""
    import pysqlite3.dbapi2

    # As a file that can't change it needs no log beside it.
    uri = f"file:{quote(str(copy))}?mode=ro&immutable=1"
    try:
        connection = pysqlite3.dbapi2.connect(uri, uri=True)
        try:
            verdict = str(connection.execute("PRAGMA quick_check(1)").fetchone()[0])
        finally:
            connection.close()
    # Flipped bytes raise nearly anything.
    except Exception as error:
        return str(error) or type(error).__name__
    return None if verdict == "ok" else verdict


def sync(path: Path) -> None:
    """Have a file, or the entries of a folder, on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def require_room(place: Path, needed: int, what: str) -> None:
    """Make sure that a folder has so many bytes to spare. Raises NoRoom, or OSError."""
    free = shutil.disk_usage(place).free
    if free < needed * 1.1 + SPARE:
        raise NoRoom(
            f"no room for the {what}: {place} has {free / 1e6:,.0f} MB free, "
            f"{(needed * 1.1 + SPARE) / 1e6:,.0f} MB are needed"
        )


def size(path: Path) -> int:
    """The bytes of a store with its log."""
    log = Path(f"{path.resolve()}-wal")
    return path.stat().st_size + (log.stat().st_size if log.exists() else 0)


def _make(engine: Engine, path: Path, target: Path, what: str) -> None:
    """Copy the store to `target`: it gets this name only once it is whole and on the disk."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        require_room(target.parent, size(path), what)
    except OSError as error:
        raise StoreError(
            f"the folder for the {what}, {target.parent}, cannot be used: {error.strerror}"
        ) from error
    part = target.with_suffix(".part")
    try:
        _copy(engine, part)
        if (reason := flaw(part)) is not None:
            raise StoreDamaged(path, reason)
        sync(part)
        part.replace(target)
        sync(target.parent)
    except (SQLAlchemyError, OSError) as error:
        if isinstance(error, DBAPIError) and is_damaged(error):
            raise StoreDamaged(path, _reason(error)) from error
        raise StoreError(f"the {what} to {target.parent} failed: {_reason(error)}") from error
    finally:
        part.unlink(missing_ok=True)


def _copy(engine: Engine, part: Path) -> None:
    """Copy all pages as of one moment. Raises DBAPIError and OSError."""
    driver: Any = engine.dialect.loaded_dbapi
    source = engine.raw_connection()
    connection: Any = source.driver_connection
    copy = driver.connect(str(part), isolation_level=None)
    try:
        # There is nothing to go back to: a copy that was cut short is removed.
        copy.execute("PRAGMA journal_mode = OFF")
        copy.execute("PRAGMA synchronous = OFF")
        with _open(part) as descriptor, _snapshot(connection):
            connection.backup(copy, pages=STEP_PAGES, progress=_Pace(descriptor))
    except driver.Error as error:
        raise DBAPIError("backup", None, error) from error
    finally:
        copy.close()
        source.close()


class _Pace:
    """Called after each step of a copy: pauses, and now and then waits for the disk."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._steps = 0

    def __call__(self, status: int, remaining: int, total: int) -> None:
        self._steps += 1
        if self._steps % FLUSH_STEPS == 0:
            os.fsync(self._descriptor)
        if remaining:
            time.sleep(PAUSE_S)


@contextlib.contextmanager
def _snapshot(connection: Any) -> Iterator[None]:
    """See the store as it is now until the end, whoever writes."""
    connection.execute("BEGIN")
    try:
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        yield
    finally:
        connection.execute("ROLLBACK")


@contextlib.contextmanager
def _open(path: Path) -> Iterator[int]:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _daily(path: Path, folder: Path | None) -> list[Path]:
    return [each for each in presence.backups(path, folder) if each.stem.endswith("-daily")]


def _sweep(path: Path, place: Path, now: datetime) -> None:
    """Remove what copies that were killed left behind."""
    for part in place.glob(f"{path.stem}-*.part*"):
        if now - presence.made_at(part) > ABANDONED:
            _forget([part])


def _forget(backups: list[Path]) -> None:
    for each in backups:
        # One that can't be removed is tried again with the next one that is due.
        with contextlib.suppress(OSError):
            each.unlink()


def _reason(error: SQLAlchemyError | OSError) -> str:
    if isinstance(error, OSError):
        return error.strerror or str(error)
    return str(error.orig if isinstance(error, DBAPIError) else error).strip()
