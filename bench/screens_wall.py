"""The wall: how soon a change of state stands there, and whether it can stand there for days."""

from __future__ import annotations

from bench.figures import Figures
from bench.screens_pages import opened
from bench.screens_store import Feeder
from domain.facts import Status
from tests.browser.driver import Screen
from tests.installed import Installed

TRIALS = 20
HOURS = 8
POLLS = HOURS * 3600 // 2
# So many first polls fill what is kept for later, like the nodes of all rows that ever stand there.
WARM = 400
NOTICE = """(() => {
  globalThis.noticed = null;
  const name = arguments[0];
  const look = () => {
    const there = document.querySelector('.wall')?.innerText.includes(name);
    if (there) globalThis.noticed = Date.now();
    else requestAnimationFrame(look);
  };
  look();
})()"""
# As the server would answer, many times quicker: one check in fifteen has news in each poll, one in
# a hundred polls a check turns critical, and is healthy again twenty polls later.
HURRIED = """(() => {
  const { poller } = nocturne;
  const names = poller.body.checks.map((check) => check.name);
  const share = Math.max(1, Math.round(names.length / 15));
  let turn = 0;
  const news = (now) => Array.from({ length: share }, (_, index) => {
    const name = names[(turn * share + index) % names.length];
    const check = poller.body.checks.find((each) => each.name === name);
    const value = 20 + ((turn * 7 + index * 13) % 400) / 10;
    return { name, last_at: now, due: now + 30000, stale_at: now + 90000, value: `${value} ms`,
      response_ms: value, spark: [...(check.spark ?? []), value].slice(-32) };
  });
  const turned = (now) => {
    const name = names[Math.floor(turn / 100) % names.length];
    const bad = turn % 100 === 1;
    if (!bad && turn % 100 !== 21) return [];
    const said = bad ? "No answer" : "";
    const status = bad ? "critical" : "healthy";
    return [{ name, status, mark: "none", since: now, sentence: said, message: said }];
  };
  const real = poller.fetch;
  poller.fetch = async () => {
    turn += 1;
    const now = Date.now();
    const changed = [...news(now), ...turned(now)];
    const delta = { base: poller.etag, top: { at: now, revision: turn }, changed, added: [], order: null };
    const headers = {
      "Content-Type": "application/vnd.nocturne.delta+json",
      ETag: `"hurried-${turn}"`,
      "Nocturne-Now": String(now),
      "Nocturne-Beat": String(now),
      "Nocturne-Store": "ok",
      "Nocturne-Role": "viewer",
    };
    return new Response(JSON.stringify(delta), { headers });
  };
  globalThis.hurry = { done: 0, go: async (polls) => {
    for (let poll = 0; poll < polls; poll += 1) {
      while (poller.request) await new Promise((tell) => setTimeout(tell));
      await poller.ask();
      nocturne.beat();
      if (poll % 10 === 0) await new Promise((tell) => requestAnimationFrame(tell));
      hurry.done += 1;
    }
  }, end: () => { poller.fetch = real; poller.etag = null; } };
})()"""


def change_to_wall(figures: Figures, screen: Screen, made: Installed, feeder: Feeder) -> None:
    """Print how long a change of state takes from its commit until it stands on the wall."""
    opened(screen, made, "/wall")
    took = []
    for name in feeder.calm()[:TRIALS]:
        screen.js(NOTICE, name)
        changed = feeder.change(name, Status.CRITICAL)
        screen.until("globalThis.noticed !== null", 60)
        took.append(float(screen.js("globalThis.noticed")) - changed)
        feeder.change(name, Status.HEALTHY)
        screen.until("!document.querySelector('.wall').innerText.includes(arguments[0])", 60, name)
    late = sorted(took)[int(TRIALS * 0.95) - 1]
    figures.at_most(f"a change of state until the wall, 95 of 100 of {TRIALS}", late / 1000, "s", 3)


def hours(figures: Figures, screen: Screen, made: Installed, polls: int = POLLS) -> None:
    """Print how heap and document grow over the polls of eight hours, each with news."""
    opened(screen, made, "/wall")
    screen.js(HURRIED)
    _hurry(screen, WARM)
    heap, nodes = _weight(screen)
    _hurry(screen, polls)
    heap_after, nodes_after = _weight(screen)
    screen.js("hurry.end()")
    figures.plain(f"heap of the wall before {polls} polls with news", heap / 1e6, "MB")
    figures.at_most("its growth by them", 100 * (heap_after - heap) / heap, "%", 10)
    figures.at_most("growth of its nodes by them", abs(nodes_after - nodes), f"of {nodes}", 20)
    long = [each for each in screen.js("bench.long") if each > 200]
    figures.note(f"tasks longer than 200 ms meanwhile: {sorted(long)[-5:] or 'none'}")


def _hurry(screen: Screen, polls: int) -> None:
    screen.js("void (hurry.done = 0, hurry.go(arguments[0]))", polls)
    screen.until("hurry.done >= arguments[0]", 3600, polls)


def _weight(screen: Screen) -> tuple[int, int]:
    """Bytes of the heap and nodes of the document, after what nobody needs was let go."""
    screen.driver.execute_cdp_cmd("HeapProfiler.collectGarbage", {})
    heap = screen.driver.execute_cdp_cmd("Runtime.getHeapUsage", {})
    nodes = screen.driver.execute_cdp_cmd("Memory.getDOMCounters", {})
    return int(heap["usedSize"]), int(nodes["nodes"])
