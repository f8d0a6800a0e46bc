// What the form of a check asks of the server.

const DEADLINE_MS = 20_000;
// A run takes up to its time-out and 5 s; then the reply has an address of its own.
const LATE_MS = 60_000;
const AGAIN_MS = 500;

// `{status, body}`; a status of null means that nobody answered.
export async function ask(path, { method = "GET", body, deadline = DEADLINE_MS } = {}) {
  const given = method === "GET" ? {} : { headers: { "Content-Type": "application/json" }, body: JSON.stringify(body ?? {}) };
  try {
    const response = await fetch(path, { method, ...given, cache: "no-store", credentials: "same-origin", signal: AbortSignal.timeout(deadline) });
    return { status: response.status, body: await response.json().catch(() => null) };
  } catch {
    return { status: null, body: null };
  }
}

export function checkPath(name, verb = "") {
  return `/api/v1/checks/${encodeURIComponent(name)}${verb && `/${verb}`}`;
}

// What the server has against a draft, which it does not run.
export function judge(draft) {
  return ask("/api/v1/checks/try", { method: "POST", body: { ...draft, run: false } });
}

// Run a draft; `isWanted()` turns false when nobody waits for it any more.
export async function attempt(draft, isWanted = () => true) {
  let answer = await ask("/api/v1/checks/try", { method: "POST", body: draft, deadline: LATE_MS });
  const until = performance.now() + LATE_MS;
  const address = answer.status === 202 ? answer.body?.reply : null;
  while (address && answer.status === 202 && isWanted() && performance.now() < until) {
    await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
    answer = await ask(address);
  }
  return answer;
}
