"""Bring the store to this version's schema: checks it first, backs the SQLite file up, then migrates.

Alembic is imported only here, and this runs in a process that ends: it costs memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, select
from sqlalchemy.exc import DBAPIError, OperationalError

from storage import presence
from storage.backups import back_up
from storage.engine import (
    StoreError,
    file_of,
    open_engine,
    open_untouched,
    parse_url,
    reader,
)
from storage.incident_readings import IncidentReadings
from storage.readings import Readings
from storage.revision import current_revision
from storage.schema import metadata

SCRIPTS = Path(__file__).parent / "migrations"
# What SQLite calls these is no damage of the file: it can't be got at.
# What grows with every run; no process needs all of it.
LARGE = frozenset({"results", "samples", "decisions", "transitions", "audit"})
SCREEN = timedelta(days=1)
LONGEST_REASON = 200
NOT_OPENED = ("unable to open", "locked", "disk i/o error", "readonly", "authorization")


def migrate(
    url: str, now: datetime | None = None, *, scripts: Path = SCRIPTS, anew: bool = False
) -> str | None:
    """Bring the store at `url` to this version; returns the revision it had before, None when new.

    `anew` makes a new store where one is missing that was there before. Raises StoreError when the
    store can't be reached, is missing, is damaged, or was made by a newer version. Nothing is
    changed in these cases. Two migrations at once wait for each other.
    """
    versions = ScriptDirectory(str(scripts))
    head = str(versions.get_current_head())
    path = file_of(url)
    if anew:
        _refuse_to_replace(path)
    # Asked before the store is read: one that is just being made is marked at the end.
    known = path is not None and not anew and presence.was_there(path)
    before = _verify(url, path, versions, head)
    if before is None and known and path is not None:
        raise StoreError(
            f"the store {path} is missing or empty, though there was one: {presence.way_back(path)}"
        )
    if before != head:
        _upgrade(url, path, before, scripts, f"{head}-from-{before}", now or datetime.now(UTC))
    if path is not None:
        presence.mark(path)
    return before


def _refuse_to_replace(path: Path | None) -> None:
    if path is None:
        raise StoreError("--new-store is for SQLite files: make an empty Postgres database instead")
    if not presence.is_missing(path):
        raise StoreError(
            f"there is a file at {path}: move it away before a new store is made there"
        )


def _upgrade(
    url: str, path: Path | None, before: str | None, scripts: Path, step: str, now: datetime
) -> None:
    engine = open_engine(url)
    try:
        if before is not None and path is not None:
            back_up(engine, path, step, now)
        with engine.begin() as connection:
            if engine.dialect.name == "postgresql":
                connection.exec_driver_sql("SELECT pg_advisory_xact_lock(8050)")
            command.upgrade(_config(connection, scripts), "head")
    except DBAPIError as error:
        raise StoreError(
            f"the migration of the store failed ({_first_line(error)}). Nothing was changed."
        ) from error
    finally:
        engine.dispose()


def _verify(url: str, path: Path | None, versions: ScriptDirectory, head: str) -> str | None:
    """The revision of the store. Raises StoreError with one sentence when it must not be touched."""
    if path is not None and presence.is_missing(path):
        return None
    shown = parse_url(url).render_as_string(hide_password=True)
    with _examining(path, shown):
        before, tables = _examine(url, head)
    if before is None and tables:
        raise StoreError(
            f"the database {shown} holds tables that are not Nocturne's ({_line(min(tables))} …): "
            "give Nocturne a database of its own"
        )
    known = {script.revision for script in versions.walk_revisions()}
    if before is not None and before not in known:
        raise StoreError(
            f"the store {shown} was made by a newer version (schema {before}, this version knows "
            f"{head}): install that version, or use another [storage] url"
        )
    return before


@contextmanager
def _examining(path: Path | None, shown: str) -> Iterator[None]:
    """Make one sentence of whatever comes of reading a store that may be damaged. Raises StoreError."""
    try:
        yield
    except StoreError:
        raise
    # Bytes that were flipped raise nearly anything: UnicodeDecodeError, OverflowError, ValueError …
    except Exception as error:
        reason = _reason(error)
        no_access = isinstance(error, OperationalError) and (
            path is None or any(word in reason.lower() for word in NOT_OPENED)
        )
        if no_access or path is None:
            raise StoreError(f"the store {shown} cannot be opened: {reason}") from error
        raise StoreError(
            f"the store {shown} is damaged or not a database ({reason}). It was left as it is: move "
            f"it away, then {presence.way_back(path)}"
        ) from error


def _examine(url: str, head: str) -> tuple[str | None, set[str]]:
    """Revision and tables of a store, once it proved to be whole. Raises anything when it is not."""
    engine = open_untouched(url)
    try:
        with reader(engine).connect() as connection:
            if engine.dialect.name == "sqlite":
                _check_integrity(connection)
            before = current_revision(connection)
            tables = set(inspect(connection).get_table_names())
            if before == head and engine.dialect.name == "sqlite":
                _read_through(connection)
        return before, tables
    finally:
        engine.dispose()


class Damaged(Exception):
    """What SQLite found to be wrong in its file."""


def _check_integrity(connection: Connection) -> None:
    verdict = str(connection.exec_driver_sql("PRAGMA quick_check(1)").scalar_one())
    if verdict != "ok":
        raise Damaged(verdict)


def _read_through(connection: Connection) -> None:
    """Read what the processes read at their start: a flipped bit in a value breaks no tree."""
    for table in metadata.sorted_tables:
        large = table.name in LARGE
        connection.execute(select(table).limit(1) if large else select(table)).all()
    readings, incidents = Readings(connection.engine), IncidentReadings(connection.engine)
    now = datetime.now(UTC)
    readings.board(now)
    readings.timeline(now - SCREEN)
    readings.gaps(now - SCREEN)
    incidents.open()
    incidents.paging()


def _config(connection: Connection, scripts: Path) -> Config:
    config = Config()
    # A per cent sign in the path is the beginning of an interpolation to Alembic.
    config.set_main_option("script_location", str(scripts).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def _reason(error: Exception) -> str:
    """What went wrong, on one line."""
    text = _first_line(error) if isinstance(error, DBAPIError) else str(error)
    return _line(text or type(error).__name__)


def _line(text: str) -> str:
    """A text that may be garbage on one short line."""
    line = "".join(each if each.isprintable() else " " for each in text)
    return " ".join(line.split())[:LONGEST_REASON]


def _first_line(error: DBAPIError) -> str:
    return str(error.orig).strip().splitlines()[0]
