// How numbers, durations and times read. Pure: the zone and the clock are arguments.

const MINUTE = 60;
const HOUR = 3600;
const DAY = 86400;

// "45 s", "12 min", "3 h 20 min", "6 d 4 h": at most two units.
export function span(seconds) {
  const s = Math.max(0, Math.floor(seconds));
  if (s < MINUTE) return `${s} s`;
  if (s < HOUR) return `${Math.floor(s / MINUTE)} min`;
  const [large, name, small, smallName] = s < DAY ? [HOUR, "h", MINUTE, "min"] : [DAY, "d", HOUR, "h"];
  const rest = Math.floor((s % large) / small);
  return `${Math.floor(s / large)} ${name}${rest ? ` ${rest} ${smallName}` : ""}`;
}

// The age of the data, as the bar says it.
export function age(milliseconds) {
  return span(Math.max(0, milliseconds) / 1000);
}

const formatters = new Map();

function formatter(locale, options) {
  const key = locale + JSON.stringify(options);
  if (!formatters.has(key)) formatters.set(key, new Intl.DateTimeFormat(locale, options));
  return formatters.get(key);
}

// "CET", "EST", "UTC+5:45": no single English locale knows all abbreviations, so the first that does
// wins; where none does the distance from UTC is told, as everywhere here by that name.
export function zoneName(ms, timeZone) {
  const names = ["en-GB", "en-US", "en-AU", "en-IN"].map(
    (locale) =>
      formatter(locale, { timeZone, timeZoneName: "short" })
        .formatToParts(ms)
        .find((part) => part.type === "timeZoneName").value,
  );
  const name = names.find((each) => !/^GMT[+-]/.test(each)) ?? names[0];
  return name.replace(/^GMT/, "UTC").replace("-", "−");
}

export function clock(ms, timeZone) {
  return formatter("en-GB", { timeZone, hour: "2-digit", minute: "2-digit", second: "2-digit" }).format(ms);
}

export function hourMinute(ms, timeZone) {
  return formatter("en-GB", { timeZone, hour: "2-digit", minute: "2-digit" }).format(ms);
}

function day(ms, timeZone) {
  return formatter("en-CA", { timeZone, year: "numeric", month: "2-digit", day: "2-digit" }).format(ms);
}

// "14:00 CET" today, "Fri 14:00 CET" within the last six days, "12 Nov 14:00 CET" before.
export function moment(ms, now, timeZone) {
  const time = `${hourMinute(ms, timeZone)} ${zoneName(ms, timeZone)}`;
  if (day(ms, timeZone) === day(now, timeZone)) return time;
  const recent = Math.abs(now - ms) < 6 * DAY * 1000;
  const options = recent ? { weekday: "short" } : { day: "numeric", month: "short" };
  return `${formatter("en-GB", { timeZone, ...options }).format(ms)} ${time}`;
}

export function count(number, one, many = `${one}s`) {
  return `${number.toLocaleString("en-GB")} ${number === 1 ? one : many}`;
}

// "−7.5" with a real minus sign; a cost too small to show still shows that it is there.
export function cost(points) {
  return points < 0.05 ? "−<0.1" : `−${points.toFixed(1)}`;
}

export function score(value) {
  return value === null || value === undefined ? "–" : String(Math.floor(value));
}

// How long a check has read what it reads, in words; empty when that is not known.
export function lasting(check, now, since = check.since) {
  return Number.isFinite(since) ? span((now - since) / 1000) : "";
}
