// Two who edited one threshold at once: what is drafted beside what stands now, and the choice.

import { el, reconcile, setText } from "./dom.mjs";
import { NAMES } from "./thresholdtext.mjs";

function conflictRow() {
  const name = el("span", { class: "change-name" });
  const yours = el("strong", { class: "number" });
  const theirs = el("strong", { class: "number" });
  return {
    node: el("li", {}, name, el("span", {}, "yours ", yours), el("span", {}, "stands now ", theirs)),
    update(row) {
      setText(name, NAMES[row.key] ?? row.key);
      setText(yours, row.yours);
      setText(theirs, row.theirs);
    },
  };
}

export function thresholdConflict(on) {
  const text = el("p");
  const list = el("ul", { class: "conflict-rows" });
  const keep = el("button", { type: "button", class: "button" }, "Keep mine");
  const take = el("button", { type: "button", class: "button" }, "Take theirs");
  const node = el("div", { class: "threshold-conflict", role: "alert", hidden: "" }, el("h3", {}, "Changed meanwhile"), text, list, el("div", { class: "threshold-buttons" }, keep, take));
  keep.addEventListener("click", on.keepMine);
  take.addEventListener("click", on.takeTheirs);
  return {
    node,
    update({ conflict }) {
      node.hidden = !conflict;
      if (!conflict) return;
      setText(text, conflict.text);
      reconcile(list, conflict.rows, (row) => row.key, conflictRow);
    },
  };
}
