// The time zone in which this screen tells times: UTC until somebody chooses that of the browser or
// any other one. Kept in this browser, as the theme is; a wall is told by its address.

export const CHANGED = "nocturne:zone";
export const UTC = "UTC";
export const LOCAL = "local";
const KEY = "nocturne.zone";
const MINUTE = 60_000;

const valid = new Map();

// Whether this browser can tell times in a zone of this name.
export function isZone(name) {
  if (typeof name !== "string" || !/^[A-Za-z][A-Za-z0-9_+\-/]*$/.test(name)) return false;
  if (!valid.has(name)) {
    try {
      new Intl.DateTimeFormat("en-GB", { timeZone: name });
      valid.set(name, true);
    } catch {
      valid.set(name, false);
    }
  }
  return valid.get(name);
}

// The zone that the system of whoever looks is set to.
export function local() {
  return nameToday(Intl.DateTimeFormat().resolvedOptions().timeZone || UTC);
}

// What a choice means: the name of a zone. What is no choice is UTC.
export function zoneOf(choice) {
  if (choice === LOCAL) return local();
  return isZone(choice) ? choice : UTC;
}

// A wall has nobody who could choose: `?zone=Europe/Berlin`, or `local`. Null without one that exists.
export function asked({ pathname, search }) {
  if (pathname !== "/wall") return null;
  const wish = new URLSearchParams(search).get("zone");
  return wish === LOCAL || isZone(wish) ? wish : null;
}

// Storage may be refused (private windows, policies): a choice then lasts until the reload.
function stored() {
  try {
    return globalThis.localStorage?.getItem(KEY) ?? null;
  } catch {
    return null;
  }
}

function store(value) {
  try {
    if (value === UTC) globalThis.localStorage?.removeItem(KEY);
    else globalThis.localStorage?.setItem(KEY, value);
  } catch {
    // See stored().
  }
}

let choice = globalThis.document ? stored() : null;

// `UTC`, `local` or the name of a zone: what was chosen here.
export function chosen() {
  const wish = globalThis.location ? asked(location) : null;
  return wish ?? (choice === LOCAL || isZone(choice) ? choice : UTC);
}

// The name of the zone in which times are told now.
export function current() {
  return zoneOf(chosen());
}

function changed() {
  document.dispatchEvent(new CustomEvent(CHANGED, { detail: current() }));
}

export function choose(value) {
  choice = value;
  store(value);
  changed();
}

// Another tab of this browser chose.
globalThis.document?.defaultView?.addEventListener("storage", (event) => {
  if (event.key !== KEY) return;
  choice = event.newValue;
  changed();
});

// Browsers list some zones by names that their cities no longer have.
const RENAMED = {
  "Africa/Asmera": "Africa/Asmara",
  "America/Buenos_Aires": "America/Argentina/Buenos_Aires",
  "America/Godthab": "America/Nuuk",
  "America/Indianapolis": "America/Indiana/Indianapolis",
  "America/Louisville": "America/Kentucky/Louisville",
  "Asia/Calcutta": "Asia/Kolkata",
  "Asia/Katmandu": "Asia/Kathmandu",
  "Asia/Rangoon": "Asia/Yangon",
  "Asia/Saigon": "Asia/Ho_Chi_Minh",
  "Atlantic/Faeroe": "Atlantic/Faroe",
  "Europe/Kiev": "Europe/Kyiv",
  "Pacific/Enderbury": "Pacific/Kanton",
  "Pacific/Ponape": "Pacific/Pohnpei",
  "Pacific/Truk": "Pacific/Chuuk",
};

// The name that a zone has today.
export function nameToday(zone) {
  const name = RENAMED[zone];
  return name && isZone(name) ? name : zone;
}

// All zones that can be chosen, by name.
export function zoneNames() {
  const listed = Intl.supportedValuesOf?.("timeZone") ?? [];
  return [...new Set([...listed, local(), UTC].map(nameToday))].sort();
}

const formats = new Map();

// By how many ms a zone is ahead of UTC at a moment.
export function offsetMs(at, timeZone) {
  if (!formats.has(timeZone)) {
    formats.set(
      timeZone,
      new Intl.DateTimeFormat("en-GB", { timeZone, hourCycle: "h23", year: "numeric", month: "numeric", day: "numeric", hour: "numeric", minute: "numeric", second: "numeric" }),
    );
  }
  const part = Object.fromEntries(formats.get(timeZone).formatToParts(at).map(({ type, value }) => [type, Number(value)]));
  return Date.UTC(part.year, part.month - 1, part.day, part.hour, part.minute, part.second) - (at - (at % 1000));
}

// "UTC+2", "UTC−3:30", "UTC": how far a zone is from UTC at a moment.
export function offsetText(at, timeZone) {
  const minutes = Math.round(offsetMs(at, timeZone) / MINUTE);
  if (minutes === 0) return UTC;
  const [hours, rest] = [Math.floor(Math.abs(minutes) / 60), Math.abs(minutes) % 60];
  return `${UTC}${minutes < 0 ? "−" : "+"}${hours}${rest ? `:${String(rest).padStart(2, "0")}` : ""}`;
}

// The moment that clocks of a zone show as this date and time, read as if it were UTC.
export function momentOf(wall, timeZone) {
  const guess = wall - offsetMs(wall, timeZone);
  return wall - offsetMs(guess, timeZone);
}
