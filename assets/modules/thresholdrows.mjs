// The rows of the Thresholds table: alert rules and the levels inside checks, firing first. Pure.

import { stateOf } from "./states.mjs";
import { operatorOf, unitOfRule } from "./thresholdtext.mjs";

// Worst first, and what needs no attention last.
const RANKS = ["critical", "unknown", "degraded", "warning", "quiet", "waiting", "off", "out"];
const WORDS = { quiet: "quiet", waiting: "no data yet", off: "off", out: "not in force" };
// Made once: a collator for each comparison of a thousand rows takes a third of a second.
const BY_NAME = new Intl.Collator("en", { numeric: true });
export const ONLY = { firing: "Firing", edited: "Edited", off: "Switched off" };

export function rowsOf(rules, levels, checks, now) {
  const byName = new Map(checks.map((check) => [check.name, check]));
  return [...rules.map(ruleRow), ...levels.map((each) => checkRow(each, byName.get(each.check), now))].sort(
    (a, b) => rank(a) - rank(b) || (a.since ?? Infinity) - (b.since ?? Infinity) || BY_NAME.compare(a.name, b.name),
  );
}

function rank(row) {
  return RANKS.indexOf(row.state);
}

export function ruleRow(rule) {
  const { table } = rule;
  const worst = worstState(rule.states ?? []);
  let state = worst?.level ?? "waiting";
  if (state === "healthy") state = "quiet";
  if (rule.condition === null || rule.orphaned) state = "out";
  else if (table.enabled === false) state = "off";
  return {
    ...common(rule),
    key: `rule/${rule.name}`,
    kind: "rule",
    name: rule.name,
    title: table.title ?? table.name ?? "",
    metric: table.metric ?? "",
    unit: unitOfRule(table),
    table: { ...table, operator: operatorOf(table) },
    ruleKind: table.kind ?? "threshold",
    words: rule.condition,
    editable: true,
    state,
    word: rule.orphaned ? "gone from the file" : (WORDS[state] ?? state),
    since: isFiring(state) ? Date.parse(worst.since) || null : null,
    message: isFiring(state) ? (worst.message ?? "") : "",
    firing: (rule.states ?? []).filter((each) => isFiring(each.level)).length,
  };
}

function worstState(states) {
  const firstOf = (list) => list.reduce((worst, each) => (worst && RANKS.indexOf(worst.level) <= RANKS.indexOf(each.level) ? worst : each), null);
  return firstOf(states.map((each) => ({ ...each, level: each.level === "healthy" ? "quiet" : each.level })));
}

export function checkRow(level, check, now) {
  let state = level.level === "healthy" ? "quiet" : level.level;
  const seen = check ? stateOf(check, now) : "pending";
  if (!level.enabled || seen === "paused") state = "off";
  // What was not measured says nothing about its levels.
  else if ((["stale", "pending"].includes(seen) || !level.measured) && state === "quiet") state = "waiting";
  const firing = isFiring(state);
  return {
    ...common(level),
    key: `check/${level.check}/${level.metric}`,
    kind: "check",
    name: level.check,
    title: level.title,
    metric: level.metric,
    unit: level.unit,
    table: { ...level.table, operator: operatorOf(level.table) },
    ruleKind: "threshold",
    words: null,
    editable: level.headline,
    intervalS: level.interval_s,
    failures: level.failures,
    state,
    word: state === "waiting" ? "not measured" : state === "off" ? "paused" : (WORDS[state] ?? state),
    since: firing ? Date.parse(level.since) || null : null,
    message: firing ? (check?.message ?? "") : "",
    firing: firing ? 1 : 0,
  };
}

function common(found) {
  return {
    version: found.version,
    inFile: found.in_file,
    edited: found.edited,
    drift: found.drift ?? {},
    from: found.in_file ? (found.edited.length > 0 ? "edit" : "file") : "made here",
  };
}

export function isFiring(state) {
  return ["critical", "unknown", "degraded", "warning"].includes(state);
}

export function parse(search) {
  const query = new URLSearchParams(search);
  const only = query.get("only") ?? "";
  return { q: (query.get("q") ?? "").trim(), only: Object.hasOwn(ONLY, only) ? only : "", shown: query.get("rule") ?? "" };
}

// The query with these fields changed; what else stands in it is kept, empty ones go.
export function withFields(search, fields) {
  const query = new URLSearchParams(search);
  for (const [name, value] of Object.entries(fields)) {
    if (value) query.set(name, value);
    else query.delete(name);
  }
  const text = query.toString();
  return text ? `?${text}` : "";
}

export function matching(rows, { q, only }) {
  const text = q.toLowerCase();
  return rows.filter((row) => {
    if (only === "firing" && !isFiring(row.state)) return false;
    if (only === "edited" && row.from === "file") return false;
    if (only === "off" && row.state !== "off" && row.state !== "out") return false;
    return text === "" || [row.name, row.metric, row.title].some((each) => each.toLowerCase().includes(text));
  });
}
