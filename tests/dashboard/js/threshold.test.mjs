// The Thresholds page without a browser: scales, ticks, drafts, differences, words, rows.

import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { test } from "node:test";

import { bandPath, linear, linePath, stretchBox, ticks, timeTicks, valueDomain } from "../../../assets/modules/linechart.mjs";
import { addressOf, pointsPath, refusal, told, wrongIn } from "../../../assets/modules/thresholdapi.mjs";
import { findings, without } from "../../../assets/modules/thresholdbacktest.mjs";
import {
  controlValue,
  differenceOf,
  fieldsOf,
  fieldsToSend,
  keySteps,
  levelsOf,
  orderText,
  restoring,
  snapped,
  splitFields,
  stepFor,
  tableToTest,
  takenBack,
} from "../../../assets/modules/thresholddraft.mjs";
import { asItStands } from "../../../assets/modules/thresholdfindings.mjs";
import { nearest, valuesText } from "../../../assets/modules/thresholdpoints.mjs";
import { beginningRange, courseHours, measuredHours } from "../../../assets/modules/measured.mjs";
import { reasonAt } from "../../../assets/modules/thresholdfields.mjs";
import { RANGES, rangeOf, USUAL_RANGE } from "../../../assets/modules/thresholdrange.mjs";
import { matching, parse, rowsOf, ruleRow, withFields } from "../../../assets/modules/thresholdrows.mjs";
import { seriesText } from "../../../assets/modules/thresholdseries.mjs";
import { stateText } from "../../../assets/modules/thresholdtable.mjs";
import { figures, firedWords, inForceWords, seconds, showField, showValue, SUFFIXES, unitOf, unitOfRule } from "../../../assets/modules/thresholdtext.mjs";
import { versionText } from "../../../assets/modules/thresholdversions.mjs";

const root = new URL("../../../", import.meta.url);
const read = (path) => readFileSync(new URL(path, root), "utf8");
const NOW = Date.UTC(2026, 10, 21, 12);

function rule(more = {}, table = {}) {
  return {
    name: "cpu-high",
    table: { id: "cpu-high", metric: "system.cpu.percent", operator: "gt", warning: 70, critical: 85, for: "1m", ...table },
    version: 3,
    source: "file",
    in_file: true,
    orphaned: false,
    edited: [],
    drift: {},
    condition: "words",
    states: [],
    ...more,
  };
}

function level(more = {}) {
  return {
    check: "shop",
    metric: "http.total_ms",
    title: "Response time",
    unit: "ms",
    table: { operator: "gte", warning: 400, critical: null },
    headline: true,
    enabled: true,
    interval_s: 30,
    failures: 3,
    measured: true,
    level: "healthy",
    since: null,
    version: 1,
    in_file: true,
    edited: [],
    drift: {},
    ...more,
  };
}

// ── Chart ──

test("a scale maps there and back", () => {
  const y = linear([0, 100], [200, 0]);

  assert.deepEqual([y(0), y(25), y(100)], [200, 150, 0]);
  assert.equal(y.back(150), 25);
  assert.equal(linear([5, 5], [0, 10])(5), 0);
});

test("ticks are round numbers within the axis, without the noise of fractions", () => {
  assert.deepEqual(ticks(0, 100, 5), [0, 20, 40, 60, 80, 100]);
  assert.deepEqual(ticks(0, 0.3, 3), [0, 0.1, 0.2, 0.3]);
  assert.deepEqual(ticks(-3, 3, 3), [-2, 0, 2]);
});

test("per cent ends at a hundred, and a level far above everything is left out", () => {
  assert.deepEqual(valueDomain([3, 40], [70], "%"), [0, 100]);
  const [low, high] = valueDomain([10, 20], [25, 5000], "ms");
  assert.equal(low, 0);
  assert.ok(high > 25 && high < 40);
  assert.ok(valueDomain([], [8], "ms")[1] > 8);
});

test("days tick at midnight of the viewer's zone, also when the clock changes", () => {
  const from = Date.UTC(2026, 9, 22, 12);
  const { step, at } = timeTicks(from, from + 7 * 86_400_000, "Europe/Berlin", 8);

  assert.equal(step, 86_400_000);
  assert.equal(at.length, 7);
  assert.deepEqual([at[0], at[3]], [Date.UTC(2026, 9, 22, 22), Date.UTC(2026, 9, 25, 23)]);
  assert.ok(timeTicks(from, from + 7 * 86_400_000, "UTC", 4).at.length <= 4);
});

test("a gap lifts the pen and parts the band", () => {
  const same = (value) => value;

  assert.equal(linePath([0, 1, 2, 3], [1, null, 2, 3], same, same), "M0.0 1.0M2.0 2.0L3.0 3.0");
  assert.equal(bandPath([0, 1, 2], [1, null, 2], [5, null, 6], same, same), "M0.0 5.0L0.0 1.0ZM2.0 6.0L2.0 2.0Z");
});

test("a short stretch is still seven pixels wide, and inside of the plot", () => {
  const x = linear([0, 1000], [50, 650]);

  assert.equal(stretchBox(10, 11, x, [50, 650]).width, 7);
  const last = stretchBox(999, 1000, x, [50, 650]);
  assert.equal(last.x + last.width, 650);
});

test("the pointer finds the nearest point that was measured", () => {
  assert.equal(nearest([0, 10, 20], [1, null, 3], 12), 2);
  assert.equal(nearest([], [], 12), -1);
  assert.equal(valuesText(28, 91, "%"), "28 % – 91 %");
  assert.equal(valuesText(28, 28, "%"), "28 %");
});

// ── Dragging ──

test("a line moves in steps of one, two or five", () => {
  assert.deepEqual([100, 1500, 0.4].map(stepFor), [1, 20, 0.005]);
  assert.equal(snapped(79.63, 1), 80);
  assert.equal(snapped(0.3, 0.005), 0.3);
  assert.equal(snapped(1234, 20), 1240);
});

test("arrow keys move it too, by ten with shift", () => {
  assert.deepEqual([keySteps("ArrowUp", false), keySteps("ArrowDown", true), keySteps("PageUp", false), keySteps("a", false)], [1, -10, 10, null]);
});

// ── Drafts ──

test("what was typed differs from what is in force, or does not", () => {
  const row = ruleRow(rule());

  assert.deepEqual(differenceOf(row, { warning: "80", critical: "85", for: "60s" }).changes, [{ key: "warning", before: 70, after: 80, sent: 80 }]);
  assert.deepEqual(differenceOf(row, { for: "5m" }).changes[0].after, "5m");
  assert.deepEqual(differenceOf(row, { enabled: false }).changes[0], { key: "enabled", before: null, after: false, sent: false });
});

test("what cannot be read is told in words with its field", () => {
  const row = ruleRow(rule());

  assert.match(differenceOf(row, { warning: "lots" }).problems[0], /^warning: must be a number/);
  assert.match(differenceOf(row, { for: "5" }).problems[0], /add a unit/);
  assert.match(differenceOf(row, { for: "soon" }).problems[0], /30s, 5m or 1h30m/);
  assert.match(differenceOf(row, { warning: "" }).problems[0], /the file gives it/);
});

test("all that is wrong is told at once, each at its field", () => {
  const { problems, wrong } = differenceOf(ruleRow(rule()), { warning: "lots", for: "5" });

  assert.equal(problems.length, 2);
  assert.equal(reasonAt("warning", wrong.warning), "Must be a number, not “lots”");
  assert.match(reasonAt("for", wrong.for), /^Add a unit/);
  assert.deepEqual(wrongIn({ errors: { critical: 'rule "x" critical = 1: critical = 1 lies below warning' } }), { critical: "critical = 1 lies below warning" });
});

test("a chart begins with the shortest range that holds all that was measured", () => {
  const slots = (measured) => "-".repeat(48 - measured) + "h".repeat(measured);
  const begins = (measured) => beginningRange(RANGES, USUAL_RANGE, measuredHours([slots(1), slots(measured)]));

  assert.deepEqual([1, 2, 3, 47, 48].map(begins), ["1h", "1h", "24h", "24h", "7d"]);
  assert.equal(beginningRange(RANGES, USUAL_RANGE, measuredHours([])), "7d");
  assert.equal(courseHours({ at: [0, 1, 2, 3].map((hour) => hour * 3_600_000), high: [null, 3, null, 4], to: "1970-01-01T04:00:00Z" }), 3);
});

test("an emptied field of an edit goes back to what the file says", () => {
  const row = ruleRow(rule({ edited: ["warning"], drift: { warning: 70 } }, { warning: 80 }));

  assert.deepEqual(differenceOf(row, { warning: "" }).changes, [{ key: "warning", before: 80, after: 70, sent: null }]);
  assert.equal(levelsOf(row, { warning: "" }).warning, 70);
});

test("the back-test takes the rule with the draft on it, on the one series that is shown", () => {
  const row = ruleRow(rule({}, { labels: { host: "*" }, enabled: false }));
  const { changes } = differenceOf(row, { warning: "80" });

  const table = tableToTest(row, changes, { host: "web[1]*" });

  assert.deepEqual(table, { id: "draft", metric: "system.cpu.percent", operator: "gt", warning: 80, critical: 85, for: "1m", enabled: true, labels: { host: "web[[]1][*]" } });
  assert.deepEqual(tableToTest(rowsOf([], [level()], [], NOW)[0], [], { check: "shop" }), {
    metric: "http.total_ms",
    operator: "gte",
    warning: 400,
    interval: "30s",
    id: "draft",
    enabled: true,
    labels: { check: "shop" },
  });
});

test("undo sends what was there: null for what the file says, else the value", () => {
  const row = ruleRow(rule({ edited: ["for"], drift: { for: "2m" } }));

  assert.deepEqual(takenBack(row, ["warning", "for"]), { warning: null, for: "1m" });
  assert.deepEqual(fieldsToSend([{ key: "warning", sent: 80 }]), { warning: 80 });
});

test("an earlier version is restored by the fields in which it differs", () => {
  assert.deepEqual(restoring({ id: "a", warning: 80, for: "5m" }, { id: "a", warning: 70, critical: 90 }), { warning: 70, for: null, critical: 90 });
});

test("each kind has its own fields, and rare ones show when they say something", () => {
  const row = ruleRow(rule({}, { clear_warning: 60 }));

  assert.deepEqual(fieldsOf(ruleRow(rule({}, { kind: "absence" }))), ["for"]);
  assert.deepEqual(fieldsOf(rowsOf([], [level()], [], NOW)[0]), ["operator", "warning", "critical"]);
  assert.ok(splitFields(row, {}).usual.includes("clear_warning"));
  assert.deepEqual(splitFields(row, {}).rare, ["clear_critical", "keep_firing_for"]);
  assert.equal(controlValue(row, "warning"), "70");
});

test("the order of the levels is told as it must hold", () => {
  assert.equal(orderText({ warning: 70, critical: 85 }, "gt", String), "70 ≤ 85");
  assert.equal(orderText({ warning: 20, critical: 5 }, "lt", String), "20 ≥ 5");
  assert.equal(orderText({ warning: 20, critical: null }, "lt", String), null);
});

// ── Words ──

const stretch = (name, from, to) => ({ level: name, start: new Date(from * 60_000).toISOString(), end: new Date(to * 60_000).toISOString(), peak: 1 });

test("a warning that becomes critical is one firing, and missing data none", () => {
  const tested = { count: 4, total_s: 9999, longest_s: 999, truncated: false, stretches: [stretch("warning", 0, 5), stretch("critical", 5, 22), stretch("unknown", 30, 50), stretch("warning", 60, 72)] };

  const found = figures(tested);

  assert.deepEqual([found.count, found.totalS, found.longestS, found.blindS], [2, 34 * 60, 22 * 60, 20 * 60]);
  assert.equal(found.alerts[0].level, "critical");
  assert.equal(firedWords(found, 168).join(""), "Would have fired 2 times in 7 days, 34 min in all, longest 22 min.");
  assert.equal(inForceWords(found), "The rule in force: 2 times, 34 min.");
});

test("without missing data the figures are the server's", () => {
  const found = figures({ count: 3, total_s: 2460, longest_s: 1320, truncated: false, stretches: [] });

  assert.equal(firedWords(found, 168).join(""), "Would have fired 3 times in 7 days, 41 min in all, longest 22 min.");
  assert.equal(asItStands(firedWords(found, 168)).join(""), "As it stands: 3 times in 7 days, 41 min in all, longest 22 min.");
  assert.equal(asItStands(firedWords({ count: 0 }, 24)).join(""), "As it stands: never in 24 hours.");
  assert.equal(firedWords({ count: 0 }, 24).join(""), "Would not have fired in 24 hours.");
  assert.equal(firedWords({ count: 1, totalS: 60, longestS: 60 }, 1).join(""), "Would have fired once in 1 hour, for 1 min.");
});

test("units and values read as elsewhere", () => {
  const known = [...read("domain/units.py").match(/SUFFIXES = \(([\s\S]*?)\n\)/)[1].matchAll(/\("([^"]+)", "([^"]*)"\)/g)].map(([, ending, unit]) => [ending, unit]);

  assert.deepEqual(SUFFIXES, known);
  assert.deepEqual(["system.cpu.percent", "http.total_ms", "shop.orders"].map(unitOf), ["%", "ms", ""]);
  assert.deepEqual([showValue(70, "%"), showValue(1500, "ms"), showValue(1_400_000_000, "bytes"), showValue(null, "%"), showValue(0.30000000000000004, "")], ["70 %", "1.5 s", "1.4 GB", "none", "0.3"]);
  assert.equal(unitOfRule({ metric: "a.percent", kind: "rate", reaches: 100 }), "h");
  assert.equal(unitOfRule({ metric: "a.percent", kind: "rate" }), "%/h");
  assert.deepEqual([seconds("1h30m"), seconds("500ms"), seconds("soon"), seconds("1m x")], [5400, 0.5, null, null]);
  assert.deepEqual([showField("for", "5m"), showField("operator", ">="), showField("enabled", false)], ["5 min", "≥", "off"]);
});

test("a version tells what it changed", () => {
  const changes = { warning: { before: 70, after: 80 }, keep_firing_for: { before: null, after: "2m" } };

  assert.equal(versionText({ action: "edit", changes }, "%"), "warning 70 % › 80 %; keep firing for 0 s › 2 min");
  assert.equal(versionText({ action: "publish", changes: { metric: { before: null, after: "a" } } }, ""), "first read from the file");
});

test("a refusal is the reason alone, and no answer is told as such", () => {
  assert.equal(told('rule "draft" warning = 95: warning = 95 lies above critical = 92: the warning must come first'), "warning = 95 lies above critical = 92: the warning must come first");
  assert.equal(told('rule "draft": warning or critical is missing: the level at which it fires'), "warning or critical is missing: the level at which it fires");
  assert.match(refusal(null, null), /^No answer/);
  assert.match(refusal(401, {}), /^Operators may/);
});

test("names stay one part of an address", () => {
  assert.equal(addressOf({ kind: "check", name: "a/b?c" }, "versions"), "/api/v1/checks/a%2Fb%3Fc/levels/versions");
  assert.equal(pointsPath("m", { host: "a=b&c" }, 24), "/api/v1/series/points?metric=m&hours=24&label=host%3Da%3Db%26c");
  assert.equal(seriesText({ metric: "m", labels: { host: "a" } }), "m, host a");
});

// ── Rows ──

test("what fires comes first, the worst and oldest on top; the rest by name", () => {
  const firing = (name, word, since) => rule({ name, states: [{ labels: {}, level: word, since: new Date(NOW - since).toISOString(), message: "" }] });
  const rows = rowsOf([rule({ name: "b" }), rule({ name: "a10" }), rule({ name: "a2" }), firing("young", "critical", 5), firing("old", "critical", 500), firing("warm", "warning", 900)], [], [], NOW);

  assert.deepEqual(rows.map((row) => row.name), ["old", "young", "warm", "a2", "a10", "b"]);
});

test("a rule is switched off, not in force or without data, and never green", () => {
  const states = [rule({}, { enabled: false }), rule({ condition: null }), rule(), rule({ orphaned: true })].map((each) => ruleRow(each).word);

  assert.deepEqual(states, ["off", "not in force", "no data yet", "gone from the file"]);
  const quiet = ruleRow(rule({ states: [{ level: "healthy", labels: {} }] }));
  assert.equal(stateText(quiet, NOW, false).word, "quiet");
  assert.deepEqual(stateText(quiet, NOW, true), { state: "stale", word: "stale", since: "" });
  const firing = ruleRow(rule({ states: [{ level: "critical", labels: {}, since: new Date(NOW - 720_000).toISOString() }] }));
  assert.deepEqual(stateText(firing, NOW, true), { state: "critical", word: "was critical", since: "was 12 min" });
});

test("a check that was not measured says nothing of its levels", () => {
  const check = { name: "shop", status: "healthy", mark: "none", stale_at: NOW - 1 };

  assert.equal(rowsOf([], [level()], [check], NOW)[0].word, "not measured");
  assert.equal(rowsOf([], [level()], [{ ...check, stale_at: NOW + 1 }], NOW)[0].word, "quiet");
  assert.equal(rowsOf([], [level({ enabled: false })], [check], NOW)[0].word, "paused");
  assert.equal(rowsOf([], [level({ measured: false })], [{ ...check, stale_at: NOW + 1 }], NOW)[0].word, "not measured");
});

test("the address holds search, filter, choice and range", () => {
  const rows = rowsOf([rule(), rule({ name: "mem", edited: ["for"] })], [level()], [], NOW);

  assert.deepEqual(parse("?q=%20cpu&only=nonsense&rule=rule%2Fa"), { q: "cpu", only: "", shown: "rule/a" });
  assert.deepEqual(matching(rows, parse("?q=HTTP")).map((row) => row.name), ["shop"]);
  assert.deepEqual(matching(rows, parse("?only=edited")).map((row) => row.name), ["mem"]);
  assert.equal(withFields("?q=a&x=1", { q: "", rule: "b" }), "?x=1&rule=b");
  assert.deepEqual(["?range=1h", "", "?range=toString"].map((each) => rangeOf(each)), ["1h", "7d", "7d"]);
});

// ── Agreement ──

test("icons of the page are files, its colours are tokens, and nothing is forced", () => {
  const css = read("assets/thresholds.css");
  const files = [...css.matchAll(/url\("([^"#]+)"\)/g)].map((match) => match[1]);

  assert.ok(files.length >= 5);
  assert.deepEqual(files.filter((file) => !existsSync(new URL(`assets/${file}`, root))), []);
  assert.doesNotMatch(css, /#[0-9a-fA-F]{3,8}\b(?![^{]*\{)/);
  assert.doesNotMatch(css, /!important/);
});

test("a back-test of what was never measured says so, and not that it would have been quiet", () => {
  const answer = { status: 200, body: { series: [], message: "no data for this metric yet" } };

  assert.equal(findings(answer, { shown: {} }), null);
  assert.equal(without(answer), "No data for this metric yet.");
});

test("a back-test of a series that is there has nothing to explain", () => {
  const series = { labels: {}, count: 0, total_s: 0, longest_s: 0, stretches: [], truncated: false };
  const answer = { status: 200, body: { series: [series], message: null } };

  assert.equal(findings(answer, { shown: {} }).count, 0);
  assert.equal(without(answer), "");
  assert.match(without({ status: 503, body: {} }), /./);
});

test("a rule that has said nothing yet waits for data and fires at nothing", () => {
  const silent = { labels: {}, level: null, since: null, pending: null, value: null, message: "no data yet" };
  const row = ruleRow({ name: "queue", table: { metric: "shop.queue", warning: 5 }, condition: "x", edited: [], states: [silent] });

  assert.deepEqual([row.state, row.word, row.firing], ["waiting", "no data yet", 0]);
});
