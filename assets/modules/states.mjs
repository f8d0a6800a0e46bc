// What a check reads on this screen, at this moment: its state, its word, and what that adds up to.

// Worst first: the order of counts, of problems and of the title.
export const ORDER = [
  "critical",
  "unknown",
  "degraded",
  "warning",
  "stale",
  "blocked",
  "maintenance",
  "paused",
  "pending",
  "healthy",
];
export const PROBLEMS = ["critical", "unknown", "degraded", "warning", "stale"];
const STATUSES = new Set(["healthy", "warning", "degraded", "unknown", "critical"]);
const GLYPHS = {
  critical: "◆",
  unknown: "?",
  degraded: "◇",
  warning: "▲",
  stale: "▨",
  blocked: "⊘",
  maintenance: "◼",
  paused: "‖",
  pending: "○",
  healthy: "●",
};

// One of ORDER. A check that did not run when it should is stale here, whatever the server last
// said; a status this version does not know is unknown, never green.
export function stateOf(check, now) {
  if (check.mark === "paused") return "paused";
  if (check.mark === "maintenance") return "maintenance";
  if (check.mark === "stale" || (isNumber(check.stale_at) && now > check.stale_at)) return "stale";
  if (check.mark === "blocked") return "blocked";
  if (check.mark === "pending") return "pending";
  // Held, counting anew, inconclusive: it may be healthy, but that is not known.
  if (check.status === "healthy" && (check.mark ?? "none") !== "none") return "pending";
  return known(check.status);
}

// A status of the five, whatever a newer server may say.
export function known(status) {
  return STATUSES.has(status) ? status : "unknown";
}

// What is shown: while the whole screen is stale nothing is green, and problems are in the past.
export function shown(check, now, frozen) {
  const state = stateOf(check, now);
  if (!frozen) return { state, word: state, was: false };
  if (state === "healthy") return { state: "stale", word: "stale", was: false };
  if (state === "stale" || state === "paused" || state === "pending") return { state, word: state, was: false };
  return { state, word: `was ${state}`, was: true };
}

// The few words after the status word of a tile: the reason, else what is being confirmed, else the kind.
export function note(check, state) {
  if (state === "blocked") return "";
  if (state === "pending") return pendingNote(check);
  if (state === "stale") return "not run";
  if (check.flapping) return "flapping";
  const soft = check.soft;
  if (soft && soft.status !== check.status) return `${soft.status} ${soft.try}/${soft.of}`;
  if (check.mark && check.mark !== "none" && check.mark !== state) return check.mark;
  return check.kind ?? "";
}

// Why a check is not known yet: it has not run, or what it found still has to be confirmed.
function pendingNote(check) {
  if (check.soft) return `${check.soft.status} ${check.soft.try}/${check.soft.of}`;
  if (check.mark !== "pending") return check.mark;
  return Number.isFinite(check.last_at) ? "not confirmed yet" : "first result is due";
}

export function isProblem(state) {
  return PROBLEMS.includes(state);
}

export function counts(checks, now) {
  const result = Object.fromEntries(ORDER.map((state) => [state, 0]));
  for (const check of checks) result[stateOf(check, now)] += 1;
  return result;
}

// The state that speaks for all: the worst one present; "waiting" when nothing has been measured.
export function worst(tally) {
  const present = ORDER.find((state) => tally[state] > 0);
  if (present === undefined) return "waiting";
  const green = tally.healthy > 0;
  if (isProblem(present)) return present;
  return green ? "healthy" : present;
}

// `page` names one that is not the application itself: the login, the API.
export function title(tally, frozen, page = "") {
  return [headline(tally, frozen), page, "Nocturne"].filter(Boolean).join(" · ");
}

function headline(tally, frozen) {
  if (frozen) return "⚠ STALE";
  const state = worst(tally);
  if (state === "waiting") return "";
  if (state === "healthy") {
    const all = ORDER.every((each) => each === "healthy" || tally[each] === 0);
    return all ? "● All healthy" : `● ${tally.healthy} healthy`;
  }
  return `${GLYPHS[state]} ${tally[state]} ${state}`;
}

const FAVICONS = new Set(["healthy", "warning", "degraded", "critical", "unknown"]);

// The file in assets/favicons.
export function faviconFor(tally, frozen) {
  if (frozen) return "stale";
  const state = worst(tally);
  if (state === "stale") return "unknown";
  return FAVICONS.has(state) ? state : "waiting";
}

function isNumber(value) {
  return typeof value === "number" && Number.isFinite(value);
}
