// Who looks at this screen, as the server tells it, and what those are told who may only look.

import { el, setAttr, setText } from "./dom.mjs";

const ADDRESS = "/api/v1/session";
const EVERY_MS = 300_000;
const DEADLINE_MS = 8000;
export const SETUP = "To make changes, open the link printed in the terminal.";
// What is said of people and keys while nobody is an admin; the command stands in code.
export const FIRST_ADMIN = ["Nobody is an admin yet. On the machine that Nocturne runs on, ", "python app.py setup-link", " prints a link for making the first one, who then adds people and makes keys for programs and walls."];

// Where somebody logs in, to come back to where they are.
export function loginAddress({ pathname, search }) {
  return `/login?next=${encodeURIComponent(pathname + search)}`;
}

export class Session {
  constructor({ fetch = (...given) => globalThis.fetch(...given), now = () => performance.now() } = {}) {
    Object.assign(this, { fetch, now });
    this.told = null;
    // Whether the server refuses this screen its data, and whether a login ended while it was open.
    this.refused = false;
    this.ended = false;
    this.leaving = false;
    this.role = null;
    this.askedAt = -Infinity;
    this.listeners = new Set();
  }

  onChange(listener) {
    this.listeners.add(listener);
  }

  changed() {
    for (const listener of this.listeners) listener(this);
  }

  get loggedIn() {
    return !this.refused && this.told?.via === "session";
  }

  // The name of the login; empty without one.
  get name() {
    return this.loggedIn ? this.told.name : "";
  }

  get isAdmin() {
    return !this.refused && this.told?.role === "admin";
  }

  get isOperator() {
    return !this.refused && ["operator", "admin"].includes(this.told?.role);
  }

  get setupNeeded() {
    return Boolean(this.told?.setup_needed);
  }

  // Whether a login would help: nobody is logged in here, and somebody can be.
  get canLogIn() {
    return this.refused || (this.told !== null && this.told.via !== "session" && !this.setupNeeded);
  }

  // What the polls say: refused (401), or the role that the server sees.
  polled({ refused, role = null }) {
    const news = refused !== this.refused || (!refused && this.role !== null && role !== this.role);
    if (!refused) this.role = role;
    if (refused && !this.refused) this.ended = true;
    this.refused = refused;
    if (news) {
      this.changed();
      this.ask();
    } else if (this.now() - this.askedAt > EVERY_MS) this.ask();
  }

  async ask() {
    this.askedAt = this.now();
    try {
      const response = await this.fetch(ADDRESS, { cache: "no-store", credentials: "same-origin", signal: AbortSignal.timeout(DEADLINE_MS) });
      if (response.ok) this.take(await response.json());
    } catch {
      // No answer: the age of the data tells that.
    }
  }

  take(told) {
    if (typeof told?.via !== "string") return;
    const before = this.told;
    if (told.via === "session") this.ended = false;
    else if (before?.via === "session" && !this.leaving) this.ended = true;
    this.told = told;
    if (JSON.stringify(before) !== JSON.stringify(told)) this.changed();
  }

  // Ends the login; resolves to whether the server did.
  async leave() {
    this.leaving = true;
    try {
      const response = await this.fetch(ADDRESS, { method: "DELETE", headers: { "Content-Type": "application/json" }, credentials: "same-origin", signal: AbortSignal.timeout(DEADLINE_MS) });
      if (response.ok) await this.ask();
      return response.ok;
    } catch {
      return false;
    } finally {
      this.leaving = false;
    }
  }
}

// The one of this screen.
export const session = new Session();

// Why somebody who may only look can't do something, and what would help.
export function mayNot(who = session, what = "do this") {
  if (who.loggedIn) return `Operators may ${what}; ${who.name} may only look.`;
  if (who.canLogIn) return `Log in to ${what}.`;
  return who.setupNeeded ? SETUP : `Operators may ${what}; you may only look.`;
}

// A link to the login, for as long as a login would help. `update` says whether it is to be there.
export function loginLink(text = "Log in", attributes = {}) {
  const node = el("a", { ...attributes, class: `login-link ${attributes.class ?? ""}`.trim(), hidden: "" }, text);
  return {
    node,
    update(wanted = true, who = session) {
      const on = wanted && who.canLogIn;
      if (node.hidden === on) node.hidden = !on;
      if (on) setAttr(node, "href", loginAddress(location));
    },
  };
}

const OFFER = "Log in";

// Words in which "Log in" leads there, where a login would help.
export function setWords(node, text, who = session) {
  setText(node, text);
  const at = text?.indexOf(OFFER) ?? -1;
  const offer = at >= 0 && who.canLogIn;
  const link = node.querySelector("a");
  if (offer === Boolean(link)) {
    if (link) setAttr(link, "href", loginAddress(location));
    return;
  }
  const made = el("a", { class: "login-link", href: loginAddress(location) }, OFFER);
  if (offer) node.replaceChildren(text.slice(0, at), made, text.slice(at + OFFER.length));
  else node.replaceChildren(text ?? "");
}
