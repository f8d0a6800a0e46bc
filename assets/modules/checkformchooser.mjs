// The first step of a new check: what kind it is.

import { fitting, spelled } from "./checkformmodel.mjs";
import { el, icon, reconcile, setText } from "./dom.mjs";

function card(kind) {
  const why = el("span", { class: "cf-kind-why" });
  const node = kind.allowed
    ? el("a", { class: "cf-kind", href: `/checks/new?kind=${encodeURIComponent(kind.name)}`, "data-internal": "" })
    : el("div", { class: "cf-kind", "data-off": "" });
  node.append(el("span", { class: "cf-kind-title" }, kind.title, " ", el("code", {}, kind.name)), el("span", { class: "cf-kind-text" }, ...spelled(kind.description).map((part, index) => (index % 2 ? el("code", {}, part) : part))), why);
  return {
    node,
    update(now) {
      setText(why, now.why_not ? "Administrators only: it runs code on the monitor's machine" : "");
      why.hidden = !now.why_not;
    },
  };
}

export function kindChooser() {
  const search = el("input", { type: "search", class: "input", id: "cf-kind-search", autocomplete: "off", spellcheck: "false", placeholder: "http, database, disk …", "aria-label": "Find a kind of check" });
  const list = el("div", { class: "cf-kinds" });
  const none = el("p", { class: "cf-idle", hidden: "" }, "No kind of check has these words.");
  const box = el("div", { class: "search-box cf-search" }, icon("search"), search);
  const node = el("div", { class: "cf-chooser" }, el("h1", { class: "cf-title" }, "New check"), el("p", { class: "cf-lead" }, "What is to be watched?"), box, none, list);
  let kinds = [];
  const draw = () => {
    const found = fitting(kinds, search.value);
    reconcile(list, found, (kind) => `${kind.name} ${kind.allowed}`, card);
    none.hidden = found.length > 0;
  };
  search.addEventListener("input", draw);
  search.addEventListener("keydown", (event) => {
    if (event.key === "Enter") list.querySelector("a")?.click();
  });
  return {
    node,
    update(given) {
      kinds = given;
      draw();
    },
    focus: () => search.focus({ preventScroll: true }),
  };
}
