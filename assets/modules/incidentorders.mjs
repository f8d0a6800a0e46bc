// What somebody does with an incident: shown at once, sent, and taken back when it is refused.

import { myName } from "./incidentname.mjs";
import { ANONYMOUS, incidentAddress } from "./incidents.mjs";
import { sentence } from "./operate.mjs";

const STAGES = { acknowledge: "acknowledged", investigate: "investigating", progress: "in progress", resolve: "resolved", reopen: "new" };
const ACTIONS = { acknowledge: "acknowledged", investigate: "moved", progress: "moved", comment: "commented", assign: "assigned", resolve: "resolved", reopen: "reopened" };
const SAID = { acknowledge: "Acknowledged.", investigate: "You look for the cause.", progress: "You work on it.", comment: "Comment added.", assign: "Assigned.", resolve: "Resolved.", reopen: "Reopened." };
const MINUTE = 60_000;
const FORGET_MS = 12_000;
const DEADLINE_MS = 10_000;

// The incident as it will stand when the order has been carried out. Pure.
export function foresee(doc, { verb, body, at }) {
  const iso = new Date(at).toISOString();
  const stage = STAGES[verb] ?? doc.stage;
  const reason = { comment: body.text, assign: `to ${body.assignee ?? "nobody"}`, resolve: body.notes || "resolved by hand" }[verb] ?? `${stage} by hand`;
  const action = verb === "comment" && body.public ? "published" : ACTIONS[verb];
  const line = { at: iso, actor: body.acknowledged_by ?? body.by ?? ANONYMOUS, action, stage, severity: doc.severity, reason, given: true };
  const after = { ...doc, stage, open: stage !== "resolved" && stage !== "closed", lines: [...(doc.lines ?? []), line] };
  if (verb === "acknowledge") {
    const until = body.minutes ? new Date(at + body.minutes * MINUTE).toISOString() : null;
    Object.assign(after, { acknowledged_by: line.actor, acknowledged_at: iso, acknowledged_until: until, sticky: Boolean(body.sticky), mine: true });
  }
  if (verb === "assign") after.assignee = body.assignee;
  if (verb === "resolve") Object.assign(after, { resolved_at: iso, resolution: reason });
  if (verb === "reopen") Object.assign(after, { resolved_at: null, resolution: "", acknowledged_by: null, acknowledged_at: null, acknowledged_until: null });
  return after;
}

// POST; `{status, body}`, status null without an answer.
export async function send(fetch, address, body) {
  try {
    const response = await fetch(address, {
      method: "POST",
      headers: { "Content-Type": "application/json", Accept: "application/json" },
      credentials: "same-origin",
      signal: AbortSignal.timeout(DEADLINE_MS),
      body: JSON.stringify(body),
    });
    return { status: response.status, ok: response.ok, body: await response.json().catch(() => null) };
  } catch {
    return { status: null, ok: false, body: null };
  }
}

// In words; empty when it was done.
export function refusalOf(verb, answer) {
  return answer.ok ? "" : sentence(verb, answer.status, answer.body).replace(/\.\.$/, ".");
}

export class IncidentOrders {
  // `onTold(document)`: the server told the incident as it stands after an order.
  constructor({ clock, onChange, onTold, onDone, fetch = globalThis.fetch?.bind(globalThis), later = (what, ms) => setTimeout(what, ms), name = myName }) {
    Object.assign(this, { clock, onChange, onTold, onDone, fetch, later, name });
    this.given = [];
    this.replies = new Map();
  }

  seen(doc) {
    return this.given.reduce((shown, order) => (order.id === doc.id ? foresee(shown, order) : shown), doc);
  }

  // What was last answered of an incident: `{text, refused, force}`; force is the body to try again.
  reply(id) {
    return this.replies.get(id) ?? { text: "", refused: false, force: null };
  }

  say(id, reply) {
    this.replies.set(id, reply);
    if (!reply.refused) this.later(() => this.forget(id, reply), FORGET_MS);
  }

  forget(id, reply) {
    if (this.replies.get(id) !== reply) return;
    this.replies.delete(id);
    this.onChange();
  }

  // Resolves to whether it was done.
  async give(id, verb, asked = {}) {
    const name = this.name();
    const body = verb === "acknowledge" || !name ? asked : { ...asked, by: name };
    const order = { id, verb, body, at: this.clock.now() };
    this.given.push(order);
    this.replies.delete(id);
    this.onChange();
    const answer = await send(this.fetch, `${incidentAddress(id)}/${verb}`, body);
    this.given.splice(this.given.indexOf(order), 1);
    const refusal = refusalOf(verb, answer);
    if (refusal) {
      const offers = verb === "resolve" && answer.status === 409 && !body.force && /force/.test(answer.body?.detail ?? "");
      this.say(id, { text: refusal, refused: true, force: offers ? { ...body, force: true } : null });
    } else {
      if (answer.body?.id === id) this.onTold(answer.body);
      this.say(id, { text: SAID[verb] ?? "Done.", refused: false, force: null });
    }
    this.onChange();
    this.onDone();
    return !refusal;
  }
}
