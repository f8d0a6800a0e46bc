"""Bring the store to this version's schema: checks it first, backs the SQLite file up, then migrates.

Alembic is imported only here, and this runs in a process that ends: it costs memory.
"""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, inspect
from sqlalchemy.exc import DatabaseError, OperationalError

from storage.engine import StoreError, open_engine, open_untouched, parse_url
from storage.revision import current_revision

BACKUPS_KEPT = 5
SCRIPTS = Path(__file__).parent / "migrations"


def migrate(url: str, now: datetime | None = None, *, scripts: Path = SCRIPTS) -> str | None:
    """Bring the store at `url` to this version; returns the revision it had before, None when new.

    Raises StoreError when the store can't be reached, is damaged, or was made by a newer version.
    Nothing is changed in these cases. Two migrations at once wait for each other.
    """
    versions = ScriptDirectory(str(scripts))
    head = str(versions.get_current_head())
    before = _verify(url, versions, head)
    if before == head:
        return before
    engine = open_engine(url)
    try:
        if before is not None and engine.dialect.name == "sqlite":
            path = Path(str(parse_url(url).database))
            _back_up(engine, path, f"{head}-from-{before}", now or datetime.now(UTC))
        with engine.begin() as connection:
            if engine.dialect.name == "postgresql":
                connection.exec_driver_sql("SELECT pg_advisory_xact_lock(8050)")
            command.upgrade(_config(connection, scripts), "head")
        return before
    finally:
        engine.dispose()


def _verify(url: str, versions: ScriptDirectory, head: str) -> str | None:
    """The revision of the store. Raises StoreError with one sentence when it must not be touched."""
    shown = parse_url(url).render_as_string(hide_password=True)
    engine = open_untouched(url)
    try:
        with engine.connect() as connection:
            if engine.dialect.name == "sqlite":
                _check_integrity(connection, shown)
            before = current_revision(connection)
            tables = set(inspect(connection).get_table_names())
    except OperationalError as error:
        raise StoreError(f"the store {shown} cannot be opened: {_first_line(error)}") from error
    except DatabaseError as error:
        raise StoreError(
            f"the store {shown} is damaged or not a database ({_first_line(error)}). It was left as "
            "it is: move it away, then restore a backup or start with an empty store."
        ) from error
    finally:
        engine.dispose()
    if before is None and tables:
        raise StoreError(
            f"the database {shown} holds tables that are not Nocturne's ({min(tables)} …): "
            "give Nocturne a database of its own"
        )
    known = {script.revision for script in versions.walk_revisions()}
    if before is not None and before not in known:
        raise StoreError(
            f"the store {shown} was made by a newer version (schema {before}, this version knows "
            f"{head}): install that version, or use another [storage] url"
        )
    return before


def _check_integrity(connection: Connection, shown: str) -> None:
    verdict = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar_one()
    if verdict != "ok":
        raise StoreError(
            f"the store {shown} is damaged ({str(verdict).splitlines()[0]}). It was left as it is: "
            "move it away, then restore a backup or start with an empty store."
        )


def _back_up(engine: Engine, path: Path, step: str, now: datetime) -> None:
    """Copy the SQLite file, consistent while in use, to `backups/` beside it; keeps the last five."""
    folder = path.parent / "backups"
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
    for old in sorted(folder.glob(f"{path.stem}-before-*.db"), key=_age)[:-BACKUPS_KEPT]:
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


def _age(path: Path) -> float:
    return path.stat().st_mtime


def _config(connection: Connection, scripts: Path) -> Config:
    config = Config()
    # A per cent sign in the path is the beginning of an interpolation to Alembic.
    config.set_main_option("script_location", str(scripts).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def _first_line(error: DatabaseError) -> str:
    return str(error.orig).strip().splitlines()[0]
