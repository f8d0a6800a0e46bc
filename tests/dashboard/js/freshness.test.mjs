// The age of the data, with both clocks in our hand.

import assert from "node:assert/strict";
import { test } from "node:test";

import { judge, ServerClock } from "../../../assets/modules/freshness.mjs";

function clockAt({ monotonic = 1000, wall = 5_000_000 } = {}) {
  const hands = { monotonic, wall };
  const clock = new ServerClock({ monotonic: () => hands.monotonic, wall: () => hands.wall });
  const pass = (ms) => {
    hands.monotonic += ms;
    hands.wall += ms;
  };
  return { clock, hands, pass };
}

const level = (clock, more = {}) =>
  judge({ beatAge: clock.beatAge(), silence: clock.silence(), watched: clock.watched(), ...more }).level;

test("a beat goes from fresh to amber to stale while nothing else happens", () => {
  const { clock, pass } = clockAt();
  clock.answered(90_000, 89_000, clock.reading());

  assert.equal(level(clock), "fresh");
  pass(4500);
  assert.equal(level(clock), "amber");
  pass(5000);
  assert.equal(level(clock), "stale");
});

test("exactly five and ten seconds are still the better of the two", () => {
  assert.equal(judge({ beatAge: 5000, silence: 0, watched: 0 }).level, "fresh");
  assert.equal(judge({ beatAge: 10000, silence: 0, watched: 0 }).level, "amber");
  assert.equal(judge({ beatAge: 10001, silence: 0, watched: 0 }).level, "stale");
});

test("a server that goes on answering with an old beat is stale", () => {
  const { clock } = clockAt();

  clock.answered(90_000, 70_000, clock.reading());

  assert.equal(level(clock), "stale");
});

test("a screen that was never answered is stale after ten seconds", () => {
  const { clock, pass } = clockAt();

  assert.equal(level(clock), "waiting");
  pass(10_500);
  assert.equal(level(clock), "stale");
});

test("a server that answers but never had a beat is stale after ten seconds", () => {
  const { clock, pass } = clockAt();

  for (let asked = 0; asked < 6; asked += 1) {
    pass(2000);
    clock.answered(90_000 + asked * 2000, null, clock.reading());
  }

  assert.equal(level(clock), "stale");
});

test("a wrong clock in the browser changes nothing", () => {
  const { clock, pass } = clockAt({ wall: 1 });

  clock.answered(90_000, 89_000, clock.reading());
  pass(1000);

  assert.equal(clock.now(), 91_000);
  assert.equal(clock.beatAge(), 2000);
});

test("time asleep counts, though the monotonic clock stood still", () => {
  const { clock, hands } = clockAt();
  clock.answered(90_000, 89_000, clock.reading());

  hands.wall += 3_600_000;

  assert.equal(level(clock), "stale");
});

test("a wall clock set back does not make data younger", () => {
  const { clock, hands, pass } = clockAt();
  clock.answered(90_000, 89_000, clock.reading());

  pass(20_000);
  hands.wall -= 3_600_000;

  assert.equal(level(clock), "stale");
});

test("the next answer makes a stale screen fresh", () => {
  const { clock, pass } = clockAt();
  clock.answered(90_000, 89_000, clock.reading());
  pass(60_000);

  clock.answered(150_000, 149_500, clock.reading());

  assert.equal(level(clock), "fresh");
});

test("a screen that cannot draw is stale however young its data", () => {
  const { clock } = clockAt();
  clock.answered(90_000, 90_000, clock.reading());

  assert.equal(level(clock, { broken: true }), "stale");
});

test("half of a slow answer's way is added to the server's clock", () => {
  const { clock, pass } = clockAt();
  const sent = clock.reading();

  pass(400);
  clock.answered(90_000, 89_000, sent);

  assert.equal(clock.now(), 90_200);
});
