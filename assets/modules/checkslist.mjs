// The list of checks as data: its columns, its order, how its rows read, what stands when it is
// empty. Pure.

import { count, span } from "./format.mjs";
import { isActive } from "./filters.mjs";
import { ORDER, shown, stateOf } from "./states.mjs";
import { mayNot } from "./session.mjs";

const OFTEN = Number.POSITIVE_INFINITY;

// In their order. `from`: the width of the table in px from which they stand there unless somebody
// chose otherwise; `track`: their share of it. `first`: the direction in which a first click sorts.
export const COLUMNS = [
  { key: "state", title: "State", track: "104px", from: 0, first: 1 },
  { key: "name", title: "Name", track: "minmax(132px, 1.1fr)", from: 0, first: 1 },
  { key: "kind", title: "Kind", track: "72px", from: 980, first: 1 },
  { key: "target", title: "Target", track: "minmax(120px, 1fr)", from: 1640, first: 1 },
  { key: "group", title: "Group", track: "112px", from: OFTEN, first: 1 },
  { key: "tags", title: "Tags", track: "108px", from: 1080, first: 1 },
  { key: "value", title: "Latest", track: "76px", from: 0, first: -1, right: true },
  { key: "message", title: "Result", track: "minmax(180px, 4fr)", from: 0, first: 1 },
  { key: "took", title: "Took", track: "68px", from: 1420, first: -1, right: true },
  { key: "day", title: "Last 24 h", track: "100px", from: 900 },
  { key: "since", title: "Changed", track: "80px", from: 700, first: -1, right: true },
  { key: "ran", title: "Last run", track: "66px", from: 1340, first: -1, right: true },
  { key: "next", title: "Next run", track: "66px", from: OFTEN, first: 1, right: true },
  { key: "incident", title: "Incident", track: "124px", from: 1000, first: 1 },
];
const ALWAYS = new Set(["state", "name"]);
export const CHOOSABLE = COLUMNS.filter((column) => !ALWAYS.has(column.key));
// What fits into the two lines of a row on a phone.
const PHONE = new Set(["state", "name", "value", "message", "day"]);

// The columns that stand there. `chosen`: {key: shown or not} where somebody chose.
export function columnsFor(width, chosen, phone) {
  if (phone) return COLUMNS.filter((column) => PHONE.has(column.key));
  return COLUMNS.filter(({ key, from }) => ALWAYS.has(key) || (chosen[key] ?? width >= from));
}

export const USUAL = { key: "state", by: 1 };

// The order that an address asks for: "name", or "-since" for the other way round.
export function parseSort(search) {
  const asked = new URLSearchParams(search).get("sort") ?? "";
  const by = asked.startsWith("-") ? -1 : 1;
  const key = asked.replace(/^-/, "");
  return COLUMNS.some((column) => column.key === key && column.first) ? { key, by } : USUAL;
}

// The query string with that order; the usual one is not said.
export function formatSort({ key, by }, search) {
  const query = new URLSearchParams(search);
  if (key === USUAL.key && by === USUAL.by) query.delete("sort");
  else query.set("sort", `${by < 0 ? "-" : ""}${key}`);
  const text = query.toString();
  return text ? `?${text}` : "";
}

// The order after a click on a column's head.
export function nextSort(sort, key) {
  const column = COLUMNS.find((each) => each.key === key);
  return { key, by: sort.key === key ? -sort.by : column.first };
}

const collator = new Intl.Collator("en", { numeric: true });

// The place of each name among all, which is dear to find and seldom changes.
export class Places {
  constructor() {
    this.names = [];
    this.places = new Map();
  }

  of(checks) {
    const same = checks.length === this.names.length && checks.every((check, index) => check.name === this.names[index]);
    if (!same) {
      this.names = checks.map((check) => check.name);
      const sorted = [...this.names].sort(collator.compare);
      this.places = new Map(sorted.map((name, index) => [name, index]));
    }
    return this.places;
  }
}

const LAST = Number.POSITIVE_INFINITY;
const number = (value) => (Number.isFinite(value) ? value : null);
// What a column is sorted by: a number, a text, or null for what has none, which comes last.
const KEYS = {
  state: (row) => row.rank,
  name: () => 0,
  kind: (row) => row.check.kind ?? "",
  target: (row) => row.check.target || null,
  group: (row) => row.check.group || null,
  tags: (row) => (row.check.tags ?? []).join(" ") || null,
  value: (row) => number((row.check.spark ?? []).findLast?.((each) => each !== null)),
  message: (row) => row.check.message || null,
  took: (row) => number(row.check.response_ms),
  since: (row) => number(row.check.since),
  ran: (row) => number(row.check.last_at),
  next: (row) => number(row.check.due),
  incident: (row) => row.check.incident?.id ?? null,
};

// The checks as rows in the order asked for; equal ones by their names, bad ones oldest first.
export function sorted(checks, { key, by }, places, now) {
  const rows = checks.map((check) => {
    const state = stateOf(check, now);
    return { check, state, rank: ORDER.indexOf(state), place: places.get(check.name) ?? LAST, by: null };
  });
  for (const row of rows) row.by = KEYS[key](row);
  const oldest = key === "state";
  return rows.sort((a, b) => compare(a.by, b.by, by) || (oldest && a.state !== "healthy" ? (a.check.since ?? LAST) - (b.check.since ?? LAST) || 0 : 0) || tie(a, b, key, by));
}

function tie(a, b, key, by) {
  return (key === "name" ? by : 1) * (a.place - b.place);
}

// What has none comes last, whichever way round.
function compare(a, b, by) {
  if (a === b) return 0;
  if (a === null) return 1;
  if (b === null) return -1;
  return by * (a < b ? -1 : 1);
}

export function orderText({ key, by }) {
  if (key === "state") return by > 0 ? "worst first" : "best first";
  const title = COLUMNS.find((column) => column.key === key).title.toLowerCase();
  return `by ${title}${by > 0 ? "" : ", descending"}`;
}

// "1,240 of 1,240, worst first".
export function totalText(fitting, total, sort) {
  return `${fitting.toLocaleString("en-GB")} of ${total.toLocaleString("en-GB")}, ${orderText(sort)}`;
}

// What was last found: the sentence, or why there is none.
export function resultText(check, state) {
  if (check.asking) return "Being checked …";
  if (state === "paused") return "It is not being checked";
  if (state === "blocked" && check.blocked_by) return `Behind ${check.blocked_by}: ${check.message || "counts for nothing"}`;
  if (!check.last_at) return "First result is due";
  return check.message || "As expected";
}

// How long ago; "now" for what is a second old, "never" for what never was.
export function agoText(at, now) {
  if (!Number.isFinite(at)) return "never";
  const seconds = (now - at) / 1000;
  return seconds < 1 ? "now" : span(seconds);
}

// While nothing is measured no next run is promised.
export function dueText(check, state, now, frozen = false) {
  if (state === "paused") return "never";
  if (!Number.isFinite(check.due) || frozen || state === "stale") return "–";
  const seconds = (check.due - now) / 1000;
  return seconds < 1 ? "now" : span(seconds);
}

export function tookText(ms) {
  if (!Number.isFinite(ms)) return "–";
  if (ms >= 1000) return `${(ms / 1000).toFixed(ms >= 10000 ? 1 : 2)} s`;
  return `${ms >= 10 ? Math.round(ms) : Math.round(ms * 10) / 10} ms`;
}

// What stands where the rows would be; `next` is what can be done about it.
export function emptyText(total, filter) {
  if (total > 0 && isActive(filter)) return { main: "No check matches the filter", more: "Try fewer words, another state, kind or tag.", next: "clear" };
  return { main: "Nothing is watched yet", more: "Write a [[check]] into config.toml. It is taken up within 2 s, and stands here with its first result.", next: "" };
}

// How many of those selected an action would be about, and why it does nothing when it is none.
const ABOUT = {
  acknowledge: [(row) => row.check.incident?.stage === "new", "None of them has an incident that nobody has taken."],
  pause: [(row) => row.state !== "paused", "They are paused already."],
  resume: [(row) => row.state === "paused", "None of them is paused."],
  "check-now": [(row) => row.state !== "paused", "They are paused: resume them first."],
  maintenance: [() => true, ""],
  tag: [() => true, ""],
};

export function about(verb, rows, operator) {
  const [fits, reason] = ABOUT[verb];
  const fitting = rows.filter(fits);
  const refused = operator ? (fitting.length > 0 ? "" : reason) : mayNot();
  return { names: fitting.map((row) => row.check.name), refused };
}

// The tags of the rows with how many bear each, the most frequent first.
export function tagCounts(rows) {
  const found = new Map();
  for (const { check } of rows) for (const tag of check.tags ?? []) found.set(tag, (found.get(tag) ?? 0) + 1);
  return [...found].map(([tag, total]) => ({ tag, total })).sort((a, b) => b.total - a.total || collator.compare(a.tag, b.tag));
}

// A name as a pattern that matches it alone.
export function literal(name) {
  return name.replace(/[[*?]/g, "[$&]");
}

const LENGTH = /^(?=\d)(?:\d{1,3}d)?\s*(?:\d{1,4}h)?\s*(?:\d{1,5}m(?:in)?)?$/;

// A length of time as somebody writes it ("90 m", "1d 2h", "45"), as the API reads it; null for none.
export function lengthOf(text) {
  const plain = text.trim().toLowerCase().replace(/(\d)\s+(?=[dhm])/g, "$1");
  const whole = /^\d{1,5}$/.test(plain) ? `${plain}m` : plain;
  if (!LENGTH.test(whole)) return null;
  const short = whole.replace("min", "m").replaceAll(/\s/g, "");
  return /[1-9]/.test(short) ? short : null;
}

// The one-off window over these checks from now on, as POST /api/v1/maintenance takes it.
export function windowOf(names, length, { now, reason, author, part = "" }) {
  const at = new Date(now).toISOString().slice(0, 19);
  const title = `${count(names.length, "check")} by hand, ${at.replace("T", " ")} UTC${part}`;
  const table = { name: title, match: { name: names.map(literal) }, start: `${at}Z`, duration: length };
  if (reason) table.reason = reason;
  if (author) table.author = author;
  return table;
}

// A cell of a CSV file. What a spreadsheet would take for a formula is kept a text.
function cell(value) {
  const text = value === null || value === undefined ? "" : String(value);
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

const iso = (ms) => (Number.isFinite(ms) ? new Date(ms).toISOString() : "");

// The rows as a CSV file: all that the list knows of them, times in UTC.
export function csvOf(rows, now, frozen) {
  const heads = ["name", "state", "kind", "target", "group", "tags", "latest", "message", "response_ms", "since", "last_run", "next_run", "incident"];
  const lines = rows.map(({ check }) => {
    const { word } = shown(check, now, frozen);
    return [check.name, word, check.kind, check.target, check.group, (check.tags ?? []).join(" "), check.value, check.message, check.response_ms, iso(check.since), iso(check.last_at), iso(check.due), check.incident?.id];
  });
  return [heads, ...lines].map((line) => line.map(cell).join(",")).join("\r\n");
}
