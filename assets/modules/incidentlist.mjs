// The list of incidents: what it adds up to, its filters, its rows, and what is done with many.

import { el, icon, reconcile, setAttr, setText } from "./dom.mjs";
import { zoneName } from "./format.mjs";
import { SEARCH_ID } from "./filterbar.mjs";
import { behindText, emptyText, figuresText, format, holderText, hoursOf, incidentAddress, lasted, lookOf, matches, narrows, parse, PERIODS, sections, SEVERITIES, sinceText, stageText, tabCounts, tabOf, TABS } from "./incidents.mjs";
import { nameControl } from "./incidentname.mjs";
import { setSearch } from "./router.mjs";
import { selectedBar } from "./incidentselection.mjs";
import { redraw, shape } from "./shapes.mjs";

export const MOST_ROWS = 300;
const HEADS = ["Severity", "Incident", "Id", "State", "Who has it", "Tags", "Since", "Lasted"];

function change(fields, options) {
  setSearch(format({ ...parse(location.search), ...fields }, location.search), options);
}

export function clearFilter() {
  change({ q: "", severity: "", show: "", who: "" });
}

function summary() {
  const node = el("p", { class: "figures" });
  let last = "";
  return {
    node,
    update(figures) {
      const parts = figuresText(figures);
      const key = JSON.stringify(parts);
      if (key === last) return;
      last = key;
      node.replaceChildren(...parts.map(([text, strong]) => el(strong ? "strong" : "span", { class: "number" }, text)));
    },
  };
}

function tab({ key, title }) {
  const number = el("span", { class: "inc-tab-number number" });
  const node = el("a", { class: "inc-tab", "data-internal": "", "data-tab": key }, title, " ", number);
  return {
    node,
    update({ current, total, sets }) {
      node.setAttribute("href", `/incidents${format({ ...parse(location.search), ...sets }, location.search)}`);
      setAttr(node, "aria-current", current ? "true" : null);
      setText(number, total);
    },
  };
}

function select(field, label, all, options) {
  const node = el("select", { class: "select", "aria-label": label, "data-field": field }, el("option", { value: "" }, all), ...options.map(([value, text]) => el("option", { value }, text)));
  node.addEventListener("change", () => change({ [field]: node.value }));
  return {
    node: el("span", { class: "select-box" }, node, icon("down")),
    update(chosen) {
      if (node.value !== chosen) node.value = chosen;
      setAttr(node, "data-chosen", chosen ? "" : null);
    },
  };
}

function filters({ onName }) {
  const tabs = el("nav", { class: "inc-tabs", "aria-label": "Ways to look at them" });
  // The id by which `/` finds it (keyboard.mjs); the Overview's field is not on this page.
  const text = el("input", { id: SEARCH_ID, class: "input", type: "search", placeholder: "Search component, title, id", "aria-label": "Search component, title, id or tag", autocomplete: "off", spellcheck: "false" });
  const severity = select("severity", "Filter by severity", "All severities", SEVERITIES.map((each) => [each, each]));
  const who = select("who", "Filter by who has it", "Anybody's", [["mine", "mine"], ["nobody", "unassigned"]]);
  const hours = select("hours", "How far back", `Last ${PERIODS[24]}`, [["168", `last ${PERIODS[168]}`], ["744", `last ${PERIODS[744]}`]]);
  const clear = el("button", { type: "button", class: "text-button" }, "Clear");
  const zone = el("span", { class: "inc-list-zone" });
  const name = nameControl({ onChange: onName });
  clear.addEventListener("click", clearFilter);
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
  const search = el("span", { class: "search-box" }, icon("search"), text, el("kbd", { "aria-hidden": "true" }, "/"));
  const bar = el("div", { class: "inc-list-bar" }, search, severity.node, who.node, hours.node, clear, el("span", { class: "inc-list-side" }, name.node, zone));
  return {
    node: el("div", {}, tabs, bar),
    name,
    update({ filter, totals, me, at }) {
      const current = tabOf(filter);
      reconcile(tabs, TABS.map((each) => ({ ...each, total: totals[each.key], current: each.key === current })), (each) => each.key, tab);
      if (filter.q !== typed) text.value = typed = filter.q;
      severity.update(filter.severity);
      who.update(filter.who);
      hours.update(filter.hours);
      clear.hidden = !narrows(filter);
      name.update(me);
      setAttr(bar, "data-who", filter.who);
      setText(zone, `times in ${zoneName(at.displayNow, at.zone)}`);
    },
  };
}

function heading() {
  const title = el("span");
  const number = el("span", { class: "number" });
  // One cell that runs over the empty ones: columns that a narrow screen hides must not come back.
  const node = el("tr", { class: "inc-list-section" }, el("th", { scope: "rowgroup" }, title, " ", number));
  return {
    node,
    update({ text, total }) {
      setText(title, text);
      setText(number, total);
    },
  };
}

function row({ incident: first }, { choose, acknowledge }) {
  const box = el("input", { type: "checkbox", class: "inc-choose", "aria-label": `Select ${first.id}` });
  const mark = shape("pending");
  const severity = el("span", { class: "word" });
  const link = el("a", { class: "inc-row-title", "data-internal": "", "data-nav": "" });
  link.href = incidentAddress(first.id);
  const behind = el("span", { class: "inc-row-behind" });
  const id = el("code", { class: "inc-row-id" }, first.id);
  const stage = el("span", { class: "inc-row-stage-text" });
  const initial = el("span", { class: "who-mark", "aria-hidden": "true" });
  const name = el("span", { class: "inc-row-name" });
  const take = el("button", { type: "button", class: "button inc-row-take" }, "Acknowledge");
  const tags = el("span", { class: "inc-row-tags-text" });
  const since = el("span");
  const length = el("span");
  const refusal = el("span", { class: "inc-row-refusal", role: "status" });
  const node = el(
    "tr",
    { class: "inc-row", "data-id": first.id },
    el("td", { class: "inc-row-choose" }, box),
    el("td", { class: "inc-row-severity" }, el("span", { class: "inc-row-told" }, mark, severity)),
    el("td", { class: "inc-row-what" }, link, " ", behind, refusal),
    el("td", { class: "inc-row-number" }, id),
    el("td", { class: "inc-row-stage" }, stage),
    el("td", { class: "inc-row-who" }, el("span", { class: "inc-row-told" }, initial, name)),
    el("td", { class: "inc-row-tags" }, tags),
    el("td", { class: "inc-row-since number" }, since),
    el("td", { class: "inc-row-lasted number" }, length, take),
  );
  box.addEventListener("change", () => choose(first.id, box.checked));
  take.addEventListener("click", () => {
    if (document.activeElement === take) link.focus({ preventScroll: true });
    acknowledge(first.id);
  });
  // The whole row opens it; what can be pressed in it does its own.
  node.addEventListener("click", (event) => {
    if (!event.target.closest("a, button, input, label") && !String(getSelection())) link.click();
  });
  // The keyboard's row is brought into sight, whoever moved the focus to it.
  link.addEventListener("focus", () => node.scrollIntoView({ block: "nearest" }));
  return {
    node,
    update({ incident, chosen, me, at, said }) {
      const look = lookOf(incident.severity);
      setAttr(node, "data-state", look);
      setAttr(node, "data-open", incident.open ? "" : null);
      setAttr(node, "data-new", incident.stage === "new" ? "" : null);
      setAttr(node, "data-chosen", chosen ? "" : null);
      box.hidden = !incident.open;
      if (box.checked !== chosen) box.checked = chosen;
      redraw(mark, look);
      setText(severity, incident.severity);
      setText(link, incident.title);
      setAttr(link, "title", incident.title);
      setText(behind, behindText(incident));
      setText(stage, stageText(incident));
      const whose = holderText(incident, me);
      setText(initial, whose.mark);
      initial.hidden = !whose.mark;
      setText(name, whose.name);
      setText(tags, (incident.tags ?? []).join(", "));
      setText(since, sinceText(incident, at.displayNow, at.zone));
      setAttr(since, "data-zone", zoneName(at.displayNow, at.zone));
      setText(length, lasted(incident, at.displayNow));
      take.hidden = incident.stage !== "new" || !at.operator;
      setText(refusal, said.refused ? said.text : "");
      refusal.hidden = !said.refused;
    },
  };
}

function nothing({ onName }) {
  const main = el("p", { class: "empty-main" });
  const more = el("p", { class: "empty-more" });
  const button = el("button", { type: "button", class: "button" });
  const link = el("a", { class: "button", "data-internal": "", href: "/" }, "Go to the overview");
  let next = () => {};
  button.addEventListener("click", () => next());
  const actions = { name: ["Tell your name", onName], clear: ["Show all of them", clearFilter], nobody: ["Show unassigned ones", () => change({ show: "open", who: "nobody" })] };
  return {
    node: el("div", { class: "empty inc-list-empty" }, main, more, button, link),
    update(view) {
      const text = emptyText(view);
      setText(main, text.main);
      setText(more, text.more);
      const [label, action] = actions[text.next] ?? ["", () => {}];
      next = action;
      setText(button, label);
      button.hidden = !label;
      link.hidden = text.next !== "overview";
    },
  };
}

export function incidentList({ desk, orders, changed, me }) {
  const chosen = new Set();
  let shown = [];
  let total = MOST_ROWS;
  const figures = summary();
  const controls = filters({ onName: changed });
  const all = el("input", { type: "checkbox", class: "inc-choose", "aria-label": "Select all open ones" });
  const since = el("th", { scope: "col", class: "inc-row-since" }, "Since");
  const heads = HEADS.map((text) => (text === "Since" ? since : el("th", { scope: "col", class: text === "Lasted" ? "inc-row-lasted" : `inc-head-${text.toLowerCase().replaceAll(" ", "-")}` }, text)));
  const body = el("tbody");
  const table = el("table", { class: "inc-list" }, el("thead", {}, el("tr", {}, el("td", { class: "inc-row-choose" }, all), ...heads)), body);
  const empty = nothing({ onName: () => controls.name.open() });
  const more = el("button", { type: "button", class: "button inc-list-more" });
  const trouble = el("p", { class: "inc-list-trouble", role: "status", hidden: "" });
  const node = el("div", { class: "inc-list-root" }, trouble, table, empty.node, el("div", { class: "inc-list-foot" }, more));

  const fresh = () => shown.filter((each) => chosen.has(each.id) && each.stage === "new");
  const bodyOf = () => (me() ? { acknowledged_by: me() } : {});
  const acknowledge = (id) => orders.give(id, "acknowledge", bodyOf());
  const choose = (id, on) => {
    if (on) chosen.add(id);
    else chosen.delete(id);
    changed();
  };
  const clear = () => {
    const focused = document.activeElement?.closest?.(".selected-bar");
    chosen.clear();
    changed();
    if (focused) body.querySelector(".inc-row-title")?.focus();
  };
  const acknowledgeChosen = () => {
    const these = fresh();
    chosen.clear();
    for (const each of these) acknowledge(each.id);
    changed();
  };
  const bar = selectedBar({ acknowledge: acknowledgeChosen, clear });
  all.addEventListener("change", () => {
    for (const each of shown) if (each.open && all.checked) chosen.add(each.id);
    if (!all.checked) chosen.clear();
    changed();
  });
  more.addEventListener("click", () => {
    if (more.dataset.rows) total += MOST_ROWS;
    else change({ hours: more.dataset.hours });
    changed();
  });

  const focusedId = () => document.activeElement?.closest?.(".inc-row")?.dataset.id ?? null;
  return {
    parts: { summary: figures.node, filters: controls.node, list: node, selected: bar.node },
    // What a key does here; false when it does nothing.
    key(key) {
      if (key === "a") {
        if (chosen.size > 0) acknowledgeChosen();
        else if (focusedId()) {
          const incident = shown.find((each) => each.id === focusedId());
          if (incident?.stage !== "new" || !node.dataset.operator) return false;
          acknowledge(incident.id);
        } else body.querySelector(".inc-row[data-new] .inc-row-title")?.focus();
        return true;
      }
      if (key === "x" && focusedId()) {
        const incident = shown.find((each) => each.id === focusedId());
        if (!incident?.open) return false;
        choose(incident.id, !chosen.has(incident.id));
        return true;
      }
      if (key === "Escape" && chosen.size > 0) {
        clear();
        return true;
      }
      return false;
    },
    update({ at, incidents, name }) {
      const filter = parse(location.search);
      const found = incidents.map((each) => orders.seen(each));
      const fitting = found.filter((each) => matches(each, filter, name));
      const ready = desk.standing.data !== null && (filter.show === "open" || desk.history.data !== null);
      setAttr(node, "data-ready", ready ? "" : null);
      setAttr(node, "data-operator", at.operator ? "true" : null);
      setAttr(node, "data-frozen", at.frozen ? "" : null);
      figures.update(desk.figures.data);
      controls.update({ filter, totals: tabCounts(found, filter, name), me: name, at });
      const groups = sections(fitting, at.displayNow);
      shown = groups.flatMap((group) => group.incidents);
      for (const id of [...chosen]) if (!shown.some((each) => each.id === id && each.open)) chosen.delete(id);
      let left = total;
      const items = groups.flatMap((group) => {
        const visible = group.incidents.slice(0, Math.max(0, left));
        left -= visible.length;
        const title = group.key === "open" && at.frozen ? "Open when last seen" : group.title;
        const rows = visible.map((incident) => ({ key: incident.id, incident, chosen: chosen.has(incident.id), me: name, at, said: orders.reply(incident.id) }));
        return visible.length ? [{ key: `section ${group.key}`, text: title, total: group.incidents.length }, ...rows] : [];
      });
      reconcile(body, items, (item) => item.key, (item) => (item.incident ? row(item, { choose, acknowledge }) : heading()));
      table.hidden = shown.length === 0;
      empty.node.hidden = shown.length > 0 || !ready;
      if (!empty.node.hidden) empty.update({ filter, me: name, frozen: at.frozen });
      const open = shown.filter((each) => each.open);
      all.hidden = open.length === 0;
      all.checked = open.length > 0 && open.every((each) => chosen.has(each.id));
      all.indeterminate = !all.checked && open.some((each) => chosen.has(each.id));
      bar.update({ chosen: chosen.size, fresh: fresh().length, operator: at.operator });
      this.updateMore(filter, shown.length > total, ready);
      const away = desk.standing.status !== 200 && desk.standing.status !== null;
      trouble.hidden = !away;
      setText(trouble, away ? "The incidents could not be read just now; what stands here was last known. This page keeps asking." : "");
    },
    updateMore(filter, cut, ready) {
      const longer = { 24: "168", 168: "744" }[hoursOf(filter)];
      more.hidden = !ready || (!cut && (!longer || filter.show === "open"));
      setAttr(more, "data-rows", cut ? "" : null);
      setAttr(more, "data-hours", longer ?? null);
      setText(more, cut ? `Show ${Math.min(MOST_ROWS, shown.length - total)} more` : `Show the last ${PERIODS[longer] ?? ""}`);
    },
  };
}
