// The last 24 hours in one strip: every stretch that was not healthy, named and to scale.

import { el, reconcile, setAttr, setText } from "./dom.mjs";
import { hourMinute, span, zoneName } from "./format.mjs";
import { checkAddress } from "./router.mjs";
import { redraw, shape } from "./shapes.mjs";
import { SLOTS } from "./strip.mjs";

export const SLOT_MS = 30 * 60 * 1000;
const QUARTER_MS = SLOT_MS / 2;
export const MOST_EPISODES = 60;
const STATES = { c: "critical", u: "unknown", d: "degraded", w: "warning", m: "maintenance" };
const RANK = "cudwm";
const GAP = 10;

// The start of the strip: its slots end at the moment at which the snapshot was made.
export function startOf(at) {
  return at - SLOTS * SLOT_MS;
}

// Runs of bad slots, a row each: `{name, state, from, to}` in slots. What a check was blocked
// through belongs to its parent; maintenance of many checks at the same time is one episode.
export function episodes(checks) {
  const found = new Map();
  for (const check of checks) {
    const ticks = String(check.ticks ?? "");
    if (ticks.length !== SLOTS) continue;
    let from = 0;
    while (from < SLOTS) {
      let to = from + 1;
      const bad = (letter) => letter in STATES && letter !== "m";
      const joined = (letter) => letter === ticks[from] || (bad(letter) && bad(ticks[from]));
      while (to < SLOTS && joined(ticks[to])) to += 1;
      const letter = [...RANK].find((each) => ticks.slice(from, to).includes(each));
      if (letter && ticks[from] in STATES) {
        const name = letter === "m" ? "maintenance" : check.name;
        found.set(`${name} ${from} ${to}`, { name, state: STATES[letter], from, to, check: check.name });
      }
      from = to;
    }
  }
  const rank = (episode) => Object.values(STATES).indexOf(episode.state);
  return [...found.values()].sort((a, b) => rank(a) - rank(b) || b.to - a.to || a.name.localeCompare(b.name, "en"));
}

// Which episodes have room for their label, worst first. `width` in pixels.
export function labelled(list, width, measure) {
  const taken = [];
  return list.map((episode) => {
    const size = measure(episode);
    const start = (episode.from / SLOTS) * width;
    const end = (episode.to / SLOTS) * width;
    // Above its block: from its start, else up to its end, else in the middle.
    const tries = [start, end - size, (start + end - size) / 2].map((left) => Math.max(0, Math.min(left, width - size)));
    const free = (left) => taken.every(([a, b]) => left >= b + GAP || left + size + GAP <= a);
    const left = tries.find(free) ?? null;
    if (left !== null) taken.push([left, left + size]);
    return { ...episode, label: left };
  });
}

function mark(first) {
  const sign = shape("pending");
  const name = el("span", { class: "episode-name" });
  const length = el("span", { class: "episode-length number" });
  const label = el("a", { class: "episode-label", "data-internal": "" }, sign, name, length);
  const block = el("span", { class: "episode-block" });
  const node = el("div", { class: "episode" }, label, block);
  label.href = checkAddress(first.check);
  return {
    node,
    update(episode) {
      setAttr(node, "data-state", episode.state);
      redraw(sign, episode.state);
      setText(name, episode.name);
      setText(length, episode.length);
      setAttr(block, "title", `${episode.name} ${episode.state}, ${episode.length}`);
      block.style.left = `${(episode.from / SLOTS) * 100}%`;
      block.style.width = `${((episode.to - episode.from) / SLOTS) * 100}%`;
      label.hidden = episode.label === null;
      if (episode.label !== null) label.style.left = `${episode.label}px`;
    },
  };
}

function hour() {
  const node = el("span", { class: "hour number" });
  return {
    node,
    update({ left, text }) {
      node.style.left = `${left * 100}%`;
      setText(node, text);
      setAttr(node, "data-minor", text === "" ? "" : null);
    },
  };
}

// Full hours on the axis; every third is named, in the zone of whoever looks.
export function hours(start, zone) {
  const marks = [];
  // Quarters, because some zones are off by 30 or 45 minutes.
  for (let ms = Math.ceil(start / QUARTER_MS) * QUARTER_MS; ms < start + SLOTS * SLOT_MS; ms += QUARTER_MS) {
    const text = hourMinute(ms, zone);
    if (!text.endsWith(":00")) continue;
    const left = (ms - start) / (SLOTS * SLOT_MS);
    const named = Number(text.slice(0, 2)) % 3 === 0 && left > 0.03 && left < 0.97;
    marks.push({ ms, left, text: named ? text : "" });
  }
  return marks;
}

// Counted in half hours, so that is what is claimed.
function lengthOf(episode) {
  if (episode.to === SLOTS) return "open";
  return span(((episode.to - episode.from) * SLOT_MS) / 1000);
}

export function timeline() {
  const summary = el("p", { class: "group-tally" });
  const lane = el("div", { class: "lane" });
  const axis = el("div", { class: "axis" });
  const node = el(
    "section",
    { class: "timeline-row" },
    el("div", { class: "group-label" }, el("h2", { class: "group-name" }, "Last 24 h"), summary),
    el("div", { class: "timeline-plot" }, lane, axis),
  );
  const text = document.createElement("canvas").getContext("2d");
  return {
    node,
    update({ snapshot, checks, at }) {
      node.hidden = checks.length === 0;
      if (node.hidden) return;
      const all = episodes(checks);
      const list = all.slice(0, MOST_EPISODES).map((episode) => ({ ...episode, length: lengthOf(episode) }));
      const bad = all.filter((episode) => episode.state !== "maintenance").length;
      const zone = zoneName(at.displayNow, at.zone);
      setText(summary, `${bad === 1 ? "1 episode" : `${bad} episodes`}, ${zone}`);
      text.font = "12px Inter, sans-serif";
      const measure = (episode) => 18 + text.measureText(`${episode.name} ${episode.length}`).width + 10;
      const placed = labelled(list, lane.clientWidth || 1100, measure);
      reconcile(lane, placed, (episode) => `${episode.name} ${episode.from} ${episode.to}`, mark);
      reconcile(axis, hours(startOf(snapshot.at ?? at.displayNow), at.zone), (each) => each.ms, hour);
    },
  };
}
