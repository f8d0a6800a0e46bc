"""Many checks at a time, beside Debian's Prometheus and blackbox exporter doing the same.

`python -m bench.checks [--checks 1000 5000] [--seconds 60] [--only PART …]`. A real monitor process
with a store of its own asks a cheap server on loopback, with a fresh connection for each check. What
is compared runs in one window on the same machine. A short form: `--checks 200 --seconds 30`.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from bench import blackbox, hostility, surge
from bench.blackbox import Peer
from bench.checktargets import Targets, targets
from bench.figures import Figures
from bench.underload import (
    Punctuality,
    Window,
    http_check,
    installation,
    nothing,
    punctuality,
    settle,
    start,
    watch,
)
from storage.engine import open_engine
from storage.incident_readings import IncidentReadings
from tests.waiting import wait_for

INTERVAL_S = 10
# Theirs and the servers share the other core, so that ours is measured on one core.
OUR_CORE, THEIR_CORE = 0, 1
RATIO = {"http": 0.5, "https": 1.3}
DETECTION_S = 120


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--checks", type=int, nargs="+", default=[1000, 5000])
    options.add_argument("--seconds", type=float, default=60)
    options.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS))
    given = options.parse_args()
    figures = Figures()
    if not blackbox.is_installed():
        figures.note(blackbox.MISSING)
    with tempfile.TemporaryDirectory() as folder, targets(Path(folder), THEIR_CORE) as servers:
        for name in given.only:
            PARTS[name](figures, servers, given)
    if figures.missed:
        figures.note(f"missed: {'; '.join(figures.missed)}")


def http(figures: Figures, servers: Targets, given: argparse.Namespace) -> None:
    """So many checks of HTTP, each number in a window of its own."""
    for count in given.checks:
        scale(figures, servers, count, given.seconds, "http")


def https(figures: Figures, servers: Targets, given: argparse.Namespace) -> None:
    """The smallest number again with TLS: the handshake costs more than all the rest."""
    scale(figures, servers, min(given.checks), given.seconds, "https")


def scale(figures: Figures, servers: Targets, count: int, seconds: float, scheme: str) -> None:
    figures.head(f"{count:,} checks of {scheme} every {INTERVAL_S} s, {seconds:.0f} s")
    names = [f"check {number}" for number in range(count)]
    trust = {"ca_file": str(servers.ca_file)} if scheme == "https" else {}
    tables = [
        http_check(name, servers.url(scheme, "ours", number), INTERVAL_S, **trust)
        for number, name in enumerate(names)
    ]
    with installation(tables) as installed, beside(servers, count, scheme) as peer:
        monitor = start(installed, OUR_CORE)
        settle(installed, count, INTERVAL_S)
        before = Used(servers, peer)
        window = watch(installed, monitor, seconds, nothing)
        after = Used(servers, peer)
        compare(figures, window, before, after, scheme)
        tell_punctuality(figures, window, punctuality(window, names, INTERVAL_S))
        if count >= 5000:
            figures.at_most("resident memory of ours", window.rss_mb, "MB", 150)
        else:
            figures.plain("resident memory of ours", window.rss_mb, "MB")
        if peer is not None:
            figures.plain("resident memory of theirs", peer.rss_mb(), "MB")


@contextmanager
def beside(servers: Targets, count: int, scheme: str) -> Iterator[Peer | None]:
    """Theirs with the same checks; None where it can't be had."""
    if not blackbox.is_installed():
        yield None
        return
    urls = [servers.url(scheme, "theirs", number) for number in range(count)]
    ca_file = servers.ca_file if scheme == "https" else None
    with (
        tempfile.TemporaryDirectory() as folder,
        blackbox.peer(Path(folder), urls, INTERVAL_S, ca_file, THEIR_CORE) as found,
    ):
        yield found


class Used:
    """What theirs has used and done up to now."""

    def __init__(self, servers: Targets, peer: Peer | None) -> None:
        self.asked = servers.asked("theirs")
        self.cpu_s = peer.cpu_s() if peer else 0.0
        self.exporter_cpu_s = peer.exporter_cpu_s() if peer else 0.0


def compare(figures: Figures, window: Window, before: Used, after: Used, scheme: str) -> None:
    """CPU of one check, ours with the store and theirs, and the ratio."""
    figures.plain("ours: CPU of one check, the store included", window.cpu_ms, "ms")
    figures.plain("ours: cores in use", window.cores, "")
    asked = after.asked - before.asked
    if not asked:
        return
    both = 1000 * (after.cpu_s - before.cpu_s) / asked
    exporter = 1000 * (after.exporter_cpu_s - before.exporter_cpu_s) / asked
    figures.plain("theirs: CPU of one check, Prometheus and exporter", both, "ms")
    figures.plain("theirs: CPU of one check, the exporter alone", exporter, "ms")
    peer = both if scheme == "http" else exporter
    which = "theirs" if scheme == "http" else "the exporter alone"
    figures.at_most(f"ours beside {which}", window.cpu_ms / peer, "", RATIO[scheme])


def tell_punctuality(figures: Figures, window: Window, found: Punctuality) -> None:
    figures.plain("runs in the store, retries included", len(window.runs), "")
    figures.plain("lateness, median", found.quantile(0.5), "s")
    figures.at_most("lateness, 99 of 100", found.quantile(0.99), "s", 1)
    figures.at_most(f"missed, of {found.slots:,} slots", found.missed, "", 0)
    figures.plain("runs that were not healthy: slow by the stock rule", found.unhealthy, "")


def burst(figures: Figures, servers: Targets, given: argparse.Namespace) -> None:
    """All due in the same second; `/health` is asked meanwhile."""
    surge.burst(figures, servers, 10_000 if max(given.checks) >= 1000 else max(given.checks))


def hanging(figures: Figures, servers: Targets, given: argparse.Namespace) -> None:
    """300 targets that never answer beside healthy ones."""
    hostility.hanging(figures, servers, min(given.checks), given.seconds)


def hostile(figures: Figures, servers: Targets, given: argparse.Namespace) -> None:
    """Hostile servers of each kind beside healthy ones."""
    hostility.hostile(figures, servers, min(given.checks), given.seconds)


def detection(figures: Figures, servers: Targets, given: argparse.Namespace) -> None:
    """From the fault to our incident and to their alert, all targets failing at once."""
    count = min(100, *given.checks)
    figures.head(f"fault to detection, {count} targets every {INTERVAL_S} s")
    # Ours with one result beside theirs without `for`; three results beside `for` two intervals.
    for failures, alert in ((1, "first"), (3, "confirmed")):
        ours, theirs = detect(servers, count, failures, alert)
        middle = statistics.median(ours)
        figures.plain(f"ours, failures = {failures}: median", middle, "s")
        if theirs:
            other = statistics.median(theirs)
            figures.plain(f"theirs, alert {alert!r}: median", other, "s")
            figures.at_most("ours beside theirs", middle / other, "", 0.5)


def detect(
    servers: Targets, count: int, failures: int, alert: str
) -> tuple[list[float], list[float]]:
    """Seconds to each incident, and to each alert."""
    tables = [
        http_check(f"t{number}", servers.url("http", "ours", number), INTERVAL_S, failures=failures)
        for number in range(count)
    ]
    with installation(tables) as installed, beside(servers, count, "http") as peer:
        start(installed)
        settle(installed, count, INTERVAL_S)
        readings = IncidentReadings(open_engine(installed.url))
        ours: dict[str, float] = {}
        theirs: dict[str, float] = {}
        begun = time.monotonic()
        servers.fail()

        def all_are_there() -> bool:
            after_s = time.monotonic() - begun
            for incident in readings.open():
                ours.setdefault(incident.component, after_s)
            for target in peer.firing().get(alert, []) if peer else []:
                theirs.setdefault(target, after_s)
            return len(ours) >= count and (peer is None or len(theirs) >= count)

        try:
            wait_for(all_are_there, DETECTION_S, pause_s=0.2)
        finally:
            servers.recover()
        return list(ours.values()), list(theirs.values())


Part = Callable[[Figures, Targets, argparse.Namespace], None]
PARTS: dict[str, Part] = {
    "http": http,
    "https": https,
    "burst": burst,
    "hanging": hanging,
    "hostile": hostile,
    "detection": detection,
}

if __name__ == "__main__":
    main()
