// The list of incidents: what the address asks for, which match, in which order, what rows say.

import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { test } from "node:test";

import { behindText, emptyText, figuresText, format, holderText, idOf, incidentAddress, joined, lasted, lookOf, matches, narrows, parse, sections, sinceText, tabCounts, tabOf } from "../../../assets/modules/incidents.mjs";
import { cleanName } from "../../../assets/modules/incidentname.mjs";

const NOW = Date.UTC(2026, 10, 21, 14, 0, 0);
const HOUR = 3_600_000;
const iso = (ms) => new Date(ms).toISOString();
const incident = (id, more = {}) => ({ id, title: `${id} is critical`, component: id, kind: "tcp", stage: "new", open: true, severity: "critical", opened_at: iso(NOW - HOUR), acknowledged_by: null, assignee: null, resolved_at: null, resolution: "", tags: [], ...more });
const over = (id, hours, more = {}) => incident(id, { open: false, stage: "closed", opened_at: iso(NOW - hours * HOUR), resolved_at: iso(NOW - hours * HOUR + 60_000), resolution: "recovered", ...more });
const NONE = parse("");

test("the filter is the address's, and what it may not say is nothing", () => {
  assert.deepEqual(parse("?q=shop&severity=major&show=open&who=mine&hours=168"), { q: "shop", severity: "major", show: "open", who: "mine", hours: "168" });
  assert.deepEqual(parse("?severity=toString&show=x&who=all&hours=9"), { q: "", severity: "", show: "", who: "", hours: "" });
});

test("a filter becomes the address it came from, and keeps what else stands there", () => {
  const search = "?q=a%26b&severity=minor&hours=744";

  assert.equal(format(parse(search)), search);
  assert.equal(format(NONE, "?theme=x&q=1"), "?theme=x");
  assert.equal(format(NONE), "");
  assert.deepEqual([narrows(NONE), narrows(parse("?hours=168")), narrows(parse("?q=x"))], [false, false, true]);
});

test("a search finds component, title, id and tags, whatever the case", () => {
  const found = (q) => matches(incident("shop-db", { tags: ["Edge"], title: "shop-db is critical" }), { ...NONE, q }, "");

  assert.deepEqual(["SHOP", "critical", "edge", "payments"].map(found), [true, true, true, false]);
});

test("mine are those assigned to me, or acknowledged by me and assigned to nobody else", () => {
  const mine = { ...NONE, who: "mine" };

  assert.ok(matches(incident("a", { assignee: "Mara" }), mine, "Mara"));
  assert.ok(matches(incident("a", { acknowledged_by: "Mara" }), mine, "Mara"));
  assert.ok(!matches(incident("a", { acknowledged_by: "Mara", assignee: "Jonas" }), mine, "Mara"));
  assert.ok(!matches(incident("a"), mine, ""), "without a name nothing is mine");
});

test("unassigned are open ones that nobody has", () => {
  const nobody = { ...NONE, who: "nobody" };

  assert.ok(matches(incident("a"), nobody, ""));
  assert.ok(!matches(incident("a", { acknowledged_by: "anonymous" }), nobody, ""));
  assert.ok(!matches(over("a", 2), nobody, ""));
});

test("open ones come first, worst and oldest on top; the rest by age, newest first", () => {
  const found = sections(
    [over("old", 30), incident("minor", { severity: "minor" }), over("new", 2), over("newer", 1), incident("late", { opened_at: iso(NOW - 60_000) }), incident("early")],
    NOW,
  );

  assert.deepEqual(found.map((section) => section.title), ["Open", "Last 24 h", "Last 7 days"]);
  assert.deepEqual(found.map((section) => section.incidents.map((each) => each.id)), [["early", "late", "minor"], ["newer", "new"], ["old"]]);
});

test("an incident stands in the list once, as the newer answer has it", () => {
  const found = joined([incident("a", { stage: "acknowledged" })], [incident("a"), over("b", 3), incident("gone")]);

  assert.deepEqual(found.map((each) => [each.id, each.stage]), [["a", "acknowledged"], ["b", "closed"]]);
});

test("a severity has a state's shape, and one that is not known is unknown, never healthy", () => {
  assert.deepEqual(["emergency", "critical", "major", "minor", "info", "new-one"].map(lookOf), ["critical", "critical", "degraded", "warning", "pending", "unknown"]);
});

test("a row says who has it, how long it lasted and what is behind it", () => {
  assert.deepEqual(holderText(incident("a"), "Mara"), { name: "nobody", mark: "" });
  assert.deepEqual(holderText(incident("a", { assignee: "Jonas Weber" }), "Mara"), { name: "Jonas Weber", mark: "JW" });
  assert.deepEqual(holderText(incident("a", { acknowledged_by: "Mara" }), "Mara"), { name: "you", mark: "M" });
  assert.equal(holderText(incident("a", { acknowledged_by: "anonymous" }), "").name, "somebody");
  assert.equal(holderText(over("a", 2), "").name, "by itself");
  assert.deepEqual([lasted(incident("a"), NOW), lasted(over("a", 5), NOW)], ["1 h", "1 min"]);
  assert.equal(sinceText(over("a", 30), NOW, "Europe/Berlin"), "Fri 09:00");
  assert.equal(behindText(incident("a", { affected: ["x", "y"], nested: ["INC-1"] })), "3 behind it");
});

test("each tab counts what it would show, and the address names the one that is shown", () => {
  const all = [incident("a", { assignee: "Mara" }), incident("b"), over("c", 2)];

  assert.deepEqual(tabCounts(all, NONE, "Mara"), { all: 3, open: 2, mine: 1, nobody: 1 });
  assert.deepEqual(["", "?show=open", "?show=open&who=mine", "?show=open&who=nobody", "?who=mine"].map((search) => tabOf(parse(search))), ["all", "open", "mine", "nobody", "all"]);
});

test("figures are told in a sentence, without those that there are none of", () => {
  const text = (figures) => figuresText(figures).map(([part]) => part).join("");

  assert.equal(text({ hours: 24, count: 31, mtta_s: 220, mttr_s: 1260 }), "24 h: 31 incidents, mean time to acknowledge 3 min, to resolve 21 min");
  assert.equal(text({ hours: 168, count: 1, mtta_s: null, mttr_s: 1260 }), "7 days: 1 incident, mean time to resolve 21 min");
  assert.equal(text(null), "");
});

test("an empty list names the next action, and never says that all is well while nothing is measured", () => {
  const next = (search, me = "Mara") => emptyText({ filter: parse(search), me, frozen: false }).next;

  assert.deepEqual([next(""), next("?q=x"), next("?show=open&who=mine", ""), next("?show=open&who=mine"), next("?show=open")], ["overview", "clear", "name", "nobody", "clear"]);
  assert.match(emptyText({ filter: NONE, me: "", frozen: true }).main, /last seen/);
});

test("an incident's address holds its id as one part, and is read back", () => {
  assert.equal(incidentAddress("a/b?<i>"), "/incidents/a%2Fb%3F%3Ci%3E");
  assert.equal(idOf("/incidents/a%2Fb"), "a/b");
  assert.deepEqual([idOf("/incidents"), idOf("/incidents/a/b"), idOf("/incidents/%E0%A4%A")], [null, null, "%E0%A4%A"]);
});

test("a name is one line without characters that turn its direction", () => {
  assert.equal(cleanName("  Mara\n\u202eLind\u0000 "), "MaraLind");
  assert.equal(cleanName("x".repeat(300)).length, 200);
});

test("the leaves that the pages fill are laid out by Python, and their icons are files that ship", () => {
  const root = new URL("../../../", import.meta.url);
  const read = (path) => readFileSync(new URL(path, root), "utf8");
  const laidOut = new Set([...read("dashboard/ids.py").matchAll(/: Final = "([^"]+)"/g)].map((match) => match[1]));
  const filled = [...read("assets/modules/incidentpages.mjs").matchAll(/^ {6}"([a-z-]+)":/gm)].map((match) => match[1]);
  const css = read("assets/incidents.css");
  const files = [...css.matchAll(/url\("([^"]+)"\)/g)].map((match) => match[1]);

  assert.equal(filled.length, 8);
  assert.deepEqual(filled.filter((id) => !laidOut.has(id)), []);
  assert.ok(files.length >= 4);
  assert.deepEqual(files.filter((file) => !existsSync(new URL(`assets/${file}`, root))), []);
  assert.doesNotMatch(css, /!important|#[0-9a-fA-F]{3,8}\b(?![^{]*\{)/);
});
