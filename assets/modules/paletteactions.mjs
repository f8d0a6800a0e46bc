// What can be done from the palette: to what the page shows, to a check or incident that is chosen
// next, and with this browser. Only what whoever looks may do is offered.

import { myName } from "./incidentname.mjs";
import { send } from "./incidentorders.mjs";
import { idOf, incidentAddress } from "./incidents.mjs";
import { requestOrder, sentence } from "./operate.mjs";
import { indexed } from "./paletterank.mjs";
import { checkEntries, incidentEntries } from "./palettesources.mjs";
import { checkAddress } from "./router.mjs";
import { loginAddress, session } from "./session.mjs";
import { current as currentTheme, toggleTheme } from "./theme.mjs";
import { chosen as chosenZone, current as currentZone } from "./zone.mjs";

export const HERE = "On this page";
export const DO = "Do";
const VERBS = {
  "check-now": { title: "Check now", icon: "refresh", key: "c", ask: "Which check is to run now?", fits: (check) => check.mark !== "paused" },
  pause: { title: "Pause", icon: "pause", key: "p", ask: "Which check is to be paused?", fits: (check) => check.mark !== "paused" },
  resume: { title: "Resume", icon: "play", key: "p", ask: "Which check is to be resumed?", fits: (check) => check.mark === "paused" },
};

function action(id, title, more) {
  return indexed({ id, title, section: DO, ...more, doing: true });
}

// Order a check to do something; resolves to what became of it, in words.
async function order(verb, name) {
  return `${name}: ${await requestOrder(name, verb)}`;
}

// Take an incident; resolves to what became of it, in words.
async function acknowledge(incident, name) {
  const by = myName();
  const answer = await send(fetch, `${incidentAddress(incident.id)}/acknowledge`, by ? { acknowledged_by: by } : {});
  return answer.ok ? `${name}: acknowledged.` : `${name}: ${sentence("acknowledge", answer.status, answer.body).replace(/\.\.$/, ".")}`;
}

function checkActions(check) {
  const verbs = Object.entries(VERBS).filter(([, verb]) => verb.fits(check));
  const name = encodeURIComponent(check.name);
  return [
    ...verbs.map(([verb, { title, icon, key }]) => action(`here ${verb}`, `${title} ${check.name}`, { section: HERE, icon, keys: [key], tell: () => order(verb, check.name), weight: 8 })),
    action("here edit", `Edit ${check.name}`, { section: HERE, icon: "pencil", href: `/checks/new?edit=${name}` }),
    action("here clone", `Clone ${check.name}`, { section: HERE, icon: "plus", href: `/checks/new?clone=${name}` }),
  ];
}

function takeAction(bearer) {
  if (bearer?.incident?.stage !== "new") return [];
  const { incident, name } = bearer;
  return [action("here acknowledge", `Acknowledge ${name}`, { section: HERE, icon: "done", code: incident.id, keys: ["a"], tell: () => acknowledge(incident, name), weight: 9 })];
}

// What the page shows: a check, or what bears an incident. `focused` is the name on a problem card.
export function shownHere({ snapshot, path, focused }) {
  const bearers = [...(snapshot?.checks ?? []), ...(snapshot?.alerts ?? [])];
  const id = idOf(path);
  if (id !== null) return { bearer: bearers.find((each) => each.incident?.id === id) ?? null, check: null };
  const check = (snapshot?.checks ?? []).find((each) => checkAddress(each.name) === path) ?? null;
  return { check, bearer: check ?? bearers.find((each) => each.name === focused) ?? null };
}

function hereActions(context) {
  const { bearer, check } = shownHere(context);
  return [...takeAction(bearer), ...(check ? checkActions(check) : [])];
}

// A second step: which check, which incident.
function choosers(context) {
  const checks = context.snapshot?.checks ?? [];
  const taken = incidentEntries(context).filter((entry) => entry.incident.stage === "new");
  const some = Object.entries(VERBS).filter(([, verb]) => checks.some(verb.fits));
  const steps = some.map(([verb, { title, icon, ask, fits }]) =>
    action(`which ${verb}`, `${title} …`, {
      icon,
      fields: ["check"],
      step: { title, ask, entries: () => checkEntries({ ...context, snapshot: { checks: checks.filter(fits) } }).map((entry) => ({ ...entry, href: null, tell: () => order(verb, entry.title) })) },
    }),
  );
  if (taken.length === 0) return steps;
  const ask = "Which incident do you take?";
  const entries = () => taken.map((entry) => ({ ...entry, href: null, tell: () => acknowledge(entry.incident, entry.title) }));
  return [action("which acknowledge", "Acknowledge …", { icon: "done", fields: ["incident", "take"], step: { title: "Acknowledge", ask, entries } }), ...steps];
}

function operatorActions(context) {
  return [
    ...choosers(context),
    action("new check", "New check", { icon: "plus", href: "/checks/new", fields: ["add", "make"] }),
    action("new threshold", "New threshold", { icon: "thresholds", href: "/thresholds?rule=new", fields: ["add", "make", "rule"] }),
  ];
}

async function copyAddress() {
  try {
    await navigator.clipboard.writeText(location.href);
    return "The address of this view is copied.";
  } catch {
    return "This browser does not let pages copy. The address stands in its address bar.";
  }
}

function browserActions({ zones, help }) {
  const theme = currentTheme() === "dark" ? "light" : "dark";
  const zone = chosenZone() === "local" ? `${currentZone()}, this browser’s` : currentZone();
  return [
    action("theme", `Switch to the ${theme} theme`, { icon: theme === "light" ? "sun" : "moon", fields: ["dark", "light", "colours"], run: toggleTheme }),
    action("zone", "Time zone …", { icon: "versions", note: zone, fields: ["clock", "utc", "local"], step: zones }),
    action("link", "Copy a link to this view", { icon: "link", fields: ["share", "address", "url"], tell: copyAddress }),
    action("keys", "Show all keys", { icon: "keyboard", keys: ["?"], fields: ["help", "shortcuts", "keyboard"], run: help }),
  ];
}

function accountActions() {
  if (session.loggedIn) {
    const leave = async () => ((await session.leave()) ? "You are logged out." : "Not logged out: no answer from the server.");
    return [action("log out", "Log out", { icon: "login", note: session.name, fields: ["account", "leave"], tell: leave })];
  }
  if (!session.canLogIn) return [];
  return [action("log in", "Log in", { icon: "login", fields: ["account", "acknowledge", "pause", "check now"], href: loginAddress(location), outside: true })];
}

// All of them. `context`: the snapshot, now, whether an operator looks, the path, what is focused.
export function actions(context) {
  const own = context.operator ? [...hereActions(context), ...operatorActions(context)] : [];
  return [...own, ...browserActions(context), ...accountActions()];
}
