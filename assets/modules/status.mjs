// The public status page: counts how old its data is, and fetches itself anew. Without it the page
// is whole all the same; a page that can't be renewed must not go on saying that everything works.

import { setText } from "./dom.mjs";
import { redraw, shape } from "./shapes.mjs";

export const EVERY_MS = 10_000;
// What is served may be held for 10 s on the way and 10 s where it is made, and is fetched each 10 s:
// beyond this several tries in a row have failed.
export const TOO_OLD_MS = 75_000;
const CANT_TELL = "We can’t tell at the moment";

// "4 s", "3 min", "2 h", "5 d".
export function ageText(ms) {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 100) return `${seconds} s`;
  if (seconds < 100 * 60) return `${Math.round(seconds / 60)} min`;
  return seconds < 48 * 3600 ? `${Math.round(seconds / 3600)} h` : `${Math.round(seconds / 86_400)} d`;
}

// How old the last measurement is, in ms; null when nothing was measured yet. `beat` and `made` are
// of the server's clock, `elapsed` the time since the page came here.
export function ageOf({ beat, made, elapsed }) {
  return beat === null ? null : Math.max(0, made - beat) + elapsed;
}

function number(text) {
  return text ? Number(text) : null;
}

class Page {
  constructor() {
    this.arrived();
    this.asking = false;
  }

  arrived() {
    this.main = document.querySelector("main.status");
    this.at = { monotonic: performance.now(), wall: Date.now() };
  }

  // Both clocks: the monotonic one stands still while a laptop sleeps.
  elapsed() {
    return Math.max(0, performance.now() - this.at.monotonic, Date.now() - this.at.wall);
  }

  show() {
    const { made, beat } = this.main.dataset;
    const age = ageOf({ beat: number(beat), made: number(made), elapsed: this.elapsed() });
    if (age === null) return;
    setText(this.main.querySelector(".status-age"), `Last checked ${ageText(age)} ago`);
    if (age > TOO_OLD_MS && !("stale" in this.main.dataset)) this.doubt();
  }

  // Nothing of the present is claimed any more; the past stays.
  doubt() {
    this.main.dataset.stale = "";
    setText(this.main.querySelector("h1"), CANT_TELL);
    document.title = `⚠ ${CANT_TELL}`;
    redraw(this.main.querySelector(".status-whole > .shape"), "stale");
    for (const word of this.main.querySelectorAll(".status-word")) {
      word.dataset.state = "stale";
      word.replaceChildren(shape("stale"), "not known");
    }
  }

  async renew() {
    if (this.asking) return;
    this.asking = true;
    try {
      const response = await fetch(location.href, { cache: "no-cache", signal: AbortSignal.timeout(10_000) });
      if (response.ok) this.replace(await response.text());
    } catch {
      // No answer: the age goes on growing, and says so.
    } finally {
      this.asking = false;
    }
  }

  // What was opened or closed by hand stays so; focus stays on the incident that had it.
  replace(text) {
    const next = new DOMParser().parseFromString(text, "text/html");
    const main = next.querySelector("main.status");
    if (!main) return;
    const focused = document.activeElement?.closest?.(".status-story")?.dataset.key;
    for (const story of this.main.querySelectorAll(".status-story")) {
      const same = main.querySelector(`.status-story[data-key="${story.dataset.key}"]`);
      if (same) same.open = story.open;
    }
    this.main.replaceWith(document.adoptNode(main));
    document.title = next.title;
    document.querySelector("link[rel=icon]").href = next.querySelector("link[rel=icon]").getAttribute("href");
    this.arrived();
    if (focused) this.main.querySelector(`.status-story[data-key="${focused}"] summary`)?.focus({ preventScroll: true });
    this.show();
  }
}

if (typeof document !== "undefined" && document.querySelector("main.status")) {
  const page = new Page();
  page.show();
  setInterval(() => page.show(), 1000);
  setInterval(() => page.renew(), EVERY_MS);
  // A page that comes back from a browser's memory may be of yesterday.
  addEventListener("pageshow", (event) => event.persisted && page.renew());
  if (Date.now() - Number(page.main.dataset.made) > EVERY_MS * 2) page.renew();
}
