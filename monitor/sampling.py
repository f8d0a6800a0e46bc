"""The machine that the monitor runs on as metrics: for the `system` checks and the 10 s sampler.

Nothing here blocks the loop: what the kernel keeps in memory is read at once, a filesystem (which
may hang on a dead mount) and temperature sensors in threads. `monitor.machine` does the reading.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

import psutil

from monitor.checks import in_thread
from monitor.machine import clock, cores, kernel, traffic
from monitor.machine.cgroup import Cgroups
from monitor.machine.filesystems import Filesystems, Space, mounts, space_of
from monitor.machine.metrics import (
    CPU_SHARES,
    DEVICE,
    DISK_IO,
    INTERFACE,
    NETWORK,
    Reading,
    Sample,
    disk,
    inodes,
)
from monitor.machine.rates import Change, Counters, percent
from monitor.machine.temperature import Thermometer

__all__ = [
    "Change",
    "Counters",
    "Filesystems",
    "Machine",
    "Reading",
    "Sample",
    "Space",
    "SystemSampler",
    "disk",
    "inodes",
    "mounts",
    "space_of",
]

MOUNT_BUDGET_S = 2.0
CORES = 64
MOUNTS = 64
LIST_MOUNTS_S = 60.0
RARE = ("errors", "drops", "requests")

T = TypeVar("T")


class Machine:
    """Reads resources of this machine. Rates are over the time since the previous reading here."""

    def __init__(
        self, cgroups: Cgroups | None = None, thermometer: Thermometer | None = None
    ) -> None:
        self._counters = Counters()
        self._cgroups = cgroups or Cgroups()
        self._thermometer = thermometer or Thermometer()

    async def cpu(self) -> Reading:
        """CPU use of all cores together, of the busiest one, and of each."""
        change = await self._counters.change("cpu", _cpu_times)
        each = traffic.parts(change.moved)
        shares = {core: change.share(f"{core} busy", f"{core} total") for core in each}
        metrics = {"system.cpu.percent": change.share("busy", "total")}
        if shares:
            metrics["system.cpu.busiest_core_percent"] = max(shares.values())
        for name, metric in CPU_SHARES.items():
            if name in change.moved:
                metrics[metric] = change.share(name, "total")
        parts = [_part("system.core.percent", "core", *item) for item in shares.items()]
        return Reading(metrics=metrics, parts=tuple(parts[:CORES]))

    async def memory(self) -> Reading:
        """Memory in use, as the share that is not available to a new process."""
        found = psutil.virtual_memory()
        return Reading(
            metrics={
                "system.memory.percent": round(found.percent, 1),
                "system.memory.available_bytes": float(found.available),
                "system.memory.used_bytes": float(found.used),
                "system.memory.total_bytes": float(found.total),
            }
        )

    async def swap(self) -> Reading:
        """Swap in use, 0 % where none is configured; and what moves in and out."""
        latest: list[Any] = []

        async def read() -> Mapping[str, float]:
            latest[:] = [psutil.swap_memory()]
            return {"in": float(latest[0].sin), "out": float(latest[0].sout)}

        change = await self._counters.change("swap", read)
        found = latest[0]
        return Reading(
            metrics={
                "system.swap.percent": round(found.percent, 1),
                "system.swap.used_bytes": float(found.used),
                "system.swap.total_bytes": float(found.total),
                "system.swap.in_bytes_per_s": _rate(change, "in"),
                "system.swap.out_bytes_per_s": _rate(change, "out"),
            }
        )

    async def load(self) -> Reading:
        """Load averages, and the 1-minute one divided by the number of cores."""
        one, five, fifteen = os.getloadavg()
        return Reading(
            metrics={
                "system.load.1m": round(one, 2),
                "system.load.5m": round(five, 2),
                "system.load.15m": round(fifteen, 2),
                "system.load.per_core": round(one / (os.cpu_count() or 1), 2),
            }
        )

    async def network(self) -> Reading:
        """Network traffic of all interfaces together and of each; errors and lost packets too."""
        change = await self._counters.change("network", _interfaces)
        parts = [
            _part(metric, "interface", name, _rate(change, f"{name} {counter}"))
            for name in traffic.parts(change.moved)
            for counter, metric in INTERFACE.items()
        ]
        return Reading(
            metrics={metric: _rate(change, counter) for counter, metric in NETWORK.items()},
            parts=tuple(parts),
        )

    async def disk_io(self) -> Reading:
        """Disk traffic of all disks together and of each; how busy they are, how long it takes."""
        change = await self._counters.change("disk_io", _disks)
        metrics = {metric: _rate(change, counter) for counter, metric in DISK_IO.items()}
        busy = {name: _busy(change, name) for name in traffic.parts(change.moved)}
        if busy:
            metrics["system.disk_io.busiest_percent"] = max(busy.values())
        if requests := change.moved.get("requests"):
            metrics["system.disk_io.request_ms"] = round(change.moved["waited"] / requests, 2)
        parts = [
            _part(metric, "disk", name, _rate(change, f"{name} {counter}"))
            for name in busy
            for counter, metric in DEVICE.items()
        ]
        parts += [_part("system.device.busy_percent", "disk", *item) for item in busy.items()]
        return Reading(metrics=metrics, parts=tuple(parts))

    async def processes(self) -> Reading:
        """How many processes there are, and what the kernel says of those that want to run."""
        metrics = {"system.processes.count": float(len(psutil.pids()))}
        if queue := _parsed("/proc/stat", kernel.run_queue):
            metrics["system.processes.running"] = float(queue.running)
            metrics["system.processes.blocked"] = float(queue.blocked)
        return Reading(metrics=metrics)

    async def processes_and_zombies(self) -> Reading:
        """The same with zombies, for which every process must be asked: not for each sample."""
        reading = await self.processes()
        zombies = await in_thread("zombies", kernel.zombies)
        return Reading(metrics={**reading.metrics, "system.processes.zombies": float(zombies)})

    async def open_files(self) -> Reading:
        """File handles in use on the whole machine."""
        found = _parsed("/proc/sys/fs/file-nr", kernel.open_files)
        if found is None:
            return Reading()
        return Reading(
            metrics={
                "system.open_files.percent": percent(found.count, found.limit),
                "system.open_files.count": float(found.count),
                "system.open_files.limit": float(found.limit),
            }
        )

    async def temperature(self) -> Reading:
        """The hottest sensor."""
        if not self._thermometer.exists():
            return Reading()
        key = ("temperature", id(self._thermometer))
        found = await in_thread(key, self._thermometer.hottest)
        if found is None:
            return Reading()
        return Reading(metrics={"system.temperature.celsius": found.celsius}, note=found.sensor)

    async def pressure(self) -> Reading:
        """Pressure stall information: the share of the last 10 s lost by waiting."""
        found = kernel.pressure()
        if not found:
            return Reading()
        cpu, memory, disk = (found[resource] for resource in kernel.PRESSURE)
        return Reading(
            metrics={
                "system.pressure.full_percent": max(memory.full, disk.full),
                "system.pressure.cpu_some_percent": cpu.some,
                "system.pressure.memory_some_percent": memory.some,
                "system.pressure.memory_full_percent": memory.full,
                "system.pressure.io_some_percent": disk.some,
                "system.pressure.io_full_percent": disk.full,
            }
        )

    async def uptime(self) -> Reading:
        """How long the machine has been running."""
        return Reading(metrics={"system.uptime.up_s": float(round(kernel.up_s()))})

    async def clock(self) -> Reading:
        """What the kernel knows of its clock."""
        found = clock.clock()
        if found is None:
            return Reading()
        return Reading(
            metrics={
                "system.clock.offset_ms": round(found.offset_ms, 3),
                "system.clock.max_error_ms": round(found.max_error_ms, 3),
                "system.clock.synchronised": float(found.synchronised),
            }
        )

    async def cgroup_memory(self) -> Reading:
        """Memory of the container or service that this process runs in, when it is limited."""
        found = self._cgroups.memory()
        if found is None:
            return Reading()
        return Reading(
            metrics={
                "system.cgroup_memory.percent": found.percent,
                "system.cgroup_memory.used_bytes": float(found.used_bytes),
                "system.cgroup_memory.limit_bytes": float(found.limit_bytes),
            }
        )

    async def cgroup_cpu(self) -> Reading:
        """CPU of the container or service that this process runs in, when it is limited."""
        found = self._cgroups.cpu()
        if found is None:
            return Reading()
        change = await self._counters.change(("cgroup_cpu", found.folder), self._quota)
        allowed_s = found.limit_cores * change.seconds
        return Reading(
            metrics={
                "system.cgroup_cpu.percent": percent(change.moved.get("used", 0.0), allowed_s),
                "system.cgroup_cpu.throttled_percent": change.share("throttled", "periods"),
                "system.cgroup_cpu.limit_cores": found.limit_cores,
            }
        )

    async def _quota(self) -> Mapping[str, float]:
        found = self._cgroups.cpu()
        if found is None:  # lifted just now
            return {}
        return {"used": found.used_s, "periods": found.periods, "throttled": found.throttled}


class SystemSampler:
    """All system metrics at once, for the sampler. Rates are over the time since the last one."""

    def __init__(
        self,
        filesystems: Filesystems | None = None,
        list_mounts: Callable[[], Iterable[str]] = mounts,
        machine: Machine | None = None,
    ) -> None:
        self._machine = machine or Machine()
        self._filesystems = filesystems or Filesystems()
        self._list_mounts = list_mounts
        self._paths: list[str] = []
        self._list_at = 0.0

    async def sample(self) -> list[Sample]:
        """One sample of every system series. A mount that does not answer in 2 s is left out."""
        machine, found = self._machine, list[Sample]()
        rates = (machine.cpu, machine.network, machine.disk_io, machine.swap, machine.cgroup_cpu)
        plain = (
            *(machine.memory, machine.load, machine.processes, machine.open_files),
            *(machine.pressure, machine.uptime, machine.clock, machine.cgroup_memory),
        )
        # Together, since each of them sleeps at its first reading.
        readings = await asyncio.gather(*(read() for read in rates))
        for reading in [*readings, *[await read() for read in plain], await self._temperature()]:
            found += [Sample(name=name, value=value) for name, value in reading.metrics.items()]
            found += reading.parts
        if time.monotonic() >= self._list_at:
            self._list_at = time.monotonic() + LIST_MOUNTS_S
            self._paths = list(self._list_mounts())[:MOUNTS]
        by_mount = await asyncio.gather(*(self._mount(path) for path in self._paths))
        return found + [sample for samples in by_mount for sample in samples]

    async def _temperature(self) -> Reading:
        try:
            async with asyncio.timeout(MOUNT_BUDGET_S):
                return await self._machine.temperature()
        except TimeoutError:  # a sensor behind a bus that hangs
            return Reading()

    async def _mount(self, path: str) -> list[Sample]:
        try:
            async with asyncio.timeout(MOUNT_BUDGET_S):
                space = await self._filesystems.space(path)
        except OSError:
            return []
        metrics = disk(space) | (inodes(space) if space.inodes else {})
        return [_part(name, "mount", path, value) for name, value in metrics.items()]


async def _cpu_times() -> Mapping[str, float]:
    return cores.cpu_times()


async def _interfaces() -> Mapping[str, float]:
    return traffic.interface_counters()


async def _disks() -> Mapping[str, float]:
    return traffic.disk_counters()


def _busy(change: Change, disk: str) -> float:
    return percent(change.moved.get(f"{disk} busy", 0.0), 1000 * change.seconds)


def _rate(change: Change, counter: str) -> float:
    """Whole bytes suffice; two digits where something rare is counted."""
    return round(change.per_second(counter), 0 if not counter.endswith(RARE) else 2)


def _part(metric: str, label: str, part: str, value: float) -> Sample:
    return Sample(name=metric, value=value, labels={label: part})


def _parsed(path: str, parse: Callable[[str], T]) -> T | None:
    """What a file of the kernel's says; None where it does not exist or reads otherwise."""
    try:
        return parse(kernel.read(path))
    except (OSError, ValueError):
        return None
