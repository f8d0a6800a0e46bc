// Dark or light: the system's choice until a person chooses, and again when they choose the same.

import { el, icon, setAttr } from "./dom.mjs";

const KEY = "nocturne.theme";

function system() {
  return matchMedia("(prefers-color-scheme: light)").matches ? "light" : "dark";
}

// Storage may be refused (private windows, policies): the switch then lasts until the reload.
function stored() {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null;
  }
}

function store(value) {
  try {
    if (value === null) localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, value);
  } catch {
    // See stored().
  }
}

// A wall is told its theme by its address: it has nobody to press the switch.
export function asked({ pathname, search }) {
  const wish = new URLSearchParams(search).get("theme");
  return pathname === "/wall" && (wish === "dark" || wish === "light") ? wish : null;
}

export function current() {
  return document.documentElement.dataset.theme ?? system();
}

function apply(choice) {
  if (choice === "dark" || choice === "light") document.documentElement.dataset.theme = choice;
  else delete document.documentElement.dataset.theme;
  document.dispatchEvent(new CustomEvent("nocturne:theme", { detail: current() }));
}

// The colours that were chosen here, or asked for; for pages that have no switch too.
export function takeTheme() {
  apply(asked(location) ?? stored());
}

export function toggleTheme() {
  const next = current() === "dark" ? "light" : "dark";
  const choice = next === system() ? null : next;
  store(choice);
  apply(choice);
}

export function themeSwitch() {
  takeTheme();
  const button = el("button", { type: "button", class: "icon-button" });
  const draw = () => {
    const dark = current() === "dark";
    const label = `Switch to the ${dark ? "light" : "dark"} theme`;
    setAttr(button, "aria-label", label);
    setAttr(button, "title", label);
    button.replaceChildren(icon(dark ? "sun" : "moon"));
  };
  button.addEventListener("click", toggleTheme);
  document.addEventListener("nocturne:theme", draw);
  matchMedia("(prefers-color-scheme: light)").addEventListener("change", draw);
  window.addEventListener("storage", (event) => {
    if (event.key !== KEY || asked(location)) return;
    apply(event.newValue);
  });
  draw();
  return button;
}
