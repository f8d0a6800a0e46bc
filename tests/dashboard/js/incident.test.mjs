// One incident: its timeline, what may be done, what shows at once and what is taken back.

import assert from "node:assert/strict";
import { test } from "node:test";

import { acknowledgedText, answersOf, entries, exactly, linked, neighbours, refusedBecause, toldText, verdict } from "../../../assets/modules/incident.mjs";
import { Desk, Feed } from "../../../assets/modules/incidentdesk.mjs";
import { foresee, IncidentOrders } from "../../../assets/modules/incidentorders.mjs";
import { behindOf, exactSpan } from "../../../assets/modules/incidentview.mjs";

const NOW = Date.UTC(2026, 10, 21, 14, 0, 0);
const iso = (seconds) => new Date(NOW + seconds * 1000).toISOString();
const line = (action, seconds, more = {}) => ({ at: iso(seconds), actor: "nocturne", action, stage: "new", severity: "critical", reason: "", ...more });
const sent = (channel, state, more = {}) => ({ channel, event: "trigger", state, reason: "sent", attempts: 1, created_at: iso(0), settled_at: iso(2), ...more });
const incident = (more = {}) => ({ id: "INC-20261121-0003", title: "shop-db is critical", component: "shop-db", kind: "tcp", stage: "new", open: true, severity: "critical", opened_at: iso(0), acknowledged_by: null, acknowledged_at: null, acknowledged_until: null, sticky: false, assignee: null, resolved_at: null, resolution: "", lines: [line("opened", 0, { reason: "refused" })], deliveries: [], affected: [], nested: [], ...more });
const settled = () => new Promise((done) => setImmediate(done));

test("the timeline is one: what was sent follows what it was sent for, oldest first", () => {
  const doc = incident({ lines: [line("opened", 0), line("acknowledged", 600, { actor: "Mara Lind" })], deliveries: [sent("ops", "delivered"), sent("ops", "delivered", { event: "acknowledge", created_at: iso(600), settled_at: iso(600.2) })] });

  const told = entries(doc, "Mara Lind").map((each) => [each.who, each.main, each.channel ?? "", each.side].filter(Boolean).join(" "));

  assert.deepEqual(told, ["Incident opened", "Page to ops 2 s, 1 try", "You acknowledged 10 min after", "Acknowledgement to ops at once, 1 try"]);
});

test("a page that was not delivered says so, and why", () => {
  const states = entries(incident({ deliveries: [sent("a", "dead", { reason: "HTTP 410" }), sent("b", "retry", { reason: "refused", settled_at: null, attempts: 3 }), sent("c", "cancelled", { reason: "recovered before" }), sent("d", "pending", { reason: "grouped", attempts: 0, settled_at: null })] }));

  assert.deepEqual(states.slice(1).map((each) => [each.state, each.more, Boolean(each.bad)]), [["given up", "HTTP 410", true], ["fails, is tried again", "refused", true], ["not sent", "recovered before", false], ["waits", "grouped", false]]);
});

test("comments are quoted, moves and ends are told in words, and who is not known is somebody", () => {
  const doc = incident({ lines: [line("commented", 1, { actor: "anonymous", reason: "<b>disk</b>" }), line("moved", 2, { actor: "anonymous", stage: "in progress", reason: "in progress by hand" }), line("resolved", 3, { reason: "recovered", stage: "resolved" }), line("resolved", 4, { actor: "Jonas", reason: "a known fault" }), line("a new action", 5)] });

  const told = entries(doc, "").map((each) => [each.who, each.main, each.quote, each.mark]);

  assert.deepEqual(told, [["Somebody", "", "<b>disk</b>", null], ["Somebody", "works on it", "", null], ["", "Recovered", "", "healthy"], ["Jonas", "resolved it", "a known fault", null], ["", "a new action", "", null]]);
});

test("how many pages were delivered, and by which channels", () => {
  const told = toldText(incident({ deliveries: [sent("ops", "delivered"), sent("hook", "retry"), sent("ops", "delivered", { event: "resolve" })] }));

  assert.deepEqual(told, { done: 1, all: 2, text: "of 2 pages delivered", channels: ["ops", "hook"] });
  assert.equal(toldText(incident()).text, "nobody was paged");
});

test("an acknowledgement for a time says until when", () => {
  assert.equal(acknowledgedText(incident({ acknowledged_until: iso(1800), sticky: true }), NOW, "Europe/Berlin"), "until 15:30 CET, also when it gets worse");
});

test("a button that does nothing says why", () => {
  const because = (stage, verb, operator = true) => refusedBecause(incident({ stage, open: stage !== "resolved" && stage !== "closed" }), verb, operator);

  assert.equal(because("new", "acknowledge"), "");
  assert.match(because("new", "acknowledge", false), /Operators may act/);
  assert.equal(because("investigating", "acknowledge"), "It is investigating.");
  assert.equal(because("resolved", "reopen"), "");
  assert.match(because("closed", "comment"), /closed/);
  assert.match(because("resolved", "silence"), /over/);
});

test("the answers stand in their order by gate, and the heading says what they come to", () => {
  const answers = [
    { gate: "incident", question: "Is it being checked?", says: "passes", text: "Yes." },
    { gate: "page", question: "Has nobody taken it?", says: "stops", text: "No: it is acknowledged." },
  ];

  const found = answersOf({ explanations: [{ answers }] });

  assert.deepEqual(found.map((group) => [group.title, group.answers.map((each) => each.text)]), [["May it be an incident?", [""]], ["May it page?", ["No: it is acknowledged."]]]);
  assert.equal(verdict(found).title, "Why is nobody paged now?");
  assert.equal(verdict(answersOf({ explanations: [{ answers: answers.slice(0, 1) }] })).title, "Why was I paged?");
  assert.deepEqual(answersOf(null), []);
});

test("j and k go to the open incidents after and before", () => {
  const open = ["a", "b", "c"].map((id) => ({ id }));

  assert.deepEqual(neighbours(open, "b"), { at: 2, of: 3, next: "c", previous: "a" });
  assert.deepEqual(neighbours(open, "over"), { at: 0, of: 3, next: "a", previous: null });
});

test("a silence fits the one component, whatever its name has in it", () => {
  assert.equal(exactly("shop-[a]*?"), "shop-[[]a][*][?]");
});

test("addresses in a runbook become links, the rest stays text", () => {
  assert.deepEqual(linked("See https://wiki.example/a?b=1. <b>Then</b> javascript:alert(1)"), [["See ", ""], ["https://wiki.example/a?b=1", "https://wiki.example/a?b=1"], [". <b>Then</b> javascript:alert(1)", ""]]);
});

test("what is behind it: own incidents and blocked checks, each once; stale ones are in the past", () => {
  const open = [{ id: "INC-2", component: "api", severity: "minor", opened_at: iso(-60) }];
  const checks = [{ name: "web", status: "healthy", mark: "blocked", since: NOW - 120_000 }, { name: "api", status: "warning", mark: "none", since: NOW }];
  const rows = (frozen) => behindOf(incident({ nested: ["INC-2"], affected: ["api", "web"] }), open, checks, { now: NOW, displayNow: NOW, frozen });

  assert.deepEqual(rows(false).map((each) => [each.name, each.word, each.time]), [["api", "own incident, minor", "1 min"], ["web", "blocked", "2 min"]]);
  assert.equal(rows(true)[1].word, "was blocked");
});

test("minutes are told with their seconds while somebody waits", () => {
  assert.deepEqual([42, 748, 720, 7300].map(exactSpan), ["42 s", "12 min 28 s", "12 min", "2 h 1 min"]);
});

test("an order shows what it will do: stage, who, until when, and a line", () => {
  const after = foresee(incident(), { verb: "acknowledge", body: { acknowledged_by: "Mara", minutes: 30 }, at: NOW });

  assert.deepEqual([after.stage, after.acknowledged_by, after.acknowledged_until, after.lines.at(-1).given], ["acknowledged", "Mara", iso(1800), true]);
  assert.equal(foresee(incident(), { verb: "comment", body: { text: "disk" }, at: NOW }).lines.at(-1).reason, "disk");
  assert.equal(foresee(incident(), { verb: "assign", body: { assignee: "Jonas" }, at: NOW }).assignee, "Jonas");
  assert.equal(foresee(incident(), { verb: "resolve", body: { notes: "" }, at: NOW }).open, false);
});

function setup(answer) {
  const seen = { asked: [], told: [], later: [] };
  const orders = new IncidentOrders({
    clock: { now: () => NOW },
    onChange: () => {},
    onTold: (doc) => seen.told.push(doc),
    onDone: () => {},
    later: (what) => seen.later.push(what),
    fetch: async (address, options) => {
      seen.asked.push([address, JSON.parse(options.body)]);
      return answer();
    },
  });
  return { orders, seen };
}

const answered = (status, body = {}) => () => ({ ok: status < 400, status, json: async () => body });

test("an order shows before the server has answered, and its answer is taken as it stands", async () => {
  const after = incident({ stage: "acknowledged" });
  const { orders, seen } = setup(answered(200, after));

  const done = orders.give(incident().id, "acknowledge", { acknowledged_by: "Mara" });

  assert.equal(orders.seen(incident()).stage, "acknowledged");
  assert.equal(await done, true);
  assert.deepEqual(seen.asked, [["/incidents/INC-20261121-0003/acknowledge", { acknowledged_by: "Mara" }]]);
  assert.deepEqual(seen.told, [after]);
  assert.equal(orders.seen(incident()).stage, "new");
  assert.equal(orders.reply(incident().id).text, "Acknowledged.");
  seen.later.forEach((what) => what());
  assert.equal(orders.reply(incident().id).text, "");
});

test("one that is refused is taken back, says why, and a bad one offers force", async () => {
  const detail = "shop-db is still bad: Use force to resolve it now.";
  const { orders, seen } = setup(answered(409, { detail }));

  assert.equal(await orders.give(incident().id, "resolve", { notes: "known" }), false);

  const reply = orders.reply(incident().id);
  assert.equal(orders.seen(incident()).stage, "new");
  assert.equal(reply.text, `Refused: ${detail}`);
  assert.deepEqual(reply.force, { notes: "known", force: true });
  assert.deepEqual(seen.told, []);
  await orders.give(incident().id, "acknowledge");
  assert.equal(orders.reply(incident().id).force, null);
});

test("no answer is told as such and not as done", async () => {
  const { orders } = setup(() => Promise.reject(new Error("offline")));

  await orders.give(incident().id, "comment", { text: "disk" });

  assert.match(orders.reply(incident().id).text, /No answer from the server/);
  assert.equal(orders.seen(incident()).lines.length, 1);
});

test("an answer is asked for once a stamp, again after a failure, and an older one is dropped", async () => {
  const asked = [];
  let time = 0;
  const feed = new Feed({ now: () => time, onChange: () => {}, fetch: (url) => new Promise((resolve, reject) => asked.push({ url, resolve, reject })) });
  const ok = (body) => ({ status: 200, json: async () => body });

  feed.want("/a", 1);
  feed.want("/a", 2);
  assert.equal(asked.length, 1, "one request at a time");
  asked[0].resolve(ok("one"));
  await settled();
  feed.want("/a", 1);
  assert.deepEqual([asked.length, feed.data], [1, "one"]);
  feed.want("/a", 2);
  asked[1].reject(new Error("away"));
  await settled();
  feed.want("/a", 2);
  assert.deepEqual([asked.length, feed.data], [2, "one"], "what is known stands");
  time = 2000;
  feed.want("/a", 2);
  feed.outdate();
  asked[2].resolve(ok("older than the order"));
  await settled();
  assert.equal(feed.data, "one");
  feed.want("/b", 2);
  assert.deepEqual([asked.length, feed.data], [4, null]);
});

test("an incident told after an order takes its place in the list, or among those that are over", async () => {
  const bodies = { "/incidents": { incidents: [incident()] } };
  const desk = new Desk({ onChange: () => {}, now: () => 0, fetch: async (url) => ({ status: 200, json: async () => bodies[url] ?? { incidents: [] } }) });
  desk.followList(1, 24, NOW);
  await settled();
  await settled();

  desk.put(incident({ stage: "acknowledged" }));
  assert.deepEqual(desk.open.map((each) => each.stage), ["acknowledged"]);
  desk.put(incident({ stage: "resolved", open: false }));

  assert.deepEqual(desk.open, []);
  assert.deepEqual(desk.history.data.incidents.map((each) => each.stage), ["resolved"]);
});
