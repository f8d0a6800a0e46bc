// How levels, durations and firings read on the Thresholds page. Pure.

import { count, span } from "./format.mjs";

// As in domain/units.py, which a test compares with this.
export const SUFFIXES = [
  ["bytes_per_s", "bytes/s"],
  ["percent", "%"],
  ["_ms", "ms"],
  ["bytes", "bytes"],
  ["days_left", "days"],
  ["celsius", "°C"],
  ["_per_s", ""],
  ["_s", "s"],
];
export const OPERATORS = ["gt", "gte", "lt", "lte", "eq", "ne"];
export const SIGNS = { gt: ">", gte: "≥", lt: "<", lte: "≤", eq: "=", ne: "≠" };
// How the fields of a rule are called.
export const NAMES = {
  operator: "Fires when",
  warning: "Warning",
  critical: "Critical",
  for: "For",
  clear_warning: "Warning clears",
  clear_critical: "Critical clears",
  keep_firing_for: "Keep firing",
  enabled: "Enabled",
  id: "Name",
  metric: "Metric",
};
const OTHER_WORDS = {
  greater_than: "gt",
  greater_than_or_equal: "gte",
  less_than: "lt",
  less_than_or_equal: "lte",
  equal: "eq",
  equals: "eq",
  not_equal: "ne",
  not_equals: "ne",
  ">": "gt",
  ">=": "gte",
  "<": "lt",
  "<=": "lte",
  "==": "eq",
  "!=": "ne",
};
const BYTES = ["B", "kB", "MB", "GB", "TB", "PB"];
const SECONDS = { ms: 0.001, s: 1, m: 60, h: 3600, d: 86400, w: 604800 };

export function unitOf(metric) {
  return SUFFIXES.find(([ending]) => metric.endsWith(ending))?.[1] ?? "";
}

// The unit of what a rule judges: that of its metric, the same an hour, or hours.
export function unitOfRule(table) {
  const unit = unitOf(table.metric ?? "");
  if (table.kind !== "rate") return unit;
  return isNumber(table.reaches) ? "h" : `${unit}/h`;
}

// The operator of a table, which may spell it in words or signs, or not at all.
export function operatorOf(table) {
  const given = table.operator;
  if (given === undefined || given === null) return isNumber(table.reaches) ? "lt" : "gte";
  return OTHER_WORDS[given] ?? given;
}

export function isUpward(operator) {
  return operator === "gt" || operator === "gte";
}

// A number as short as it can be told: 70, 0.001, 1.25.
export function plainNumber(value) {
  if (!isNumber(value)) return "";
  return String(Number(value.toPrecision(6)));
}

// "70 %", "812 ms", "1.4 GB".
export function showValue(value, unit) {
  if (!isNumber(value)) return "none";
  if (unit?.endsWith("/h")) return `${showValue(value, unit.slice(0, -2))}/h`;
  if (unit === "bytes" || unit === "bytes/s") return sizeText(value) + (unit === "bytes/s" ? "/s" : "");
  if (unit === "ms" && Math.abs(value) >= 1000) return `${plainNumber(Number((value / 1000).toPrecision(3)))} s`;
  const text = Math.abs(value) >= 10_000 ? value.toLocaleString("en-GB") : plainNumber(value);
  return unit ? `${text} ${unit === "days" ? "d" : unit}` : text;
}

function sizeText(value) {
  let size = value;
  let at = 0;
  while (Math.abs(size) >= 1000 && at < BYTES.length - 1) {
    size /= 1000;
    at += 1;
  }
  return `${plainNumber(Number(size.toPrecision(3)))} ${BYTES[at]}`;
}

// Seconds of "90s", "1h30m"; null for what is no duration.
export function seconds(text) {
  const parts = [...String(text).matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d|w)/g)];
  if (parts.length === 0 || parts.map((part) => part[0]).join("") !== String(text)) return null;
  return parts.reduce((sum, [, number, unit]) => sum + Number(number) * SECONDS[unit], 0);
}

// "1m" as "1 min"; what is no duration stays as it was typed.
export function showDuration(text) {
  if (text === undefined || text === null || text === "") return "0 s";
  const length = seconds(text);
  return length === null ? String(text) : span(length);
}

export function showField(key, value, unit) {
  if (key === "enabled") return value === false ? "off" : "on";
  if (key === "operator") return SIGNS[operatorOf({ operator: value })] ?? String(value);
  if (key === "for" || key === "keep_firing_for") return showDuration(value);
  if (typeof value === "number") return showValue(value, unit);
  if (value === null || value === undefined) return "none";
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

export function rangeWords(hours) {
  return hours >= 48 ? `${Math.round(hours / 24)} days` : hours === 1 ? "1 hour" : `${hours} hours`;
}

// What a back-test found of one series: alerts by levels, and apart from them how long data was away.
// Stretches that touch are one alert, as the server counts them.
export function figures(tested) {
  if (!tested) return null;
  const firing = tested.stretches.filter((each) => each.level !== "unknown");
  const blindMs = tested.stretches.reduce((sum, each) => sum + (each.level === "unknown" ? length(each) : 0), 0);
  // Cut off after the newest ones: only the server's own figures know the others.
  if (tested.truncated || blindMs === 0) {
    return { count: tested.count, totalS: tested.total_s, longestS: tested.longest_s, blindS: tested.truncated ? 0 : blindMs / 1000, alerts: merged(firing) };
  }
  const alerts = merged(firing);
  const lengths = alerts.map((each) => (each.end - each.start) / 1000);
  return {
    count: alerts.length,
    totalS: lengths.reduce((sum, each) => sum + each, 0),
    longestS: Math.max(0, ...lengths),
    blindS: blindMs / 1000,
    alerts,
  };
}

function length(stretch) {
  return Date.parse(stretch.end) - Date.parse(stretch.start);
}

// Alerts as `{start, end, level, parts}` in milliseconds; the level is the worst in it.
export function merged(stretches) {
  const alerts = [];
  for (const each of stretches) {
    const part = { start: Date.parse(each.start), end: Date.parse(each.end), level: each.level, peak: each.peak };
    const last = alerts.at(-1);
    if (last && last.end === part.start) {
      last.end = part.end;
      last.parts.push(part);
      if (part.level === "critical") last.level = "critical";
    } else alerts.push({ ...part, parts: [part] });
  }
  return alerts;
}

// The sentence below the chart, as pieces: every second one is emphasised.
export function firedWords(found, hours) {
  const within = ` in ${rangeWords(hours)}`;
  if (found.count === 0) return ["Would ", "not have fired", `${within}.`];
  const times = found.count === 1 ? "once" : count(found.count, "time");
  if (found.count === 1) return ["Would have fired ", times, `${within}, for `, span(found.totalS), "."];
  return ["Would have fired ", times, `${within}, `, span(found.totalS), " in all, longest ", span(found.longestS), "."];
}

export function inForceWords(found, subject = "The rule in force") {
  if (!found) return "";
  if (found.count === 0) return `${subject}: never.`;
  return `${subject}: ${found.count === 1 ? "once" : count(found.count, "time")}, ${span(found.totalS)}.`;
}

export function labelText(labels) {
  return Object.entries(labels)
    .map(([name, value]) => `${name} ${value}`)
    .join(", ");
}

export function isNumber(value) {
  return typeof value === "number" && Number.isFinite(value);
}
