// What the Thresholds page asks of the server: one function, and what an answer means in words.

import { mayNot, session } from "./session.mjs";

const DEADLINE_MS = 15_000;

// `{status, body}`; a status of null means that nobody answered, or that it was called off.
export async function ask(path, { method = "GET", body, signal } = {}) {
  const given = method === "GET" ? {} : { headers: { "Content-Type": "application/json" }, body: JSON.stringify(body ?? {}) };
  const late = AbortSignal.timeout(DEADLINE_MS);
  try {
    const response = await fetch(path, {
      method,
      ...given,
      cache: "no-store",
      credentials: "same-origin",
      signal: signal ? AbortSignal.any([signal, late]) : late,
    });
    return { status: response.status, body: await response.json().catch(() => null) };
  } catch {
    return { status: null, body: null };
  }
}

export function rulePath(name, verb = "") {
  return `/api/v1/rules/${encodeURIComponent(name)}${verb && `/${verb}`}`;
}

export function levelsPath(name, verb = "") {
  return `/api/v1/checks/${encodeURIComponent(name)}/levels${verb && `/${verb}`}`;
}

// Where a row is edited.
export function addressOf(row, verb = "") {
  return row.kind === "check" ? levelsPath(row.name, verb) : rulePath(row.name, verb);
}

export function pointsPath(metric, labels, hours, until = null) {
  const query = new URLSearchParams({ metric, hours: String(hours) });
  for (const [name, value] of Object.entries(labels)) query.append("label", `${name}=${value}`);
  if (until !== null) query.set("until", new Date(until).toISOString());
  return `/api/v1/series/points?${query}`;
}

// Why something was not done, in words.
export function refusal(status, body) {
  if (status === null) return "No answer from the server. Nothing is known to have changed.";
  if (status === 401 || status === 403) return mayNot(session, "change this");
  return told(body?.detail) || `The server answered HTTP ${status}.`;
}

// What is wrong by field, as the server tells it.
export function wrongIn(body) {
  return Object.fromEntries(Object.entries(body?.errors ?? {}).map(([key, reason]) => [key, told(reason)]));
}

// The server names the key with the table around it: `rule "draft" warning = 95: warning = 95 lies
// above …`. Somebody who looks at the field needs the reason alone.
export function told(detail) {
  if (typeof detail !== "string") return "";
  return detail
    .split("\n")
    .map((line) => line.replace(/^rule "[^"]*":? ?/, "").replace(/^(\w+) = [^:]*: (?=\1 )/, ""))
    .join("; ");
}
