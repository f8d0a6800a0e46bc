"""Check kind `process`: named processes run, what they use, and whether they were restarted."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal

import psutil
from msgspec import Meta

from domain.facts import Cause, Measurement, Status
from domain.rules import StockRule
from domain.units import show, span
from monitor.checks import Check, Deadline, hanging_s, in_thread, kind
from monitor.machine.rates import Change, Counters
from monitor.machine.usage import ZOMBIE, Restarts, Usage, descendants, usage_of

Pid = Annotated[int, Meta(ge=1)]


class PidFileError(Exception):
    """The PID file gives no process: it does not exist, can't be read or holds no number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What one look at the process table found: usages, and how many had ended as zombies."""

    usages: tuple[Usage, ...]
    zombies: int

    @property
    def own(self) -> tuple[Usage, ...]:
        """Those that the check names, without their children."""
        return tuple(usage for usage in self.usages if not usage.is_child)


@dataclass(frozen=True, slots=True)
class Memory:
    """What lasts from one run of a check to the next: checks themselves are frozen."""

    counters: Counters = field(default_factory=Counters)
    restarts: Restarts = field(default_factory=Restarts)


_memories: dict[ProcessCheck, Memory] = {}


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
        StockRule(
            metric="process.open_files_percent",
            title="Open files of the process",
            warning=80,
            critical=95,
            unit="%",
            runbook=(
                "A process has nearly used up its limit of open files and connections; then it can "
                "accept and open no more ('Too many open files'). First look: `ls -l /proc/PID/fd` for "
                "what it holds, and whether the number only grows (a leak). Usual fix: restart it, then "
                "close what leaks, or raise the limit (`LimitNOFILE=` of its service)."
            ),
        ),
        StockRule(
            metric="process.restarts",
            title="Restarts in an hour",
            warning=3,
            critical=10,
            runbook=(
                "The processes were replaced by new ones again and again: they crash, or are killed, and "
                "something starts them anew. First look: `journalctl -u SERVICE` for their last words, "
                "and `dmesg | grep -i -E 'oom|segfault'`. Usual fix: undo the last change of program or "
                "configuration; give it the memory it is killed for."
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
    children: Annotated[
        bool, Meta(description="Whether what their children use counts too, and theirs")
    ] = False

    def __post_init__(self) -> None:
        """Refuse a check that does not say, or says twice, which process it means."""
        given = [name for name in ("match", "pid_file", "pid") if getattr(self, name)]
        if len(given) != 1:
            raise ValueError("exactly one of match, pid_file and pid must be given")

    async def run(self, deadline: Deadline) -> Measurement:
        """Find the processes and add up what they use. CPU is over the time since the last run."""
        memory = _memories.setdefault(self, Memory())
        latest: list[Seen] = []

        async def read() -> Mapping[str, float]:
            latest[:] = [await in_thread(("process", self), self._look)]
            return _counted(latest[0].usages)

        try:
            async with asyncio.timeout_at(deadline.at):
                change = await memory.counters.change("usage", read)
        except PidFileError as error:
            return _missing(str(error))
        except TimeoutError:
            waited = hanging_s(("process", self))
            message = f"The process table has not been readable for {waited:.0f} s"
            return Measurement(status=Status.UNKNOWN, cause=Cause.NOT_MEASURABLE, message=message)
        identities = (usage.identity for usage in latest[0].own)
        return self._judge(latest[0], change, memory.restarts.within(identities, time.monotonic()))

    def target(self) -> str:
        """What the processes are found by."""
        if self.match is not None:
            return self.match
        if self.pid_file is not None:
            return f"PID in {self.pid_file}"
        return "the monitor itself" if self.pid == "self" else f"PID {self.pid}"

    def _judge(self, seen: Seen, change: Change, restarts: int) -> Measurement:
        own = seen.own
        metrics = _metrics(seen, change) | {"process.restarts": float(restarts)}
        if len(own) < self.min_count:
            return _missing(self._too_few(len(own), seen.zombies), metrics)
        cpu = show(metrics["process.cpu.percent"], "%")
        rss = show(metrics["process.memory.rss_bytes"], "bytes")
        words = [_plural(len(own), "process", "processes")]
        if self.children:
            words[0] += f" with {_plural(len(seen.usages) - len(own), 'child', 'children')}"
        words += [f"{cpu} CPU", rss]
        if restarts:
            words.append(f"restarted {span(metrics['process.uptime_s'])} ago")
        return Measurement(status=Status.HEALTHY, message=", ".join(words), metrics=metrics)

    def _too_few(self, running: int, zombies: int) -> str:
        found = "No" if not running else f"Only {running}"
        wanted = f", expected at least {self.min_count}" if self.min_count > 1 else ""
        text = f"{found} process found for {self.target()}{wanted}"
        if not zombies:
            return text
        have = "1 has" if zombies == 1 else f"{zombies} have"
        return f"{text}: {have} ended and not been reaped (zombie)"

    def _look(self) -> Seen:
        found = list(self._candidates())
        usages = [usage_of(process) for process in found]
        if self.children:
            usages += [usage_of(process, is_child=True) for process in descendants(found)]
        return Seen(
            usages=tuple(usage for usage in usages if isinstance(usage, Usage)),
            zombies=sum(usage == ZOMBIE for usage in usages),
        )

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


def _counted(usages: Iterable[Usage]) -> dict[str, float]:
    """What grows, by process: a process that is new in between has not moved."""
    found = {"nothing": 0.0}
    for usage in usages:
        found[f"cpu {usage.identity}"] = usage.cpu_s
        if usage.io_bytes is not None:
            found[f"read {usage.identity}"] = float(usage.io_bytes[0])
            found[f"written {usage.identity}"] = float(usage.io_bytes[1])
    return found


def _metrics(seen: Seen, change: Change) -> dict[str, float]:
    usages = seen.usages
    metrics = {"process.count": float(len(seen.own)), "process.zombies": float(seen.zombies)}
    if not usages:
        return metrics
    metrics |= {
        "process.cpu.percent": round(100 * _sum(change, "cpu"), 1),
        "process.memory.rss_bytes": float(sum(usage.rss_bytes for usage in usages)),
        "process.memory.vms_bytes": float(sum(usage.vms_bytes for usage in usages)),
        "process.memory.percent": round(sum(usage.memory_percent for usage in usages), 1),
        "process.threads": float(sum(usage.threads for usage in usages)),
        "process.uptime_s": float(
            round(max(0.0, time.time() - min(usage.created for usage in usages)))
        ),
    }
    # Other users' open files and traffic are visible to root only: leave them out, don't say 0.
    open_files = [usage.open_files for usage in usages if usage.open_files is not None]
    if len(open_files) == len(usages):
        metrics["process.open_files"] = float(sum(open_files))
    shares = [
        100 * usage.open_files / usage.open_files_limit
        for usage in usages
        if usage.open_files is not None and usage.open_files_limit
    ]
    if shares:
        metrics["process.open_files_percent"] = round(max(shares), 1)
    if all(usage.io_bytes is not None for usage in usages):
        metrics["process.io.read_bytes_per_s"] = float(round(_sum(change, "read")))
        metrics["process.io.written_bytes_per_s"] = float(round(_sum(change, "written")))
    return metrics


def _sum(change: Change, counter: str) -> float:
    """The rates of this counter of all processes together."""
    return sum(change.per_second(name) for name in change.moved if name.startswith(f"{counter} "))


def _plural(count: int, one: str, many: str) -> str:
    return f"{count} {one if count == 1 else many}"


def _missing(message: str, metrics: Mapping[str, float] | None = None) -> Measurement:
    return Measurement(
        status=Status.CRITICAL, cause=Cause.MISSING, message=message, metrics=metrics or {}
    )
