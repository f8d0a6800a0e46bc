// The audit as data: what is looked for, and how a line reads. Pure.

import { current as currentZone, momentOf } from "./zone.mjs";

const HOUR_MS = 3_600_000;
export const FIELDS = ["actor", "kind", "name", "hours", "from", "to"];
export const PERIODS = [["", "Any time"], ["24", "last 24 h"], ["168", "last 7 days"], ["744", "last 31 days"], ["days", "between two days"]];
const DAY = /^\d{4}-\d{2}-\d{2}$/;
const MOST_CHANGES = 4;
const LONGEST = 120;
// What the names in the store mean to people.
const KINDS = { rule: "rule", check: "check", key: "key", person: "person", session: "login", incident: "incident", silence: "silence", maintenance: "maintenance", channel: "channel", command: "order", monitoring: "monitoring" };
const FROM_FILE = "publish";

// The filter of an address. What it may not say there is as good as nothing.
export function parse(search) {
  const query = new URLSearchParams(search);
  const found = Object.fromEntries(FIELDS.map((field) => [field, (query.get(field) ?? "").trim().slice(0, 200)]));
  if (!["24", "168", "744"].includes(found.hours)) found.hours = "";
  for (const field of ["from", "to"]) if (!DAY.test(found[field]) || found.hours) found[field] = "";
  return found;
}

export function format(filter, search = "") {
  const query = new URLSearchParams(search);
  for (const field of FIELDS) {
    if (filter[field]) query.set(field, filter[field]);
    else query.delete(field);
  }
  const text = query.toString();
  return text ? `?${text}` : "";
}

export function narrows(filter) {
  return FIELDS.some((field) => filter[field]);
}

// A day as it begins in a zone, in ms; the day after for an end, which belongs to its period.
function beginOf(day, zone, more = 0) {
  const [year, month, date] = day.split("-").map(Number);
  const wall = Date.UTC(year, month - 1, date + more);
  return Number.isFinite(wall) ? momentOf(wall, zone) : NaN;
}

// The address that is asked for a filter; `now` for periods that end now.
export function addressOf(filter, { now, zone = currentZone(), limit = 50, cursor = null }) {
  const query = new URLSearchParams({ limit: String(limit) });
  for (const field of ["actor", "kind", "name"]) if (filter[field]) query.set(field, filter[field]);
  // To the whole minute: the address of one page must be the same as that of the next.
  if (filter.hours) query.set("from", new Date(Math.floor(now / 60_000) * 60_000 - Number(filter.hours) * HOUR_MS).toISOString());
  const days = [["from", filter.from, 0], ["to", filter.to, 1]];
  for (const [key, day, more] of days) {
    const at = day ? beginOf(day, zone, more) : NaN;
    if (Number.isFinite(at)) query.set(key, new Date(at).toISOString());
  }
  if (cursor) query.set("cursor", cursor);
  return `/api/v1/audit?${query}`;
}

export function kindWord(kind) {
  return KINDS[kind] ?? kind;
}

// What was done: "made in the file", "pause", "change password".
export function actionText({ action, before, after }) {
  if (action !== FROM_FILE) return action.replaceAll("_", " ");
  if (before === null) return "added in the file";
  return after === null ? "gone from the file" : "changed in the file";
}

// Where the thing can be looked at, if it has a page.
export function linkOf({ kind, name }) {
  if (kind === "check") return `/checks/${encodeURIComponent(name)}`;
  if (kind === "incident") return `/incidents/${encodeURIComponent(name)}`;
  return kind === "rule" ? `/thresholds?rule=${encodeURIComponent(`rule/${name}`)}` : "";
}

export function shown(value) {
  if (value === undefined || value === null || value === "") return "nothing";
  if (typeof value === "boolean") return value ? "yes" : "no";
  const text = Array.isArray(value) ? (value.length === 0 ? "nothing" : value.map(shown).join(", ")) : typeof value === "object" ? JSON.stringify(value) : String(value);
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text;
}

// One level of names with dots, so that a change deep inside is told by itself.
function flattened(value, prefix = "") {
  if (value === null || value === undefined) return {};
  if (typeof value !== "object" || Array.isArray(value)) return { [prefix || "value"]: value };
  return Object.assign({}, ...Object.entries(value).map(([key, each]) => {
    const name = prefix ? `${prefix}.${key}` : key;
    return each !== null && typeof each === "object" && !Array.isArray(each) && Object.keys(each).length > 0 ? flattened(each, name) : { [name]: each };
  }));
}

// What differs: `{key, before, after}`; of what is new or gone all it has, but its name.
export function differences({ before, after, name }) {
  const [from, to] = [flattened(before), flattened(after)];
  const keys = [...new Set([...Object.keys(from), ...Object.keys(to)])];
  return keys
    .filter((key) => JSON.stringify(from[key]) !== JSON.stringify(to[key]) && !(["name", "id"].includes(key) && (from[key] ?? to[key]) === name))
    .map((key) => ({ key, before: key in from ? shown(from[key]) : null, after: key in to ? shown(to[key]) : null }));
}

// The first few, and how many more there are.
export function folded(list, most = MOST_CHANGES) {
  // One that is left out would take as much room as the words that say so.
  return list.length <= most + 1 ? { first: list, rest: [] } : { first: list.slice(0, most), rest: list.slice(most) };
}

// The newest page laid over what is known; what is known is dropped when there may be a gap between.
export function merged(known, page) {
  const last = page.at(-1);
  const overlaps = known.length > 0 && last !== undefined && known[0].id >= last.id;
  if (!overlaps) return { lines: page, whole: false };
  const ids = new Set(page.map((each) => each.id));
  return { lines: [...page, ...known.filter((each) => !ids.has(each.id))], whole: true };
}
