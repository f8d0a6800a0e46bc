// Problems first: a card each, worst and oldest on top, what they block nested inside.

import { whoText, withPrimary } from "./acknowledge.mjs";
import { calm, empty } from "./calm.mjs";
import { el, reconcile, setAttr, setText, svg } from "./dom.mjs";
import { count, lasting, moment, span } from "./format.mjs";
import { incidentAddress } from "./incidents.mjs";
import { checkAddress } from "./router.mjs";
import { redraw, shape } from "./shapes.mjs";
import { isProblem, PROBLEMS, shown, stateOf } from "./states.mjs";
import { drawSpark } from "./tiles.mjs";
import { loginLink, setWords } from "./session.mjs";

export const MOST_CARDS = 12;
export const MOST_CHILDREN = 6;
export const ROOMY_CARDS = 5;
const CHART_WIDTH = 226;
const CHART_HEIGHT = 48;

// The check at the top of a chain of blocked ones, as far as it can be followed.
export function rootOf(check, byName, now) {
  const seen = new Set();
  let at = check;
  while (at && stateOf(at, now) === "blocked" && at.blocked_by && !seen.has(at.name)) {
    seen.add(at.name);
    at = byName.get(at.blocked_by);
  }
  return at ?? null;
}

// Where a card leads: a check to its page, an alert that belongs to no check to its incident.
function addressOf(check) {
  return check.alert ? incidentAddress(check.incident.id) : checkAddress(check.name);
}

// All that can be a problem: the checks, and the alert rules that fire.
export function everything(snapshot) {
  return [...snapshot.checks, ...(snapshot.alerts ?? [])];
}

// `[{check, children}]`: problems by severity, then oldest, then name. A blocked check stands
// under the root of its chain; when that is not shown, it gets a card of its own.
export function problemsOf(checks, byName, now) {
  const cards = new Map();
  for (const check of checks) {
    if (isProblem(stateOf(check, now))) cards.set(check.name, { check, children: [] });
  }
  for (const check of checks) {
    if (stateOf(check, now) !== "blocked") continue;
    const parent = cards.get(rootOf(check, byName, now)?.name);
    if (parent) parent.children.push(check);
    else cards.set(check.name, { check, children: [] });
  }
  const rank = (check) => {
    const at = PROBLEMS.indexOf(stateOf(check, now));
    return at < 0 ? PROBLEMS.length : at;
  };
  const older = (a, b) => (a.since ?? Infinity) - (b.since ?? Infinity) || a.name.localeCompare(b.name, "en");
  for (const card of cards.values()) card.children.sort(older);
  return [...cards.values()].sort((a, b) => rank(a.check) - rank(b.check) || older(a.check, b.check));
}

// "2 problems" and "3 more checks are blocked behind shop-db".
export function headline(cards, frozen, filtered = false) {
  const problems = cards.length;
  const blocking = cards.filter((card) => card.children.length > 0);
  const blocked = blocking.reduce((sum, card) => sum + card.children.length, 0);
  const among = filtered ? " in this filter" : "";
  const what = `${problems === 0 ? "No problems" : count(problems, "problem")}${among}`;
  const behind = blocking.length === 1 ? blocking[0].check.name : count(blocking.length, "other");
  const verb = blocked === 1 ? "check is" : "checks are";
  return {
    main: frozen ? `${what} when last seen` : what,
    more: blocked ? `${blocked} more ${verb} blocked behind ${behind}` : "",
  };
}

// Since when it reads what it reads; a stale one, since it was last measured.
export function sinceOf(check, state) {
  return state === "stale" && Number.isFinite(check.last_at) ? check.last_at : check.since;
}

function child(first) {
  const mark = shape("blocked");
  const link = el("a", { class: "child-name", "data-internal": "" });
  link.href = checkAddress(first.name);
  const why = el("span", { class: "child-why" });
  const time = el("span", { class: "child-time number" });
  return {
    node: el("li", { class: "child", "data-state": "blocked" }, mark, link, why, time),
    update({ check, now }) {
      setText(link, check.name);
      const said = check.message || check.sentence;
      setText(why, `blocked by ${check.blocked_by ?? "another check"}${said ? `: ${said}` : ""}`);
      setText(time, lasting(check, now));
    },
  };
}

// Many blocked checks: the first few, and a button for the rest.
function childList() {
  const label = el("span", { class: "children-label" }, "Blocks");
  const list = el("ul", { class: "children" });
  const more = el("button", { type: "button", class: "text-button" });
  const node = el("div", { class: "card-children" }, label, list, more);
  let open = false;
  let redo = () => {};
  more.addEventListener("click", () => {
    open = !open;
    redo();
  });
  return {
    node,
    update(children, now) {
      redo = () => {
        const visible = open ? children : children.slice(0, MOST_CHILDREN);
        reconcile(list, visible.map((check) => ({ check, now })), (item) => item.check.name, (item) => child(item.check));
        more.hidden = children.length <= MOST_CHILDREN;
        setText(more, open ? "Show fewer" : `Show all ${children.length}`);
        setAttr(more, "aria-expanded", open ? "true" : "false");
      };
      node.hidden = children.length === 0;
      redo();
    },
  };
}

function chart() {
  const plot = svg("svg", { class: "chart-line", viewBox: `0 0 ${CHART_WIDTH} ${CHART_HEIGHT}`, "aria-hidden": "true" });
  const gap = el("span", { class: "chart-gap" }, "no answer");
  const caption = el("figcaption");
  const node = el("figure", { class: "chart" }, el("div", { class: "chart-area" }, plot, gap), caption);
  let last = null;
  return {
    node,
    update(check) {
      const values = check.spark ?? [];
      const key = values.join();
      if (key === last) return;
      last = key;
      const line = drawSpark(plot, values, CHART_WIDTH, CHART_HEIGHT, 4);
      node.hidden = line === null;
      if (line === null) return;
      gap.hidden = line.missing === null;
      if (line.missing !== null) {
        // A narrow gap has no room for its words; the hover says them.
        const percent = Math.min(96, Math.ceil(line.missing * 100));
        gap.style.insetInlineStart = `${percent}%`;
        setText(gap, percent > 73 ? "" : "no answer");
        setAttr(gap, "title", "no answer");
      }
      setText(caption, `last ${values.length} results`);
    },
  };
}

function card(first) {
  const mark = shape("pending");
  const link = el("a", { class: "card-name", "data-internal": "", "data-nav": "" });
  link.href = addressOf(first.check);
  const word = el("span", { class: "word" });
  const kind = el("span", { class: "card-kind" });
  const time = el("strong", { class: "card-time number" });
  const since = el("span", { class: "card-since number" });
  const sentence = el("p", { class: "card-sentence" });
  const target = el("code", { class: "card-target" });
  const facts = el("span", { class: "card-facts" });
  const open = el("a", { class: "button", "data-internal": "" });
  const taken = takenBy(link);
  const drawn = chart();
  const blocked = childList();
  const node = el(
    "article",
    { class: "card" },
    el("div", { class: "card-head" }, mark, el("h2", { class: "card-title" }, link), word, kind),
    el("p", { class: "card-when" }, time, " ", since),
    el("div", { class: "card-body" }, sentence, taken.who, taken.refusal, el("div", { class: "card-actions" }, taken.button, taken.login.node, open, taken.nobody, taken.id, facts, target)),
    drawn.node,
    blocked.node,
  );
  return {
    node,
    update({ check, children, now, displayNow, frozen, zone, ...more }) {
      const look = shown(check, now, frozen);
      setAttr(node, "data-state", look.state);
      setAttr(node, "data-was", frozen ? "" : null);
      redraw(mark, look.state);
      setText(link, check.name);
      setText(word, look.word);
      setText(kind, [check.kind, check.component !== check.name && check.component].filter(Boolean).join(", "));
      const from = sinceOf(check, look.state);
      setText(time, lasting(check, displayNow, from));
      setText(since, Number.isFinite(from) ? `since ${moment(from, displayNow, zone)}` : "");
      setText(sentence, sentenceOf(check, look.state, displayNow, zone));
      setText(target, check.target ?? "");
      setText(facts, factsOf(check));
      setText(open, more.incident ? "Open incident" : "Open check");
      setAttr(open, "href", more.incident ? incidentAddress(more.incident.id) : checkAddress(check.name));
      taken.update(more, displayNow);
      drawn.update(check);
      blocked.update(children, displayNow);
    },
  };
}

// Who has the incident of a card, and the button by which an operator takes it.
function takenBy(link) {
  const mark = el("span", { class: "who-mark", "aria-hidden": "true" });
  const name = el("strong", { class: "who-name" });
  const rest = el("span");
  const who = el("p", { class: "card-who" }, mark, name, " ", rest);
  const nobody = el("span", { class: "card-nobody" });
  const id = el("code", { class: "card-incident" });
  const refusal = el("p", { class: "card-refusal", role: "status" });
  const button = el("button", { type: "button", class: "button acknowledge" }, "Acknowledge", el("kbd", { "aria-hidden": "true" }, "A"));
  const login = loginLink("Log in to acknowledge", { class: "button" });
  let give = () => {};
  button.addEventListener("click", () => {
    // The button goes away: the focus stays with the card.
    if (document.activeElement === button) link.focus({ preventScroll: true });
    give();
  });
  return {
    who,
    nobody,
    id,
    refusal,
    button,
    login,
    update({ incident, may, offer, primary, refusal: said, acknowledge }, now) {
      give = () => acknowledge(incident.id);
      button.hidden = !may;
      login.update(offer);
      setAttr(button, "data-primary", primary ? "" : null);
      setWords(refusal, said);
      refusal.hidden = !said;
      setText(id, incident?.id);
      id.hidden = !incident;
      const text = incident ? whoText(incident, now) : { name: "", rest: "", mark: "" };
      who.hidden = text.name === "";
      nobody.hidden = text.name !== "" || text.rest === "";
      setText(text.name ? rest : nobody, text.rest);
      setText(name, text.name);
      setText(mark, text.mark);
      mark.hidden = text.mark === "";
    },
  };
}

export function sentenceOf(check, state, now, zone) {
  const said = check.sentence || check.message || "";
  if (state !== "stale" || !Number.isFinite(check.last_at)) return said;
  return `Not measured since ${moment(check.last_at, now, zone)}, though it should run every ${span(check.interval_s)}. Last result: ${said || "none"}`;
}

function factsOf(check) {
  const soft = check.soft && check.soft.status !== check.status ? `${check.soft.status} ${check.soft.try} of ${check.soft.of}` : "";
  const facts = [check.interval_s && `every ${span(check.interval_s)}`, soft, check.flapping && "flapping", ...(check.tags ?? [])];
  return facts.filter(Boolean).join(" · ");
}

export function problemList({ onClear, acknowledgements }) {
  const cards = el("div", { class: "cards" });
  const more = el("button", { type: "button", class: "text-button" });
  const quiet = calm();
  const nothing = empty(onClear);
  const node = el("div", {}, nothing.node, quiet.node, cards, more);
  let open = false;
  let redo = () => {};
  more.addEventListener("click", () => {
    open = !open;
    redo();
  });
  return {
    node,
    // Returns the names that have a card, so that a phone need not show them twice.
    update(view) {
      const found = problemsOf(view.checks, view.byName, view.now);
      const all = withPrimary(found, view.at.operator, acknowledgements);
      const acknowledge = (id) => acknowledgements.give(id);
      redo = () => {
        const visible = open ? all : all.slice(0, MOST_CARDS);
        reconcile(cards, visible.map((each) => ({ ...each, ...view.at, acknowledge })), (each) => each.check.name, card);
        setAttr(cards, "data-dense", all.length > ROOMY_CARDS ? "" : null);
        more.hidden = all.length <= MOST_CARDS;
        setText(more, open ? "Show fewer" : `Show all ${all.length} problems`);
        return new Set(visible.map((each) => each.check.name));
      };
      const total = everything(view.snapshot).length;
      const kind = total === 0 ? "none" : view.checks.length === 0 ? "filtered" : null;
      const filtered = view.checks.length < total;
      nothing.node.hidden = kind === null;
      if (kind) nothing.update(kind);
      quiet.node.hidden = kind !== null || all.length > 0;
      if (!quiet.node.hidden) quiet.update({ ...view.at, checks: view.checks, filtered });
      return { carded: redo(), headline: kind ? { main: "", more: "" } : headline(all, view.at.frozen, filtered) };
    },
  };
}
