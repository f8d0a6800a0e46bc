"""The resources of the `system` kind: the headline of each, and the levels and runbooks it brings."""

from __future__ import annotations

from domain.rules import Operator, StockRule

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
    "open_files": "system.open_files.percent",
    "temperature": "system.temperature.celsius",
    "pressure": "system.pressure.full_percent",
    "uptime": "system.uptime.up_s",
    "clock": "system.clock.offset_ms",
    "cgroup_memory": "system.cgroup_memory.percent",
    "cgroup_cpu": "system.cgroup_cpu.percent",
}
WITH_PATH = frozenset({"disk", "inodes"})
# resource → title, warning, critical, unit: the level of its headline
LEVELS: dict[str, tuple[str, float, float, str]] = {
    "cpu": ("CPU", 70, 85, "%"),
    "memory": ("Memory", 80, 95, "%"),
    "swap": ("Swap", 60, 90, "%"),
    "disk": ("Disk", 80, 90, "%"),
    "inodes": ("Inodes", 80, 90, "%"),
    "load": ("Load per core", 1.5, 3, ""),
    "open_files": ("Open files", 80, 95, "%"),
    "temperature": ("Temperature", 80, 95, "°C"),
    "pressure": ("Pressure", 20, 60, "%"),
    "clock": ("Clock offset", 50, 500, "ms"),
    "cgroup_memory": ("Container memory", 80, 95, "%"),
    "cgroup_cpu": ("Container CPU", 70, 85, "%"),
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
    "open_files": (
        "The machine has nearly given out all its file handles; then no program can open a file or "
        "accept a connection. First look: `cat /proc/sys/fs/file-nr`, then `lsof -n | awk '{print $2, "
        "$1}' | sort | uniq -c | sort -n | tail` for who holds them. Usual fix: restart the program "
        "that never closes what it opens, or raise fs.file-max by sysctl."
    ),
    "temperature": (
        "The machine is hot: it slows its cores down next, then switches itself off. First look: "
        "`sensors` for which part, and whether the load explains it. Usual fix: clean or replace fans "
        "and filters, look at the cooling of the room, and lower the load until then."
    ),
    "pressure": (
        "For this share of the last 10 s nothing could go on, since all that wanted to run waited for "
        "memory or for a disk. First look: `cat /proc/pressure/memory /proc/pressure/io` for which of "
        "both, then `vmstat 1`, or `iotop -o`. Usual fix: for memory, shrink or move the largest process "
        "before the kernel kills one; for disks, move what writes most, or get faster disks."
    ),
    "clock": (
        "This machine's clock differs from the time service it follows: logs lie, and logins by "
        "certificate or one-time code fail. First look: `timedatectl`, then `chronyc tracking` or `ntpq "
        "-p`. Usual fix: restart the time service, and let its port (UDP 123) through the firewall."
    ),
    "cgroup_memory": (
        "The container or service that the monitor runs in has nearly used up its memory limit; next "
        "the kernel kills a process inside. First look: `memory.stat` in its folder under /sys/fs/cgroup "
        "for what takes it (anon is programs). Usual fix: find what grows, or raise the limit (`docker "
        "run --memory`, `resources.limits.memory`, `MemoryMax=`)."
    ),
    "cgroup_cpu": (
        "The container or service that the monitor runs in uses nearly all the CPU it may; beyond that it "
        "is stopped for a part of each period. First look: `top` inside it, and the metric "
        "system.cgroup_cpu.throttled_percent. Usual fix: find what computes, or raise the quota (`docker "
        "run --cpus`, `resources.limits.cpu`, `CPUQuota=`)."
    ),
}
FURTHER: dict[str, StockRule] = {
    "clock": StockRule(
        metric="system.clock.synchronised",
        title="Clock synchronised",
        warning=1,
        operator=Operator.LT,
        runbook=(
            "No time service steers this machine's clock, so it drifts by seconds a day. First look: "
            "`timedatectl` and `systemctl status chrony systemd-timesyncd`. Usual fix: install or "
            "start one of them. A virtual machine whose host sets the clock can do without: switch "
            "this check off there."
        ),
    ),
    "cgroup_cpu": StockRule(
        metric="system.cgroup_cpu.throttled_percent",
        title="Container CPU throttled",
        warning=25,
        critical=75,
        unit="%",
        runbook=(
            "In this share of periods the container or service was stopped since it had used its quota, "
            "which users see as pauses. First look: `cpu.stat` in its folder under /sys/fs/cgroup, and "
            "how many threads it starts: many short bursts use up a quota at once. Usual fix: raise the "
            "quota, or start as many workers as it has cores."
        ),
    ),
}


def stock_rules(resource: str, path: str) -> tuple[StockRule, ...]:
    """The usual levels of a resource; traffic, uptime and the number of processes have none."""
    if resource not in LEVELS:
        return ()
    title, warning, critical, unit = LEVELS[resource]
    headline = StockRule(
        metric=HEADLINES[resource],
        title=f"{title} {path}" if resource in WITH_PATH else title,
        warning=warning,
        critical=critical,
        unit=unit,
        runbook=RUNBOOKS[resource],
    )
    return (headline, FURTHER[resource]) if resource in FURTHER else (headline,)
