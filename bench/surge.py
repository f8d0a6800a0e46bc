"""Ten thousand checks due in the same second, while the web is asked how it does."""

from __future__ import annotations

import itertools
import math
import time
import urllib.request

from bench.checktargets import Targets
from bench.figures import Figures
from bench.underload import Run, http_check, installation, quantile, runs_of, start
from monitor.roster import phase
from tests.installed import Installed
from tests.waiting import wait_for

BURST_INTERVAL_S = 60
AT = 30
DONE_S = 60
OPENED_S = 400


def names_due_together(count: int) -> list[str]:
    """Names whose slots lie in the same second of the minute."""
    numbers = (f"check {number}" for number in itertools.count())
    due = (name for name in numbers if phase(name, BURST_INTERVAL_S) == AT)
    return list(itertools.islice(due, count))


def burst(figures: Figures, servers: Targets, count: int) -> None:
    """From the slot to the last of its results, and how long `/health` takes in the meantime."""
    figures.head(f"{count:,} checks due at once, every {BURST_INTERVAL_S} s")
    names = names_due_together(count)
    tables = [
        http_check(name, servers.url("http", "ours", number), BURST_INTERVAL_S)
        for number, name in enumerate(names)
    ]
    with installation(tables) as installed:
        installed.start("web")
        start(installed)
        wait_for(lambda: len({run.name for run in _recent(installed)}) >= count, OPENED_S, 2.0)
        slot = math.ceil((time.time() - AT + 5) / BURST_INTERVAL_S) * BURST_INTERVAL_S + AT
        time.sleep(max(0.0, slot - time.time()))
        answers = ask_until(installed, slot + DONE_S - 1)
        time.sleep(3)
        runs = [run for run in runs_of(installed, slot - 0.05, slot + DONE_S) if run.attempt == 1]
        tell(figures, count, slot, [run.ended for run in runs], answers)
        bad = sum(run.status != 0 for run in runs)
        figures.at_most("results that are not healthy", bad, "", 0)


def tell(
    figures: Figures, count: int, slot: float, ended: list[float], answers_ms: list[float]
) -> None:
    figures.at_most("missed", count - len(ended), "", 0)
    figures.at_most("from the slot to the last result", max(ended) - slot, "s", DONE_S)
    figures.at_most("/health, 95 of 100", quantile(answers_ms, 0.95), "ms", 200)
    figures.plain("/health, slowest", max(answers_ms), "ms")


def ask_until(installed: Installed, end: float) -> list[float]:
    """Ask `/health` ten times a second; how long each answer took, in ms."""
    found = []
    while time.time() < end:
        begun = time.perf_counter()
        url = f"http://127.0.0.1:{installed.port}/health"
        with urllib.request.urlopen(url, timeout=30) as reply:
            reply.read()
        found.append((time.perf_counter() - begun) * 1000)
        time.sleep(0.1)
    return found


def _recent(installed: Installed) -> list[Run]:
    return runs_of(installed, time.time() - OPENED_S, math.inf)
