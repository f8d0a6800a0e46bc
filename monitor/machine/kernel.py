"""Files of /proc that tell of the whole machine: open files, run queue, pressure. Pure parsers.

Formats: proc_sys_fs(5), proc_stat(5), proc_pid_stat(5), and "PSI" in the kernel's documentation
(accounting/psi.rst).
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass

import psutil

PRESSURE = ("cpu", "memory", "io")
# Number, name (64 bytes at most, of a kernel thread) and state stand at the beginning: one read.
STATE_WITHIN = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenFiles:
    """File handles in use by all processes together, and how many the kernel gives out."""

    count: int
    limit: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RunQueue:
    """Threads that run or wait for a core, and threads that wait for a disk (state D)."""

    running: int
    blocked: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Stalled:
    """Percent of the last 10 s in which some threads, or all at once, waited for a resource."""

    some: float
    full: float


def open_files(text: str) -> OpenFiles:
    """Parse `/proc/sys/fs/file-nr`: allocated, free of those, limit. Raises ValueError."""
    allocated, free, limit = (int(part) for part in text.split())
    return OpenFiles(count=allocated - free, limit=limit)


def run_queue(text: str) -> RunQueue | None:
    """Parse the two lines on it of `/proc/stat`; None when they aren't there."""
    lines = (line.split() for line in text.splitlines() if line.startswith("procs_"))
    found = {line[0]: int(line[1]) for line in lines if len(line) == 2}
    try:
        return RunQueue(running=found["procs_running"], blocked=found["procs_blocked"])
    except KeyError:
        return None


def stalled(text: str) -> Stalled:
    """Parse a file of `/proc/pressure`. Raises ValueError when it has no line `some`.

    The line `full` is missing for the CPU on kernels before 5.13: that is 0.
    """
    shares = {}
    for line in text.splitlines():
        kind, _, rest = line.partition(" ")
        pairs = dict(pair.split("=", 1) for pair in rest.split() if "=" in pair)
        if "avg10" in pairs:
            shares[kind] = float(pairs["avg10"])
    if "some" not in shares:
        raise ValueError("a pressure file without a line some")
    return Stalled(some=shares["some"], full=shares.get("full", 0.0))


def pressure(folder: str = "/proc/pressure") -> dict[str, Stalled]:
    """Pressure by resource; empty where the kernel does not measure it or may not be asked."""
    found = {}
    for resource in PRESSURE:
        # Opening works with psi=0 on the kernel's command line; only reading fails then.
        try:
            found[resource] = stalled(read(f"{folder}/{resource}"))
        except (OSError, ValueError):
            return {}
    return found


def zombies(proc: str = "/proc") -> int:
    """Processes that have ended and were not reaped. Reads one file per process."""
    if not os.path.exists(f"{proc}/self/stat"):
        return sum(map(_is_zombie, psutil.process_iter()))
    count = 0
    for pid in filter(str.isdecimal, os.listdir(proc)):
        # psutil takes several times as long for each, and there may be thousands.
        try:
            count += is_zombie(read(f"{proc}/{pid}/stat", STATE_WITHIN))
        except OSError:  # it has gone meanwhile
            continue
    return count


def is_zombie(text: str) -> bool:
    """Parse `/proc/PID/stat`, where the state follows the name: that may hold anything, ")" too."""
    return text.rpartition(")")[2].lstrip().startswith("Z")


def _is_zombie(process: psutil.Process) -> bool:
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def up_s() -> float:
    """Seconds since the machine was started, time asleep included."""
    clock = getattr(time, "CLOCK_BOOTTIME", None)
    # Steps of the wall clock don't change this one; elsewhere than on Linux it does not exist.
    return time.clock_gettime(clock) if clock is not None else time.time() - psutil.boot_time()


def read(path: str, limit: int = 2**20) -> str:
    """The text of a small file of the kernel's, `limit` bytes at most. Raises OSError."""
    # Two reads, unlike open(), which takes five calls to the kernel: this runs many times a minute.
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        data = b""
        while len(data) < limit and (part := os.read(file, limit - len(data))):
            data += part
        return data.decode("ascii", errors="replace")
    finally:
        os.close(file)
