"""Check kind `process`: named processes run, and what they use."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

import psutil
from msgspec import Meta

from domain.facts import Cause, Measurement, Status
from domain.rules import StockRule
from domain.units import show
from monitor.checks import Check, Deadline, hanging_s, in_thread, kind
from monitor.sampling import Counters

Pid = Annotated[int, Meta(ge=1)]

# CPU seconds by process at the previous run of each check (checks themselves are frozen).
_counters = Counters()


class PidFileError(Exception):
    """The PID file gives no process: it does not exist, can't be read or holds no number."""


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
    created: float


@kind(
    "process",
    title="Process",
    component="process",
    headline="process.memory.rss_bytes",
    retry_s=None,
    rules=(
        StockRule(
            metric="process.memory.percent",
            title="Memory of the process",
            warning=80,
            unit="%",
            runbook=(
                "The processes hold most of this machine's memory; next it swaps, or the kernel kills "
                "them. First look: whether their memory has grown steadily (a leak) or with the load, "
                "in the chart of process.memory.rss_bytes. Usual fix: restart them, then lower caches "
                "or the number of workers, or set a limit that restarts them before they hurt others."
            ),
        ),
        StockRule(
            metric="process.cpu.percent",
            title="CPU of the process",
            warning=90,
            unit="%",
            runbook=(
                "The processes use nearly a whole core or more (100 % is one). That is fine for a batch "
                "job and a sign of a loop in a service. First look: `top -H -p PID` for the busy thread, "
                "and their log for what they do over and over. Usual fix: restart what loops; where it "
                "is honest work, spread it or set warning higher for this check."
            ),
        ),
    ),
)
class ProcessCheck(Check, frozen=True, kw_only=True):
    """At least `min_count` processes run; what they use is summed. 100 % CPU is one whole core."""

    match: Annotated[
        str | None, Meta(description="Process name, or a part of its command line")
    ] = None
    pid_file: Annotated[str | None, Meta(description="File that holds the process's PID")] = None
    pid: Annotated[
        Literal["self"] | Pid | None, Meta(description='PID, or "self" for the monitor')
    ] = None
    min_count: Annotated[int, Meta(ge=1, description="How many processes must run at least")] = 1

    def __post_init__(self) -> None:
        """Refuse a check that does not say, or says twice, which process it means."""
        given = [name for name in ("match", "pid_file", "pid") if getattr(self, name)]
        if len(given) != 1:
            raise ValueError("exactly one of match, pid_file and pid must be given")

    async def run(self, deadline: Deadline) -> Measurement:
        """Find the processes and add up what they use. CPU is over the time since the last run."""
        latest: list[Usage] = []

        async def read() -> Mapping[str, float]:
            latest[:] = await in_thread(("process", self), self._usages)
            return {usage.identity: usage.cpu_s for usage in latest} or {"nothing": 0.0}

        try:
            async with asyncio.timeout_at(deadline.at):
                change = await _counters.change(self, read)
        except PidFileError as error:
            return _missing(str(error))
        except TimeoutError:
            waited = hanging_s(("process", self))
            message = f"The process table has not been readable for {waited:.0f} s"
            return Measurement(status=Status.UNKNOWN, cause=Cause.NOT_MEASURABLE, message=message)
        return self._judge(latest, 100 * sum(change.moved.values()) / change.seconds)

    def target(self) -> str:
        """What the processes are found by."""
        if self.match is not None:
            return self.match
        if self.pid_file is not None:
            return f"PID in {self.pid_file}"
        return "the monitor itself" if self.pid == "self" else f"PID {self.pid}"

    def _judge(self, usages: list[Usage], cpu_percent: float) -> Measurement:
        metrics = _metrics(usages, cpu_percent)
        if len(usages) < self.min_count:
            found = "No" if not usages else f"Only {len(usages)}"
            wanted = f", expected at least {self.min_count}" if self.min_count > 1 else ""
            return _missing(f"{found} process found for {self.target()}{wanted}", metrics)
        rss = show(metrics["process.memory.rss_bytes"], "bytes")
        plural = "process" if len(usages) == 1 else "processes"
        return Measurement(
            status=Status.HEALTHY,
            message=f"{len(usages)} {plural}, {show(round(cpu_percent, 1), '%')} CPU, {rss}",
            metrics=metrics,
        )

    def _usages(self) -> list[Usage]:
        found = (_usage(process) for process in self._candidates())
        return [usage for usage in found if usage is not None]

    def _candidates(self) -> Iterator[psutil.Process]:
        if self.match is not None:
            yield from (found for found in psutil.process_iter() if _matches(found, self.match))
            return
        try:
            yield psutil.Process(self._pid())
        except psutil.NoSuchProcess:
            return

    def _pid(self) -> int:
        if self.pid_file is not None:
            return _pid_in(self.pid_file)
        return os.getpid() if not isinstance(self.pid, int) else self.pid


def _matches(process: psutil.Process, wanted: str) -> bool:
    try:
        # The name is the cheaper read; most processes are passed over by it and one more.
        return process.name() == wanted or wanted in " ".join(process.cmdline())
    except psutil.Error:
        return False


def _pid_in(path: str) -> int:
    try:
        with open(path, encoding="ascii", errors="replace") as file:
            text = file.read(64).strip()
    except OSError as error:
        raise PidFileError(f"PID file {path} can't be read: {error.strerror}") from None
    if not text.isascii() or not text.isdigit() or not 0 < int(text) < 2**31:
        raise PidFileError(f"PID file {path} holds no process number")
    return int(text)


def _usage(process: psutil.Process) -> Usage | None:
    """What the process uses; None when it has ended, also as a zombie."""
    try:
        with process.oneshot():
            if process.status() == psutil.STATUS_ZOMBIE:
                return None
            times, memory = process.cpu_times(), process.memory_info()
            return Usage(
                identity=f"{process.pid}@{process.create_time()}",
                cpu_s=times.user + times.system,
                rss_bytes=memory.rss,
                vms_bytes=memory.vms,
                memory_percent=process.memory_percent(),
                threads=process.num_threads(),
                open_files=_open_files(process),
                created=process.create_time(),
            )
    except psutil.Error:
        return None


def _open_files(process: psutil.Process) -> int | None:
    try:
        return process.num_fds()
    except psutil.AccessDenied:
        return None


def _metrics(usages: list[Usage], cpu_percent: float) -> dict[str, float]:
    if not usages:
        return {"process.count": 0.0}
    metrics = {
        "process.count": float(len(usages)),
        "process.cpu.percent": round(cpu_percent, 1),
        "process.memory.rss_bytes": float(sum(usage.rss_bytes for usage in usages)),
        "process.memory.vms_bytes": float(sum(usage.vms_bytes for usage in usages)),
        "process.memory.percent": round(sum(usage.memory_percent for usage in usages), 1),
        "process.threads": float(sum(usage.threads for usage in usages)),
        "process.uptime_s": float(
            round(max(0.0, time.time() - min(usage.created for usage in usages)))
        ),
    }
    # Other users' open files are visible to root only: leave the series out, don't say 0.
    open_files = [usage.open_files for usage in usages if usage.open_files is not None]
    if len(open_files) == len(usages):
        metrics["process.open_files"] = float(sum(open_files))
    return metrics


def _missing(message: str, metrics: Mapping[str, float] | None = None) -> Measurement:
    return Measurement(
        status=Status.CRITICAL, cause=Cause.MISSING, message=message, metrics=metrics or {}
    )
