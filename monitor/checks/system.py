"""Check kind `system`: one resource of the machine that the monitor runs on."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal

from msgspec import Meta

from domain.facts import Cause, Measurement, Status
from domain.rules import StockRule
from domain.units import show, span
from monitor import sampling
from monitor.checks import Check, Deadline, kind
from monitor.machine.resources import HEADLINES as HEADLINES
from monitor.machine.resources import WITH_PATH, stock_rules
from monitor.sampling import Filesystems, Machine, Reading, Space

Resource = Literal[
    "cpu",
    "memory",
    "swap",
    "disk",
    "inodes",
    "load",
    "network",
    "disk_io",
    "processes",
    "open_files",
    "temperature",
    "pressure",
    "uptime",
    "clock",
    "cgroup_memory",
    "cgroup_cpu",
]

# Checks are frozen: what must be remembered between two runs lives here.
_machine = Machine()
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
        if self._has_path():
            return await read_filesystem(self.path, self.resource, deadline, _filesystems)
        return await read_resource(self.resource, deadline, _machine)

    def target(self) -> str:
        """The resource, with its path where it has one."""
        return f"{self.resource} {self.path}" if self._has_path() else self.resource

    def headline(self) -> str:
        """The metric that stands for this resource."""
        return HEADLINES[self.resource]

    def stock_rules(self) -> tuple[StockRule, ...]:
        """The usual levels of this resource; traffic, uptime and process count have none."""
        return stock_rules(self.resource, self.path)

    def _has_path(self) -> bool:
        return self.resource in WITH_PATH


async def read_resource(resource: str, deadline: Deadline, machine: Machine) -> Measurement:
    """Measure what is no filesystem; what this machine does not have can't be measured."""
    try:
        async with asyncio.timeout_at(deadline.at):
            reading = await READERS[resource](machine)
    except TimeoutError:
        return _not_measurable(f"{resource} could not be read in time")
    except OSError as error:
        return _not_measurable(f"{resource} can't be read: {error.strerror or error}")
    if not reading.metrics:
        return _not_measurable(ABSENT[resource])
    return _healthy(SENTENCES[resource](reading), dict(reading.metrics))


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


READERS: dict[str, Callable[[Machine], Awaitable[Reading]]] = {
    "cpu": Machine.cpu,
    "memory": Machine.memory,
    "swap": Machine.swap,
    "load": Machine.load,
    "network": Machine.network,
    "disk_io": Machine.disk_io,
    "processes": Machine.processes_and_zombies,
    "open_files": Machine.open_files,
    "temperature": Machine.temperature,
    "pressure": Machine.pressure,
    "uptime": Machine.uptime,
    "clock": Machine.clock,
    "cgroup_memory": Machine.cgroup_memory,
    "cgroup_cpu": Machine.cgroup_cpu,
}
ABSENT = {
    "open_files": "This system does not tell how many files are open",
    "temperature": "This machine has no temperature sensors",
    "pressure": "This kernel does not measure pressure",
    "clock": "This system does not tell how its clock is kept",
    "cgroup_memory": "No memory limit is set on the container or service that the monitor runs in",
    "cgroup_cpu": "No CPU limit is set on the container or service that the monitor runs in",
}


def _cpu_sentence(reading: Reading) -> str:
    found = reading.metrics
    text = f"CPU {show(found['system.cpu.percent'], '%')}"
    busiest = found.get("system.cpu.busiest_core_percent")
    return text if busiest is None else f"{text}, busiest core {show(busiest, '%')}"


def _memory_sentence(reading: Reading) -> str:
    found = reading.metrics
    available = show(found["system.memory.available_bytes"], "bytes")
    return f"Memory {show(found['system.memory.percent'], '%')} used, {available} available"


def _swap_sentence(reading: Reading) -> str:
    found = reading.metrics
    if not found["system.swap.total_bytes"]:
        return "No swap is configured"
    text = f"Swap {show(found['system.swap.percent'], '%')} used"
    moving = found["system.swap.in_bytes_per_s"] + found["system.swap.out_bytes_per_s"]
    return f"{text}, {show(moving, 'bytes/s')} in and out" if moving else text


def _load_sentence(reading: Reading) -> str:
    found = reading.metrics
    return f"Load {found['system.load.1m']:.2f}, {found['system.load.per_core']:.2f} per core"


def _network_sentence(reading: Reading) -> str:
    found = reading.metrics
    sent = show(found["system.network.sent_bytes_per_s"], "bytes/s")
    received = show(found["system.network.received_bytes_per_s"], "bytes/s")
    text = f"Network {sent} sent, {received} received"
    lost = found["system.network.errors_per_s"] + found["system.network.drops_per_s"]
    return f"{text}, {show(lost)} packets/s lost" if lost else text


def _disk_io_sentence(reading: Reading) -> str:
    found = reading.metrics
    read = show(found["system.disk_io.read_bytes_per_s"], "bytes/s")
    written = show(found["system.disk_io.written_bytes_per_s"], "bytes/s")
    busiest = found.get("system.disk_io.busiest_percent")
    text = f"Disk {read} read, {written} written"
    return text if busiest is None else f"{text}, busy {show(busiest, '%')}"


def _processes_sentence(reading: Reading) -> str:
    found = reading.metrics
    words = [f"{found['system.processes.count']:.0f} processes"]
    for metric, word in (
        ("system.processes.blocked", "waiting for a disk"),
        ("system.processes.zombies", "zombies"),
    ):
        if found.get(metric):
            words.append(f"{found[metric]:.0f} {word}")
    return ", ".join(words)


def _open_files_sentence(reading: Reading) -> str:
    found = reading.metrics
    limit = found["system.open_files.limit"]
    # Where systemd sets it, it is the largest number there is.
    of = f" of {limit:.0f}" if limit < 1e12 else ""
    return f"{found['system.open_files.count']:.0f}{of} open files"


def _temperature_sentence(reading: Reading) -> str:
    return f"{show(reading.metrics['system.temperature.celsius'], '°C')} at {reading.note}"


def _pressure_sentence(reading: Reading) -> str:
    found = reading.metrics
    shares = (
        f"{word} {show(found[f'system.pressure.{name}_some_percent'], '%')}"
        for name, word in (("cpu", "the CPU"), ("memory", "memory"), ("io", "disks"))
    )
    return f"Some waited for {', '.join(shares)} of the last 10 s"


def _uptime_sentence(reading: Reading) -> str:
    up_s = reading.metrics["system.uptime.up_s"]
    booted = datetime.now(UTC) - timedelta(seconds=up_s)
    return f"Up for {span(up_s)}, since {booted:%Y-%m-%d %H:%M} UTC"


def _clock_sentence(reading: Reading) -> str:
    found = reading.metrics
    if not found["system.clock.synchronised"]:
        return "No time service keeps this machine's clock"
    offset = show(found["system.clock.offset_ms"], "ms")
    return f"Clock synchronised, {offset} off, {show(found['system.clock.max_error_ms'], 'ms')} at most"


def _cgroup_memory_sentence(reading: Reading) -> str:
    found = reading.metrics
    limit = show(found["system.cgroup_memory.limit_bytes"], "bytes")
    return f"Container memory {show(found['system.cgroup_memory.percent'], '%')} of {limit} used"


def _cgroup_cpu_sentence(reading: Reading) -> str:
    found = reading.metrics
    cores = f"{found['system.cgroup_cpu.limit_cores']:g}"
    text = f"Container CPU {show(found['system.cgroup_cpu.percent'], '%')} of {cores} cores"
    throttled = found["system.cgroup_cpu.throttled_percent"]
    return f"{text}, throttled in {show(throttled, '%')} of periods" if throttled else text


SENTENCES: dict[str, Callable[[Reading], str]] = {
    "cpu": _cpu_sentence,
    "memory": _memory_sentence,
    "swap": _swap_sentence,
    "load": _load_sentence,
    "network": _network_sentence,
    "disk_io": _disk_io_sentence,
    "processes": _processes_sentence,
    "open_files": _open_files_sentence,
    "temperature": _temperature_sentence,
    "pressure": _pressure_sentence,
    "uptime": _uptime_sentence,
    "clock": _clock_sentence,
    "cgroup_memory": _cgroup_memory_sentence,
    "cgroup_cpu": _cgroup_cpu_sentence,
}


def _healthy(message: str, metrics: dict[str, float]) -> Measurement:
    return Measurement(status=Status.HEALTHY, message=message, metrics=metrics)


def _critical(cause: Cause, message: str) -> Measurement:
    return Measurement(status=Status.CRITICAL, cause=cause, message=message)


def _not_measurable(message: str) -> Measurement:
    return Measurement(status=Status.UNKNOWN, cause=Cause.NOT_MEASURABLE, message=message)
