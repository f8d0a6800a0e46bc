// One incident as data: its timeline, what may be done with it, why somebody was (not) paged. Pure.

import { count, moment, span } from "./format.mjs";
import { ANONYMOUS, lookOf } from "./incidents.mjs";
import { mayNot, session } from "./session.mjs";

const SYSTEM = "nocturne";
// As domain/incidents.py has it: what an operator may do in a stage.
const ALLOWED = {
  new: ["acknowledge", "investigate", "progress", "resolve"],
  acknowledged: ["investigate", "progress", "resolve"],
  investigating: ["progress", "resolve"],
  "in progress": ["investigate", "resolve"],
  resolved: ["reopen"],
  closed: [],
};
export const viewerWords = () => mayNot(session, "act on incidents");

// Why a button does nothing now; empty when it does.
export function refusedBecause(incident, verb, operator) {
  if (!operator) return viewerWords();
  if (verb === "comment" || verb === "assign") return incident.stage === "closed" ? "It is closed: its timeline takes no more lines." : "";
  if (verb === "silence") return incident.open ? "" : "It is over: it pages nobody.";
  return (ALLOWED[incident.stage] ?? []).includes(verb) ? "" : `It is ${incident.stage}.`;
}

// Who did it: `{name, person}`; the first person for what was done here a moment ago.
export function actorOf(line, me) {
  if (line.actor === SYSTEM) return { name: "Nocturne", person: false };
  if (line.given || (me && line.actor === me)) return { name: "You", person: true };
  if (!line.actor || line.actor === ANONYMOUS) return { name: "Somebody", person: true };
  return { name: line.actor, person: true };
}

const BY_HAND = / by hand$/;
const MOVED = { investigating: "looks for the cause", "in progress": "works on it" };
// The words of the lines that Nocturne writes itself.
const SAID = {
  opened: "Incident opened",
  reopened: "Reopened",
  nested: "Nested under another",
  "stands alone": "Stands alone again",
  flapping: "Flapping",
  "steady again": "Steady again",
  closed: "Closed",
  repeated: "Told again",
  released: "Released",
  lapsed: "Acknowledgement lapsed",
  grew: "More is affected",
  "maintenance began": "Maintenance began",
  "maintenance ended": "Maintenance ended",
  "parent back": "Parent is back",
  silenced: "Silenced",
  "silence ended": "Silence ended",
};
const ICONS = { acknowledged: "done", commented: "comment", published: "comment", assigned: "person", moved: "person", lapsed: "silence", silenced: "silence", "silence ended": "silence", repeated: "paging" };

// A line as it is drawn: mark (a state's shape) or icon, who, main, more, quote.
function lineEntry(line, me) {
  const who = actorOf(line, me);
  const own = line.reason && !BY_HAND.test(line.reason) ? line.reason : "";
  const entry = { at: Date.parse(line.at), mark: null, icon: ICONS[line.action] ?? null, who: who.person ? who.name : "", main: "", more: own, quote: "" };
  if (line.action === "opened" || line.action === "reopened" || line.action === "severity rose" || line.action === "severity fell") entry.mark = lookOf(line.severity);
  if (line.action === "acknowledged") return { ...entry, main: "acknowledged", more: own };
  if (line.action === "moved") return { ...entry, main: MOVED[line.stage] ?? `moved it to ${line.stage}` };
  if (line.action === "commented") return { ...entry, main: "", more: "", quote: line.reason };
  if (line.action === "published") return { ...entry, main: "on the status page", more: "", quote: line.reason };
  if (line.action === "assigned") return { ...entry, main: "assigned it", more: own };
  if (line.action === "severity rose" || line.action === "severity fell") return { ...entry, main: `Severity ${line.action.slice(9)} to ${line.severity}` };
  if (line.action === "resolved") {
    if (!who.person) return { ...entry, mark: "healthy", main: own === "recovered" ? "Recovered" : "Resolved", more: own === "recovered" ? "" : own };
    return { ...entry, icon: "done", main: "resolved it", more: "", quote: own };
  }
  const said = SAID[line.action] ?? line.action;
  return { ...entry, main: who.person ? said.toLowerCase() : said };
}

const EVENTS = { trigger: "Page to", acknowledge: "Acknowledgement to", resolve: "All-clear to", notice: "Notice to" };

function deliveryEntry(sent) {
  const from = Date.parse(sent.created_at);
  const seconds = sent.settled_at ? (Date.parse(sent.settled_at) - from) / 1000 : null;
  const took = seconds === null ? "" : seconds < 1 ? "at once" : span(seconds);
  const tries = sent.attempts > 0 ? count(sent.attempts, "try", "tries") : "";
  const entry = { at: from, mark: null, icon: "paging", who: "", main: EVENTS[sent.event] ?? `${sent.event} to`, channel: sent.channel, more: "", quote: "", side: [took, tries].filter(Boolean).join(", ") };
  if (sent.state === "delivered") return { ...entry, state: "delivered" };
  if (sent.state === "dead") return { ...entry, icon: "paging-off", state: "given up", bad: true, more: sent.reason };
  if (sent.state === "cancelled") return { ...entry, icon: "paging-off", state: "not sent", more: sent.reason };
  if (sent.attempts > 0) return { ...entry, icon: "paging-off", state: "fails, is tried again", bad: true, more: sent.reason };
  return sent.reason === "sent" ? { ...entry, state: "on its way" } : { ...entry, state: "waits", more: sent.reason };
}

// Everything that happened, oldest first; what was sent follows what it was sent for.
export function entries(doc, me) {
  const opened = Date.parse(doc.opened_at);
  const lines = (doc.lines ?? []).map((line, at) => {
    const entry = lineEntry(line, me);
    const after = (entry.at - opened) / 1000;
    return { ...entry, key: `line ${at}`, rank: 0, given: Boolean(line.given), side: at > 0 && after >= 1 ? `${span(after)} after` : "" };
  });
  const sent = (doc.deliveries ?? []).map((each, at) => ({ ...deliveryEntry(each), key: `sent ${at}`, rank: 1 }));
  return [...lines, ...sent].sort((a, b) => a.at - b.at || a.rank - b.rank);
}

// "2 of 3 pages delivered" as `{done, all, text, channels}`.
export function toldText(doc) {
  const pages = (doc.deliveries ?? []).filter((each) => each.event === "trigger");
  const done = pages.filter((each) => each.state === "delivered").length;
  const channels = [...new Set(pages.map((each) => each.channel))];
  const text = pages.length === 0 ? "nobody was paged" : `of ${count(pages.length, "page")} delivered`;
  return { done, all: pages.length, text, channels };
}

// How an acknowledgement stands: until when, and whether it holds when things get worse.
export function acknowledgedText(doc, now, zone) {
  const parts = [];
  if (doc.acknowledged_until) parts.push(`until ${moment(Date.parse(doc.acknowledged_until), now, zone)}`);
  if (doc.sticky) parts.push("also when it gets worse");
  return parts.join(", ");
}

const GATES = { incident: "May it be an incident?", page: "May it page?", delivery: "Who was told?" };
const SAYS = { passes: "done", stops: "silence", waits: "paging", tells: "paging" };

// The answers in their order, by gate: `[{gate, title, answers: [{question, text, says, icon}]}]`.
export function answersOf(body) {
  const found = [];
  for (const each of body?.explanations?.[0]?.answers ?? []) {
    if (found.at(-1)?.gate !== each.gate) found.push({ gate: each.gate, title: GATES[each.gate] ?? each.gate, answers: [] });
    const text = each.text === "Yes." ? "" : each.text;
    found.at(-1).answers.push({ question: each.question, text, says: each.says, icon: SAYS[each.says] ?? "paging" });
  }
  return found;
}

// The heading over them: what they come to.
export function verdict(groups) {
  const all = groups.flatMap((group) => group.answers);
  const stop = all.find((answer) => answer.says === "stops");
  if (all.length === 0) return { title: "Why was I paged?", more: "" };
  if (stop) return { title: "Why is nobody paged now?", more: "one answer stops it" };
  return { title: "Why was I paged?", more: "nothing stops it" };
}

// The open incidents before and after this one: `{at, of, next, previous}`, at 1 for the first.
export function neighbours(open, id) {
  const at = open.findIndex((each) => each.id === id);
  return { at: at + 1, of: open.length, next: open[at + 1]?.id ?? (at < 0 ? open[0]?.id : null) ?? null, previous: at > 0 ? open[at - 1].id : null };
}

// A shell pattern that fits this name alone: brackets take the meaning out of its characters.
export function exactly(name) {
  return name.replace(/[*?[]/g, "[$&]");
}

// A text cut into words and addresses: `[text, address]`, the address empty for words.
export function linked(text) {
  const parts = [];
  let from = 0;
  for (const found of text.matchAll(/https?:\/\/[^\s<>"')\]]*[^\s<>"')\].,;:!?]/g)) {
    if (found.index > from) parts.push([text.slice(from, found.index), ""]);
    parts.push([found[0], found[0]]);
    from = found.index + found[0].length;
  }
  if (from < text.length) parts.push([text.slice(from), ""]);
  return parts;
}
