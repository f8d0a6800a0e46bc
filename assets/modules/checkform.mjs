// The page on which a check is made, edited or cloned: `/checks/new?kind=…`, `?edit=…`, `?clone=…`.

import { ask, attempt, checkPath, judge } from "./checkformapi.mjs";
import { kindChooser } from "./checkformchooser.mjs";
import { formField } from "./checkformfields.mjs";
import { changesOf, cloned, fieldsOf, freeName, read, refusalOf, shownOf, spelled } from "./checkformmodel.mjs";
import { resultPanel } from "./checkformresult.mjs";
import { el, icon, setAttr, setText } from "./dom.mjs";
import { count } from "./format.mjs";
import { checkAddress } from "./router.mjs";

const PATH = "/checks/new";
const PARTS = { more: "More of this kind", common: "Schedule, levels, dependencies" };

// What the address asks for. Pure.
export function askedFor(search) {
  const query = new URLSearchParams(search);
  const [kind, edit, clone] = ["kind", "edit", "clone"].map((key) => query.get(key) || null);
  return { kind, edit, clone, key: JSON.stringify([kind, edit, clone]) };
}

function go(address) {
  const link = el("a", { href: address, "data-internal": "", hidden: "" });
  document.body.append(link);
  link.click();
  link.remove();
}

export class CheckFormPage {
  constructor({ onDone = () => {} } = {}) {
    this.onDone = onDone;
    this.node = el("div", { class: "cf" });
    this.chooser = kindChooser();
    this.result = resultPanel();
    this.asked = null;
    this.catalogue = null;
    this.names = new Set();
    this.round = 0;
  }

  // With each snapshot, and whenever the page is laid out or its address changes.
  update({ snapshot, at }) {
    this.names = new Set(snapshot.checks.map((check) => check.name));
    this.operator = at.operator;
    this.follow();
  }

  follow() {
    if (location.pathname !== PATH) {
      this.asked = null;
      return;
    }
    // While the page is laid out anew, what was typed stays.
    if (!this.node.isConnected) return;
    const asked = askedFor(location.search);
    if (asked.key === this.asked) return;
    this.asked = asked.key;
    this.open(asked);
  }

  async open(asked) {
    const round = (this.round += 1);
    this.catalogue = null;
    const origin = asked.edit ?? asked.clone;
    const [kinds, before] = await Promise.all([ask("/api/v1/kinds"), origin ? ask(checkPath(origin)) : null]);
    if (round !== this.round) return;
    setAttr(this.node, "data-ready", "");
    const failed = kinds.status !== 200 ? kinds : before && before.status !== 200 ? before : null;
    if (failed) return this.stop(refusalOf(failed.status, failed.body).said);
    this.catalogue = kinds.body;
    const wanted = before ? before.body.table.kind : asked.kind;
    const kind = kinds.body.kinds.find((each) => each.name === wanted);
    if (kinds.body.kinds.length === 0) return this.stop("The monitor has not told yet which kinds of checks there are. Start it, and load this page again.");
    if (!this.operator) return this.stop("Operators may make and edit checks, you may only look.");
    if (!kind) return this.choose();
    this.draw({ asked, kind, before: before?.body ?? null });
  }

  stop(text) {
    const again = el("button", { type: "button", class: "button" }, "Try again");
    again.addEventListener("click", () => {
      this.asked = null;
      this.follow();
    });
    this.node.replaceChildren(el("div", { class: "cf-stop" }, el("h1", { class: "cf-title" }, "Check"), el("p", { class: "cf-lead" }, text), el("div", { class: "cf-buttons" }, again, el("a", { class: "button", href: "/checks", "data-internal": "" }, "All checks"))));
  }

  choose() {
    this.chooser.update(this.catalogue.kinds);
    this.node.replaceChildren(this.chooser.node);
    this.chooser.focus();
  }

  draw({ asked, kind, before }) {
    this.kind = kind;
    this.edited = asked.edit ? before : null;
    const copied = asked.clone ? cloned(before.table, freeName(before.name, this.names)) : { table: {}, left: [] };
    this.before = this.edited ? before.table : {};
    const table = this.edited ? before.table : copied.table;
    this.fields = fieldsOf(kind, this.catalogue.common).filter((field) => !(this.edited && field.key === "name"));
    this.views = this.fields.map((field) => formField(field, { changed: () => this.changed() }));
    for (const view of this.views) view.set(shownOf(view.field, table[view.field.key]));
    this.result.fresh();
    this.result.idle();
    this.layOut(table, copied.left, asked);
    this.started = JSON.stringify(this.shown());
    if (kind.why_not || before?.admin_only) this.explain(kind, before);
    this.views[0].focus();
  }

  layOut(table, left, asked) {
    const { kind, edited } = this;
    this.tries = el("button", { type: "button", class: "button" }, icon("play"), "Try");
    this.saves = el("button", { type: "submit", class: "button", "data-primary": "" }, edited ? "Save changes" : "Save");
    this.said = el("p", { class: "cf-said", role: "alert" });
    const back = edited || asked.clone ? checkAddress(asked.edit ?? asked.clone) : "/checks";
    const title = edited ? `Edit ${edited.name}` : asked.clone ? `Clone of ${asked.clone}` : `New check: ${kind.title}`;
    const about = el("p", { class: "cf-lead" }, ...spelled(kind.description).map((part, index) => (index % 2 ? el("code", {}, part) : part)), " ");
    if (!edited && !asked.clone) about.append(el("a", { class: "cf-other", href: PATH, "data-internal": "" }, "Another kind"));
    const notes = left.length > 0 ? el("p", { class: "cf-left" }, `Not copied, because it is not shown: ${left.join(", ")}.`) : null;
    const form = el("form", { class: "cf-form", novalidate: "" }, el("div", { class: "cf-part" }, ...this.part("first")), this.folded("more", table), this.folded("common", table));
    const buttons = el("div", { class: "cf-buttons" }, this.tries, this.saves, el("a", { class: "button cf-cancel", href: back, "data-internal": "" }, "Cancel"));
    this.side = el("aside", { class: "cf-side", "aria-label": "Try and save" }, this.result.node, this.said, buttons);
    const head = el("header", { class: "cf-top" }, el("nav", { class: "crumbs", "aria-label": "Breadcrumb" }, el("a", { href: "/checks", "data-internal": "" }, "Checks"), el("span", { "aria-hidden": "true" }, "›"), el("span", {}, edited ? edited.name : "New check")), el("h1", { class: "cf-title" }, title), about, notes);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.save();
    });
    this.saves.addEventListener("click", (event) => {
      event.preventDefault();
      this.save();
    });
    this.tries.addEventListener("click", () => this.attempt());
    form.append(el("button", { type: "submit", class: "unseen", tabindex: "-1", "aria-hidden": "true" }, "Save"));
    this.node.replaceChildren(head, el("div", { class: "cf-columns" }, form, this.side));
  }

  part(name) {
    return this.views.filter((view) => view.field.part === name).map((view) => {
      this.tell(view);
      return view.node;
    });
  }

  // Of a check of the file, which fields were edited, and what the file says of them.
  tell(view) {
    const { edited } = this;
    if (!edited?.in_file) return;
    const { key } = view.field;
    if (edited.edited.includes(key)) view.from(edited.drift[key] === null || edited.drift[key] === undefined ? "edited; not in the file" : `edited; file: ${String(shownOf(view.field, edited.drift[key])).slice(0, 60)}`);
    else if (edited.table[key] !== undefined) view.from("from the file");
  }

  folded(name, table) {
    const nodes = this.part(name);
    if (nodes.length === 0) return null;
    const used = this.views.filter((view) => view.field.part === name && table[view.field.key] !== undefined).length;
    const summary = el("summary", {}, el("span", { class: "cf-fold-title" }, PARTS[name]), el("span", { class: "cf-fold-more" }, used > 0 ? `${used} set, ${nodes.length} in all` : count(nodes.length, "setting")));
    return el("details", { class: "cf-fold", ...(used > 0 ? { open: "" } : {}) }, summary, el("div", { class: "cf-part" }, ...nodes));
  }

  explain(kind, before) {
    if (kind.allowed && !before?.admin_only) return;
    this.say(kind.why_not ?? `Of this check administrators alone change what it does: ${before.admin_only}.`);
  }

  shown() {
    return Object.fromEntries(this.views.map((view) => [view.field.key, view.get()]));
  }

  changed() {
    this.result.outdated();
    for (const view of this.views) view.fail("");
    this.say("");
  }

  say(text) {
    setText(this.said, text);
    this.said.hidden = !text;
  }

  // The draft, or null when a field can't be read: that is said at the field, and beside it what the
  // server has against the others, so that all that is wrong is told at once.
  draft() {
    const { table, errors } = read(this.fields, this.shown(), this.before);
    const draft = { ...table, kind: this.kind.name };
    this.fail(errors);
    if (Object.keys(errors).length === 0) return draft;
    this.tellMore(draft, errors);
    return null;
  }

  async tellMore(draft, errors) {
    const typed = JSON.stringify(this.shown());
    // What can't be read is left as it was: it is refused already.
    const fields = this.fields.filter(({ key }) => !Object.hasOwn(errors, key));
    const { status, body } = await judge(this.asking(draft, fields));
    const found = status === 422 || status === 400 ? refusalOf(status, body).errors : {};
    if (this.isHere(typed) && Object.keys(found).length > 0) this.fail({ ...found, ...errors }, { focus: false });
  }

  // Whether the form still says what it said.
  isHere(typed) {
    return this.node.isConnected && JSON.stringify(this.shown()) === typed;
  }

  asking(draft, fields = this.fields) {
    return this.edited ? { of: this.edited.name, table: changesOf(this.before, draft, fields) } : { table: draft };
  }

  // Each reason at its field; the first one takes the focus.
  fail(errors, { focus = true } = {}) {
    let first = null;
    const rest = { ...errors };
    for (const view of this.views) {
      const reason = errors[view.field.key] ?? "";
      view.fail(reason);
      delete rest[view.field.key];
      if (reason) first ??= view;
      const fold = reason && view.node.closest("details");
      if (fold) fold.open = true;
    }
    const others = Object.entries(rest).map(([key, reason]) => `${key}: ${reason}`);
    this.say([...others, first ? "Some fields need another look." : ""].filter(Boolean).join(" "));
    if (focus) first?.focus();
  }

  refuse({ status, body }) {
    const { errors, said } = refusalOf(status, body);
    this.fail(errors);
    if (said) this.say(said);
  }

  async busy(button, work) {
    if (this.working) return;
    this.working = true;
    setAttr(button, "aria-busy", "true");
    const round = this.round;
    try {
      await work(() => round === this.round);
    } finally {
      this.working = false;
      setAttr(button, "aria-busy", null);
    }
  }

  attempt() {
    const draft = this.draft();
    if (!draft) return;
    const body = this.asking(draft);
    this.busy(this.tries, async (isWanted) => {
      this.result.fresh();
      this.result.running();
      const answer = await attempt(body, isWanted);
      if (!isWanted()) return;
      if (answer.status === 200) this.result.found(answer.body);
      else if (answer.status === 202 || answer.status === 504) this.result.said("The monitor did not answer in time. Try again.");
      else {
        this.result.idle();
        this.refuse(answer);
        if (!this.said.hidden) this.result.said(this.said.textContent);
      }
    });
  }

  save() {
    const draft = this.draft();
    if (!draft) return;
    this.busy(this.saves, async (isWanted) => {
      const { edited } = this;
      const fields = edited ? changesOf(this.before, draft, this.fields) : null;
      if (edited && Object.keys(fields).length === 0) return this.say("Nothing was changed.");
      const answer = edited
        ? await ask(checkPath(edited.name), { method: "PATCH", body: { version: edited.version, fields } })
        : await ask("/api/v1/checks", { method: "POST", body: { table: draft } });
      if (!isWanted()) return;
      if (answer.status !== 200 && answer.status !== 201) {
        if (answer.body?.title === "changed meanwhile") return this.say("Somebody else changed this check meanwhile. Load the page again to see it; what you typed is not saved.");
        return this.refuse(answer);
      }
      this.onDone();
      if (answer.body.note) sessionStorage.setItem("nocturne.checknote", answer.body.note);
      go(checkAddress(answer.body.name));
    });
  }
}
