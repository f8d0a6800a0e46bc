// The drawing of a threshold's chart: grid, line, levels, and the lanes of when each would have fired.

import { svg } from "./dom.mjs";
import { hairline, stretchBox, ticks, timeTicks } from "./linechart.mjs";
import { LEVELS, same } from "./thresholddraft.mjs";
import { courseLine, shade } from "./thresholdmarks.mjs";
import { tickText } from "./thresholdpoints.mjs";
import { isNumber, showValue } from "./thresholdtext.mjs";

export const LEFT = 56;
export const TOP = 12;
const RIGHT = 10;
const LANE = 14;
const LANE_GAP = 6;
const HEIGHTS = { desk: 218, phone: 190 };
// A stretch is at least so wide on the screen.
const NARROW = 7;

// Where what stands in a chart of this width.
export function geometry(width) {
  const height = width < 480 ? HEIGHTS.phone : HEIGHTS.desk;
  const bottom = TOP + height;
  const lanes = bottom + 10;
  return { bottom, lanes, axis: lanes + 2 * LANE + LANE_GAP + 17, whole: lanes + 2 * LANE + LANE_GAP + 24, right: width - RIGHT };
}

export function within(value, { domain }) {
  return value >= domain[0] && value <= domain[1];
}

// All of it, from back to front. A sheet is what is shown (`model`), its `scales`, its `width` and
// the geometry; `press` takes hold of a level.
export function plotted(sheet, press) {
  const { model, scales } = sheet;
  const line = model.course ? courseLine(model.course, scales.x, scales.y, model.upward) : [];
  const levels = model.lined ? [...levelsInForce(sheet), ...levelsDrafted(sheet, press)] : [];
  return [...grid(sheet), ...shades(sheet), ...line, ...levels, ...lanes(sheet)];
}

function grid({ model, scales, width, bottom, right, axis, lanes: lane }) {
  const values = model.empty ? [] : ticks(scales.domain[0], scales.domain[1], 5);
  const times = timeTicks(scales.from, scales.to, model.zone, width < 480 ? 4 : 8);
  return [
    ...values.flatMap((value) => [
      hairline(LEFT, scales.y(value), right, scales.y(value), "threshold-grid"),
      svg("text", { class: "threshold-tick", x: LEFT - 8, y: scales.y(value) + 4, "text-anchor": "end" }, showValue(value, model.unit === "%" ? "" : model.unit)),
    ]),
    ...times.at.flatMap((moment) => [
      hairline(scales.x(moment), TOP, scales.x(moment), bottom, "threshold-grid faint"),
      hairline(scales.x(moment), lane, scales.x(moment), lane + LANE, "threshold-grid faint"),
      ...(scales.x(moment) > right - 16 || scales.x(moment) < LEFT + 12
        ? []
        : [svg("text", { class: "threshold-tick", x: scales.x(moment), y: axis, "text-anchor": "middle" }, tickText(moment, times.step, model.zone))]),
    ]),
  ];
}

function boxes(stretches, { scales, right }) {
  return (stretches ?? []).map((each) => ({ ...each, ...stretchBox(each.start, each.end, scales.x, [LEFT, right], NARROW) }));
}

// An alert that is narrow on the screen is drawn as one, in the worst level it had.
function parts(alerts, scales) {
  return (alerts ?? []).flatMap((alert) => (scales.x(alert.end) - scales.x(alert.start) < 16 ? [alert] : alert.parts));
}

// Behind the line: where the draft would have fired, and hatched where only the rule in force did.
function shades(sheet) {
  const { model, scales, bottom } = sheet;
  const touches = (alert) => (model.fired ?? []).some((other) => other.start < alert.end && alert.start < other.end);
  const only = model.changed ? (model.firedInForce ?? []).filter((alert) => !touches(alert)) : [];
  const box = (name, each, state) => svg("rect", { class: name, "data-state": state, x: each.x, y: TOP, width: each.width, height: bottom - TOP });
  return [
    ...boxes(only, sheet).map((each) => box("threshold-hatch", each, null)),
    shade(boxes(parts(model.fired, scales), sheet).map((each) => box("threshold-shade", each, each.level))),
  ];
}

// Dotted, where the draft has another level.
function levelsInForce({ model, scales, right }) {
  const inForce = LEVELS.filter((level) => isNumber(model.force?.[level]) && within(model.force[level], scales) && !same(level, model.force[level], model.draft[level]));
  const taken = LEVELS.map((level) => model.draft[level]).filter(isNumber).map((value) => scales.y(value));
  return inForce.flatMap((level) => {
    const y = scales.y(model.force[level]);
    const free = !taken.some((other) => other < y - 2 && other > y - 18 ? true : Math.abs(other - y) < 6);
    return [
      svg("line", { class: "threshold-level in-force", "data-state": level, x1: LEFT, x2: right, y1: y, y2: y }),
      ...(free ? [svg("text", { class: "threshold-tick lifted", x: right - 4, y: y - 5, "text-anchor": "end" }, `in force ${showValue(model.force[level], model.unit)}`)] : []),
    ];
  });
}

function levelsDrafted({ model, scales, right }, press) {
  return LEVELS.filter((level) => isNumber(model.draft[level]) && within(model.draft[level], scales)).flatMap((level) => {
    const y = scales.y(model.draft[level]);
    return [
      svg("line", { class: "threshold-level", "data-state": level, x1: LEFT, x2: right - 4, y1: y, y2: y }),
      svg("circle", { class: "threshold-end", "data-state": level, cx: right, cy: y, r: 4 }),
      hit(y, right, (event) => press(level, event)),
    ];
  });
}

// A line is thin: what can be grabbed of it is not.
function hit(y, right, onPress) {
  const line = svg("line", { class: "threshold-hit", x1: LEFT, x2: right + 6, y1: y, y2: y });
  line.addEventListener("pointerdown", onPress);
  return line;
}

function lanes(sheet) {
  const { model, scales, lanes: top, right } = sheet;
  const lane = (y, name, alerts, state) => [
    svg("text", { class: "threshold-tick", x: LEFT - 8, y: y + 11, "text-anchor": "end" }, name),
    svg("rect", { class: "threshold-lane", x: LEFT, y, width: right - LEFT, height: LANE, rx: 3 }),
    ...boxes(alerts, sheet).map((each) =>
      svg("rect", { class: state(each), "data-state": each.level, x: each.x, y: y + 1, width: each.width, height: LANE - 2, rx: 2 }),
    ),
  ];
  const first = lane(top, model.changed ? "draft" : "fires", parts(model.fired, scales), () => "threshold-fired");
  if (!model.changed || !model.hasForce) return first;
  return [...first, ...lane(top + LANE + LANE_GAP, "in force", parts(model.firedInForce, scales), () => "threshold-fired was")];
}
