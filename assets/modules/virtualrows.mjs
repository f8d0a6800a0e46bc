// Rows of one height, of which only those in sight stand in the page: ten thousand cost as much as
// forty. The page itself scrolls, so that the address can keep where it was.

import { reconcile, setAttr } from "./dom.mjs";

// So many more than are in sight, above and below: a quick scroll shows no holes.
const SPARE = 10;

// The places of the rows to draw: those in sight, some more, and one that must stay. Pure.
export function span({ total, height, top, bottom, spare = SPARE, kept = -1 }) {
  const first = Math.max(0, Math.floor(top / height) - spare);
  const last = Math.min(total, Math.ceil(bottom / height) + spare);
  const places = [];
  if (kept >= 0 && kept < first) places.push(kept);
  for (let place = first; place < last; place += 1) places.push(place);
  if (kept >= last && kept < total && kept >= first) places.push(kept);
  return places;
}

// By how many rows most of those that were in sight have moved; 0 when none of them is left. Pure.
export function drift(before, placeOf) {
  const votes = new Map();
  for (const [key, place] of before) {
    const now = placeOf(key);
    if (now !== undefined) votes.set(now - place, (votes.get(now - place) ?? 0) + 1);
  }
  let best = 0;
  let most = votes.get(0) ?? 0;
  for (const [by, number] of votes) {
    if (number > most) [best, most] = [by, number];
  }
  return best;
}

export class VirtualRows {
  // `node` holds the rows. `key(item)`, and `create(item)` gives `{node, update(item)}`. `covered()`
  // tells how many px at the top of the window are covered by what stays there.
  constructor({ node, key, create, covered }) {
    Object.assign(this, { node, key, create, covered });
    this.items = [];
    this.places = new Map();
    this.stamp = null;
    this.kept = null;
    this.queued = false;
    this.height = 0;
  }

  start() {
    const soon = () => {
      if (this.queued || !this.node.isConnected) return;
      this.queued = true;
      requestAnimationFrame(() => {
        this.queued = false;
        this.draw();
      });
    };
    window.addEventListener("scroll", soon, { passive: true });
    window.addEventListener("resize", soon);
  }

  measure() {
    this.height = Number.parseFloat(getComputedStyle(this.node).getPropertyValue("--row")) || 32;
    return this.node.getBoundingClientRect();
  }

  // The rows in sight, as [key, place].
  inSight(box) {
    const first = Math.max(0, Math.ceil((this.covered() - box.top) / this.height));
    const last = Math.min(this.items.length, Math.floor((window.innerHeight - box.top) / this.height));
    return this.items.slice(first, Math.max(first, last)).map((item, index) => [this.key(item), first + index]);
  }

  // `stamp` tells for what somebody asked: another filter or order starts at the top again, while
  // news leave in sight what is in sight. `kept`: the key of the row that must not leave the page.
  // `view(item)` makes of an item what its row is drawn from; it is asked of those drawn alone.
  update(items, { stamp, kept, view }) {
    const box = this.measure();
    const before = this.inSight(box);
    const under = this.covered() - box.top > 0.5;
    const asked = this.stamp !== null && stamp !== this.stamp;
    this.items = items;
    this.kept = kept;
    this.view = view;
    this.stamp = stamp;
    this.places = new Map(items.map((item, index) => [this.key(item), index]));
    this.node.style.height = `${items.length * this.height}px`;
    if (under && asked) window.scrollBy(0, box.top - this.covered());
    else if (under) {
      const by = drift(before, (key) => this.places.get(key));
      if (by !== 0) window.scrollBy(0, by * this.height);
    }
    this.draw();
  }

  draw() {
    if (!this.view) return;
    const box = this.measure();
    const height = this.height;
    const wanted = span({
      total: this.items.length,
      height,
      top: -box.top,
      bottom: window.innerHeight - box.top,
      kept: this.places.get(this.kept) ?? -1,
    });
    const views = wanted.map((place) => ({ ...this.view(this.items[place]), place }));
    reconcile(this.node, views, this.key, (view) => this.row(view));
  }

  row(first) {
    const made = this.create(first);
    let at = null;
    return {
      node: made.node,
      update: (view) => {
        const top = `${view.place * this.height}px`;
        if (at !== top) made.node.style.top = at = top;
        setAttr(made.node, "aria-rowindex", view.place + 2);
        made.update(view);
      },
    };
  }

  // Draw all rows anew, because they have other columns.
  clear() {
    reconcile(this.node, [], this.key, this.create);
  }

  // Bring the row at a place into sight, between what covers the window above and below.
  reveal(place, below) {
    const box = this.measure();
    const top = box.top + place * this.height;
    const highest = this.covered();
    const lowest = window.innerHeight - below - this.height;
    if (top < highest) window.scrollBy(0, top - highest);
    else if (top > lowest) window.scrollBy(0, top - lowest);
    this.draw();
  }
}
