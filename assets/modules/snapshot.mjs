// Polling /live/snapshot: one request at a time, with an ETag, given up after a deadline.

export const ADDRESS = "/live/snapshot";
export const EVERY_MS = 2000;
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

export class Poller {
  constructor({ clock, onAnswer, onSnapshot, fetch = globalThis.fetch.bind(globalThis) }) {
    Object.assign(this, { clock, onAnswer, onSnapshot, fetch });
    this.etag = null;
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
    const headers = this.etag ? { "If-None-Match": this.etag } : {};
    const response = await this.fetch(ADDRESS, {
      headers,
      cache: "no-store",
      credentials: "same-origin",
      signal: request.signal,
    });
    const news = response.status === 200;
    if (!news && !(response.status === 304 && this.etag)) return;
    const body = news ? await response.json() : null;
    const serverNow = headerMs(response.headers, "Nocturne-Now");
    if (this.request !== request || serverNow === null || (news && !isSnapshot(body))) return;
    this.clock.answered(serverNow, headerMs(response.headers, "Nocturne-Beat"), sent);
    this.onAnswer({
      store: response.headers.get("Nocturne-Store") ?? "ok",
      role: response.headers.get("Nocturne-Role") ?? "viewer",
    });
    if (news) {
      this.etag = response.headers.get("ETag");
      this.onSnapshot(body);
    }
  }
}
