"""A real monitor process under load: its configuration, what it uses in a window, how late it is."""

from __future__ import annotations

import math
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psutil
from sqlalchemy import Row, select

from bench.blackbox import free_port
from bench.cores import on_core
from bench.monitor import cpu_s, tree_of
from domain.facts import Status
from monitor.roster import phase
from storage.engine import open_engine, reader
from storage.schema import check_state, results
from tests.installed import Installed
from tests.waiting import wait_for

OPENING_S = 12
# Results are committed at most so long after they were found.
COMMITTED_S = 3


@dataclass(frozen=True, kw_only=True)
class Run:
    """One run in the store: when it began and ended, in seconds of UTC."""

    name: str
    began: float
    ended: float
    attempt: int
    status: int
    took_s: float | None


@dataclass(frozen=True, kw_only=True)
class Window:
    """A stretch of time and what the monitor did in it. Memory in MB of 10⁶ bytes."""

    start: float
    end: float
    cpu_s: float
    rss_mb: float
    runs: tuple[Run, ...]

    @property
    def cpu_ms(self) -> float:
        """CPU of one check, everything included."""
        return 1000 * self.cpu_s / max(1, len(self.runs))

    @property
    def cores(self) -> float:
        return self.cpu_s / (self.end - self.start)


@dataclass(frozen=True, kw_only=True)
class Punctuality:
    """How late the scheduled runs began (s), how many slots had none, and how many a bad one."""

    lateness: tuple[float, ...]
    slots: int
    missed: int
    unhealthy: int

    def quantile(self, share: float) -> float:
        return quantile(self.lateness, share)

    @property
    def on_time(self) -> float:
        """The share (%) of slots with a run that began within a second."""
        return 100 * sum(late <= 1 for late in self.lateness) / max(1, self.slots)


def http_check(name: str, url: str, interval_s: int, **more: object) -> str:
    """The table of one http check."""
    return check(name, "http", interval_s, url=url, **more)


def check(name: str, kind: str, interval_s: int, **more: object) -> str:
    """The table of one check. Texts, whole numbers and booleans only."""
    fields = {"name": name, "kind": kind, "interval": f"{interval_s}s", **more}
    lines = (f"{key} = {_toml(value)}" for key, value in fields.items())
    return "[[check]]\n" + "\n".join(lines) + "\n"


def _toml(value: object) -> str:
    return str(value).lower() if isinstance(value, bool | int) else f'"{value}"'


@contextmanager
def installation(tables: Sequence[str]) -> Iterator[Installed]:
    """These checks over a store of its own. Whatever is started in it is ended afterwards."""
    with tempfile.TemporaryDirectory(prefix="nocturne-bench") as folder:
        plain = '[log]\nlevel = "warning"\n'
        text = "\n".join(tables)
        installed = Installed(folder=Path(folder), port=free_port(), checks=text, plain=plain)
        try:
            assert installed.app("migrate").returncode == 0
            yield installed
        finally:
            installed.close()


def start(
    installed: Installed, core: int | None = None, wrapped: Sequence[str] = ()
) -> psutil.Process:
    """Start the monitor; returns its process once it leads and has begun to check.

    `wrapped` is a module with arguments that stands before `app.py`, such as a profiler.
    """
    with on_core(core):
        process = installed.launch(
            "monitor", *wrapped, "app.py", "--config", str(installed.config), "monitor"
        )
    begun = time.time()
    wait_for(lambda: bool(runs_of(installed, begun, math.inf)), 600, pause_s=0.5)
    return psutil.Process(process.pid)


def settle(installed: Installed, count: int, interval_s: int) -> None:
    """Wait until all checks have opened, and a whole interval on."""
    wait_for(lambda: _known(installed) >= count, OPENING_S + 120, pause_s=0.5)
    time.sleep(OPENING_S + interval_s)


def watch(
    installed: Installed, monitor: psutil.Process, seconds: float, meanwhile: Callable[[], None]
) -> Window:
    """Watch for so long from the next full second on; `meanwhile` is called about twice a second."""
    time.sleep(1 - time.time() % 1)
    start, used, rss = time.time(), cpu_s(monitor.pid), 0.0
    while time.time() < start + seconds:
        rss = max(rss, sum(each.memory_info().rss for each in tree_of(monitor.pid)) / 1e6)
        meanwhile()
        time.sleep(max(0.0, min(0.5, start + seconds - time.time())))
    end, spent = time.time(), cpu_s(monitor.pid) - used
    time.sleep(COMMITTED_S)
    runs = tuple(runs_of(installed, start, end))
    return Window(start=start, end=end, cpu_s=spent, rss_mb=rss, runs=runs)


def nothing() -> None:
    """Nothing is to be done meanwhile."""


def runs_of(installed: Installed, start: float, end: float) -> list[Run]:
    """The runs that began within this time. A run that measured no time is taken to have no length."""
    query = (
        select(check_state.c.name, results)
        .join(check_state, check_state.c.id == results.c.check_id)
        .where(results.c.at >= datetime.fromtimestamp(start, UTC))
    )
    engine = open_engine(installed.url)
    try:
        with reader(engine).connect() as connection:
            found = [_run(row) for row in connection.execute(query)]
    finally:
        engine.dispose()
    return [run for run in found if start <= run.began < end]


def _run(row: Row[tuple[object, ...]]) -> Run:
    ended = row.at.timestamp()
    took_s = None if row.response_ms is None else row.response_ms / 1000
    return Run(
        name=row.name,
        began=ended - (took_s or 0.0),
        ended=ended,
        attempt=row.attempt,
        status=row.status,
        took_s=took_s,
    )


def _known(installed: Installed) -> int:
    engine = open_engine(installed.url)
    try:
        with reader(engine).connect() as connection:
            return len(connection.execute(select(results.c.check_id).distinct()).all())
    finally:
        engine.dispose()


def punctuality(window: Window, names: Sequence[str], interval_s: int) -> Punctuality:
    """How late the first tries of these checks began after their slots within the window.

    Slots of the last interval's second half have no time left for a late run: they are left out.
    """
    began: Mapping[str, list[float]] = defaultdict(list)
    for run in window.runs:
        if run.attempt == 1:
            began[run.name].append(run.began)
    wanted = frozenset(names)
    bad = sum(run.status != Status.HEALTHY for run in window.runs if run.name in wanted)
    lateness, slots, missed = [], 0, 0
    last = window.end - min(interval_s / 2, 5)
    for name in names:
        for slot in _slots(name, interval_s, window.start, last):
            # A commit keeps milliseconds, and the time of a run is rounded: it may seem early.
            late = [at - slot for at in began[name] if slot - 0.05 <= at < slot + interval_s - 0.05]
            slots += 1
            missed += not late
            lateness += [max(0.0, min(late))] if late else []
    return Punctuality(
        lateness=tuple(sorted(lateness)),
        slots=slots,
        missed=missed,
        unhealthy=bad,
    )


def _slots(name: str, interval_s: int, start: float, end: float) -> Iterator[float]:
    offset = phase(name, interval_s)
    slot = math.ceil((start - offset) / interval_s) * interval_s + offset
    while slot < end:
        yield slot
        slot += interval_s


def quantile(values: Sequence[float], share: float) -> float:
    """A quantile of values in any order; NaN of none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else math.nan
