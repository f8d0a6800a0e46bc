"""The copy of an SQLite store that is made before a migration, in `backups/` beside it."""

from __future__ import annotations

import shutil
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from storage.engine import StoreError
from storage.presence import backup_folder, backups

KEPT = 5


def back_up(engine: Engine, path: Path, step: str, now: datetime) -> None:
    """Copy the SQLite file, consistent while in use, and keep the last five copies.

    Raises StoreError when there is no place for it; nothing was changed then.
    """
    folder = backup_folder(path)
    try:
        folder.mkdir(exist_ok=True)
        needed, free = path.stat().st_size, shutil.disk_usage(folder).free
    except OSError as error:
        raise StoreError(
            f"the folder for the backup before the migration, {folder}, cannot be used: "
            f"{error.strerror}. Nothing was changed."
        ) from error
    if free < needed * 1.1:
        raise StoreError(
            f"no room for the backup before the migration: {folder} has {free} bytes free, "
            f"{needed} are needed. Nothing was changed."
        )
    target = folder / f"{path.stem}-before-{step}-{now:%Y%m%dT%H%M%SZ}.db"
    # Only a whole copy gets the name of a backup, and pushes an older one out.
    part = target.with_suffix(".part")
    _copy(engine, part)
    part.replace(target)
    for old in backups(path)[:-KEPT]:
        old.unlink()


def _copy(engine: Engine, part: Path) -> None:
    import pysqlite3.dbapi2

    source: Any = engine.raw_connection()
    copy = pysqlite3.dbapi2.connect(str(part))
    try:
        source.driver_connection.backup(copy)
    except pysqlite3.dbapi2.Error as error:
        part.unlink(missing_ok=True)
        raise StoreError(
            f"the backup before the migration failed: {error}. Nothing was changed."
        ) from error
    finally:
        copy.close()
        source.close()
