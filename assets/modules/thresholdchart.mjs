// The chart of a threshold: the series, the lines of the draft and those in force, and when each
// would have fired. Here it is put together and told of its width, the pointer and a drag.

import { el, setAttr, setText, svg } from "./dom.mjs";
import { hairline, linear, valueDomain } from "./linechart.mjs";
import { LEVELS, stepFor } from "./thresholddraft.mjs";
import { levelGrips } from "./thresholdgrips.mjs";
import { geometry, LEFT, plotted, TOP } from "./thresholdplot.mjs";
import { nearest, pointTime, valuesText } from "./thresholdpoints.mjs";
import { isNumber } from "./thresholdtext.mjs";

// While somebody drags, the ground must not move under the pointer: `kept` is the domain then.
function scalesFor(model, { bottom, right }, kept) {
  const { course, draft, force, unit } = model;
  const levels = model.lined ? LEVELS.flatMap((level) => [draft[level], force?.[level]]).filter(isNumber) : [];
  const domain = kept ?? valueDomain([...(course?.low ?? []), ...(course?.high ?? [])], levels, unit);
  const from = course ? Date.parse(course.from) : model.now - model.hours * 3_600_000;
  const to = course ? Date.parse(course.to) : model.now;
  return { domain, from, to, x: linear([from, to], [LEFT, right]), y: linear(domain, [bottom, TOP]) };
}

// Under the pointer: the time and the value there. Returns what has to lie on the drawing.
function hover(plot, tip, sheet, isDragging) {
  const { bottom, right } = sheet();
  const line = hairline(0, TOP, 0, bottom, "threshold-cross");
  line.style.visibility = "hidden";
  const area = svg("rect", { class: "threshold-area", x: LEFT, y: TOP, width: Math.max(0, right - LEFT), height: bottom - TOP });
  plot.onpointermove = (event) => {
    const { model, scales } = sheet();
    const { course } = model;
    const box = plot.getBoundingClientRect();
    const inside = event.clientX - box.left >= LEFT && event.clientX - box.left <= right && event.clientY - box.top <= bottom;
    const index = course && inside && !isDragging() ? nearest(course.at, course.high, scales.x.back(event.clientX - box.left)) : -1;
    tip.hidden = index < 0;
    line.style.visibility = index < 0 ? "hidden" : "visible";
    if (index < 0) return;
    const x = scales.x(course.at[index]);
    setAttr(line, "x1", x);
    setAttr(line, "x2", x);
    setText(tip, `${pointTime(course.at[index], model.hours, model.zone)}  ${valuesText(course.low[index], course.high[index], model.unit)}`);
    tip.style.left = `${Math.min(Math.max(x, LEFT + 70), right - 70)}px`;
  };
  plot.onpointerleave = () => {
    tip.hidden = true;
    line.style.visibility = "hidden";
  };
  return svg("g", {}, area, line);
}

export function thresholdChart({ onMove }) {
  const plot = svg("svg", { class: "threshold-plot", role: "img" });
  const empty = el("p", { class: "threshold-none" });
  const tip = el("div", { class: "threshold-tip", hidden: "" });
  let model = null;
  let width = 0;
  let scales = null;
  // The domain that is kept while somebody drags.
  let kept = null;
  let drawn = "";
  const sheet = () => ({ model, scales, width, ...geometry(width) });
  const isDragging = () => kept !== null;
  const grips = levelGrips({
    sheet,
    top: () => plot.getBoundingClientRect().top,
    onMove,
    onDrag: (domain) => {
      kept = domain;
      setAttr(node, "data-dragging", kept ? "" : null);
      if (kept) tip.hidden = true;
      else {
        drawn = "";
        draw();
      }
    },
  });
  const node = el("div", { class: "threshold-chart" }, plot, grips.node, tip, empty);

  function draw() {
    if (!model || width === 0) return;
    scales = scalesFor(model, geometry(width), kept);
    const key = JSON.stringify([width, model, scales.domain], (name, value) => (name === "course" ? `${value?.from} ${value?.at?.length}` : value));
    if (key === drawn) return;
    drawn = key;
    const at = sheet();
    setAttr(plot, "viewBox", `0 0 ${width} ${at.whole}`);
    setAttr(plot, "width", width);
    setAttr(plot, "height", at.whole);
    setAttr(plot, "aria-label", model.label);
    plot.replaceChildren(...plotted(at, grips.press), hover(plot, tip, sheet, isDragging));
    grips.update();
    setText(empty, model.empty);
    empty.hidden = !model.empty;
  }

  new ResizeObserver(([entry]) => {
    width = Math.floor(entry.contentRect.width);
    draw();
  }).observe(node);

  return {
    node,
    step: () => (scales ? stepFor(scales.domain[1] - scales.domain[0]) : 1),
    dragging: isDragging,
    update(next) {
      model = next;
      draw();
    },
  };
}
