"""50 screens at once over real connections: bytes, time, and the CPU of the web process."""

from __future__ import annotations

import http.client
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from bench.figures import Figures
from bench.screens_store import ROUND_S, Feeder, cpu_s, reference_ms
from dashboard.api.snapshot import DELTA
from tests.installed import Installed

SCREENS = 50
ADDRESS = "/live/snapshot"
# As Chromium sends them.
HEADERS = {
    "Accept": f"{DELTA}, application/json",
    "Accept-Encoding": "gzip, deflate, br, zstd",
    "Accept-Language": "en-US,en;q=0.9",
    "Cache-Control": "no-cache",
    "Pragma": "no-cache",
    "Sec-Fetch-Mode": "cors",
    "Sec-Fetch-Site": "same-origin",
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko)",
}


@dataclass
class Polled:
    """What came of the polls of a stretch of time: bytes and ms of each, by whether it had news."""

    news: list[tuple[int, float]] = field(default_factory=list)
    nothing: list[tuple[int, float]] = field(default_factory=list)
    cpu_s: float = 0.0
    length_s: float = 0.0


class Viewer:
    """One screen: a connection that stays open, and the tag of what it has."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        self._tag: str | None = None

    def poll(self) -> tuple[bool, int, float]:
        """Whether there was news, the bytes of the answer with its head, and how long it took (ms)."""
        known = {"If-None-Match": self._tag} if self._tag else {}
        begun = time.perf_counter()
        self._connection.request("GET", ADDRESS, headers={**HEADERS, **known})
        answer = self._connection.getresponse()
        body = answer.read()
        took_ms = (time.perf_counter() - begun) * 1000
        assert answer.status in (200, 304), answer.status
        self._tag = answer.headers["ETag"]
        head = sum(len(name) + len(value) + 4 for name, value in answer.headers.items())
        return answer.status == 200, len(body) + head + 20, took_ms

    def empty(self) -> None:
        """A request that is answered without a look at the store, for comparison."""
        self._connection.request("GET", "/health/live", headers=HEADERS)
        self._connection.getresponse().read()

    def close(self) -> None:
        self._connection.close()


def watch(made: Installed, viewers: list[Viewer], seconds: float) -> Polled:
    """All screens poll every 2 s, spread over it, for so long."""
    found = Polled()
    begun, cpu = time.monotonic(), cpu_s(made)
    turn = 0
    while (due := begun + turn * ROUND_S / len(viewers)) < begun + seconds:
        time.sleep(max(0.0, due - time.monotonic()))
        had_news, size, took_ms = viewers[turn % len(viewers)].poll()
        (found.news if had_news else found.nothing).append((size, took_ms))
        turn += 1
    found.cpu_s, found.length_s = cpu_s(made) - cpu, time.monotonic() - begun
    return found


def each_ms(made: Installed, work: Callable[[], object], times: int) -> float:
    """The web process's CPU (ms) for each of so many requests."""
    before = cpu_s(made)
    for _ in range(times):
        work()
    return (cpu_s(made) - before) / times * 1000


def run(figures: Figures, made: Installed, feeder: Feeder, seconds: float) -> None:
    """Print what 50 screens cost with news every 2 s, and without any."""
    viewers = [Viewer(made.port) for _ in range(SCREENS)]
    whole = [viewer.poll() for viewer in viewers]
    figures.plain("the whole, compressed", whole[0][1] / 1000, "KB")
    with_news = watch(made, viewers, seconds)
    feeder.has_news = False
    watch(made, viewers, 2 * ROUND_S)
    quiet = watch(made, viewers, seconds)
    empty_ms = each_ms(made, viewers[0].empty, 400)
    nothing_ms = each_ms(made, viewers[0].poll, 400)
    feeder.has_news = True
    for viewer in viewers:
        viewer.close()
    _show(figures, "a poll with news", with_news.news, 20.0)
    _show(figures, "a poll with nothing new", quiet.nothing, 1.0)
    share = 100 * with_news.cpu_s / with_news.length_s
    figures.at_most(f"{SCREENS} screens, news every 2 s, of one core", share, "%", 3)
    figures.plain("the same without news", 100 * quiet.cpu_s / quiet.length_s, "%")
    figures.plain("CPU of a poll with nothing new; many at once", nothing_ms, "ms")
    figures.plain(
        "beside an empty request (/health/live)", nothing_ms / max(empty_ms, 0.01), "times"
    )
    figures.plain("CPU of a reference loop (some 45 ms on a quiet machine)", reference_ms(), "ms")


def _show(figures: Figures, what: str, polls: list[tuple[int, float]], most_kb: float) -> None:
    if not polls:
        figures.note(f"{what}: there was none")
        return
    sizes, times = [size for size, _ in polls], sorted(took for _, took in polls)
    figures.at_most(f"{what}, the largest of {len(polls)}", max(sizes) / 1000, "KB", most_kb)
    late = times[int(len(times) * 0.95) - 1] if len(times) > 20 else times[-1]
    figures.plain("  its time: median", statistics.median(times), "ms")
    figures.plain("  95 of 100", late, "ms")
