"""The alert rules that are shipped and on: for what the machine measures and no shipped check judges.

CPU, memory, swap, load and the root filesystem have checks with levels and runbooks of their own;
a rule beside them would page twice for one outage. `config.toml` changes a stock rule by its id.
"""

from __future__ import annotations

from collections.abc import Mapping

from domain.facts import Detail

# What checks measure has no such label: it is judged where it is measured.
ANY_MOUNT = "/*"
# The root has its own checks.
OTHER_MOUNTS = "/?*"

STOCK_RULES: tuple[Mapping[str, Detail], ...] = (
    {
        "id": "disk-full-soon",
        "title": "Disk full soon",
        "description": "At the rate of the last hour a filesystem fills up within a day.",
        "kind": "rate",
        "metric": "system.disk.percent",
        "labels": {"mount": ANY_MOUNT},
        "window": "1h",
        "reaches": 100,
        "operator": "lt",
        "warning": 24,
        "critical": 4,
        "clear_warning": 30,
        "clear_critical": 6,
        "for": "10m",
        "keep_firing_for": "10m",
        "missing": "ignore",
        "runbook": (
            "The filesystem is not full yet, but it grows so fast that it will be. First look: what "
            "grows, with `du -xh --max-depth=2 MOUNT | sort -h | tail`, run twice some minutes apart; "
            "mostly it is a log, a dump, a core file or a backup that runs right now. Usual fix: stop "
            "or rotate what writes, delete what is not needed, or enlarge the volume; a file that was "
            "deleted while a process holds it open frees its space when that process restarts "
            "(`lsof +L1`). A backup that ends by itself needs no more than an acknowledgement."
        ),
    },
    {
        "id": "inodes-full-soon",
        "title": "Inodes full soon",
        "description": "At the rate of the last hour a filesystem runs out of files within a day.",
        "kind": "rate",
        "metric": "system.inodes.percent",
        "labels": {"mount": ANY_MOUNT},
        "window": "1h",
        "reaches": 100,
        "operator": "lt",
        "warning": 24,
        "critical": 4,
        "clear_warning": 30,
        "clear_critical": 6,
        "for": "10m",
        "keep_firing_for": "10m",
        "missing": "ignore",
        "runbook": (
            "Something makes very many small files, and when the places for files run out nothing can "
            "be written although space is left. First look: which directory it is, with `du -x --inodes "
            "--max-depth=3 MOUNT | sort -n | tail`. Usual fix: clear the queue, session or cache "
            "directory that is never emptied, and give its program a limit or a cleaning job."
        ),
    },
    {
        "id": "disk-other-mounts",
        "title": "Disk",
        "description": "Space used on every filesystem but the root, which has a check of its own.",
        "metric": "system.disk.percent",
        "labels": {"mount": OTHER_MOUNTS},
        "operator": "gte",
        "warning": 80,
        "critical": 90,
        "clear_warning": 78,
        "clear_critical": 88,
        "for": "1m",
        "missing": "ignore",
        "runbook": (
            "The filesystem is nearly full; programs that write to it will fail, databases first. First "
            "look: `df -h`, then `du -xh --max-depth=2 MOUNT | sort -h | tail` for what takes the space. "
            "Usual fix: rotate logs, delete old backups and package caches, or enlarge the volume; look "
            "with `lsof +L1` for deleted files that a process still holds open."
        ),
    },
    {
        "id": "inodes-other-mounts",
        "title": "Inodes",
        "description": "Places for files used on every filesystem but the root.",
        "metric": "system.inodes.percent",
        "labels": {"mount": OTHER_MOUNTS},
        "operator": "gte",
        "warning": 80,
        "critical": 90,
        "clear_warning": 78,
        "clear_critical": 88,
        "for": "1m",
        "missing": "ignore",
        "runbook": (
            "The filesystem has hardly any places for files left; then nothing new can be written "
            "although space is free. First look: `df -i`, then `du -x --inodes --max-depth=3 MOUNT | "
            "sort -n | tail`. Usual fix: clear the directory with very many small files (sessions, mail "
            "queue, cache) and make its program clean up after itself."
        ),
    },
    {
        "id": "overall-critical",
        "title": "Overall status",
        "description": (
            "Something that counts is critical. Off as shipped, because what makes it so has an incident "
            "of its own: switch it on for a channel that is told of nothing else."
        ),
        "enabled": False,
        "metric": "monitor.overall_status",
        "operator": "gte",
        "warning": 2,
        "critical": 4,
        "for": "1m",
        "missing": "ignore",
        "runbook": (
            "The worst of all checks that count is degraded (2), unknown (3) or critical (4). First look: "
            "the overview, which shows the problems first. Usual fix: the incidents of those checks say "
            "what to do."
        ),
    },
    {
        "id": "clock-drift",
        "title": "Step of the clock",
        "description": "By how much the wall clock was moved against the time that really passed.",
        "metric": "monitor.clock_step_ms",
        "operator": "gte",
        "warning": 500,
        "keep_firing_for": "2m",
        "missing": "ignore",
        "runbook": (
            "The clock of this machine was set, or the machine slept; times of logs, certificates and "
            "tokens are wrong by as much on one side of it. First look: `timedatectl` or `chronyc "
            "tracking`: is the clock synchronised, and how far off was it? Usual fix: let one time "
            "service slew the clock, not two; on a virtual machine switch the host's own setting of "
            "the clock off. After a suspended laptop or a migrated machine nothing is to be done."
        ),
    },
    {
        "id": "error-rate",
        "title": "Error rate of the web",
        "description": "Share of Nocturne's own answers of the last five minutes that were errors (5xx).",
        "metric": "web.error_percent",
        "operator": "gte",
        "warning": 5,
        "critical": 10,
        "clear_warning": 3,
        "clear_critical": 6,
        "for": "1m",
        "missing": "ignore",
        "runbook": (
            "Pages and probes of Nocturne fail: what is shown may be old, and load balancers may take it "
            "out. First look: the log of the web process, which has the exception of each failed request "
            "with its number. Usual fix: mostly it is the store: is its disk full, is the database up, "
            "are its connections used up? If the store is well, restart the web; the monitor goes on "
            "checking and paging meanwhile."
        ),
    },
    {
        "id": "monitor-lag",
        "title": "Lag of the monitor",
        "description": "How late the loop is that runs the checks: late checks find faults late.",
        "metric": "monitor.lag_ms",
        "operator": "gte",
        "warning": 500,
        "critical": 2000,
        "for": "1m",
        "keep_firing_for": "1m",
        "missing": "ignore",
        "runbook": (
            "The monitor can't keep up: checks run late, so that faults are found late. It means too "
            "little CPU far more often than too many checks. First look: the CPU and load of this "
            "machine, whether it is paused or its CPU is taken by neighbours (`vmstat 1`, column st), "
            "and the response times of the store's disk. Usual fix: free the machine of what else runs "
            "on it, give it another core, or raise the intervals of checks that need not run so often."
        ),
    },
)
