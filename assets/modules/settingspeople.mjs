// The people who may log in, for admins: added, given a role, switched off, a new password, removed.

import { el, reconcile, setAttr, setText } from "./dom.mjs";
import { count, moment } from "./format.mjs";
import { session } from "./session.mjs";
import { ask, boxed, cell, confirmed, copyButton, labelled, orderForm, refusalOf, selectField, suggested, table, textField } from "./settingsforms.mjs";
import { whole } from "./wholelist.mjs";
import { current as currentZone } from "./zone.mjs";

const PATH = "/api/v1/people";
const ROLES = [["viewer", "viewer"], ["operator", "operator"], ["admin", "admin"]];

// When somebody was last seen, of the sessions in force; empty when nobody is logged in.
export function seenText(person, now, zone) {
  const last = Math.max(...person.sessions.map((each) => Date.parse(each.seen_at)));
  return person.sessions.length === 0 ? "not logged in" : `${moment(last, now, zone)}, ${count(person.sessions.length, "login")}`;
}

// A field for somebody else's new password: it is readable, for it has to be told.
function passwordField() {
  const field = textField({ class: "inc-field mono", name: "password", autocomplete: "new-password" });
  const fill = el("button", { type: "button", class: "button" }, "Suggest");
  fill.addEventListener("click", () => {
    field.value = suggested();
    field.select();
  });
  return { field, node: el("span", { class: "set-joined" }, field, fill) };
}

function personRow({ act, open }) {
  let person = null;
  const name = el("strong");
  const you = el("span", { class: "tag" }, "you");
  const off = el("span", { class: "tag" }, "switched off");
  const role = selectField(ROLES, { class: "select set-role" });
  const seen = cell("Last seen", {});
  const since = cell("Since", { class: "number" });
  const fresh = el("button", { type: "button", class: "text-button" }, "New password");
  const toggle = el("button", { type: "button", class: "text-button" });
  const remove = el("button", { type: "button", class: "text-button" }, "Remove");
  const node = el("tr", {}, cell("Name", {}, name, " ", you, " ", off), cell("Role", {}, boxed(role)), seen, since, cell("", { class: "set-acts" }, fresh, toggle, remove));
  role.addEventListener("change", async () => {
    const fine = await act(person, "PATCH", { role: role.value }, `${person.name} is ${role.value} from now on, and has to log in again.`);
    if (!fine) role.value = person.role;
  });
  fresh.addEventListener("click", () => open(person));
  toggle.addEventListener("click", () => act(person, "PATCH", { enabled: !person.enabled }, person.enabled ? `${person.name} is switched off and logged out.` : `${person.name} may log in again.`));
  remove.addEventListener("click", async () => {
    const text = "All logins end at once. What was done by that name stays in the timelines and in the audit.";
    if (await confirmed({ title: `Remove ${person.name}?`, text, action: `Remove ${person.name}` })) act(person, "DELETE", {}, `${person.name} is removed.`);
  });
  return {
    node,
    update({ person: one, now, zone }) {
      person = one;
      setText(name, one.name);
      you.hidden = one.name !== session.name;
      off.hidden = one.enabled;
      setAttr(node, "data-off", one.enabled ? null : "");
      if (document.activeElement !== role) role.value = one.role;
      setAttr(role, "aria-label", `Role of ${one.name}`);
      setText(seen, seenText(one, now, zone));
      setText(since, moment(Date.parse(one.created_at), now, zone));
      setText(toggle, one.enabled ? "Switch off" : "Switch on");
      for (const [button, verb] of [[fresh, "New password for"], [toggle, one.enabled ? "Switch off" : "Switch on"], [remove, "Remove"]]) setAttr(button, "aria-label", `${verb} ${one.name}`);
    },
  };
}

export function peopleSection({ clock, fetch }) {
  const net = fetch ? { fetch } : {};
  let people = [];
  let whose = null;
  const reply = el("p", { class: "form-reply", role: "status" });
  const { node: list, body } = table("People", ["Name", "Role", "Last seen", "Since", ""]);
  const name = textField({ name: "name" });
  const role = selectField(ROLES, { name: "role" });
  const first = passwordField();
  const told = toldPanels();
  const adding = orderForm(
    "Add somebody",
    [labelled("Name", name), labelled("Role", role), labelled("First password", first.node, "At least 10 characters. It can be changed in the settings.")],
    "Add",
    async () => {
      const asked = { name: name.value.trim(), role: role.value, password: first.field.value };
      if (!asked.name || !asked.password) return "A name and a password are needed.";
      const answer = await ask(PATH, { method: "POST", body: asked, ...net });
      if (!answer.ok) return refusalOf(answer);
      told.show(answer.body.name, asked.password);
      name.value = first.field.value = "";
      await load();
      return { said: `${answer.body.name} may log in.` };
    },
    { class: "set-form set-form-row" },
  );
  const next = passwordField();
  const heading = el("h3", { tabindex: "-1" });
  const cancel = el("button", { type: "button", class: "text-button" }, "Cancel");
  const renewing = orderForm(
    "New password",
    [heading, labelled("New password", next.node, "All logins of that person end.")],
    "Set it",
    async () => {
      if (!next.field.value) return "Write a password, or have one suggested.";
      const password = next.field.value;
      const answer = await ask(`${PATH}/${encodeURIComponent(whose)}`, { method: "PATCH", body: { password }, ...net });
      if (!answer.ok) return refusalOf(answer);
      close();
      told.show(whose, password);
      await load();
      return {};
    },
    { class: "set-form set-form-narrow", hidden: "" },
  );
  renewing.button.after(cancel);
  cancel.addEventListener("click", close);
  const node = el("section", { class: "set-section", "aria-labelledby": "set-people" }, el("h2", { id: "set-people" }, "People"), list, reply, renewing.node, told.node, el("h3", {}, "Add somebody"), adding.node);

  function open(person) {
    whose = person.name;
    setText(heading, `New password for ${whose}`);
    next.field.value = "";
    renewing.say("");
    renewing.node.hidden = false;
    next.field.focus();
  }

  function close() {
    renewing.node.hidden = true;
    next.field.value = "";
    body.querySelector(`[aria-label="New password for ${CSS.escape(whose)}"]`)?.focus();
  }

  async function act(person, method, given, said) {
    const answer = await ask(`${PATH}/${encodeURIComponent(person.name)}`, { method, body: given, ...net });
    const refusal = refusalOf(answer);
    setText(reply, refusal || said);
    setAttr(reply, "data-refused", refusal ? "" : null);
    if (answer.ok && person.name === session.name) session.ask();
    await load();
    return answer.ok;
  }

  async function load() {
    if (!session.isAdmin) return;
    const answer = await whole((path) => ask(path, net), PATH, "people");
    if (answer.ok) people = answer.body.people;
    draw();
  }

  function draw() {
    node.hidden = !session.isAdmin;
    if (node.hidden) told.forget();
    const [now, zone] = [clock.now(), currentZone()];
    reconcile(body, people.map((person) => ({ person, now, zone })), ({ person }) => person.name, () => personRow({ act, open }));
  }

  return { node, load, draw, leave: told.forget };
}

// What has to be told to somebody, shown once: each stays until it is closed, or the page is left.
function toldPanels() {
  const node = el("div", { role: "status" });
  return {
    node,
    forget: () => node.replaceChildren(),
    // A second password of one person takes the place of the first, which no longer holds.
    show(name, password) {
      [...node.children].find((each) => each.dataset.name === name)?.remove();
      node.append(toldPanel(name, password));
    },
  };
}

function toldPanel(name, password) {
  const text = el("code", { class: "secret" }, password);
  const done = el("button", { type: "button", class: "text-button", "aria-label": `Done with the password of ${name}` }, "Done");
  const who = el("p", {}, `The password of ${name}. Tell it now: it is not shown again.`);
  const node = el("div", { class: "set-once", "data-name": name }, who, el("div", { class: "set-secret" }, text, copyButton(() => password, text)), done);
  done.addEventListener("click", () => node.remove());
  return node;
}
