// Keys of programs and tokens of walls and jobs, for admins: made (and shown once), listed, revoked.

import { el, reconcile, setAttr, setText } from "./dom.mjs";
import { count, moment } from "./format.mjs";
import { session } from "./session.mjs";
import { ask, cell, confirmed, copyButton, labelled, orderForm, refusalOf, selectField, table, textField } from "./settingsforms.mjs";
import { whole } from "./wholelist.mjs";
import { current as currentZone } from "./zone.mjs";

const PATH = "/api/v1/keys";
export const KINDS = { api: "API key", wall: "wall", heartbeat: "heartbeat", status: "status page" };
const MADE = { wall: "wall's token", heartbeat: "heartbeat's token" };
export const SCOPES = [
  ["read", "Read everything"],
  ["operate", "Operate: all that an operator may"],
  ["admin", "Administer: people and keys too"],
  ["metrics", "Push metrics only"],
  ["results", "Report results of checks only"],
  ["test", "Send a test by a channel only"],
];
const LENGTHS = [["90", "90 days"], ["30", "30 days"], ["365", "1 year"], ["", "for ever"]];

// How a new key is used: a label, and the text to copy.
export function useOf({ kind, secret }, origin) {
  if (kind === "wall") return { label: "Open this address on the wall's screen. It stays open until it is revoked here.", text: `${origin}/wall?token=${secret}` };
  if (kind === "heartbeat") return { label: "Call this at the end of the job.", text: `curl -fsS -m 10 --retry 5 ${origin}/ping/${secret}` };
  return { label: "Send it with each request, in the header “Authorization: Bearer noc_…”.", text: secret };
}

// What a key opens, in few words.
export function opensText({ kind, scopes, subject }) {
  if (kind === "api") return scopes.join(", ");
  return kind === "heartbeat" ? `pings of ${subject}` : kind === "wall" ? "the wall, to look at" : "the status page";
}

export function endText(key, now, zone) {
  if (key.revoked_at) return `revoked ${moment(Date.parse(key.revoked_at), now, zone)}`;
  if (!key.expires_at) return "never";
  const at = Date.parse(key.expires_at);
  return at <= now ? `expired ${moment(at, now, zone)}` : dayText(at, zone);
}

function dayText(at, zone) {
  return new Intl.DateTimeFormat("en-GB", { timeZone: zone, day: "numeric", month: "short", year: "numeric" }).format(at);
}

function keyRow({ revoke }) {
  let key = null;
  const name = el("strong");
  const prefix = el("code", { class: "muted" });
  const kind = cell("Kind", {});
  const opens = cell("Opens", {});
  const made = cell("Made", {});
  const used = cell("Last used", { class: "number" });
  const ends = cell("Ends", { class: "number" });
  const end = el("button", { type: "button", class: "text-button" }, "Revoke");
  const node = el("tr", {}, cell("Name", {}, name, " ", prefix), kind, opens, made, used, ends, cell("", { class: "set-acts" }, end));
  end.addEventListener("click", () => revoke(key));
  return {
    node,
    update({ key: one, now, zone }) {
      key = one;
      setText(name, one.name);
      setText(prefix, `noc_${one.prefix}…`);
      setText(kind, KINDS[one.kind] ?? one.kind);
      setText(opens, opensText(one));
      setText(made, `${moment(Date.parse(one.created_at), now, zone)} by ${one.created_by}`);
      setText(used, one.last_used_at ? moment(Date.parse(one.last_used_at), now, zone) : "never");
      setText(ends, endText(one, now, zone));
      setAttr(node, "data-off", one.in_force ? null : "");
      end.hidden = one.revoked_at !== null || !one.in_force;
      setAttr(end, "aria-label", `Revoke ${one.name}`);
    },
  };
}

function choiceOf(legend, name, options) {
  const inputs = options.map(([value], at) => el("input", { type: "radio", name, value, ...(at === 0 ? { checked: "" } : {}) }));
  const node = el("fieldset", { class: "segmented" }, el("legend", {}, legend), ...options.map(([, text], at) => el("label", { class: "segment-choice" }, inputs[at], el("span", {}, text))));
  return { node, value: () => inputs.find((each) => each.checked)?.value };
}

function scopeChoice() {
  const boxes = SCOPES.map(([value]) => el("input", { type: "checkbox", value, ...(value === "read" ? { checked: "" } : {}) }));
  const labels = SCOPES.map(([value, text], at) => el("label", { class: "ticked" }, boxes[at], el("span", {}, el("code", {}, value), " ", el("span", { class: "muted" }, text))));
  const node = el("fieldset", { class: "set-scopes" }, el("legend", {}, "What it opens"), ...labels);
  return { node, value: () => boxes.filter((each) => each.checked).map((each) => each.value) };
}

// The secrets of new keys, which stand nowhere else: each until it is closed, or the page is left.
function secretPanels() {
  const node = el("div");
  return {
    node,
    forget: () => node.replaceChildren(),
    show(made) {
      const panel = secretPanel(made);
      node.append(panel);
      panel.querySelector("h3").focus();
    },
  };
}

function secretPanel(made) {
  const how = useOf(made, location.origin);
  const use = el("code", { class: "secret" }, how.text);
  const done = el("button", { type: "button", class: "button" }, "Done, I have it");
  const node = el(
    "section",
    { class: "set-once", "aria-label": `The new key ${made.name}` },
    el("h3", { tabindex: "-1" }, `The ${MADE[made.kind] ?? "key"} “${made.name}” is made`),
    el("p", {}, "Copy it now: it is not shown again."),
    el("p", { class: "muted" }, how.label),
    el("div", { class: "set-secret" }, use, copyButton(() => how.text, use)),
    done,
  );
  done.addEventListener("click", () => node.remove());
  return node;
}

export function keysSection({ clock, fetch }) {
  const net = fetch ? { fetch } : {};
  let keys = [];
  let ended = false;
  const reply = el("p", { class: "form-reply", role: "status" });
  const { node: list, body } = table("Keys", ["Name", "Kind", "Opens", "Made", "Last used", "Ends", ""]);
  const none = el("p", { class: "muted" }, "There is no key yet. Make one below for a program, or for the screen on a wall.");
  const more = el("button", { type: "button", class: "text-button", "aria-expanded": "false" });
  const shown = secretPanels();
  const kind = choiceOf("What for", "key-kind", [["api", "A program"], ["wall", "A wall"], ["heartbeat", "A job's heartbeat"]]);
  const name = textField({ name: "key-name", maxlength: 100 });
  const scopes = scopeChoice();
  const subject = textField({ name: "key-subject", class: "inc-field mono" });
  const subjectLabel = labelled("Check of the job", subject, "The name of a check of kind heartbeat. Its earlier token ends.");
  const days = selectField(LENGTHS, { name: "key-days" });
  const making = orderForm(
    "Make a key",
    [kind.node, labelled("Name", name, "Who or what uses it"), scopes.node, subjectLabel, labelled("Holds", days)],
    "Make the key",
    async () => {
      const what = kind.value();
      const asked = { kind: what, name: name.value.trim(), ...(days.value ? { days: Number(days.value) } : {}) };
      if (!asked.name) return "Give it a name, so that others know what it is for.";
      if (what === "api") asked.scopes = scopes.value();
      if (what === "api" && asked.scopes.length === 0) return "Choose what it opens.";
      if (what === "heartbeat") Object.assign(asked, { subject: subject.value.trim(), replaces: true });
      const answer = await ask(PATH, { method: "POST", body: asked, ...net });
      if (!answer.ok) return refusalOf(answer);
      name.value = subject.value = "";
      await load();
      shown.show(answer.body);
      return {};
    },
  );
  const node = el("section", { class: "set-section", "aria-labelledby": "set-keys" }, el("h2", { id: "set-keys" }, "Keys"), none, list, more, reply, shown.node, el("h3", {}, "Make a key"), making.node);

  const fit = () => {
    scopes.node.hidden = kind.value() !== "api";
    subjectLabel.hidden = kind.value() !== "heartbeat";
    // A screen on a wall should not go blank after three months.
    days.value = kind.value() === "api" ? "90" : "";
  };
  kind.node.addEventListener("change", fit);
  fit();
  more.addEventListener("click", () => {
    ended = !ended;
    draw();
  });

  async function revoke(key) {
    const text = key.kind === "wall" ? "The screens that it opened go stale at once." : "Whatever uses it is refused at once. This can't be undone.";
    if (!(await confirmed({ title: `Revoke ${key.name}?`, text, action: "Revoke it" }))) return;
    const answer = await ask(`${PATH}/${key.id}/revoke`, { method: "POST", ...net });
    const refusal = refusalOf(answer);
    setText(reply, refusal || `${key.name} is revoked.`);
    setAttr(reply, "data-refused", refusal ? "" : null);
    load();
  }

  async function load() {
    if (!session.isAdmin) return;
    const answer = await whole((path) => ask(path, net), PATH, "keys", "id");
    if (answer.ok) keys = answer.body.keys;
    draw();
  }

  function draw() {
    node.hidden = !session.isAdmin;
    if (node.hidden) shown.forget();
    const [now, zone] = [clock.now(), currentZone()];
    const over = keys.filter((key) => !key.in_force);
    const rows = ended ? [...keys.filter((key) => key.in_force), ...over] : keys.filter((key) => key.in_force);
    none.hidden = keys.length > 0;
    list.hidden = rows.length === 0;
    more.hidden = over.length === 0;
    setText(more, ended ? "Hide the ended ones" : `Show ${count(over.length, "ended one")}`);
    setAttr(more, "aria-expanded", String(ended));
    reconcile(body, rows.map((key) => ({ key, now, zone })), ({ key }) => key.id, () => keyRow({ revoke }));
  }

  return { node, load, draw, leave: shown.forget };
}
