// The hexagons of a wall on one canvas: thousands of checks, and nothing is made per frame. What
// changes its brightness is painted over; everything only when something else changed.

import { el, setAttr } from "./dom.mjs";
import { brightness } from "./wallmap.mjs";
import { DRAWN } from "./shapes.mjs";
import { shown } from "./states.mjs";

// Runs are shown so late: by then their news has come, and each lights up at its own moment.
export const DELAY_MS = 3000;
const STEPS = 24;
const GLYPH_FROM = 15;
const QUIET = new Set(["healthy", "stale"]);
const GROUNDS = { warning: "warning-chip", degraded: "degraded-chip", paused: "raised", pending: "raised", blocked: "unknown" };
const INKS = { critical: "critical-ink", warning: "warning-ink", degraded: "degraded-ink", unknown: "unknown-ink", blocked: "unknown-ink", paused: "muted", pending: "muted" };
const COLOURS = ["bg", "surface", "healthy", "stale", "critical", "unknown", "maintenance", "raised", "muted", "hatch-line", "warning-chip", "degraded-chip", "critical-ink", "warning-ink", "degraded-ink", "unknown-ink"];

// The shapes of states as paths of a 12 × 12 drawing: `[{path, fill}]`.
function glyph(state) {
  return (DRAWN[state] ?? DRAWN.unknown).map(([tag, each]) => {
    const path = new Path2D(tag === "path" ? each.d : "");
    if (tag === "circle") path.arc(each.cx, each.cy, each.r, 0, 2 * Math.PI);
    if (tag === "rect") path.rect(each.x, each.y, each.width, each.height);
    return { path, fill: each.class.includes("fill") };
  });
}

export class HexCanvas {
  constructor() {
    this.node = el("canvas", { class: "wall-canvas", role: "img" });
    this.context = this.node.getContext("2d", { alpha: false });
    this.cells = [];
    this.runs = new Map();
    this.glyphs = new Map();
    this.colours = {};
    this.hatch = null;
    this.key = "";
    this.plan = null;
  }

  // `views` are `{check, now, frozen}` in the order of `plan.places`. `still`: no fading.
  update({ views, plan, width, height, still, label }) {
    const scale = window.devicePixelRatio || 1;
    const style = getComputedStyle(this.node);
    const colours = Object.fromEntries(COLOURS.map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
    setAttr(this.node, "aria-label", label);
    this.still = still;
    this.scale = scale;
    const key = `${width} ${height} ${scale} ${still} ${Object.values(colours)}`;
    const anew = key !== this.key || plan !== this.plan;
    if (anew) {
      Object.assign(this, { key, plan, colours, size: plan.size, cells: plan.places.map((at) => ({ at, state: "", was: false, name: "", interval: 0, step: -1 })) });
      this.resize(Math.round(width * scale), Math.round(height * scale));
      this.hatch = this.hatching();
    }
    const runs = new Map();
    views.forEach(({ check, now, frozen }, index) => {
      const cell = this.cells[index];
      const look = shown(check, now, frozen);
      const changed = cell.state !== look.state || cell.was !== look.was;
      Object.assign(cell, { state: look.state, was: look.was, name: check.name, interval: (check.interval_s ?? 60) * 1000 });
      runs.set(check.name, this.run(check));
      if (changed) cell.step = -1;
    });
    this.runs = runs;
    this.paint(views[0]?.now ?? 0, anew);
  }

  // The last two runs of a check: the last may not be shown yet.
  run(check) {
    const known = this.runs.get(check.name);
    if (!known) return { last: check.last_at ?? -Infinity, before: -Infinity };
    if (check.last_at && check.last_at !== known.last) return { last: check.last_at, before: known.last };
    return known;
  }

  resize(width, height) {
    if (this.node.width !== width) this.node.width = width;
    if (this.node.height !== height) this.node.height = height;
    this.context.setTransform(this.scale, 0, 0, this.scale, 0, 0);
    this.context.fillStyle = this.colours.bg;
    this.context.fillRect(0, 0, width, height);
  }

  hatching() {
    const step = Math.max(3, Math.min(9, this.size / 5.6));
    const tile = new OffscreenCanvas(Math.ceil(step * this.scale), Math.ceil(step * this.scale));
    const pen = tile.getContext("2d");
    pen.strokeStyle = this.colours.stale;
    pen.lineWidth = tile.width / 4;
    pen.beginPath();
    for (const shift of [-1, 0, 1]) {
      pen.moveTo((shift - 0.5) * tile.width, 1.5 * tile.width);
      pen.lineTo((shift + 1.5) * tile.width, -0.5 * tile.width);
    }
    pen.stroke();
    const pattern = this.context.createPattern(tile, "repeat");
    pattern.setTransform(new DOMMatrix().scale(1 / this.scale));
    return pattern;
  }

  outline([x, y], radius) {
    const { context } = this;
    const half = (radius * Math.sqrt(3)) / 2;
    context.beginPath();
    context.moveTo(x, y - radius);
    context.lineTo(x + half, y - radius / 2);
    context.lineTo(x + half, y + radius / 2);
    context.lineTo(x, y + radius);
    context.lineTo(x - half, y + radius / 2);
    context.lineTo(x - half, y - radius / 2);
    context.closePath();
  }

  // Only those that look different from what stands there. Called ten times a second.
  glow(now) {
    this.paint(now, false);
  }

  paint(now, anew) {
    for (const cell of this.cells) {
      const step = cell.state === "healthy" ? this.step(cell, now) : 0;
      if (step !== cell.step) this.cell(cell, step, anew);
    }
  }

  step(cell, now) {
    const { last, before } = this.runs.get(cell.name);
    const seen = now - DELAY_MS;
    const age = last <= seen ? seen - last : seen - before;
    if (this.still) return age < 2000 ? STEPS : 2;
    return Math.round(brightness(age, cell.interval) * STEPS);
  }

  // On bare ground (`anew`), or over what stood there: that is painted out first, else its edges
  // would shine through.
  cell(cell, step, anew) {
    const { context, colours } = this;
    const radius = this.size / Math.sqrt(3) - Math.max(0.35, this.size * 0.028);
    cell.step = step;
    if (!anew) {
      this.outline(cell.at, this.size / Math.sqrt(3));
      context.fillStyle = colours.bg;
      context.fill();
    }
    this.outline(cell.at, radius);
    if (cell.state === "stale") this.hatched();
    else this.filled(cell, step);
    if (!QUIET.has(cell.state) && this.size >= GLYPH_FROM) this.marked(cell);
  }

  hatched() {
    const { context, colours } = this;
    context.globalAlpha = 0.85;
    context.fillStyle = this.hatch;
    context.fill();
    context.strokeStyle = colours.stale;
    context.lineWidth = Math.max(0.5, this.size / 40);
    context.stroke();
    context.globalAlpha = 1;
  }

  filled({ state, was }, step) {
    const { context, colours } = this;
    const quiet = state === "healthy";
    context.globalAlpha = quiet ? 0.32 + (0.68 * step) / STEPS : was ? 0.86 : 1;
    context.fillStyle = colours[GROUNDS[state] ?? state];
    context.fill();
    context.globalAlpha = 1;
  }

  marked({ at: [x, y], state }) {
    const { context } = this;
    if (!this.glyphs.has(state)) this.glyphs.set(state, glyph(state));
    const scale = (this.size * 0.5) / 12;
    const ink = this.colours[INKS[state] ?? "bg"];
    context.save();
    context.translate(x - 6 * scale, y - 6 * scale);
    context.scale(scale, scale);
    context.fillStyle = ink;
    context.strokeStyle = ink;
    context.lineWidth = 1.7;
    for (const { path, fill } of this.glyphs.get(state)) {
      if (fill) context.fill(path);
      else context.stroke(path);
    }
    context.restore();
  }
}
