"""Bring the store to this version's schema: checks it first, backs the SQLite file up, then migrates.

One that is damaged or gone comes back from the last backup. Alembic is imported only here, and this
runs in a process that ends: it costs memory.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from storage import occupancy, presence
from storage.backups import back_up
from storage.engine import StoreError, file_of, open_engine
from storage.examine import Unusable, examine
from storage.restoring import NoGoodBackup, Restoration

SCRIPTS = Path(__file__).parent / "migrations"
MISSING = "is missing or empty, though there was one"
BY_HAND = "was replaced by an operator"

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rescue:
    """What is done about a store that is lost: whether it is restored, and where backups lie.

    `folder` is None where they lie beside the store. `say` is told what was done.
    """

    restores: bool = True
    folder: Path | None = None
    say: Say = lambda _: None


def migrate(
    url: str,
    now: datetime | None = None,
    *,
    scripts: Path = SCRIPTS,
    anew: bool = False,
    rescue: Rescue = Rescue(),
) -> str | None:
    """Bring the store at `url` to this version; returns the revision it had before, None when new.

    `anew` makes a new store where one is missing that was there before; otherwise that one, like
    a damaged one, is restored from the newest backup that can be used. Raises StoreError when the
    store can't be reached, can't be restored, or was made by a newer version. Nothing is changed
    in these cases. Two migrations at once wait for each other.
    """
    versions, path, now = Versions(scripts), file_of(url), now or datetime.now(UTC)
    if anew:
        _refuse_to_replace(path)
    try:
        before = versions.examine(url, path, anew=anew)
    except Unusable as lost:
        assert path is not None, "only files are found to be damaged"
        _rescue(url, path, lost, versions, rescue, now)
        before = versions.examine(url, path)
    if before != versions.head:
        step = f"{versions.head}-from-{before}"
        versions.upgrade(url, before, lambda engine: _back_up(engine, path, step, now, rescue))
    if path is not None:
        presence.mark(path)
    return before


def restore(url: str, backup: Path, now: datetime, *, scripts: Path = SCRIPTS) -> str:
    """Put this backup in the place of the SQLite store, whatever is there; returns what happened.

    What was there goes to quarantine. Raises StoreError when the backup can't be used, or another
    process has the store open; nothing was changed then.
    """
    path = file_of(url)
    if path is None:
        raise StoreError(
            "restore is for SQLite files: restore a Postgres database by its own tools"
        )
    if not backup.is_file():
        raise StoreError(f"there is no backup at {backup}")
    path.parent.mkdir(parents=True, exist_ok=True)
    versions, was_there = Versions(scripts), presence.was_there(path)
    try:
        with occupancy.alone(path):
            return _restoration(url, path, BY_HAND, versions, now).put_back([backup])
    except occupancy.Occupied:
        raise StoreError(_occupied(path, "can't be replaced", "because")) from None
    finally:
        # To have it alone takes the mark; where no store came of it, the next start may make one.
        if not was_there and presence.is_missing(path):
            presence.mark_of(path).unlink(missing_ok=True)


class Versions:
    """The schemas that a folder of migration scripts knows."""

    def __init__(self, scripts: Path) -> None:
        self._scripts = scripts
        directory = ScriptDirectory(str(scripts))
        self.head = str(directory.get_current_head())
        self._known = {script.revision for script in directory.walk_revisions()}

    def examine(self, url: str, path: Path | None, *, anew: bool = False) -> str | None:
        """The revision of the store, None for one to be made. Raises Unusable and StoreError."""
        # Asked before the store is read: one that is just being made is marked at the end.
        known = path is not None and not anew and presence.was_there(path)
        before = examine(url, self._known, self.head)
        if before is None and known:
            raise Unusable(str(path), MISSING)
        return before

    def prepare(self, url: str) -> None:
        """Examine a copy of a backup, and bring it to this version. Raises StoreError."""
        before = examine(url, self._known, self.head)
        if before is None:
            raise StoreError("it is empty")
        if before != self.head:
            self.upgrade(url, before)

    def upgrade(
        self, url: str, before: str | None, back_up: Callable[[Engine], None] = lambda _: None
    ) -> None:
        """Migrate a store, after `back_up` of its engine where it holds data. Raises StoreError."""
        engine = open_engine(url)
        try:
            if before is not None:
                back_up(engine)
            with engine.begin() as connection:
                if engine.dialect.name == "postgresql":
                    connection.exec_driver_sql("SELECT pg_advisory_xact_lock(8050)")
                command.upgrade(self._config(connection), "head")
        except DBAPIError as error:
            raise StoreError(
                f"the migration of the store failed ({_first_line(error)}). Nothing was changed."
            ) from error
        finally:
            engine.dispose()

    def _config(self, connection: Connection) -> Config:
        config = Config()
        # A per cent sign in the path is the beginning of an interpolation to Alembic.
        config.set_main_option("script_location", str(self._scripts).replace("%", "%%"))
        config.attributes["connection"] = connection
        return config


def _refuse_to_replace(path: Path | None) -> None:
    if path is None:
        raise StoreError("--new-store is for SQLite files: make an empty Postgres database instead")
    if not presence.is_missing(path):
        raise StoreError(
            f"there is a file at {path}: move it away before a new store is made there"
        )


def _rescue(
    url: str, path: Path, lost: Unusable, versions: Versions, rescue: Rescue, now: datetime
) -> None:
    """Restore a store that is lost, and say so. Raises StoreError with the way back for people."""
    backups = presence.backups(path, rescue.folder)[::-1]
    if not rescue.restores or not backups:
        raise _refusal(path, lost, rescue) from lost
    try:
        with occupancy.alone(path):
            # Another start may have restored it meanwhile.
            if _is_usable(url, path, versions):
                return
            rescue.say(_restoration(url, path, lost.what, versions, now).put_back(backups))
    except occupancy.Occupied:
        raise StoreError(_occupied(path, lost.what, "and")) from lost
    except NoGoodBackup as none:
        raise _refusal(path, lost, rescue, none.flaws) from lost


def _restoration(url: str, path: Path, what: str, versions: Versions, now: datetime) -> Restoration:
    # SQLite keeps its log beside the file that a link leads to.
    return Restoration(url=url, path=path.resolve(), what=what, prepare=versions.prepare, now=now)


def _is_usable(url: str, path: Path, versions: Versions) -> bool:
    try:
        versions.examine(url, path)
    except Unusable:
        return False
    return True


def _occupied(path: Path, what: str, joined: str) -> str:
    return (
        f"the store {path} {what}, {joined} another process has it open: stop Nocturne, its web process "
        "too, and try again. Nothing was changed."
    )


def _refusal(path: Path, lost: Unusable, rescue: Rescue, flaws: str = "") -> StoreError:
    """One sentence on what is wrong and what an operator can do about it."""
    stands = lost.what != MISSING
    left = ". It was left as it is" if stands else ""
    way = presence.way_back(path, rescue.folder, stands=stands, flaws=flaws)
    return StoreError(f"the store {path} {lost.what}{left}: {way}")


def _back_up(engine: Engine, path: Path | None, step: str, now: datetime, rescue: Rescue) -> None:
    if path is not None:
        back_up(engine, path, step, now, rescue.folder)


def _first_line(error: DBAPIError) -> str:
    return str(error.orig).strip().splitlines()[0]
