// Check now, pause, resume: the request, and what became of it in words, read out politely.

import { setAttr } from "./dom.mjs";
import { isTyping } from "./keyboard.mjs";
import { mayNot, setWords } from "./session.mjs";

const REPLY = "check-reply";
const WORDS = { "check-now": "Checking", pause: "Pausing", resume: "Resuming" };
const DONE = { paused: "Paused: it is not being checked.", resumed: "Resumed: it is checked again." };
const FORGET_MS = 12000;

export function addressOf(name, verb) {
  return `/api/v1/checks/${encodeURIComponent(name)}/${verb}`;
}

// One sentence about the answer. `status` is HTTP's, null when there was no answer at all.
export function sentence(verb, status, body) {
  if (status === null) return "No answer from the server. Nothing is known to have changed.";
  if (status === 202) return "Late: the monitor has not answered yet. Its result will appear here.";
  if (status === 504) return "Late: the monitor did not take it up in time. It will not run.";
  if (status === 401 || status === 403) return `Refused. ${mayNot()}`;
  if (status >= 400) return `Refused: ${body?.error ?? body?.detail ?? `HTTP ${status}`}.`;
  if (verb === "check-now") return `Done: ${body?.status ?? "checked"}, ${body?.message ?? "no message"}.`;
  return DONE[body?.state] ?? "Done.";
}

// Resolves to what became of it, in words.
export async function requestOrder(name, verb) {
  try {
    const response = await fetch(addressOf(name, verb), {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-Nocturne": "1" },
      credentials: "same-origin",
      body: "{}",
    });
    const body = await response.json().catch(() => null);
    return sentence(verb, response.status, body);
  } catch {
    return sentence(verb, null, null);
  }
}

export function checkButtons({ onDone }) {
  let busy = false;
  let forget = null;

  function say(text) {
    const line = document.getElementById(REPLY);
    if (line) setWords(line, text.replace(/\.\.$/, "."));
    clearTimeout(forget);
  }

  async function run(button) {
    const verb = button.dataset.operate;
    const name = document.getElementById("check-page")?.dataset.check;
    if (busy || !name) return;
    busy = true;
    // Not disabled: that would take the focus away from it.
    setAttr(button, "aria-busy", "true");
    say(`${WORDS[verb] ?? "Asking"} …`);
    const text = await requestOrder(name, verb);
    setAttr(button, "aria-busy", null);
    busy = false;
    say(text);
    forget = setTimeout(() => say(""), FORGET_MS);
    onDone();
  }

  return {
    start() {
      document.addEventListener("click", (event) => {
        const button = event.target.closest?.("#check-page [data-operate]");
        if (button) run(button);
      });
      document.addEventListener("keydown", (event) => {
        // "p" stands for whichever of the two is there.
        const found = { c: '[data-operate="check-now"]', p: ':is([data-operate="pause"], [data-operate="resume"])' }[event.key];
        if (!found || event.repeat || event.ctrlKey || event.metaKey || event.altKey) return;
        if (event.defaultPrevented || isTyping(event.target) || document.querySelector("dialog[open]")) return;
        const button = document.querySelector(`#check-page ${found}`);
        if (button) run(button);
      });
    },
  };
}
