// The page of the API: draws the OpenAPI document as a list of routes that can be searched.

import { matches, routes } from "./apidocsmodel.mjs";
import { el, setText } from "./dom.mjs";

const ADDRESS = "/api/v1/openapi.json";

function rows(entries) {
  const cells = ({ name, type, required, says }) =>
    el(
      "tr",
      {},
      el("td", {}, el("code", {}, name)),
      el("td", {}, type),
      el("td", {}, [required ? "required" : "", says ?? ""].filter(Boolean).join(". ")),
    );
  return el("table", {}, el("tbody", {}, ...entries.map(cells)));
}

function part(heading, ...content) {
  return [el("h3", {}, heading), ...content];
}

function answer({ status, types, fields }) {
  const said = fields.map(({ name }) => name).join(", ");
  return el(
    "tr",
    {},
    el("td", {}, el("code", {}, status)),
    el("td", {}, types.join(", ")),
    el("td", {}, said),
  );
}

function inside(route) {
  const scopes = route.scopes.length ? `, or a key with the scope ${route.scopes.join(" or ")}` : "";
  return el(
    "div",
    { class: "apidocs-body" },
    el("p", {}, `Role ${route.role}${scopes}. ${route.more}`),
    ...(route.parameters.length ? part("Parameters", rows(route.parameters)) : []),
    ...route.bodies.flatMap(({ type, fields }) => part(`Body, ${type}`, rows(fields))),
    ...part("Answers", el("table", {}, el("tbody", {}, ...route.answers.map(answer)))),
    ...part("Example", el("pre", { tabindex: "0" }, route.curl)),
  );
}

function drawn(route) {
  const title = el(
    "span",
    {},
    el("span", { class: "apidocs-path" }, route.path),
    el("span", { class: "apidocs-says" }, route.says),
  );
  const node = el(
    "details",
    { class: "apidocs-route" },
    el(
      "summary",
      {},
      el("span", { class: "apidocs-method" }, route.method),
      title,
      el("span", { class: "apidocs-role" }, route.role),
    ),
  );
  // What is inside is drawn when it is opened first: there are a hundred of them.
  node.addEventListener("toggle", () => node.children.length === 1 && node.append(inside(route)));
  return node;
}

function sections(document, known) {
  return document.tags
    .map(({ name, description }) => {
      const entries = known
        .filter(({ tag }) => tag === name)
        .map((route) => ({ route, node: drawn(route) }));
      const heads = [el("h2", {}, name), el("p", { class: "apidocs-tag" }, description)];
      return { entries, node: el("section", {}, ...heads, ...entries.map(({ node }) => node)) };
    })
    .filter(({ entries }) => entries.length);
}

function filter(drawnSections, search) {
  let count = 0;
  for (const { entries, node } of drawnSections) {
    const shown = entries.filter((entry) => {
      entry.node.hidden = !matches(entry.route, search);
      return !entry.node.hidden;
    });
    node.hidden = shown.length === 0;
    count += shown.length;
  }
  return count;
}

export async function start(root, search, status) {
  let document;
  try {
    const response = await fetch(ADDRESS, { credentials: "same-origin" });
    if (!response.ok) throw new Error(`HTTP ${response.status}`);
    document = await response.json();
  } catch (error) {
    return setText(status, `The document could not be read: ${error.message}`);
  }
  const made = sections(document, routes(document));
  root.append(...made.map(({ node }) => node));
  const look = () => {
    const count = filter(made, search.value.trim());
    setText(status, count === 1 ? "1 route" : `${count} routes`);
  };
  // What is searched for stands in the address, to be handed on.
  search.value ||= new URLSearchParams(globalThis.location?.search ?? "").get("q") ?? "";
  search.addEventListener("input", () => {
    look();
    const text = search.value.trim();
    globalThis.history?.replaceState(null, "", text ? `?q=${encodeURIComponent(text)}` : location.pathname);
  });
  look();
}

const root = globalThis.document?.getElementById("apidocs-routes");
if (root) {
  start(root, document.getElementById("apidocs-search"), document.getElementById("apidocs-count"));
}
