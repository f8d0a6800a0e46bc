"""Filesystems: their space and inodes, asked in threads since a dead mount never answers."""

from __future__ import annotations

import os
from collections.abc import Callable, Hashable
from dataclasses import dataclass

import psutil

from monitor.checks import hanging_s, in_thread
from monitor.machine.rates import percent


@dataclass(frozen=True, slots=True, kw_only=True)
class Space:
    """What a filesystem holds: sizes in bytes, inodes in pieces; percent of what users may fill."""

    percent: float
    free_bytes: float
    total_bytes: float
    inodes: int
    inodes_percent: float
    inodes_free: int


class Filesystems:
    """Asks filesystems for their space, each in a thread of its own, by the call `statvfs`."""

    def __init__(self, statvfs: Callable[[str], os.statvfs_result] = os.statvfs) -> None:
        self._statvfs = statvfs

    async def space(self, path: str) -> Space:
        """The space at `path`. May never return: bound it. Raises OSError when it can't be read."""
        return space_of(await in_thread(self._key(path), lambda: self._statvfs(path)))

    def hanging_s(self, path: str) -> float:
        """Seconds for which a call to this path has not returned."""
        return hanging_s(self._key(path))

    def _key(self, path: str) -> Hashable:
        return ("filesystem", path, id(self))


def space_of(found: os.statvfs_result) -> Space:
    """Percentages as `df` shows them: of the space that is used or free to ordinary users."""
    used = found.f_blocks - found.f_bfree
    inodes_used = found.f_files - found.f_ffree
    return Space(
        percent=percent(used, used + found.f_bavail),
        free_bytes=float(found.f_bavail * found.f_frsize),
        total_bytes=float(found.f_blocks * found.f_frsize),
        inodes=found.f_files,
        inodes_percent=percent(inodes_used, inodes_used + found.f_favail),
        inodes_free=found.f_favail,
    )


def mounts() -> list[str]:
    """The root and one mount point per local device: the shortest, to leave bind mounts out."""
    found = {"/": "/"}
    for part in sorted(psutil.disk_partitions(), key=lambda part: len(part.mountpoint)):
        if part.mountpoint != "/" and os.path.basename(part.device):
            found.setdefault(part.device, part.mountpoint)
        elif part.mountpoint == "/":
            found[part.device] = "/"
    return sorted(set(found.values()))
