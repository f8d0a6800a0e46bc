// One's own account: who one is, another password, the browsers that are logged in.

import { el, reconcile, setText } from "./dom.mjs";
import { moment, span } from "./format.mjs";
import { mayNot, loginLink, session, SETUP } from "./session.mjs";
import { ask, cell, labelled, orderForm, refusalOf, table, textField } from "./settingsforms.mjs";
import { whole } from "./wholelist.mjs";
import { current as currentZone } from "./zone.mjs";

const BROWSERS = [["Edg/", "Edge"], ["OPR/", "Opera"], ["Firefox/", "Firefox"], ["Chrome/", "Chrome"], ["Safari/", "Safari"], ["curl/", "curl"]];
const SYSTEMS = [["Android", "Android"], ["iPhone", "iPhone"], ["iPad", "iPad"], ["Windows", "Windows"], ["Mac OS X", "macOS"], ["Linux", "Linux"]];
export const MAY = {
  viewer: "You may look at everything.",
  operator: "You may also act: check, pause, acknowledge, silence, change thresholds.",
  admin: "You may do everything, and add people and keys.",
};

// "Firefox on Linux" out of what a browser says of itself.
export function browserName(agent) {
  const find = (known) => known.find(([mark]) => agent.includes(mark))?.[1];
  const browser = find(BROWSERS);
  const system = find(SYSTEMS);
  if (!browser) return system ?? (agent.slice(0, 40) || "Unknown browser");
  return system ? `${browser} on ${system}` : browser;
}

function ago(iso, now) {
  const seconds = (now - Date.parse(iso)) / 1000;
  return seconds < 60 ? "just now" : `${span(seconds)} ago`;
}

function sessionRow() {
  const what = el("span");
  const here = el("span", { class: "tag" }, "this one");
  const address = cell("Address", { class: "number" });
  const began = cell("Since", { class: "number" });
  const seen = cell("Last used", {});
  const node = el("tr", {}, cell("Browser", {}, what, " ", here), address, began, seen);
  return {
    node,
    update({ session: one, now, zone }) {
      setText(what, browserName(one.agent));
      node.title = one.agent;
      here.hidden = !one.here;
      setText(address, one.address);
      setText(began, moment(Date.parse(one.created_at), now, zone));
      setText(seen, ago(one.seen_at, now));
    },
  };
}

export function accountSection({ clock, fetch }) {
  const net = fetch ? { fetch } : {};
  let sessions = [];
  const who = el("p", { class: "set-who" });
  const may = el("p", { class: "muted" });
  const login = loginLink("Log in", { class: "button", "data-primary": "" });
  const current = textField({ type: "password", autocomplete: "current-password", name: "current" });
  const fresh = textField({ type: "password", autocomplete: "new-password", name: "new" });
  // For password keepers, which want to know whose it is.
  const name = el("input", { type: "text", autocomplete: "username", hidden: "", "aria-hidden": "true", tabindex: "-1" });
  const password = orderForm(
    "Change your password",
    [name, labelled("Password so far", current), labelled("New password", fresh, "At least 10 characters. Your other logins end.")],
    "Change password",
    async () => {
      if (!current.value || !fresh.value) return "Fill in both.";
      const answer = await ask("/api/v1/account/password", { method: "POST", body: { current: current.value, new: fresh.value }, ...net });
      if (!answer.ok) return refusalOf(answer);
      current.value = fresh.value = "";
      await load();
      return { said: "Changed. Your other logins have ended." };
    },
    { class: "set-form set-form-narrow" },
  );
  const { node: list, body } = table("Your logins", ["Browser", "Address", "Since", "Last used"]);
  const others = el("button", { type: "button", class: "button" }, "Log out everywhere else");
  const leave = el("button", { type: "button", class: "button" }, "Log out");
  const reply = el("p", { class: "form-reply", role: "status" });
  const mine = el(
    "div",
    { class: "set-mine" },
    el("div", { class: "set-part" }, el("h3", {}, "Your logins"), list, el("div", { class: "set-form-end" }, leave, others, reply)),
    el("div", { class: "set-part" }, el("h3", {}, "Your password"), password.node),
  );
  const node = el("section", { class: "set-section", "aria-labelledby": "set-account" }, el("h2", { id: "set-account" }, "Your account"), who, may, login.node, mine);

  async function load() {
    if (!session.loggedIn) return;
    const answer = await whole((path) => ask(path, net), "/api/v1/account/sessions", "sessions", (each) => `${each.created_at} ${each.address} ${each.agent}`);
    if (answer.ok) sessions = answer.body.sessions;
    draw();
  }

  others.addEventListener("click", async () => {
    const answer = await ask("/api/v1/account/sessions/end", { method: "POST", ...net });
    const ended = answer.body?.ended;
    setText(reply, refusalOf(answer) || (ended === 1 ? "1 login ended." : `${ended} logins ended.`));
    load();
  });
  leave.addEventListener("click", async () => {
    if (!(await session.leave())) setText(reply, "Not logged out: no answer from the server.");
  });

  function draw() {
    const [now, zone] = [clock.now(), currentZone()];
    const inside = session.loggedIn;
    mine.hidden = !inside;
    login.update();
    name.value = session.name;
    others.hidden = sessions.length < 2;
    if (inside) {
      who.replaceChildren(el("strong", {}, session.name), `, ${session.told.role}`);
      setText(may, MAY[session.told.role] ?? "");
    } else {
      setText(who, "You are not logged in.");
      const open = session.isOperator ? "Whoever uses this machine may act without a login." : SETUP;
      setText(may, session.setupNeeded ? open : mayNot(session, "change things"));
    }
    reconcile(body, sessions.map((each) => ({ session: each, now, zone })), ({ session: each }) => `${each.created_at} ${each.address} ${each.agent}`, sessionRow);
  }

  return { node, load, draw, leave: () => setText(reply, "") };
}
