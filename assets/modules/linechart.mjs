// A line chart as SVG: scales, ticks and paths, without a library. All but `hairline` is pure.

import { svg } from "./dom.mjs";
import { momentOf } from "./zone.mjs";

// Maps a value from `domain` to `range`; `.back` maps it back.
export function linear([d0, d1], [r0, r1]) {
  const width = d1 - d0 || 1;
  const scale = (value) => r0 + ((value - d0) / width) * (r1 - r0);
  scale.back = (place) => d0 + ((place - r0) / (r1 - r0 || 1)) * width;
  return scale;
}

// Round numbers within `low` and `high`, about `wanted` of them.
export function ticks(low, high, wanted = 5) {
  const span = high - low;
  if (!(span > 0)) return [low];
  const rough = span / wanted;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 2.5, 5, 10].find((each) => each * power >= rough - 1e-12 * power);
  const digits = Math.max(0, 1 - Math.floor(Math.log10(step)));
  const found = [];
  for (let at = Math.ceil(low / step - 1e-9); at * step <= high + 1e-9 * span; at += 1) found.push(Number((at * step).toFixed(digits)));
  return found;
}

// Where the value axis begins and ends: per cent from 0 to 100; else all that was measured and the
// levels near it. A level far above everything would press the line flat: it is left out.
export function valueDomain(values, levels, unit, far = 6) {
  const known = values.filter(Number.isFinite);
  if (unit === "%" && [...known, ...levels].every((each) => each >= 0 && each <= 100)) return [0, 100];
  const most = known.reduce((a, b) => Math.max(a, b), -Infinity);
  const least = known.reduce((a, b) => Math.min(a, b), Infinity);
  if (!Number.isFinite(most)) {
    const top = Math.max(0, ...levels);
    return [Math.min(0, ...levels), (top > 0 ? top : 1) * 1.25];
  }
  const near = levels.filter((each) => Math.abs(each) <= far * Math.max(Math.abs(most), Math.abs(least)));
  const top = Math.max(most, ...near);
  const bottom = Math.min(0, least, ...near);
  const room = (top - bottom || Math.abs(top) || 1) * 0.08;
  return [bottom < 0 ? bottom - room : 0, top + room];
}

const HOUR = 3_600_000;
const STEPS = [5 * 60_000, 10 * 60_000, 15 * 60_000, 30 * 60_000, HOUR, 2 * HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, 24 * HOUR];

// Times on whole steps of the viewer's zone, as `{at, isDay}`, at most `most` of them.
export function timeTicks(from, to, timeZone, most = 8) {
  const step = STEPS.find((each) => (to - from) / each <= most) ?? 24 * HOUR;
  const found = [];
  // A zone's offset changes at most twice a year; each tick is put right by its own.
  let at = from - (from % step) - 24 * HOUR;
  for (; at <= to + step; at += step) {
    const right = momentOf(at, timeZone);
    if (right >= from && right <= to && right !== found.at(-1)) found.push(right);
  }
  const every = Math.ceil(found.length / most);
  return { step: step * every, at: found.filter((_, index) => index % every === 0) };
}

// The path of a line; a null value lifts the pen.
export function linePath(at, values, x, y) {
  let path = "";
  let down = false;
  for (let index = 0; index < at.length; index += 1) {
    const value = values[index];
    if (!Number.isFinite(value ?? NaN)) down = false;
    else {
      path += `${down ? "L" : "M"}${x(at[index]).toFixed(1)} ${y(value).toFixed(1)}`;
      down = true;
    }
  }
  return path;
}

// The area between two lines, a polygon for each stretch without gaps.
export function bandPath(at, low, high, x, y) {
  let path = "";
  for (let start = 0; start < at.length; start += 1) {
    if (!Number.isFinite(low[start] ?? NaN)) continue;
    let end = start;
    while (end + 1 < at.length && Number.isFinite(low[end + 1] ?? NaN)) end += 1;
    const there = [];
    const back = [];
    for (let index = start; index <= end; index += 1) {
      const place = x(at[index]).toFixed(1);
      there.push(`${place} ${y(high[index]).toFixed(1)}`);
      back.unshift(`${place} ${y(low[index]).toFixed(1)}`);
    }
    path += `M${[...there, ...back].join("L")}Z`;
    start = end;
  }
  return path;
}

// A stretch as a rectangle that can be seen: at least `least` wide, inside of the plot.
export function stretchBox(start, end, x, [left, right], least = 7) {
  const from = Math.max(left, Math.min(right, x(start)));
  const to = Math.max(left, Math.min(right, x(end)));
  const width = Math.max(least, to - from);
  const place = Math.min(Math.max(left, (from + to) / 2 - width / 2), right - width);
  return { x: place, width };
}

export function hairline(x1, y1, x2, y2, name) {
  return svg("line", { class: name, x1, y1, x2, y2 });
}
