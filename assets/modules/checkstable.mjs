// The table of checks: its heads, the rows in sight, what is selected and which row the keys are on.

import { emptyText, formatSort, nextSort } from "./checkslist.mjs";
import { shownColumns } from "./checkscontrols.mjs";
import { checkRow } from "./checksrow.mjs";
import { el, icon, setAttr, setText } from "./dom.mjs";
import { clearFilter } from "./filterbar.mjs";
import { step } from "./keyboard.mjs";
import { setSearch } from "./router.mjs";
import { VirtualRows } from "./virtualrows.mjs";

const PHONE = "(max-width: 760px)";
// What the bar of the selected ones covers at the foot of the window.
const FOOT = 84;

function head(column) {
  const sign = icon("down");
  const button = column.first ? el("button", { type: "button", class: "chk-sort" }, column.title, sign) : el("span", {}, column.title);
  const node = el("div", { role: "columnheader", class: `chk-cell chk-${column.key}${column.right ? " chk-right" : ""}` }, button);
  return {
    column,
    node,
    button,
    update(sort) {
      const mine = sort.key === column.key;
      setAttr(node, "aria-sort", mine ? (sort.by > 0 ? "ascending" : "descending") : column.first ? "none" : null);
    },
  };
}

function nothing() {
  const main = el("p", { class: "empty-main" });
  const more = el("p", { class: "empty-more" });
  const clear = el("button", { type: "button", class: "button" }, "Clear the filter");
  clear.addEventListener("click", clearFilter);
  return {
    node: el("div", { class: "empty chk-empty", hidden: "" }, main, more, clear),
    update(total, filter) {
      const text = emptyText(total, filter);
      setText(main, text.main);
      setText(more, text.more);
      clear.hidden = text.next !== "clear";
    },
  };
}

export class ChecksTable {
  constructor({ changed }) {
    this.changed = changed;
    this.chosen = new Set();
    this.current = null;
    this.last = null;
    this.rows = [];
    this.columns = [];
    this.heads = [];
    this.phone = window.matchMedia(PHONE);
    this.all = el("input", { type: "checkbox", class: "inc-choose", "aria-label": "Select all that are shown" });
    this.headRow = el("div", { role: "row", class: "chk-head", "aria-rowindex": 1 });
    this.body = el("div", { role: "rowgroup", class: "chk-rows" });
    this.table = el("div", { role: "table", class: "chk-table", "aria-label": "Checks" }, el("div", { role: "rowgroup", class: "chk-heads" }, this.headRow), this.body);
    this.empty = nothing();
    this.node = el("div", { class: "chk-root" }, this.table, this.empty.node);
    const choose = (name, on, range) => this.choose(name, on, range);
    this.scroller = new VirtualRows({
      node: this.body,
      key: (row) => row.check.name,
      create: (row) => checkRow(row, { columns: this.columns, choose }),
      covered: () => (this.phone.matches ? 0 : this.headRow.offsetHeight) + this.stuck(),
    });
    this.all.addEventListener("change", () => this.chooseAll(this.all.checked));
    this.body.addEventListener("focusin", (event) => this.point(event.target.closest(".chk-row")?.dataset.name ?? null));
  }

  start() {
    this.scroller.start();
  }

  // How far down the window the head of the table sticks.
  stuck() {
    return Number.parseFloat(getComputedStyle(this.table.firstChild).top) || 0;
  }

  point(name) {
    if (name === this.current) return;
    this.current = name;
    this.changed();
  }

  // With `range`, all rows from the one that was chosen last.
  choose(name, on, range) {
    const at = this.rows.findIndex((row) => row.check.name === name);
    const from = range ? this.rows.findIndex((row) => row.check.name === this.last) : -1;
    const these = from < 0 || at < 0 ? [name] : this.rows.slice(Math.min(from, at), Math.max(from, at) + 1).map((row) => row.check.name);
    for (const each of these) {
      if (on) this.chosen.add(each);
      else this.chosen.delete(each);
    }
    this.last = name;
    this.changed();
  }

  chooseAll(on) {
    for (const { check } of this.rows) {
      if (on) this.chosen.add(check.name);
      else this.chosen.delete(check.name);
    }
    this.changed();
  }

  clear() {
    this.chosen.clear();
    this.changed();
  }

  // The rows that an action is about: the selected ones, else the one that the keys are on.
  targets(selected) {
    if (selected.length > 0) return selected;
    return this.rows.filter((row) => row.check.name === this.current);
  }

  focusRow(name = this.current) {
    this.body.querySelector(`[data-name="${CSS.escape(name ?? "")}"] .chk-link`)?.focus({ preventScroll: true });
  }

  // One row up or down; the first in sight when the keys are on none.
  move(by, extend) {
    if (this.rows.length === 0) return;
    const at = this.rows.findIndex((row) => row.check.name === this.current);
    const sight = this.scroller.inSight(this.scroller.measure());
    const place = at >= 0 ? step(at, this.rows.length, by) : (sight.at(by > 0 ? 0 : -1)?.[1] ?? 0);
    const { name } = this.rows[place].check;
    if (extend && this.current) this.choose(this.current, true, false);
    this.current = name;
    if (extend) this.chosen.add(name);
    this.changed();
    this.scroller.reveal(place, this.chosen.size > 0 ? FOOT : 8);
    this.focusRow(name);
  }

  toggle() {
    if (!this.current || !this.rows.some((row) => row.check.name === this.current)) return false;
    this.choose(this.current, !this.chosen.has(this.current), false);
    return true;
  }

  layOut() {
    const phone = this.phone.matches;
    const columns = shownColumns(this.node.clientWidth, phone);
    const key = columns.map((column) => column.key).join() + phone;
    if (key === this.laidOut) return;
    this.laidOut = key;
    this.columns = columns;
    this.table.style.setProperty("--columns", `var(--choose) ${columns.map((column) => column.track).join(" ")}`);
    setAttr(this.table, "aria-colcount", columns.length + 1);
    this.heads = columns.map(head);
    for (const { column, button } of this.heads) {
      if (column.first) button.addEventListener("click", () => setSearch(formatSort(nextSort(this.sort, column.key), location.search)));
    }
    this.headRow.replaceChildren(el("div", { role: "columnheader", class: "chk-cell chk-choose" }, el("label", { class: "chk-box" }, this.all)), ...this.heads.map((each) => each.node));
    this.scroller.clear();
  }

  update({ rows, total, names, filter, sort, at }) {
    this.rows = rows;
    this.sort = sort;
    for (const name of this.chosen) if (!names.has(name)) this.chosen.delete(name);
    this.layOut();
    for (const each of this.heads) each.update(sort);
    setAttr(this.table, "aria-rowcount", rows.length + 1);
    this.table.hidden = rows.length === 0;
    this.empty.node.hidden = rows.length > 0;
    if (rows.length === 0) this.empty.update(total, filter);
    const marked = rows.reduce((sum, row) => sum + this.chosen.has(row.check.name), 0);
    this.all.checked = rows.length > 0 && marked === rows.length;
    this.all.indeterminate = marked > 0 && marked < rows.length;
    const view = (row) => ({ ...row, chosen: this.chosen.has(row.check.name), current: row.check.name === this.current, now: at.displayNow, frozen: at.frozen });
    this.scroller.update(rows, { stamp: JSON.stringify([filter, sort]), kept: this.current, view });
  }
}
