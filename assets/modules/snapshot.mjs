// Polling /live/snapshot: one request at a time, with an ETag, given up after a deadline.

export const ADDRESS = "/live/snapshot";
export const EVERY_MS = 2000;
const DELTA = "application/vnd.nocturne.delta+json";
const ACCEPT = `${DELTA}, application/json`;
const DEADLINE_MS = 5000;

// A header's milliseconds, or null when it is absent, empty or not a number.
export function headerMs(headers, name) {
  const text = headers.get(name);
  if (text === null || text.trim() === "") return null;
  const value = Number(text);
  return Number.isFinite(value) ? value : null;
}

export function isSnapshot(body) {
  return Boolean(body) && typeof body === "object" && Array.isArray(body.checks) && Array.isArray(body.groups);
}

// Does this answer tell only what has changed since an earlier one?
export function isDelta(response) {
  return (response.headers.get("Content-Type") ?? "").startsWith(DELTA);
}

// The document that a delta makes of the one it is based on. Pure; what did not change is shared.
export function applied(base, { top, changed, added, order }) {
  const byName = new Map(base.checks.map((check) => [check.name, check]));
  for (const patch of changed) byName.set(patch.name, { ...byName.get(patch.name), ...patch });
  for (const check of added) byName.set(check.name, check);
  const names = order ?? base.checks.map((check) => check.name);
  return { ...base, ...top, checks: names.map((name) => byName.get(name)) };
}

export class Poller {
  constructor({ clock, onAnswer, onSnapshot, onRefused = () => {}, fetch = globalThis.fetch.bind(globalThis) }) {
    Object.assign(this, { clock, onAnswer, onSnapshot, onRefused, fetch });
    this.etag = null;
    this.body = null;
    this.request = null;
    this.lastBegun = null;
  }

  // Called often; asks when it is time.
  tick() {
    if (this.lastBegun === null || this.clock.elapsed(this.lastBegun) >= EVERY_MS) this.ask();
  }

  // Now, unless a request is under way that is not yet late.
  async ask({ hurry = false } = {}) {
    if (this.request) {
      const waited = this.clock.elapsed(this.lastBegun);
      if (waited < (hurry ? 1000 : DEADLINE_MS)) return;
      this.request.abort();
    }
    const request = new AbortController();
    this.request = request;
    this.lastBegun = this.clock.reading();
    try {
      await this.exchange(request, this.lastBegun);
    } catch {
      // No answer. The age of the data says so; the next tick asks again.
    } finally {
      if (this.request === request) this.request = null;
    }
  }

  async exchange(request, sent) {
    const headers = { Accept: ACCEPT, ...(this.etag ? { "If-None-Match": this.etag } : {}) };
    const response = await this.fetch(ADDRESS, {
      headers,
      cache: "no-store",
      credentials: "same-origin",
      signal: request.signal,
    });
    if (this.request !== request) return;
    if (response.status === 401 || response.status === 403) {
      // Who logs in again may see other things: what was known to be unchanged is asked for anew.
      this.etag = null;
      this.onRefused();
      return;
    }
    const news = response.status === 200;
    if (!news && !(response.status === 304 && this.etag)) return;
    const body = news ? this.whole(response, await response.json()) : null;
    const serverNow = headerMs(response.headers, "Nocturne-Now");
    if (this.request !== request || serverNow === null || (news && !isSnapshot(body))) return;
    this.clock.answered(serverNow, headerMs(response.headers, "Nocturne-Beat"), sent);
    this.onAnswer({
      store: response.headers.get("Nocturne-Store") ?? "ok",
      role: response.headers.get("Nocturne-Role") ?? "viewer",
    });
    if (news) {
      this.etag = response.headers.get("ETag");
      this.body = body;
      this.onSnapshot(body);
    }
  }

  // The document of an answer; null for a delta of another one than stands here: the whole is asked for.
  whole(response, body) {
    if (!isDelta(response)) return body;
    if (this.body && body?.base === this.etag) return applied(this.body, body);
    this.etag = null;
    return null;
  }
}
