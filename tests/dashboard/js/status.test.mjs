// How old the public status page says its data is.

import assert from "node:assert/strict";
import { test } from "node:test";

import { ageOf, ageText, EVERY_MS, TOO_OLD_MS } from "../../../assets/modules/status.mjs";

test("the age goes on growing here, from what it was when the page was made", () => {
  assert.equal(ageOf({ beat: 1000, made: 5000, elapsed: 0 }), 4000);
  assert.equal(ageOf({ beat: 1000, made: 5000, elapsed: 60_000 }), 64_000);
  assert.equal(ageOf({ beat: null, made: 5000, elapsed: 60_000 }), null);
});

test("a page that is held on its way as long as it may be is not yet too old", () => {
  assert.ok(TOO_OLD_MS > EVERY_MS + 10_000 + 10_000);
});

test("an age reads like one", () => {
  assert.deepEqual([4200, 99_000, 180_000, 7_200_000, 400_000_000].map(ageText), ["4 s", "99 s", "3 min", "2 h", "5 d"]);
});
