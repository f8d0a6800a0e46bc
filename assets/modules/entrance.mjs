// The login and the first set-up: sends the form as JSON, says what was refused, goes on.

import { setAttr, setText } from "./dom.mjs";

const ADDRESS = { login: "/api/v1/session", setup: "/api/v1/setup" };

// The words for an answer that is no success. `status` is null when there was none.
export function refusal(status, body) {
  if (status === null) return "No answer from the server. Try again.";
  return `${body?.detail ?? `HTTP ${status}`}`.replace(/^./, (first) => first.toUpperCase());
}

function fields(form, query) {
  const data = { name: form.elements.name.value, password: form.elements.password.value };
  if (form.dataset.purpose === "setup") return { ...data, token: query.get("token") ?? "" };
  return { ...data, next: query.get("next") ?? "/" };
}

async function send(purpose, data) {
  try {
    const response = await fetch(ADDRESS[purpose], {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      credentials: "same-origin",
      body: JSON.stringify(data),
    });
    return { ok: response.ok, status: response.status, body: await response.json().catch(() => null) };
  } catch {
    return { ok: false, status: null, body: null };
  }
}

export function start(form, query) {
  const error = document.getElementById("entrance-error");
  const button = form.querySelector("button");
  let busy = false;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (busy) return;
    busy = true;
    setAttr(button, "aria-busy", "true");
    setText(error, "");
    const { ok, status, body } = await send(form.dataset.purpose, fields(form, query));
    busy = false;
    setAttr(button, "aria-busy", null);
    if (ok) return location.assign(body?.next ?? "/");
    setText(error, refusal(status, body));
    form.elements.password.select();
  });
}

const form = globalThis.document?.getElementById("entrance");
if (form) start(form, new URLSearchParams(location.search));
