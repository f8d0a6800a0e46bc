// Which problems get a card, in which order, and what is nested.

import assert from "node:assert/strict";
import { test } from "node:test";

import { calmText } from "../../../assets/modules/calm.mjs";
import { headline, problemsOf } from "../../../assets/modules/problems.mjs";

const NOW = 10_000_000;
const check = (name, more = {}) => ({ name, status: "healthy", mark: "none", since: NOW - 60_000, stale_at: NOW + 1000, ...more });
const blocked = (name, by) => check(name, { status: "unknown", mark: "blocked", blocked_by: by });
const cards = (...checks) => problemsOf(checks, new Map(checks.map((each) => [each.name, each])), NOW);
const names = (list) => list.map((card) => card.check.name);

test("the worst comes first, then the oldest, then the name", () => {
  const found = cards(
    check("w", { status: "warning", since: 1 }),
    check("c-new", { status: "critical", since: NOW }),
    check("u", { status: "unknown" }),
    check("c-old", { status: "critical", since: 5 }),
    check("fine"),
    check("d", { status: "degraded" }),
  );

  assert.deepEqual(names(found), ["c-old", "c-new", "u", "d", "w"]);
});

test("a chain of blocked checks stands under its root", () => {
  const found = cards(check("db", { status: "critical" }), blocked("api", "db"), blocked("shop", "api"));

  assert.deepEqual(names(found), ["db"]);
  assert.deepEqual(found[0].children.map((each) => each.name), ["api", "shop"]);
});

test("a blocked check whose parent is not shown gets a card of its own", () => {
  assert.deepEqual(names(cards(blocked("api", "db"))), ["api"]);
});

test("checks that block each other do not hang the page", () => {
  assert.deepEqual(names(cards(blocked("a", "b"), blocked("b", "a"))), ["a", "b"]);
});

test("the headline counts problems and what is blocked behind them", () => {
  const found = cards(check("db", { status: "critical" }), blocked("api", "db"));

  assert.deepEqual(headline(found, false), { main: "1 problem", more: "1 more check is blocked behind db" });
  assert.equal(headline(found, true).main, "1 problem when last seen");
});

test("a stale screen never says that all is healthy", () => {
  const text = calmText({ checks: [check("a")], now: NOW, displayNow: NOW, frozen: true, zone: "UTC" });

  assert.equal(text.state, "stale");
  assert.doesNotMatch(text.main, /healthy/);
});
