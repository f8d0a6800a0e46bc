"""What is read of this machine, and how its counters and sizes are called as metrics."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from monitor.machine.filesystems import Space


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One value of one series: its dotted metric name, its labels, its value."""

    name: str
    value: float
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A resource's metrics, empty where the machine does not have it; and its parts as series."""

    metrics: Mapping[str, float] = field(default_factory=dict)
    parts: tuple[Sample, ...] = ()
    note: str = ""


# counter → metric
CPU_SHARES = {
    "user": "system.cpu.user_percent",
    "system": "system.cpu.system_percent",
    "iowait": "system.cpu.iowait_percent",
    "steal": "system.cpu.steal_percent",
}
NETWORK = {
    "sent": "system.network.sent_bytes_per_s",
    "received": "system.network.received_bytes_per_s",
    "errors": "system.network.errors_per_s",
    "drops": "system.network.drops_per_s",
}
INTERFACE = {
    "sent": "system.interface.sent_bytes_per_s",
    "received": "system.interface.received_bytes_per_s",
    "errors": "system.interface.errors_per_s",
    "drops": "system.interface.drops_per_s",
}
DISK_IO = {
    "read": "system.disk_io.read_bytes_per_s",
    "written": "system.disk_io.written_bytes_per_s",
    "requests": "system.disk_io.requests_per_s",
}
DEVICE = {
    "read": "system.device.read_bytes_per_s",
    "written": "system.device.written_bytes_per_s",
}


def disk(space: Space) -> dict[str, float]:
    """The metrics of a filesystem's bytes."""
    return {
        "system.disk.percent": space.percent,
        "system.disk.free_bytes": space.free_bytes,
        "system.disk.total_bytes": space.total_bytes,
    }


def inodes(space: Space) -> dict[str, float]:
    """The metrics of a filesystem's inodes."""
    return {
        "system.inodes.percent": space.inodes_percent,
        "system.inodes.free": float(space.inodes_free),
    }
