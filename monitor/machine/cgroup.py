"""The limits of the container or service that the monitor runs in: memory and CPU of its cgroup.

A limit may stand on the own cgroup or on one around it; the one that is nearest to being reached
counts. Source: the kernel's cgroup-v2.rst, and cgroup-v1/memory.rst, cgroup-v1/cpuacct.rst,
scheduler/sched-bwc.rst for hosts that still use v1.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass

from monitor.machine.kernel import read
from monitor.machine.rates import percent

# v1 writes "no limit" as the largest multiple of a page.
UNLIMITED = 2**60
ESCAPED = re.compile(r"\\([0-7]{3})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a controller's files are: folders of the own cgroup and those around it, inmost first."""

    version: int
    folders: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryUse:
    """Memory in use without file cache that can go, and the limit on it, in bytes."""

    used_bytes: int
    limit_bytes: int

    @property
    def percent(self) -> float:
        """The share of the limit in use."""
        return percent(self.used_bytes, self.limit_bytes)


@dataclass(frozen=True, slots=True, kw_only=True)
class CpuUse:
    """The quota in cores, and counters since the cgroup began: seconds used, periods, throttled."""

    folder: str
    limit_cores: float
    used_s: float
    periods: int
    throttled: int


class Cgroups:
    """Reads the cgroup of this process. `proc` is the folder that tells where it is."""

    def __init__(self, proc: str = "/proc/self") -> None:
        self._proc = proc
        self._places: dict[str, Place | None] = {}

    def memory(self) -> MemoryUse | None:
        """Memory under the tightest limit; None when none is set or the system has no cgroups."""
        place = self._place("memory")
        if place is None:
            return None
        found = [use for folder in place.folders if (use := _memory(place.version, folder))]
        return max(found, key=lambda use: use.percent, default=None)

    def cpu(self) -> CpuUse | None:
        """CPU under the smallest quota; None when none is set or the system has no cgroups."""
        place, usage = self._place("cpu"), self._place("cpuacct")
        if place is None:
            return None
        counted = usage.folders if usage and place.version == 1 else place.folders
        pairs = zip(place.folders, counted, strict=False)
        found = [use for pair in pairs if (use := _cpu(place.version, *pair))]
        return min(found, key=lambda use: use.limit_cores, default=None)

    def _place(self, controller: str) -> Place | None:
        if controller not in self._places:
            try:
                texts = read(f"{self._proc}/cgroup"), read(f"{self._proc}/mountinfo")
            except OSError:
                texts = "", ""
            self._places[controller] = place_of(controller, *texts)
        return self._places[controller]


def place_of(controller: str, cgroup: str, mountinfo: str) -> Place | None:
    """Find a controller by `/proc/self/cgroup` and `/proc/self/mountinfo`.

    A host may use both versions at once, each for other controllers: one that v1 has, v2 has not.
    """
    own: dict[str, str] = {}
    for line in cgroup.splitlines():
        number, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        own |= dict.fromkeys(controllers.split(",") if number != "0" else [""], path)
    version = 1 if controller in own else 2
    path = own.get(controller, own.get("", ""))
    for kind, options, root, mount_point in _mounts(mountinfo):
        is_v1 = kind == "cgroup" and controller in options
        if path and (is_v1 if version == 1 else kind == "cgroup2"):
            return Place(version=version, folders=tuple(_chain(mount_point, root, path)))
    return None


def memory_limit(text: str) -> int | None:
    """The limit in bytes; None when there is none. Raises ValueError."""
    return None if text.strip() == "max" or int(text) >= UNLIMITED else int(text)


def memory_use(version: int, limit: int, current: str, stat: str) -> MemoryUse:
    """Parse the files on memory in use. Raises ValueError.

    File cache that was not used lately is left out: the kernel frees it before the limit hurts.
    """
    inactive = _table(stat).get("inactive_file" if version == 2 else "total_inactive_file", 0)
    return MemoryUse(used_bytes=max(0, int(current) - inactive), limit_bytes=limit)


def quota_cores(quota: str, period: str) -> float | None:
    """The quota in cores; None when there is none (`max`, in v1 `-1`). Raises ValueError."""
    if quota == "max" or int(quota) <= 0:
        return None
    return int(quota) / int(period)


def _memory(version: int, folder: str) -> MemoryUse | None:
    limit_name, use_name = {
        1: ("memory.limit_in_bytes", "memory.usage_in_bytes"),
        2: ("memory.max", "memory.current"),
    }[version]
    try:
        limit = memory_limit(read(f"{folder}/{limit_name}"))
        if limit is None:
            return None
        return memory_use(
            version, limit, read(f"{folder}/{use_name}"), read(f"{folder}/memory.stat")
        )
    except (OSError, ValueError):  # the root of v2 has no such files
        return None


def _cpu(version: int, folder: str, usage_folder: str) -> CpuUse | None:
    try:
        if version == 2:
            quota, period = read(f"{folder}/cpu.max").split()
        else:
            quota, period = (
                read(f"{folder}/cpu.cfs_{name}_us").strip() for name in ("quota", "period")
            )
        cores = quota_cores(quota, period)
        if cores is None:
            return None
        stat = _table(read(f"{folder}/cpu.stat"))
        used_s = (
            stat["usage_usec"] / 1e6
            if version == 2
            else int(read(f"{usage_folder}/cpuacct.usage")) / 1e9
        )
    except (OSError, ValueError, KeyError, ZeroDivisionError):
        return None
    return CpuUse(
        folder=folder,
        limit_cores=round(cores, 3),
        used_s=used_s,
        periods=stat.get("nr_periods", 0),
        throttled=stat.get("nr_throttled", 0),
    )


def _table(text: str) -> dict[str, int]:
    """Lines of a name and a whole number."""
    lines = (line.split() for line in text.splitlines())
    return {line[0]: int(line[1]) for line in lines if len(line) == 2 and line[1].isdigit()}


def _mounts(mountinfo: str) -> Iterator[tuple[str, list[str], str, str]]:
    """Filesystem kind, its options, the root within it, and the mount point: see proc_pid_mountinfo(5)."""
    for line in mountinfo.splitlines():
        left, _, right = line.partition(" - ")
        fields, kind = left.split(" "), right.split(" ")
        if len(fields) >= 5 and len(kind) >= 3:
            yield kind[0], kind[2].split(","), _plain(fields[3]), _plain(fields[4])


def _plain(path: str) -> str:
    return ESCAPED.sub(lambda found: chr(int(found[1], 8)), path)


def _chain(mount_point: str, root: str, path: str) -> Iterator[str]:
    """The cgroup's folder and those around it. Inside a container the mount shows a part only."""
    inside = os.path.relpath(path, root) if (path + "/").startswith(root.rstrip("/") + "/") else "."
    steps = [] if inside.startswith(".") else inside.split("/")
    for length in range(len(steps), -1, -1):
        yield "/".join([mount_point, *steps[:length]])
