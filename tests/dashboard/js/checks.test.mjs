// The list of checks: order, columns, virtual rows, what actions are about, undo, windows, CSV.

import assert from "node:assert/strict";
import { test } from "node:test";

import * as list from "../../../assets/modules/checkslist.mjs";
import { ChecksOrders, foresee, parts, saidOf, undoOf } from "../../../assets/modules/checksorders.mjs";
import { drift, span } from "../../../assets/modules/virtualrows.mjs";
import { mayNot } from "../../../assets/modules/session.mjs";

const NOW = 1_700_000_000_000;
const check = (name, more = {}) => ({ name, status: "healthy", mark: "none", since: NOW - 60_000, last_at: NOW, stale_at: NOW + 1000, tags: [], spark: [], incident: null, ...more });
const names = (rows) => rows.map((row) => row.check.name);
const inOrder = (checks, sort) => names(list.sorted(checks, sort, new list.Places().of(checks), NOW));

test("the worst stand first, of equals the oldest problem, of healthy ones the name as people count", () => {
  const checks = [check("b10"), check("late", { status: "critical", since: NOW - 5 }), check("b9"), check("old", { status: "critical", since: NOW - 900 }), check("slow", { status: "warning" })];

  assert.deepEqual(inOrder(checks, list.USUAL), ["old", "late", "slow", "b9", "b10"]);
});

test("what has no value of a column comes last, whichever way round", () => {
  const checks = [check("none"), check("small", { spark: [900, 3] }), check("large", { spark: [20, null] })];

  assert.deepEqual(inOrder(checks, { key: "value", by: 1 }), ["small", "large", "none"]);
  assert.deepEqual(inOrder(checks, { key: "value", by: -1 }), ["large", "small", "none"]);
});

test("the order and the address say the same, and the usual one is not said", () => {
  assert.deepEqual(list.parseSort("?sort=-since"), { key: "since", by: -1 });
  assert.deepEqual(list.parseSort("?sort=day"), list.USUAL);
  assert.deepEqual(list.parseSort("?sort=constructor"), list.USUAL);
  assert.equal(list.formatSort({ key: "since", by: -1 }, "?q=a"), "?q=a&sort=-since");
  assert.equal(list.formatSort(list.USUAL, "?sort=name&q=a"), "?q=a");
});

test("columns are those that fit, unless somebody chose", () => {
  const keys = (width, chosen = {}, phone = false) => list.columnsFor(width, chosen, phone).map((column) => column.key);

  assert.ok(!keys(1240).includes("target"));
  assert.ok(keys(1240, { target: true, kind: false }).includes("target"));
  assert.ok(!keys(1240, { kind: false }).includes("kind"));
  assert.deepEqual(keys(390, { name: false }, true), ["state", "name", "value", "message", "day"]);
});

test("only rows in sight are drawn, with some to spare, and the one that must stay", () => {
  const at = { total: 10_000, height: 32, top: 32_000, bottom: 32_900, spare: 2 };

  assert.deepEqual([span(at)[0], span(at).at(-1)], [998, 1030]);
  assert.equal(span({ ...at, kept: 3 })[0], 3);
  assert.equal(span({ ...at, kept: 9_999 }).at(-1), 9_999);
  assert.deepEqual(span({ ...at, total: 2, top: -50, bottom: 900 }), [0, 1]);
});

test("a row that leaves for the top does not take the others with it", () => {
  const before = [["a", 5], ["b", 6], ["c", 7]];

  assert.equal(drift(before, (key) => ({ a: 6, b: 7, c: 0 })[key]), 1);
  assert.equal(drift(before, (key) => ({ a: 5, b: 6 })[key]), 0);
  assert.equal(drift(before, () => undefined), 0);
});

test("an action is about those that it fits, and says why it does nothing", () => {
  const rows = [check("a"), check("b", { mark: "paused" }), check("c", { incident: { id: "INC", stage: "new" } })].map((each) => ({ check: each, state: each.mark === "paused" ? "paused" : "healthy" }));

  assert.deepEqual(list.about("pause", rows, true).names, ["a", "c"]);
  assert.deepEqual(list.about("acknowledge", rows, true).names, ["c"]);
  assert.match(list.about("resume", rows.slice(0, 1), true).refused, /paused/);
  assert.equal(list.about("pause", rows, false).refused, mayNot());
});

test("a length is read as people write it, and nothing else", () => {
  assert.deepEqual(["90m", "2 h", "1d 2h", "45", "30 min", " 1H "].map(list.lengthOf), ["90m", "2h", "1d2h", "45m", "30m", "1h"]);
  assert.deepEqual(["", "0", "0m", "m", "-1h", "1h-", "1 week", "1.5h"].map(list.lengthOf), Array(8).fill(null));
});

test("a window names exactly what was selected, whatever stands in the names", () => {
  const table = list.windowOf(["a*", "b[1]?"], "1h", { now: NOW, reason: "move", author: "Mara" });

  assert.deepEqual(table.match.name, ["a[*]", "b[[]1][?]"]);
  assert.equal(table.start, "2023-11-14T22:13:20Z");
  assert.deepEqual([table.duration, table.reason, table.author], ["1h", "move", "Mara"]);
});

test("a spreadsheet takes no name for a formula", () => {
  const rows = [{ check: check('=cmd|"x"', { tags: ["a", "b"], target: "GET http://a/?x=1,2" }) }];

  const [, line] = list.csvOf(rows, NOW, false).split("\r\n");

  assert.ok(line.startsWith(`"'=cmd|""x""",healthy,`), line);
  assert.ok(line.includes('"GET http://a/?x=1,2"'));
});

test("what was ordered shows at once and gives way to what the snapshot says", () => {
  const order = { verb: "tag", at: NOW, add: ["new"], remove: ["old"] };

  assert.equal(foresee(check("a"), { verb: "pause", at: NOW }).mark, "paused");
  const paused = check("a", { mark: "paused" });
  assert.equal(foresee(paused, { verb: "pause", at: NOW }), paused);
  assert.deepEqual(foresee(check("a", { tags: ["old", "x"] }), order).tags, ["x", "new"]);
  assert.equal(foresee(check("a", { last_at: NOW + 1 }), { verb: "check-now", at: NOW }).asking, undefined);
});

test("names go in parts that the server takes", () => {
  const many = Array.from({ length: 2500 }, (_, index) => `check-${index}`);

  assert.deepEqual(parts(many).map((part) => part.length), [1000, 1000, 500]);
  assert.deepEqual(parts(["ä".repeat(50), "b", "c"], 9, 100).map((part) => part.length), [1, 2]);
});

test("undo takes back what was changed, and only that", () => {
  const outcomes = [
    { name: "a", outcome: "done", added: ["x"], removed: [] },
    { name: "b", outcome: "done", added: ["x"], removed: [] },
    { name: "c", outcome: "done", added: ["x"], removed: ["y"] },
    { name: "d", outcome: "unchanged", added: [], removed: [] },
  ];

  assert.deepEqual(undoOf("pause", outcomes), [{ action: "resume", names: ["a", "b", "c"] }]);
  assert.deepEqual(undoOf("tag", outcomes), [
    { action: "tag", add: [], remove: ["x"], names: ["a", "b"] },
    { action: "tag", add: ["y"], remove: ["x"], names: ["c"] },
  ]);
  assert.deepEqual(undoOf("acknowledge", outcomes), []);
  assert.deepEqual(undoOf("pause", outcomes.slice(3)), []);
});

test("the answer says how many were left as they were, and why", () => {
  const left = { outcome: "unchanged", detail: "it is paused already" };

  assert.equal(saidOf("pause", [{ outcome: "done" }, left]), "Paused 1 check. 1 was left as it was: it is paused already.");
  assert.equal(saidOf("pause", [{ outcome: "done" }, { outcome: "done" }]), "Paused 2 checks.");
});

test("a refusal takes back what was shown, and is told; what was done can be undone once", async () => {
  const sent = [];
  let answer = { ok: false, status: 401, body: null };
  const orders = new ChecksOrders({
    clock: { now: () => NOW },
    onChange: () => {},
    onDone: () => {},
    later: () => {},
    name: () => "",
    fetch: async (address, { body }) => {
      sent.push([address, JSON.parse(body)]);
      return { ok: answer.ok, status: answer.status, json: async () => answer.body };
    },
  });

  await orders.give("pause", ["a"]);
  assert.match(orders.reply.text, /^Refused/);
  assert.equal(orders.seen(check("a")).mark, "none");
  assert.equal(orders.undo(), false);

  answer = { ok: true, status: 200, body: { outcomes: [{ name: "a", outcome: "done" }] } };
  await orders.give("pause", ["a"]);
  assert.equal(orders.seen(check("a")).mark, "paused");
  assert.equal(orders.undo(), true);
  assert.equal(orders.undo(), false);
  assert.deepEqual(sent.at(-1), ["/api/v1/checks/bulk", { action: "resume", names: ["a"] }]);
});

test("a next run is promised only while something is measured", () => {
  const check = { name: "a", due: 60_000 };

  assert.equal(list.dueText(check, "healthy", 0), "1 min");
  assert.equal(list.dueText(check, "healthy", 0, true), "–");
  assert.equal(list.dueText(check, "stale", 0), "–");
});
