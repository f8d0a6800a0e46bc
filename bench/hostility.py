"""Healthy checks beside targets that hang for ever, and beside hostile servers."""

from __future__ import annotations

import time
from collections.abc import Sequence

from bench.checktargets import HOSTILE, Targets
from bench.figures import Figures
from bench.underload import (
    Window,
    check,
    http_check,
    installation,
    nothing,
    punctuality,
    settle,
    start,
    watch,
)
from monitor.roster import phase

INTERVAL_S = 10
TIMEOUT_S = 5
HANGING = 300
EACH = 5
GROWTH_MB = 20


def hanging(figures: Figures, servers: Targets, count: int, seconds: float) -> None:
    """Every healthy check begins within a second of its slot and is healthy."""
    figures.head(f"{HANGING} checks that hang for ever beside {count:,} healthy ones")
    names, tables = healthy(servers, count)
    tables += [
        http_check(f"hung {number}", servers.url("http", "hang", number), INTERVAL_S)
        for number in range(HANGING)
    ]
    window = _watched(tables, len(names), seconds)
    found = punctuality(window, names, INTERVAL_S)
    figures.at_least("healthy ones that were on time", found.on_time, "%", 100)
    figures.plain("their lateness, 99 of 100", found.quantile(0.99), "s")
    figures.at_most("their runs that were not healthy", found.unhealthy, "", 0)


def hostile(figures: Figures, servers: Targets, count: int, seconds: float) -> None:
    """The hostile ones end in time; the healthy ones are on time; the memory stays."""
    names, tables = healthy(servers, count)
    others = hostile_tables(servers)
    figures.head(f"{len(others)} hostile checks beside {count:,} healthy ones")
    alone = _watched(tables, count, seconds)
    window = _watched([*tables, *others], count, seconds)
    found = punctuality(window, names, INTERVAL_S)
    figures.at_most("lateness of the healthy ones, 99 of 100", found.quantile(0.99), "s", 1)
    figures.at_most("missed", found.missed, "", 0)
    figures.at_most("memory more than without them", window.rss_mb - alone.rss_mb, "MB", GROWTH_MB)
    longest = max(longest_s(window, names), 0.0)
    figures.at_most("a hostile check, from its slot to its end", longest, "s", TIMEOUT_S + 1)


def healthy(servers: Targets, count: int) -> tuple[list[str], list[str]]:
    """Names and tables of checks of a server that answers."""
    names = [f"check {number}" for number in range(count)]
    tables = [
        http_check(name, servers.url("http", "ours", number), INTERVAL_S)
        for number, name in enumerate(names)
    ]
    return names, tables


def hostile_tables(servers: Targets) -> list[str]:
    """Some checks of each hostile server, and of a name server that never answers."""
    pace: dict[str, object] = {"timeout": f"{TIMEOUT_S}s"}
    found = [
        http_check(f"{name} {number}", servers.hostile_url(name), INTERVAL_S, **pace)
        for name in HOSTILE
        for number in range(EACH)
    ]
    silent = f"127.0.0.1:{servers.ports['silent_dns']}"
    return found + [
        check(f"dns {number}", "dns", INTERVAL_S, lookup="a.example", server=silent, **pace)
        for number in range(EACH)
    ]


def longest_s(window: Window, healthy_names: Sequence[str]) -> float:
    """The longest time from a slot to the end of a hostile check's first try."""
    known = frozenset(healthy_names)
    ended = [
        (run.ended, run.name) for run in window.runs if run.name not in known and run.attempt == 1
    ]
    return max(since_slot(name, at) for at, name in ended)


def since_slot(name: str, at: float) -> float:
    return (at - phase(name, INTERVAL_S)) % INTERVAL_S


def _watched(tables: Sequence[str], count: int, seconds: float) -> Window:
    with installation(tables) as installed:
        monitor = start(installed)
        settle(installed, count, INTERVAL_S)
        time.sleep(INTERVAL_S)
        return watch(installed, monitor, seconds, nothing)
