// Keys of every page: / filter, j and k through problems and checks, g and a letter to a page, ? help.

import { el } from "./dom.mjs";
import { SEARCH_ID } from "./filterbar.mjs";
import { GO, SECTIONS } from "./keys.mjs";

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

// A checkbox or a radio button takes no letters.
export function takesText(target) {
  return isTyping(target) && !target.matches("input:is([type=checkbox], [type=radio])");
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

function linkTo(path) {
  return document.querySelector(`.rail-link[href="${path}"]`);
}

// The sections of the help for a page: its own first. Those of pages that are not there are left out. Pure.
export function helpFor(path, pages) {
  const letters = Object.entries(GO).filter(([, to]) => pages.has(to));
  const ways = { title: "After g", keys: letters.map(([letter, to]) => [letter, pages.get(to)]), ways: true };
  const here = SECTIONS.filter((section) => section.is?.(path)).map((section) => ({ ...section, here: true }));
  return [...here, ...SECTIONS.filter((section) => !section.is), ways, ...SECTIONS.filter((section) => section.is && !section.is(path))];
}

function helpSection({ title, keys, here, ways }) {
  const rows = keys.map(([pressed, what]) => el("div", { class: "help-row" }, el("dt", {}, ...pressed.split("  ").map((key) => el("kbd", {}, key))), el("dd", {}, what)));
  const heading = el("h3", {}, title, here ? el("span", { class: "help-here" }, "this page") : null);
  return el("section", { class: "help-section", "data-ways": ways ? "" : null }, heading, el("dl", {}, ...rows));
}

function helpDialog() {
  const close = el("button", { type: "button", class: "button", autofocus: "" }, "Close");
  const body = el("div", { class: "help-body", tabindex: "0", role: "group", "aria-label": "All keys" });
  const dialog = el("dialog", { class: "help", "aria-label": "Keyboard" }, el("div", { class: "help-head" }, el("h2", {}, "Keyboard"), close), body);
  close.addEventListener("click", () => dialog.close());
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close();
  });
  document.body.append(dialog);
  return {
    open() {
      const pages = new Map([...document.querySelectorAll(".rail-link[href]")].map((link) => [link.getAttribute("href"), link.textContent.trim()]));
      body.replaceChildren(...helpFor(location.pathname, pages).map(helpSection));
      if (!dialog.open) dialog.showModal();
      body.scrollTop = 0;
    },
  };
}

let dialog = null;

export function showHelp() {
  dialog ??= helpDialog();
  dialog.open();
}

function filter() {
  const field = document.getElementById(SEARCH_ID);
  field?.focus();
  field?.select();
  return Boolean(field);
}

// `g` and a letter, heard before the pages hear the letter: it means something else to most of them.
function startGoing() {
  let prefixAt = -Infinity;
  document.addEventListener(
    "keydown",
    (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || event.key === "Shift") return;
      if (takesText(event.target) || document.querySelector("dialog[open]")) return;
      const afterG = event.timeStamp - prefixAt < SEQUENCE_MS;
      prefixAt = event.key === "g" && !afterG ? event.timeStamp : -Infinity;
      if (!afterG || !Object.hasOwn(GO, event.key)) return;
      event.preventDefault();
      event.stopImmediatePropagation();
      if (location.pathname !== GO[event.key]) linkTo(GO[event.key])?.click();
    },
    { capture: true },
  );
}

export function startKeyboard() {
  startGoing();
  const bindings = { "/": filter, j: () => move(1), k: () => move(-1), "?": showHelp };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    if (isTyping(event.target) || document.querySelector("dialog[open]")) return;
    const action = bindings[event.key];
    if (!action || action() === false) return;
    event.preventDefault();
  });
}
