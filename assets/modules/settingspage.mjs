// The Settings page: one's own account, and for admins people and keys.

import { el } from "./dom.mjs";
import { isPlaced, PLACED } from "./mounts.mjs";
import { FIRST_ADMIN, session } from "./session.mjs";
import { accountSection } from "./settingsaccount.mjs";
import { keysSection } from "./settingskeys.mjs";
import { peopleSection } from "./settingspeople.mjs";

const PATH = "/settings";
const AGAIN_MS = 30_000;

export class SettingsPage {
  constructor({ clock, fetch }) {
    const given = { clock, fetch };
    this.sections = [accountSection(given), peopleSection(given), keysSection(given)];
    this.ask = el("p", { class: "muted" }, "Admins add people and make keys for programs and walls. Ask one of them when you need something.");
    const [lead, command, rest] = FIRST_ADMIN;
    this.first = el("p", { class: "muted" }, lead, el("code", {}, command), rest);
    this.others = el("section", { class: "set-section", "aria-labelledby": "set-others" }, el("h2", { id: "set-others" }, "People and keys"), this.ask, this.first);
    this.audit = el("p", { class: "set-section" }, el("a", { class: "text-link", href: "/audit", "data-internal": "" }, "Audit: who changed what, and when"));
    this.node = el("div", { class: "set-root" }, ...this.sections.map((each) => each.node), this.others, this.audit);
    this.loadedFor = null;
    this.loadedAt = -Infinity;
  }

  // With each snapshot and each change of who looks. Whoever comes back sees no secret again.
  draw() {
    if (location.pathname !== PATH) for (const each of this.sections) each.leave();
    if (location.pathname !== PATH || !isPlaced(this.node) || session.told === null) return;
    this.others.hidden = session.isAdmin;
    this.ask.hidden = session.setupNeeded;
    this.first.hidden = !session.setupNeeded;
    this.audit.hidden = !session.isOperator;
    const who = `${session.name} ${session.told.role} ${session.refused}`;
    if (who !== this.loadedFor || performance.now() - this.loadedAt > AGAIN_MS) {
      this.loadedFor = who;
      this.loadedAt = performance.now();
      for (const each of this.sections) each.load();
    }
    for (const each of this.sections) each.draw();
  }

  start() {
    session.onChange(() => this.draw());
    document.addEventListener(PLACED, () => {
      // Who opens the page wants what is so now.
      if (location.pathname === PATH) this.loadedFor = null;
      this.draw();
    });
  }
}
