// The versions of a check's definition: what each changed, who and when, and the way back to one.

import { ask, checkPath } from "./checkformapi.mjs";
import { labelOf } from "./checkformmodel.mjs";
import { el, setAttr, setText } from "./dom.mjs";
import { moment } from "./format.mjs";
import { whole } from "./wholelist.mjs";

const FEW = 5;
const LONGEST = 60;
const DEEDS = { pause: "paused", resume: "resumed", revert: "back to the file", add: "made here" };

function short(value) {
  if (value === null || value === undefined) return "nothing";
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (Array.isArray(value) && value.length === 0) return "nothing";
  const text = Array.isArray(value) ? value.map(short).join(", ") : typeof value === "object" ? JSON.stringify(value) : String(value);
  return text.length > LONGEST ? `${text.slice(0, LONGEST - 1)}…` : text;
}

// What a version changed: `{said}` in words, or `{fields: [{label, before, after}]}`. Pure.
export function changesOf(version) {
  const { action, changes } = version;
  const first = Object.values(changes).length > 0 && Object.hasOwn(changes, "kind") && Object.values(changes).every(({ before }) => before === null);
  if (first) return { said: action === "publish" ? "first read from the file" : "made here", fields: [] };
  // A pause changes one field, which its verb says better.
  if (action in DEEDS && action !== "add" && Object.keys(changes).length < 2) return { said: DEEDS[action], fields: [] };
  const fields = Object.entries(changes).map(([key, { before, after }]) => {
    const hidden = JSON.stringify(before) === JSON.stringify(after);
    return { label: labelOf(key), before: hidden ? "" : short(before), after: hidden ? "changed" : short(after) };
  });
  const said = fields.length === 0 ? (action === "publish" ? "the file was read anew" : action) : (DEEDS[action] ?? "");
  return { said, fields };
}

// The fields to send so that a check reads again as it did then; null takes a field back. Pure.
export function fieldsBack(now, then) {
  const keys = [...new Set([...Object.keys(now), ...Object.keys(then)])].filter((key) => key !== "name");
  const differs = (key) => JSON.stringify(now[key] ?? null) !== JSON.stringify(then[key] ?? null);
  return Object.fromEntries(keys.filter(differs).map((key) => [key, then[key] ?? null]));
}

function told({ said, fields }) {
  const parts = fields.map(({ label, before, after }) =>
    el("span", { class: "cv-change" }, el("span", { class: "cv-field" }, label), " ", before ? el("del", {}, before) : null, " ", el("ins", {}, after)),
  );
  return el("div", { class: "cv-what" }, said ? el("span", { class: "cv-said" }, said) : null, ...parts);
}

export class CheckVersions {
  // `restore(fields, number)` sends an edit; `zone()` is the zone of whoever looks.
  constructor({ restore, at }) {
    this.restore = restore;
    this.at = at;
    this.node = el("section", { class: "cv", "aria-label": "Versions" });
    this.all = false;
    this.versions = [];
  }

  clear() {
    this.all = false;
    this.versions = [];
    this.node.replaceChildren();
  }

  async load(body, operator) {
    const answer = await whole(ask, checkPath(body.name, "versions"), "versions", "version");
    if (answer.status !== 200) return;
    this.versions = answer.body.versions;
    this.draw(body, operator);
  }

  draw(body, operator) {
    const { versions } = this;
    const focused = this.node.contains(document.activeElement) ? document.activeElement.dataset.version : null;
    const seen = this.all ? versions : versions.slice(0, FEW);
    const rows = seen.map((version, index) => this.row(version, body, operator && index > 0));
    setAttr(this.node, "data-restorable", operator && versions.length > 1 ? "" : null);
    const head = el("div", { class: "piece-head" }, el("h2", { class: "piece-title" }, "Versions", el("span", {}, "what changed, newest first")));
    this.node.replaceChildren(head, el("ol", { class: "cv-list" }, ...rows));
    if (versions.length > seen.length) this.node.append(this.more(versions.length - seen.length, body, operator));
    if (focused) this.node.querySelector(`[data-version="${focused}"]`)?.focus();
  }

  row(version, body, restorable) {
    const { now, zone } = this.at();
    const back = fieldsBack(body.table, version.table);
    const button = el("button", { type: "button", class: "text-button", "data-version": version.version, "aria-label": `Restore version ${version.version}` }, "Restore");
    button.addEventListener("click", () => this.restore(back, version.version));
    const who = el("span", { class: "cv-who" }, `${version.actor}, ${moment(Date.parse(version.at), now, zone)}`);
    const number = el("span", { class: "cv-number number" }, String(version.version));
    return el("li", { class: "cv-row" }, number, told(changesOf(version)), who, restorable && Object.keys(back).length > 0 ? button : el("span"));
  }

  more(left, body, operator) {
    const button = el("button", { type: "button", class: "text-button cv-more" });
    setText(button, `Show ${left} more`);
    button.addEventListener("click", () => {
      this.all = true;
      this.draw(body, operator);
      this.node.querySelectorAll(".cv-row")[FEW]?.querySelector("button")?.focus();
    });
    return button;
  }
}
