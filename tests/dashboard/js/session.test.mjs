// Who looks: a login that ends, what those are told who may only look, the settings' and audit's words.

import assert from "node:assert/strict";
import { test } from "node:test";

import { accountOf, loginNotices } from "../../../assets/modules/account.mjs";
import * as audit from "../../../assets/modules/audit.mjs";
import { judge } from "../../../assets/modules/freshness.mjs";
import { loginAddress, mayNot, Session } from "../../../assets/modules/session.mjs";
import { browserName } from "../../../assets/modules/settingsaccount.mjs";
import { refusalOf, suggested } from "../../../assets/modules/settingsforms.mjs";
import { endText, opensText, useOf } from "../../../assets/modules/settingskeys.mjs";
import { Poller } from "../../../assets/modules/snapshot.mjs";

const NOW = Date.UTC(2026, 10, 21, 12, 0, 0);
const ANN = { via: "session", name: "ann", role: "admin", setup_needed: false };
const NOBODY = { via: "anonymous", name: "anonymous", role: "viewer", setup_needed: false };
globalThis.location ??= { pathname: "/", search: "" };

function told(...answers) {
  const asked = [];
  const fetch = async (address, options = {}) => {
    asked.push(options.method ?? "GET");
    return { ok: true, json: async () => answers[Math.min(asked.length, answers.length) - 1] };
  };
  return { who: new Session({ fetch, now: () => 0 }), asked };
}

test("a login leads back to where it was asked for", () => {
  assert.equal(loginAddress({ pathname: "/incidents", search: "?show=open" }), "/login?next=%2Fincidents%3Fshow%3Dopen");
});

test("nobody is offered a login before it is known who looks, nor while there is no admin", () => {
  const { who } = told(NOBODY);
  assert.equal(accountOf(who).kind, "none");

  who.take({ ...NOBODY, setup_needed: true });
  assert.equal(accountOf(who).kind, "setup");
  assert.match(mayNot(who), /link printed in the terminal/);

  who.take(NOBODY);
  assert.equal(accountOf(who).kind, "out");
  assert.equal(mayNot(who, "save this"), "Log in to save this.");
});

test("somebody who is logged in is told by name that the role does not allow it", () => {
  const { who } = told(ANN);
  who.take({ ...ANN, name: "eve", role: "viewer" });

  assert.deepEqual(accountOf(who), { kind: "in", name: "eve", role: "viewer" });
  assert.equal(mayNot(who), "Operators may do this; eve may only look.");
  assert.equal(who.canLogIn, false);
});

test("a refused poll ends what was known of the login, and a good one brings it back", () => {
  const { who, asked } = told(ANN);
  who.take(ANN);
  who.polled({ refused: false, role: "operator" });

  who.polled({ refused: true });
  assert.deepEqual([who.name, who.isAdmin, who.canLogIn, who.ended], ["", false, true, true]);

  who.polled({ refused: false, role: "operator" });
  assert.equal(who.name, "ann");
  assert.ok(asked.length >= 2);
});

test("a login that ends while anybody may look is told above the page; one that was left is not", async () => {
  const { who } = told(NOBODY);
  who.take(ANN);
  await who.ask();
  assert.match(loginNotices(who)[0].text, /You are logged out/);

  const { who: left, asked } = told({ state: "logged out" }, NOBODY);
  left.take(ANN);
  assert.equal(await left.leave(), true);
  assert.deepEqual(asked, ["DELETE", "GET"]);
  assert.deepEqual(loginNotices(left), []);
});

test("a screen that is refused its data is stale at once, however new the data is", () => {
  const judgement = judge({ beatAge: 500, silence: 500, watched: 90_000, refused: true });

  assert.deepEqual(judgement, { level: "stale", age: 500, reason: "login" });
});

test("a poll that is refused is told as such, and what was unchanged is asked for anew", async () => {
  const answers = [401, 503];
  const seen = [];
  const poller = new Poller({
    clock: { reading: () => ({}), elapsed: () => 0, answered: () => seen.push("answered") },
    onAnswer: () => {},
    onSnapshot: () => {},
    onRefused: () => seen.push("refused"),
    fetch: async () => ({ status: answers.shift(), headers: new Headers() }),
  });
  poller.etag = "x";

  await poller.ask();
  await poller.ask();

  assert.deepEqual(seen, ["refused"]);
  assert.equal(poller.etag, null);
});

test("what a new key is for decides what is copied", () => {
  const origin = "https://noc.example";
  assert.equal(useOf({ kind: "wall", secret: "noc_a" }, origin).text, "https://noc.example/wall?token=noc_a");
  assert.match(useOf({ kind: "heartbeat", secret: "noc_a" }, origin).text, /^curl .* https:\/\/noc\.example\/ping\/noc_a$/);
  assert.equal(useOf({ kind: "api", secret: "noc_a" }, origin).text, "noc_a");
});

test("a key's row says what it opens and when it ends", () => {
  assert.equal(opensText({ kind: "api", scopes: ["read", "metrics"] }), "read, metrics");
  assert.equal(opensText({ kind: "heartbeat", subject: "backup" }), "pings of backup");
  assert.equal(endText({ revoked_at: null, expires_at: null }, NOW, "UTC"), "never");
  assert.equal(endText({ revoked_at: null, expires_at: "2026-11-21T10:00:00Z" }, NOW, "UTC"), "expired 10:00 UTC");
  assert.equal(endText({ revoked_at: "2026-11-21T11:00:00Z", expires_at: null }, NOW, "UTC"), "revoked 11:00 UTC");
});

test("a suggested password is long and easy to tell, and high bytes make no letter likelier", () => {
  const given = [255, 0, 1, 224, 2];
  const some = () => Uint8Array.from({ length: 32 }, (_, at) => given[at % given.length]);

  assert.match(suggested(some), /^[abc]{5}(-[abc]{5}){3}$/);
  assert.match(suggested(), /^([a-km-zA-HJ-NP-Z2-9]{5}-){3}[a-km-zA-HJ-NP-Z2-9]{5}$/);
});

test("refusals read as sentences", () => {
  assert.equal(refusalOf({ ok: true }), "");
  assert.equal(refusalOf({ ok: false, status: 409, body: { detail: "this is the last admin: make another one first" } }), "This is the last admin: make another one first.");
  assert.match(refusalOf({ ok: false, status: null }), /No answer/);
});

test("browsers are told by their names", () => {
  assert.equal(browserName("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/120 Safari/537.36 Edg/120"), "Edge on Linux");
  assert.equal(browserName("curl/8.5"), "curl");
  assert.equal(browserName(""), "Unknown browser");
});

test("the audit's filter is its address, and nothing else is believed there", () => {
  const filter = audit.parse("?actor=ann&kind=check&hours=24&from=2026-11-01&other=1");
  assert.deepEqual(filter, { actor: "ann", kind: "check", name: "", hours: "24", from: "", to: "" });
  assert.equal(audit.format({ ...filter, actor: "" }, "?other=1&actor=ann"), "?other=1&kind=check&hours=24");
  assert.equal(audit.parse("?hours=7&from=yesterday").from, "");
});

test("a page and the next one ask for the same period", () => {
  const filter = audit.parse("?hours=24");
  const first = audit.addressOf(filter, { now: NOW + 1000 });
  const next = audit.addressOf(filter, { now: NOW + 2000, cursor: "7" });

  assert.equal(next, `${first}&cursor=7`);
});

test("a change is told by what differs, one that is new by all it has", () => {
  const edited = { name: "x", before: { enabled: true, match: { tags: ["a"] } }, after: { enabled: false, match: { tags: ["a", "b"] } } };
  assert.deepEqual(audit.differences(edited), [
    { key: "enabled", before: "yes", after: "no" },
    { key: "match.tags", before: "a", after: "a, b" },
  ]);
  assert.deepEqual(audit.differences({ name: "x", before: null, after: { name: "x", kind: "http" } }), [{ key: "kind", before: null, after: "http" }]);
  assert.equal(audit.actionText({ action: "publish", before: null, after: {} }), "added in the file");
});

test("new lines are laid over those that are known, unless there may be a gap", () => {
  const lines = (...ids) => ids.map((id) => ({ id }));
  assert.deepEqual(audit.merged(lines(3, 2, 1), lines(5, 4, 3)), { lines: lines(5, 4, 3, 2, 1), whole: true });
  assert.deepEqual(audit.merged(lines(3, 2, 1), lines(9, 8, 7)), { lines: lines(9, 8, 7), whole: false });
});
