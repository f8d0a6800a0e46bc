// Before anything else of a new rule: its name, and the series that it looks at.

import { el } from "./dom.mjs";
import { reasonAt, showWrong } from "./thresholdfields.mjs";

// A labelled control, with room for what is wrong with what stands in it.
function labelled(id, text, control) {
  const reason = el("p", { class: "field-wrong", id: `${id}-wrong`, hidden: "" });
  const box = el("div", { class: "field-box" }, control);
  return {
    node: el("div", { class: "threshold-field" }, el("div", { class: "field-head" }, el("label", { for: id }, text)), box, reason),
    fail: (words) => showWrong({ control, box, reason }, words),
  };
}

export function thresholdNaming(on) {
  const name = el("input", { id: "new-name", class: "field-control", type: "text", placeholder: "cpu-high", autocomplete: "off", spellcheck: "false", maxlength: "100" });
  const series = el("input", { id: "new-series", class: "field-control", type: "text", placeholder: "search a metric", list: "new-series-list", autocomplete: "off", spellcheck: "false" });
  const list = el("datalist", { id: "new-series-list" });
  const named = labelled("new-name", "Name", name);
  const picked = labelled("new-series", "Series", series);
  const node = el("div", { class: "threshold-fresh", hidden: "" }, named.node, picked.node, list);
  name.addEventListener("input", () => on.name(name.value));
  series.addEventListener("input", () => on.pick(series.value));
  return {
    node,
    focus: () => name.focus(),
    update(model) {
      node.hidden = !model.row.isNew;
      if (!model.row.isNew) return;
      named.fail(reasonAt("id", model.wrong.id));
      picked.fail(reasonAt("metric", model.wrong.metric));
      if (name.value !== model.name) name.value = model.name;
      if (series.value !== model.picked) series.value = model.picked;
      if (list.dataset.count === String(model.choices.length)) return;
      list.dataset.count = String(model.choices.length);
      list.replaceChildren(...model.choices.map((value) => el("option", { value })));
    },
  };
}
