// The ranges of a threshold's chart: which there are, which the address asks for, how one reads.

import { hourMinute, zoneName } from "./format.mjs";

export const RANGES = { "1h": 1, "24h": 24, "7d": 168 };
export const RANGE_WORDS = { "1h": "1 h", "24h": "24 h", "7d": "7 d" };
export const USUAL_RANGE = "7d";

export function rangeOf(search, usual = USUAL_RANGE) {
  const asked = new URLSearchParams(search).get("range") ?? "";
  return Object.hasOwn(RANGES, asked) ? asked : usual;
}

// "7 days to 14:00 UTC".
export function untilText(course, hours, zone) {
  if (!course) return "";
  const to = Date.parse(course.to);
  return `${hours >= 48 ? `${hours / 24} days` : hours === 1 ? "1 hour" : `${hours} hours`} to ${hourMinute(to, zone)} ${zoneName(to, zone)}`;
}
