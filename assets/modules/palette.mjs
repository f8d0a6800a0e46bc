// The command palette: what it finds for what was typed, and what becomes of what is chosen.

import { el, icon, setText } from "./dom.mjs";
import { actions, DO, HERE } from "./paletteactions.mjs";
import { PaletteList } from "./palettelist.mjs";
import { sectionsOf, wordsOf } from "./paletterank.mjs";
import { checkEntries, CHECKS, INCIDENTS, incidentEntries, pages, PAGES, ruleEntries, searchEntry } from "./palettesources.mjs";
import { zoneStep } from "./palettezones.mjs";
import { go } from "./router.mjs";
import { ask } from "./thresholdapi.mjs";
import { whole } from "./wholelist.mjs";

const PLACEHOLDER = "Find or do anything";
const FEW = 5;
const SAID_MS = 8000;
// Rules seldom change: asked for again when it was opened so long after.
const RULES_MS = 30_000;
const NONE = {
  main: "Nothing is called like that",
  more: "Pages, checks, their groups and tags, open incidents, rules and actions are looked through. Try fewer letters, or the first ones of its words: “paa” finds payments-api.",
};
const NO_TAG = { main: "No check has such a tag or group", more: "Write the beginning of a tag after the #, or delete the # to look through everything." };
const NO_ACTION = { main: "Nothing like that can be done here", more: "Delete the > to look through everything. What takes a login is offered to those who are logged in." };

// What is asked by what was typed: `>` only actions, `#` only tags and groups. Pure.
export function asked(text) {
  const prefix = [">", "#"].find((each) => text.trimStart().startsWith(each)) ?? "";
  return { prefix, query: text.trim().slice(prefix ? 1 : 0).trim() };
}

// Those with the tag or group; the name of a check does not count. Pure.
function tagged(entries) {
  return entries.map((entry) => ({ ...entry, name: "", others: [...entry.tags, entry.check.group ?? ""].map((each) => each.toLowerCase()) }));
}

// What is shown before anything was typed. Pure.
export function atFirst(entries) {
  const of = (section) => entries.filter((entry) => entry.section === section);
  const incidents = of(INCIDENTS);
  const found = [
    { title: HERE, entries: of(HERE) },
    { title: INCIDENTS, entries: incidents.slice(0, FEW), total: incidents.length },
    { title: PAGES, entries: of(PAGES) },
    { title: DO, entries: of(DO) },
  ];
  return found.filter((section) => section.entries.length > 0).map((section) => ({ total: section.entries.length, ...section }));
}

// The sections for what was typed. Pure.
export function foundFor(entries, text) {
  const { prefix, query } = asked(text);
  const words = wordsOf(query);
  if (prefix === ">") return { words, none: NO_ACTION, sections: sectionsOf(entries.filter((entry) => entry.doing), words) };
  const checks = entries.filter((entry) => entry.section === CHECKS);
  if (prefix === "#") return { words: [], none: NO_TAG, sections: words.length > 0 ? sectionsOf(tagged(checks), words) : [] };
  if (words.length === 0) return { words, none: NONE, sections: atFirst(entries) };
  const sections = sectionsOf(entries, words);
  const more = sections.find((section) => section.title === CHECKS && section.total > section.entries.length);
  return { words, none: NONE, sections: more ? [...sections, { title: "", entries: [searchEntry(query)], total: 1 }] : sections };
}

// The button in the bar.
function opener(onOpen) {
  const mac = /Mac|iP(hone|ad|od)/.test(navigator.userAgent);
  const node = el("button", { type: "button", class: "palette-open", "aria-haspopup": "dialog", "aria-keyshortcuts": mac ? "Meta+K" : "Control+K", title: "Find anything, do anything" }, icon("search"), el("span", { class: "palette-open-word" }, "Jump to…"), el("kbd", { "aria-hidden": "true" }, mac ? "⌘ K" : "Ctrl K"));
  node.addEventListener("click", onOpen);
  return node;
}

export class Palette {
  // `look()` tells what the screen knows: `{snapshot, now, operator}`; `onDone` when something was
  // done; `help` shows all keys.
  constructor({ look, onDone, help }) {
    Object.assign(this, { look, onDone, help });
    this.rules = [];
    this.rulesAt = -Infinity;
    this.entries = [];
    this.step = null;
    this.direct = false;
    this.button = opener(() => this.open());
    this.said = el("div", { class: "palette-said", role: "status" });
    this.list = new PaletteList({
      onType: (text) => this.draw(text),
      onRun: (entry, how) => this.run(entry, how),
      onBack: () => this.back(),
      onHelp: () => this.run({ run: help }, {}),
    });
  }

  start() {
    document.body.append(this.said);
    // Before the keys of the pages, and from within fields too.
    document.addEventListener(
      "keydown",
      (event) => {
        if (event.key.toLowerCase() !== "k" || !(event.ctrlKey || event.metaKey) || event.altKey || event.shiftKey) return;
        if (document.querySelector("dialog[open]:not(.palette)")) return;
        event.preventDefault();
        event.stopImmediatePropagation();
        if (this.list.isOpen) this.list.close();
        else this.open();
      },
      { capture: true },
    );
  }

  open() {
    this.focused = document.activeElement?.closest?.(".card")?.querySelector(".card-name")?.textContent ?? "";
    this.direct = false;
    this.step = null;
    this.gather();
    this.begin();
    this.loadRules();
  }

  // Straight to the choice of the time zone.
  openZones() {
    this.direct = true;
    this.enter(zoneStep(() => this.look().now));
  }

  begin() {
    this.list.field.value = "";
    this.draw("");
    this.list.open();
  }

  // What is looked through, as it stands now: while the palette is open nothing in it moves.
  gather() {
    const { snapshot, now, frozen, operator } = this.look();
    const context = { snapshot, now, frozen, operator, path: location.pathname, focused: this.focused, zones: zoneStep(() => this.look().now), help: this.help };
    this.entries = [...pages(), ...actions(context), ...incidentEntries(context), ...ruleEntries(this.rules), ...checkEntries(context)];
  }

  // The data turned stale, or is fresh again: nothing in an open palette may look green meanwhile.
  freshen() {
    if (!this.list.isOpen || this.step) return;
    this.gather();
    this.draw(this.list.field.value);
  }

  async loadRules() {
    if (performance.now() - this.rulesAt < RULES_MS) return;
    this.rulesAt = performance.now();
    const { status, body } = await whole(ask, "/api/v1/rules", "rules");
    if (status !== 200) return;
    this.rules = body.rules;
    if (this.step || !this.list.isOpen) return;
    this.gather();
    // Before anything was typed no rule is shown: nothing is drawn anew under somebody's hand.
    if (this.list.field.value !== "") this.draw(this.list.field.value);
  }

  enter(step) {
    this.step = step;
    this.entries = step.entries();
    this.begin();
  }

  // One step back; whether there was one.
  back() {
    if (!this.step || this.direct) return false;
    this.step = null;
    this.gather();
    this.begin();
    return true;
  }

  draw(text) {
    const { step } = this;
    if (!step) {
      this.list.show({ ...foundFor(this.entries, text), placeholder: PLACEHOLDER });
      return;
    }
    const words = wordsOf(text);
    const drawn = step.drawn ?? ((entry) => entry);
    const sections = sectionsOf(this.entries, words, { each: 30 }).map((section) => ({ ...section, entries: section.entries.map(drawn) }));
    this.list.show({ sections, words, none: step.none ?? NONE, step: step.title, placeholder: step.ask });
  }

  async run(entry, { apart }) {
    if (entry.step) {
      this.enter(entry.step);
      return;
    }
    this.list.close();
    if (entry.href) this.leave(entry, apart);
    else if (entry.run) entry.run();
    else await this.tell(entry);
  }

  leave({ href, outside }, apart) {
    if (apart) window.open(href, "_blank", "noopener");
    else if (outside) location.assign(href);
    else go(href);
  }

  async tell(entry) {
    this.say(`${entry.title.replace(/ …$/, "")} …`);
    const text = await entry.tell();
    this.say(text);
    this.onDone();
  }

  say(text) {
    setText(this.said, text);
    clearTimeout(this.forget);
    this.forget = setTimeout(() => setText(this.said, ""), SAID_MS);
  }
}
