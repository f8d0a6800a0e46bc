// How the points of a threshold's chart read, and which of them is nearest to the pointer. Pure.

import { hourMinute, zoneName } from "./format.mjs";
import { showValue } from "./thresholdtext.mjs";

const DAY = 86_400_000;

// "14:00", or the day where the ticks are days.
export function tickText(at, step, zone) {
  if (step < DAY) return hourMinute(at, zone);
  return new Intl.DateTimeFormat("en-GB", { timeZone: zone, weekday: "short", day: "numeric" }).format(at);
}

export function pointTime(at, hours, zone) {
  const day = hours > 24 ? `${new Intl.DateTimeFormat("en-GB", { timeZone: zone, weekday: "short", day: "numeric", month: "short" }).format(at)}, ` : "";
  return `${day}${hourMinute(at, zone)} ${zoneName(at, zone)}`;
}

// The index of the measured point that is nearest to a time; -1 when there is none.
export function nearest(at, values, moment) {
  let low = 0;
  let high = at.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (at[middle] < moment) low = middle + 1;
    else high = middle;
  }
  const around = [low - 1, low, low + 1].filter((index) => values[index] !== null && values[index] !== undefined);
  return around.reduce((best, index) => (best < 0 || Math.abs(at[index] - moment) < Math.abs(at[best] - moment) ? index : best), -1);
}

// "28 – 91 %", or one value where nothing was drawn together.
export function valuesText(low, high, unit) {
  const [from, to] = [showValue(low, unit), showValue(high, unit)];
  return from === to ? to : `${from} – ${to}`;
}
