// The page of all checks: which of them are looked at, in which order, and what keys do there.

import { ChecksTable } from "./checkstable.mjs";
import { checksBar } from "./checksbar.mjs";
import { checksFilters, checksTools } from "./checkscontrols.mjs";
import { csvOf, parseSort, Places, sorted } from "./checkslist.mjs";
import { ChecksOrders } from "./checksorders.mjs";
import { el, setAttr, setText } from "./dom.mjs";
import { matches, parse } from "./filters.mjs";
import { choices } from "./filters.mjs";
import { isTyping } from "./keyboard.mjs";
import { stateOf } from "./states.mjs";

const PATH = "/checks";

export class ChecksPage {
  constructor({ clock, onDone, fetch }) {
    this.view = null;
    this.places = new Places();
    this.tags = { of: null, known: [] };
    const changed = () => this.draw();
    this.orders = new ChecksOrders({ clock, onChange: changed, onDone, ...(fetch ? { fetch } : {}) });
    this.table = new ChecksTable({ changed });
    this.filters = checksFilters();
    this.tools = checksTools({ onColumns: changed, onExport: () => this.save() });
    this.bar = checksBar({ orders: this.orders, clear: () => this.clear(), refocus: () => this.table.focusRow() });
    this.heading = el("span", { class: "number" });
    this.parts = {
      "checks-heading": this.heading,
      "checks-tools": this.tools.node,
      "checks-filters": this.filters.node,
      "checks-table": this.table.node,
      "checks-selected": this.bar.node,
    };
  }

  // With each snapshot, and each second for what tells how long.
  update({ snapshot, at }) {
    this.view = { snapshot, at };
    this.draw();
  }

  draw() {
    if (!this.view || location.pathname !== PATH || !this.table.node.isConnected) return;
    if (document.visibilityState === "hidden") return;
    const { snapshot, at } = this.view;
    const filter = parse(location.search);
    const sort = parseSort(location.search);
    const now = at.displayNow;
    const checks = this.orders.given.size > 0 ? snapshot.checks.map((check) => this.orders.seen(check)) : snapshot.checks;
    const fitting = checks.filter((check) => matches(check, filter, now));
    const rows = sorted(fitting, sort, this.places.of(snapshot.checks), now);
    const present = new Set(checks.map((check) => stateOf(check, now)));
    setAttr(this.table.node, "data-ready", "");
    setAttr(this.table.node, "data-frozen", at.frozen ? "" : null);
    setText(this.heading, checks.length > 0 ? checks.length.toLocaleString("en-GB") : "");
    this.filters.node.hidden = checks.length === 0;
    this.filters.update({ checks: snapshot.checks, fitting: rows.length, filter, sort, present, at });
    this.table.update({ rows, total: checks.length, names: this.places.places, filter, sort, at });
    this.tools.update(this.table.columns, { empty: checks.length === 0, operator: at.operator });
    this.updateBar(checks, rows, now, at.operator);
  }

  updateBar(checks, rows, now, operator) {
    const { chosen } = this.table;
    const selected = chosen.size > 0 ? checks.filter((check) => chosen.has(check.name)) : [];
    this.selected = selected.map((check) => ({ check, state: stateOf(check, now) }));
    const shown = chosen.size > 0 ? rows.reduce((sum, row) => sum + chosen.has(row.check.name), 0) : 0;
    this.bar.update({ rows: this.selected, unshown: selected.length - shown, operator, tags: this.knownTags() });
  }

  knownTags() {
    const { snapshot } = this.view;
    if (this.tags.of !== snapshot) this.tags = { of: snapshot, known: choices(snapshot.checks, "", (check) => check.tags ?? []) };
    return this.tags.known;
  }

  clear() {
    const inside = this.bar.node.contains(document.activeElement);
    this.table.clear();
    if (inside) this.table.focusRow();
  }

  // What is shown, in its order, as a file.
  save() {
    const { at } = this.view;
    const blob = new Blob([csvOf(this.table.rows, at.displayNow, at.frozen)], { type: "text/csv;charset=utf-8" });
    const link = el("a", { download: `checks-${new Date(at.now).toISOString().slice(0, 16).replace(":", "")}.csv` });
    link.href = URL.createObjectURL(blob);
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  }

  // What a key does here; false when it does nothing.
  key(event) {
    const { key, shiftKey } = event;
    if (key.toLowerCase() === "j" || key.toLowerCase() === "k") {
      this.table.move(key.toLowerCase() === "j" ? 1 : -1, shiftKey);
      return true;
    }
    if (event.repeat) return false;
    if (key === "x") return this.table.toggle();
    if (key === "z") return this.orders.undo();
    if (this.bar.needsSelection(key) && this.table.chosen.size === 0) this.table.toggle();
    return this.bar.key(key, this.table.targets(this.selected));
  }

  start() {
    this.table.start();
    // Before the keys of every page, which do other things with some of them.
    document.addEventListener(
      "keydown",
      (event) => {
        if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
        if (isTyping(event.target) && !event.target.matches("input[type=checkbox]")) {
          const ours = event.key === "Escape" && this.bar.node.contains(event.target);
          if (!ours) return;
        }
        if (location.pathname !== PATH || !this.view || !this.key(event)) return;
        event.preventDefault();
        event.stopPropagation();
      },
      { capture: true },
    );
    document.addEventListener("visibilitychange", () => this.draw());
  }
}
