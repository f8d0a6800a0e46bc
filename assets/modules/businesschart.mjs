// The small chart of a card: bars of what was counted, a line of what is a level.

import { svg } from "./dom.mjs";
import { bandPath, linear, linePath, valueDomain } from "./linechart.mjs";

const WIDTH = 288;
const HEIGHT = 56;
const BAR_GAP = 0.7;

// The nodes of the drawing; nothing at all where nothing was measured.
function drawn(course) {
  const { at, values, shape, unit } = course;
  if (!values.some((value) => value !== null)) return [];
  const end = at.at(-1) + course.step_s * 1000;
  const x = linear([at[0], end], [0, WIDTH]);
  const y = linear(valueDomain(values.map((value) => value ?? NaN), [], unit), [HEIGHT - 1, 2]);
  return shape === "increase" ? [bars(course, x, y)] : line(course, x, y);
}

function bars({ at, values, step_s: step }, x, y) {
  const ground = y(0);
  const path = at.map((moment, place) => {
    const value = values[place];
    if (!value) return "";
    const top = Math.min(y(value), ground - 1);
    return `M${x(moment).toFixed(1)} ${ground.toFixed(1)}V${top.toFixed(1)}H${(x(moment + step * 1000) - BAR_GAP).toFixed(1)}V${ground.toFixed(1)}Z`;
  });
  return svg("path", { class: "business-bars", d: path.join("") });
}

function line({ at, values, step_s: step }, x, y) {
  const middle = at.map((moment) => moment + step * 500);
  const floor = values.map((value) => (value === null ? null : y.back(HEIGHT - 1)));
  return [
    svg("path", { class: "business-area", d: bandPath(middle, floor, values, x, y) }),
    svg("path", { class: "business-line", d: linePath(middle, values, x, y) }),
    svg("path", { class: "business-dots", d: dots(middle, values, x, y) }),
  ];
}

// Values without neighbours, which a line would not show.
function dots(at, values, x, y) {
  const alone = (place) => values[place] !== null && (values[place - 1] ?? null) === null && (values[place + 1] ?? null) === null;
  return at.map((moment, place) => (alone(place) ? `M${x(moment).toFixed(1)} ${y(values[place]).toFixed(1)}h0.01` : "")).join("");
}

// `{node, update(course, label)}`; `onPoint` is told which stretch the pointer is on, or null.
export function smallChart(onPoint) {
  const node = svg("svg", { class: "business-chart", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", role: "img" });
  let shown = null;
  const placeOf = (event) => {
    const box = node.getBoundingClientRect();
    const place = Math.floor(((event.clientX - box.left) / box.width) * shown.at.length);
    return Math.max(0, Math.min(shown.at.length - 1, place));
  };
  node.addEventListener("pointermove", (event) => shown && onPoint(placeOf(event)));
  node.addEventListener("pointerleave", () => onPoint(null));
  return {
    node,
    update(course, label) {
      node.setAttribute("aria-label", label);
      if (course === shown) return;
      shown = course;
      node.replaceChildren(svg("line", { class: "business-ground", x1: 0, x2: WIDTH, y1: HEIGHT - 0.5, y2: HEIGHT - 0.5 }), ...drawn(course));
    },
  };
}
