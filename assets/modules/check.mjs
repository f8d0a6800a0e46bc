// The check page: tells the server what has been seen of the check and what its chart is to show,
// sends the buttons' requests, and puts times into the zone of whoever looks.

import { checkButtons } from "./operate.mjs";
import { setSearch } from "./router.mjs";
import { current as currentTheme } from "./theme.mjs";
import { localise, tickTimes } from "./times.mjs";

export const RANGES = { "1h": 1, "3h": 3, "24h": 24, "7d": 168 };
export const USUAL = "3h";
const EVERY_MS = 500;
const MINUTE = 60000;
// A chart is about this many points wide: sooner there is nothing new to be seen in it.
const POINTS = 1000;

export function rangeOf(search) {
  const asked = new URLSearchParams(search).get("range");
  return Object.hasOwn(RANGES, asked ?? "") ? asked : USUAL;
}

// What the pieces follow. It changes with the check, and each minute because sentences tell how
// long; not while the server is silent, which could not answer.
export function seenOf(name, check, now) {
  if (!check) return { name, seen: "nothing" };
  const parts = [check.last_at, check.status, check.mark, check.blocked_by, check.soft?.try, Math.floor(now / MINUTE)];
  return { name, seen: parts.join(" ") };
}

// What the chart shows; `step` moves when a new point would.
export function wantedOf(name, range, theme, check, now) {
  const step = Math.max(5000, (RANGES[range] * 60 * MINUTE) / POINTS);
  const newest = Math.max(check?.last_at ?? 0, 0);
  const offset = -new Date(now).getTimezoneOffset();
  return { name, range, theme, offset, step: Math.floor(newest / step), minute: Math.floor(now / Math.max(MINUTE, step)) };
}

export class CheckPage {
  constructor() {
    this.page = null;
    this.sent = {};
    this.buttons = checkButtons({ hurry: () => globalThis.nocturne?.poller?.ask({ hurry: true }) });
  }

  now() {
    return globalThis.nocturne?.clock?.now() ?? Date.now();
  }

  check(name) {
    return globalThis.nocturne?.snapshot?.checks.find((check) => check.name === name);
  }

  // Into a Dash store, when it differs: the page's callbacks listen to these two.
  send(store, data) {
    const text = JSON.stringify(data);
    if (this.sent[store] === text || !globalThis.dash_clientside?.set_props) return;
    this.sent[store] = text;
    globalThis.dash_clientside.set_props(store, { data });
  }

  update() {
    const page = document.getElementById("check-page");
    if (page !== this.page) {
      this.page = page;
      this.sent = {};
    }
    if (!page) return;
    const silent = document.documentElement.dataset.freshness === "stale";
    const name = page.dataset.check;
    const range = rangeOf(location.search);
    for (const button of page.querySelectorAll("[data-range]")) {
      button.setAttribute("aria-pressed", String(button.dataset.range === range));
    }
    tickTimes(page, this.now());
    if (silent && this.sent["check-seen"] && this.sent["check-range"]?.includes(`"${range}","theme":"${currentTheme()}"`)) return;
    const check = this.check(name);
    this.send("check-seen", seenOf(name, check, this.now()));
    this.send("check-range", wantedOf(name, range, currentTheme(), check, this.now()));
  }

  start() {
    document.addEventListener("click", (event) => {
      const range = event.target.closest?.("#check-page [data-range]")?.dataset.range;
      if (!range) return;
      const query = new URLSearchParams(location.search);
      query.set("range", range);
      // Replaced, not pushed: Dash takes a step back in the history for a change of page.
      setSearch(`?${query}`, { replace: true });
      this.update();
    });
    this.buttons.start();
    document.addEventListener("nocturne:theme", () => this.update());
    // Times are put right in the same frame in which React writes them.
    new MutationObserver(() => {
      const page = document.getElementById("check-page");
      if (page) localise(page, this.now());
      if (page !== this.page) this.update();
    }).observe(document.body, { childList: true, subtree: true, characterData: true });
    setInterval(() => this.update(), EVERY_MS);
    this.update();
  }
}
