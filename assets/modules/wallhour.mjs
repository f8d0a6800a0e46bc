// The last hour of a wall: 60 bars, the worst that was read in each minute.

import { el, setAttr, setText, svg } from "./dom.mjs";
import { hourMinute, zoneName } from "./format.mjs";
import { stateOf } from "./states.mjs";
import { bars } from "./strip.mjs";
import { HATCH } from "./tiles.mjs";

export const MINUTES = 60;
const MINUTE_MS = 60_000;
// What is bad, then what is measured: one paused check must not grey the hour of all others.
const RANK = "cudwbhmp-";
const LETTERS = { critical: "c", unknown: "u", degraded: "d", warning: "w" };
const DRAWN = { slots: MINUTES, step: 5, bar: 4, heights: { h: 5 } };

// The end of the hour that a snapshot made at `at` tells of: that of its minute.
export function hourEnd(at) {
  return Math.floor(at / MINUTE_MS) * MINUTE_MS + MINUTE_MS;
}

// One letter a minute over all checks. A check without letters was healthy throughout; an alert
// counts since it fires.
export function worstByMinute(checks, at) {
  const start = hourEnd(at) - MINUTES * MINUTE_MS;
  const ranks = new Array(MINUTES).fill(RANK.length - 1);
  const put = (index, letter) => {
    const rank = RANK.indexOf(letter);
    if (rank >= 0 && rank < ranks[index]) ranks[index] = rank;
  };
  let healthy = false;
  for (const check of checks) {
    if (check.alert) {
      const from = Math.max(0, Math.floor(((check.since ?? at) - start) / MINUTE_MS));
      for (let index = from; index < MINUTES; index += 1) put(index, LETTERS[stateOf(check, at)] ?? "u");
    } else if (typeof check.hour === "string") {
      for (let index = 0; index < MINUTES; index += 1) put(index, check.hour[index] ?? "-");
    } else healthy = true;
  }
  return ranks.map((rank) => RANK[healthy ? Math.min(rank, RANK.indexOf("h")) : rank]).join("");
}

export function hourStrip() {
  const plot = svg("svg", { class: "wall-bars", viewBox: `0 0 ${MINUTES * DRAWN.step - 1} 16`, preserveAspectRatio: "none", "aria-hidden": "true" });
  const from = el("span", { class: "number" });
  const to = el("span", { class: "number" });
  const node = el("figure", { class: "wall-hour" }, plot, el("figcaption", {}, from, el("span", {}, "last hour, worst state per minute"), to));
  let last = "";
  return {
    node,
    update({ checks, at, frozen, zone }) {
      const letters = worstByMinute(checks, at);
      const key = `${letters} ${frozen}`;
      if (key !== last) {
        last = key;
        const paths = Object.entries(bars(letters, DRAWN)).map(([letter, d]) => {
          const green = letter === "h" && frozen;
          return svg("path", { class: green ? "bar-stale" : `bar-${letter}`, d, fill: green ? `url(#${HATCH})` : null });
        });
        plot.replaceChildren(...paths);
      }
      setAttr(node, "data-was", frozen ? "" : null);
      const end = hourEnd(at);
      setText(from, hourMinute(end - MINUTES * MINUTE_MS, zone));
      setText(to, `${hourMinute(at, zone)} ${zoneName(at, zone)}`);
    },
  };
}
