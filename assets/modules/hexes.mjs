// A group too large for tiles: a hexagon a check, which lights up as its check runs, and a tally.

import { el, reconcile, setAttr, setText } from "./dom.mjs";
import { checkAddress } from "./router.mjs";
import { redraw, shape } from "./shapes.mjs";
import { ORDER, shown } from "./states.mjs";

const LIT_MS = 2500;
const QUIET = new Set(["healthy", "stale"]);

function hex(first) {
  const node = el("a", { class: "hex", "data-internal": "", "data-nav": "", tabindex: "-1" });
  node.href = checkAddress(first.name);
  const mark = shape("pending");
  let last = {};
  return {
    node,
    update({ check, now, frozen }) {
      const look = shown(check, now, frozen);
      const lit = !frozen && check.last_at !== null && now - check.last_at < LIT_MS;
      if (last.lit !== lit) setAttr(node, "data-lit", lit ? "" : null);
      const label = [check.name, look.word, check.value].filter(Boolean).join(", ");
      if (last.label !== label) {
        setAttr(node, "aria-label", label);
        setAttr(node, "title", label);
      }
      if (last.state !== look.state) {
        setAttr(node, "data-state", look.state);
        redraw(mark, look.state);
        if (QUIET.has(look.state)) mark.remove();
        else node.append(mark);
      }
      last = { lit, label, state: look.state };
    },
  };
}

function tallyLine() {
  const mark = shape("pending");
  const number = el("strong", { class: "number" });
  const word = el("span");
  return {
    node: el("li", {}, mark, number, " ", word),
    update({ state, total }) {
      redraw(mark, state);
      setText(number, total.toLocaleString("en-GB"));
      setText(word, state);
    },
  };
}

// One tab stop for the whole map; the arrow keys move inside it.
function arrows(map) {
  map.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    const at = [...map.children].indexOf(document.activeElement);
    if (!step || at < 0 || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    map.children[at + step]?.focus();
  });
  map.addEventListener("focusin", (event) => {
    for (const each of map.querySelectorAll('[tabindex="0"]')) each.tabIndex = -1;
    event.target.tabIndex = 0;
  });
}

export function hexMap() {
  const map = el("div", { class: "hexes" });
  const tally = el("ul", { class: "tally" });
  const node = el("div", { class: "hex-panel" }, map, tally);
  arrows(map);
  return {
    node,
    update(views) {
      reconcile(map, views, (view) => view.check.name, (view) => hex(view.check));
      if (!map.querySelector('[tabindex="0"]') && map.firstElementChild) map.firstElementChild.tabIndex = 0;
      const totals = new Map();
      for (const { check, now, frozen } of views) {
        const { state } = shown(check, now, frozen);
        totals.set(state, (totals.get(state) ?? 0) + 1);
      }
      const lines = ORDER.filter((state) => totals.has(state)).map((state) => ({ state, total: totals.get(state) }));
      reconcile(tally, lines, (line) => line.state, tallyLine);
    },
  };
}
