// The form of a check without its nodes: which fields it has, what stands in them, and what is sent.

// Most wanted first; kinds that this list does not know come after it by their titles.
const POPULAR = ["http", "ping", "tcp", "tls", "dns", "sql", "postgres", "redis", "mqtt", "smtp", "websocket", "prometheus", "openai", "system", "process", "file", "composite", "heartbeat", "passive", "command", "application", "callable", "custom", "network"];
// Of a kind without fields that it must have: those that most people fill in.
const USUAL = { redis: ["url"], mqtt: ["url"], process: ["match"], composite: ["of", "at_least"], application: ["modules"], http: ["url", "expect_status", "expect_body"] };
// Where a kind has words of its own in it: `url` in "A request to `url` is answered". Every second part.
export function spelled(text) {
  return text.split("`");
}

const LONG = new Set(["body", "query", "description", "send"]);
// A list of words that fit one line.
const SHORT_LISTS = new Set(["tags", "depends_on", "tables", "subprotocols", "alpn", "expect", "modules"]);
const COMMON_FIRST = ["interval", "tags"];
export const HIDDEN = "***";

export function ordered(kinds) {
  const place = (kind) => (POPULAR.includes(kind.name) ? POPULAR.indexOf(kind.name) : POPULAR.length);
  return [...kinds].sort((one, other) => place(one) - place(other) || one.title.localeCompare(other.title));
}

export function fitting(kinds, text) {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  return ordered(kinds).filter((kind) => words.every((word) => `${kind.name} ${kind.title} ${kind.description} ${kind.component}`.toLowerCase().includes(word)));
}

// "expect_status" → "Expect status".
export function labelOf(key) {
  const text = key.replaceAll("_", " ").replace(/\b(url|tls|json|http|ca|pid|ms|kb|mb|ttl|id|rcode|db|qos)\b/g, (word) => word.toUpperCase());
  return text[0].toUpperCase() + text.slice(1);
}

// The one schema that a field's value must fit, without null; several that are all scalars are "scalar".
function core(schema) {
  if (!schema.anyOf) return schema;
  const parts = schema.anyOf.filter((part) => part.type !== "null");
  if (parts.length === 1) return { ...parts[0], description: schema.description, default: schema.default };
  const simple = parts.every((part) => part.enum || ["string", "integer", "number", "boolean"].includes(part.type));
  return { ...schema, anyOf: undefined, type: simple ? "scalar" : "any" };
}

const SCALARS = ["string", "integer", "number", "boolean", "scalar"];

export function controlOf(key, given) {
  const schema = core(given);
  if (schema.enum) return "choice";
  if (schema.type === "boolean") return "switch";
  if (schema.type === "integer" || schema.type === "number") return "number";
  if (schema.type === "string") return LONG.has(key) ? "text" : "line";
  if (schema.type === "scalar") return "scalar";
  const inside = schema.type === "array" ? core(schema.items ?? {}) : null;
  if (inside && (inside.type === "integer" || inside.type === "number")) return "numbers";
  if (inside && (inside.type === "string" || key === "depends_on")) return SHORT_LISTS.has(key) ? "words" : "lines";
  if (schema.type === "object" && schema.additionalProperties && SCALARS.includes(core(schema.additionalProperties).type)) return "pairs";
  return "json";
}

function fieldOf(key, schema, part, required) {
  const inside = core(schema);
  return {
    key,
    part,
    required,
    control: controlOf(key, schema),
    label: labelOf(key),
    help: schema.description ?? "",
    secret: Boolean(schema.writeOnly),
    choices: inside.enum ?? [],
    usual: schema.default ?? null,
    whole: inside.type === "integer",
    min: inside.minimum ?? null,
    max: inside.maximum ?? null,
    texts: inside.type === "object" && inside.additionalProperties?.type === "string",
  };
}

// What holds of a common field where the kind brings it: the levels of its main number, its tries.
function usualOf(kind, key) {
  const rule = (kind.rules ?? []).find((each) => each.metric === kind.headline);
  const usual = key === "warning" || key === "critical" ? rule?.[key] : { failures: kind.failures, successes: kind.successes }[key];
  return usual === null || usual === undefined ? {} : { default: usual };
}

// All fields of a kind's form: `part` is where they stand (first, more, common).
export function fieldsOf(kind, common) {
  const { properties, required } = kind.schema;
  const first = required.length > 0 ? [...new Set([...required, ...(USUAL[kind.name] ?? [])])] : (USUAL[kind.name] ?? Object.keys(properties).slice(0, 2));
  const own = Object.entries(properties).map(([key, schema]) => fieldOf(key, schema, first.includes(key) ? "first" : "more", required.includes(key)));
  own.sort((one, other) => (one.part === "first" && other.part === "first" ? first.indexOf(one.key) - first.indexOf(other.key) : 0));
  const name = { ...fieldOf("name", { type: "string", description: "What it is called: in lists, pages and addresses" }, "first", true) };
  const shared = Object.entries(common)
    .filter(([key]) => key !== "enabled")
    .map(([key, schema]) => fieldOf(key, { ...schema, ...usualOf(kind, key) }, COMMON_FIRST.includes(key) ? "first" : "common", false));
  return [name, ...own, ...shared];
}

export function isMissing(value) {
  return value === null || value === undefined || value === "" || (Array.isArray(value) && value.length === 0);
}

// A value as it stands in its control: text, a boolean, rows of texts.
export function shownOf(field, value) {
  if (field.control === "switch") return value ?? field.usual ?? false;
  if (field.control === "pairs") return Object.entries(value ?? {}).map(([key, each]) => [key, scalarText(each, field.texts)]);
  if (field.control === "lines") return (value ?? []).map(String);
  if (value === null || value === undefined) return "";
  if (field.control === "numbers") return value.join(", ");
  if (field.control === "words") return value.map((each) => (Array.isArray(each) ? each.join(" | ") : each)).join(", ");
  if (field.control === "json") return JSON.stringify(value, null, 2);
  if (field.control === "scalar") return scalarText(value, false);
  return String(value);
}

// A text that would read as a number or a boolean is quoted.
function scalarText(value, plain) {
  if (typeof value === "string" && !plain && typeof scalarOf(value) !== "string") return JSON.stringify(value);
  return String(value);
}

function scalarOf(text) {
  if (/^(true|false)$/.test(text)) return text === "true";
  if (/^-?\d+(\.\d+)?([eE][+-]?\d+)?$/.test(text)) return Number(text);
  if (/^".*"$/s.test(text)) {
    try {
      return JSON.parse(text);
    } catch {
      return text;
    }
  }
  return text;
}

export class Unreadable extends Error {}

function numberOf(text) {
  const value = Number(text.replace(",", "."));
  if (text === "" || !Number.isFinite(value)) throw new Unreadable("must be a number");
  return value;
}

// The value that a control stands for; null where it is empty. Throws Unreadable with the reason.
export function valueOf(field, shown) {
  const { control } = field;
  if (control === "switch") return shown;
  if (control === "pairs") {
    const rows = shown.filter(([key, value]) => key.trim() !== "" || value !== "");
    if (rows.some(([key]) => key.trim() === "")) throw new Unreadable("a row has a value and no name");
    const keys = rows.map(([key]) => key.trim());
    const twice = keys.find((key, index) => keys.indexOf(key) !== index);
    if (twice) throw new Unreadable(`${twice} stands there twice`);
    return rows.length === 0 ? null : Object.fromEntries(rows.map(([, value], index) => [keys[index], field.texts ? value : scalarOf(value.trim())]));
  }
  if (control === "lines") return shown.some((each) => each !== "") ? shown.filter((each) => each !== "") : null;
  const text = control === "text" ? shown : shown.trim();
  if (text.trim() === "") return null;
  if (control === "number") return numberOf(text);
  if (control === "numbers") return text.split(/[\s,;]+/).filter(Boolean).map(numberOf);
  if (control === "words") return text.split(",").map((each) => each.trim()).filter(Boolean).map(groupOf);
  if (control === "scalar") return scalarOf(text);
  if (control === "choice") return field.choices.find((each) => String(each) === text) ?? text;
  if (control === "json") {
    try {
      return JSON.parse(text);
    } catch {
      throw new Unreadable("is not JSON: such as [{\"name\": \"x\"}] or {\"name\": \"x\"}");
    }
  }
  return text;
}

// "a | b" are two of which one is enough.
function groupOf(text) {
  const parts = text.split("|").map((each) => each.trim()).filter(Boolean);
  return parts.length > 1 ? parts : text;
}

export function same(one, other) {
  return JSON.stringify(one ?? null) === JSON.stringify(other ?? null);
}

// What the form says: the table, and the reasons of fields that can't be read. A field that says
// what holds without it is left out, unless the table before had it.
export function read(fields, shown, before = {}) {
  const table = {};
  const errors = {};
  for (const field of fields) {
    try {
      const value = valueOf(field, shown[field.key] ?? shownOf(field, null));
      const usual = before[field.key] === undefined && field.control === "switch" && same(value, field.usual ?? false);
      if (!isMissing(value) && !usual) table[field.key] = value;
      else if (field.required && isMissing(value)) errors[field.key] = "is needed";
    } catch (error) {
      if (!(error instanceof Unreadable)) throw error;
      errors[field.key] = error.message;
    }
  }
  return { table, errors };
}

// The fields that were changed, null for one that was emptied.
export function changesOf(before, table, fields) {
  const changes = {};
  for (const { key } of fields) {
    if (!same(before[key], table[key])) changes[key] = table[key] ?? null;
  }
  return changes;
}

// The table of another check as the beginning of a new one: what is not shown can't be copied.
export function cloned(table, name) {
  const isShown = (value) => !JSON.stringify(value ?? null).includes(HIDDEN);
  const kept = Object.entries(table).filter(([key, value]) => key !== "enabled" && isShown(value));
  const left = Object.keys(table).filter((key) => !isShown(table[key]));
  return { table: { ...Object.fromEntries(kept), name }, left };
}

export function freeName(name, taken) {
  for (let number = 2; ; number += 1) {
    const tried = number === 2 ? `${name}-copy` : `${name}-copy-${number - 1}`;
    if (!taken.has(tried)) return tried;
  }
}

// What the server refused: `{errors: {key: reason}, said}`; `said` is what belongs to no field.
export function refusalOf(status, body) {
  if (status === null) return { errors: {}, said: "No answer from the server. Nothing is known to have changed." };
  const errors = { ...(body?.errors ?? {}) };
  const whole = errors[""];
  delete errors[""];
  if (Object.keys(errors).length > 0) return { errors, said: whole ?? "" };
  const detail = whole ?? body?.error ?? body?.detail ?? `The server answered HTTP ${status}.`;
  const found = /^([\w.]+): (.+)$/s.exec(detail);
  if (status === 400 && found) return { errors: { [found[1].replace(/^(table|fields)\./, "")]: found[2] }, said: "" };
  return { errors: {}, said: detail };
}

// Numbers of a result, the one that stands large on the tile first.
export function metricsOf(result) {
  const names = Object.keys(result.metrics ?? {}).sort();
  const first = names.filter((name) => name === result.headline);
  return [...first, ...names.filter((name) => name !== result.headline)].map((name) => ({ name, value: result.metrics[name], main: name === result.headline }));
}
