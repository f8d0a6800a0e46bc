// The zoom of a check's chart: as it stands in the address (moments, UTC) and as Plotly writes it (what
// clocks of the chosen zone show). Pure.

import { momentOf, offsetMs } from "./zone.mjs";

const HOUR = 3_600_000;
const SECOND = 1000;

// `[from, to]` in ms, as an address asks for it; null without a zoom that makes sense.
export function zoomIn(search) {
  const query = new URLSearchParams(search);
  const [from, to] = ["from", "to"].map((name) => Date.parse(query.get(name) ?? ""));
  return from < to ? [from, to] : null;
}

// The query with a zoom, or without one; what else stands in it is kept.
export function withZoom(search, zoom) {
  const query = new URLSearchParams(search);
  query.delete("from");
  query.delete("to");
  if (zoom) {
    const iso = (ms) => new Date(ms).toISOString().replace(".000Z", "Z");
    query.set("from", iso(Math.floor(zoom[0] / SECOND) * SECOND));
    query.set("to", iso(Math.ceil(zoom[1] / SECOND) * SECOND));
  }
  const text = query.toString();
  return text ? `?${text}` : "";
}

// The shortest range from the one that was asked for on that still reaches back to a zoom: somebody
// may follow a link hours after it was made.
export function rangeFor(ranges, range, zoom, now) {
  const reaches = (name) => !zoom || now - ranges[name] * HOUR <= zoom[0];
  if (reaches(range)) return range;
  const longer = Object.keys(ranges).filter((name) => ranges[name] > ranges[range]);
  return longer.find(reaches) ?? longer.at(-1) ?? range;
}

// The stretch that somebody zoomed to, as Plotly writes it; null while the whole range is shown.
export function zoomOf(plot) {
  const axis = plot?.layout?.xaxis;
  return axis?.autorange === false && axis.range?.length === 2 ? axis.range.map(String) : null;
}

// What Plotly wrote, in ms.
export function endsOf(written, zone) {
  if (!written) return null;
  const ends = written.map((text) => momentOf(Date.parse(text.length > 10 ? `${text.replace(" ", "T")}Z` : text), zone));
  return ends.every(Number.isFinite) ? ends : null;
}

// As Plotly would write it.
export function shownFrom(zoom, zone) {
  return zoom && zoom.map((ms) => new Date(ms + offsetMs(ms, zone)).toISOString().replace("T", " ").replace("Z", ""));
}
