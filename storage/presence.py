"""Whether the SQLite file at a path is the one that was opened, whether there ever was one, its copies.

A deleted file goes on for whoever has it open: writes succeed, and are lost with the last process.
"""

from __future__ import annotations

import contextlib
import shlex
from pathlib import Path
from typing import TypeAlias

Identity: TypeAlias = "tuple[int, int]"

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
    beside = _mark_of(path)
    # Without room for it the store works all the same, and the next start tries again.
    with contextlib.suppress(OSError):
        if not beside.exists():
            beside.write_text(MARK_TEXT, encoding="utf-8")


def was_there(path: Path) -> bool:
    """Whether a store once was at `path`: it left a mark or backups."""
    return _mark_of(path).exists() or bool(backups(path))


def backup_folder(path: Path) -> Path:
    """Where the backups of the store at `path` lie."""
    return path.parent / "backups"


def backups(path: Path) -> list[Path]:
    """All backups of the store at `path`, oldest first."""
    return sorted(backup_folder(path).glob(f"{path.stem}-before-*.db"), key=_age)


def way_back(path: Path) -> str:
    """What an operator can do about a store that is gone or damaged, with the commands to type."""
    anew = "start with an empty store by `python app.py migrate --new-store`"
    found = backups(path)
    if not found:
        return f"put a copy of your own in its place (there is no backup beside it), or {anew}"
    old, new = shlex.quote(str(found[-1])), shlex.quote(str(path))
    return (
        f"with Nocturne stopped and {path.name}-wal and {path.name}-shm removed, restore the "
        f"newest backup by `cp {old} {new}`, or {anew}"
    )


def _age(path: Path) -> float:
    return path.stat().st_mtime


def _mark_of(path: Path) -> Path:
    return path.with_name(f"{path.name}-made")
