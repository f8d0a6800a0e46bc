// What both charts of a threshold draw: the line with its spread, and the shades of the firings.

import { svg } from "./dom.mjs";
import { bandPath, linePath } from "./linechart.mjs";

// Shades that overlap must not mix into the colour of another state: the worst is on top, and all
// are thinned together.
export function shade(rects) {
  const worstLast = rects.sort((a, b) => (a.dataset.state === "critical") - (b.dataset.state === "critical"));
  return svg("g", { class: "threshold-shades" }, ...worstLast);
}

// The line on the side from which the levels are crossed, and how far it was spread to the other.
export function courseLine({ at, low, high }, x, y, upward) {
  return [
    svg("path", { class: "threshold-band", d: bandPath(at, low, high, x, y) }),
    svg("path", { class: "threshold-line", d: linePath(at, upward ? high : low, x, y) }),
  ];
}
