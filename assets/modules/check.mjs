// The check page: tells the server what has been seen of the check and what its chart is to show,
// sends the buttons' requests, and puts times into the zone of whoever looks.

import { setAttr } from "./dom.mjs";
import { FocusKeeper } from "./focus.mjs";
import { beginningRange, measuredHours } from "./measured.mjs";
import { checkButtons } from "./operate.mjs";
import { setSearch } from "./router.mjs";
import { endsOf, rangeFor, shownFrom, withZoom, zoomIn, zoomOf } from "./checkzoom.mjs";
import { current as currentTheme } from "./theme.mjs";
import { localise, tickTimes } from "./times.mjs";
import { CHANGED as ZONE_CHANGED, current as currentZone } from "./zone.mjs";

export const RANGES = { "1h": 1, "3h": 3, "24h": 24, "7d": 168 };
export const USUAL = "3h";
const EVERY_MS = 500;
const MINUTE = 60000;
// A chart is about this many points wide: sooner there is nothing new to be seen in it.
const POINTS = 1000;

export function rangeOf(search, now = Date.now(), usual = USUAL) {
  const asked = new URLSearchParams(search).get("range");
  const range = Object.hasOwn(RANGES, asked ?? "") ? asked : usual;
  return rangeFor(RANGES, range, zoomIn(search), now);
}

// What the pieces follow. It changes with the check, and each minute because sentences tell how
// long; not while the server is silent, which could not answer.
export function seenOf(name, check, now, done = 0) {
  if (!check) return { name, seen: "nothing" };
  const parts = [check.last_at, check.status, check.mark, check.blocked_by, check.soft?.try, Math.floor(now / MINUTE), done];
  return { name, seen: parts.join(" ") };
}

// What the chart shows; `step` moves when a new point would.
export function wantedOf(name, range, theme, check, now, zone = "UTC") {
  const step = Math.max(5000, (RANGES[range] * 60 * MINUTE) / POINTS);
  const newest = Math.max(check?.last_at ?? 0, 0);
  return { name, range, theme, zone, step: Math.floor(newest / step), minute: Math.floor(now / Math.max(MINUTE, step)) };
}

export class CheckPage {
  constructor() {
    this.range = null;
    this.usual = null;
    this.zone = null;
    this.plot = null;
    this.page = null;
    this.sent = {};
    this.done = 0;
    this.first = true;
    this.asked = null;
    this.buttons = checkButtons({
      // What was just done shows at once: the page need not wait for the next poll to see it.
      onDone: () => {
        this.done += 1;
        this.update();
        globalThis.nocturne?.poller?.ask({ hurry: true });
      },
    });
  }

  now() {
    return globalThis.nocturne?.clock?.now() ?? Date.now();
  }

  check(name) {
    return globalThis.nocturne?.snapshot?.checks.find((check) => check.name === name);
  }

  // Into a Dash store, when it differs: the page's callbacks listen to these two.
  send(store, data, whole = data) {
    const text = JSON.stringify(data);
    if (this.sent[store] === text || !globalThis.dash_clientside?.set_props) return;
    this.sent[store] = text;
    globalThis.dash_clientside.set_props(store, { data: whole });
  }

  update() {
    const page = document.getElementById("check-page");
    if (page !== this.page) {
      this.page = page;
      this.sent = {};
      this.first = true;
      this.usual = null;
    }
    if (!page) return;
    const range = rangeOf(location.search, this.now(), this.begin(page.dataset.check));
    this.hear(page.querySelector(".js-plotly-plot"));
    this.markRange(page, range);
    tickTimes(page, this.now());
    const asked = `${range} ${currentTheme()} ${currentZone()} ${this.done}`;
    // A silent server is asked once for what somebody wants to see, and not for news.
    const silent = document.documentElement.dataset.freshness === "stale";
    if (silent && !this.first && asked === this.asked) return;
    this.asked = asked;
    this.ask(page.dataset.check, range);
  }

  // With which range the chart begins. Found once, so that it does not change under who looks.
  begin(name) {
    const check = this.check(name);
    if (check) this.usual ??= beginningRange(RANGES, USUAL, measuredHours([check.ticks]));
    return this.usual ?? USUAL;
  }

  markRange(page, range) {
    // React knows no such attributes of these elements, so it leaves them alone.
    setAttr(page, "data-range", range);
    for (const button of page.querySelectorAll("button[data-range]")) {
      setAttr(button, "aria-pressed", button.dataset.range === range ? "true" : "false");
    }
  }

  ask(name, range) {
    const check = this.check(name);
    const seen = seenOf(name, check, this.now(), this.done);
    // The first time for this frame: whatever was sent before stands there no more.
    this.send("check-seen", seen, this.first ? { ...seen, first: true } : seen);
    this.first &&= !this.sent["check-seen"];
    const zone = currentZone();
    const wanted = wantedOf(name, range, currentTheme(), check, this.now(), zone);
    // What the chart shows stays as it is; a new one shows what stands in the address.
    const drawn = range === this.range && zone === this.zone && this.plot?.isConnected;
    const zoom = drawn ? zoomOf(this.plot) : shownFrom(zoomIn(location.search), zone);
    Object.assign(this, { range, zone });
    this.send("check-range", wanted, { ...wanted, zoom });
  }

  // Once for each chart: where somebody zooms to stands in the address.
  hear(plot) {
    if (plot === this.plot || !plot?.on) return;
    this.plot = plot;
    plot.on("plotly_relayout", (change) => {
      if (!Object.keys(change).some((key) => key.startsWith("xaxis."))) return;
      setSearch(withZoom(location.search, endsOf(zoomOf(plot), currentZone())), { replace: true });
    });
  }

  start() {
    document.addEventListener("click", (event) => {
      const range = event.target.closest?.("#check-page button[data-range]")?.dataset.range;
      if (!range) return;
      const query = new URLSearchParams(withZoom(location.search, null));
      query.set("range", range);
      // Replaced, not pushed: Dash takes a step back in the history for a change of page.
      setSearch(`?${query}`, { replace: true });
      this.update();
    });
    this.buttons.start();
    document.addEventListener("nocturne:theme", () => this.update());
    document.addEventListener(ZONE_CHANGED, () => {
      if (this.page) localise(this.page, this.now());
      this.update();
    });
    const focus = new FocusKeeper();
    focus.start("#check-page");
    // Times are put right in the same frame in which React writes them.
    new MutationObserver(() => {
      const page = document.getElementById("check-page");
      if (page) {
        localise(page, this.now());
        focus.restore(page);
      }
      if (page !== this.page) this.update();
    }).observe(document.body, { childList: true, subtree: true, characterData: true });
    setInterval(() => this.update(), EVERY_MS);
    this.update();
  }
}
