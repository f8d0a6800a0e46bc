// The Audit page: filters in the address, a table that grows page by page, the newest first.

import { addressOf, actionText, differences, folded, format, kindWord, linkOf, merged, narrows, parse, PERIODS } from "./audit.mjs";
import { el, reconcile, setAttr, setText } from "./dom.mjs";
import { count, moment, zoneName } from "./format.mjs";
import { isPlaced } from "./mounts.mjs";
import { setSearch } from "./router.mjs";
import { loginLink, mayNot, session } from "./session.mjs";
import { ask, boxed, cell, labelled, refusalOf, table } from "./settingsforms.mjs";
import { CHANGED as ZONE_CHANGED, current as currentZone } from "./zone.mjs";

const PATH = "/audit";
const TYPED_MS = 300;

function changeLine(each) {
  const before = each.before === null ? null : el("del", {}, each.before);
  const after = each.after === null ? null : el("ins", {}, each.after);
  return el("li", {}, el("code", {}, each.key), " ", before, before && after ? " → " : null, after);
}

function changeList(line) {
  const { first, rest } = folded(differences(line));
  const more = rest.length === 0 ? null : el("details", {}, el("summary", {}, `${count(rest.length, "more")}`.replace("mores", "more")), el("ul", {}, ...rest.map(changeLine)));
  return el("div", { class: "audit-changes" }, el("ul", {}, ...first.map(changeLine)), more);
}

// A line never changes: it is drawn once, but for how its time reads.
function lineRow({ line, only }) {
  const at = Date.parse(line.at);
  const when = el("time", { datetime: line.at });
  const who = el("button", { type: "button", class: "plain-button", title: `Only what ${line.actor} did` }, line.actor);
  const link = linkOf(line);
  const about = link ? el("a", { class: "text-link", href: link, "data-internal": "" }, line.name) : el("span", {}, line.name);
  who.addEventListener("click", () => only({ actor: line.actor }));
  const node = el(
    "tr",
    {},
    cell("When", { class: "number" }, when),
    cell("Who", {}, who),
    cell("What", {}, actionText(line)),
    cell("About", {}, el("span", { class: "muted" }, kindWord(line.kind)), " ", about),
    cell("Change", {}, changeList(line)),
  );
  return {
    node,
    update({ now, zone }) {
      setText(when, moment(at, now, zone));
      setAttr(when, "title", `${new Date(at).toLocaleString("en-GB", { timeZone: zone })} ${zoneName(at, zone)}`);
    },
  };
}

function chooser(label, name) {
  const field = el("select", { class: "select", name, "aria-label": label });
  let offered = "";
  return {
    field,
    update(values, chosen, all, word = (each) => each) {
      const listed = [...new Set([...values, ...(chosen ? [chosen] : [])])];
      if (JSON.stringify(listed) !== offered) {
        offered = JSON.stringify(listed);
        field.replaceChildren(el("option", { value: "" }, all), ...listed.map((each) => el("option", { value: each }, word(each))));
      }
      if (document.activeElement !== field) field.value = chosen;
    },
  };
}

export class AuditPage {
  constructor({ clock, fetch }) {
    Object.assign(this, { clock, net: fetch ? { fetch } : {} });
    this.lines = [];
    this.known = { actors: [], kinds: [] };
    this.next = null;
    this.revision = undefined;
    this.search = null;
    this.trouble = "";
    this.ready = false;
    this.asking = 0;
    this.days = false;
    this.build();
  }

  build() {
    this.actor = chooser("Who", "actor");
    this.kind = chooser("Kind", "kind");
    this.name = el("input", { class: "input", type: "search", name: "name", placeholder: "Name, or a part of it", "aria-label": "Name", autocomplete: "off", spellcheck: "false", maxlength: 200 });
    this.period = el("select", { class: "select", name: "period", "aria-label": "Period" }, ...PERIODS.map(([value, text]) => el("option", { value }, text)));
    this.from = el("input", { class: "input", type: "date", name: "from" });
    this.to = el("input", { class: "input", type: "date", name: "to" });
    this.between = el("span", { class: "audit-days", hidden: "" }, labelled("From", this.from), labelled("To", this.to));
    this.clear = el("button", { type: "button", class: "text-button" }, "Clear");
    this.filters = el("div", { class: "audit-filters", role: "search" }, this.name, boxed(this.actor.field), boxed(this.kind.field), boxed(this.period), this.between, this.clear);
    this.said = el("p", { class: "muted", role: "status" });
    this.login = loginLink("Log in", { class: "button" });
    const { node, body } = table("Changes, newest first", ["When", "Who", "What", "About", "Change"]);
    this.table = node;
    this.body = body;
    this.more = el("button", { type: "button", class: "button", hidden: "" }, "Show older");
    this.node = el("div", { class: "audit-root" }, this.filters, this.said, this.login.node, this.table, this.more);
    this.listen();
  }

  listen() {
    let typed = null;
    this.name.addEventListener("input", () => {
      clearTimeout(typed);
      typed = setTimeout(() => this.only({ name: this.name.value.trim() }, { replace: true }), TYPED_MS);
    });
    this.actor.field.addEventListener("change", () => this.only({ actor: this.actor.field.value }));
    this.kind.field.addEventListener("change", () => this.only({ kind: this.kind.field.value }));
    this.period.addEventListener("change", () => {
      const { value } = this.period;
      this.days = value === "days";
      if (this.days) this.draw();
      this.only({ hours: this.days ? "" : value, ...(this.days ? {} : { from: "", to: "" }) });
    });
    for (const field of ["from", "to"]) this[field].addEventListener("change", () => this.only({ [field]: this[field].value, hours: "" }));
    this.clear.addEventListener("click", () => {
      this.days = false;
      this.name.value = "";
      this.only({ actor: "", kind: "", name: "", hours: "", from: "", to: "" });
      this.name.focus();
    });
    this.more.addEventListener("click", () => this.load({ older: true }));
    const again = () => {
      this.search = null;
      this.draw();
    };
    session.onChange(again);
    // A day begins at another moment then.
    document.addEventListener(ZONE_CHANGED, again);
  }

  only(change, how = {}) {
    setSearch(format({ ...parse(location.search), ...change }, location.search), how);
    this.draw();
  }

  // With each snapshot; a new revision means that something may have been done.
  update(revision) {
    if (location.pathname !== PATH || !isPlaced(this.node)) return;
    if (this.revision !== undefined && revision !== this.revision && this.ready) this.load({ quiet: true });
    this.revision = revision;
    this.draw();
  }

  async load({ older = false, quiet = false } = {}) {
    this.asking += 1;
    const mine = this.asking;
    setAttr(this.more, "aria-busy", older ? "true" : null);
    const address = addressOf(parse(location.search), { now: this.clock.now(), zone: currentZone(), cursor: older ? this.next : null });
    const answer = await ask(address, this.net);
    if (mine !== this.asking) return;
    setAttr(this.more, "aria-busy", null);
    this.trouble = answer.status === 403 ? mayNot(session, "read the audit") : refusalOf(answer);
    if (answer.ok) this.take(answer.body, { older, quiet });
    this.draw();
  }

  take({ changes, next, actors, kinds }, { older, quiet }) {
    this.ready = true;
    if (actors) this.known = { actors, kinds };
    if (older) {
      this.lines = [...this.lines, ...changes];
      this.next = next;
      return;
    }
    const { lines, whole } = quiet ? merged(this.lines, changes) : { lines: changes, whole: false };
    this.lines = lines;
    if (!whole) this.next = next;
  }

  draw() {
    if (location.pathname !== PATH || !isPlaced(this.node) || session.told === null) return;
    const filter = parse(location.search);
    this.drawFilters(filter);
    this.login.update(!session.isOperator);
    this.filters.hidden = !session.isOperator;
    if (!session.isOperator) {
      this.lines = [];
      this.trouble = mayNot(session, "read the audit");
    } else if (this.search !== location.search) {
      this.search = location.search;
      this.ready = false;
      this.load();
    }
    const now = this.clock.now();
    setText(this.said, this.trouble || (!this.ready ? "Reading …" : this.lines.length > 0 ? "" : narrows(filter) ? "Nothing fits. Clear the filter to see everything." : "Nothing has been changed yet."));
    this.said.hidden = !this.said.textContent;
    this.table.hidden = this.lines.length === 0;
    this.more.hidden = this.next === null || this.lines.length === 0;
    const only = (change) => this.only(change);
    reconcile(this.body, this.lines.map((line) => ({ line, now, zone: currentZone(), only })), ({ line }) => line.id, lineRow);
  }

  drawFilters(filter) {
    this.actor.update(this.known.actors, filter.actor, "Anybody");
    this.kind.update(this.known.kinds, filter.kind, "All kinds", kindWord);
    if (document.activeElement !== this.name) this.name.value = filter.name;
    const days = this.days || Boolean(filter.from || filter.to);
    if (document.activeElement !== this.period) this.period.value = days ? "days" : filter.hours;
    this.between.hidden = !days;
    for (const field of ["from", "to"]) if (document.activeElement !== this[field]) this[field].value = filter[field];
    this.clear.hidden = !narrows(filter);
    for (const each of [this.actor.field, this.kind.field, this.period]) setAttr(each, "data-chosen", each.value ? "" : null);
  }
}
