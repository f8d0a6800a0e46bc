// The head of a threshold's editor: its name, its switch and buttons, and what it reads now.

import { el, icon, setAttr, setText } from "./dom.mjs";
import { moment } from "./format.mjs";
import { redraw, shape } from "./shapes.mjs";
import { stateText } from "./thresholdtable.mjs";
import { mayNot, session } from "./session.mjs";

function button(text) {
  return el("button", { type: "button", class: "button" }, text);
}

export function thresholdHead(on) {
  const name = el("h2", { class: "editor-name" });
  const chip = el("span", { class: "editor-chip", hidden: "" });
  const switched = el("button", { type: "button", class: "switch", role: "switch" }, el("span", { class: "switch-knob" }), el("span", { class: "switch-word" }));
  const versions = el("button", { type: "button", class: "button", "aria-expanded": "false" }, icon("versions"), el("span", {}, "Versions"), el("span", { class: "number editor-version" }));
  const back = button("Back to the file");
  const remove = button("Remove");
  switched.addEventListener("click", () => on.change("enabled", switched.getAttribute("aria-checked") !== "true"));
  versions.addEventListener("click", on.versions);
  back.addEventListener("click", on.back);
  remove.addEventListener("click", on.remove);

  function drawButtons({ row, at, ...model }) {
    switched.hidden = row.kind === "check" || row.isNew;
    setAttr(switched, "aria-checked", model.enabled ? "true" : "false");
    setText(switched.lastChild, model.enabled ? "On" : "Off");
    setAttr(switched, "aria-label", "Enabled");
    back.hidden = !row.inFile || row.edited.length === 0;
    remove.hidden = row.kind === "check" || row.inFile || row.isNew || row.word === "gone from the file";
    setText(remove, model.removing ? "Really remove" : "Remove");
    for (const each of [switched, back, remove]) {
      const off = !at.operator || model.busy;
      if (each.disabled !== off) each.disabled = off;
      setAttr(each, "title", at.operator ? null : mayNot(session, "change this"));
    }
    versions.hidden = Boolean(row.isNew);
    setText(versions.lastChild, row.isNew ? "" : String(row.version));
    setAttr(versions, "aria-expanded", model.versions ? "true" : "false");
  }

  return {
    node: el("div", { class: "editor-head" }, el("div", { class: "editor-title" }, name, chip), el("div", { class: "threshold-buttons" }, switched, back, remove, versions)),
    update(model) {
      setText(name, model.row.isNew ? "New rule" : model.row.name);
      chip.hidden = !model.dirty;
      setText(chip, "draft, not saved");
      drawButtons(model);
    },
  };
}

// The state it is in and since when, and what was said of it.
export function thresholdStateLine() {
  const mark = shape("pending");
  const word = el("span", { class: "word" });
  const told = el("span", { class: "editor-said" });
  const state = el("span", { class: "threshold-told" }, mark, word, told);
  const node = el("p", { class: "editor-state" }, state);
  return {
    node,
    update({ row, at }) {
      node.hidden = Boolean(row.isNew);
      if (row.isNew) return;
      const reads = stateText(row, at.displayNow, at.frozen);
      setAttr(state, "data-state", reads.state || "pending");
      mark.toggleAttribute("hidden", reads.state === "" || reads.state === "pending");
      redraw(mark, reads.state || "pending");
      setText(word, reads.word);
      const since = Number.isFinite(row.since) && row.since ? `${at.frozen ? "" : "for "}${reads.since}, since ${moment(row.since, at.now, at.zone)}` : "";
      const more = row.firing > 1 ? `on ${row.firing} series` : "";
      const about = row.message || row.title;
      const said = [since, more, about && about !== row.name ? about : ""].filter(Boolean).join(" · ");
      setText(told, said && !since ? `· ${said}` : said);
    },
  };
}
