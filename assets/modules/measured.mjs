// How far back anything was measured, and with which range a chart begins because of that. Pure.

// A day of a check is told in this many letters; "-" is a slot in which nothing was measured.
const SLOTS_AN_HOUR = 2;
const WHOLE_DAY = 24;
const HOUR_MS = 3_600_000;

// For how many hours something has been measured, a day at most; 0 when nothing was.
export function measuredHours(strips) {
  const known = strips.map((letters) => {
    const first = String(letters ?? "").search(/[^-]/);
    return first < 0 ? 0 : (letters.length - first) / SLOTS_AN_HOUR;
  });
  return Math.max(0, ...known);
}

// For how many hours a course of samples reaches back from its end; 0 without a sample.
export function courseHours({ at, high, to }) {
  const first = high.findIndex(Number.isFinite);
  return first < 0 ? 0 : (Date.parse(to) - at[first]) / HOUR_MS;
}

// The usual range, or a shorter one into which all fits that was measured: in the days before a store
// was made there is nothing to see. `ranges` are hours by name, the shortest first.
export function beginningRange(ranges, usual, hours) {
  if (hours === 0 || hours >= WHOLE_DAY) return usual;
  return Object.keys(ranges).find((name) => ranges[name] >= hours && ranges[name] <= ranges[usual]) ?? usual;
}
