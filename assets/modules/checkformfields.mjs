// The controls of a check's form: one labelled field each, with its help and what is wrong with it.

import { el, icon, setAttr, setText } from "./dom.mjs";
import { shownOf } from "./checkformmodel.mjs";

const SECRET = "Not written out: ${NAME} of the monitor's environment, or file:/path";
const HINTS = { words: "separated by commas", numbers: "separated by commas", interval: "30s", timeout: "10s", retry_interval: "2s", depends_on: "shop-db, cache-a | cache-b" };

function placeholderOf(field) {
  if (field.secret) return "${NAME} or file:/path";
  if (HINTS[field.key]) return HINTS[field.key];
  const usual = field.usual === null ? "" : shownOf(field, field.usual);
  if (typeof usual === "string" && usual !== "") return field.control === "json" ? "" : usual;
  return HINTS[field.control] ?? "";
}

// Text in one line or more.
function text(field, id, changed) {
  const long = field.control === "text" || field.control === "json";
  const node = el(long ? "textarea" : "input", {
    id,
    class: `cf-control${["json", "text"].includes(field.control) || field.secret ? " cf-mono" : ""}`,
    autocomplete: "off",
    spellcheck: field.key === "description" ? "true" : "false",
    placeholder: placeholderOf(field),
    ...(long ? { rows: field.key === "description" ? 2 : 4 } : { type: "text", inputmode: field.control === "number" ? "decimal" : "text" }),
  });
  node.addEventListener("input", changed);
  return { node, focus: node, get: () => node.value, set: (value) => (node.value = value) };
}

function choice(field, id, changed) {
  const usual = field.usual === null ? "not set" : `${field.usual} (usual)`;
  const rest = field.choices.filter((each) => each !== field.usual);
  const first = field.required ? el("option", { value: "" }, "Choose …") : el("option", { value: "" }, usual);
  const node = el("select", { id, class: "cf-control" }, first, ...rest.map((each) => el("option", { value: String(each) }, String(each))));
  node.addEventListener("change", changed);
  return { node, focus: node, get: () => node.value, set: (value) => (node.value = value === String(field.usual) ? "" : value) };
}

function toggle(field, id, changed) {
  const node = el("input", { id, type: "checkbox", class: "cf-check" });
  node.addEventListener("change", changed);
  return { node, focus: node, get: () => node.checked, set: (value) => (node.checked = Boolean(value)) };
}

// Rows of one text, or of a name and a value, which can be added and removed.
function rows(field, id, changed) {
  const pairs = field.control === "pairs";
  const list = el("div", { class: "cf-rows" });
  const add = el("button", { type: "button", class: "text-button cf-add", id }, icon("plus"), pairs ? "Add a pair" : "Add an entry");
  const node = el("div", { class: "cf-list", role: "group", "aria-labelledby": `${id}-label`, "aria-describedby": `${id}-help` }, list, add);
  const inputs = () => [...list.children].map((row) => [...row.querySelectorAll("input")]);
  const put = (values, focus) => {
    const number = list.children.length + 1;
    const named = (what) => ({ class: "cf-control cf-mono", type: "text", autocomplete: "off", spellcheck: "false", "aria-label": `${field.label}, ${what} ${number}`, placeholder: pairs ? what : "" });
    const made = pairs ? [el("input", named("name")), el("input", named("value"))] : [el("input", named("entry"))];
    made.forEach((input, index) => {
      input.value = values[index] ?? "";
      input.addEventListener("input", changed);
    });
    const remove = el("button", { type: "button", class: "icon-button cf-remove", "aria-label": `${field.label}: remove row ${number}` }, el("span", { "aria-hidden": "true" }, "×"));
    const row = el("div", { class: pairs ? "cf-row cf-pair" : "cf-row" }, ...made, remove);
    remove.addEventListener("click", () => {
      const next = row.nextElementSibling ?? row.previousElementSibling;
      row.remove();
      (next?.querySelector("input") ?? add).focus();
      changed();
    });
    list.append(row);
    if (focus) made[0].focus();
  };
  add.addEventListener("click", () => {
    put([], true);
    changed();
  });
  return {
    node,
    focus: add,
    get: () => inputs().map((row) => (pairs ? row.map((input) => input.value) : row[0].value)),
    set(values) {
      list.replaceChildren();
      for (const value of values) put(pairs ? value : [value], false);
      if (values.length === 0 && field.required) put([], false);
    },
  };
}

function controlFor(field, id, changed) {
  if (field.control === "choice") return choice(field, id, changed);
  if (field.control === "switch") return toggle(field, id, changed);
  if (field.control === "pairs" || field.control === "lines") return rows(field, id, changed);
  return text(field, id, changed);
}

// `{node, get, set, fail, focus}`; `on.changed(key)` when somebody changes it.
export function formField(field, on) {
  const id = `cf-${field.key}`;
  const control = controlFor(field, id, () => on.changed(field.key));
  const help = el("p", { class: "cf-help", id: `${id}-help` }, field.help);
  const wrong = el("p", { class: "cf-wrong", id: `${id}-wrong`, hidden: "" });
  const isRows = field.control === "pairs" || field.control === "lines";
  const mark = field.required ? el("span", { class: "cf-needed" }, "needed") : null;
  const named = el(isRows ? "span" : "label", { class: "cf-label", id: `${id}-label`, ...(isRows ? {} : { for: id }) }, field.label);
  if (field.secret) help.append(el("span", { class: "cf-secret" }, ` ${SECRET}.`));
  const origin = el("span", { class: "cf-origin", hidden: "" });
  const head = el("div", { class: "cf-head" }, named, mark, origin);
  const isSwitch = field.control === "switch";
  const body = isSwitch ? [el("div", { class: "cf-switch" }, control.node, head)] : [head, control.node];
  const node = el("div", { class: "cf-field", "data-key": field.key }, ...body, wrong, help);
  if (!isRows) setAttr(control.node, "aria-describedby", `${id}-help`);
  if (field.required && !isRows) setAttr(control.node, "aria-required", "true");
  return {
    node,
    field,
    get: control.get,
    set: control.set,
    focus: () => (isRows ? (node.querySelector("input") ?? control.focus) : control.focus).focus(),
    // Why what stands here is refused; empty takes that back.
    fail(reason) {
      setText(wrong, reason && `${reason[0].toUpperCase()}${reason.slice(1)}`);
      wrong.hidden = !reason;
      setAttr(node, "data-wrong", reason ? "" : null);
      if (isRows) return;
      setAttr(control.focus, "aria-invalid", reason ? "true" : null);
      setAttr(control.focus, "aria-describedby", reason ? `${id}-wrong ${id}-help` : `${id}-help`);
    },
    // Where what stands here comes from, for a check of the file that was edited.
    from(told) {
      setText(origin, told);
      origin.hidden = !told;
    },
  };
}
