// The wall: what its address asks for, which page is shown when, the order of problems, what is new,
// where hexagons stand, the last hour, the sound.

import assert from "node:assert/strict";
import { test } from "node:test";

import { asked as askedTheme } from "../../../assets/modules/theme.mjs";
import { worstByMinute } from "../../../assets/modules/wallhour.mjs";
import { brightness, groupMap, oneMap } from "../../../assets/modules/wallmap.mjs";
import { asked, belongs, SHIFT_MS, shiftAt, turned } from "../../../assets/modules/wallpages.mjs";
import { calmWords, headlineCounts, Newcomers, overflowText, restCounts, wallProblems, whoLine } from "../../../assets/modules/wallproblems.mjs";
import { Sound } from "../../../assets/modules/wallsound.mjs";
import { halved } from "../../../assets/modules/walltiles.mjs";

const NOW = Date.UTC(2026, 10, 21, 12, 0, 0);
const check = (name, more = {}) => ({ name, status: "healthy", mark: "none", since: NOW - 60_000, stale_at: NOW + 1000, tags: [], ...more });
const incident = (stage, more = {}) => ({ id: `INC-${stage}`, stage, severity: "critical", opened_at: NOW - 60_000, ...more });
const bad = (name, minutes, stage, more = {}) => check(name, { status: "critical", since: NOW - minutes * 60_000, incident: incident(stage), ...more });
const problems = (...checks) => wallProblems(checks, new Map(checks.map((each) => [each.name, each])), NOW);
const names = (found) => found.map((each) => each.check.name);

test("the address names pages, how long each stands, and from how far it is read", () => {
  const wish = asked("?pages=all,tag:shop,group:Edge%2C%20Berlin&every=30&distance=5&sound=off");

  assert.deepEqual(wish.pages.map((page) => page.key), ["all", "tag:shop", "group:Edge, Berlin"]);
  assert.deepEqual([wish.everyMs, wish.distance, wish.sound, wish.wrong], [30_000, "5", "off", []]);
});

test("a wrong address shows all checks and says what was wrong", () => {
  const wish = asked("?pages=shop,tag:&every=often&distance=4");

  assert.deepEqual(wish.pages.map((page) => page.key), ["all"]);
  assert.deepEqual(wish.wrong, ["shop", "tag:"]);
  assert.deepEqual([wish.everyMs, wish.distance], [20_000, "3"]);
  assert.equal(asked("?every=0.01").everyMs, 5000);
});

test("only a wall takes its theme from its address", () => {
  assert.equal(askedTheme({ pathname: "/wall", search: "?theme=light" }), "light");
  assert.equal(askedTheme({ pathname: "/wall", search: "?theme=pink" }), null);
  assert.equal(askedTheme({ pathname: "/", search: "?theme=light" }), null);
});

test("a page shows the checks of its tag or group", () => {
  const [all, tag, group] = asked("?pages=all,tag:a,group:B").pages;
  const one = check("one", { tags: ["a"], group: "B" });

  assert.deepEqual([all, tag, group].map((page) => belongs(one, page)), [true, true, true]);
  assert.deepEqual([all, tag, group].map((page) => belongs(check("two"), page)), [true, false, false]);
});

test("pages take turns, and stand still while one of them may not be left", () => {
  const pages = { count: 3, everyMs: 20_000 };
  let at = turned({ index: 0, since: null }, { ...pages, now: 1000, held: [] });
  at = turned(at, { ...pages, now: 20_999, held: [] });
  assert.equal(at.index, 0);
  at = turned(at, { ...pages, now: 21_000, held: [] });
  assert.equal(at.index, 1);

  const held = turned(at, { ...pages, now: 30_000, held: [2] });
  assert.equal(held.index, 2);
  assert.equal(turned(held, { ...pages, now: 900_000, held: [0, 2] }).index, 2);
  const free = turned(turned(held, { ...pages, now: 900_000, held: [2] }), { ...pages, now: 919_000, held: [] });
  assert.equal(free.index, 2);
  assert.equal(turned(free, { ...pages, now: 920_000, held: [] }).index, 0);
});

test("the picture moves by a step every few minutes and comes back to its place", () => {
  const steps = Array.from({ length: 9 }, (_, index) => shiftAt(index * SHIFT_MS).join());

  assert.equal(new Set(steps).size, 9);
  assert.ok(steps.every((step) => /^-?[01],-?[01]$/.test(step)));
});

test("the oldest critical that nobody has comes first, what somebody has after its equals", () => {
  const found = problems(
    check("slow", { status: "warning", since: 1 }),
    bad("taken", 90, "acknowledged"),
    bad("young", 1, "new"),
    bad("old", 30, "new"),
    check("fine"),
  );

  assert.deepEqual(names(found), ["old", "young", "taken", "slow"]);
});

test("the counts at the top say whether somebody has it", () => {
  const more = (...checks) => headlineCounts(problems(...checks), NOW, NOW)[0].more;
  const mara = { incident: incident("acknowledged", { acknowledged_by: "Mara Lind" }) };

  assert.equal(more(bad("a", 1, "new")), "nobody has it");
  assert.equal(more(bad("a", 1, "new"), bad("b", 1, "new"), bad("c", 1, "new", mara)), "nobody has 2");
  assert.equal(more(bad("a", 1, "new", mara)), "Mara Lind has it");
  assert.equal(more(check("w", { status: "warning", since: NOW - 120_000 })), "for 2 min");
});

test("a tile says who has it, and why nobody was paged", () => {
  const silenced = bad("a", 1, "new", { incident: incident("new", { page_gate: "silenced" }) });
  const taken = bad("a", 1, "x", { incident: incident("acknowledged", { acknowledged_by: "Mara Lind", acknowledged_at: NOW - 120_000 }) });

  assert.deepEqual(whoLine(silenced, NOW, "UTC"), { lead: "Nobody has acknowledged.", rest: "Not paged: silenced. Critical incident since 11:59 UTC" });
  assert.equal(whoLine(taken, NOW, "UTC").lead, "Mara Lind");
  assert.match(whoLine(taken, NOW, "UTC").rest, /^acknowledged 2 min ago\. Critical incident/);
});

test("what has no room is counted by state", () => {
  const hidden = problems(bad("a", 1, "new"), bad("b", 1, "new"), check("w", { status: "warning" }));

  assert.deepEqual(overflowText(hidden, NOW), { main: "+3 more", parts: [{ state: "critical", total: 2 }, { state: "warning", total: 1 }] });
  assert.equal(halved(40, (number) => number > 11), 11);
  assert.equal(halved(2, () => true), 1);
  assert.deepEqual(restCounts({ healthy: 3, paused: 1, critical: 2 }, ["critical"]), [{ state: "paused", total: 1 }]);
});

test("only a wall whose checks are all healthy says so", () => {
  const words = (...checks) => {
    const tally = { healthy: 0, pending: 0, maintenance: 0 };
    for (const each of checks) tally[each.mark === "none" ? "healthy" : each.mark] = (tally[each.mark === "none" ? "healthy" : each.mark] ?? 0) + 1;
    return calmWords({ checks, tally, now: NOW, label: "" });
  };

  assert.deepEqual(words(check("a"), check("b")), { state: "healthy", main: "All healthy", strong: "2 of 2 checks", more: "for 1 min" });
  assert.equal(words(check("a"), check("b", { mark: "paused" })).main, "1 healthy");
  assert.notEqual(words(check("b", { mark: "paused" })).state, "healthy");
  assert.equal(words().main, "No checks yet");
});

test("a problem is new once, and again when it has come back; nothing is new at the first look", () => {
  const newcomers = new Newcomers();
  const old = bad("old", 9, "new");
  const young = bad("young", 0, "new");

  assert.deepEqual(newcomers.update([old]), []);
  assert.deepEqual(newcomers.update([old, young]), ["young"]);
  assert.deepEqual(newcomers.update([old, young]), []);
  assert.deepEqual(newcomers.update([old]), []);
  assert.deepEqual(newcomers.update([old, young]), ["young"]);
});

test("the hour shows the worst of each minute, and a paused check greys nothing", () => {
  const at = NOW + 30_000;
  const hour = (text) => ({ hour: text.padStart(60, "h") });

  assert.equal(worstByMinute([{ hour: null }, hour("wc"), hour("cw")], at).slice(-3), "hcc");
  assert.equal(worstByMinute([{ hour: null }, { hour: "p".repeat(60) }], at), "h".repeat(60));
  assert.equal(worstByMinute([{ hour: "-".repeat(59) + "h" }], at), `${"-".repeat(59)}h`);
  assert.equal(worstByMinute([{ hour: null }, { alert: "x", status: "critical", since: NOW - 90_000 }], at).slice(-4), "hccc");
});

test("hexagons fill their field and none stands outside of it", () => {
  for (const count of [1, 7, 120, 1000, 10_000]) {
    const { size, places } = oneMap(count, 638, 450, 58);
    const edge = (axis, by) => Math.max(...places.map((place) => place[axis])) + by;

    assert.equal(places.length, count);
    assert.ok(edge(0, size / 2) <= 638.01 && edge(1, size / Math.sqrt(3)) <= 450.01, `${count}`);
    assert.ok(size > 4);
  }
  assert.equal(new Set(oneMap(7, 638, 450, 58).places.map(([, y]) => y)).size, 1);
});

test("groups keep their order, small ones stand beside a large one", () => {
  const groups = [{ name: "Shop", count: 5, labelWidth: 60 }, { name: "Edge", count: 111, labelWidth: 60 }, { name: "Hosts", count: 5, labelWidth: 60 }];
  const room = { width: 1840, height: 420, most: 78, least: 17, label: 50, gap: 26 };
  const { places, labels } = groupMap(groups, room);
  const label = (name) => labels.find((each) => each.name === name);

  assert.equal(places.length, 121);
  assert.ok(label("Edge").x > label("Shop").x);
  assert.equal(label("Hosts").x, label("Shop").x);
  assert.ok(places[5][0] > label("Edge").x && places[120][1] > label("Hosts").y);
  assert.equal(groupMap(Array.from({ length: 90 }, (_, index) => ({ name: `${index}`, count: 40, labelWidth: 300 })), room), null);
});

test("a hexagon lights up as its check runs and fades", () => {
  const at = (age) => brightness(age, 30_000);

  assert.ok(at(0) > 0.95 && at(3000) < 0.4 && at(29_000) < 0.05);
  assert.equal(at(-1), 0);
});

test("sound is blocked until a click, rings once for many, and can be muted", () => {
  const tones = [];
  const param = { setValueAtTime() {}, linearRampToValueAtTime() {}, exponentialRampToValueAtTime() {} };
  const node = { frequency: {}, gain: param, connect: () => node, start: (at) => tones.push(at), stop() {} };
  const context = { state: "running", currentTime: 0, createOscillator: () => node, createGain: () => node, resume: async () => {} };
  let now = 0;
  const sound = new Sound({ onChange() {}, make: () => context, monotonic: () => now });

  sound.start("ask");
  sound.ring();
  assert.equal(sound.state, "blocked");
  assert.deepEqual(tones, []);
  sound.open();
  sound.ring();
  const once = tones.length;
  now = 1000;
  sound.ring();
  assert.equal(sound.state, "on");
  assert.ok(once > 0 && tones.length === once);
  sound.toggle();
  now = 60_000;
  sound.ring();
  assert.equal(sound.state, "muted");
  assert.equal(tones.length, once);
});
