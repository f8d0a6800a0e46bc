// What the back-test of a threshold found: the sentence, the legend, the longest firings magnified.

import { el, reconcile, setAttr, setText } from "./dom.mjs";
import { span } from "./format.mjs";
import { redraw, shape } from "./shapes.mjs";
import { firingChart } from "./thresholdfiring.mjs";
import { pointTime } from "./thresholdpoints.mjs";
import { firedWords, inForceWords, showValue } from "./thresholdtext.mjs";

function firing() {
  const mark = shape("pending");
  const level = el("span", { class: "unseen" });
  const when = el("span", { class: "firing-when" });
  const long = el("span", { class: "firing-long number" });
  const plot = firingChart();
  const node = el("li", { class: "firing" }, el("div", { class: "firing-head" }, mark, level, when, long), plot.node);
  return {
    node,
    update(item) {
      setAttr(node, "data-state", item.alert.level);
      redraw(mark, item.alert.level);
      setText(level, `${item.alert.level}, `);
      setText(when, pointTime(item.alert.start, 168, item.zone).replace(/ \S+$/, ""));
      setText(long, span((item.alert.end - item.alert.start) / 1000));
      plot.update(item);
    },
  };
}

function pieces(node, words) {
  const key = words.join("\u0000");
  if (node.dataset.said === key) return;
  node.dataset.said = key;
  node.replaceChildren(...words.map((word, index) => (index % 2 ? el("strong", { class: "number" }, word) : word)));
}

// Without a draft it is what the levels in force come to, whatever was in force at that time.
export function asItStands([, times, ...others]) {
  return ["As it stands: ", times === "not have fired" ? "never" : times, ...others];
}

function drawLegend(legend, { changes, hasForce }) {
  const items = [["threshold-key shade", changes.length > 0 ? "draft would fire" : "fires"]];
  if (changes.length > 0 && hasForce) items.push(["threshold-key hatch", "only the rule in force fired"], ["threshold-key dotted", "level in force"]);
  const key = items.map((item) => item[1]).join();
  if (legend.dataset.key === key) return;
  legend.dataset.key = key;
  legend.replaceChildren(...items.map(([kind, text]) => el("span", {}, el("span", { class: kind }), text)));
}

// What is told beside the sentence: the rule in force, and what the figures leave out.
function besideWords({ found, foundInForce, changes, row, beside }) {
  const other = changes.length > 0 && !row.isNew ? inForceWords(foundInForce) : "";
  const blind = found && found.blindS >= 60 ? `No data for ${span(found.blindS)} of it.` : "";
  return [other, blind, beside].filter(Boolean).join(" ");
}

export function thresholdFindings() {
  const legend = el("div", { class: "threshold-legend" });
  const stepText = el("span", { class: "number" });
  const steps = el("span", { class: "threshold-steps" }, el("kbd", {}, "↑"), el("kbd", {}, "↓"), stepText);
  const legendRow = el("div", { class: "threshold-legend-row" }, legend, steps);
  const fired = el("p", { class: "threshold-fired-text", "aria-live": "polite" });
  const inForce = el("p", { class: "threshold-force-text" });
  const firings = el("ul", { class: "firings" });
  return {
    nodes: [legendRow, fired, inForce, firings],
    // `step` is by how much an arrow key moves a level.
    update(model, step) {
      const { found, hours } = model;
      setAttr(fired, "aria-busy", found && model.waiting ? "true" : null);
      if (found) pieces(fired, model.tried || model.row.isNew ? firedWords(found, hours) : asItStands(firedWords(found, hours)));
      else pieces(fired, [model.testing]);
      setText(inForce, besideWords(model));
      // Room for what will come: the fields below must not jump.
      inForce.hidden = Boolean(found) && !inForce.textContent;
      reconcile(firings, model.magnified, (item) => `${item.alert.start}`, firing);
      firings.hidden = model.magnified.length === 0 && !model.testing.endsWith("…");
      drawLegend(legend, model);
      steps.hidden = !model.chart.lined;
      setText(stepText, showValue(step, model.row.unit));
    },
  };
}
