// One row of the list of checks: a cell a column, each of which draws only what has changed.

import { initials } from "./acknowledge.mjs";
import { agoText, dueText, resultText, tookText } from "./checkslist.mjs";
import { el, setAttr, setText } from "./dom.mjs";
import { lasting } from "./format.mjs";
import { incidentAddress } from "./incidents.mjs";
import { checkAddress } from "./router.mjs";
import { redraw, shape } from "./shapes.mjs";
import { shown } from "./states.mjs";
import { drawStrip, stripNode } from "./tiles.mjs";

const STAGES = { new: "not taken", acknowledged: "acknowledged", investigating: "investigated", "in progress": "worked on" };

function text(read, { title = false } = {}) {
  return () => {
    const node = el("span", { class: "chk-text" });
    return {
      node,
      update(view) {
        const told = read(view);
        setText(node, told);
        if (title) setAttr(node, "title", told || null);
      },
    };
  };
}

function state() {
  const mark = shape("pending");
  const word = el("span", { class: "word" });
  return {
    node: el("span", { class: "chk-told" }, mark, word),
    update({ check, now, frozen }) {
      const look = shown(check, now, frozen);
      redraw(mark, look.state);
      setText(word, look.word);
    },
  };
}

function name(first) {
  const node = el("a", { class: "chk-link", "data-internal": "" }, first.check.name);
  node.href = checkAddress(first.check.name);
  setAttr(node, "title", first.check.name);
  return { node, update() {} };
}

function tags() {
  const node = el("span", { class: "chk-tags" });
  let last = null;
  return {
    node,
    update({ check }) {
      const told = (check.tags ?? []).join(", ");
      if (told === last) return;
      last = told;
      node.replaceChildren(...(check.tags ?? []).map((tag) => el("span", { class: "chk-tag" }, tag)));
      setAttr(node, "title", told || null);
    },
  };
}

function day() {
  const node = stripNode();
  let last = {};
  return {
    node,
    update({ check, frozen, state: now }) {
      const grey = frozen || now === "stale";
      if (last.ticks === check.ticks && last.grey === grey) return;
      last = { ticks: check.ticks, grey };
      drawStrip(node, check.ticks, grey);
    },
  };
}

function incident() {
  const mark = el("span", { class: "who-mark", "aria-hidden": "true" });
  const stage = el("span", { class: "chk-text" });
  const node = el("a", { class: "chk-incident", "data-internal": "" }, mark, stage);
  return {
    node,
    update({ check }) {
      const found = check.incident;
      node.hidden = !found;
      if (!found) return;
      const who = initials(found.assignee ?? found.acknowledged_by ?? "");
      setText(mark, found.acknowledged_by === "anonymous" ? "" : who);
      mark.hidden = !mark.textContent;
      setText(stage, STAGES[found.stage] ?? found.stage);
      setAttr(node, "data-new", found.stage === "new" ? "" : null);
      setAttr(node, "title", `Open incident ${found.id}`);
      const address = incidentAddress(found.id);
      if (node.getAttribute("href") !== address) node.setAttribute("href", address);
    },
  };
}

const CELLS = {
  state,
  name,
  kind: text(({ check }) => check.kind ?? ""),
  target: text(({ check }) => check.target ?? "", { title: true }),
  group: text(({ check }) => check.group ?? "", { title: true }),
  tags,
  value: text(({ check, state: now }) => check.value ?? (now === "pending" ? "" : "–")),
  message: text(({ check, state: now }) => resultText(check, now), { title: true }),
  took: text(({ check }) => tookText(check.response_ms)),
  day,
  since: text(({ check, now }) => lasting(check, now)),
  ran: text(({ check, now }) => agoText(check.last_at, now)),
  next: text(({ check, state: state_, now, frozen }) => dueText(check, state_, now, frozen)),
  incident,
};

// `choose(name, on, range)` selects; `columns` are those that stand there now.
export function checkRow(first, { columns, choose }) {
  const box = el("input", { type: "checkbox", class: "inc-choose", "aria-label": `Select ${first.check.name}`, tabindex: "-1" });
  const cells = columns.map((column) => {
    const cell = CELLS[column.key](first);
    const node = el("div", { role: "cell", class: `chk-cell chk-${column.key}${column.right ? " chk-right" : ""}` }, cell.node);
    return { ...cell, holder: node };
  });
  const node = el(
    "div",
    { role: "row", class: "chk-row", "data-name": first.check.name },
    el("div", { role: "cell", class: "chk-cell chk-choose" }, el("label", { class: "chk-box" }, box)),
    ...cells.map((cell) => cell.holder),
  );
  box.addEventListener("click", (event) => choose(first.check.name, box.checked, event.shiftKey));
  // The whole row opens it; what can be pressed in it does its own.
  node.addEventListener("click", (event) => {
    if (!event.target.closest("a, button, input, label") && !String(getSelection())) node.querySelector(".chk-link").click();
  });
  let last = {};
  return {
    node,
    update(view) {
      const { check, state: look, chosen, current, now, frozen } = view;
      setAttr(node, "data-chosen", chosen ? "" : null);
      setAttr(node, "data-current", current ? "" : null);
      if (box.checked !== chosen) box.checked = chosen;
      const second = Math.floor(now / 1000);
      if (last.check === check && last.look === look && last.second === second && last.frozen === frozen) return;
      last = { check, look, second, frozen };
      setAttr(node, "data-state", look);
      setAttr(node, "data-asking", check.asking ? "" : null);
      for (const cell of cells) cell.update(view);
    },
  };
}
