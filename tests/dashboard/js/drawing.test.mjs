// Formats, strips, sparklines, groups, filters, the day's episodes, the bar and the score: pure parts.

import assert from "node:assert/strict";
import { test } from "node:test";

import { ageText, countItems } from "../../../assets/modules/bar.mjs";
import { noticesOf, slabText } from "../../../assets/modules/banners.mjs";
import * as filters from "../../../assets/modules/filters.mjs";
import * as format from "../../../assets/modules/format.mjs";
import { arrange, tallyText } from "../../../assets/modules/groups.mjs";
import { isTyping, step } from "../../../assets/modules/keyboard.mjs";
import { checkAddress } from "../../../assets/modules/router.mjs";
import { MOST_SEGMENTS, capText, segments, shorten } from "../../../assets/modules/score.mjs";
import { counts } from "../../../assets/modules/states.mjs";
import { bars, sparkline } from "../../../assets/modules/strip.mjs";
import { episodes, hours, labelled, startOf } from "../../../assets/modules/timeline.mjs";
import { shouldReload } from "../../../assets/modules/upgrade.mjs";

const NOON = Date.UTC(2026, 10, 21, 12, 0, 0);

test("durations take two units at most", () => {
  assert.deepEqual([0, 59, 60, 3599, 3600, 4800, 86400, 100_000].map(format.span), ["0 s", "59 s", "1 min", "59 min", "1 h", "1 h 20 min", "1 d", "1 d 3 h"]);
});

test("every time carries its zone, and its day when that is not today", () => {
  assert.equal(format.moment(NOON, NOON, "Europe/Berlin"), "13:00 CET");
  assert.equal(format.moment(NOON - 86_400_000, NOON, "Europe/Berlin"), "Fri 13:00 CET");
  assert.equal(format.moment(NOON - 9 * 86_400_000, NOON, "UTC"), "12 Nov 12:00 UTC");
});

test("zones have the names that people there use", () => {
  assert.equal(format.zoneName(NOON, "America/New_York"), "EST");
  assert.equal(format.zoneName(NOON, "UTC"), "UTC");
});

test("where a zone has no name its distance is told from UTC, never from GMT", () => {
  const told = ["Etc/UTC", "Europe/London", "Asia/Kathmandu", "America/Sao_Paulo"].map((zone) => format.zoneName(NOON, zone));

  assert.deepEqual(told, ["UTC", "UTC", "UTC+5:45", "UTC−3"]);
});

test("a cost too small to show still shows that it is there", () => {
  assert.equal(format.cost(7.5), "−7.5");
  assert.equal(format.cost(0.01), "−<0.1");
});

test("a strip has one bar a slot, and letters it does not know are not green", () => {
  const paths = bars(`${"h".repeat(46)}cX`);

  assert.equal(paths.h.match(/M/g).length, 46);
  assert.equal(paths.c.match(/M/g).length, 1);
  assert.equal(paths["-"].match(/M/g).length, 1);
});

test("a short strip is filled up with what was not measured", () => {
  assert.equal(bars("h")["-"].match(/M/g).length, 47);
});

test("a sparkline breaks where nothing was measured and says where its tail is missing", () => {
  const line = sparkline([1, 2, null, 3, null, null], 100, 20);

  assert.equal(line.path.match(/M/g).length, 2);
  assert.ok(line.missing > 0.5 && line.missing < 0.7);
  assert.equal(sparkline([null, 1], 100, 20), null);
});

test("a sparkline that hardly moves is drawn flat", () => {
  const line = sparkline([100, 100.1, 100], 100, 20);

  const heights = [...line.path.matchAll(/ ([\d.]+)/g)].map((match) => Number(match[1]));
  assert.ok(heights.length === 3 && heights.every((y) => Math.abs(y - 10) < 0.5));
});

test("a check that no group lists is not lost", () => {
  const rows = arrange([{ name: "A", checks: ["x", "gone"] }], [{ name: "x" }, { name: "y", group: "B" }, { name: "z" }]);

  assert.deepEqual(rows.map((row) => [row.name, row.members.map((each) => each.name)]), [["A", ["x"]], ["B", ["y"]], ["Others", ["z"]]]);
});

test("a group on a stale screen claims no health", () => {
  assert.equal(tallyText([{ status: "healthy", mark: "none" }], 0, true), "1 not measured");
});

test("the filter and the URL say the same, and other parameters are kept", () => {
  const filter = filters.parse("?q=a%20b&state=warning&x=1");

  assert.deepEqual(filter, { q: "a b", tag: "", state: "warning", group: "", kind: "" });
  assert.deepEqual(filters.parse(filters.format(filter, "?x=1")), filter);
  assert.equal(filters.format({ q: "", tag: "", state: "", group: "" }, "?q=1&x=1"), "?x=1");
});

test("a filter by state follows what is shown, not what is stored", () => {
  const paused = { name: "a", status: "healthy", mark: "paused" };

  assert.equal(filters.matches(paused, filters.parse("?state=healthy"), 0), false);
  assert.equal(filters.matches(paused, filters.parse("?state=paused"), 0), true);
});

test("neighbouring bad half hours are one episode, named by its worst", () => {
  const ticks = `${"h".repeat(40)}wwc${"h".repeat(5)}`;
  const [episode, ...more] = episodes([{ name: "db", ticks }]);

  assert.deepEqual([episode.state, episode.from, episode.to, more.length], ["critical", 40, 43, 0]);
});

test("what a check was blocked through belongs to its parent", () => {
  assert.deepEqual(episodes([{ name: "api", ticks: `${"h".repeat(40)}${"b".repeat(8)}` }]), []);
});

test("labels of episodes never overlap", () => {
  const list = [0, 1, 2].map((from) => ({ from, to: from + 1 }));
  const placed = labelled(list, 480, () => 100).filter((each) => each.label !== null);

  assert.equal(placed.length, 1);
});

test("the strip ends at the moment of the snapshot, and its hours are those of the zone", () => {
  const start = startOf(NOON + 60_000);

  assert.equal(start, NOON + 60_000 - 86_400_000);
  assert.equal(hours(start, "Asia/Kathmandu").length, 24);
  assert.ok(hours(start, "Europe/Berlin").some((each) => each.text === "15:00"));
});

test("the bar claims no health on a stale screen", () => {
  const tally = counts([{ status: "healthy", mark: "none" }, { status: "critical", mark: "none" }], 0);

  const items = countItems(tally, true);

  assert.deepEqual(items.map((item) => item.state), ["critical", "stale"]);
  assert.equal(items[0].was, true);
});

test("without any beat the bar gives no age", () => {
  assert.deepEqual(ageText({ level: "stale", age: null }), { lead: "", main: "No data yet" });
  assert.deepEqual(ageText({ level: "amber", age: 7200 }), { lead: "Data ", main: "7 s old" });
});

test("the slab names the moment of the last beat with its zone", () => {
  const text = slabText({ age: 14_000, reason: "silent" }, NOON, "Europe/Berlin");

  assert.equal(text.main, "STALE 14 s");
  assert.equal(text.known, "Last known: 13:00:00 CET");
});

test("with no channel configured a banner says that nobody is paged", () => {
  const notices = noticesOf({ snapshot: { paging: { configured: false } }, store: "ok" });

  assert.equal(notices[0].text, "Nobody is paged: no channel is configured.");
});

test("an unreachable store comes before all other notices", () => {
  const notices = noticesOf({ snapshot: { notices: [{ level: "warning", text: "x" }] }, store: "unreachable" });

  assert.equal(notices[0].level, "critical");
});

test("many losses are summed up, and nothing is lost in it", () => {
  const losses = Array.from({ length: 20 }, (_, index) => ({ check: `c${index}`, cost: 1 }));
  const { lines, rest } = shorten(losses);

  assert.equal(lines.reduce((sum, loss) => sum + loss.cost, 0) + rest.cost, 20);
});

test("the bar of a thousand losses has few segments, one a state for the small ones", () => {
  const losses = Array.from({ length: 1000 }, (_, index) => ({ check: `c${index}`, status: index % 2 ? "unknown" : "warning", cost: 0.1 }));
  const found = segments(losses);

  assert.equal(found.length, MOST_SEGMENTS + 2);
  assert.equal(Math.round(found.reduce((sum, each) => sum + each.cost, 0)), 100);
  assert.equal(new Set(found.map((each) => each.check)).size, found.length);
});

test("a cap is explained by its check and by what the score would be", () => {
  const text = capText({ value: 49, uncapped: 84.4, capped_by: "shop-db" });

  assert.equal(text.main + text.more, "Capped at 49 while shop-db, a check of top weight, is critical. 84 without the cap.");
});

test("of several that cap alike none is named, and what caps nothing is not told", () => {
  const loss = (check, weight, status = "critical") => ({ check, weight, status });
  const losses = [loss("a", 3), loss("b", 3), loss("c", 1), loss("d", 3, "warning")];

  assert.match(capText({ value: 49, uncapped: 80, capped_by: "a", losses }).more, /^ while 2 checks of top weight are critical/);
  assert.equal(capText({ value: 12.3, uncapped: 12.3, capped_by: "a", losses }).main, "");
});

test("j and k stop at the ends", () => {
  assert.deepEqual([step(-1, 3, 1), step(2, 3, 1), step(0, 3, -1), step(-1, 3, -1), step(0, 0, 1)], [0, 2, 0, 2, -1]);
});

test("keys are left alone where someone types", () => {
  assert.equal(isTyping({ closest: () => ({}) }), true);
  assert.equal(isTyping(null), false);
});

test("a hostile name stays one segment of the address", () => {
  assert.equal(checkAddress("../a?b#<i>"), "/checks/..%2Fa%3Fb%23%3Ci%3E");
});

test("the page reloads for a new version, but not for ever", () => {
  assert.equal(shouldReload("1", "2", -Infinity, 1000), true);
  assert.equal(shouldReload("1", "2", 500, 1000), false);
  assert.equal(shouldReload("1", "1", -Infinity, 1000), false);
});
