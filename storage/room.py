"""Whether there is room to write beside an SQLite store: asked of the disk, without the store."""

from __future__ import annotations

import errno
import tempfile
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path

# A commit writes a few pages of 4 KB into the log.
NEEDED = 65_536


class Obstacle(StrEnum):
    """Why nothing can be written."""

    FULL = "full"
    QUOTA = "quota"
    READ_ONLY = "read-only"

    @property
    def text(self) -> str:
        """What people are told of it, and what to do."""
        return TEXTS[self]


TEXTS: Mapping[Obstacle, str] = {
    Obstacle.FULL: "The disk of the store is full: nothing is stored until there is room on it.",
    Obstacle.QUOTA: "The disk quota of the store is used up: nothing is stored until it is raised.",
    Obstacle.READ_ONLY: "The disk of the store is read-only: nothing is stored until it is mounted "
    "for writing.",
}
OBSTACLES = {
    errno.ENOSPC: Obstacle.FULL,
    errno.EDQUOT: Obstacle.QUOTA,
    errno.EROFS: Obstacle.READ_ONLY,
}


def obstacle(store: Path | None) -> Obstacle | None:
    """Why nothing can be written beside this file; None when something can, or nobody can tell.

    It is tried with a file without a name, which is gone at once. What statvfs tells leaves out
    quotas. A database server (no `store`) looks after its own disk.
    """
    if store is None:
        return None
    try:
        with tempfile.TemporaryFile(dir=store.resolve().parent, buffering=0) as probe:
            left = NEEDED
            while left > 0:
                # Of the last room a part may be written without an error.
                left -= probe.write(bytes(left))
    except OSError as error:
        return OBSTACLES.get(error.errno or 0)
    return None
