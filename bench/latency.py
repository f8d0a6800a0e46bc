"""How long after its commit a change is seen, on each database: by polling alone, and when it is told.

`python -m bench.latency [TRIALS]`. The monitor's writer and the web's view over a real store.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from random import Random

from sqlalchemy import Engine

from bench import stores
from bench.figures import Figures
from bench.stores import NOW
from dashboard.live import Live
from monitor.recorder import Recorder
from storage import counters
from storage.commands import request
from storage.incident_readings import IncidentReadings
from storage.journal import Journal, Published
from storage.leadership import Lease
from storage.readings import Readings
from storage.watch import CounterWatch, listen

TRIALS = 40
# How often the browsers of many viewers ask together.
LOOK_S = 0.01


class Polling(CounterWatch):
    """A watch that nothing is told to."""

    def listen(self, wake: Callable[[], None]) -> None:
        """Do not."""


def main() -> int:
    trials = int(sys.argv[1]) if len(sys.argv) > 1 else TRIALS
    figures = Figures()
    with (
        tempfile.TemporaryDirectory(prefix="nocturne-bench-") as folder,
        stores.postgres() as server,
    ):
        urls = [("SQLite", stores.sqlite_url(Path(folder)))]
        urls += [("Postgres", stores.database(server))] if server is not None else []
        for name, url in urls:
            figures.head(f"{name}: from commit to seen, {trials} changes")
            engine, lease, journal = stores.opened(url)
            for how, watch in (("polled", Polling), ("as it is", CounterWatch)):
                took = monitor_sees(engine, lease, watch(engine, counters.CHANGES), trials)
                show(figures, f"the monitor, {how}", took)
            for how, told in (("polled", False), ("as it is", True)):
                took = web_sees(engine, lease, journal, trials, told=told)
                show(figures, f"the web, {how}", took)
            engine.dispose()
    return 0


def show(figures: Figures, what: str, took_ms: list[float]) -> None:
    figures.plain(f"{what}: median", statistics.median(took_ms), "ms")
    figures.plain(f"{what}: longest", max(took_ms), "ms")


def monitor_sees(engine: Engine, lease: Lease, watch: CounterWatch, trials: int) -> list[float]:
    """From a command's commit until the recorder says that something changed (ms)."""
    seen = threading.Event()
    recorder = Recorder(Journal(engine), lease, watch, on_change=seen.set, on_lost=lambda: None)
    recorder.start()
    while not recorder.is_watching:
        time.sleep(0.01)

    def change() -> None:
        request(engine, "check", "api", actor="bench", now=NOW)

    try:
        return [latency_ms(change, seen, number) for number in range(trials)]
    finally:
        recorder.stop(5)


def web_sees(
    engine: Engine, lease: Lease, journal: Journal, trials: int, *, told: bool
) -> list[float]:
    """From a commit that screens show until a web process that is asked all the time shows it (ms)."""
    live = Live(
        Readings(engine),
        IncidentReadings(engine),
        clock=lambda: NOW,
        monotonic=time.monotonic,
    )
    seen, ended = threading.Event(), threading.Event()

    def look() -> None:
        before = None
        while not ended.wait(LOOK_S):
            moment = live.look().moment
            if moment is not None and moment.board.revision != before:
                before = moment.board.revision
                seen.set()

    def change() -> None:
        about = {**stores.ABOUT, "title": str(time.monotonic())}
        journal.publish(lease, [Published(name="api", kind="http", about=about)])

    listener = listen(engine, counters.REVISION, live.told) if told else None
    viewers = threading.Thread(target=look)
    viewers.start()
    try:
        return [latency_ms(change, seen, number) for number in range(trials)]
    finally:
        ended.set()
        viewers.join()
        if listener is not None:
            listener.close()


def latency_ms(change: Callable[[], None], seen: threading.Event, number: int) -> float:
    """Make a change at an odd moment; the time from its commit until it was seen."""
    time.sleep(0.6 + Random(number).random() / 2)
    seen.clear()
    change()
    committed = time.perf_counter()
    if not seen.wait(10):
        raise TimeoutError("the change was not seen within 10 s")
    return max(0.0, time.perf_counter() - committed) * 1000


if __name__ == "__main__":
    sys.exit(main())
