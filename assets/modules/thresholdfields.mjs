// The fields of a threshold in its editor: each with its value, where that comes from, and a change.

import { el, icon, reconcile, setAttr, setText } from "./dom.mjs";
import { shape } from "./shapes.mjs";
import { LEVELS } from "./thresholddraft.mjs";
import { originText } from "./thresholdtable.mjs";
import { NAMES, OPERATORS, SIGNS } from "./thresholdtext.mjs";

const OPERATOR_WORDS = { gt: "> above", gte: "≥ at least", lt: "< below", lte: "≤ at most", eq: "= equal", ne: "≠ not equal" };
const HINTS = { for: "at once", keep_firing_for: "at once", clear_warning: "at the level", clear_critical: "at the level" };

function controlOf(key, id) {
  if (key === "operator") return el("select", { id, class: "field-control" }, ...OPERATORS.map((each) => el("option", { value: each }, OPERATOR_WORDS[each])));
  return el("input", { id, class: "field-control number", type: "text", autocomplete: "off", spellcheck: "false", placeholder: HINTS[key] ?? "none", inputmode: key.includes("for") ? "text" : "decimal" });
}

// One labelled control with where its value comes from, and what is in force beside the draft.
function field(first, on) {
  const { key } = first;
  const id = `threshold-${key}`;
  const control = controlOf(key, id);
  const unit = el("span", { class: "field-unit" });
  const before = el("del", { class: "field-before number" });
  const mark = LEVELS.includes(key) ? shape(key) : null;
  const originIcon = icon("file");
  const origin = el("span");
  const from = el("span", { class: "field-from" }, originIcon, origin);
  const label = el("label", { for: id }, mark, NAMES[key]);
  const box = el("div", { class: "field-box" }, control, unit, before);
  const reason = el("p", { class: "field-wrong", id: `${id}-wrong`, hidden: "" });
  const node = el("div", { class: "threshold-field", "data-key": key, "data-state": LEVELS.includes(key) ? key : null }, el("div", { class: "field-head" }, label, from), box, reason);
  for (const event of ["input", "change"]) control.addEventListener(event, () => on.change(key, control.value));
  control.addEventListener("keydown", (event) => {
    if (event.key === "Enter") on.save();
  });
  return {
    node,
    update({ value, unit: suffix, changed, beforeText, originOf, wrong, disabled }) {
      if (control.value !== value) control.value = value;
      setText(unit, suffix);
      setText(before, changed ? beforeText : "");
      setAttr(box, "data-changed", changed ? "" : null);
      showWrong({ control, box, reason }, wrong);
      const told = originText({ from: originOf });
      from.hidden = originOf === "";
      setAttr(originIcon, "class", `icon icon-${told.icon}`);
      setText(origin, told.text);
      if (control.disabled !== disabled) control.disabled = disabled;
    },
  };
}

function shortBefore(key, value) {
  if (key === "operator") return SIGNS[value] ?? "";
  if (value === null || value === undefined) return "none";
  return String(value);
}

// Where what a field says comes from: "" when it says nothing of its own.
function sourceOf(row, key) {
  if (row.isNew || !row.inFile) return "";
  if (row.edited.includes(key)) return "edit";
  return row.table[key] === undefined || row.table[key] === null ? "" : "file";
}

// The reason as it stands at its field, which need not be named there.
export function reasonAt(key, text = "") {
  const bare = text.startsWith(`${key}: `) ? text.slice(key.length + 2) : text;
  return bare && `${bare[0].toUpperCase()}${bare.slice(1)}`;
}

// Marks a control as wrong and says why beside it; empty words take that back.
export function showWrong({ control, box, reason }, words) {
  setAttr(box, "data-wrong", words ? "" : null);
  setAttr(control, "aria-invalid", words ? "true" : null);
  setAttr(control, "aria-describedby", words ? reason.id : null);
  setText(reason, words);
  reason.hidden = !words;
}

function itemOf(key, { row, values, changes, wrong, busy }) {
  const numeric = !["operator", "for", "keep_firing_for"].includes(key);
  const change = changes.find((each) => each.key === key);
  return {
    key,
    value: values[key],
    unit: numeric ? row.unit : "",
    changed: Boolean(change) && !row.isNew,
    beforeText: change ? shortBefore(key, change.before) : "",
    originOf: sourceOf(row, key),
    wrong: reasonAt(key, wrong[key]),
    disabled: !row.editable || busy,
  };
}

export function thresholdFields(on) {
  const fields = el("div", { class: "threshold-fields" });
  const more = el("button", { type: "button", class: "icon-button threshold-more" }, icon("plus"));
  const row = el("div", { class: "threshold-field-row" }, fields, more);
  const why = el("p", { class: "threshold-why" });
  more.addEventListener("click", on.more);
  return {
    nodes: [row, why],
    update(model) {
      reconcile(fields, model.fields.map((key) => itemOf(key, model)), (item) => item.key, (item) => field(item, on));
      fields.hidden = model.fields.length === 0;
      more.hidden = !model.more;
      setAttr(more, "aria-label", model.more);
      setAttr(more, "title", model.more);
      setAttr(more, "aria-expanded", model.expanded ? "true" : "false");
      setText(why, model.why);
      why.hidden = !model.why;
    },
  };
}
