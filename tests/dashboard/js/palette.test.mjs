// The command palette, the keys and the time zones, as data.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";

import { endsOf, rangeFor, shownFrom, withZoom, zoomIn } from "../../../assets/modules/checkzoom.mjs";
import { EmptyPage } from "../../../assets/modules/emptypage.mjs";
import { helpFor } from "../../../assets/modules/keyboard.mjs";
import { GO, SECTIONS } from "../../../assets/modules/keys.mjs";
import { asked, atFirst, foundFor } from "../../../assets/modules/palette.mjs";
import { shownHere } from "../../../assets/modules/paletteactions.mjs";
import { fold, indexed, pieces, sectionsOf, wordsOf } from "../../../assets/modules/paletterank.mjs";
import { checkEntries, incidentEntries, ruleEntries } from "../../../assets/modules/palettesources.mjs";
import { momentOf, offsetMs, offsetText, zoneNames, zoneOf } from "../../../assets/modules/zone.mjs";

const NOON = Date.UTC(2026, 10, 21, 12, 0, 0);

function check(name, more = {}) {
  return { name, kind: "http", group: "Shop", tags: [], target: "", status: "healthy", mark: "none", incident: null, ...more };
}

function known(checks, more = {}) {
  return { snapshot: { checks, alerts: [] }, now: NOON, frozen: false, ...more };
}

function names(sections) {
  return sections.flatMap((section) => section.entries.map((entry) => entry.title));
}

function found(titles, query) {
  return names(sectionsOf(titles.map((title) => indexed({ title, section: "" })), wordsOf(query)));
}

test("whole names come before beginnings, beginnings before words, words before what is within", () => {
  const titles = ["repay", "card-pay", "payments", "pay", "p-a-yard", "unrelated"];

  assert.deepEqual(found(titles, "pay"), ["pay", "payments", "card-pay", "repay", "p-a-yard"]);
});

test("the first letters of a name's words find it, others do not", () => {
  assert.deepEqual(found(["payments-api", "pantry", "papaya"], "paa"), ["payments-api"]);
  assert.deepEqual(found(["payments-yard-api", "pyx"], "pyapi"), ["payments-yard-api"]);
});

test("every word must stand somewhere, in any order, with any accent", () => {
  assert.deepEqual(found(["Zürich edge", "edge-1", "Zürich"], "edge zurich"), ["Zürich edge"]);
  assert.equal(fold("Ünïcode").length, "Ünïcode".length);
});

test("equals keep one order: the worse check, then the shorter name, then the alphabet", () => {
  const entries = checkEntries(known([check("web-b"), check("web-a"), check("web-long"), check("web-z", { status: "critical" })]));

  assert.deepEqual(names(sectionsOf(entries, ["web"])), ["web-z", "web-a", "web-b", "web-long"]);
});

test("a name of many equal letters is given up on at once", () => {
  assert.deepEqual(found(["a-".repeat(100)], "aaaaaaaaaaab"), []);
});

test("what was typed is marked in the name, markup in it is text like any other", () => {
  assert.deepEqual(pieces("payments-api", ["pa", "api"]), [["pa", true], ["yments-", false], ["api", true]]);
  assert.deepEqual(pieces("<b>x", ["b"]), [["<", false], ["b", true], [">x", false]]);
});

test("of ten thousand checks thirty rows are given, and a way to all of them", () => {
  const checks = Array.from({ length: 10_000 }, (_, index) => check(`edge-${index}`));
  const { sections } = foundFor(checkEntries(known(checks)), "edge");

  assert.equal(sections[0].total, 10_000);
  assert.equal(sections[0].entries.length, 30);
  assert.equal(sections.at(-1).entries[0].href, "/checks?q=edge");
});

test("sections stand in the order of their best entry, so that Enter takes what fits best", () => {
  const entries = [indexed({ title: "repay", section: "Rules" }), indexed({ title: "pay", section: "Checks" }), indexed({ title: "prepay", section: "Rules" })];

  assert.deepEqual(sectionsOf(entries, ["pay"]).map((each) => each.title), ["Checks", "Rules"]);
});

test("a check is found by its group and its tags, and by those alone after a #", () => {
  const entries = checkEntries(known([check("db", { tags: ["prod"] }), check("prod-web", { group: "Edge" })]));
  const titles = (text) => names(foundFor(entries, text).sections);

  assert.deepEqual(titles("prod"), ["prod-web", "db"]);
  assert.deepEqual(titles("#prod"), ["db"]);
  assert.deepEqual(titles("#edge"), ["prod-web"]);
  assert.deepEqual(asked("> pau"), { prefix: ">", query: "pau" });
});

test("nothing found says what to do, and so do an unknown tag and an unknown action", () => {
  const none = ["zzz", "#zzz", "> zzz"].map((text) => foundFor(checkEntries(known([check("db")])), text));

  assert.ok(none.every((each) => each.sections.length === 0));
  assert.equal(new Set(none.map((each) => each.none.main)).size, 3);
  assert.ok(none.every((each) => each.none.more.length > 20));
});

test("before anything is typed checks are left out and open incidents are few", () => {
  const incident = (number) => ({ id: `INC-${number}`, stage: "new", severity: "critical", opened_at: number });
  const bad = Array.from({ length: 9 }, (_, number) => check(`bad-${number}`, { status: "critical", incident: incident(number) }));
  const sections = atFirst([...incidentEntries(known(bad)), ...checkEntries(known(bad))]);

  assert.deepEqual(sections.map((each) => [each.title, each.entries.length, each.total]), [["Open incidents", 5, 9]]);
  assert.equal(sections[0].entries[0].code, "INC-0");
});

test("nothing in the palette is green while nothing is measured", () => {
  const [entry] = checkEntries(known([check("db")], { frozen: true }));

  assert.equal(entry.state, "stale");
});

test("a rule leads to its row among the thresholds", () => {
  const [entry] = ruleEntries([{ name: "disk full", table: { title: "Disk", metric: "disk.percent" }, condition: "above 90 %" }]);

  assert.equal(entry.href, "/thresholds?rule=rule%2Fdisk%20full");
});

test("what the page shows is its check, its incident, or the card in focus", () => {
  const incident = { id: "INC-1", stage: "new", severity: "critical", opened_at: NOON };
  const checks = [check("a/b"), check("db", { incident })];
  const { snapshot } = known(checks);

  assert.equal(shownHere({ snapshot, path: "/checks/a%2Fb" }).check, checks[0]);
  assert.deepEqual(shownHere({ snapshot, path: "/incidents/INC-1" }), { bearer: checks[1], check: null });
  assert.deepEqual(shownHere({ snapshot, path: "/", focused: "db" }), { bearer: checks[1], check: null });
  assert.equal(shownHere({ snapshot, path: "/checks/%E0%" }).check, null);
});

test("the help begins with the page that is looked at and leaves out pages that are not there", () => {
  const sections = helpFor("/checks", new Map([["/", "Overview"], ["/wall", "Wall"]]));

  assert.equal(sections[0].title, "Checks");
  assert.deepEqual(sections.find((each) => each.ways).keys, [["o", "Overview"], ["w", "Wall"]]);
  assert.equal(sections.length, SECTIONS.length + 1);
});

test("every key that there is stands in the documentation", () => {
  const docs = readFileSync(new URL("../../../docs/operating.md", import.meta.url), "utf8");
  const keys = SECTIONS.flatMap((section) => section.keys.flatMap(([pressed]) => pressed.split("  ")));

  assert.deepEqual(keys.filter((key) => !docs.includes(`\`${key}\``)), []);
});

test("every page of the navigation has a letter after g", () => {
  const shell = readFileSync(new URL("../../../dashboard/shell.py", import.meta.url), "utf8");
  const paths = [...shell.matchAll(/Entry\(label="[^"]+", path="([^"]+)"/g)].map(([, path]) => path);

  assert.ok(paths.length >= 8);
  assert.deepEqual(paths.filter((path) => !Object.values(GO).includes(path)), []);
});

test("times are in UTC unless a zone is chosen that exists", () => {
  assert.deepEqual(["Europe/Berlin", "Mars/Base", "", null, "local\n"].map(zoneOf), ["Europe/Berlin", "UTC", "UTC", "UTC", "UTC"]);
  assert.ok(["UTC", "Asia/Tokyo", "Asia/Kolkata", "Europe/Kyiv"].every((zone) => zoneNames().includes(zone)));
});

test("a zone's distance from UTC follows its clock", () => {
  const july = Date.UTC(2026, 6, 1);

  assert.deepEqual([NOON, july].map((at) => offsetText(at, "Europe/Berlin")), ["UTC+1", "UTC+2"]);
  assert.deepEqual(["Asia/Kolkata", "America/St_Johns", "UTC"].map((zone) => offsetText(NOON, zone)), ["UTC+5:30", "UTC−3:30", "UTC"]);
  assert.equal(momentOf(july + offsetMs(july, "America/New_York"), "America/New_York"), july);
});

test("a zoom in the address comes back as the chart writes it, in any zone", () => {
  const zoom = [NOON - 3_600_000, NOON];
  const search = withZoom("?range=3h", zoom);

  assert.deepEqual(zoomIn(search), zoom);
  assert.equal(withZoom(search, null), "?range=3h");
  assert.deepEqual(shownFrom(zoom, "Europe/Berlin"), ["2026-11-21 12:00:00.000", "2026-11-21 13:00:00.000"]);
  assert.deepEqual(endsOf(shownFrom(zoom, "Asia/Kolkata"), "Asia/Kolkata"), zoom);
  assert.deepEqual(endsOf(["2026-11-21", "2026-11-21 12:00"], "UTC"), [NOON - 43_200_000, NOON]);
});

test("a zoom that makes no sense is none, and an old one takes a longer range", () => {
  const ranges = { "1h": 1, "3h": 3, "24h": 24, "7d": 168 };
  const ago = (hours) => [NOON - hours * 3_600_000, NOON - (hours - 0.5) * 3_600_000];

  assert.deepEqual(["?from=x&to=y", "?from=2026-11-21T12:00:00Z&to=2026-11-21T11:00:00Z", "?to=2026-11-21T11:00:00Z"].map(zoomIn), [null, null, null]);
  assert.deepEqual([null, ago(1), ago(5), ago(999)].map((zoom) => rangeFor(ranges, "3h", zoom, NOON)), ["3h", "3h", "24h", "7d"]);
});

test("a page that does not come is said to after ten seconds of nothing, not before", () => {
  let now = 0;
  const page = new EmptyPage({ now: () => now });
  const empty = { childElementCount: 0 };

  assert.equal(page.waited(empty), 0);
  now = 9_000;
  assert.equal(page.waited(empty), 9_000);
  assert.equal(page.waited({ childElementCount: 1 }), null);
  assert.equal(page.waited(empty), 0);
  assert.equal(page.waited(null), null);
});
