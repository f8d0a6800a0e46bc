// Incidents as data: which are looked for, in which order they stand, how their rows read. Pure.

import { initials } from "./acknowledge.mjs";
import { count, moment, span, zoneName } from "./format.mjs";

export const SEVERITIES = ["emergency", "critical", "major", "minor", "info"];
// By which state's shape and colour a severity is told.
const LOOKS = { emergency: "critical", critical: "critical", major: "degraded", minor: "warning", info: "pending" };
export const PERIODS = { 24: "24 h", 168: "7 days", 744: "31 days" };
export const FIELDS = ["q", "severity", "show", "who", "hours"];
const CHOICES = { severity: SEVERITIES, show: ["open"], who: ["mine", "nobody"], hours: ["168", "744"] };
const HOUR_MS = 3_600_000;
export const ANONYMOUS = "anonymous";

export function lookOf(severity) {
  return LOOKS[severity] ?? "unknown";
}

export function incidentAddress(id) {
  return `/incidents/${encodeURIComponent(id)}`;
}

// Of the address `/incidents/<id>`; null for any other.
export function idOf(path) {
  const found = /^\/incidents\/([^/]+)$/.exec(path);
  if (!found) return null;
  try {
    return decodeURIComponent(found[1]);
  } catch {
    return found[1];
  }
}

// The filter of an address. What it may not say there is as good as nothing.
export function parse(search) {
  const query = new URLSearchParams(search);
  const of = (field) => (query.get(field) ?? "").trim();
  const known = (field) => !CHOICES[field] || CHOICES[field].includes(of(field));
  return Object.fromEntries(FIELDS.map((field) => [field, known(field) ? of(field) : ""]));
}

// The query string for a filter; what else stands in `search` is kept.
export function format(filter, search = "") {
  const query = new URLSearchParams(search);
  for (const field of FIELDS) {
    if (filter[field]) query.set(field, filter[field]);
    else query.delete(field);
  }
  const text = query.toString();
  return text ? `?${text}` : "";
}

export function hoursOf(filter) {
  return Number(filter.hours || 24);
}

// Whether it narrows what is shown; a longer history shows more.
export function narrows(filter) {
  return Boolean(filter.q || filter.severity || filter.show || filter.who);
}

// Whose it is: whom it was assigned to, else who acknowledged it; empty for nobody.
export function holder(incident) {
  return incident.assignee || incident.acknowledged_by || "";
}

export function matches(incident, filter, me) {
  if (filter.show === "open" && !incident.open) return false;
  if (filter.severity && incident.severity !== filter.severity) return false;
  if (filter.who === "mine" && (!me || holder(incident) !== me)) return false;
  if (filter.who === "nobody" && (holder(incident) || !incident.open)) return false;
  const text = filter.q.toLowerCase();
  const within = [incident.component, incident.title, incident.id, incident.kind, ...(incident.tags ?? [])];
  return text === "" || within.some((each) => each?.toLowerCase().includes(text));
}

export function worstFirst(a, b) {
  const rank = (incident) => {
    const at = SEVERITIES.indexOf(incident.severity);
    return at < 0 ? SEVERITIES.length : at;
  };
  return rank(a) - rank(b) || Date.parse(a.opened_at) - Date.parse(b.opened_at) || a.id.localeCompare(b.id);
}

// Those that stand and those that were, each once: what is known of the open ones is newer.
export function joined(open, history) {
  const known = new Set(open.map((each) => each.id));
  const over = history.filter((each) => !known.has(each.id) && !each.open);
  return [...open, ...over];
}

const SECTIONS = [
  { key: "open", title: "Open" },
  { key: "24", title: "Last 24 h", hours: 24 },
  { key: "168", title: "Last 7 days", hours: 168 },
  { key: "744", title: "Last 31 days", hours: 744 },
];

// The sections of the list that have something in them: open ones worst and oldest first, then
// those that are over, newest first.
export function sections(incidents, now) {
  const found = SECTIONS.map((section) => ({ ...section, incidents: [] }));
  for (const incident of incidents) {
    const age = (now - Date.parse(incident.opened_at)) / HOUR_MS;
    const at = incident.open ? 0 : Math.max(1, found.findIndex((section) => section.hours && age <= section.hours));
    found[at].incidents.push(incident);
  }
  found[0].incidents.sort(worstFirst);
  for (const section of found.slice(1)) {
    section.incidents.sort((a, b) => Date.parse(b.opened_at) - Date.parse(a.opened_at) || b.id.localeCompare(a.id));
  }
  return found.filter((section) => section.incidents.length > 0);
}

// Who has it, as a row tells it: `{name, mark}`, the initials for whom a name is known.
export function holderText(incident, me) {
  const name = holder(incident);
  if (name === ANONYMOUS) return { name: incident.mine ? "you" : "somebody", mark: "" };
  if (name) return { name: me && name === me ? "you" : name, mark: initials(name) };
  if (incident.open) return { name: "nobody", mark: "" };
  return { name: incident.resolution === "recovered" ? "by itself" : "nobody", mark: "" };
}

export function stageText(incident) {
  if (incident.stage === "closed" && incident.resolution && incident.resolution !== "recovered") return "closed by hand";
  return incident.stage;
}

// From its opening to its end, or until now.
export function lasted(incident, now) {
  const end = incident.open || !incident.resolved_at ? now : Date.parse(incident.resolved_at);
  return span((end - Date.parse(incident.opened_at)) / 1000);
}

// Without the zone, which the head of the column names.
export function sinceText(incident, now, zone) {
  const at = Date.parse(incident.opened_at);
  return moment(at, now, zone).replace(` ${zoneName(at, zone)}`, "");
}

export function behindText(incident) {
  const behind = new Set([...(incident.affected ?? []), ...(incident.nested ?? [])]).size;
  return behind ? `${behind} behind it` : "";
}

// "24 h: 31 incidents, mean time to acknowledge 3 min, to resolve 21 min", in parts: [text, strong].
export function figuresText(figures) {
  if (!figures) return [];
  const period = PERIODS[figures.hours] ?? `${figures.hours} h`;
  const parts = [[`${period}: ${count(figures.count, "incident")}`, false]];
  if (figures.mtta_s !== null) parts.push([", mean time to acknowledge ", false], [span(figures.mtta_s), true]);
  if (figures.mttr_s !== null) parts.push([figures.mtta_s === null ? ", mean time to resolve " : ", to resolve ", false], [span(figures.mttr_s), true]);
  return parts;
}

// The ways to look at the list; each sets these fields of the filter and keeps the others.
export const TABS = [
  { key: "all", title: "All", sets: { show: "", who: "" } },
  { key: "open", title: "Open", sets: { show: "open", who: "" } },
  { key: "mine", title: "Mine", sets: { show: "open", who: "mine" } },
  { key: "nobody", title: "Unassigned", sets: { show: "open", who: "nobody" } },
];

export function tabOf(filter) {
  const fits = (tab) => tab.sets.show === filter.show && tab.sets.who === filter.who;
  return (TABS.find(fits) ?? TABS[filter.show ? 1 : 0]).key;
}

// How many of them each tab would show.
export function tabCounts(incidents, filter, me) {
  return Object.fromEntries(TABS.map((tab) => [tab.key, incidents.filter((each) => matches(each, { ...filter, ...tab.sets }, me)).length]));
}

// What stands where the rows would be: why there are none, and what to do next.
export function emptyText({ filter, me, frozen }) {
  if (frozen) return { main: "No incident was known when this was last seen", more: "Nothing is being measured now. This list fills again by itself." };
  if (filter.who === "mine" && !me) return { main: "Which ones are yours?", more: "Tell your name: incidents that you acknowledge or that are assigned to you are found by it.", next: "name" };
  const period = PERIODS[filter.hours || 24];
  if (filter.q || filter.severity) return { main: "No incident matches the filter", more: "Try fewer words, another severity or a longer time.", next: "clear" };
  if (filter.who === "mine") return { main: "You have no incident in hand", more: "Unassigned ones wait for somebody to take them.", next: "nobody" };
  if (filter.who === "nobody") return { main: "Somebody has each of them", more: "Nothing waits to be taken.", next: "clear" };
  if (filter.show === "open") return { main: "No incident is open", more: "Look at those that are over, or at the checks.", next: "clear" };
  return { main: `No incidents in the last ${period}`, more: "One opens by itself when a check turns bad for good.", next: "overview" };
}
