// Times that the server wrote in UTC, in the zone of whoever looks. React owns these elements and
// writes UTC when it draws them anew, so they are put right whenever that happens.

import { clock, hourMinute, moment, span, zoneName } from "./format.mjs";
import { current as currentZone } from "./zone.mjs";

const RELATIVE = new Set(["ago", "in"]);

export function distance(at, now) {
  const seconds = (at - now) / 1000;
  if (seconds > 0) return `in ${span(Math.ceil(seconds))}`;
  return `${span(-seconds)} ago`;
}

// A run that is due and not yet reported is late by a moment only: "now" until it is stale.
function until(at, now) {
  return at > now ? `in ${span(Math.ceil((at - now) / 1000))}` : "now";
}

export function textOf(form, at, now, zone = currentZone()) {
  if (form === "clock") return clock(at, zone);
  if (form === "hour") return hourMinute(at, zone);
  if (form === "ago") return distance(at, now);
  if (form === "in") return until(at, now);
  return moment(at, now, zone);
}

// Written only where it differs: an equal write would wake the observer that called us.
function write(node, text) {
  if (node.firstChild?.nodeType === Node.TEXT_NODE && node.childNodes.length === 1) {
    if (node.firstChild.data !== text) node.firstChild.data = text;
  }
}

function draw(node, now) {
  const at = Date.parse(node.dateTime);
  if (Number.isFinite(at)) write(node, textOf(node.dataset.form, at, now));
}

export function localise(root, now) {
  for (const node of root.querySelectorAll("time[data-form]")) draw(node, now);
  for (const node of root.querySelectorAll(".zone")) write(node, zoneName(now, currentZone()));
}

// Each second what counts down or up.
export function tickTimes(root, now) {
  for (const node of root.querySelectorAll("time[data-form]")) {
    if (RELATIVE.has(node.dataset.form)) draw(node, now);
  }
}
