// Acknowledging from a problem card: shown at once, confirmed by the next snapshot, and taken back
// with a sentence when it is refused.

import { span } from "./format.mjs";
import { isTyping } from "./keyboard.mjs";
import { sentence } from "./operate.mjs";

// A refusal stands so long; an acknowledgement that no snapshot confirms is shown no longer.
const FORGET_MS = 12000;
const ANONYMOUS = "anonymous";

export function addressOf(id) {
  return `/incidents/${encodeURIComponent(id)}/acknowledge`;
}

// "2 min ago"; what is seconds old was just now.
function ago(at, now) {
  const seconds = (now - at) / 1000;
  return seconds < 60 ? "just now" : `${span(seconds)} ago`;
}

// Who has it: `{name, rest, mark}`, where name may be empty, and the mark where no name is known.
export function whoText(incident, now) {
  if (incident.acknowledged_by) {
    const unnamed = incident.mine ? "You" : incident.acknowledged_by === ANONYMOUS ? "Somebody" : "";
    const name = unnamed || incident.acknowledged_by;
    const when = Number.isFinite(incident.acknowledged_at) ? ` ${ago(incident.acknowledged_at, now)}` : "";
    return { name, rest: `acknowledged${when}`, mark: unnamed ? "" : initials(name) };
  }
  if (incident.stage === "investigating") return { name: "", rest: "Somebody looks into it", mark: "" };
  if (incident.stage === "in progress") return { name: "", rest: "Somebody works on it", mark: "" };
  return { name: "", rest: "Nobody has acknowledged", mark: "" };
}

// "ML" for Mara Lind; nothing for whom no name is known.
export function initials(name) {
  const words = name.split(/\s+/).filter(Boolean);
  const ends = words.length > 1 ? [words[0], words.at(-1)] : words;
  return ends.map((word) => [...word][0].toUpperCase()).join("");
}

// The cards with the one among them that has the primary button: the first that nobody has taken.
export function withPrimary(cards, operator, acknowledgements) {
  let found = false;
  let offered = false;
  return cards.map((card) => {
    const incident = acknowledgements.seen(card.check.incident);
    const may = Boolean(operator && incident && incident.stage === "new");
    const primary = may && !found;
    found ||= may;
    // Who may only look is offered the login once, where the button would be.
    const offer = Boolean(!operator && !offered && incident?.stage === "new");
    offered ||= offer;
    return { ...card, incident, may, offer, primary, refusal: acknowledgements.refusal(incident) };
  });
}

export class Acknowledgements {
  constructor({ clock, onChange, onDone, fetch = globalThis.fetch?.bind(globalThis), later = (what, ms) => setTimeout(what, ms) }) {
    Object.assign(this, { clock, onChange, onDone, fetch, later });
    this.given = new Map();
    this.refused = new Map();
  }

  // An incident as it is shown: as the snapshot has it, or acknowledged here a moment ago.
  seen(incident) {
    if (!incident) return null;
    const at = this.given.get(incident.id);
    if (at === undefined) return incident;
    if (incident.stage !== "new") {
      this.given.delete(incident.id);
      return incident;
    }
    return { ...incident, stage: "acknowledged", acknowledged_by: ANONYMOUS, acknowledged_at: at, mine: true };
  }

  refusal(incident) {
    return (incident && this.refused.get(incident.id)) ?? "";
  }

  async give(id) {
    if (this.given.has(id)) return;
    this.given.set(id, this.clock.now());
    this.refused.delete(id);
    this.onChange();
    const refusal = await this.ask(id);
    if (refusal) {
      this.given.delete(id);
      this.refused.set(id, refusal);
    }
    this.later(() => this.forget(id), FORGET_MS);
    this.onChange();
    this.onDone();
  }

  // What was refused, in words; empty when it was done.
  async ask(id) {
    try {
      const response = await this.fetch(addressOf(id), {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        credentials: "same-origin",
        body: "{}",
      });
      const body = await response.json().catch(() => null);
      return response.ok ? "" : sentence("acknowledge", response.status, body);
    } catch {
      return sentence("acknowledge", null, null);
    }
  }

  forget(id) {
    this.given.delete(id);
    this.refused.delete(id);
    this.onChange();
  }
}

// What `a` does: acknowledges the card in focus. With none in focus it only goes to the first that
// nobody has taken, so that no single key takes something that was not looked at.
export function pressed(root = document) {
  const card = root.activeElement?.closest?.(".card");
  if (card) {
    card.querySelector(".acknowledge:not([hidden])")?.click();
    return;
  }
  const button = root.querySelector(".card .acknowledge:not([hidden])");
  button?.closest(".card").querySelector(".card-name").focus();
}

export function startAcknowledging() {
  document.addEventListener("keydown", (event) => {
    if (event.key !== "a" || event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
    if (event.defaultPrevented || isTyping(event.target) || document.querySelector("dialog[open]")) return;
    pressed();
  });
}
