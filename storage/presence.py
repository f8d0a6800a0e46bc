"""Whether the SQLite file at a path is the one that was opened, whether there ever was one, its copies.

A deleted file goes on for whoever has it open: writes succeed, and are lost with the last process.
"""

from __future__ import annotations

import contextlib
import re
import shlex
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeAlias

Identity: TypeAlias = "tuple[int, int]"

# `nocturne-before-0002-from-0001-TIME.db`, `nocturne-TIME-daily.db`, `nocturne-TIME-by-hand.db`.
NAME = r"{stem}-(before-.*|\d{{8}}T\d{{6}}Z-(daily|by-hand))\.db"
TIME = re.compile(r"\d{8}T\d{6}Z")
TIME_FORMAT = "%Y%m%dT%H%M%SZ"
# A backup from later than now was made while the clock was wrong.
CLOCKS_DIFFER = timedelta(hours=1)

REPLACED = "was replaced by another file while Nocturne ran"
MARK_TEXT = """\
Nocturne's store was made beside this file. As long as this file stands, a missing store is refused
instead of being replaced by an empty one.
"""


def identity(path: Path) -> Identity | None:
    """Device and inode of a file; None when there is none. Raises OSError when nobody can tell."""
    try:
        found = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return found.st_dev, found.st_ino


def is_same(path: Path, known: Identity | None) -> bool:
    """Whether the file at `path` is still the one with this identity."""
    try:
        return known is not None and identity(path) == known
    except OSError:
        # A folder that can't be looked into for a moment is no proof that the file is gone.
        return True


def is_missing(path: Path) -> bool:
    """Whether there is no file, or one without a single byte: SQLite takes both for a new store."""
    return not path.exists() or path.stat().st_size == 0


def mark(path: Path) -> None:
    """Leave a mark beside a store, which tells later that there was one."""
    beside = mark_of(path)
    # Without room for it the store works all the same, and the next start tries again.
    with contextlib.suppress(OSError):
        if not beside.exists():
            beside.write_text(MARK_TEXT, encoding="utf-8")


def mark_of(path: Path) -> Path:
    """The mark of the store at `path`."""
    return path.with_name(f"{path.name}-made")


def was_there(path: Path) -> bool:
    """Whether a store once was at `path`: it left a mark or backups."""
    return mark_of(path).exists() or bool(backups(path))


def backup_folder(path: Path, folder: Path | None = None) -> Path:
    """Where backups of the store at `path` go: into `folder`, or beside it."""
    return folder or path.parent / "backups"


def backups(path: Path, folder: Path | None = None) -> list[Path]:
    """All backups of the store at `path`, in `folder` and beside it, oldest first."""
    wanted = re.compile(NAME.format(stem=re.escape(path.stem)))
    places = {backup_folder(path), backup_folder(path, folder)}
    found = [each for place in places for each in _files(place) if wanted.fullmatch(each.name)]
    now = datetime.now(UTC)
    return sorted(found, key=lambda each: _age(each, now))


def made_at(backup: Path) -> datetime:
    """When a backup was made, by its name; without a time in it, when it was written."""
    for text in reversed(TIME.findall(backup.name)):
        with contextlib.suppress(ValueError):
            return datetime.strptime(text, TIME_FORMAT).replace(tzinfo=UTC)
    try:
        return datetime.fromtimestamp(backup.stat().st_mtime, UTC)
    except OSError:
        return datetime.min.replace(tzinfo=UTC)


def way_back(
    path: Path, folder: Path | None = None, *, stands: bool = False, flaws: str = ""
) -> str:
    """What an operator can do about a store that is gone or damaged, with the commands to type.

    `stands` tells that a damaged file is still there; `flaws` is why no backup can be used.
    """
    away = "move it away, then " if stands else ""
    anew = "start with an empty store by `python app.py migrate --new-store`"
    found = backups(path, folder)
    if flaws or not found:
        why = f"no backup can be used: {flaws}" if flaws else "there is no backup beside it"
        return f"{away}put a copy of your own in its place ({why}), or {anew}"
    newest = shlex.quote(str(found[-1]))
    return f"restore the newest backup by `python app.py restore {newest}`, or {away}{anew}"


def way_on(path: Path) -> str:
    """What an operator can do when another file was put in the place of a store in use."""
    found = backups(path)
    backup = shlex.quote(str(found[-1])) if found else "FILE"
    return (
        "what was stored until then is not in that file. To go on with it as it is, start Nocturne "
        "again. To put a backup in its place, stop Nocturne, its web process too, and run "
        f"`python app.py restore {backup}`: it is checked, and what stood there is kept"
    )


def _files(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:
        return []


def _age(backup: Path, now: datetime) -> tuple[bool, datetime, str]:
    made = made_at(backup)
    return made <= now + CLOCKS_DIFFER, made, backup.name
