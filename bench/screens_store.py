"""What the screens of a bench look at: a demo store, a monitor's part played on it, a real web process."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy.exc import DBAPIError

from domain.facts import CheckState, Mark, Policy, Result, Status
from domain.state import SPARK, advance
from storage.engine import open_engine
from storage.journal import Beat, Entry, Journal, Published
from storage.leadership import Lease, Process, claim
from storage.readings import Readings
from tests.browser.conftest import port
from tests.installed import Installed
from tests.waiting import wait_for

ROUND_S = 2.0
INTERVAL_S = 30.0
SLICE = 500


class Feeder:
    """Plays the monitor on a store: a beat every 2 s, and results of those that are due since."""

    def __init__(self, url: str) -> None:
        self.engine = open_engine(url)
        me = Process(boot_id="bench", host="bench", pid=os.getpid(), process_start=_now())
        lease = claim(self.engine, me, _now(), lambda _: False)
        assert isinstance(lease, Lease)
        self._lease, self._journal = lease, Journal(self.engine)
        rows = Readings(self.engine).board(_now()).checks
        published = [Published(name=row.name, kind=row.kind, about=row.about) for row in rows]
        self.states = self._journal.publish(lease, published)
        self.names = sorted(self.states)
        self.has_news = True
        self._turn = 0
        self._lock = threading.Lock()
        self._ended = threading.Event()
        for begin in range(0, len(self.names), SLICE):
            self.measure(self.names[begin : begin + SLICE])
        self._thread = threading.Thread(target=self._go_on, daemon=True)
        self._thread.start()

    def measure(
        self, names: Sequence[str], status: Status | None = None, policy: Policy | None = None
    ) -> None:
        """A result of each, like the one before unless `status` says what."""
        with self._lock:
            entries = [self._entry(name, status, policy or Policy()) for name in names]
            self._turn += 1
            self._journal.commit(self._lease, entries, beat=Beat(at=_now()))

    def change(self, name: str, status: Status) -> float:
        """Confirm a status with one result; the time (ms since 1970) when it was committed."""
        self.measure([name], status, Policy(failures=1, successes=1))
        return time.time() * 1000

    def calm(self) -> list[str]:
        """The names of checks that read healthy, and nothing beside it."""
        plain = (Status.HEALTHY, Mark.NONE)
        return [name for name, each in self.states.items() if (each.hard, each.mark) == plain]

    def close(self) -> None:
        """End the beats and let the store go."""
        self._ended.set()
        self._thread.join()
        self.engine.dispose()

    def _go_on(self) -> None:
        share = max(1, round(len(self.names) * ROUND_S / INTERVAL_S))
        start = 0
        while not self._ended.wait(ROUND_S):
            due = (self.names * 2)[start : start + share] if self.has_news else []
            start = (start + len(due)) % len(self.names)
            try:
                self.measure(due)
            except DBAPIError as error:
                # The next round writes; a bench whose feed ended unseen would measure silence.
                print(f"   a round of news could not be written: {error.orig}", flush=True)

    def _entry(self, name: str, status: Status | None, policy: Policy) -> Entry:
        before, at = self.states[name], _now()
        taken_ms = 20 + hash((name, self._turn)) % 4000 / 100
        found = status if status is not None else before.hard or Status.HEALTHY
        result = Result(
            check=name,
            kind="http",
            at=at,
            status=found,
            message=f"It answers: {taken_ms:.0f} ms" if found is Status.HEALTHY else "No answer",
            metrics={"http.total_ms": taken_ms},
            response_time_ms=taken_ms,
        )
        moved = advance(before, result, policy)
        self.states[name] = _with_spark(moved.state, taken_ms)
        due = at + timedelta(seconds=INTERVAL_S)
        return Entry(state=self.states[name], due=due, result=result, transitions=moved.transitions)


# So many checks stand on the public status page.
SHOWN = 20


@contextmanager
def served(kept: Path, folder: Path, checks: int, days: int) -> Iterator[tuple[Installed, Feeder]]:
    """A demo store of so many checks, fed and served by a web process; made once in `kept`."""
    made = Installed(folder=folder, port=port(), checks="")
    made.store = f"sqlite:///{kept / f'demo{checks}.db'}"
    if not (kept / f"demo{checks}.db").exists():
        size = ("--checks", str(checks), "--days", str(days))
        made.launch(
            "demo", "app.py", "--config", str(made.config), "demo", *size, "--store", made.url
        )
        assert made.processes[-1].wait() == 0, made.log("demo")
    feeder = Feeder(made.url)
    shown = ", ".join(f'"{name}" = "{name}"' for name in [*feeder.states][:SHOWN])
    made.plain = f"[status]\nenabled = true\nchecks = {{ {shown} }}\n"
    made.write("")
    try:
        made.start("web")
        wait_for(lambda: made.get("/live/snapshot")[0] == 200, 300, pause_s=0.2)
        yield made, feeder
    finally:
        feeder.close()
        made.close()


def cpu_s(made: Installed) -> float:
    """The CPU seconds that the web process has taken since its start."""
    fields = Path(f"/proc/{made.processes[-1].pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def reference_ms() -> float:
    """The CPU time (ms) of a piece of work that is always the same: how dear CPU is at present."""
    begun = time.thread_time()
    sum(number * number for number in range(1_000_000))
    return (time.thread_time() - begun) * 1000


def _with_spark(state: CheckState, value: float) -> CheckState:
    return replace(state, spark=(*state.spark, value)[-SPARK:])


def _now() -> datetime:
    return datetime.now(UTC)
