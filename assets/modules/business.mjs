// The Business page: asks for the pushed metrics while it is looked at, and draws a card for each.

import { amount, change, direction, firstSteps, grouped, meaning, periodOf, PERIODS, pointText } from "./businesstext.mjs";
import { smallChart } from "./businesschart.mjs";
import { el, reconcile, setAttr, setText } from "./dom.mjs";
import { isPlaced } from "./mounts.mjs";
import { setSearch } from "./router.mjs";
import { ask } from "./thresholdapi.mjs";
import { whole } from "./wholelist.mjs";
import { current as currentZone } from "./zone.mjs";

const EVERY_MS = 30_000;
// Many cards are asked for less often, so that a board of hundreds does not keep the server busy.
const EACH_MS = 500;
const AT_ONCE = 4;
const ARROWS = { up: "↗", down: "↘", flat: "→" };

function periodSwitch() {
  const buttons = PERIODS.map((period) => {
    const node = el("button", { type: "button", class: "business-period" }, period.title);
    node.addEventListener("click", () => setSearch(period.hours === 24 ? "" : `?hours=${period.hours}`));
    return { period, node };
  });
  const side = el("span", { class: "business-said", role: "status" });
  return {
    node: el("div", { class: "business-bar" }, side, el("div", { class: "business-periods", role: "group", "aria-label": "How far back" }, ...buttons.map(({ node }) => node))),
    update(chosen, text) {
      for (const { period, node } of buttons) setAttr(node, "aria-pressed", period === chosen ? "true" : "false");
      setText(side, text);
    },
  };
}

function card({ metric: first }) {
  const value = el("span", { class: "business-value number" });
  const means = el("span", { class: "business-means" });
  const arrow = el("span", { class: "business-arrow", "aria-hidden": "true" });
  const moved = el("span");
  const foot = el("p", { class: "business-foot" }, arrow, moved);
  let held = null;
  let point = null;
  const chart = smallChart((place) => {
    point = place;
    draw();
  });
  const draw = () => {
    if (!held?.course) return;
    const { course, period } = held;
    setText(arrow, point === null ? ARROWS[direction(course)] ?? "" : "");
    setText(moved, point === null ? change(course, period) : pointText(course, point, currentZone(), period.hours > 24));
  };
  const node = el("article", { class: "business-card" }, el("h3", { class: "business-title" }, first.title), el("code", { class: "business-name" }, first.name), el("p", { class: "business-figure" }, value, " ", means), chart.node, foot);
  return {
    node,
    update(now) {
      held = now;
      const { course, period } = now;
      setAttr(node, "data-waiting", course ? null : "");
      if (!course) return;
      setText(value, amount(course.value, course.unit));
      setText(means, meaning(course, period));
      chart.update(course, `${now.metric.title}, the last ${period.title}: ${amount(course.value, course.unit)} ${meaning(course, period)}`);
      draw();
    },
  };
}

function group({ title }) {
  const cards = el("div", { class: "business-cards" });
  const node = el("section", { class: "business-group" }, el("h2", { class: "business-group-title" }, title), cards);
  return {
    node,
    update: (now) => void reconcile(cards, now.cards, ({ metric }) => metric.name, card),
  };
}

function empty() {
  const steps = firstSteps(location.origin);
  const shown = (title, text) => el("div", { class: "business-step" }, el("h2", { class: "business-title" }, title), el("pre", { class: "business-code", tabindex: "0", "aria-label": title }, el("code", {}, text)));
  return el(
    "div",
    { class: "business-empty", hidden: "" },
    el("p", { class: "empty-main" }, "No metric has been pushed yet"),
    el("p", { class: "empty-more" }, "Files processed, users active, workflows failed, what the AI calls cost: send a number and it gets a card, a history, and can have thresholds. You need an API key with the scope metrics."),
    el("div", { class: "business-steps" }, shown("From a shell", steps.curl), shown("From Python", steps.python)),
  );
}

export class BusinessPage {
  constructor() {
    this.metrics = null;
    this.courses = new Map();
    this.asked = -Infinity;
    this.asking = false;
    this.failed = "";
    this.period = PERIODS[0];
    this.switch = periodSwitch();
    this.groups = el("div", { class: "business-groups" });
    this.empty = empty();
    this.node = el("div", {}, this.empty, this.groups);
    this.parts = { "business-tools": this.switch.node, "business-board": this.node };
  }

  // Called twice a second or less; asks the server only while the page is looked at.
  update() {
    if (!isPlaced(this.node)) return;
    const period = periodOf(location.search);
    if (period !== this.period) {
      this.period = period;
      this.courses.clear();
      this.asked = -Infinity;
    }
    if (!this.asking && document.visibilityState === "visible" && performance.now() - this.asked > this.every()) this.load();
    this.draw();
  }

  every() {
    return Math.max(EVERY_MS, EACH_MS * (this.metrics?.length ?? 0));
  }

  async load() {
    this.asking = true;
    this.asked = performance.now();
    const { period } = this;
    const { status, body } = await whole(ask, "/api/v1/metrics", "metrics");
    this.failed = status === 200 ? "" : "The numbers can't be read at the moment";
    if (status === 200) {
      this.metrics = body.metrics;
      this.draw();
      const waiting = [...this.metrics];
      const work = async () => {
        while (waiting.length && this.period === period && isPlaced(this.node)) await this.loadOne(waiting.shift(), period);
      };
      await Promise.all(Array.from({ length: AT_ONCE }, work));
    }
    this.asking = false;
    this.draw();
  }

  async loadOne(metric, period) {
    const { status, body } = await ask(`/api/v1/metrics/${encodeURIComponent(metric.name)}?hours=${period.hours}`);
    if (this.period !== period) return;
    if (status === 200) this.courses.set(metric.name, body);
    else if (status !== 404) this.failed = "Some numbers can't be read at the moment";
    this.draw();
  }

  draw() {
    if (!isPlaced(this.node)) return;
    setAttr(this.node, "data-ready", this.metrics !== null || this.failed ? "" : null);
    const many = this.metrics?.length ?? 0;
    this.switch.update(this.period, this.failed || (many ? `${many} ${many === 1 ? "metric" : "metrics"}` : ""));
    this.empty.hidden = this.metrics === null || many > 0;
    this.switch.node.querySelector(".business-periods").hidden = this.metrics !== null && many === 0;
    const groups = grouped(this.metrics ?? []).map(({ title, cards }) => ({
      title,
      cards: cards.map((metric) => ({ metric, period: this.period, course: this.courses.get(metric.name) ?? null })),
    }));
    reconcile(this.groups, groups, ({ title }) => title, group);
  }
}
