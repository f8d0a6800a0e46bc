// On the page of a check: edit, clone, delete, back to the file; and what its definition says.

import { ask, checkPath } from "./checkformapi.mjs";
import { labelOf, refusalOf } from "./checkformmodel.mjs";
import { CheckVersions } from "./checkversions.mjs";
import { el, icon, setAttr, setText } from "./dom.mjs";

const SURE_MS = 4_000;
const UNDO_MS = 10_000;
const NOTE = "nocturne.checknote";

// A value of the table on one line.
export function told(value) {
  if (value === null || value === undefined) return "nothing";
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (Array.isArray(value)) return value.map(told).join(", ") || "nothing";
  if (typeof value === "object") return Object.entries(value).map(([key, each]) => `${key}: ${told(each)}`).join(", ") || "nothing";
  return String(value);
}

// The rows of the table: each field with its value and where that comes from. Pure.
export function rowsOf(body) {
  const keys = Object.keys(body.table).filter((key) => key !== "name");
  const gone = Object.keys(body.drift ?? {}).filter((key) => !(key in body.table));
  return [...keys, ...gone].map((key) => {
    const edited = body.edited.includes(key);
    const drifted = Object.hasOwn(body.drift ?? {}, key);
    const source = !body.in_file ? "edit" : edited ? "edit" : "file";
    return { key, label: labelOf(key), value: told(body.table[key]), source, file: drifted ? told(body.drift[key]) : "" };
  });
}

// Why a check can't be deleted here; empty when it can. Pure.
export function whyKept(body) {
  return body.in_file ? "It stands in the configuration file: remove it there, or pause it." : "";
}

export class CheckDefinition {
  constructor({ onDone = () => {} } = {}) {
    this.onDone = onDone;
    this.actions = el("div", { class: "cd-actions" });
    this.panel = el("div", { class: "cd" });
    this.reply = el("p", { class: "cd-reply", role: "status" });
    this.parts = { "check-manage": this.actions, "check-definition": this.panel };
    this.versions = new CheckVersions({ restore: (fields, number) => this.goBack(fields, number), at: () => this.at });
    this.name = null;
    this.body = null;
    this.sure = 0;
  }

  update({ snapshot, at }) {
    const page = document.getElementById("check-page");
    const name = page?.dataset.check ?? null;
    this.at = at;
    this.operator = at.operator;
    if (!name || !this.panel.isConnected) {
      this.name = null;
      return;
    }
    // Asked again when the check changed: who edits it, be it elsewhere, shows here.
    const check = snapshot.checks.find((each) => each.name === name);
    const seen = JSON.stringify([name, check?.target, check?.interval_s, check?.tags, check?.mark === "paused", Boolean(check), snapshot.notices?.length]);
    if (seen === this.seen && name === this.name) return;
    const fresh = name !== this.name;
    this.seen = seen;
    this.name = name;
    if (fresh) this.clear();
    this.load(name);
  }

  clear() {
    this.body = null;
    this.undo = null;
    this.sure = 0;
    const note = sessionStorage.getItem(NOTE);
    sessionStorage.removeItem(NOTE);
    setText(this.reply, note ?? "");
    this.drawn = null;
    this.versions.clear();
    this.actions.replaceChildren();
    this.panel.replaceChildren();
  }

  async load(name) {
    const answer = await ask(`/api/v1/checks?name=${encodeURIComponent(name)}`);
    if (name !== this.name) return;
    if (answer.status === 200) this.body = answer.body.checks[0] ?? null;
    this.draw();
    if (this.body) await this.versions.load(this.body, this.operator);
  }

  draw() {
    const { body, operator } = this;
    // What is built anew would vanish between press and release.
    const drawn = JSON.stringify([body, operator, Boolean(this.undo), performance.now() < this.sure]);
    if (drawn === this.drawn) return;
    this.drawn = drawn;
    const focused = document.activeElement?.closest?.(".cd-actions")?.contains(document.activeElement) ? document.activeElement.dataset.do : null;
    this.actions.replaceChildren(...(body && operator ? this.buttons(body) : []));
    if (focused) this.actions.querySelector(`[data-do="${focused}"]`)?.focus();
    this.panel.replaceChildren(...(body ? this.pieces(body) : []), ...(this.undo ? [this.undoLine()] : []), this.reply, this.versions.node);
  }

  buttons(body) {
    const name = encodeURIComponent(body.name);
    const link = (verb, text, sign) => el("a", { class: "button", href: `/checks/new?${verb}=${name}`, "data-internal": "", "data-do": verb }, sign ? icon(sign) : null, text);
    return [link("edit", "Edit", "pencil"), link("clone", "Clone", null)];
  }

  pieces(body) {
    const rows = rowsOf(body).map((row) =>
      el(
        "div",
        { class: "cd-row", "data-source": row.source },
        el("dt", {}, row.label),
        el("dd", {}, el("span", { class: "cd-value" }, row.value), row.file ? el("span", { class: "cd-drift" }, `the file says ${row.file}`) : null),
        el("dd", { class: "cd-from" }, body.in_file ? row.source : ""),
      ),
    );
    const refused = (body.refused ?? []).map((line) => el("p", { class: "cd-refused" }, el("strong", {}, "Not in force. "), line));
    const origin = body.in_file ? "from the configuration file" : "made here";
    const edits = body.in_file && body.edited.length > 0 ? `, ${body.edited.length} ${body.edited.length === 1 ? "field" : "fields"} edited` : "";
    const head = el("div", { class: "piece-head" }, el("h2", { class: "piece-title" }, "Definition", el("span", {}, `version ${body.version}, ${origin}${edits}`)), this.operator ? this.changesOf(body) : null);
    return [head, ...refused, el("dl", { class: "cd-table" }, ...rows), this.operator && body.in_file ? el("p", { class: "cd-kept" }, whyKept(body)) : null].filter(Boolean);
  }

  changesOf(body) {
    const buttons = [];
    if (body.in_file && body.edited.length > 0) buttons.push(this.button("revert", "Revert to file", () => this.change("revert", "It is as the file says again.")));
    if (!body.in_file) buttons.push(this.button("delete", performance.now() < this.sure ? "Really delete?" : "Delete", () => this.remove()));
    return el("div", { class: "cd-changes" }, ...buttons);
  }

  button(verb, text, act) {
    const node = el("button", { type: "button", class: "button", "data-do": verb }, text);
    node.addEventListener("click", act);
    return node;
  }

  undoLine() {
    const again = this.button("undo", "Undo", () => this.restore());
    return el("div", { class: "cd-undo" }, el("span", {}, "Deleted. Its history stays for a while."), again);
  }

  async change(verb, done) {
    const { body } = this;
    const answer = await ask(checkPath(body.name, verb), { method: "POST", body: { version: body.version } });
    setText(this.reply, answer.status === 200 ? done : refusalOf(answer.status, answer.body).said);
    if (answer.status === 200) this.onDone();
    await this.load(this.name);
    return answer.status === 200;
  }

  // The first press asks, the second deletes.
  async remove() {
    if (performance.now() > this.sure) {
      this.sure = performance.now() + SURE_MS;
      setTimeout(() => this.body && this.draw(), SURE_MS + 50);
      this.draw();
      this.panel.querySelector('[data-do="delete"]')?.focus();
      return;
    }
    this.sure = 0;
    const { table } = this.body;
    if (!(await this.change("remove", ""))) return;
    this.undo = table;
    this.draw();
    this.panel.querySelector('[data-do="undo"]')?.focus();
    setTimeout(() => {
      if (this.undo !== table) return;
      this.undo = null;
      this.draw();
    }, UNDO_MS);
  }

  // An earlier version becomes the newest: those between stay in the list.
  async goBack(fields, number) {
    const { body } = this;
    const answer = await ask(checkPath(body.name), { method: "PATCH", body: { version: body.version, fields } });
    const refused = answer.status === 200 ? null : refusalOf(answer.status, answer.body);
    setText(this.reply, refused ? refused.said || Object.values(refused.errors).join(" ") : `Version ${number} is restored.`);
    if (answer.status === 200) this.onDone();
    await this.load(this.name);
  }

  async restore() {
    const table = this.undo;
    this.undo = null;
    const answer = await ask("/api/v1/checks", { method: "POST", body: { table } });
    setText(this.reply, answer.status === 201 ? "It is back." : refusalOf(answer.status, answer.body).said);
    if (answer.status === 201) this.onDone();
    setAttr(this.panel, "data-back", "");
    await this.load(table.name);
  }
}
