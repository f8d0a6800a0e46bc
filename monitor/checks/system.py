"""Check kind `system`: one resource of the machine that the monitor runs on."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated, Literal

from msgspec import Meta

from domain.facts import Cause, Measurement, Status
from domain.rules import StockRule
from domain.units import show, span
from monitor import sampling
from monitor.checks import Check, Deadline, kind
from monitor.sampling import Counters, Filesystems, Space

Resource = Literal[
    "cpu", "memory", "swap", "disk", "inodes", "load", "network", "disk_io", "processes"
]

HEADLINES: dict[str, str] = {
    "cpu": "system.cpu.percent",
    "memory": "system.memory.percent",
    "swap": "system.swap.percent",
    "disk": "system.disk.percent",
    "inodes": "system.inodes.percent",
    "load": "system.load.per_core",
    "network": "system.network.received_bytes_per_s",
    "disk_io": "system.disk_io.written_bytes_per_s",
    "processes": "system.processes.count",
}
# resource → title, warning, critical, unit
STOCK: dict[str, tuple[str, float, float, str]] = {
    "cpu": ("CPU", 70, 85, "%"),
    "memory": ("Memory", 80, 95, "%"),
    "swap": ("Swap", 60, 90, "%"),
    "disk": ("Disk", 80, 90, "%"),
    "inodes": ("Inodes", 80, 90, "%"),
    "load": ("Load per core", 1.5, 3, ""),
}
RUNBOOKS: dict[str, str] = {
    "cpu": (
        "All cores together are busy: requests queue, and everything on this machine answers later. "
        "First look: `top` (or `ps aux --sort=-%cpu | head`) for the process that takes it, and "
        "whether the time is user, system, or stolen by neighbours (st). Usual fix: restart a process "
        "that runs wild, move a batch job to a quiet hour or under `nice`, or add cores if the load "
        "is what users ask for."
    ),
    "memory": (
        "Hardly any memory is left for programs; next the machine swaps, or the kernel kills the "
        "largest process. First look: `ps aux --sort=-rss | head` for who holds it, and `dmesg | grep "
        "-i oom` for whether something was killed already. Usual fix: restart the process that grows, "
        "lower its cache or number of workers, or add memory."
    ),
    "swap": (
        "Programs have been pushed out of memory; they stall whenever they need what lies there. "
        "First look: `vmstat 1` (columns si and so) for whether it swaps right now, and `ps aux "
        "--sort=-rss | head` for who holds the memory. Usual fix: restart or shrink the largest "
        "process, or add memory; swap that is full but quiet can wait."
    ),
    "disk": (
        "The filesystem is nearly full; programs that write to it will fail, databases first. First "
        "look: `df -h`, then `du -xh --max-depth=2 PATH | sort -h | tail` for what takes the space. "
        "Usual fix: rotate logs, delete old backups and package caches, or enlarge the volume; look "
        "with `lsof +L1` for deleted files that a process still holds open."
    ),
    "inodes": (
        "The filesystem has hardly any places for files left; then nothing new can be written although "
        "space is free. First look: `df -i`, then `du -x --inodes --max-depth=3 PATH | sort -n | tail`. "
        "Usual fix: clear the directory with very many small files (sessions, mail queue, cache) and "
        "make its program clean up after itself."
    ),
    "load": (
        "More programs want to run, or wait for the disk, than there are cores. First look: `top` for "
        "processes in state R (they need CPU) or D (they wait for a disk or network filesystem), and "
        "`vmstat 1` for which of both it is. Usual fix: as for CPU where they run; where they wait, "
        "find the slow or hanging disk or mount."
    ),
}

# Checks are frozen: what must be remembered between two runs lives here, by resource.
_counters = Counters()
_filesystems = Filesystems()


@kind(
    "system",
    title="This machine",
    component="system",
    headline="system.cpu.percent",
    retry_s=None,
)
class SystemCheck(Check, frozen=True, kw_only=True):
    """A resource of this machine; whether its value is good is judged by rules."""

    resource: Annotated[Resource, Meta(description="What is measured")]
    path: Annotated[
        str, Meta(pattern="^/", description="Where the filesystem is mounted (disk, inodes)")
    ] = "/"

    async def run(self, deadline: Deadline) -> Measurement:
        """Read the resource. CPU and traffic are taken over the time since the previous run."""
        if self.resource in ("disk", "inodes"):
            return await read_filesystem(self.path, self.resource, deadline, _filesystems)
        try:
            metrics = await READERS[self.resource](_counters)
        except OSError as error:
            return _not_measurable(f"{self.target()} can't be read: {error.strerror or error}")
        return _healthy(SENTENCES[self.resource](metrics), metrics)

    def target(self) -> str:
        """The resource, with its path where it has one."""
        return f"{self.resource} {self.path}" if self._has_path() else self.resource

    def headline(self) -> str:
        """The metric that stands for this resource."""
        return HEADLINES[self.resource]

    def stock_rules(self) -> tuple[StockRule, ...]:
        """The usual levels of this resource; traffic and process count have none."""
        if self.resource not in STOCK:
            return ()
        title, warning, critical, unit = STOCK[self.resource]
        return (
            StockRule(
                metric=self.headline(),
                title=f"{title} {self.path}" if self._has_path() else title,
                warning=warning,
                critical=critical,
                unit=unit,
                runbook=RUNBOOKS[self.resource],
            ),
        )

    def _has_path(self) -> bool:
        return self.resource in ("disk", "inodes")


async def read_filesystem(
    path: str, resource: str, deadline: Deadline, filesystems: Filesystems
) -> Measurement:
    """Measure the filesystem at `path`; one that hangs (a dead network mount) is a time-out."""
    try:
        async with asyncio.timeout_at(deadline.at):
            space = await filesystems.space(path)
    except TimeoutError:
        since = span(filesystems.hanging_s(path))
        return _critical(Cause.TIMEOUT, f"Still waiting for the filesystem at {path}, for {since}")
    except (FileNotFoundError, NotADirectoryError):
        return _critical(Cause.MISSING, f"There is nothing at {path}")
    except OSError as error:
        return _not_measurable(f"The filesystem at {path} can't be read: {error.strerror}")
    return _inodes(path, space) if resource == "inodes" else _disk(path, space)


def _disk(path: str, space: Space) -> Measurement:
    free = show(space.free_bytes, "bytes")
    message = f"Disk {path} {show(space.percent, '%')} used, {free} free"
    return _healthy(message, sampling.disk(space))


def _inodes(path: str, space: Space) -> Measurement:
    if not space.inodes:
        return _not_measurable(f"The filesystem at {path} has no fixed number of inodes")
    message = f"Inodes {path} {show(space.inodes_percent, '%')} used, {space.inodes_free} free"
    return _healthy(message, sampling.inodes(space))


async def _memory(_: Counters) -> dict[str, float]:
    return sampling.memory()


async def _swap(_: Counters) -> dict[str, float]:
    return sampling.swap()


async def _load(_: Counters) -> dict[str, float]:
    return sampling.load()


async def _processes(_: Counters) -> dict[str, float]:
    return sampling.processes()


def _swap_sentence(metrics: dict[str, float]) -> str:
    if not metrics["system.swap.total_bytes"]:
        return "No swap is configured"
    return f"Swap {show(metrics['system.swap.percent'], '%')} used"


def _traffic(metrics: dict[str, float], name: str, verbs: tuple[str, str]) -> str:
    rates = (f"{show(value, 'bytes')}/s" for value in metrics.values())
    return f"{name} " + ", ".join(f"{rate} {verb}" for rate, verb in zip(rates, verbs, strict=True))


READERS: dict[str, Callable[[Counters], Awaitable[dict[str, float]]]] = {
    "cpu": sampling.cpu,
    "memory": _memory,
    "swap": _swap,
    "load": _load,
    "network": sampling.network,
    "disk_io": sampling.disk_io,
    "processes": _processes,
}
SENTENCES: dict[str, Callable[[dict[str, float]], str]] = {
    "cpu": lambda found: f"CPU {show(found['system.cpu.percent'], '%')}",
    "memory": lambda found: (
        f"Memory {show(found['system.memory.percent'], '%')} used, "
        f"{show(found['system.memory.available_bytes'], 'bytes')} available"
    ),
    "swap": _swap_sentence,
    "load": lambda found: (
        f"Load {found['system.load.1m']:.2f}, {found['system.load.per_core']:.2f} per core"
    ),
    "network": lambda found: _traffic(found, "Network", ("sent", "received")),
    "disk_io": lambda found: _traffic(found, "Disk", ("read", "written")),
    "processes": lambda found: f"{found['system.processes.count']:.0f} processes",
}


def _healthy(message: str, metrics: dict[str, float]) -> Measurement:
    return Measurement(status=Status.HEALTHY, message=message, metrics=metrics)


def _critical(cause: Cause, message: str) -> Measurement:
    return Measurement(status=Status.CRITICAL, cause=cause, message=message)


def _not_measurable(message: str) -> Measurement:
    return Measurement(status=Status.UNKNOWN, cause=Cause.NOT_MEASURABLE, message=message)
