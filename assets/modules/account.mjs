// The foot of the navigation, and on a phone the end of the bar: who is logged in, in and out.

import { el, icon, setAttr, setText } from "./dom.mjs";
import { loginAddress, session, SETUP } from "./session.mjs";

// What stands there: `in` (name and role), `out` (a link to the login), `setup`, or nothing yet.
export function accountOf(who) {
  if (who.loggedIn) return { kind: "in", name: who.name, role: who.told.role };
  if (who.canLogIn) return { kind: "out" };
  return who.setupNeeded ? { kind: "setup" } : { kind: "none" };
}

export function accountView() {
  const name = el("strong", { class: "account-name" });
  const role = el("span", { class: "account-role" });
  const settings = el("a", { class: "account-who", href: "/settings", "data-internal": "" }, icon("person"), el("span", { class: "account-words" }, name, role));
  const leave = el("button", { type: "button", class: "text-button account-leave" }, "Log out");
  const login = el("a", { class: "account-login" }, icon("login"), el("span", {}, "Log in"));
  const setup = el("p", { class: "account-setup" });
  const failed = el("p", { class: "account-failed", role: "status" });
  const inside = el("div", { class: "account-in" }, settings, leave);
  const node = el("div", { class: "account", role: "group", "aria-label": "Account" }, inside, login, setup, failed);
  leave.addEventListener("click", async () => {
    setText(failed, "");
    setAttr(leave, "aria-busy", "true");
    const left = await session.leave();
    setAttr(leave, "aria-busy", null);
    if (!left) setText(failed, "Not logged out: no answer.");
    else if (!login.hidden) login.focus();
  });
  return {
    node,
    update() {
      const shown = accountOf(session);
      inside.hidden = shown.kind !== "in";
      login.hidden = shown.kind !== "out";
      setup.hidden = shown.kind !== "setup";
      // Where everybody may act already, an admin is needed for people and keys alone.
      setText(setup, session.isOperator ? "No admin yet: see the settings." : SETUP);
      setAttr(node, "data-kind", shown.kind);
      if (shown.kind === "in") {
        setText(name, shown.name);
        setText(role, shown.role);
        setAttr(settings, "title", `${shown.name}, ${shown.role}: settings`);
      }
      if (shown.kind === "out") setAttr(login, "href", loginAddress(location));
    },
  };
}

// The same in one button, for the bar of a phone.
export function accountButton() {
  const node = el("a", { class: "icon-button account-button" });
  let last = "";
  return {
    node,
    update() {
      const { kind, name, role } = accountOf(session);
      const out = kind === "out";
      setAttr(node, "href", out ? loginAddress(location) : "/settings");
      setAttr(node, "data-internal", out ? null : "");
      setAttr(node, "aria-label", out ? "Log in" : kind === "in" ? `${name}, ${role}: settings` : "Settings");
      if (last === kind) return;
      last = kind;
      node.replaceChildren(icon(out ? "login" : "person"));
    },
  };
}

// What is said above the page of a login that ended while anybody may still look.
export function loginNotices(who = session) {
  if (!who.ended || who.refused || who.loggedIn) return [];
  return [{ level: "warning", text: "You are logged out: you may look, but change nothing.", link: { text: "Log in", href: loginAddress(location) } }];
}
