// The OpenAPI document as the page shows it: plain data, no DOM.

const METHODS = ["get", "post", "patch", "put", "delete"];

// Every route once, in the order of the document.
export function routes(document) {
  return Object.entries(document.paths).flatMap(([path, item]) =>
    METHODS.filter((method) => item[method]).map((method) => route(document, path, method, item[method])),
  );
}

function route(document, path, method, operation) {
  const said = {
    method: method.toUpperCase(),
    path,
    tag: operation.tags[0],
    says: operation.summary,
    more: operation.description ?? "",
    role: operation["x-role"],
    scopes: operation["x-scopes"] ?? [],
    parameters: (operation.parameters ?? []).map(parameter),
    bodies: bodies(document, operation.requestBody),
    answers: Object.entries(operation.responses).map(([status, answer]) => ({
      status,
      types: Object.keys(answer.content ?? {}),
      fields: fields(document, content(answer.content)),
    })),
  };
  return { ...said, curl: curl(said, document, operation.requestBody) };
}

function parameter({ name, in: place, required, description, schema }) {
  return { name, place, required: Boolean(required), says: description ?? "", type: typed(schema) };
}

function bodies(document, body) {
  if (!body) return [];
  return Object.entries(body.content).map(([type, { schema }]) => ({
    type,
    fields: fields(document, schema),
  }));
}

function content(found) {
  if (!found) return undefined;
  return (found["application/json"] ?? Object.values(found)[0])?.schema;
}

// Of an object its fields, each with its type; nothing for anything else.
export function fields(document, schema) {
  const meant = resolve(document, schema);
  const needed = new Set(meant?.required ?? []);
  return Object.entries(meant?.properties ?? {}).map(([name, of]) => ({
    name,
    type: typed(resolve(document, of)),
    required: needed.has(name),
  }));
}

function resolve(document, schema) {
  if (!schema?.$ref) return schema;
  return document.components.schemas[schema.$ref.split("/").pop()];
}

// A schema in a few words: "integer 1 to 500", "string or null", "one of new, closed".
export function typed(schema) {
  if (!schema) return "any";
  if (schema.anyOf) return schema.anyOf.map(typed).join(" or ");
  if (schema.enum) return `one of ${schema.enum.join(", ")}`;
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.$ref) return schema.$ref.split("/").pop();
  if (schema.type === "array") return `list of ${typed(schema.items)}`;
  const least = schema.minimum ?? schema.exclusiveMinimum;
  const span = schema.maximum === undefined ? "" : ` ${least ?? ""} to ${schema.maximum}`;
  return `${schema.format ?? schema.type ?? "any"}${span}`.replace(/\s+/g, " ");
}

// A line for the terminal; what has to be filled in stands in capitals.
export function curl(route, document, body) {
  const path = route.path.replace(/\{([^}]+)\}/g, (_, name) => name.toUpperCase());
  const query = route.parameters.filter(({ place, required }) => place === "query" && required);
  const asked = query.map(({ name }) => `${name}=${name.toUpperCase()}`).join("&");
  const address = `http://127.0.0.1:8050${path}${asked ? `?${asked}` : ""}`;
  const parts = ["curl -s"];
  if (route.method !== "GET") parts.push(`-X ${route.method}`);
  parts.push(`'${address}'`);
  if (route.role !== "none") parts.push("-H 'Authorization: Bearer KEY'");
  const schema = body?.content?.["application/json"]?.schema;
  if (schema) {
    const needed = fields(document, schema).filter((each) => each.required);
    const example = Object.fromEntries(needed.map(({ name, type }) => [name, exampleOf(type)]));
    parts.push("-H 'Content-Type: application/json'", `-d '${JSON.stringify(example)}'`);
  } else if (route.method !== "GET") {
    parts.push("-H 'Content-Type: application/json'");
  }
  return parts.join(" ");
}

function exampleOf(type) {
  if (type.startsWith("list")) return [];
  if (type.startsWith("object")) return {};
  if (type.startsWith("integer") || type.startsWith("number")) return 1;
  if (type.startsWith("boolean")) return false;
  return type.startsWith("one of ") ? type.slice(7).split(", ")[0] : "…";
}

// Whether every word of a search stands somewhere in the route.
export function matches(route, search) {
  const text = [
    route.method,
    route.path,
    route.tag,
    route.says,
    `role ${route.role}`,
    ...route.scopes.map((scope) => `scope ${scope}`),
    ...route.parameters.map(({ name }) => name),
  ]
    .join(" ")
    .toLowerCase();
  return search.toLowerCase().split(/\s+/).every((word) => text.includes(word));
}
