// The problems of a wall: whose they are, in which order they stand, what is counted, what is new. Pure.

import { whoText } from "./acknowledge.mjs";
import { lasting, moment } from "./format.mjs";
import { problemsOf, sinceOf } from "./problems.mjs";
import { ORDER, PROBLEMS, stateOf } from "./states.mjs";

const TAKEN = new Set(["acknowledged", "investigating", "in progress"]);

// Whether somebody has it.
export function isTaken(check) {
  return TAKEN.has(check.incident?.stage);
}

// A critical that nobody has: what must not go unseen.
export function isUrgent(check, now) {
  return stateOf(check, now) === "critical" && !isTaken(check);
}

// Worst first; of equally bad ones those that nobody has, then the oldest.
export function wallProblems(checks, byName, now) {
  const rank = ({ check }) => (PROBLEMS.indexOf(stateOf(check, now)) + 1 || PROBLEMS.length + 1) * 2 + Number(isTaken(check));
  const ranked = problemsOf(checks, byName, now).map((problem) => ({ problem, rank: rank(problem) }));
  // The sort is stable: age and name stand as they were.
  return ranked.sort((a, b) => a.rank - b.rank).map(({ problem }) => problem);
}

// Who has it: `{lead, rest}`, the lead to be read first.
export function whoLine(check, now, zone) {
  const { incident } = check;
  const since = sinceOf(check, stateOf(check, now));
  const from = Number.isFinite(since) ? `since ${moment(since, now, zone)}` : "";
  if (!incident) return { lead: "", rest: capital(from) };
  const gate = incident.page_gate ? `Not paged: ${incident.page_gate}. ` : "";
  const facts = gate + capital(`${incident.severity} incident ${from}`.trim());
  const { name, rest } = whoText(incident, now);
  return name ? { lead: name, rest: `${rest}. ${facts}` } : { lead: `${rest}.`, rest: facts };
}

function capital(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

// The counts at the top, worst first: `{state, total, more}`.
export function headlineCounts(problems, now, displayNow) {
  const found = new Map();
  for (const { check } of problems) {
    const state = stateOf(check, now);
    if (!found.has(state)) found.set(state, []);
    found.get(state).push(check);
  }
  return [...found].map(([state, checks]) => ({ state, total: checks.length, more: moreOf(state, checks, displayNow) }));
}

function moreOf(state, checks, now) {
  const free = checks.filter((check) => !isTaken(check)).length;
  if (state === "critical" && free === checks.length) return free === 1 ? "nobody has it" : "nobody has them";
  if (state === "critical" && free > 0) return `nobody has ${free}`;
  const named = new Set(checks.map((check) => check.incident?.assignee || check.incident?.acknowledged_by));
  const [name] = named;
  if (free === 0 && named.size === 1 && name && name !== "anonymous") return checks.length === 1 ? `${name} has it` : `${name} has them`;
  if (free === 0) return checks.length === 1 ? "somebody has it" : "all are taken";
  const oldest = checks.map((check) => sinceOf(check, state)).filter(Number.isFinite).sort((a, b) => a - b)[0];
  return Number.isFinite(oldest) ? `for ${lasting({}, now, oldest)}` : "";
}

// What is neither healthy nor counted at the top.
export function restCounts(tally, told) {
  return ORDER.filter((state) => state !== "healthy" && tally[state] > 0 && !told.includes(state)).map((state) => ({ state, total: tally[state] }));
}

// "+12 more" and of what states they are.
export function overflowText(hidden, now) {
  const totals = new Map();
  for (const { check } of hidden) {
    const state = stateOf(check, now);
    totals.set(state, (totals.get(state) ?? 0) + 1);
  }
  const parts = ORDER.filter((state) => totals.has(state)).map((state) => ({ state, total: totals.get(state) }));
  return { main: `+${hidden.length.toLocaleString("en-GB")} more`, parts };
}

// What stands at the top while nothing is wrong: `{state, main, strong, more}`.
export function calmWords({ checks, tally, now, label }) {
  const total = checks.length;
  if (total === 0) return { state: "waiting", main: label ? "Nothing here" : "No checks yet", strong: "", more: label ? `No check is in ${label}.` : "Add one to config.toml: it shows here within seconds." };
  const since = checks.reduce((latest, check) => Math.max(latest, check.since ?? -Infinity), -Infinity);
  const lasted = Number.isFinite(since) ? `for ${lasting({}, now, since)}` : "";
  const healthy = tally.healthy;
  if (healthy === total) return { state: "healthy", main: "All healthy", strong: `${number(healthy)} of ${number(total)} checks`, more: lasted };
  if (healthy > 0) return { state: "healthy", main: `${number(healthy)} healthy`, strong: `of ${number(total)} checks`, more: lasted };
  const state = tally.pending > 0 ? "pending" : tally.maintenance > 0 ? "maintenance" : "paused";
  return { state, main: { pending: "First results due", maintenance: "Maintenance", paused: "All paused" }[state], strong: `0 of ${number(total)} checks`, more: "measured and healthy" };
}

function number(value) {
  return value.toLocaleString("en-GB");
}

// Remembers which urgent problems were there, and tells which have come. What stands at the first
// look is not new. It keeps nothing but what stands.
export class Newcomers {
  constructor() {
    this.known = null;
  }

  // The names of those that were not there before.
  update(urgent) {
    const keys = new Map(urgent.map((check) => [`${check.name} ${check.incident?.id ?? ""}`, check.name]));
    const came = this.known === null ? [] : [...keys].filter(([key]) => !this.known.has(key)).map(([, name]) => name);
    this.known = new Set(keys.keys());
    return came;
  }
}
