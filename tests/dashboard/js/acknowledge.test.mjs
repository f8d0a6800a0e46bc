// Acknowledging from a card: at once, taken back when refused, and one primary button.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Acknowledgements, initials, pressed, whoText, withPrimary } from "../../../assets/modules/acknowledge.mjs";
import { noticesOf } from "../../../assets/modules/banners.mjs";
import { pagingText } from "../../../assets/modules/bar.mjs";

const NOW = 10_000_000;
const incident = (more = {}) => ({ id: "INC-20261121-0003", stage: "new", acknowledged_by: null, acknowledged_at: null, ...more });
const card = (name, of) => ({ check: { name, incident: of }, children: [] });

function setup(answer) {
  const seen = { asked: [], changes: 0, done: 0, later: [] };
  const acknowledgements = new Acknowledgements({
    clock: { now: () => NOW },
    onChange: () => (seen.changes += 1),
    onDone: () => (seen.done += 1),
    later: (what) => seen.later.push(what),
    fetch: async (address, options) => {
      seen.asked.push([address, options.method]);
      return answer();
    },
  });
  return { acknowledgements, seen };
}

const answered = (status, body = {}) => () => ({ ok: status < 400, status, json: async () => body });

test("an acknowledgement shows before the server has answered", () => {
  const { acknowledgements, seen } = setup(() => new Promise(() => {}));

  acknowledgements.give(incident().id);

  const shown = acknowledgements.seen(incident());
  assert.deepEqual(whoText(shown, NOW), { name: "You", rest: "acknowledged just now", mark: "" });
  assert.deepEqual(seen.asked, [["/incidents/INC-20261121-0003/acknowledge", "POST"]]);
  assert.equal(seen.changes, 1);
});

test("one that is refused is taken back and says why", async () => {
  const { acknowledgements } = setup(answered(409, { detail: "INC-20261121-0003 was acknowledged by Mara already" }));

  await acknowledgements.give(incident().id);

  assert.equal(acknowledgements.seen(incident()).stage, "new");
  assert.equal(acknowledgements.refusal(incident()), "Refused: INC-20261121-0003 was acknowledged by Mara already.");
});

test("no answer is told as such and not as done", async () => {
  const { acknowledgements } = setup(() => Promise.reject(new Error("offline")));

  await acknowledgements.give(incident().id);

  assert.match(acknowledgements.refusal(incident()), /No answer from the server/);
});

test("the snapshot that knows it speaks from then on", async () => {
  const { acknowledgements, seen } = setup(answered(200));
  await acknowledgements.give(incident().id);

  const known = incident({ stage: "acknowledged", acknowledged_by: "Mara Lind", acknowledged_at: NOW });

  assert.equal(acknowledgements.seen(known).acknowledged_by, "Mara Lind");
  assert.equal(acknowledgements.seen(incident()).stage, "new");
  assert.equal(seen.done, 1);
});

test("what no snapshot ever confirms is not shown for ever", async () => {
  const { acknowledgements, seen } = setup(answered(200));
  await acknowledgements.give(incident().id);

  seen.later.forEach((what) => what());

  assert.equal(acknowledgements.seen(incident()).stage, "new");
});

test("pressing twice asks once", () => {
  const { acknowledgements, seen } = setup(() => new Promise(() => {}));

  acknowledgements.give(incident().id);
  acknowledgements.give(incident().id);

  assert.equal(seen.asked.length, 1);
});

test("a card says who acknowledged and when, or that nobody has", () => {
  const taken = incident({ stage: "acknowledged", acknowledged_by: "Mara Lind", acknowledged_at: NOW - 125_000 });

  assert.deepEqual(whoText(taken, NOW), { name: "Mara Lind", rest: "acknowledged 2 min ago", mark: "ML" });
  assert.equal(whoText(incident(), NOW).rest, "Nobody has acknowledged");
  assert.equal(whoText(incident({ stage: "investigating" }), NOW).rest, "Somebody looks into it");
  assert.equal(whoText({ ...taken, acknowledged_by: "anonymous" }, NOW).name, "Somebody");
});

test("initials are those of the first and the last name, whatever the script", () => {
  assert.deepEqual(["Mara Lind", "Ana de la Cruz", "mara", "😀 x", ""].map(initials), ["ML", "AC", "M", "😀X", ""]);
});

test("of many cards only the first that nobody has taken has the primary button", () => {
  const { acknowledgements } = setup(answered(200));
  const cards = [
    card("none", null),
    card("taken", incident({ id: "1", stage: "acknowledged", acknowledged_by: "Mara" })),
    card("first", incident({ id: "2" })),
    card("second", incident({ id: "3" })),
  ];

  const found = withPrimary(cards, true, acknowledgements);

  assert.deepEqual(found.map((each) => [each.may, each.primary]), [[false, false], [false, false], [true, true], [true, false]]);
});

test("viewers have no button", () => {
  const { acknowledgements } = setup(answered(200));

  assert.equal(withPrimary([card("first", incident())], false, acknowledgements)[0].may, false);
});

test("the key takes the card in focus, and without one only goes to the first", () => {
  const done = [];
  const button = { click: () => done.push("click"), closest: () => ({ querySelector: () => ({ focus: () => done.push("focus") }) }) };
  const within = { closest: () => ({ querySelector: () => button }) };

  pressed({ activeElement: within, querySelector: () => button });
  pressed({ activeElement: { closest: () => ({ querySelector: () => null }) }, querySelector: () => button });
  pressed({ activeElement: { closest: () => null }, querySelector: () => button });
  pressed({ activeElement: null, querySelector: () => null });

  assert.deepEqual(done, ["click", "focus"]);
});

test("the bar says whether paging works", () => {
  const paging = { configured: true, pending: 0, dead: 0, lost: {}, failing: [] };

  assert.equal(pagingText(paging).text, "Paging works");
  assert.equal(pagingText({ ...paging, pending: 2 }).text, "Paging: 2 waiting");
  assert.equal(pagingText({ ...paging, pending: 2, failing: ["ops-mail"] }).text, "Paging fails: ops-mail");
  assert.equal(pagingText({ ...paging, failing: ["a", "b", "c"] }).text, "Paging fails: a and 2 more");
  assert.equal(pagingText({ ...paging, configured: false }).text, "Nobody is paged");
  assert.equal(pagingText(undefined).text, "Nobody is paged");
});

test("while nothing is measured paging is not said to work", () => {
  assert.equal(pagingText({ configured: true, pending: 0, failing: [] }, true).text, "Paging unknown");
});

test("banners tell what was lost, and what does not get through", () => {
  const paging = { configured: true, pending: 4, dead: 3, lost: { "ops-mail": 3 }, failing: ["ops-mail", "chat"] };

  const texts = noticesOf({ snapshot: { paging }, store: "ok" }).map((notice) => notice.text);

  assert.deepEqual(texts, ["3 alerts could not be delivered by ops-mail", "chat takes no alerts at present"]);
});

test("the banner for nobody paged names the next action", () => {
  const [notice] = noticesOf({ snapshot: { paging: { configured: false } }, store: "ok" });

  assert.equal(notice.hint, "Add a [[channel]] to config.toml: a webhook, for example.");
});
