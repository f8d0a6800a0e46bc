// What the server tells of incidents, fetched when the snapshot says that something has changed.

import { incidentAddress } from "./incidents.mjs";

const RETRY_MS = 2000;
const DEADLINE_MS = 8000;
const MINUTE = 60_000;

// One address whose answer is kept; asked for again when its stamp moves, one request at a time.
export class Feed {
  constructor({ fetch, onChange, now = () => performance.now() }) {
    Object.assign(this, { fetch, onChange, now });
    this.url = null;
    this.reset();
  }

  reset() {
    this.data = null;
    this.status = null;
    this.outdate();
  }

  // What is under way or known now is older than something that was done since.
  outdate() {
    this.stamp = undefined;
    this.request = null;
    this.notBefore = -Infinity;
  }

  want(url, stamp) {
    if (url !== this.url) {
      this.url = url;
      this.reset();
    }
    if (this.request || stamp === this.stamp || this.now() < this.notBefore) return;
    this.load(stamp);
  }

  async load(stamp) {
    const request = {};
    this.request = request;
    let status = null;
    let body = null;
    try {
      const response = await this.fetch(this.url, {
        headers: { Accept: "application/json" },
        cache: "no-store",
        credentials: "same-origin",
        signal: AbortSignal.timeout(DEADLINE_MS),
      });
      body = await response.json();
      status = response.status;
    } catch {
      // No answer: what is known stands, and the age of the data tells how old it is.
    }
    if (this.request !== request) return;
    this.request = null;
    this.status = status;
    if (status === 200 || status === 404) {
      this.stamp = stamp;
      this.data = status === 200 ? body : null;
    } else this.notBefore = this.now() + RETRY_MS;
    this.onChange();
  }
}

export class Desk {
  constructor({ onChange, fetch = globalThis.fetch?.bind(globalThis), now }) {
    const feed = () => new Feed({ fetch, onChange, ...(now ? { now } : {}) });
    Object.assign(this, { standing: feed(), history: feed(), figures: feed(), one: feed(), why: feed() });
  }

  get open() {
    return this.standing.data?.incidents ?? [];
  }

  followList(revision, hours, now) {
    this.standing.want("/incidents", revision);
    // What is over changes with what is open, and by itself only when it is closed.
    const stamp = `${this.open.map((each) => each.id).join()} ${Math.floor(now / MINUTE)}`;
    if (!this.standing.data) return;
    this.history.want(`/incidents/history?hours=${hours}`, stamp);
    this.figures.want(`/incidents/statistics?hours=${hours}`, stamp);
  }

  followOne(revision, id, standing) {
    this.one.want(incidentAddress(id), revision);
    if (this.told(id)) this.why.want(`/api/v1/explain?incident=${encodeURIComponent(id)}`, revision);
    this.standing.want("/incidents", standing);
  }

  // The incident of an id as it was last told; null when it was not told yet.
  told(id) {
    const whole = this.one.data?.id === id ? this.one.data : null;
    return whole ?? this.open.find((each) => each.id === id) ?? null;
  }

  // The server told an incident as it stands after an order: newer than whatever is under way.
  put(doc) {
    if (this.one.url === incidentAddress(doc.id)) {
      this.one.outdate();
      this.one.data = doc;
      this.one.status = 200;
    }
    this.why.outdate();
    if (!this.standing.data) return;
    this.standing.outdate();
    const others = this.open.filter((each) => each.id !== doc.id);
    const incidents = doc.open ? this.open.map((each) => (each.id === doc.id ? doc : each)) : others;
    this.standing.data = { ...this.standing.data, incidents };
    if (doc.open) return;
    const over = (this.history.data?.incidents ?? []).filter((each) => each.id !== doc.id);
    this.history.data = { ...this.history.data, incidents: [doc, ...over] };
  }
}
