// A draft of a threshold: what was typed or dragged, how it differs, and what is sent. Pure.

import { isNumber, isUpward, operatorOf, seconds } from "./thresholdtext.mjs";

export const LEVELS = ["warning", "critical"];
const NUMBERS = ["warning", "critical", "clear_warning", "clear_critical"];
const DURATIONS = ["for", "keep_firing_for"];

// The fields that can be edited here, by what the row is.
export function fieldsOf(row) {
  if (row.kind === "check") return ["operator", "warning", "critical"];
  if (row.ruleKind === "absence") return ["for"];
  return ["operator", "warning", "critical", "for", "clear_warning", "clear_critical", "keep_firing_for"];
}

// Those that most rules leave as they are: shown when they say something, or when asked for.
const RARE = ["clear_warning", "clear_critical", "keep_firing_for"];

export function splitFields(row, draft) {
  const fields = fieldsOf(row);
  const says = (key) => Object.hasOwn(draft, key) || (row.table[key] !== null && row.table[key] !== undefined);
  const usual = fields.filter((key) => !RARE.includes(key) || says(key));
  return { usual, rare: fields.filter((key) => !usual.includes(key)) };
}

// A value as its control holds it: text, or true and false.
export function controlValue(row, key) {
  const value = row.table[key];
  if (key === "enabled") return value !== false;
  if (value === null || value === undefined) return "";
  return NUMBERS.includes(key) ? String(Number(value)) : String(value);
}

// What a control says: `{value}`, or `{problem}` in words. Null takes the field back to the file.
export function readControl(row, key, given) {
  if (key === "enabled") return { value: Boolean(given) };
  const text = String(given).trim();
  if (text === "") return emptied(row, key);
  if (NUMBERS.includes(key)) {
    const value = Number(text.replace(",", "."));
    return isNumber(value) ? { value } : { problem: `${key}: must be a number, not “${text}”` };
  }
  if (DURATIONS.includes(key)) {
    if (/^0+$/.test(text)) return { value: "0s" };
    if (/^\d+(\.\d+)?$/.test(text)) return { problem: `${key}: add a unit, such as ${text}s or ${text}m` };
    return seconds(text) === null ? { problem: `${key}: write it like 30s, 5m or 1h30m` } : { value: text };
  }
  return { value: text };
}

function emptied(row, key) {
  const stands = row.table[key] !== undefined && row.table[key] !== null;
  if (!stands) return { value: null };
  if (row.inFile && !row.edited.includes(key) && !DURATIONS.includes(key)) {
    const from = row.kind === "check" ? "the file or its kind" : "the file";
    return { problem: `${key}: ${from} gives it, so it can be changed but not removed` };
  }
  if (row.inFile && !row.edited.includes(key)) return { value: "0s" };
  return { value: null };
}

export function same(key, a, b) {
  if (NUMBERS.includes(key)) return (a ?? null) === (b ?? null) || (isNumber(a) && isNumber(b) && a === b);
  if (DURATIONS.includes(key)) return (seconds(a ?? "0s") ?? a) === (seconds(b ?? "0s") ?? b);
  if (key === "enabled") return (a !== false) === (b !== false);
  return (a ?? null) === (b ?? null);
}

// How a draft (control values by key) differs from what is in force: `{changes, problems, wrong}`,
// the last being the problems by the field that has them.
export function differenceOf(row, draft) {
  const changes = [];
  const wrong = {};
  for (const [key, given] of Object.entries(draft)) {
    const { value, problem } = readControl(row, key, given);
    if (problem) wrong[key] = problem;
    else {
      const after = value === null && Object.hasOwn(row.drift, key) ? row.drift[key] : value;
      if (!same(key, row.table[key], after)) changes.push({ key, before: row.table[key] ?? null, after, sent: value });
    }
  }
  return { changes, problems: Object.values(wrong), wrong };
}

export function fieldsToSend(changes) {
  return Object.fromEntries(changes.map(({ key, sent }) => [key, sent]));
}

// What takes these fields back to how the row had them: undo.
export function takenBack(row, keys) {
  return Object.fromEntries(keys.map((key) => [key, row.inFile && !row.edited.includes(key) ? null : (row.table[key] ?? null)]));
}

// The fields that make `now` say what `then` said: restore. Null where it said nothing.
export function restoring(now, then) {
  const keys = [...new Set([...Object.keys(now), ...Object.keys(then)])].filter((key) => key !== "id");
  return Object.fromEntries(
    keys.filter((key) => JSON.stringify(now[key] ?? null) !== JSON.stringify(then[key] ?? null)).map((key) => [key, then[key] ?? null]),
  );
}

// A value as a pattern that matches only itself.
export function escaped(text) {
  return String(text).replace(/[*?[]/g, "[$&]");
}

// The table to back-test on one series: the row's, with the changes on it.
export function tableToTest(row, changes, labels) {
  const table = row.kind === "check" ? checkTable(row) : { ...row.table, metric: row.metric };
  for (const { key, after } of changes) table[key] = after;
  table.id = "draft";
  delete table.check;
  table.enabled = true;
  table.labels = Object.fromEntries(Object.entries(labels).map(([name, value]) => [name, escaped(value)]));
  if (table.kind === "absence") delete table.operator;
  return Object.fromEntries(Object.entries(table).filter(([, value]) => value !== null && value !== undefined));
}

function checkTable(row) {
  const { operator, warning, critical } = row.table;
  // A check that is not measured has a state of its own: its levels say nothing then.
  return { metric: row.metric, operator, warning, critical, interval: `${row.intervalS}s` };
}

// The levels of a row with a draft on it: what the lines show. What cannot be read keeps its line.
export function levelsOf(row, draft) {
  return Object.fromEntries(
    LEVELS.map((key) => {
      const { value } = Object.hasOwn(draft, key) ? readControl(row, key, draft[key]) : { value: row.table[key] };
      const held = value === null && Object.hasOwn(row.drift, key) ? row.drift[key] : value;
      return [key, held ?? (value === undefined ? (row.table[key] ?? null) : null)];
    }),
  );
}

export function operatorIn(row, draft) {
  return operatorOf({ operator: draft.operator ?? row.table.operator });
}

// The step of dragging and of arrow keys over a chart that spans `domain`: 1, 2 or 5 times a power
// of ten, about a hundredth of it.
export function stepFor(domain) {
  const rough = Math.abs(domain) / 120;
  if (!(rough > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(rough));
  const lead = rough / power;
  return power * (lead <= 1 ? 1 : lead <= 2 ? 2 : lead <= 5 ? 5 : 10);
}

// The nearest multiple of the step, without the noise of binary fractions.
export function snapped(value, step) {
  const digits = Math.max(0, -Math.floor(Math.log10(step)));
  const at = Math.round(value / step) * step;
  return Number(at.toFixed(Math.min(12, digits)));
}

// By how many steps a key moves a level; null for other keys.
export function keySteps(key, shift) {
  const by = { ArrowUp: 1, ArrowRight: 1, ArrowDown: -1, ArrowLeft: -1, PageUp: 10, PageDown: -10 }[key];
  return by === undefined ? null : by * (shift && Math.abs(by) === 1 ? 10 : 1);
}

// Whether the levels stand in an order that can hold: "74 < 92", or null when there is one level.
export function orderText(levels, operator, show) {
  if (!isNumber(levels.warning) || !isNumber(levels.critical)) return null;
  if (operator === "eq" || operator === "ne") return null;
  return `${show(levels.warning)} ${isUpward(operator) ? "≤" : "≥"} ${show(levels.critical)}`;
}
