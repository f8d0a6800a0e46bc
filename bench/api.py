"""What probes and programs ask: `/health` under load beside a trivial route, and every list of the API.

`python -m bench.api [--quick] [--only health|endpoints]`. The web process serves with
a real monitor writing 1,000 checks beside it; the routes are loaded in turns, so that what else the
machine does meets all of them. The endpoints are asked one after another over a store that `app.py demo`
made of a year.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psutil

from bench import load
from bench.apiserver import BARE, STATEMENTS, TRIVIAL
from bench.checktargets import targets
from bench.cores import on_core
from bench.figures import Figures
from bench.monitor import cpu_s
from bench.underload import http_check, installation, quantile, settle, start
from dashboard.access import ROUTES
from domain.access import KeyKind, Scope
from storage import keys
from storage.engine import open_engine
from tests.installed import Installed
from tests.waiting import wait_for

CHECKS, INTERVAL_S = 1_000, 30
# The web is measured on a core of its own; the monitor, its targets and the load share the other.
WEB_CORE, OTHER_CORE = 0, 1
CONNECTIONS = 8
RATE = 200.0
PROBES = ("/health/simple", "/health")
SHARE, SLOWEST_MS, ENDPOINT_MS = 60.0, 20.0, 100.0
VARIABLE = re.compile(r"<(?:[a-z]+:)?([a-z_]+)>")


def main(arguments: Sequence[str]) -> int:
    """Print the figures; 1 when one misses its target."""
    options = argparse.ArgumentParser(prog="bench.api", description=__doc__)
    options.add_argument("--quick", action="store_true", help="short, and a demo of 30 days")
    options.add_argument("--only", choices=("health", "endpoints"))
    given = options.parse_args(arguments)
    figures = Figures()
    if given.only != "endpoints":
        health(figures, *((2, 3.0) if given.quick else (5, 6.0)))
    if given.only != "health":
        endpoints(figures, *((30, 50, 5) if given.quick else (365, 200, 30)))
    return 1 if figures.missed else 0


@dataclass(frozen=True, kw_only=True)
class Round:
    """One route loaded for a while: requests a second, CPU (ms) and statements of each."""

    per_second: float
    cpu_ms: float
    statements: float


def health(figures: Figures, rounds: int, seconds: float) -> None:
    """The probes beside the trivial route, while the monitor writes."""
    figures.head(
        f"{CHECKS:,} checks every {INTERVAL_S} s, {rounds} rounds of {seconds:g} s a route"
    )
    figures.note(f"load of the machine before it: {os.getloadavg()[0]:.1f}")
    with monitored() as (installed, web):
        routes = (TRIVIAL, BARE, *PROBES)
        taken: dict[str, list[Round]] = {route: [] for route in routes}
        for _ in range(rounds):
            for route in routes:
                taken[route].append(loaded(installed.port, web, route, seconds))
        tell_rates(figures, taken)
        for route in (TRIVIAL, *PROBES):
            tell_times(figures, installed.port, route, rounds * seconds)
    figures.note(f"load of the machine after it: {os.getloadavg()[0]:.1f}")


def loaded(port: int, web: psutil.Process, route: str, seconds: float) -> Round:
    """Ask one route as often as it answers."""
    # After a quiet spell the first one waits until the view was read; that is not the matter here.
    read(port, route)
    asked, used = statements(port), cpu_s(web.pid)
    got = load.most(port, route, seconds, CONNECTIONS, OTHER_CORE)
    spent_s, asked = cpu_s(web.pid) - used, statements(port) - asked
    assert not got.errors, f"{route}: {got}"
    assert got.per_second, f"{route} was not answered at all: give it more time"
    count = got.per_second * seconds
    return Round(per_second=got.per_second, cpu_ms=1000 * spent_s / count, statements=asked / count)


def tell_rates(figures: Figures, taken: Mapping[str, Sequence[Round]]) -> None:
    """Requests a second, beside those of the trivial route and of a bare application."""
    for route, rounds in taken.items():
        middle = statistics.median(each.per_second for each in rounds)
        figures.plain(f"{route}: requests a second", middle, "/s")
        cpu_ms = statistics.median(each.cpu_ms for each in rounds)
        figures.plain(f"{route}: CPU of the web process by request", cpu_ms, "ms")
    for route in PROBES:
        share = beside(taken[route], taken[TRIVIAL])
        figures.at_least(f"{route} beside the trivial route", share, "%", SHARE)
        figures.plain(f"{route} beside a bare application", beside(taken[route], taken[BARE]), "%")
        # The view is read by a thread of its own, as often whoever asks.
        most = max(each.statements for each in taken[route])
        figures.at_most(f"{route}: statements to the database by request", most, "", 0.01)


def beside(ours: Sequence[Round], other: Sequence[Round]) -> float:
    """The rate as a share (%) of another's, each taken in the same round."""
    pairs = zip(ours, other, strict=True)
    return 100 * statistics.median(one.per_second / two.per_second for one, two in pairs)


def tell_times(figures: Figures, port: int, route: str, seconds: float) -> None:
    """How long a request takes when so many come in a second."""
    found = load.steady(port, route, seconds, RATE, OTHER_CORE)
    what = f"{route} at {RATE:.0f} a second"
    figures.at_most(f"{what}: failed, or told that the monitor is silent", found.errors, "", 0)
    figures.plain(f"{what}: median", quantile(found.times_ms, 0.5), "ms")
    slowest = quantile(found.times_ms, 0.99)
    if route in PROBES:
        figures.at_most(f"{what}: 99 of 100", slowest, "ms", SLOWEST_MS)
    else:
        figures.plain(f"{what}: 99 of 100", slowest, "ms")


@contextmanager
def monitored() -> Iterator[tuple[Installed, psutil.Process]]:
    """The web process of the bench, and a monitor at work, over a store of their own."""
    with tempfile.TemporaryDirectory() as folder, targets(Path(folder), OTHER_CORE) as servers:
        tables = [
            http_check(f"check {number}", servers.url("http", "api", number), INTERVAL_S)
            for number in range(CHECKS)
        ]
        with installation(tables) as installed:
            start(installed, OTHER_CORE)
            web = serve(installed)
            settle(installed, CHECKS, INTERVAL_S)
            yield installed, web


def serve(installed: Installed) -> psutil.Process:
    """Start the web process of the bench and wait until it answers."""
    with on_core(WEB_CORE):
        started = installed.launch("web", "-m", "bench.apiserver", str(installed.config))
    wait_for(lambda: installed.get("/health/live")[0] == 200, 300, pause_s=0.2)
    return psutil.Process(started.pid)


def statements(port: int) -> int:
    """How many statements the database was asked so far."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", STATEMENTS)
    return int(json.loads(connection.getresponse().read())["statements"])


def endpoints(figures: Figures, days: int, checks: int, runs: int) -> None:
    """Every GET of the table that answers with JSON, over a store with history."""
    figures.head(f"every JSON GET of the API: {checks} checks of {days} days, {runs} runs each")
    figures.note(f"load of the machine before it: {os.getloadavg()[0]:.1f}")
    with installation([]) as installed:
        # A demo is filled into another store than the one that is configured.
        demo = f"sqlite:///{installed.folder / 'demo.db'}"
        options = ("--days", str(days), "--checks", str(checks), "--store", demo)
        words = ("app.py", "--config", str(installed.config), "demo", *options)
        assert installed.launch("demo", *words).wait(900) == 0, installed.log("demo")
        installed.store = demo
        installed.write(installed.checks)
        serve(installed)
        headers = {"Accept": "application/json", "Authorization": f"Bearer {admin_key(demo)}"}
        found = {
            path: asked(installed.port, path, headers, runs) for path in addresses(installed.port)
        }
        for path, (status, size, times) in sorted(found.items(), key=lambda each: -max(each[1][2])):
            what = f"{path.partition('?')[0][:44]} ({status}, {size / 1000:.0f} KB): 95 of 100"
            figures.at_most(what, quantile(times, 0.95), "ms", ENDPOINT_MS)
    figures.note(f"load of the machine after it: {os.getloadavg()[0]:.1f}")


def admin_key(url: str) -> str:
    """The secret of a key that reads everything."""
    engine = open_engine(url)
    try:
        made = {
            "name": "bench",
            "actor": "bench",
            "now": datetime.now(UTC),
            "scopes": [Scope.ADMIN],
        }
        return str(keys.make(engine, KeyKind.API, **made)[1].text)
    finally:
        engine.dispose()


def asked(
    port: int, path: str, headers: Mapping[str, str], runs: int
) -> tuple[int, int, list[float]]:
    """The status, the size in bytes, and the times (ms) of a request that was made before."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    times = []
    for _ in range(runs + 1):
        begun = time.perf_counter()
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        body = answer.read()
        times.append(1000 * (time.perf_counter() - begun))
        # Nothing monitors a demo, which is what these say.
        is_silent = answer.status == 503 and path.startswith(("/health", "/api/health"))
        assert answer.status < 400 or is_silent, f"{path}: {answer.status} {body[:300]!r}"
        # One address may ask a hundred times a second.
        time.sleep(max(0.0, 0.011 - times[-1] / 1000))
    return answer.status, len(body), times[1:]


def read(port: int, path: str) -> dict[str, Any]:
    """The body of one answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET", path, headers={"Accept": "application/json"})
    found: dict[str, Any] = json.loads(connection.getresponse().read())
    return found


# Routes that read more than one thing are asked for what costs most.
ASKED_WITH = {
    "/incidents/history": "?hours=744",
    "/incidents/statistics": "?hours=744",
    "/health/components/<path:name>": "?hours=744",
    "/api/v1/uptime": "?days=365",
    "/api/v1/checks": "?limit=500",
}
# Downloads, pages, what answers with text, and what waits for a person's token.
LEFT_OUT = (
    "/api/v1/export/",
    "/api/docs",
    "/metrics",
    "/ping/",
    "/_",
    "/assets",
    "/setup",
    "/login",
)


def addresses(port: int) -> Iterator[str]:
    """An address for every GET of the table of rights that answers with JSON."""
    names = named(port)
    for rule, method in ROUTES:
        is_json = rule.startswith(("/api/", "/health", "/incidents", "/live/"))
        if method != "GET" or not is_json or rule.startswith(LEFT_OUT):
            continue
        variable = VARIABLE.search(rule)
        if variable is not None and _kind(rule) not in names:
            continue
        name = names.get(_kind(rule), "")
        path = VARIABLE.sub(quote(name, safe=""), rule)
        yield path + ASKED_WITH.get(rule, names.get(rule, ""))


def _kind(rule: str) -> str:
    """What the name in a rule is one of."""
    parts = rule.split("/")
    found = (parts[at - 1] for at, part in enumerate(parts) if part.startswith("<"))
    return next(found, "")


def named(port: int) -> dict[str, str]:
    """A name of each kind of thing in the store, and what the charts are asked with."""
    lists = {
        "checks": ("/api/v1/checks?limit=1", "name"),
        "incidents": ("/incidents/history?hours=744&limit=1", "id"),
        "rules": ("/api/v1/rules", "name"),
        "maintenance": ("/api/v1/maintenance", "name"),
    }
    found = {}
    for kind, (path, key) in lists.items():
        listed = read(port, path)[kind]
        if listed:
            found[kind] = listed[0][key]
    found["components"] = found["checks"]
    series = read(port, "/api/v1/series")["series"]
    labels = "".join(
        f"&label={quote(f'{key}={text}')}" for key, text in series[0]["labels"].items()
    )
    found["/api/v1/series/points"] = f"?metric={quote(series[0]['metric'])}{labels}&hours=8760"
    found["/api/v1/explain"] = f"?check={quote(found['checks'])}"
    return found


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
