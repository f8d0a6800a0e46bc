// What a check reads on a screen, and what that adds up to.

import assert from "node:assert/strict";
import { test } from "node:test";

import { DRAWN } from "../../../assets/modules/shapes.mjs";
import { counts, faviconFor, note, ORDER, shown, stateOf, title, worst } from "../../../assets/modules/states.mjs";

const NOW = 1_000_000;
const check = (more = {}) => ({ name: "c", status: "healthy", mark: "none", stale_at: NOW + 1000, ...more });
const tally = (...checks) => counts(checks, NOW);

test("a check that did not run when due is stale, whatever the server last said", () => {
  assert.equal(stateOf(check({ stale_at: NOW - 1 }), NOW), "stale");
});

test("a first result that is not confirmed is not said to be due", () => {
  const pending = (more) => note(check({ status: "unknown", mark: "pending", ...more }), "pending");

  assert.equal(pending({ last_at: null }), "first result is due");
  assert.equal(pending({ last_at: NOW, soft: { status: "critical", try: 1, of: 3 } }), "critical 1/3");
  assert.equal(pending({ last_at: NOW }), "not confirmed yet");
});

test("blocked and unknown differ by shape and by word", () => {
  const blocked = shown(check({ status: "unknown", mark: "blocked" }), NOW, false);

  assert.equal(blocked.word, "blocked");
  assert.notDeepEqual(DRAWN.blocked, DRAWN.unknown);
});

test("a check with any mark beside its status is never green", () => {
  for (const mark of ["paused", "blocked", "pending", "stale", "maintenance", "held", "counting anew", "inconclusive"]) {
    assert.notEqual(stateOf(check({ mark }), NOW), "healthy");
  }
});

test("a paused check does not go stale: it is not meant to run", () => {
  assert.equal(stateOf(check({ mark: "paused", stale_at: NOW - 1 }), NOW), "paused");
});

test("a status that this version does not know is unknown, not green", () => {
  assert.equal(stateOf(check({ status: "splendid" }), NOW), "unknown");
});

test("on a stale screen nothing is green and problems are in the past", () => {
  assert.deepEqual(shown(check(), NOW, true), { state: "stale", word: "stale", was: false });
  assert.equal(shown(check({ status: "critical" }), NOW, true).word, "was critical");
  assert.equal(shown(check({ mark: "blocked" }), NOW, true).word, "was blocked");
});

test("a tile says what is being confirmed before it says its kind", () => {
  const soft = { status: "critical", try: 1, of: 3 };

  assert.equal(note(check({ kind: "http", soft }), "healthy"), "critical 1/3");
  assert.equal(note(check({ kind: "http" }), "healthy"), "http");
});

test("the title speaks of the worst state first", () => {
  assert.equal(title(tally(check({ status: "critical" }), check()), false), "◆ 1 critical · Nocturne");
  assert.equal(title(tally(check({ status: "warning" }), check({ status: "degraded" })), false), "◇ 1 degraded · Nocturne");
  assert.equal(title(tally(check(), check()), false), "● All healthy · Nocturne");
  assert.equal(title(tally(check()), true), "⚠ STALE · Nocturne");
  assert.equal(title(tally(), false), "Nocturne");
});

test("not all are healthy when one is paused", () => {
  assert.equal(title(tally(check(), check({ mark: "paused" })), false), "● 1 healthy · Nocturne");
});

test("nothing measured is not health", () => {
  assert.equal(worst(tally()), "waiting");
  assert.equal(worst(tally(check({ mark: "pending" }))), "pending");
  assert.equal(faviconFor(tally(check({ mark: "paused" })), false), "waiting");
});

test("every check is counted once", () => {
  const sum = tally(check(), check({ mark: "blocked", status: "unknown" }), check({ status: "critical" }));

  assert.equal(ORDER.reduce((total, state) => total + sum[state], 0), 3);
});
