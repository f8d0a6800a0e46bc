// Where the hexagons of a wall stand, as large as there is room for them. Pure; pixels.

// A row is three quarters of a hexagon's height below the one before, and half a hexagon aside.
const PITCH = Math.sqrt(3) / 2;
export const LEAST = 3;

// Places for `count` hexagons `size` wide in rows of `columns`, the first row at (x, y).
function comb(count, columns, size, x, y) {
  const places = [];
  for (let index = 0; index < count; index += 1) {
    const row = Math.floor(index / columns);
    const shift = row % 2 ? size / 2 : 0;
    places.push([x + (index % columns) * size + size / 2 + shift, y + row * size * PITCH + size / Math.sqrt(3)]);
  }
  return places;
}

function columnsIn(width, size, count) {
  const whole = Math.max(1, Math.floor(width / size + 1e-6));
  // One row needs no room for the shift of the second.
  return count <= whole ? count : Math.max(1, Math.floor(width / size - 0.5 + 1e-6));
}

function heightOf(rows, size) {
  return rows === 0 ? 0 : (rows - 1) * size * PITCH + (2 * size) / Math.sqrt(3);
}

// One comb of all: `{size, places, labels: []}`. Of nearly as large ones that with the fullest last
// row is taken.
export function oneMap(count, width, height, most) {
  const whole = Math.min(count, Math.floor(width / LEAST));
  let best = { size: 0, columns: 1, score: -1 };
  for (let columns = 1; columns <= whole; columns += 1) {
    const rows = Math.ceil(count / columns);
    const size = Math.min(most, width / (columns + (rows > 1 ? 0.5 : 0)), height / heightOf(rows, 1));
    const filled = (count - (rows - 1) * columns) / columns;
    const score = size * (0.88 + 0.12 * Math.min(1, filled / 0.6));
    // Of equally good ones the widest: a line rather than a pillar.
    if (score >= best.score) best = { size, columns, score };
  }
  return { size: best.size, places: comb(count, best.columns, best.size, 0, 0), labels: [], columns: best.columns };
}

// A comb for each group below its name, several beside each other where there is room.
// `groups` are `{name, count, labelWidth}`; null when they need more room than there is.
export function groupMap(groups, { width, height, most, least, label, gap }) {
  for (let size = most; size >= least; size *= 0.96) {
    const found = beside(groups, { width, height, size, label, gap }) ?? shelved(groups, { width, height, size, label, gap });
    if (found) return found;
  }
  return null;
}

const SMALL = 6;

// Small groups in columns at the left, large ones in the rest; null when they do not fit, or when
// there are not both.
function beside(groups, { width, height, size, label, gap }) {
  const small = groups.filter((group) => group.count <= SMALL);
  const large = groups.filter((group) => group.count > SMALL);
  if (small.length === 0 || large.length === 0) return null;
  const wide = Math.max(...small.map((group) => Math.max(group.labelWidth, group.count * size)));
  const tall = label + heightOf(1, size);
  const each = Math.floor((height + gap) / (tall + gap));
  if (each < 1) return null;
  const found = { size, places: [], labels: [] };
  small.forEach((group, index) => put(found, group, group.count, (wide + 2 * gap) * Math.floor(index / each), (tall + gap) * (index % each), label));
  const left = (wide + 2 * gap) * Math.ceil(small.length / each);
  if (left > width * 0.45) return null;
  let y = 0;
  for (const group of large) {
    const columns = columnsIn(width - left, size, group.count);
    const high = label + heightOf(Math.ceil(group.count / columns), size);
    if (y + high > height + 1e-6 || group.labelWidth > width - left) return null;
    put(found, group, columns, left, y, label);
    y += high + gap;
  }
  // In the order in which they were asked for.
  return { size, labels: found.labels, places: groups.flatMap((group) => found.places.find((each) => each.name === group.name).comb) };
}

function put(found, { name, count }, columns, x, y, label) {
  found.labels.push({ name, count, x, y });
  found.places.push({ name, comb: comb(count, columns, found.size, x, y + label) });
}

function shelved(groups, { width, height, size, label, gap }) {
  const places = [];
  const labels = [];
  let [x, y, shelf] = [0, 0, 0];
  for (const group of groups) {
    let columns = columnsIn(width, size, group.count);
    let wide = Math.max(group.labelWidth, combWidth(group.count, columns, size));
    if (x > 0 && x + wide > width + 1e-6) [x, y, shelf] = [0, y + shelf + gap, 0];
    columns = columnsIn(width - x, size, group.count);
    wide = Math.max(group.labelWidth, combWidth(group.count, columns, size));
    const tall = label + heightOf(Math.ceil(group.count / columns), size);
    if (y + tall > height + 1e-6 || x + wide > width + 1e-6) return null;
    labels.push({ name: group.name, count: group.count, x, y });
    places.push(...comb(group.count, columns, size, x, y + label));
    shelf = Math.max(shelf, tall);
    x += wide + gap * 1.6;
  }
  return { size, places, labels };
}

function combWidth(count, columns, size) {
  return Math.min(count, columns) * size + (count > columns ? size / 2 : 0);
}

// How bright a healthy hexagon is, 0 to 1, `age` ms after its check ran: it lights up, fades within
// seconds, and goes on fading a little until the next run.
export function brightness(age, intervalMs) {
  if (age < 0) return 0;
  const fade = Math.exp(-Math.max(0, age - 500) / 1500);
  const rest = Math.max(0, 1 - age / Math.max(intervalMs, 1000));
  return Math.min(1, 0.84 * fade + 0.16 * rest);
}
