// How old the data is, computed here so that it goes on while the server is dead.

export const AMBER_MS = 5000;
export const STALE_MS = 10000;

// The server's clock as seen from here. Elapsed time comes from the monotonic clock; it stands
// still while a laptop sleeps, so the wall clock is asked too and the longer answer counts: a
// screen that wakes up must not believe its data to be fresh.
export class ServerClock {
  constructor({ monotonic = () => performance.now(), wall = () => Date.now() } = {}) {
    this.monotonic = monotonic;
    this.wall = wall;
    this.startedAt = this.reading();
    this.answeredAt = null;
    this.serverAt = null;
    this.beat = null;
  }

  reading() {
    return { monotonic: this.monotonic(), wall: this.wall() };
  }

  // An answer arrived whose server clock said `serverNow`, `sent` being the reading when it was
  // asked. The header was written somewhere between: half-way is the best guess.
  answered(serverNow, beat, sent) {
    const received = this.reading();
    this.serverAt = serverNow + Math.max(0, received.monotonic - sent.monotonic) / 2;
    this.answeredAt = received;
    this.beat = beat;
  }

  elapsed(since) {
    return Math.max(0, this.monotonic() - since.monotonic, this.wall() - since.wall);
  }

  now() {
    return this.serverAt === null ? this.wall() : this.serverAt + this.elapsed(this.answeredAt);
  }

  // Milliseconds since the last good answer, or since this screen began to ask.
  silence() {
    return this.elapsed(this.answeredAt ?? this.startedAt);
  }

  // Milliseconds since this screen began to ask.
  watched() {
    return this.elapsed(this.startedAt);
  }

  beatAge() {
    return this.beat === null ? null : Math.max(0, this.now() - this.beat);
  }
}

// fresh | amber | stale | waiting, and the age in ms that is shown (null: there never was a beat).
// `broken`: this screen could not draw the latest data, which is as bad as not having it.
// `refused`: the server gives this screen no data any more, so what it shows only grows older.
// `watched`: how long this screen has been looking, for a server that answers but never had a beat.
export function judge({ beatAge, silence, watched, broken = false, refused = false }) {
  const old = beatAge === null ? watched : Math.max(beatAge, silence);
  if (refused) return { level: "stale", age: beatAge, reason: "login" };
  if (broken) return { level: "stale", age: beatAge, reason: "drawing" };
  if (beatAge === null) return { level: old > STALE_MS ? "stale" : "waiting", age: null, reason: silence > AMBER_MS ? "silent" : "never" };
  if (old > STALE_MS) return { level: "stale", age: beatAge, reason: silence > AMBER_MS ? "silent" : "beat" };
  return { level: old > AMBER_MS ? "amber" : "fresh", age: beatAge, reason: "" };
}
