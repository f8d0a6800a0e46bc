// The list of thresholds: search, filter, count, and one row for each rule and each check's level.

import { el, icon, reconcile, setAttr, setText } from "./dom.mjs";
import { SEARCH_ID } from "./filterbar.mjs";
import { span } from "./format.mjs";
import { setSearch } from "./router.mjs";
import { redraw, shape } from "./shapes.mjs";
import { isFiring, ONLY, parse, withFields } from "./thresholdrows.mjs";
import { isNumber, showDuration, showValue, SIGNS } from "./thresholdtext.mjs";
import { mayNot, session } from "./session.mjs";

function change(fields, options) {
  setSearch(withFields(location.search, fields), options);
}

export function thresholdTools({ onNew }) {
  const count = el("span", { class: "section-more number", role: "status" });
  const text = el("input", { id: SEARCH_ID, class: "input", type: "search", placeholder: "Filter", "aria-label": "Filter by name or metric", autocomplete: "off", spellcheck: "false" });
  const only = el("select", { class: "select", "aria-label": "Which thresholds" }, el("option", { value: "" }, "All"), ...Object.entries(ONLY).map(([value, word]) => el("option", { value }, word)));
  const add = el("button", { type: "button", class: "button threshold-new" }, icon("plus"), "Rule");
  let typed = "";
  text.addEventListener("input", () => {
    typed = text.value.trim();
    change({ q: typed }, { replace: parse(location.search).q !== "" });
  });
  text.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    event.preventDefault();
    if (text.value) change({ q: "" });
    else text.blur();
  });
  only.addEventListener("change", () => change({ only: only.value }));
  add.addEventListener("click", onNew);
  const search = el("span", { class: "search-box" }, icon("search"), text, el("kbd", { "aria-hidden": "true" }, "/"));
  return {
    node: el("div", { class: "threshold-bar" }, count, search, el("span", { class: "select-box" }, only, icon("down")), add),
    update({ filter, shown, all, operator, ready }) {
      if (filter.q !== typed) text.value = typed = filter.q;
      if (only.value !== filter.only) only.value = filter.only;
      setAttr(only, "data-chosen", filter.only ? "" : null);
      const active = filter.q !== "" || filter.only !== "";
      setText(count, !ready ? "" : active ? `${shown} of ${all}` : String(all));
      if (add.disabled === operator) add.disabled = !operator;
      setAttr(add, "title", operator ? "Add a rule" : mayNot(session, "add rules"));
    },
  };
}

// What the last column says: the state and since when. While nothing is measured it is past.
export function stateText(row, now, frozen) {
  if (!isFiring(row.state)) {
    if (frozen && row.state === "quiet") return { state: "stale", word: "stale", since: "" };
    return { state: row.state === "quiet" ? "" : "pending", word: row.word, since: "" };
  }
  const lasting = isNumber(row.since) ? span((now - row.since) / 1000) : "";
  return { state: row.state, word: frozen ? `was ${row.state}` : row.state, since: frozen && lasting ? `was ${lasting}` : lasting };
}

export function originText(row) {
  if (row.from === "file") return { icon: "file", text: "file" };
  if (row.from === "edit") return { icon: "pencil", text: "edited" };
  return { icon: "pencil", text: "added" };
}

function tableRow(first) {
  const link = el("a", { class: "threshold-name", "data-internal": "", "data-nav": "" });
  const kind = el("span", { class: "threshold-kind" });
  const dot = el("span", { class: "threshold-dot", hidden: "" }, el("span", { class: "unseen" }, "not saved"));
  const metric = el("td", { class: "threshold-metric" });
  const warning = el("td", { class: "right number" });
  const critical = el("td", { class: "right number" });
  const held = el("td", { class: "right number threshold-for" });
  const originIcon = icon("file");
  const origin = el("span");
  const from = el("td", { class: "threshold-from" }, originIcon, origin);
  const mark = shape("pending");
  const word = el("span", { class: "word" });
  const since = el("span", { class: "number threshold-since" });
  const state = el("td", { class: "threshold-state" }, el("span", { class: "threshold-told" }, mark, word, since));
  const node = el("tr", {}, el("td", { class: "threshold-what" }, link, dot, kind), metric, warning, critical, held, from, state);
  node.addEventListener("click", (event) => {
    if (!event.target.closest("a")) link.click();
  });
  // The keys j and k only move the focus.
  link.addEventListener("focus", () => node.scrollIntoView({ block: "nearest" }));
  setAttr(node, "data-key", first.row.key);
  return {
    node,
    update({ row, now, frozen, selected, dirty }) {
      setText(link, row.name);
      setAttr(link, "href", `/thresholds${withFields(location.search, { rule: row.key, series: "" })}`);
      setAttr(link, "title", row.name);
      setAttr(link, "aria-current", selected ? "true" : null);
      setText(kind, row.kind === "check" ? "check" : "");
      if (dot.hidden === dirty) dot.hidden = !dirty;
      setText(metric, row.metric);
      setAttr(metric, "title", row.metric);
      const sign = ["gt", "gte"].includes(row.table.operator) || row.ruleKind === "absence" ? "" : `${SIGNS[row.table.operator] ?? ""} `;
      setText(warning, isNumber(row.table.warning) ? sign + showValue(row.table.warning, row.unit) : "–");
      setText(critical, isNumber(row.table.critical) ? sign + showValue(row.table.critical, row.unit) : row.ruleKind === "absence" ? "absent" : "–");
      setText(held, row.kind === "check" ? "" : showDuration(row.table.for));
      const told = originText(row);
      setAttr(originIcon, "class", `icon icon-${told.icon}`);
      setText(origin, told.text);
      setAttr(from, "data-from", row.from);
      const drifted = Object.keys(row.drift);
      setAttr(from, "title", drifted.length > 0 ? `Edited away from the file: ${drifted.join(", ")}` : null);
      const reads = stateText(row, now, frozen);
      setAttr(node, "data-state", reads.state || null);
      if (mark.toggleAttribute("hidden", reads.state === "" || reads.state === "pending") === false) redraw(mark, reads.state);
      setText(word, reads.word);
      setText(since, reads.since);
      setAttr(state, "title", row.message || null);
      setAttr(node, "data-selected", selected ? "" : null);
      setAttr(node, "data-off", row.state === "off" || row.state === "out" ? "" : null);
    },
  };
}

export function thresholdTable() {
  const body = el("tbody");
  const head = ["Name", "Metric", ["warning", "Warn"], ["critical", "Crit"], "For", "From", "Now"].map((each, index) => {
    const right = index >= 2 && index <= 4 ? "right" : null;
    if (typeof each === "string") return el("th", { scope: "col", class: right }, each);
    return el("th", { scope: "col", class: right, "data-state": each[0] }, el("span", { class: "threshold-level-head" }, shape(each[0]), each[1]));
  });
  const table = el("table", { class: "threshold-table", "aria-labelledby": "thresholds-heading" }, el("thead", {}, el("tr", {}, ...head)), body);
  const empty = el("div", { class: "threshold-empty" });
  const clear = el("button", { type: "button", class: "text-button" }, "Clear the filter");
  const said = el("p");
  clear.addEventListener("click", () => change({ q: "", only: "" }));
  empty.append(said, clear);
  const node = el("div", { class: "threshold-scroll" }, table, empty);
  return {
    node,
    update({ rows, all, now, frozen, selected, dirty, ready, failed }) {
      setAttr(node, "data-ready", ready || failed ? "" : null);
      reconcile(
        body,
        rows.map((row) => ({ row, now, frozen, selected: row.key === selected, dirty: dirty.has(row.key) })),
        (item) => item.row.key,
        tableRow,
      );
      const none = (ready || failed) && rows.length === 0;
      table.hidden = none || !(ready || failed);
      empty.hidden = !none;
      if (!none) return;
      clear.hidden = all === 0;
      if (failed) setText(said, `${failed} This page keeps asking.`);
      else if (all > 0) setText(said, "No threshold matches this filter.");
      else setText(said, "There are no thresholds yet. Add a rule here, or a [[rule]] to config.toml.");
    },
  };
}
