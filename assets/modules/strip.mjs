// The geometry of the small drawings in a tile: 48 heartbeat bars and a sparkline. Pure.

export const SLOTS = 48;
export const STEP = 4;
export const HEIGHT = 16;
const BAR = 3;

// Height by letter; what is split or hollow is drawn so that it differs without colour too.
const HEIGHTS = { h: 8, w: 11, d: 12, u: 12, c: 16, b: 12, m: 8, p: 4, "-": 1 };

// The letters of a strip as one SVG path each: `{h: "M0 8h3v8h-3z…", …}`. Another strip has its own
// number of slots, widths, and heights where they differ.
export function bars(ticks, { slots = SLOTS, step = STEP, bar = BAR, heights = {} } = {}) {
  const paths = {};
  const tall = { ...HEIGHTS, ...heights };
  const letters = String(ticks ?? "").slice(-slots).padStart(slots, "-");
  for (let index = 0; index < slots; index += 1) {
    const letter = letters[index] in HEIGHTS ? letters[index] : "-";
    paths[letter] = (paths[letter] ?? "") + drawn(letter, index * step, bar, tall[letter]);
  }
  return paths;
}

function drawn(letter, x, width, height) {
  const top = HEIGHT - height;
  if (letter === "d") return `M${x + 0.5} ${top + 0.5}h${width - 1}v${height - 1}h-${width - 1}z`;
  if (letter === "u") return box(x, top, width, 5) + box(x, top + 7, width, 5);
  if (letter === "b") return box(x, top, width, 2.5) + box(x, top + 4.75, width, 2.5) + box(x, top + 9.5, width, 2.5);
  return box(x, top, width, height);
}

function box(x, y, width, height) {
  return `M${x} ${y}h${width}v${height}h-${width}z`;
}

// A polyline through the numbers, with gaps where nothing was measured. `end` is the last measured
// point, `missing` where the unmeasured tail begins (0..1 of the width; null when there is none).
export function sparkline(values, width, height, pad = 2) {
  const numbers = (values ?? []).map((value) => (Number.isFinite(value) ? value : null));
  const measured = numbers.filter((value) => value !== null);
  if (measured.length < 2) return null;
  const low = Math.min(...measured);
  const high = Math.max(...measured);
  // A line that hardly moves must look flat: the range is at least a quarter of the value.
  const middle = (low + high) / 2;
  const range = Math.max(high - low, Math.abs(middle) / 4, 1e-9);
  const x = (index) => round(pad + (index * (width - 2 * pad)) / (numbers.length - 1));
  const y = (value) => round(height / 2 - ((value - middle) / range) * (height - 2 * pad));
  let path = "";
  let pen = false;
  let last = 0;
  numbers.forEach((value, index) => {
    if (value !== null) {
      path += `${pen ? "L" : "M"}${x(index)} ${y(value)}`;
      last = index;
    }
    pen = value !== null;
  });
  const missing = last < numbers.length - 1 ? x(last) / width : null;
  return { path, end: { x: x(last), y: y(numbers[last]) }, missing };
}

function round(value) {
  return Math.round(value * 10) / 10;
}
