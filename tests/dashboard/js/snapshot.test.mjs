// Polling: one request at a time, conditional, and only a good answer counts.

import assert from "node:assert/strict";
import { test } from "node:test";

import { ServerClock } from "../../../assets/modules/freshness.mjs";
import { applied, headerMs, Poller } from "../../../assets/modules/snapshot.mjs";

const BODY = { version: "1", checks: [], groups: [] };

function answer(status, { body = BODY, headers = {} } = {}) {
  return {
    status,
    headers: new Headers({ "Nocturne-Now": "90000", "Nocturne-Beat": "89000", ETag: '"a"', ...headers }),
    json: async () => body,
  };
}

function setup(answers) {
  const hands = { now: 0 };
  const clock = new ServerClock({ monotonic: () => hands.now, wall: () => hands.now });
  const seen = { asked: [], snapshots: 0, answers: 0 };
  const poller = new Poller({
    clock,
    onAnswer: () => (seen.answers += 1),
    onSnapshot: () => (seen.snapshots += 1),
    fetch: async (address, options) => {
      seen.asked.push(options);
      return answers.shift();
    },
  });
  return { poller, clock, seen, hands };
}

test("the second request carries the tag of the first answer", async () => {
  const { poller, seen } = setup([answer(200), answer(304)]);

  await poller.ask();
  await poller.ask();

  assert.equal(seen.asked[1].headers["If-None-Match"], '"a"');
  assert.deepEqual([seen.snapshots, seen.answers], [1, 2]);
});

test("an error, a login page and a body that is no snapshot are no answers", async () => {
  const { poller, clock, seen } = setup([answer(500), answer(200, { body: { error: "no" } }), answer(304)]);

  for (let asked = 0; asked < 3; asked += 1) await poller.ask();

  assert.deepEqual([seen.snapshots, seen.answers, clock.answeredAt], [0, 0, null]);
});

test("it asks every two seconds, and not while a request is under way", async () => {
  const { poller, seen, hands } = setup([answer(200), new Promise(() => {})]);

  poller.tick();
  await new Promise(setImmediate);
  hands.now = 1900;
  poller.tick();
  hands.now = 2000;
  poller.tick();
  hands.now = 4100;
  poller.tick();

  assert.equal(seen.asked.length, 2);
});

test("a request that hangs is given up after its deadline", async () => {
  const { poller, seen, hands } = setup([new Promise(() => {}), answer(200)]);

  poller.tick();
  hands.now = 5100;
  poller.tick();

  assert.equal(seen.asked.length, 2);
  assert.equal(seen.asked[0].signal.aborted, true);
});

test("an empty header is no beat at the beginning of time", () => {
  assert.equal(headerMs(new Headers({ "Nocturne-Beat": "" }), "Nocturne-Beat"), null);
  assert.equal(headerMs(new Headers(), "Nocturne-Beat"), null);
});

const check = (name, status) => ({ name, status, spark: [1] });
const BASE = { version: "1", at: 1, groups: [], checks: [check("a", "healthy"), check("b", "healthy")] };
const DELTA = { "Content-Type": "application/vnd.nocturne.delta+json" };
const NEWS = { top: { at: 2 }, changed: [{ name: "b", status: "critical" }], added: [], order: null };

test("a delta changes what it names, and all else stays the same object", () => {
  const after = applied(BASE, NEWS);

  assert.deepEqual(after, { ...BASE, at: 2, checks: [check("a", "healthy"), check("b", "critical")] });
  assert.equal(after.checks[0], BASE.checks[0]);
  assert.equal(BASE.checks[1].status, "healthy");
});

test("checks come, go and change places with the order of a delta", () => {
  const after = applied(BASE, { top: {}, changed: [], added: [check("c", "warning")], order: ["c", "b"] });

  assert.deepEqual(after.checks, [check("c", "warning"), check("b", "healthy")]);
  assert.deepEqual(applied(BASE, { top: {}, changed: [], added: [], order: [] }).checks, []);
});

test("a delta counts on top of the snapshot that stands here, and of no other one", async () => {
  const shown = [];
  const answers = [
    answer(200, { body: BASE }),
    answer(200, { body: { base: '"a"', ...NEWS }, headers: { ...DELTA, ETag: '"b"' } }),
    answer(200, { body: { base: '"x"', ...NEWS }, headers: { ...DELTA, ETag: '"c"' } }),
    answer(200, { body: BASE }),
  ];
  const { poller, seen } = setup(answers);
  poller.onSnapshot = (snapshot) => shown.push(snapshot.checks[1].status);

  for (let asked = 0; asked < 4; asked += 1) await poller.ask();

  assert.deepEqual(shown, ["healthy", "critical", "healthy"]);
  assert.deepEqual(seen.asked.map((each) => each.headers["If-None-Match"]), [undefined, '"a"', '"b"', undefined]);
});
