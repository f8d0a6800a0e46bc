// Keys: / filter, j and k through problems and checks, g o to the overview, g w to the wall, ? help.
// The help also lists those that single pages hear themselves.

import { el } from "./dom.mjs";
import { SEARCH_ID } from "./filterbar.mjs";

export const KEYS = [
  ["/", "Filter the checks"],
  ["j  k", "Next and previous problem or check"],
  ["Enter", "Open what is focused"],
  ["a", "Acknowledge the focused problem"],
  ["← →", "Move within a map of hexagons"],
  ["Ctrl-S", "Save the draft of a threshold"],
  ["z", "Undo what was saved of a threshold"],
  ["x  p  r", "In the list of checks: select, pause, resume"],
  ["c  m  t", "There: check now, maintenance, tag"],
  ["g  o", "Go to the overview"],
  ["g  c", "Go to the list of checks"],
  ["g  w", "Go to the wall"],
  ["Esc", "Clear the filter, close this"],
  ["?", "Show these keys"],
];
const SEQUENCE_MS = 1200;

// The place after `at` among `length`, or the end it has reached. Nothing focused: the first.
export function step(at, length, by) {
  if (length === 0) return -1;
  if (at < 0) return by > 0 ? 0 : length - 1;
  return Math.min(length - 1, Math.max(0, at + by));
}

export function isTyping(target) {
  return Boolean(target?.closest?.("input, textarea, select, [contenteditable=true]"));
}

function move(by) {
  const places = [...document.querySelectorAll("[data-nav]")].filter((node) => node.checkVisibility?.() ?? true);
  const current = document.activeElement;
  let at = places.indexOf(current);
  // Within a card but not on its name: the card counts as the place.
  if (at < 0) at = places.indexOf(current?.closest?.(".card")?.querySelector("[data-nav]"));
  const next = places[step(at, places.length, by)];
  next?.focus({ preventScroll: true });
  next?.closest(".card, .tile, .hex")?.scrollIntoView({ block: "nearest" });
}

function helpDialog() {
  const rows = KEYS.map(([keys, what]) =>
    el("div", { class: "help-row" }, el("dt", {}, ...keys.split("  ").map((key) => el("kbd", {}, key))), el("dd", {}, what)),
  );
  const close = el("button", { type: "button", class: "button", autofocus: "" }, "Close");
  const dialog = el("dialog", { class: "help", "aria-label": "Keyboard" }, el("h2", {}, "Keyboard"), el("dl", {}, ...rows), close);
  close.addEventListener("click", () => dialog.close());
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close();
  });
  document.body.append(dialog);
  return dialog;
}

export function startKeyboard({ goHome, goWall }) {
  let dialog = null;
  let prefixAt = -Infinity;
  const help = () => {
    dialog ??= helpDialog();
    if (!dialog.open) dialog.showModal();
  };
  const filter = () => {
    const field = document.getElementById(SEARCH_ID);
    field?.focus();
    field?.select();
    return Boolean(field);
  };
  const bindings = { "/": filter, j: () => move(1), k: () => move(-1), "?": help };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    if (isTyping(event.target) || dialog?.open) return;
    const afterG = event.timeStamp - prefixAt < SEQUENCE_MS;
    prefixAt = event.key === "g" ? event.timeStamp : -Infinity;
    const action = afterG ? { o: goHome, w: goWall }[event.key] : bindings[event.key];
    if (!action || action() === false) return;
    event.preventDefault();
  });
}
