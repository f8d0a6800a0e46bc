"""How soon pages can be used, in a real browser, and for how long they hold it up."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from bench.figures import Figures
from tests.browser.conftest import address
from tests.browser.driver import Screen, driving
from tests.installed import Installed

LOADED = "document.documentElement.dataset.loaded === 'true'"
# What stands there once a page can be used, as the page itself can tell.
USABLE = {
    "/": f"{LOADED} && (one('.tile') || one('.hex'))",
    "/checks": f"{LOADED} && all('.chk-row').length > 8",
    "/incidents": f"{LOADED} && one('#incidents-list [data-ready], .inc-row, .inc-root')",
    "/thresholds": f"{LOADED} && all('.threshold-name').length > 3",
    "/business": f"{LOADED} && one('.business[data-ready], .business-empty')",
    "/wall": f"{LOADED} && one('.wall:not([data-mode=waiting])')",
    "/status": "one('.status-day') && document.readyState === 'complete'",
}
CHECK = f"{LOADED} && one('.js-plotly-plot')?.data?.length > 0 && one('.results')"
EMPTY = "/health/live"
# How long a busy loop of a fixed length takes here: what other work costs is seen beside it.
SPIN = """(() => {
  const begun = performance.now();
  let sum = 0;
  for (let number = 0; number < 3e7; number += 1) sum = (sum + number * 7) % 1000003;
  return performance.now() - begun + sum * 0;
})()"""
# Runs before anything of a page does. Long tasks and shifts are kept from the beginning.
WATCHING = """(() => {
  const one = (selector) => document.querySelector(selector);
  const all = (selector) => document.querySelectorAll(selector);
  const conditions = { %s };
  const until = (path, begun, tell) => {
    const look = () => {
      let there = false;
      try { there = Boolean(conditions[path]?.()); } catch { there = false; }
      if (there) tell(performance.now() - begun);
      else requestAnimationFrame(look);
    };
    look();
  };
  globalThis.bench = { usable: null, changed: null, long: [], shift: 0 };
  until(location.pathname, 0, (took) => { bench.usable = took; });
  bench.go = (link, path) => {
    bench.changed = null;
    const begun = performance.now();
    link.click();
    until(path, begun, (took) => { bench.changed = took; });
  };
  new PerformanceObserver((list) => {
    for (const each of list.getEntries()) bench.long.push(Math.round(each.duration));
  }).observe({ type: "longtask", buffered: true });
  new PerformanceObserver((list) => {
    for (const each of list.getEntries()) if (!each.hadRecentInput) bench.shift += each.value;
  }).observe({ type: "layout-shift", buffered: true });
})();"""


@contextmanager
def browser(profile: Path, check: str) -> Iterator[Screen]:
    """A browser whose pages tell when they can be used. `check` is the path of a check's page."""
    with driving(profile) as screen:
        screen.driver.set_page_load_timeout(180)
        screen.driver.set_script_timeout(300)
        ready = {**USABLE, check: CHECK}
        conditions = ", ".join(f'"{path}": () => {wanted}' for path, wanted in ready.items())
        screen.driver.execute_cdp_cmd(
            "Page.addScriptToEvaluateOnNewDocument", {"source": WATCHING % conditions}
        )
        yield screen


def opened(screen: Screen, made: Installed, path: str) -> float:
    """Load a page; after how long (ms) it could be used."""
    screen.driver.get(address(made, path))
    screen.until("bench.usable !== null", 120)
    return float(screen.js("bench.usable"))


def run(figures: Figures, screen: Screen, made: Installed, check: str, times: int) -> None:
    """Print when each page can be used, its longest task, and what a change of page takes."""
    limit_s = 2.5 if len(made.get("/live/snapshot")[1]["checks"]) > 1000 else 1.5
    empty_ms = statistics.median(_empty(screen, made) for _ in range(times))
    figures.plain("an empty page of the same server, loaded", empty_ms, "ms")
    _spin(figures, screen)
    longest: dict[str, list[int]] = {}
    for path in (*USABLE, check):
        took = []
        for _ in range(times):
            took.append(opened(screen, made, path))
            # What begins only when a page can be used counts as well.
            screen.until("performance.now() > bench.usable + 2500", 60)
            longest.setdefault(path, []).append(screen.js("Math.max(0, ...bench.long)"))
        name = "/checks/<name>" if path == check else path
        figures.at_most(f"{name} usable, the worst of {times}", max(took) / 1000, "s", limit_s)
        figures.plain("  median", statistics.median(took) / 1000, "s")
        # The least of them is nearest to what it would be if nothing else ran here.
        figures.at_most("  its longest task, the least of all loads", min(longest[path]), "ms", 200)
        figures.plain("  the same, the worst", max(longest[path]), "ms")
    _changes(figures, screen, made, check, times)
    _spin(figures, screen)


def _changes(figures: Figures, screen: Screen, made: Installed, check: str, times: int) -> None:
    took: Mapping[str, list[float]] = {path: [] for path in ("/checks", "/thresholds", "/", check)}
    for _ in range(times):
        opened(screen, made, "/incidents")
        for path, found in took.items():
            link = "a.tile, a.hex" if path == check else f".rail-link[href$='{path}']"
            target = f"[...document.querySelectorAll(\"{link}\")].find((each) => each.pathname === '{path}')"
            screen.until(f"Boolean({target})", 60)
            screen.js(f"bench.go({target}, '{path}')")
            screen.until("bench.changed !== null", 60)
            found.append(float(screen.js("bench.changed")))
    for path, found in took.items():
        name = "/checks/<name>" if path == check else path
        figures.at_most(f"change of page to {name}, the worst of {times}", max(found), "ms", 300)
        figures.plain("  median", statistics.median(found), "ms")


def _empty(screen: Screen, made: Installed) -> float:
    screen.driver.get(address(made, EMPTY))
    return float(screen.js("performance.getEntriesByType('navigation')[0].duration"))


def _spin(figures: Figures, screen: Screen) -> None:
    """How long a loop takes that is always the same: what the rest is stretched by here and now."""
    took = sorted(float(screen.js(SPIN)) for _ in range(9))
    figures.plain("a busy loop in the browser: the least of 9", took[0], "ms")
    figures.plain("  median", took[4], "ms")
