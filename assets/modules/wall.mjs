// The wall: puts its parts together, turns its pages, and keeps it alive for months on one screen.

import { ageView, clockView, pagingText } from "./bar.mjs";
import { noticesOf } from "./banners.mjs";
import { el, icon, reconcile, setAttr, setText } from "./dom.mjs";
import { everything } from "./problems.mjs";
import { redraw, shape } from "./shapes.mjs";
import { counts } from "./states.mjs";
import { hexMap } from "./wallhexes.mjs";
import { hourStrip } from "./wallhour.mjs";
import { asked, belongs, shiftAt, turned } from "./wallpages.mjs";
import { calmWords, headlineCounts, isUrgent, Newcomers, restCounts, wallProblems } from "./wallproblems.mjs";
import { Sound } from "./wallsound.mjs";
import { problemTiles } from "./walltiles.mjs";
import { calmView, dateView, headlineView, healthyView, placeView, slabView } from "./walltop.mjs";

export const PATH = "/wall";
const GLOW_MS = 100;
const IDLE_MS = 3000;
// Two pulses of a second each.
const ALARM_MS = 2400;
const SAID = new Set(["critical", "warning"]);
const STILL = matchMedia("(prefers-reduced-motion: reduce)");

export function onWall() {
  return location.pathname === PATH;
}

function restLine() {
  const mark = shape("pending");
  const text = el("span", { class: "number" });
  const node = el("li", {}, mark, text);
  return {
    node,
    update(item) {
      setAttr(node, "data-state", item.state);
      redraw(mark, item.state);
      setText(text, `${item.total.toLocaleString("en-GB")} ${item.word ?? item.state}`);
    },
  };
}

export class Wall {
  constructor() {
    this.views = { place: placeView(), age: ageView(), date: dateView(), clock: clockView(), slab: slabView(), headline: headlineView(), healthy: healthyView(), calm: calmView(), tiles: problemTiles(), map: hexMap(), hour: hourStrip() };
    this.notice = el("p", { class: "wall-notice", role: "status", hidden: "" });
    this.rest = el("ul", { class: "wall-rest" });
    this.stale = el("span", { class: "number" });
    this.staleCount = el("p", { class: "wall-stale-count", "data-state": "stale", hidden: "" }, shape("stale"), this.stale);
    this.caption = el("p", { class: "wall-caption" }, "Each lights up as its check runs");
    this.paging = el("p", { class: "wall-paging" });
    this.soundButton = el("button", { type: "button", class: "wall-sound" });
    this.node = this.build();
    this.sound = new Sound({ onChange: () => this.drawSound() });
    this.newcomers = new Newcomers();
    this.alarms = new Map();
    this.rotation = { index: 0, since: null };
    this.held = [];
    this.latest = null;
    this.search = null;
    this.glowing = 0;
    this.moved = 0;
    this.fonts = 0;
  }

  build() {
    const { place, age, date, clock, slab, headline, healthy, calm, tiles, map, hour } = this.views;
    const field = el("section", { class: "wall-map", "aria-label": "All checks" }, map.node, el("div", { class: "wall-under" }, this.caption, this.staleCount, this.rest));
    this.frame = el(
      "div",
      { class: "wall-frame" },
      el("header", { class: "wall-head" }, place.node, this.soundButton, age.node, date.node, clock.node),
      slab.node,
      this.notice,
      el("section", { class: "wall-top", "aria-label": "Summary" }, headline.node, calm.node, healthy.node),
      tiles.node,
      field,
      hour.node,
      el("footer", { class: "wall-foot" }, this.paging),
    );
    return el("div", { class: "wall", "data-mode": "waiting" }, this.frame);
  }

  start() {
    // Text of another font takes other room.
    document.fonts.addEventListener("loadingdone", () => {
      this.fonts += 1;
    });
    this.soundButton.addEventListener("click", (event) => {
      event.stopPropagation();
      this.sound.toggle();
    });
    for (const name of ["pointerdown", "keydown"]) {
      document.addEventListener(name, (event) => {
        if (onWall() && this.sound.state === "blocked" && !this.soundButton.contains(event.target)) this.sound.open();
      });
    }
    for (const name of ["pointermove", "pointerdown", "keydown"]) {
      document.addEventListener(name, () => this.woken(), { passive: true });
    }
  }

  woken() {
    this.moved = performance.now();
    setAttr(this.node, "data-idle", null);
  }

  // Twice a second, whatever is known: what goes on without data.
  beat({ judgement, beat, now, zone }) {
    setAttr(document.documentElement, "data-wall", onWall() ? "" : null);
    this.glow(onWall() && judgement.level !== "stale");
    if (!onWall()) return;
    this.read();
    this.views.age.update(judgement, beat);
    this.views.date.update(now, zone);
    this.views.clock.update(now, zone);
    this.views.slab.update(judgement, beat, zone);
    setAttr(this.node, "data-stale", judgement.level === "stale" ? "" : null);
    setAttr(this.node, "data-idle", performance.now() - this.moved > IDLE_MS ? "" : null);
    const [x, y] = shiftAt(now);
    this.frame.style.setProperty("--shift-x", x);
    this.frame.style.setProperty("--shift-y", y);
  }

  // What the address asks for, when it changed.
  read() {
    if (this.search === location.search) return;
    this.search = location.search;
    this.wish = asked(location.search);
    this.rotation = { index: 0, since: null };
    setAttr(this.node, "data-distance", this.wish.distance);
    this.sound.start(this.wish.sound);
    this.drawSound();
  }

  turn() {
    const { pages, everyMs } = this.wish;
    this.rotation = turned(this.rotation, { count: pages.length, everyMs, now: performance.now(), held: this.held });
  }

  // Between two beats only hexagons change. The timer stands still elsewhere and while stale.
  glow(wanted) {
    const runs = wanted && !STILL.matches;
    if (runs && !this.glowing) {
      this.glowing = setInterval(() => {
        if (document.visibilityState === "visible" && this.latest) this.views.map.canvas.glow(this.latest.clock());
      }, GLOW_MS);
    } else if (!runs && this.glowing) {
      clearInterval(this.glowing);
      this.glowing = 0;
    }
  }

  // Once a second and with all news. `clock` tells the server's time between two of them.
  update(latest) {
    this.latest = latest;
    this.read();
    this.watch();
    this.turn();
    this.draw();
  }

  // What is new and what may not be left, over all pages of this wall.
  watch() {
    const { snapshot, at } = this.latest;
    const { pages } = this.wish;
    const urgent = everything(snapshot).filter((check) => isUrgent(check, at.now));
    this.held = pages.flatMap((page, index) => (urgent.some((check) => belongs(check, page)) ? [index] : []));
    const came = this.newcomers.update(urgent.filter((check) => pages.some((page) => belongs(check, page))));
    const now = performance.now();
    for (const [name, until] of this.alarms) if (now > until) this.alarms.delete(name);
    for (const name of came) this.alarms.set(name, now + ALARM_MS);
    if (came.length) this.sound.ring();
  }

  draw() {
    const { snapshot, at, store } = this.latest;
    const page = this.wish.pages[this.rotation.index];
    const all = everything(snapshot);
    const checks = all.filter((check) => belongs(check, page));
    const problems = wallProblems(checks, new Map(checks.map((check) => [check.name, check])), at.now);
    const tally = counts(checks, at.now);
    const told = this.drawTop({ page, checks, problems, tally, at });
    this.drawNotice({ snapshot, store, all, page, at });
    this.views.hour.update({ checks, at: snapshot.at, frozen: at.frozen, zone: at.zone });
    this.staleCount.hidden = !at.frozen || checks.length === 0;
    setText(this.stale, `${(tally.healthy + tally.stale).toLocaleString("en-GB")} stale`);
    const rest = restCounts(tally, at.frozen ? ["stale", ...told] : told);
    reconcile(this.rest, rest, (item) => item.state, restLine);
    this.drawPaging(snapshot.paging, at.frozen);
    // Both depend on the room that the others leave them.
    const unit = this.frame.clientHeight ? parseFloat(getComputedStyle(this.frame).fontSize) / 4 : 0;
    if (unit === 0) return;
    const room = `${unit} ${page.key} ${this.notice.hidden} ${this.fonts}`;
    if (problems.length) this.views.tiles.update({ problems, at, alarms: this.alarms, room });
    const label = at.frozen ? `${checks.length} checks, none measured now` : `${tally.healthy} of ${checks.length} checks healthy`;
    this.views.map.update({ snapshot, checks, at, grouped: problems.length === 0, unit, still: STILL.matches, label });
  }

  // The page's name, and what is read first; tells which states are counted there.
  drawTop({ page, checks, problems, tally, at }) {
    const { place, headline, healthy, calm } = this.views;
    const empty = checks.length === 0;
    place.update({ pages: this.wish.pages, index: this.rotation.index, held: this.held.length > 0 });
    setAttr(this.node, "data-mode", problems.length ? "problems" : empty ? "empty" : "calm");
    setAttr(this.node, "data-many", problems.length > 6 ? "" : null);
    this.caption.hidden = at.frozen || empty;
    if (problems.length === 0) {
      calm.update(calmWords({ checks, tally, now: at.displayNow, label: page.kind === "all" ? "" : page.label }));
      return [];
    }
    healthy.update(tally.healthy, checks.length);
    const told = headline.update(headlineCounts(problems, at.now, at.displayNow));
    // While stale the slab stands where they are counted.
    return at.frozen ? [] : told;
  }

  // What else must be said, most urgent first: about this address, Nocturne, other checks.
  drawNotice({ snapshot, store, all, page, at }) {
    const wrong = this.wish.wrong.map((word) => ({ level: "warning", text: `There is no wall page “${word}”: use all, tag:… or group:…` }));
    const elsewhere = all.filter((check) => !belongs(check, page) && isUrgent(check, at.now)).length;
    const outside = elsewhere ? [{ level: "critical", text: `${elsewhere} critical outside this page` }] : [];
    const found = [...outside, ...noticesOf({ snapshot, store }).filter((each) => SAID.has(each.level)), ...wrong];
    const text = found.length ? `${found[0].text}${found.length > 1 ? ` · ${found.length - 1} more` : ""}` : "";
    if (this.notice.dataset.text === text) return;
    this.notice.dataset.text = text;
    this.notice.hidden = text === "";
    setAttr(this.notice, "data-state", found[0]?.level);
    this.notice.replaceChildren(...(text ? [shape(found[0].level), el("span", {}, text)] : []));
  }

  drawPaging(paging, frozen) {
    const said = pagingText(paging, frozen);
    if (this.paging.dataset.text === said.text) return;
    this.paging.dataset.text = said.text;
    setAttr(this.paging, "data-level", said.level);
    this.paging.replaceChildren(icon(said.icon), el("span", {}, said.text));
  }

  drawSound() {
    const { state } = this.sound;
    const words = { blocked: "Sound blocked: click", on: "Sound is on", muted: "Sound is off" };
    if (this.soundButton.dataset.sound === state) return;
    setAttr(this.soundButton, "data-sound", state);
    setAttr(this.soundButton, "aria-label", words[state]);
    setAttr(this.soundButton, "title", words[state]);
    // Once it works an icon is enough.
    this.soundButton.replaceChildren(icon(state === "on" ? "sound" : "sound-off"), el("span", {}, state === "blocked" ? words.blocked : ""));
  }
}
