// The palette's dialog: a field (a combobox) over a list (a listbox) in which one row is marked. It
// draws what it is given; the field keeps the focus all the time.

import { el, icon, setAttr, setText } from "./dom.mjs";
import { count } from "./format.mjs";
import { pieces } from "./paletterank.mjs";
import { shape } from "./shapes.mjs";

const LIST = "palette-list";
const PAGE = 8;

function rowNode(entry, id, words) {
  const mark = entry.state ? shape(entry.state) : icon(entry.icon ?? "file");
  const name = el("span", { class: "palette-name" }, ...pieces(entry.title, words).map(([text, fits]) => (fits ? el("mark", {}, text) : text)));
  const code = entry.code ? el("code", { class: "palette-code" }, entry.code) : null;
  const note = el("span", { class: "palette-note" }, entry.note ?? "");
  const keys = el("span", { class: "palette-keys", "aria-hidden": "true" }, ...(entry.keys ?? []).map((key) => el("kbd", {}, key.toUpperCase())));
  const word = entry.state ? el("span", { class: "unseen" }, `, ${entry.word ?? entry.state}`) : null;
  const held = entry.current ? el("span", { class: "palette-current" }, icon("done"), el("span", { class: "unseen" }, ", chosen")) : null;
  return el("div", { class: "palette-row", role: "option", id, "aria-selected": "false", "data-state": entry.state ?? null }, mark, name, word, code, note, held, keys);
}

function hint(keys, text) {
  return el("span", {}, ...keys.map((key) => el("kbd", {}, key)), ` ${text}`);
}

// Which keys do something: in a step there is one thing to choose, and no kinds to narrow it to.
function hints(step) {
  const first = hint(["↑", "↓"], "move");
  return step ? [first, hint(["Enter"], "choose")] : [first, hint(["Enter"], "open"), hint([">"], "only actions"), hint(["#"], "only tags"), hint(["?"], "all keys")];
}

export class PaletteList {
  // `onType(text)`; `onRun(entry, {apart})`, apart from this page when Ctrl is held; `onBack()` is
  // Escape or Backspace in an empty field, and tells whether there was somewhere to go back to.
  constructor({ onType, onRun, onBack, onHelp }) {
    Object.assign(this, { onType, onRun, onBack, onHelp });
    this.field = el("input", { class: "palette-field", type: "text", role: "combobox", "aria-expanded": "true", "aria-controls": LIST, "aria-autocomplete": "list", autocomplete: "off", autocapitalize: "none", spellcheck: "false", enterkeyhint: "go", autofocus: "" });
    this.step = el("span", { class: "palette-step", hidden: "" });
    this.list = el("div", { class: "palette-list", role: "listbox", id: LIST, "aria-label": "What was found" });
    this.main = el("p", { class: "palette-none-main" });
    this.more = el("p", { class: "palette-none-more" });
    this.none = el("div", { class: "palette-none", hidden: "" }, this.main, this.more);
    this.foot = el("div", { class: "palette-foot", "aria-hidden": "true" }, ...hints(""));
    this.said = el("p", { class: "unseen", role: "status" });
    const close = el("button", { type: "button", class: "palette-close" }, el("kbd", { "aria-hidden": "true" }, "Esc"), el("b", { class: "unseen" }, "Close"), el("span", { "aria-hidden": "true" }, "Close"));
    close.addEventListener("click", () => this.close());
    this.node = el("dialog", { class: "palette", "aria-label": "Command palette" }, el("div", { class: "palette-head" }, icon("search"), this.step, this.field, close), this.list, this.none, this.foot, this.said);
    this.entries = [];
    this.rows = [];
    this.marked = -1;
    this.listen();
  }

  listen() {
    this.field.addEventListener("input", () => this.onType(this.field.value));
    this.node.addEventListener("keydown", (event) => this.key(event));
    // The browser's own way of closing a dialog, which Android's back button takes too.
    this.node.addEventListener("cancel", (event) => {
      event.preventDefault();
      if (!this.onBack()) this.close();
    });
    this.node.addEventListener("click", (event) => {
      if (event.target === this.node) this.close();
      const at = this.rows.indexOf(event.target.closest?.(".palette-row"));
      if (at >= 0) this.onRun(this.entries[at], { apart: event.ctrlKey || event.metaKey });
    });
    // The list moves under a pointer that rests: only one that is moved marks.
    this.list.addEventListener("pointermove", (event) => {
      const at = this.rows.indexOf(event.target.closest?.(".palette-row"));
      if (at >= 0 && at !== this.marked) this.mark(at, { scroll: false });
    });
    // What is pressed must not take the focus out of the field.
    this.list.addEventListener("pointerdown", (event) => event.preventDefault());
  }

  key(event) {
    if (event.isComposing) return;
    const by = { ArrowDown: 1, ArrowUp: -1, PageDown: PAGE, PageUp: -PAGE }[event.key];
    if (by !== undefined) this.move(by);
    else if (event.key === "Enter" && event.target === this.field) this.run(event);
    else if (event.key === "Escape") this.back();
    else if (event.key === "Backspace" && this.field.value === "" && this.onBack()) this.mark(0);
    else if (event.key === "?" && this.field.value === "") this.onHelp();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  back() {
    if (!this.onBack()) this.close();
  }

  run(event) {
    const entry = this.entries[this.marked];
    if (entry) this.onRun(entry, { apart: event.ctrlKey || event.metaKey });
  }

  // By one it goes round; by more it stops at the ends.
  move(by) {
    const { length } = this.rows;
    if (length === 0) return;
    const next = this.marked + by;
    if (Math.abs(by) === 1) this.mark((next + length) % length);
    else this.mark(Math.min(length - 1, Math.max(0, next)));
  }

  mark(at, { scroll = true } = {}) {
    const before = this.rows[this.marked];
    if (before) setAttr(before, "aria-selected", "false");
    this.marked = this.rows.length > 0 ? at : -1;
    const row = this.rows[this.marked];
    setAttr(this.field, "aria-activedescendant", row?.id ?? null);
    if (!row) return;
    setAttr(row, "aria-selected", "true");
    if (scroll && at === 0) this.list.scrollTop = 0;
    else if (scroll) row.scrollIntoView({ block: "nearest" });
  }

  // `sections` of entries; `words` are marked in them; `none` says what to do when there are none.
  show({ sections, words, none, step = "", placeholder }) {
    this.entries = sections.flatMap((section) => section.entries);
    this.rows = this.entries.map((entry, index) => rowNode(entry, `palette-row-${index}`, words));
    let at = 0;
    const groups = sections.map((section, index) => {
      const rows = this.rows.slice(at, at + section.entries.length);
      at += section.entries.length;
      const more = section.total > rows.length ? ` ${rows.length} of ${section.total.toLocaleString("en-GB")}` : "";
      const heading = section.title ? el("div", { class: "palette-heading", id: `palette-heading-${index}`, role: "presentation" }, section.title, el("span", { class: "number" }, more)) : null;
      return el("div", { class: "palette-group", role: "group", ...(heading ? { "aria-labelledby": heading.id } : { "aria-label": "More" }) }, heading, ...rows);
    });
    this.list.replaceChildren(...groups);
    this.list.hidden = this.rows.length === 0;
    this.none.hidden = this.rows.length > 0;
    setText(this.main, none.main);
    setText(this.more, none.more);
    this.step.hidden = !step;
    if (this.step.textContent !== step) this.foot.replaceChildren(...hints(step));
    setText(this.step, step);
    setAttr(this.field, "placeholder", placeholder);
    setAttr(this.field, "aria-label", placeholder);
    setText(this.said, this.rows.length > 0 ? count(this.rows.length, "row") : none.main);
    this.mark(0);
  }

  get isOpen() {
    return this.node.open;
  }

  open() {
    if (!this.node.isConnected) document.body.append(this.node);
    if (!this.node.open) this.node.showModal();
    this.field.focus();
  }

  // The browser gives the focus back to what had it.
  close() {
    if (this.node.open) this.node.close();
  }
}
