"""Whether a store can be used: it is whole, Nocturne's own, and of a version that is known."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import Connection, inspect, select
from sqlalchemy.exc import DBAPIError, OperationalError

from storage import presence
from storage.engine import StoreError, file_of, open_untouched, parse_url, reader
from storage.incident_readings import IncidentReadings
from storage.readings import Readings
from storage.revision import current_revision
from storage.schema import metadata

# What grows with every run; no process needs all of it.
LARGE = frozenset(
    {"results", "samples", "chunks", "rollups", "uptime", "decisions", "transitions", "audit"}
)
SCREEN = timedelta(days=1)
LONGEST_REASON = 200
# What SQLite calls these is no damage of the file: it can't be got at.
NOT_OPENED = ("unable to open", "locked", "disk i/o error", "readonly", "authorization")


class Unusable(StoreError):
    """The SQLite file is damaged; `what` says how, as the rest of a sentence about the store."""

    def __init__(self, shown: str, what: str) -> None:
        super().__init__(f"the store {shown} {what}")
        self.what = what


class Damaged(Exception):
    """What SQLite found to be wrong in its file."""


def examine(url: str, known: Collection[str], head: str) -> str | None:
    """The revision of the store, of those that are `known`; None for one that is still empty.

    Raises Unusable when the file is damaged, StoreError with one sentence when it must not be
    touched for another reason. Nothing is changed in it.
    """
    path = file_of(url)
    if path is not None and presence.is_missing(path):
        return None
    shown = parse_url(url).render_as_string(hide_password=True)
    with _examining(path, shown):
        before, tables = _look(url, head)
    if before is None and tables:
        raise StoreError(
            f"the database {shown} holds tables that are not Nocturne's ({_line(min(tables))} …): "
            "give Nocturne a database of its own"
        )
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
        reason = reason_of(error)
        no_access = isinstance(error, OperationalError) and (
            path is None or any(word in reason.lower() for word in NOT_OPENED)
        )
        if no_access or path is None:
            raise StoreError(f"the store {shown} cannot be opened: {reason}") from error
        raise Unusable(shown, f"is damaged or not a database ({reason})") from error


def _look(url: str, head: str) -> tuple[str | None, set[str]]:
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


def reason_of(error: Exception) -> str:
    """What went wrong, on one short line, however garbled."""
    text = str(error.orig).strip() if isinstance(error, DBAPIError) else str(error)
    first = text.splitlines()[0] if isinstance(error, DBAPIError) and text else text
    return _line(first or type(error).__name__)


def _line(text: str) -> str:
    """A text that may be garbage on one short line."""
    line = "".join(each if each.isprintable() else " " for each in text)
    return " ".join(line.split())[:LONGEST_REASON]
