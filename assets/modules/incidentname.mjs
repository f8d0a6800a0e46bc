// Whose screen this is: the name of the login, else one that is kept here, and given with what is done to incidents.

import { el, setAttr, setText } from "./dom.mjs";
import { session } from "./session.mjs";

const KEY = "nocturne.name";
const LONGEST = 200;
let held = null;

// One line as people write names: without the characters that the server would refuse.
export function cleanName(text) {
  return text
    .replace(/[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu, "")
    .trim()
    .slice(0, LONGEST);
}

// Storage may be refused (private windows, policies): the name then lasts until the reload.
export function myName() {
  if (session.name) return session.name;
  try {
    return cleanName(localStorage.getItem(KEY) ?? "");
  } catch {
    return held ?? "";
  }
}

export function rememberName(text) {
  const name = cleanName(text);
  held = name;
  try {
    if (name) localStorage.setItem(KEY, name);
    else localStorage.removeItem(KEY);
  } catch {
    // See myName().
  }
  return name;
}

// "as Mara Lind", which turns into a field when it is pressed.
export function nameControl({ onChange }) {
  const shown = el("button", { type: "button", class: "text-button name-shown" });
  const field = el("input", { class: "inc-field", type: "text", "aria-label": "Your name", placeholder: "Your name", maxlength: LONGEST, autocomplete: "name", spellcheck: "false" });
  const save = el("button", { type: "submit", class: "button" }, "Save");
  const form = el("form", { class: "name-form", hidden: "" }, field, save);
  const node = el("span", { class: "name-control" }, shown, form);
  const open = () => {
    field.value = myName();
    form.hidden = false;
    shown.hidden = true;
    field.focus();
    field.select();
  };
  const close = () => {
    form.hidden = true;
    shown.hidden = false;
    shown.focus();
  };
  shown.addEventListener("click", open);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    rememberName(field.value);
    close();
    onChange();
  });
  field.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    event.preventDefault();
    close();
  });
  return {
    node,
    open,
    update(me) {
      // A login has its name, which stands with the account: there is nothing to tell.
      if (session.loggedIn) form.hidden = true;
      shown.hidden = session.loggedIn || !form.hidden;
      setText(shown, me ? `as ${me}` : "Tell your name");
      setAttr(shown, "title", "Your name: it stands in the timeline with what you acknowledge. It is kept in this browser.");
    },
  };
}
