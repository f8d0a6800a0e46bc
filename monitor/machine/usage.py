"""What processes use, as the kernel counts it; and whether others run than before."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

import psutil

RESTARTS_WITHIN_S = 3600.0
RESTARTS_KEPT = 1000
ZOMBIE: Literal["zombie"] = "zombie"


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What one process uses. `identity` tells it from a later one with the same PID."""

    identity: str
    cpu_s: float
    rss_bytes: int
    vms_bytes: int
    memory_percent: float
    threads: int
    open_files: int | None
    open_files_limit: int | None
    io_bytes: tuple[int, int] | None
    created: float
    is_child: bool = False


class Restarts:
    """Remembers which processes ran, and when all of them were others than before."""

    def __init__(self) -> None:
        self._last: frozenset[str] = frozenset()
        self._at: deque[float] = deque(maxlen=RESTARTS_KEPT)

    def within(self, identities: Iterable[str], now: float) -> int:
        """Note the processes that run now; how many restarts were seen in the last hour.

        One that runs on, such as the first process of a server whose workers come and go, means
        that there was none. While nothing runs, what ran before is remembered.
        """
        running = frozenset(identities)
        if running:
            if self._last and not running & self._last:
                self._at.append(now)
            self._last = running
        while self._at and self._at[0] <= now - RESTARTS_WITHIN_S:
            self._at.popleft()
        return len(self._at)


def descendants(parents: Iterable[psutil.Process]) -> Iterator[psutil.Process]:
    """The children of these processes and theirs, without the processes themselves."""
    below: dict[int, list[psutil.Process]] = {}
    for process in psutil.process_iter():
        try:
            below.setdefault(process.ppid(), []).append(process)
        except psutil.Error:
            continue
    ahead = [process.pid for process in parents]
    seen = set(ahead)
    while ahead:
        for child in below.get(ahead.pop(), []):
            if child.pid not in seen:
                seen.add(child.pid)
                ahead.append(child.pid)
                yield child


def usage_of(process: psutil.Process, is_child: bool = False) -> Usage | Literal["zombie"] | None:
    """What the process uses; None when it has gone, ZOMBIE when it has ended and was not reaped."""
    try:
        with process.oneshot():
            if process.status() == psutil.STATUS_ZOMBIE:
                return ZOMBIE
            times, memory = process.cpu_times(), process.memory_info()
            return Usage(
                identity=f"{process.pid}@{process.create_time()}",
                cpu_s=times.user + times.system,
                rss_bytes=memory.rss,
                vms_bytes=memory.vms,
                memory_percent=process.memory_percent(),
                threads=process.num_threads(),
                open_files=_open_files(process),
                open_files_limit=_open_files_limit(process),
                io_bytes=_io_bytes(process),
                created=process.create_time(),
                is_child=is_child,
            )
    except psutil.ZombieProcess:
        return ZOMBIE
    except psutil.Error:
        return None


def _open_files(process: psutil.Process) -> int | None:
    try:
        return process.num_fds()
    except psutil.AccessDenied:
        return None


def _open_files_limit(process: psutil.Process) -> int | None:
    """How many files it may open; None when that is without limit or not told (Linux only)."""
    try:
        limit = process.rlimit(psutil.RLIMIT_NOFILE)[0]
    except (psutil.AccessDenied, AttributeError, OSError):
        return None
    return limit if limit > 0 else None


def _io_bytes(process: psutil.Process) -> tuple[int, int] | None:
    """Bytes read from and written to disks so far; None when the monitor may not look."""
    try:
        counters = process.io_counters()
    except (psutil.AccessDenied, AttributeError, OSError, NotImplementedError):
        return None
    return counters.read_bytes, counters.write_bytes
