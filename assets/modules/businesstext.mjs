// How the numbers of pushed metrics read on the Business page. Pure.

import { hourMinute, zoneName } from "./format.mjs";
import { showValue } from "./thresholdtext.mjs";

export const PERIODS = [
  { hours: 24, title: "24 hours", before: "the day before", ago: "a day ago" },
  { hours: 168, title: "7 days", before: "the week before", ago: "a week ago" },
];

// The period that an address names.
export function periodOf(search) {
  const hours = Number(new URLSearchParams(search).get("hours"));
  return PERIODS.find((each) => each.hours === hours) ?? PERIODS[0];
}

// "1,234", "12.3 %", "$0.42".
export function amount(value, unit) {
  if (!Number.isFinite(value ?? NaN)) return "–";
  const digits = Math.abs(value) >= 1000 ? Math.round(value) : Number(value.toPrecision(3));
  if (unit === "$") {
    const cents = Math.abs(value) >= 1 || value === 0 ? value.toLocaleString("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 2 }) : String(digits);
    return cents.startsWith("-") ? `−$${cents.slice(1)}` : `$${cents}`;
  }
  const text = unit === "" && Math.abs(value) >= 1000 ? digits.toLocaleString("en-GB") : showValue(digits, unit);
  return text.replace(/^-/, "−");
}

// What stands under the number: what kind of number it is.
export function meaning({ shape, series }, period) {
  const what = { increase: `in ${period.title}`, level: "now", average: `on average in ${period.title}` }[shape];
  return series > 1 ? `${what}, ${series} series` : what;
}

// "12 % more than the day before"; a change from nothing has no per cent.
export function change({ value, before, shape }, period) {
  if (!Number.isFinite(value ?? NaN)) return "";
  const then = shape === "level" ? period.ago : period.before;
  if (!Number.isFinite(before ?? NaN)) return `not measured ${then}`;
  if (value === before) return `as ${then}`;
  if (before === 0) return `none ${then}`;
  const percent = (100 * (value - before)) / Math.abs(before);
  const size = Math.abs(percent);
  if (size < 1) return `about as ${then}`;
  const shown = size > 999 ? "over 999" : String(Math.round(size));
  return `${shown} % ${percent > 0 ? "more" : "less"} than ${then}`;
}

// "up", "down", "flat": which way the arrow points; empty where there is nothing to compare.
export function direction({ value, before }) {
  if (!Number.isFinite(value ?? NaN) || !Number.isFinite(before ?? NaN)) return "";
  if (value === before) return "flat";
  return value > before ? "up" : "down";
}

// "14:00–14:15 CET: 12", with the day when the period is longer than one.
export function pointText(course, place, zone, long) {
  const at = course.at[place];
  const end = at + course.step_s * 1000;
  const day = long ? `${new Intl.DateTimeFormat("en-GB", { timeZone: zone, weekday: "short" }).format(at)} ` : "";
  return `${day}${hourMinute(at, zone)}–${hourMinute(end, zone)} ${zoneName(at, zone)}: ${amount(course.values[place], course.unit)}`;
}

// The cards by group, in the order in which the server names them.
export function grouped(metrics) {
  const groups = new Map();
  for (const metric of metrics) {
    if (!groups.has(metric.group)) groups.set(metric.group, []);
    groups.get(metric.group).push(metric);
  }
  return [...groups].map(([title, cards]) => ({ title, cards }));
}

// The two ways to push a first metric to this very server.
export function firstSteps(origin) {
  const entry = `{"metrics": [{"name": "files.processed", "kind": "counter", "labels": {"type": "pdf"}, "value": 42}]}`;
  return {
    curl: [`curl -X POST ${origin}/api/v1/metrics \\`, `  -H "Authorization: Bearer $METRICS_KEY" \\`, `  -H "Content-Type: application/json" \\`, `  -d '${entry}'`].join("\n"),
    python: ["from nocturne_client import counter, push_to", "", 'FILES = counter("files.processed", "Files processed", ["type"])', `push_to("${origin}", key="noc_…")`, "", 'FILES.labels("pdf").inc()'].join("\n"),
  };
}
