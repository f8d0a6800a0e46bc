// Which checks are looked at: by name, tag, state, group and kind. The URL's query is the source. Pure.

import { stateOf } from "./states.mjs";

export const FIELDS = ["q", "tag", "state", "group", "kind"];

export function parse(search) {
  const query = new URLSearchParams(search);
  return Object.fromEntries(FIELDS.map((field) => [field, (query.get(field) ?? "").trim()]));
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

export function isActive(filter) {
  return FIELDS.some((field) => filter[field] !== "");
}

export function matches(check, filter, now) {
  if (filter.tag && !(check.tags ?? []).includes(filter.tag)) return false;
  if (filter.group && check.group !== filter.group) return false;
  if (filter.kind && check.kind !== filter.kind) return false;
  if (filter.state && stateOf(check, now) !== filter.state) return false;
  const text = filter.q.toLowerCase();
  return text === "" || [check.name, check.kind, check.target, ...(check.tags ?? [])].some((each) => each?.toLowerCase().includes(text));
}

// What can be chosen: what the checks carry, and what is chosen already though nothing carries it.
export function choices(checks, chosen, pick) {
  const found = new Set(checks.flatMap(pick));
  if (chosen) found.add(chosen);
  return [...found].sort((a, b) => a.localeCompare(b, "en", { numeric: true }));
}
