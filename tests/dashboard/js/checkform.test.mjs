// The form of a check without a browser: its fields from a schema, what is read and sent, refusals.

import assert from "node:assert/strict";
import { test } from "node:test";

import { rowsOf, told, whyKept } from "../../../assets/modules/checkdefinition.mjs";
import { askedFor } from "../../../assets/modules/checkform.mjs";
import * as form from "../../../assets/modules/checkformmodel.mjs";
import { changesOf, fieldsBack } from "../../../assets/modules/checkversions.mjs";

const text = (more = {}) => ({ anyOf: [{ type: "string" }, { type: "null" }], default: null, ...more });
const HTTP = {
  name: "http",
  title: "HTTP endpoint",
  description: "A request to `url` is answered",
  component: "api",
  schema: {
    required: ["url"],
    properties: {
      method: { enum: ["GET", "POST"], default: "GET" },
      url: { type: "string" },
      headers: { type: "object", additionalProperties: { type: "string" }, default: {} },
      body: text(),
      expect_status: { type: "array", items: { type: "integer" }, default: [200] },
      expect_json: { type: "object", additionalProperties: { anyOf: [{ type: "string" }, { type: "integer" }, { type: "boolean" }] }, default: {} },
      verify: { type: "boolean", default: true },
      password: text({ writeOnly: true }),
      body_limit: { type: "integer", default: 1024 },
      select: { type: "array", items: { type: "object" } },
      min_size: { anyOf: [{ type: "integer" }, { type: "string" }, { type: "null" }] },
      modules_path: { type: "array", items: { type: "string" } },
    },
  },
};
const COMMON = { interval: { type: "string" }, tags: { type: "array", items: { type: "string" } }, depends_on: { type: "array", items: { type: "string" } }, weight: { type: "number" }, enabled: { type: "boolean" } };
const fields = form.fieldsOf(HTTP, COMMON);
const field = (key) => fields.find((each) => each.key === key);

test("required fields stand first, after the name; what is seldom needed stands below", () => {
  const first = fields.filter((each) => each.part === "first").map((each) => each.key);

  assert.deepEqual(first.slice(0, 3), ["name", "url", "expect_status"]);
  assert.ok(first.includes("interval"));
  assert.equal(field("body_limit").part, "more");
  assert.equal(field("weight").part, "common");
  assert.equal(field("enabled"), undefined);
});

test("the levels and tries that a kind brings are told as what holds without others", () => {
  const brought = form.fieldsOf({ ...HTTP, headline: "ms", failures: 1, rules: [{ metric: "ms", warning: 500, critical: null }] }, { warning: { type: "number" }, critical: { type: "number" }, failures: { type: "integer" } });

  assert.deepEqual(brought.slice(-3).map((each) => each.usual), [500, null, 1]);
});

test("each schema has a control that fits it", () => {
  const controls = Object.fromEntries(fields.map((each) => [each.key, each.control]));

  assert.deepEqual(
    { ...controls, name: undefined },
    {
      name: undefined, method: "choice", url: "line", headers: "pairs", body: "text", expect_status: "numbers", expect_json: "pairs",
      verify: "switch", password: "line", body_limit: "number", select: "json", min_size: "scalar", modules_path: "lines",
      interval: "line", tags: "words", depends_on: "words", weight: "number",
    },
  );
  assert.equal(field("password").secret, true);
});

test("what is read back is what was shown", () => {
  const table = {
    name: "shop", url: "http://x/", method: "POST", headers: { A: "1" }, expect_status: [200, 204], expect_json: { n: 3, ok: true, s: "3" },
    verify: false, select: [{ name: "up" }], min_size: "1GB", tags: ["a", "b"], depends_on: ["db", ["c1", "c2"]], weight: 1.5, modules_path: ["/a"],
  };
  const shown = Object.fromEntries(fields.map((each) => [each.key, form.shownOf(each, table[each.key])]));

  assert.deepEqual(form.read(fields, shown).table, table);
});

test("what is empty or usual is not sent, what is missing or no number is told at its field", () => {
  const { table, errors } = form.read(fields, { name: " ", url: "http://x/", verify: true, body_limit: "many", select: "[", headers: [["", "x"]] });

  assert.deepEqual(table, { url: "http://x/" });
  assert.deepEqual(Object.keys(errors).sort(), ["body_limit", "headers", "name", "select"]);
  assert.equal(errors.name, "is needed");
});

test("an edit sends what was changed, and null for what was emptied", () => {
  const before = { name: "shop", kind: "http", url: "http://x/", tags: ["a"], verify: true };
  const { table } = form.read(fields, { name: "shop", url: "http://y/", tags: "", verify: true }, before);

  assert.deepEqual(form.changesOf(before, table, fields), { url: "http://y/", tags: null });
});

test("a clone has a free name, and nothing that is not shown", () => {
  const { table, left } = form.cloned({ name: "shop", kind: "http", url: "http://***@x/", headers: { A: "***" }, interval: "5s", enabled: false }, form.freeName("shop", new Set(["shop", "shop-copy"])));

  assert.deepEqual(table, { name: "shop-copy-2", kind: "http", interval: "5s" });
  assert.deepEqual(left, ["url", "headers"]);
});

test("a refusal goes to the fields it names, and is said where it names none", () => {
  assert.deepEqual(form.refusalOf(422, { errors: { url: "must begin" }, detail: "x" }), { errors: { url: "must begin" }, said: "" });
  assert.deepEqual(form.refusalOf(400, { detail: "table.name: it is too long" }), { errors: { name: "it is too long" }, said: "" });
  assert.equal(form.refusalOf(403, { detail: "administrators only" }).said, "administrators only");
  assert.equal(form.refusalOf(409, { error: ": gone", errors: { "": "gone" } }).said, "gone");
  assert.match(form.refusalOf(null, null).said, /^No answer/);
});

test("kinds are found by any of their words, the most wanted first", () => {
  const kinds = [{ ...HTTP, name: "zebra", title: "Zebra", description: "stripes" }, HTTP, { ...HTTP, name: "ping", title: "Ping", description: "echo" }];

  assert.deepEqual(form.ordered(kinds).map((each) => each.name), ["http", "ping", "zebra"]);
  assert.deepEqual(form.fitting(kinds, "ANSWERED http").map((each) => each.name), ["http"]);
  assert.deepEqual(form.fitting(kinds, "nothing"), []);
});

test("the number that stands on the tile is told first", () => {
  const metrics = form.metricsOf({ metrics: { b: 2, a: 1, c: 3 }, headline: "c" });

  assert.deepEqual(metrics.map((each) => each.name), ["c", "a", "b"]);
  assert.equal(metrics[0].main, true);
});

test("the address says what the form is for", () => {
  assert.deepEqual(askedFor("?edit=a%2Fb"), { kind: null, edit: "a/b", clone: null, key: '[null,"a/b",null]' });
  assert.equal(askedFor("").kind, null);
});

test("a definition tells of each field where it comes from, and what the file says instead", () => {
  const body = { table: { name: "shop", kind: "http", interval: "5s", tags: ["a", "b"] }, in_file: true, edited: ["interval", "weight"], drift: { interval: "30s", weight: 2 } };

  const rows = rowsOf(body);

  assert.deepEqual(rows.map((row) => [row.key, row.value, row.source, row.file]), [
    ["kind", "http", "file", ""],
    ["interval", "5s", "edit", "30s"],
    ["tags", "a, b", "file", ""],
    ["weight", "nothing", "edit", "2"],
  ]);
  assert.match(whyKept(body), /configuration file/);
  assert.equal(whyKept({ in_file: false }), "");
  assert.equal(told({ a: true, b: [] }), "a: yes, b: nothing");
});

test("a version tells what it changed, and what was hidden only that it did", () => {
  const edited = { action: "edit", changes: { interval: { before: "5s", after: "10s" }, url: { before: "***", after: "***" }, tags: { before: ["a"], after: null } } };
  const first = { action: "publish", changes: { kind: { before: null, after: "http" }, url: { before: null, after: "x" } } };

  assert.deepEqual(changesOf(edited).fields, [
    { label: "Interval", before: "5s", after: "10s" },
    { label: "URL", before: "", after: "changed" },
    { label: "Tags", before: "a", after: "nothing" },
  ]);
  assert.equal(changesOf(first).said, "first read from the file");
  assert.deepEqual(changesOf({ action: "pause", changes: { enabled: { before: null, after: false } } }), { said: "paused", fields: [] });
});

test("the way back to a version sends what differs, and takes back what it had not", () => {
  const now = { name: "shop", url: "b", interval: "5s", warning: 3 };
  const then = { name: "shop", url: "a", interval: "5s", critical: 9 };

  assert.deepEqual(fieldsBack(now, then), { url: "a", warning: null, critical: 9 });
});
