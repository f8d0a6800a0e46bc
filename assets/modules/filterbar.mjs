// The controls of the filter: a text field and three selects, all of them views of the URL.

import { el, icon, setAttr, setText } from "./dom.mjs";
import { choices, FIELDS, format, isActive, parse } from "./filters.mjs";
import { setSearch } from "./router.mjs";
import { ORDER, stateOf } from "./states.mjs";

export const SEARCH_ID = "filter-text";

function change(field, value, options) {
  setSearch(format({ ...parse(location.search), [field]: value }, location.search), options);
}

export function clearFilter() {
  setSearch(format(Object.fromEntries(FIELDS.map((field) => [field, ""])), location.search));
}

function select(field, all, label) {
  const node = el("select", { class: "select", "aria-label": label, "data-field": field });
  let last = "";
  node.addEventListener("change", () => change(field, node.value));
  return {
    node: el("span", { class: "select-box" }, node, icon("down")),
    update(values, chosen) {
      const key = values.join("\n");
      if (key !== last || node.options.length === 0) {
        node.replaceChildren(el("option", { value: "" }, all), ...values.map((value) => el("option", { value }, value)));
        last = key;
      }
      if (node.value !== chosen) node.value = chosen;
      setAttr(node, "data-chosen", chosen ? "" : null);
    },
  };
}

export function filterBar() {
  const text = el("input", { id: SEARCH_ID, class: "input", type: "search", placeholder: "Filter", "aria-label": "Filter by name, kind, target or tag", autocomplete: "off", spellcheck: "false" });
  const key = el("kbd", { "aria-hidden": "true" }, "/");
  const groups = select("group", "All groups", "Filter by group");
  const tags = select("tag", "All tags", "Filter by tag");
  const states = select("state", "All states", "Filter by state");
  const clear = el("button", { type: "button", class: "text-button" }, "Clear");
  const result = el("span", { class: "filter-result number", role: "status" });
  clear.addEventListener("click", clearFilter);
  let typed = "";
  // The first letter makes an entry in the history, the following ones replace it.
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
  const search = el("span", { class: "search-box" }, icon("search"), text, key);
  const node = el("div", { class: "filter-bar" }, result, clear, search, groups.node, tags.node, states.node);
  return {
    node,
    update({ snapshot, checks, filter, at }) {
      const all = snapshot.checks;
      node.hidden = all.length === 0;
      // The URL changed by other means than typing here: the back button, a link, Escape.
      if (filter.q !== typed) text.value = typed = filter.q;
      groups.update(choices(all, filter.group, (check) => check.group || []), filter.group);
      tags.update(choices(all, filter.tag, (check) => check.tags ?? []), filter.tag);
      const present = new Set(all.map((check) => stateOf(check, at.now)));
      states.update(ORDER.filter((state) => present.has(state) || state === filter.state), filter.state);
      const active = isActive(filter);
      clear.hidden = !active;
      setText(result, active ? `${checks.length} of ${all.length}` : "");
    },
  };
}
