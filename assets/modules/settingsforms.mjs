// What the forms of the settings are made of: fields, a confirmation, copying, asking the server.

import { el, icon, setAttr, setText } from "./dom.mjs";

const DEADLINE_MS = 15_000;
const COPIED_MS = 4000;
// Without those that look like others when somebody types them off.
const LETTERS = "abcdefghjkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789";
const GROUPS = 4;
const GROUP = 5;

// `{ok, status, body}`; status null without an answer.
export async function ask(path, { method = "GET", body, fetch = globalThis.fetch } = {}) {
  const given = method === "GET" ? {} : { headers: { "Content-Type": "application/json" }, body: JSON.stringify(body ?? {}) };
  try {
    const response = await fetch(path, { method, ...given, cache: "no-store", credentials: "same-origin", signal: AbortSignal.timeout(DEADLINE_MS) });
    return { ok: response.ok, status: response.status, body: await response.json().catch(() => null) };
  } catch {
    return { ok: false, status: null, body: null };
  }
}

// Why something was not done, in words; empty when it was.
export function refusalOf({ ok, status, body }) {
  if (ok) return "";
  if (status === null) return "No answer from the server. Nothing is known to have changed.";
  if (status === 401) return "You are logged out: log in and try again.";
  const text = body?.detail ?? `The server answered HTTP ${status}`;
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}${/[.!?]$/.test(text) ? "" : "."}`;
}

// A password that can be told over the telephone: 20 letters, of 110 random bits.
export function suggested(random = (bytes) => crypto.getRandomValues(bytes)) {
  const found = [];
  while (found.length < GROUPS * GROUP) {
    for (const byte of random(new Uint8Array(32))) {
      // Bytes beyond the last full round would make the first letters likelier.
      if (byte < 256 - (256 % LETTERS.length) && found.length < GROUPS * GROUP) found.push(LETTERS[byte % LETTERS.length]);
    }
  }
  return Array.from({ length: GROUPS }, (_, at) => found.slice(at * GROUP, (at + 1) * GROUP).join("")).join("-");
}

export function labelled(text, control, hint = null) {
  return el("label", { class: "labelled" }, el("span", {}, text), control, hint && el("span", { class: "field-hint" }, hint));
}

export function textField(attributes = {}) {
  return el("input", { class: "inc-field", type: "text", autocomplete: "off", autocapitalize: "none", spellcheck: "false", maxlength: 200, ...attributes });
}

export function selectField(options, attributes = {}) {
  return el("select", { class: "inc-field", ...attributes }, ...options.map(([value, text]) => el("option", { value }, text)));
}

// A small select of a table or a row of filters, with its arrow.
export function boxed(select) {
  return el("span", { class: "select-box" }, select, icon("down"));
}

// A form with one button and one line for what became of it. `send` resolves to a refusal, or to
// `{said}`; while it is under way the button does nothing.
export function orderForm(label, parts, submit, send, attributes = {}) {
  const button = el("button", { type: "submit", class: "button" }, submit);
  const reply = el("p", { class: "form-reply", role: "status" });
  const node = el("form", { class: "set-form", "aria-label": label, novalidate: "", ...attributes }, ...parts, el("div", { class: "set-form-end" }, button, reply));
  let busy = false;
  node.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (busy) return;
    busy = true;
    setAttr(button, "aria-busy", "true");
    say("");
    const answer = await send();
    busy = false;
    setAttr(button, "aria-busy", null);
    if (typeof answer === "string") say(answer, true);
    else say(answer?.said ?? "");
  });
  function say(text, refused = false) {
    setText(reply, text);
    setAttr(reply, "data-refused", refused && text ? "" : null);
  }
  return { node, say, button };
}

// Resolves to true when it was confirmed; what was focused has the focus again.
export function confirmed({ title, text, action }) {
  const yes = el("button", { type: "submit", value: "yes", class: "button", "data-primary": "" }, action);
  const no = el("button", { type: "submit", value: "no", class: "button", autofocus: "" }, "Cancel");
  const dialog = el("dialog", { class: "help set-dialog", "aria-label": title }, el("form", { method: "dialog" }, el("h2", {}, title), el("p", {}, text), el("div", { class: "set-dialog-end" }, yes, no)));
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "yes");
    });
  });
}

// A button that copies; where that is not allowed (plain HTTP) the text is selected for Ctrl-C.
export function copyButton(textOf, target) {
  const node = el("button", { type: "button", class: "button copy" }, "Copy");
  let forget = null;
  node.addEventListener("click", async () => {
    let done = true;
    try {
      await navigator.clipboard.writeText(textOf());
    } catch {
      done = false;
      getSelection().selectAllChildren(target);
    }
    setText(node, done ? "Copied" : "Selected: press Ctrl-C");
    clearTimeout(forget);
    forget = setTimeout(() => setText(node, "Copy"), COPIED_MS);
  });
  return node;
}

// Text, a link or nothing where there is none, in a cell that a phone shows with its heading.
export function cell(heading, attributes, ...content) {
  return el("td", { "data-heading": heading, ...attributes }, ...content);
}

export function table(label, headings) {
  const body = el("tbody");
  const head = el("tr", {}, ...headings.map((text) => el("th", { scope: "col" }, text || el("span", { class: "unseen" }, "What can be done"))));
  const node = el("table", { class: "set-table", "aria-label": label }, el("thead", {}, head), body);
  return { node, body };
}
