// What stands above the list of checks: search and selects, all of them views of the URL, and the
// choice of columns, which this browser keeps.

import { CHOOSABLE, COLUMNS, columnsFor, formatSort, orderText, parseSort, totalText } from "./checkslist.mjs";
import { el, icon, setAttr, setText } from "./dom.mjs";
import { clearFilter, SEARCH_ID } from "./filterbar.mjs";
import { choices, format, isActive, parse } from "./filters.mjs";
import { zoneName } from "./format.mjs";
import { setSearch } from "./router.mjs";
import { ORDER } from "./states.mjs";

const KEY = "nocturne.columns";
let held = {};

// {key: shown or not}, as somebody chose; storage may be refused, then it lasts until the reload.
export function chosenColumns() {
  try {
    const found = JSON.parse(localStorage.getItem(KEY) ?? "{}");
    return found && typeof found === "object" ? found : {};
  } catch {
    return held;
  }
}

function rememberColumns(chosen) {
  held = chosen;
  try {
    localStorage.setItem(KEY, JSON.stringify(chosen));
  } catch {
    // See chosenColumns().
  }
}

function change(field, value, options) {
  setSearch(format({ ...parse(location.search), [field]: value }, location.search), options);
}

function select(field, label, all) {
  const node = el("select", { class: "select", "aria-label": `Filter by ${label}`, "data-field": field });
  let last = null;
  node.addEventListener("change", () => change(field, node.value));
  return {
    node: el("span", { class: "select-box" }, node, icon("down")),
    update(values, chosen) {
      const key = values.join("\n");
      if (key !== last) {
        node.replaceChildren(el("option", { value: "" }, all), ...values.map((value) => el("option", { value }, value)));
        last = key;
      }
      if (node.value !== chosen) node.value = chosen;
      setAttr(node, "data-chosen", chosen ? "" : null);
    },
  };
}

// Where there are no heads to press, as on a phone, the order is chosen here.
function orderSelect() {
  const orders = COLUMNS.filter((column) => column.first).map(({ key, first }) => ({ key, by: first }));
  const node = el("select", { class: "select", "aria-label": "Order" }, ...orders.map((sort) => el("option", { value: sort.key }, orderText(sort))));
  node.addEventListener("change", () => setSearch(formatSort(orders.find((each) => each.key === node.value), location.search)));
  return {
    node: el("span", { class: "select-box chk-order" }, node, icon("down")),
    update(sort) {
      if (node.value !== sort.key) node.value = sort.key;
    },
  };
}

function searchField() {
  const text = el("input", { id: SEARCH_ID, class: "input", type: "search", placeholder: "Search name, target, tag", "aria-label": "Search name, kind, target or tag", autocomplete: "off", spellcheck: "false" });
  let typed = "";
  text.addEventListener("input", () => {
    typed = text.value.trim();
    change("q", typed, { replace: parse(location.search).q !== "" });
  });
  text.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    event.preventDefault();
    if (text.value) change("q", "");
    else text.blur();
  });
  return {
    node: el("span", { class: "search-box" }, icon("search"), text, el("kbd", { "aria-hidden": "true" }, "/")),
    update(q) {
      if (q !== typed) text.value = typed = q;
    },
  };
}

export function checksFilters() {
  const search = searchField();
  const states = select("state", "state", "All states");
  const kinds = select("kind", "kind", "All kinds");
  const tags = select("tag", "tag", "All tags");
  const groups = select("group", "group", "All groups");
  const order = orderSelect();
  const clear = el("button", { type: "button", class: "text-button" }, "Clear");
  const result = el("span", { class: "chk-result number", role: "status" });
  const zone = el("span");
  clear.addEventListener("click", clearFilter);
  const node = el("div", { class: "chk-controls" }, search.node, states.node, kinds.node, tags.node, groups.node, order.node, clear, el("span", { class: "chk-side" }, result, zone));
  let known = null;
  return {
    node,
    update({ checks, fitting, filter, sort, present, at }) {
      search.update(filter.q);
      // Ten thousand checks are looked through again only when there are news.
      if (known?.checks !== checks || known.filter !== location.search) {
        known = { checks, filter: location.search };
        tags.update(choices(checks, filter.tag, (check) => check.tags ?? []), filter.tag);
        kinds.update(choices(checks, filter.kind, (check) => check.kind || []), filter.kind);
        groups.update(choices(checks, filter.group, (check) => check.group || []), filter.group);
      }
      states.update(ORDER.filter((state) => present.has(state) || state === filter.state), filter.state);
      order.update(sort);
      clear.hidden = !isActive(filter);
      setText(result, totalText(fitting, checks.length, sort));
      setText(zone, `. Times in ${zoneName(at.displayNow, at.zone)}`);
    },
  };
}

// The button beside the title with the list of columns that can stand in the table.
function columnsMenu({ onChange }) {
  const button = el("button", { type: "button", class: "button", "aria-expanded": "false", "aria-controls": "chk-columns" }, "Columns", icon("down"));
  const boxes = CHOOSABLE.map((column) => {
    const input = el("input", { type: "checkbox", class: "inc-choose" });
    input.addEventListener("change", () => {
      rememberColumns({ ...chosenColumns(), [column.key]: input.checked });
      onChange();
    });
    return { column, input, node: el("label", { class: "chk-column" }, input, el("span", {}, column.title)) };
  });
  const usual = el("button", { type: "button", class: "text-button" }, "As wide as fits");
  const list = el("div", { id: "chk-columns", class: "chk-columns", role: "group", "aria-label": "Columns", hidden: "" }, ...boxes.map((each) => each.node), usual);
  const node = el("span", { class: "chk-menu" }, button, list);
  const close = (back) => {
    if (list.hidden) return;
    list.hidden = true;
    setAttr(button, "aria-expanded", "false");
    if (back) button.focus();
  };
  button.addEventListener("click", () => {
    if (!list.hidden) return close(true);
    list.hidden = false;
    setAttr(button, "aria-expanded", "true");
    boxes[0].input.focus();
  });
  usual.addEventListener("click", () => {
    rememberColumns({});
    onChange();
  });
  node.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || list.hidden) return;
    event.preventDefault();
    event.stopPropagation();
    close(true);
  });
  document.addEventListener("pointerdown", (event) => {
    if (!node.contains(event.target)) close(false);
  });
  return {
    node,
    update(columns) {
      const shown = new Set(columns.map((column) => column.key));
      for (const { column, input } of boxes) if (input.checked !== shown.has(column.key)) input.checked = shown.has(column.key);
    },
  };
}

export function checksTools({ onColumns, onExport }) {
  const save = el("button", { type: "button", class: "button" }, icon("download"), "Export", el("span", { class: "unseen" }, " what is shown as CSV"));
  save.addEventListener("click", onExport);
  const menu = columnsMenu({ onChange: onColumns });
  const fresh = el("a", { class: "button chk-new", "data-primary": "", href: "/checks/new", "data-internal": "" }, icon("plus"), "New check");
  return {
    node: el("div", { class: "chk-tools" }, save, menu.node, fresh),
    update(columns, { empty, operator }) {
      menu.update(columns);
      for (const node of [save, menu.node]) node.hidden = empty;
      fresh.hidden = !operator;
    },
  };
}

export function shownColumns(width, phone) {
  return columnsFor(width, chosenColumns(), phone);
}

export { parseSort };
