"""Puts a backup in the place of a store that is damaged or gone; the old files go to quarantine.

The copy is made, checked and brought up to date beside the store, under another name. Only then the
damaged files are moved away, the log last, since a log must never stand beside a file that it is
not of; the new name for the copy is the last step. A kill leaves the old store, or none and
everything from which the next start goes on.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy.exc import DBAPIError

from storage import aftermath, presence
from storage.aftermath import Loss
from storage.backups import NoRoom, require_room, sync
from storage.engine import StoreError, open_engine, parse_url
from storage.examine import reason_of

# The order in which they are moved away: see above.
BESIDE = ("", "-wal", "-shm", "-journal")


class NoGoodBackup(StoreError):
    """None of the backups could be used; `flaws` tells of each why, newest first."""

    def __init__(self, flaws: Sequence[str]) -> None:
        self.flaws = "; ".join(flaws)
        super().__init__(f"no backup can be used ({self.flaws})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Restoration:
    """One attempt to put a backup in the place of the store at `url`, which `what` happened to.

    `prepare` examines a store at a URL and brings it to this version; it raises StoreError when
    that store can't be used.
    """

    url: str
    path: Path
    what: str
    prepare: Callable[[str], None]
    now: datetime

    @property
    def part(self) -> Path:
        """The copy until it is put in place; one that stands here was left by a kill."""
        return self.path.with_name(f"{self.path.name}.restoring")

    def put_back(self, backups: Sequence[Path]) -> str:
        """Restore the newest of `backups` (newest first) that can be used; returns what happened.

        Raises NoGoodBackup, or another StoreError when there is no room or no right to do it; the
        store was not changed then. To be called by who has the store alone.
        """
        try:
            into = self._quarantine()
            backup, flaws = self._first_good(backups)
            told = self._write_down(backup, flaws, into)
            self._put_in_place(into)
        except OSError as error:
            self._clear()
            raise StoreError(
                f"the store {self.path} {self.what}, and no backup could be put in its place: "
                f"{error.strerror or error}"
            ) from error
        return told

    def _first_good(self, backups: Sequence[Path]) -> tuple[Path, list[str]]:
        flaws: list[str] = []
        for backup in backups:
            self._clear()
            try:
                require_room(self.path.parent, backup.stat().st_size, "restored store")
                shutil.copyfile(backup, self.part)
                self.prepare(self._part_url())
            except NoRoom:
                raise
            # What a damaged backup can raise on its way to this version is not to be foreseen.
            except Exception as error:
                flaws.append(f"{backup.name}: {reason_of(error)}")
            else:
                return backup, flaws
        self._clear()
        raise NoGoodBackup(flaws)

    def _write_down(self, backup: Path, flaws: Sequence[str], into: Path | None) -> str:
        """Tell the copy what happened, and have all of it on the disk in one file."""
        lost_at = self._last_write()
        engine = open_engine(self._part_url())
        try:
            with engine.begin() as connection:
                since = aftermath.last_known(connection, presence.made_at(backup))
                text = self._text(backup, since, flaws, into)
                aftermath.write(connection, Loss(text=text, lost_at=lost_at), since, self.now)
        except DBAPIError as error:
            self._clear()
            raise StoreError(f"the backup {backup} can't be used: {reason_of(error)}") from error
        finally:
            # The last connection takes the log into the file.
            engine.dispose()
        if self.part.with_name(f"{self.part.name}-wal").exists():
            raise StoreError(f"the restored copy of the backup {backup} could not be closed")
        sync(self.part)
        return text

    def _put_in_place(self, into: Path | None) -> None:
        if into is not None:
            into.mkdir(parents=True, exist_ok=True)
            sync(into.parent)
            for file in self._files():
                file.replace(into / file.name)
            sync(into)
        sync(self.path.parent)
        self.part.replace(self.path)
        sync(self.path.parent)

    def _text(self, backup: Path, since: datetime, flaws: Sequence[str], into: Path | None) -> str:
        kept = "" if into is None else f"; what was there is kept in {into}"
        newer = f" Newer backups could not be used: {'; '.join(flaws)}." if flaws else ""
        return (
            f"The store {self.path} {self.what}. It was restored from the backup {backup}: what was "
            f"stored after {since:%Y-%m-%d %H:%M:%S} UTC is lost{kept}.{newer}"
        )

    def _quarantine(self) -> Path | None:
        """Where the old files go; None when there are none. A kill's half-done move goes on there."""
        place = self.path.parent / "quarantine"
        earlier, files = sorted(place.glob(f"{self.path.name}-*Z*")), self._files()
        goes_on = self.part.exists() and bool(earlier) and not self.path.exists()
        # Nothing that is kept there is overwritten.
        if goes_on and not any((earlier[-1] / each.name).exists() for each in files):
            return earlier[-1]
        if not files:
            return None
        base = place / f"{self.path.name}-{self.now:{presence.TIME_FORMAT}}"
        names = [base, *(base.with_name(f"{base.name}-{number}") for number in range(2, 100))]
        return next((each for each in names if not each.exists()), base)

    def _files(self) -> list[Path]:
        found = [self.path.with_name(f"{self.path.name}{each}") for each in BESIDE]
        return [each for each in found if each.exists()]

    def _last_write(self) -> datetime:
        """When the store was written last, as far as its files still tell."""
        times = [each.stat().st_mtime for each in self._files()]
        return min(self.now, datetime.fromtimestamp(max(times), UTC)) if times else self.now

    def _part_url(self) -> str:
        url = parse_url(self.url).set(database=str(self.part))
        return url.render_as_string(hide_password=False)

    def _clear(self) -> None:
        for each in BESIDE:
            with suppress(OSError):
                self.part.with_name(f"{self.part.name}{each}").unlink()
