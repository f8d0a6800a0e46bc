// What the editor of a threshold shows, worked out from the page's state. Pure, but for the clock.

import { moment, span } from "./format.mjs";
import { testKey } from "./thresholdbacktest.mjs";
import { controlValue, levelsOf, operatorIn, orderText, splitFields } from "./thresholddraft.mjs";
import { untilText } from "./thresholdrange.mjs";
import { seriesText } from "./thresholdseries.mjs";
import { isNumber, isUpward, showValue, unitOf } from "./thresholdtext.mjs";

export function editorModel(state) {
  const { at, row, selection, draft, difference } = state;
  const levels = levelsOf(row, draft);
  const operator = operatorIn(row, draft);
  return {
    at,
    row,
    busy: state.busy,
    removing: performance.now() < state.removing,
    enabled: (draft.enabled ?? controlValue(row, "enabled")) !== false,
    series: selection.series,
    shown: selection.shown,
    range: selection.range,
    hours: state.hours,
    versions: selection.versions,
    conflict: state.conflict,
    undo: undoText(state.undone),
    why: why(row),
    name: state.naming?.name ?? "",
    picked: state.naming?.picked ?? "",
    choices: state.choices.map(seriesText),
    ...fieldsShown(state),
    ...differenceShown(state, levels, operator),
    ...findingsShown(state, difference, levels, operator),
    chart: chartShown(state, difference, levels, operator),
  };
}

function fieldsShown({ row, draft, selection }) {
  const { usual, rare } = splitFields(row, draft);
  const fields = selection.more ? [...usual, ...rare] : usual;
  return {
    fields: row.editable ? fields : fields.filter((key) => row.table[key] !== null && row.table[key] !== undefined),
    values: Object.fromEntries(fields.map((key) => [key, String(draft[key] ?? controlValue(row, key))])),
    more: row.editable && rare.length > 0 ? (selection.more ? "Fewer fields" : "More fields") : "",
    expanded: Boolean(selection.more),
  };
}

function differenceShown(state, levels, operator) {
  const { row, selection, naming } = state;
  const { changes, problems } = state.difference;
  const judged = state.refused?.key === selection.key ? state.refused : null;
  const refused = [...problems, judged?.text].filter(Boolean).join("; ");
  const order = orderText(levels, operator, (value) => showValue(value, row.unit));
  return {
    dirty: changes.length > 0 || problems.length > 0,
    changes,
    wrong: { ...judged?.wrong, ...state.difference.wrong },
    refusal: state.said || refused,
    order: order && `Order holds: ${order}`,
    note: row.isNew ? newNote(naming) : `${changes.length === 1 ? "1 field changes" : `${changes.length} fields change`}, becomes version ${row.version + 1}. Undo for 10 s.`,
    incomplete: row.isNew && (!naming.name || !row.metric || !(isNumber(levels.warning) || isNumber(levels.critical))),
  };
}

function findingsShown({ at, row, selection }, { changes, problems }, levels, operator) {
  const magnified = (alert) => ({
    alert,
    course: selection.magnified.get(`${alert.start} ${alert.end}`) ?? null,
    levels: row.ruleKind === "threshold" ? levels : {},
    upward: isUpward(operator),
    zone: at.zone,
  });
  return {
    found: problems.length > 0 ? null : selection.found,
    tried: Boolean(selection.tried),
    waiting: selection.triedKey !== testKey(changes),
    foundInForce: selection.foundInForce,
    hasForce: !row.isNew,
    testing: problems.length > 0 ? "" : selection.testing,
    beside: besideText(row, selection),
    magnified: (selection.firings ?? []).map(magnified),
  };
}

function chartShown({ at, row, selection, hours }, { changes }, levels, operator) {
  const lined = row.ruleKind === "threshold";
  return {
    course: selection.course,
    hours,
    now: at.now - (at.now % 60_000),
    unit: lined ? row.unit : unitOf(row.metric),
    zone: at.zone,
    draft: levels,
    force: row.isNew ? null : { warning: row.table.warning ?? null, critical: row.table.critical ?? null },
    hasForce: !row.isNew,
    changed: changes.length > 0 || Boolean(row.isNew),
    lined,
    upward: isUpward(operator),
    fired: selection.found?.alerts ?? [],
    firedInForce: selection.foundInForce?.alerts ?? [],
    label: `${row.metric} over the last ${hours} hours, until ${moment(at.now, at.now, at.zone)}. ${untilText(selection.course, hours, at.zone)}`.trim(),
    empty: emptyText(row, selection),
  };
}

function undoText(undone) {
  if (!undone) return "";
  return `${undone.text} ${Math.ceil((undone.until - performance.now()) / 1000)} s to undo.`;
}

function emptyText(row, selection) {
  if (row.isNew && !selection.shown) return row.metric ? "No such series yet: the rule waits for its first sample." : "Choose a series to see its last days.";
  if (!row.isNew && selection.series.length === 0 && selection.testing === "") return "No data yet. The line appears with the first sample.";
  if (selection.course && selection.course.samples === 0) return `No samples in this range. Try a longer one.`;
  return "";
}

function besideText(row, selection) {
  const step = selection.course?.step_s ?? 0;
  if (selection.seldom && step > 0) return `Samples come every ${span(step)}, more seldom than the rule expects: in between it says unknown, which is not counted here.`;
  return row.kind === "check" && row.failures > 1 ? `A check turns after ${row.failures} such results in a row.` : "";
}

function why(row) {
  if (!row.editable) return `This level comes with the check’s kind and is not its main number: it can’t be edited here.`;
  if (row.ruleKind === "rate") return "The levels are on the rate of change; the chart shows the metric itself.";
  if (row.word === "gone from the file") return "The file no longer has this rule: it is not in force.";
  if (row.state === "out") return "The table as it stands is impossible, so this rule is not in force. Correct it here or in the file.";
  return "";
}

function newNote({ name }) {
  if (!name) return "Give it a name, a series and at least one level.";
  return `${name} will be in force from the next sample on. Undo for 10 s.`;
}
