// Which series and which range the editor of a threshold shows, to be chosen.

import { el, icon, setAttr, setText } from "./dom.mjs";
import { span } from "./format.mjs";
import { RANGE_WORDS, RANGES } from "./thresholdrange.mjs";
import { labelText } from "./thresholdtext.mjs";

function amountText({ row, series, shown }) {
  if (row.isNew) return "";
  if (row.kind === "check") return `in the check, every ${span(row.intervalS)}`;
  if (series.length > 1) return `on ${series.length} series, shown:`;
  return shown ? labelText(shown) : "";
}

export function thresholdSeriesBar(on) {
  const metric = el("code", { class: "editor-metric" });
  const amount = el("span");
  const which = el("select", { class: "select", "aria-label": "Shown series" });
  const whichBox = el("span", { class: "select-box" }, which, icon("down"));
  const ranges = el("div", { class: "ranges editor-ranges", role: "group", "aria-label": "Range" }, ...Object.keys(RANGES).map((range) => el("button", { type: "button", "data-range": range }, RANGE_WORDS[range])));
  which.addEventListener("change", () => on.series(which.value));
  ranges.addEventListener("click", (event) => {
    const range = event.target.closest("button")?.dataset.range;
    if (range) on.range(range);
  });
  return {
    node: el("div", { class: "editor-sub" }, metric, amount, whichBox, ranges),
    update(model) {
      const { row } = model;
      setText(metric, row.metric);
      metric.hidden = row.metric === "";
      setText(amount, amountText(model));
      whichBox.hidden = model.series.length <= 1 || row.isNew;
      const texts = model.series.map((labels) => labelText(labels) || "no labels");
      if (which.dataset.key !== texts.join("\n")) {
        which.dataset.key = texts.join("\n");
        which.replaceChildren(...texts.map((text) => el("option", { value: text }, text)));
      }
      const shownText = model.shown ? labelText(model.shown) || "no labels" : "";
      if (which.value !== shownText) which.value = shownText;
      for (const each of ranges.children) setAttr(each, "aria-pressed", each.dataset.range === model.range ? "true" : "false");
    },
  };
}
