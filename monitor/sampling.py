"""Readings of the machine that the monitor runs on: for the `system` checks and the 10 s sampler.

Nothing here blocks the loop: what the kernel keeps in memory is read at once, a filesystem (which
may hang on a dead mount) in a thread of its own.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, field

import psutil

from monitor.checks import hanging_s, in_thread

FIRST_WINDOW_S = 0.2
LONGEST_WINDOW_S = 300.0
MOUNT_BUDGET_S = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One value of one series: its dotted metric name, its labels, its value."""

    name: str
    value: float
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """How far counters moved over `seconds`. A counter that was reset counts as not moved."""

    seconds: float
    moved: Mapping[str, float]

    def per_second(self, name: str) -> float:
        """The rate of one counter, 0 when it is new."""
        return self.moved.get(name, 0.0) / self.seconds


class Counters:
    """Remembers the last reading of growing counters per key, and says how far they moved since.

    The first reading of a key, and one after a long pause, is measured over a short sleep.
    """

    def __init__(self) -> None:
        self._last: dict[Hashable, tuple[float, Mapping[str, float]]] = {}

    async def change(
        self, key: Hashable, read: Callable[[], Awaitable[Mapping[str, float]]]
    ) -> Change:
        """Read the counters now and compare with the key's previous reading."""
        then, before = self._last.get(key, (0.0, {}))
        now, after = time.monotonic(), await read()
        if not before or now - then > LONGEST_WINDOW_S:
            then, before = now, after
        if now - then < FIRST_WINDOW_S:
            await asyncio.sleep(FIRST_WINDOW_S - (now - then))
            now, after = time.monotonic(), await read()
        self._last[key] = (now, after)
        moved = {name: max(0.0, after[name] - before[name]) for name in after if name in before}
        return Change(seconds=now - then, moved=moved)


@dataclass(frozen=True, slots=True, kw_only=True)
class Space:
    """What a filesystem holds: sizes in bytes, inodes in pieces; percent of what users may fill."""

    percent: float
    free_bytes: float
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
        percent=_percent(used, used + found.f_bavail),
        free_bytes=float(found.f_bavail * found.f_frsize),
        inodes=found.f_files,
        inodes_percent=_percent(inodes_used, inodes_used + found.f_favail),
        inodes_free=found.f_favail,
    )


async def cpu_times() -> Mapping[str, float]:
    """CPU seconds since boot, all cores together: `busy` and `total`."""
    times = psutil.cpu_times()._asdict()
    # The kernel already counts guest time inside user and nice.
    total = sum(times.values()) - times.get("guest", 0.0) - times.get("guest_nice", 0.0)
    return {"total": total, "busy": total - times["idle"] - times.get("iowait", 0.0)}


async def network_bytes() -> Mapping[str, float]:
    """Bytes `sent` and `received` since boot by all interfaces but loopback."""
    cards = psutil.net_io_counters(pernic=True, nowrap=False)
    real = [count for name, count in cards.items() if name != "lo"]
    return {
        "sent": float(sum(count.bytes_sent for count in real)),
        "received": float(sum(count.bytes_recv for count in real)),
    }


async def disk_bytes() -> Mapping[str, float]:
    """Bytes `read` and `written` since boot by all disks; empty where the system has none."""
    total = psutil.disk_io_counters(nowrap=False)
    if total is None:
        return {}
    return {"read": float(total.read_bytes), "written": float(total.write_bytes)}


async def cpu(counters: Counters) -> dict[str, float]:
    """CPU use since the previous reading of these counters."""
    moved = (await counters.change("cpu", cpu_times)).moved
    return {"system.cpu.percent": _percent(moved["busy"], moved["total"])}


async def network(counters: Counters) -> dict[str, float]:
    """Network traffic in bytes per second since the previous reading."""
    change = await counters.change("network", network_bytes)
    return {
        "system.network.sent_bytes_per_s": float(round(change.per_second("sent"))),
        "system.network.received_bytes_per_s": float(round(change.per_second("received"))),
    }


async def disk_io(counters: Counters) -> dict[str, float]:
    """Disk traffic in bytes per second since the previous reading."""
    change = await counters.change("disk_io", disk_bytes)
    return {
        "system.disk_io.read_bytes_per_s": float(round(change.per_second("read"))),
        "system.disk_io.written_bytes_per_s": float(round(change.per_second("written"))),
    }


def memory() -> dict[str, float]:
    """Memory in use, as the share that is not available to a new process."""
    found = psutil.virtual_memory()
    return {
        "system.memory.percent": round(found.percent, 1),
        "system.memory.available_bytes": float(found.available),
        "system.memory.used_bytes": float(found.used),
    }


def swap() -> dict[str, float]:
    """Swap in use; 0 % where none is configured."""
    found = psutil.swap_memory()
    return {
        "system.swap.percent": round(found.percent, 1),
        "system.swap.used_bytes": float(found.used),
        "system.swap.total_bytes": float(found.total),
    }


def load() -> dict[str, float]:
    """Load averages, and the 1-minute one divided by the number of cores."""
    one, five, fifteen = os.getloadavg()
    return {
        "system.load.1m": round(one, 2),
        "system.load.5m": round(five, 2),
        "system.load.15m": round(fifteen, 2),
        "system.load.per_core": round(one / (os.cpu_count() or 1), 2),
    }


def processes() -> dict[str, float]:
    """How many processes there are."""
    return {"system.processes.count": float(len(psutil.pids()))}


def disk(space: Space) -> dict[str, float]:
    """The metrics of a filesystem's bytes."""
    return {"system.disk.percent": space.percent, "system.disk.free_bytes": space.free_bytes}


def inodes(space: Space) -> dict[str, float]:
    """The metrics of a filesystem's inodes."""
    return {
        "system.inodes.percent": space.inodes_percent,
        "system.inodes.free": float(space.inodes_free),
    }


def mounts() -> list[str]:
    """The root and one mount point per local device: the shortest, to leave bind mounts out."""
    found = {"/": "/"}
    for part in sorted(psutil.disk_partitions(), key=lambda part: len(part.mountpoint)):
        if part.mountpoint != "/" and os.path.basename(part.device):
            found.setdefault(part.device, part.mountpoint)
        elif part.mountpoint == "/":
            found[part.device] = "/"
    return sorted(set(found.values()))


class SystemSampler:
    """All system metrics at once, for the sampler. Rates are over the time since the last one."""

    def __init__(
        self,
        filesystems: Filesystems | None = None,
        list_mounts: Callable[[], Iterable[str]] = mounts,
    ) -> None:
        self._counters = Counters()
        self._filesystems = filesystems or Filesystems()
        self._list_mounts = list_mounts

    async def sample(self) -> list[Sample]:
        """One sample of every system series. A mount that does not answer in 2 s is left out."""
        rates = await asyncio.gather(
            cpu(self._counters), network(self._counters), disk_io(self._counters)
        )
        groups = [*rates, memory(), swap(), load(), processes()]
        plain = [
            Sample(name=name, value=value) for group in groups for name, value in group.items()
        ]
        by_mount = await asyncio.gather(*(self._mount(path) for path in self._list_mounts()))
        return plain + [sample for samples in by_mount for sample in samples]

    async def _mount(self, path: str) -> list[Sample]:
        try:
            async with asyncio.timeout(MOUNT_BUDGET_S):
                space = await self._filesystems.space(path)
        except OSError:
            return []
        metrics = disk(space) | (inodes(space) if space.inodes else {})
        return [
            Sample(name=name, value=value, labels={"mount": path})
            for name, value in metrics.items()
        ]


def _percent(part: float, whole: float) -> float:
    return round(min(100.0, 100.0 * part / whole), 1) if whole > 0 else 0.0
