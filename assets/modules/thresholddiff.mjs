// What a draft changes, whether it can be saved, and the undo of what was saved.

import { el, icon, reconcile, setAttr, setText } from "./dom.mjs";
import { NAMES, showField } from "./thresholdtext.mjs";
import { mayNot, session, setWords } from "./session.mjs";

function changeRow() {
  const name = el("span", { class: "change-name" });
  const before = el("del", { class: "number" });
  const after = el("strong", { class: "number" });
  const from = el("span", { class: "change-from" });
  const node = el("li", { class: "change" }, name, before, el("span", { class: "change-arrow", "aria-label": "becomes" }, "›"), after, from);
  return {
    node,
    update(change) {
      setText(name, NAMES[change.key] ?? change.key);
      setText(before, change.beforeText);
      setText(after, change.afterText);
      setText(from, change.from);
    },
  };
}

function fromText(row, { key, sent }) {
  const now = row.edited.includes(key) ? "edit" : row.inFile ? "config.toml" : "made here";
  return `${now} → ${sent === null && row.inFile ? "config.toml" : "edit"}`;
}

function changesShown({ row, changes }) {
  return changes.map((change) => ({
    ...change,
    beforeText: row.isNew ? "" : showField(change.key, change.before, row.unit),
    afterText: showField(change.key, change.after, row.unit),
    from: row.isNew ? "" : fromText(row, change),
  }));
}

export function thresholdDiff(on) {
  const changes = el("ul", { class: "changes" });
  const order = el("p", { class: "diff-order" });
  const note = el("p", { class: "diff-note" });
  const save = el("button", { type: "button", class: "button", "data-primary": "" }, "Save", el("kbd", {}, "Ctrl S"));
  const discard = el("button", { type: "button", class: "button" }, "Discard");
  const node = el("div", { class: "threshold-diff", hidden: "" }, changes, el("div", { class: "diff-side" }, order, note, el("div", { class: "threshold-buttons" }, save, discard)));
  save.addEventListener("click", on.save);
  discard.addEventListener("click", on.discard);
  return {
    node,
    update(model) {
      const { row, at, refusal } = model;
      node.hidden = !(model.dirty || refusal || row.isNew) || Boolean(model.conflict);
      reconcile(changes, changesShown(model), (change) => change.key, changeRow);
      changes.hidden = model.changes.length === 0;
      setAttr(order, "data-refused", refusal ? "" : null);
      setWords(order, refusal || model.order || "");
      order.hidden = !(refusal || model.order);
      setWords(note, at.operator ? model.note : `${mayNot(session, "save this")} You may drag and try.`);
      const off = !at.operator || model.busy || Boolean(refusal) || (model.changes.length === 0 && !row.isNew) || model.incomplete;
      if (save.disabled !== off) save.disabled = off;
      setText(save.firstChild, row.isNew ? "Add" : "Save");
      setText(discard, row.isNew ? "Cancel" : "Discard");
    },
  };
}

export function thresholdUndo(on) {
  const text = el("span");
  const button = el("button", { type: "button", class: "button" }, "Undo", el("kbd", {}, "Z"));
  const node = el("div", { class: "threshold-undo", role: "status", hidden: "" }, icon("check"), text, button);
  button.addEventListener("click", on.undo);
  return {
    node,
    update({ undo }) {
      node.hidden = !undo;
      if (undo) setText(text, undo);
    },
  };
}
