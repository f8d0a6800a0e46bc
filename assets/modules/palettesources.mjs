// What the palette finds: pages, checks, open incidents and rules, each as an entry. An entry has a
// `title`, a `section`, an `icon` or a `state`, and an `href` or a `run`. Pure, but for `pages`.

import { incidentAddress } from "./incidents.mjs";
import { GO } from "./keys.mjs";
import { indexed } from "./paletterank.mjs";
import { checkAddress } from "./router.mjs";
import { isProblem, ORDER, shown, stateOf } from "./states.mjs";

export const PAGES = "Go to";
export const CHECKS = "Checks";
export const INCIDENTS = "Open incidents";
export const RULES = "Rules";

const letters = new Map(Object.entries(GO).map(([letter, path]) => [path, letter]));
// Pages that stand outside of the navigation.
const BESIDE = [{ title: "API", href: "/api/docs", icon: "file", fields: ["documentation", "openapi"], outside: true }];

// The pages of the navigation as they stand in it, so that a new one is found at once.
export function pages(root = document) {
  const links = [...root.querySelectorAll(".rail-link[href]")].map((link) => ({
    title: link.textContent.trim(),
    href: link.getAttribute("href"),
    icon: [...(link.querySelector(".icon")?.classList ?? [])].find((name) => name.startsWith("icon-"))?.slice(5),
  }));
  return [...links, ...BESIDE].map((page) => {
    const letter = letters.get(page.href);
    return indexed({ id: `page ${page.href}`, section: PAGES, weight: 30, keys: letter ? ["g", letter] : [], ...page });
  });
}

// Between checks that fit equally well the worse one comes first.
function weightOf(state) {
  return isProblem(state) ? 20 - ORDER.indexOf(state) : 0;
}

// What is known: the `snapshot`, `now`, and whether it is `frozen`, because nothing is measured.
export function checkEntries({ snapshot, now, frozen }) {
  return (snapshot?.checks ?? []).map((check) => {
    const state = stateOf(check, now);
    const look = shown(check, now, frozen);
    return indexed({
      id: `check ${check.name}`,
      section: CHECKS,
      title: check.name,
      note: [check.group, check.kind].filter(Boolean).join(" · "),
      state: look.state,
      word: look.word,
      href: checkAddress(check.name),
      fields: [check.group, check.kind, check.target, ...(check.tags ?? [])],
      tags: check.tags ?? [],
      weight: weightOf(state),
      check,
    });
  });
}

function holder(incident) {
  if (incident.assignee) return `${incident.assignee} has it`;
  return incident.stage === "new" ? "nobody has it" : incident.stage;
}

// Open ones, whose checks or rules carry them. The worst first, then the oldest.
export function incidentEntries({ snapshot, now, frozen }) {
  const bearers = [...(snapshot?.checks ?? []), ...(snapshot?.alerts ?? [])].filter((each) => each.incident);
  const entries = bearers.map((each) => {
    const state = stateOf(each, now);
    const look = shown(each, now, frozen);
    const { incident } = each;
    return indexed({
      id: `incident ${incident.id}`,
      section: INCIDENTS,
      title: each.name,
      code: incident.id,
      note: `${incident.severity}, ${holder(incident)}`,
      state: look.state,
      word: look.word,
      href: incidentAddress(incident.id),
      fields: [incident.id, incident.severity, each.group, "incident", ...(each.tags ?? [])],
      weight: 10 + weightOf(state),
      incident,
    });
  });
  return entries.sort((a, b) => b.weight - a.weight || a.incident.opened_at - b.incident.opened_at);
}

// `rules` as `GET /api/v1/rules` tells them.
export function ruleEntries(rules) {
  return rules.map(({ name, table, condition }) =>
    indexed({
      id: `rule ${name}`,
      section: RULES,
      title: name,
      note: condition ?? "not in force",
      icon: "thresholds",
      href: `/thresholds?rule=${encodeURIComponent(`rule/${name}`)}`,
      fields: [table?.title, table?.metric, "rule", "threshold"],
    }),
  );
}

// Where what was typed can be looked for among all checks.
export function searchEntry(query) {
  return indexed({ id: "search", section: "", title: `Search all checks for “${query}”`, icon: "search", href: `/checks?q=${encodeURIComponent(query)}` });
}
