// Before anything else of a new rule: its name, and the series that it looks at.

import { el } from "./dom.mjs";

function labelled(id, text, control) {
  return el("div", { class: "threshold-field" }, el("div", { class: "field-head" }, el("label", { for: id }, text)), el("div", { class: "field-box" }, control));
}

export function thresholdNaming(on) {
  const name = el("input", { id: "new-name", class: "field-control", type: "text", placeholder: "cpu-high", autocomplete: "off", spellcheck: "false", maxlength: "100" });
  const series = el("input", { id: "new-series", class: "field-control", type: "text", placeholder: "search a metric", list: "new-series-list", autocomplete: "off", spellcheck: "false" });
  const list = el("datalist", { id: "new-series-list" });
  const node = el("div", { class: "threshold-fresh", hidden: "" }, labelled("new-name", "Name", name), labelled("new-series", "Series", series), list);
  name.addEventListener("input", () => on.name(name.value));
  series.addEventListener("input", () => on.pick(series.value));
  return {
    node,
    focus: () => name.focus(),
    update(model) {
      node.hidden = !model.row.isNew;
      if (!model.row.isNew) return;
      if (name.value !== model.name) name.value = model.name;
      if (series.value !== model.picked) series.value = model.picked;
      if (list.dataset.count === String(model.choices.length)) return;
      list.dataset.count = String(model.choices.length);
      list.replaceChildren(...model.choices.map((value) => el("option", { value })));
    },
  };
}
