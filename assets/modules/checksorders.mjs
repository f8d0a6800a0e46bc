// What somebody does to many checks: shown at once, sent, taken back when it is refused, and undone
// for ten seconds.

import { windowOf } from "./checkslist.mjs";
import { count } from "./format.mjs";
import { myName } from "./incidentname.mjs";
import { send } from "./incidentorders.mjs";
import { sentence } from "./operate.mjs";

const BULK = "/api/v1/checks/bulk";
const WINDOWS = "/api/v1/maintenance";
// As dashboard/api/bulk.py has it; and no body may be larger than 256 KiB.
const MOST_NAMES = 1000;
const MOST_BYTES = 150_000;
export const UNDO_MS = 10_000;
const SAID_MS = 12_000;
// What no snapshot confirms is shown no longer.
const SHOWN_MS = 12_000;
const ASKED_MS = 20_000;
const DONE = { pause: "Paused", resume: "Resumed", acknowledge: "Acknowledged", "check-now": "Asked to run now:", tag: "Tags changed:" };
const REVERSE = { pause: "resume", resume: "pause" };

// Parts that one request may hold. Pure.
export function parts(names, most = MOST_NAMES, bytes = MOST_BYTES) {
  const found = [];
  let room = -1;
  for (const name of names) {
    const size = new TextEncoder().encode(JSON.stringify(name)).length + 2;
    if (room < size || found.at(-1).length === most) {
      found.push([]);
      room = bytes;
    }
    found.at(-1).push(name);
    room -= size;
  }
  return found;
}

// The check as it will stand when the order has been carried out; the same once it is. Pure.
export function foresee(check, order) {
  const { verb, at } = order;
  if (verb === "pause") return check.mark === "paused" ? check : { ...check, mark: "paused" };
  if (verb === "resume") return check.mark === "paused" ? { ...check, mark: "pending" } : check;
  if (verb === "check-now") return (check.last_at ?? 0) > at ? check : { ...check, asking: true };
  if (verb === "acknowledge" && check.incident?.stage === "new") return { ...check, incident: { ...check.incident, stage: "acknowledged", acknowledged_by: order.by || "anonymous" } };
  if (verb === "tag") {
    const tags = (check.tags ?? []).filter((tag) => !order.remove.includes(tag));
    const after = [...tags, ...order.add.filter((tag) => !tags.includes(tag))];
    return after.join("\n") === (check.tags ?? []).join("\n") ? check : { ...check, tags: after };
  }
  return check;
}

// The requests that take back what was done, by what each name would need. Pure.
export function undoOf(verb, outcomes) {
  const done = outcomes.filter((each) => each.outcome === "done");
  if (done.length === 0) return [];
  if (REVERSE[verb]) return [{ action: REVERSE[verb], names: done.map((each) => each.name) }];
  if (verb !== "tag") return [];
  const groups = new Map();
  for (const each of done) {
    const body = { action: "tag", add: each.removed, remove: each.added };
    const key = JSON.stringify(body);
    if (!groups.has(key)) groups.set(key, { ...body, names: [] });
    groups.get(key).names.push(each.name);
  }
  return [...groups.values()];
}

// In words: "Paused 3 checks. 1 was left as it was: it is paused already." Pure.
export function saidOf(verb, outcomes) {
  const done = outcomes.filter((each) => each.outcome === "done").length;
  const left = outcomes.filter((each) => each.outcome !== "done");
  const first = done > 0 ? `${DONE[verb]} ${count(done, "check")}.` : "";
  if (left.length === 0) return first;
  const reasons = new Set(left.map((each) => each.detail));
  const why = reasons.size === 1 ? `: ${[...reasons][0]}` : "";
  return `${first} ${left.length} ${left.length === 1 ? "was" : "were"} left as ${left.length === 1 ? "it was" : "they were"}${why}.`.trim();
}

export class ChecksOrders {
  constructor({ clock, onChange, onDone, fetch = globalThis.fetch?.bind(globalThis), later = (what, ms) => setTimeout(what, ms), name = myName }) {
    Object.assign(this, { clock, onChange, onDone, fetch, later, name });
    this.given = new Map();
    this.seenOf = new WeakMap();
    this.reply = null;
  }

  // A check as it is shown: as the snapshot has it, or as it was ordered here a moment ago.
  seen(check) {
    const order = this.given.get(check.name);
    if (!order) return check;
    const held = this.seenOf.get(check);
    if (held?.order === order) return held.seen;
    const shown = foresee(check, order);
    this.seenOf.set(check, { order, seen: shown });
    return shown;
  }

  foretell(names, order) {
    for (const name of names) this.given.set(name, order);
    this.later(() => this.drop(names, order), order.verb === "check-now" ? ASKED_MS : SHOWN_MS);
    this.onChange();
  }

  drop(names, order) {
    for (const name of names) if (this.given.get(name) === order) this.given.delete(name);
    this.onChange();
  }

  // `undo`: what takes it back; null where nothing does.
  say(text, { refused = false, undo = null } = {}) {
    const reply = { text, refused, undo };
    this.reply = reply;
    if (undo) this.later(() => this.withdraw(reply), UNDO_MS);
    this.later(() => this.hush(reply), SAID_MS);
    this.onChange();
  }

  withdraw(reply) {
    reply.undo = null;
    this.onChange();
  }

  hush(reply) {
    if (this.reply !== reply) return;
    this.reply = null;
    this.onChange();
  }

  signed(body) {
    const by = this.name();
    return by ? { ...body, by } : body;
  }

  // Send an action in parts; `{outcomes, refusal}`, where an empty refusal means that all was sent.
  async carry(body) {
    const outcomes = [];
    for (const names of parts(body.names)) {
      const answer = await send(this.fetch, BULK, this.signed({ ...body, names }));
      if (!answer.ok) return { outcomes, refusal: refusalOf(body.action, answer) };
      outcomes.push(...(answer.body?.outcomes ?? []));
    }
    return { outcomes, refusal: "" };
  }

  // Resolves when it is known what became of it.
  async give(verb, names, more = {}) {
    if (names.length === 0) return;
    const order = { verb, at: this.clock.now(), by: this.name(), ...more };
    this.foretell(names, order);
    const { outcomes, refusal } = await this.carry({ action: verb, names, ...more });
    const done = new Set(outcomes.filter((each) => each.outcome === "done").map((each) => each.name));
    this.drop(names.filter((name) => !done.has(name)), order);
    const undo = undoOf(verb, outcomes);
    const taken = undo.length > 0 ? () => this.takeBack(undo) : null;
    this.say([saidOf(verb, outcomes), refusal].filter(Boolean).join(" "), { refused: Boolean(refusal) || done.size === 0, undo: taken });
    this.onDone();
  }

  async takeBack(bodies) {
    let total = 0;
    for (const body of bodies) {
      const { action, names, ...more } = body;
      this.foretell(names, { verb: action, at: this.clock.now(), ...more });
      const { outcomes, refusal } = await this.carry(body);
      total += outcomes.filter((each) => each.outcome === "done").length;
      if (refusal) {
        this.say(`Not all was undone. ${refusal}`, { refused: true });
        return;
      }
    }
    this.say(`Undone for ${count(total, "check")}.`);
    this.onDone();
  }

  // Open a one-off window over the checks from now on.
  async maintain(names, length, reason) {
    const opened = [];
    const groups = parts(names);
    for (const [index, group] of groups.entries()) {
      const part = groups.length > 1 ? `, part ${index + 1}` : "";
      const table = windowOf(group, length, { now: this.clock.now(), reason, author: this.name(), part });
      const answer = await send(this.fetch, WINDOWS, { table });
      if (!answer.ok) {
        const before = opened.length > 0 ? ` ${count(opened.length, "window")} of ${groups.length} stands.` : "";
        this.say(`${refusalOf("maintenance", answer)}${before}`, { refused: true, undo: opened.length > 0 ? () => this.close(opened) : null });
        return false;
      }
      opened.push(answer.body);
    }
    this.say(`${count(names.length, "check")} in maintenance for ${length}.`, { undo: () => this.close(opened) });
    this.onDone();
    return true;
  }

  async close(opened) {
    for (const { name, version } of opened) {
      const answer = await send(this.fetch, `${WINDOWS}/${encodeURIComponent(name)}/remove`, { version });
      if (!answer.ok) {
        this.say(`The window was not closed. ${refusalOf("maintenance", answer)}`, { refused: true });
        return;
      }
    }
    this.say("The maintenance window is closed again.");
    this.onDone();
  }

  // Take back what was done last, while that can be; false when nothing can be taken back.
  undo() {
    const undo = this.reply?.undo;
    if (!undo) return false;
    this.reply = null;
    undo();
    return true;
  }
}

function refusalOf(verb, answer) {
  return sentence(verb, answer.status, answer.body).replace(/\.\.$/, ".");
}
