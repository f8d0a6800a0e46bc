// The shape of each state, 12 × 12. Shape and word carry the meaning; colour comes from CSS.

import { svg } from "./dom.mjs";

export const DRAWN = {
  healthy: [["circle", { cx: 6, cy: 6, r: 4, class: "fill" }]],
  warning: [["path", { d: "M6 1.2 11.2 10.6H.8Z", class: "fill edge" }]],
  degraded: [["path", { d: "M6 1.3 10.7 6 6 10.7 1.3 6Z", class: "line" }]],
  critical: [["path", { d: "M6 .4 11.6 6 6 11.6.4 6Z", class: "fill" }]],
  unknown: [
    ["path", { d: "M3.6 4.1a2.4 2.4 0 1 1 3.8 2C6.5 6.7 6 7.1 6 8", class: "line" }],
    ["circle", { cx: 6, cy: 10.5, r: 1.05, class: "fill" }],
  ],
  // A gate that is shut: what lies behind it can't be known.
  blocked: [["circle", { cx: 6, cy: 6, r: 4.6, class: "line" }], ["path", { d: "M2.8 9.2 9.2 2.8", class: "line" }]],
  maintenance: [["rect", { x: 1.8, y: 1.8, width: 8.4, height: 8.4, class: "fill" }]],
  paused: [["path", { d: "M4 2.5v7M8 2.5v7", class: "line" }]],
  pending: [["circle", { cx: 6, cy: 6, r: 3.8, class: "line dashed" }]],
  stale: [
    ["rect", { x: 1.2, y: 1.2, width: 9.6, height: 9.6, rx: 1.2, class: "line thin" }],
    ["path", { d: "M1.5 6.5 6.5 1.5M1.5 10.5 10.5 1.5M5.5 10.5 10.5 5.5", class: "line thin" }],
  ],
};
DRAWN.waiting = DRAWN.pending;

export function shape(state) {
  const node = svg("svg", { viewBox: "0 0 12 12", class: "shape", "aria-hidden": "true" });
  redraw(node, state);
  return node;
}

export function redraw(node, state) {
  if (node.getAttribute("data-state") === state) return;
  node.setAttribute("data-state", state);
  node.replaceChildren(...(DRAWN[state] ?? DRAWN.unknown).map(([tag, attributes]) => svg(tag, attributes)));
}
