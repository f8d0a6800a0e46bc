// One firing of a threshold, magnified: its samples, its stretch and the levels across.

import { svg } from "./dom.mjs";
import { linear, stretchBox } from "./linechart.mjs";
import { LEVELS } from "./thresholddraft.mjs";
import { courseLine, shade } from "./thresholdmarks.mjs";
import { isNumber } from "./thresholdtext.mjs";

// One firing magnified: the line around it, its stretch shaded, the levels across.
export function firingChart() {
  const width = 200;
  const height = 84;
  const plot = svg("svg", { class: "firing-plot", viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: "none", "aria-hidden": "true" });
  return {
    node: plot,
    update({ course, alert, levels, upward }) {
      if (!course) {
        plot.replaceChildren();
        return;
      }
      const known = [...course.low, ...course.high].filter(Number.isFinite);
      const given = LEVELS.map((level) => levels[level]).filter(isNumber);
      const domain = [Math.min(...known, ...given), Math.max(...known, ...given)];
      const room = (domain[1] - domain[0]) * 0.08 || 1;
      const y = linear([domain[0] - room, domain[1] + room], [height, 0]);
      const x = linear([Date.parse(course.from), Date.parse(course.to)], [0, width]);
      const shades = alert.parts.map((part) => {
        const box = stretchBox(part.start, part.end, x, [0, width], 1);
        return svg("rect", { class: "threshold-shade", "data-state": part.level, x: box.x, y: 0, width: box.width, height });
      });
      const across = LEVELS.filter((level) => isNumber(levels[level])).map((level) =>
        svg("line", { class: "threshold-level", "data-state": level, x1: 0, x2: width, y1: y(levels[level]), y2: y(levels[level]) }),
      );
      plot.replaceChildren(shade(shades), ...courseLine(course, x, y, upward), ...across);
    },
  };
}
