// What a wall is asked for in its address, and which of its pages is shown when. Pure.

const DISTANCES = new Set(["3", "5", "8"]);
const EVERY_S = 20;
const LEAST_S = 5;
const MOST_S = 3600;
// A comma parts two pages only before the beginning of another: names may have commas too.
const BETWEEN = /,(?=\s*(?:all\s*(?:,|$)|tag:|group:))/;

function page(text) {
  const said = text.trim();
  if (said === "all") return { key: "all", kind: "all", value: "", label: "All checks" };
  const [, kind, value] = /^(tag|group):(.*)$/s.exec(said) ?? [];
  const name = value?.trim();
  if (!name) return null;
  return { key: `${kind}:${name}`, kind, value: name, label: kind === "tag" ? `#${name}` : name };
}

// `{pages, wrong, everyMs, distance, sound}`; `wrong` are words that name no page. At least one
// page is there: without a usable one it is that of all checks.
export function asked(search) {
  const query = new URLSearchParams(search);
  const words = query.getAll("pages").flatMap((each) => each.split(BETWEEN)).filter((each) => each.trim());
  const read = words.map((word) => ({ word: word.trim(), page: page(word) }));
  const pages = [...new Map(read.filter((each) => each.page).map((each) => [each.page.key, each.page])).values()];
  const every = Number.parseFloat(query.get("every") ?? "");
  const seconds = Number.isFinite(every) ? Math.min(MOST_S, Math.max(LEAST_S, every)) : EVERY_S;
  return {
    pages: pages.length ? pages : [page("all")],
    wrong: read.filter((each) => !each.page).map((each) => each.word),
    everyMs: seconds * 1000,
    distance: DISTANCES.has(query.get("distance")) ? query.get("distance") : "3",
    sound: { on: "on", off: "off" }[query.get("sound")] ?? "ask",
  };
}

export function belongs(check, { kind, value }) {
  if (kind === "tag") return (check.tags ?? []).includes(value);
  return kind === "all" || check.group === value;
}

// Which page stands there. `held` are the places of pages that may not be left: while there are
// any, one of them stays. Turning begins anew when they are gone.
export function turned({ index, since }, { count, everyMs, now, held }) {
  const at = index < count ? index : 0;
  if (held.length) return { index: held.includes(at) ? at : held[0], since: now };
  if (since === null) return { index: at, since: now };
  const turns = Math.floor((now - since) / everyMs);
  return turns < 1 ? { index: at, since } : { index: (at + turns) % count, since: since + turns * everyMs };
}

// A picture that never moves burns in: a ring of small offsets, the next every few minutes.
const RING = [[0, 0], [1, 0], [1, 1], [0, 1], [-1, 1], [-1, 0], [-1, -1], [0, -1], [1, -1]];
export const SHIFT_MS = 180_000;

export function shiftAt(now) {
  return RING[Math.floor(now / SHIFT_MS) % RING.length];
}
