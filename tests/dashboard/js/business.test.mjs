// How pushed metrics read on the Business page.

import assert from "node:assert/strict";
import { test } from "node:test";

import { amount, change, direction, firstSteps, grouped, meaning, periodOf, PERIODS, pointText } from "../../../assets/modules/businesstext.mjs";

const [DAY, WEEK] = PERIODS;

test("an amount reads with its unit and no more digits than help", () => {
  assert.equal(amount(1234.56, ""), "1,235");
  assert.equal(amount(0.123456, "s"), "0.123 s");
  assert.equal(amount(94.71, "%"), "94.7 %");
  assert.equal(amount(4.056, "$"), "$4.06");
  assert.equal(amount(0.00421, "$"), "$0.00421");
  assert.equal(amount(-4.5, "$"), "−$4.50");
  assert.equal(amount(-12, ""), "−12");
  assert.equal(amount(1_400_000, "bytes"), "1.4 MB");
  assert.equal(amount(null, ""), "–");
});

test("a change is told beside what it was before", () => {
  assert.equal(change({ value: 112, before: 100, shape: "increase" }, DAY), "12 % more than the day before");
  assert.equal(change({ value: 50, before: 100, shape: "level" }, WEEK), "50 % less than a week ago");
  assert.equal(change({ value: 100.5, before: 100, shape: "increase" }, DAY), "about as the day before");
  assert.equal(change({ value: 5, before: 0, shape: "increase" }, DAY), "none the day before");
  assert.equal(change({ value: 5, before: null, shape: "level" }, DAY), "not measured a day ago");
  assert.equal(change({ value: null, before: 3, shape: "level" }, DAY), "");
  assert.equal(change({ value: 90_000, before: 1, shape: "increase" }, DAY), "over 999 % more than the day before");
});

test("an arrow points nowhere where there is nothing to compare", () => {
  assert.equal(direction({ value: 2, before: 1 }), "up");
  assert.equal(direction({ value: 1, before: 2 }), "down");
  assert.equal(direction({ value: 1, before: 1 }), "flat");
  assert.equal(direction({ value: 1, before: null }), "");
});

test("a number says what kind of number it is", () => {
  assert.equal(meaning({ shape: "increase", series: 1 }, DAY), "in 24 hours");
  assert.equal(meaning({ shape: "level", series: 3 }, DAY), "now, 3 series");
  assert.equal(meaning({ shape: "average", series: 1 }, WEEK), "on average in 7 days");
});

test("the period is in the address", () => {
  assert.equal(periodOf("?hours=168"), WEEK);
  assert.equal(periodOf("?hours=3"), DAY);
  assert.equal(periodOf(""), DAY);
});

test("cards stand in groups, in the order in which they come", () => {
  const metrics = [{ name: "a", group: "Files" }, { name: "b", group: "Other" }, { name: "c", group: "Files" }];

  assert.deepEqual(grouped(metrics).map(({ title, cards }) => [title, cards.length]), [["Files", 2], ["Other", 1]]);
});

test("a stretch of a chart reads with its time", () => {
  const course = { at: [Date.UTC(2026, 10, 21, 14)], values: [12], step_s: 900, unit: "" };

  assert.equal(pointText(course, 0, "UTC", false), "14:00–14:15 UTC: 12");
  assert.equal(pointText(course, 0, "UTC", true), "Sat 14:00–14:15 UTC: 12");
});

test("the first steps name this server", () => {
  const { curl, python } = firstSteps("https://nocturne.example");

  assert.match(curl, /https:\/\/nocturne\.example\/api\/v1\/metrics/);
  assert.match(python, /push_to\("https:\/\/nocturne\.example"/);
  JSON.parse(curl.split("-d '")[1].slice(0, -1));
});
