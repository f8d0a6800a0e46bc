// The check page: what it asks for, what it says of an answer, how its times read. Pure parts.

import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { test } from "node:test";

import { rangeOf, seenOf, wantedOf } from "../../../assets/modules/check.mjs";
import { addressOf, sentence } from "../../../assets/modules/operate.mjs";
import { distance, textOf } from "../../../assets/modules/times.mjs";

const NOON = Date.UTC(2026, 10, 21, 12, 0, 0);
const CHECK = { name: "db", last_at: NOON - 4000, status: "healthy", mark: "none", blocked_by: null, soft: null };

test("the range is the address's, and three hours when that names none of ours", () => {
  assert.deepEqual(["?range=24h", "", "?range=9y", "?range=toString"].map((each) => rangeOf(each)), ["24h", "3h", "3h", "3h"]);
});

test("a newer result, another status and another minute are seen; the same is not", () => {
  const seen = seenOf("db", CHECK, NOON).seen;

  assert.equal(seenOf("db", { ...CHECK }, NOON + 5000).seen, seen);
  assert.notEqual(seenOf("db", { ...CHECK, last_at: NOON }, NOON).seen, seen);
  assert.notEqual(seenOf("db", { ...CHECK, mark: "blocked" }, NOON).seen, seen);
  assert.notEqual(seenOf("db", CHECK, NOON + 60_000).seen, seen);
  assert.notEqual(seenOf("db", CHECK, NOON, 1).seen, seen);
});

test("the chart of a week is asked for once in ten minutes, that of an hour with each result", () => {
  const later = { ...CHECK, last_at: CHECK.last_at + 30_000 };

  assert.deepEqual(wantedOf("db", "7d", "dark", later, NOON + 30_000), wantedOf("db", "7d", "dark", CHECK, NOON));
  assert.notDeepEqual(wantedOf("db", "1h", "dark", later, NOON), wantedOf("db", "1h", "dark", CHECK, NOON));
});

test("a name is one part of an address, whatever is in it", () => {
  assert.equal(addressOf("a/b?c#<d>", "pause"), "/api/v1/checks/a%2Fb%3Fc%23%3Cd%3E/pause");
});

test("an answer is told as done, late or refused", () => {
  assert.equal(sentence("check-now", 200, { status: "healthy", message: "HTTP 200 in 41 ms" }), "Done: healthy, HTTP 200 in 41 ms.");
  assert.match(sentence("check-now", 202, {}), /^Late/);
  assert.match(sentence("check-now", 504, {}), /^Late/);
  assert.equal(sentence("check-now", 409, { error: "db is paused: resume it first" }), "Refused: db is paused: resume it first.");
  assert.match(sentence("pause", 401, {}), /^Refused/);
  assert.equal(sentence("pause", 200, { state: "paused" }), "Paused: it is not being checked.");
  assert.match(sentence("pause", null, null), /^No answer/);
});

test("times are told in the zone of whoever looks, and as a distance", () => {
  assert.equal(textOf("clock", NOON, NOON, "Asia/Kolkata"), "17:30:00");
  assert.equal(textOf("moment", NOON, NOON, "Europe/Berlin"), "13:00 CET");
  assert.deepEqual([NOON + 24_500, NOON - 700].map((at) => textOf("in", at, NOON)), ["in 25 s", "now"]);
  assert.equal(distance(NOON - 720_000, NOON), "12 min ago");
});

test("the ids that the page's modules use are laid out by Python", () => {
  const root = new URL("../../../", import.meta.url);
  const read = (path) => readFileSync(new URL(path, root), "utf8");
  const laidOut = new Set([...read("dashboard/ids.py").matchAll(/: Final = "([^"]+)"/g)].map((match) => match[1]));

  for (const id of ["check-page", "check-seen", "check-range", "check-reply"]) assert.ok(laidOut.has(id), id);
  assert.ok(existsSync(new URL("assets/check.mjs", root)));
});
