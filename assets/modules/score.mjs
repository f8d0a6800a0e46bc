// The health score: its value, what caps it, and what each component costs.

import { el, reconcile, setAttr, setText } from "./dom.mjs";
import { cost, score as number, span } from "./format.mjs";
import { checkAddress } from "./router.mjs";
import { redraw, shape } from "./shapes.mjs";
import { known } from "./states.mjs";

export const MOST_LOSSES = 6;
// In the bar: beyond them a segment would be thinner than can be seen.
export const MOST_SEGMENTS = 24;

// The dearest losses, and the rest summed up in one line.
export function shorten(losses) {
  if (losses.length <= MOST_LOSSES + 1) return { lines: losses, rest: null };
  const tail = losses.slice(MOST_LOSSES);
  return {
    lines: losses.slice(0, MOST_LOSSES),
    rest: { number: tail.length, cost: tail.reduce((sum, loss) => sum + loss.cost, 0) },
  };
}

// The segments of the bar, the dearest first: each loss, and the small ones together by their state.
export function segments(losses) {
  const sums = new Map();
  for (const { status, cost: lost } of losses.slice(MOST_SEGMENTS)) sums.set(status, (sums.get(status) ?? 0) + lost);
  return [...losses.slice(0, MOST_SEGMENTS), ...[...sums].map(([status, lost]) => ({ check: `/${status}`, status, cost: lost }))];
}

// The capped value in words; empty when nothing caps it, or what is left is less than the cap.
export function capText(score) {
  if (!score.capped_by || score.uncapped <= score.value) return { main: "", more: "" };
  return {
    main: `Capped at ${number(score.value)}`,
    more: ` while ${capping(score)} critical. ${number(score.uncapped)} without the cap.`,
  };
}

// Who caps it: by name when it is one. Of several that weigh the same none is the worst.
function capping({ capped_by: name, losses = [] }) {
  const top = losses.find((loss) => loss.check === name)?.weight;
  const all = losses.filter((loss) => loss.status === "critical" && loss.weight === top).length;
  return all > 1 ? `${all} checks of top weight are` : `${name}, a check of top weight, is`;
}

function lossLine(first) {
  const mark = shape("pending");
  const link = el("a", { class: "loss-name", "data-internal": "" });
  link.href = checkAddress(first.check);
  const weight = el("span", { class: "loss-weight number" });
  const points = el("span", { class: "loss-cost number" });
  const node = el("li", { class: "loss" }, mark, link, weight, points);
  return {
    node,
    update(loss) {
      const state = loss.blocked ? "blocked" : known(loss.status);
      redraw(mark, state);
      setAttr(node, "data-state", state);
      setText(link, loss.check);
      setText(weight, `weight ${loss.weight}`);
      setText(points, cost(loss.cost));
    },
  };
}

function segment() {
  const node = el("span", { class: "score-loss" });
  return {
    node,
    update(loss) {
      setAttr(node, "data-state", known(loss.status));
      node.style.width = `${loss.cost}%`;
    },
  };
}

function monitorText(monitoring, frozen) {
  if (!monitoring) return "";
  if (monitoring.stopped) return "Monitoring is stopped.";
  const standbys = monitoring.standbys ? `, ${monitoring.standbys} standing by` : "";
  const every = monitoring.interval_s ? ` every ${span(monitoring.interval_s)}` : "";
  return frozen ? `Was monitoring${every}` : `Monitoring${every}${standbys}`;
}

export function scorePanel() {
  const value = el("strong", { class: "score-value number" });
  const of = el("span", { class: "score-of" }, "of 100");
  const state = el("span", { class: "score-state" });
  const filled = el("span", { class: "score-filled" });
  const losses = el("span", { class: "score-losses" });
  const bar = el("div", { class: "score-bar", "aria-hidden": "true" }, filled, losses);
  const capMain = el("strong");
  const capMore = el("span");
  const cap = el("p", { class: "score-cap" }, capMain, capMore);
  const list = el("ul", { class: "loss-list" });
  const restName = el("span", { class: "loss-name" });
  const restCost = el("span", { class: "loss-cost number" });
  const rest = el("p", { class: "loss loss-rest" }, el("span"), restName, el("span"), restCost);
  const sumCost = el("span", { class: "loss-cost number" });
  const sum = el("p", { class: "loss loss-sum" }, el("span"), el("span", { class: "loss-name" }, "Lost of 100"), el("span"), sumCost);
  const none = el("p", { class: "score-none" });
  const monitor = el("p", { class: "score-monitor" });
  const leader = el("p", { class: "score-leader" });
  const foot = el("div", { class: "score-foot" }, monitor, leader);
  const head = el("div", { class: "score-head" }, value, of, state);
  const node = el("div", { class: "score-panel" }, el("div", { class: "score-main" }, head, bar, cap, none, list, rest, sum), foot);
  return {
    node,
    update({ snapshot, at }) {
      const score = snapshot.score ?? { value: null, losses: [] };
      const all = score.losses ?? [];
      const { lines, rest: tail } = shorten(all);
      const measured = score.value !== null && score.value !== undefined;
      setAttr(node, "data-was", at.frozen ? "" : null);
      setText(value, number(score.value));
      setText(state, at.frozen ? "when last seen" : "");
      filled.style.width = `${measured ? score.value : 0}%`;
      reconcile(losses, segments(all).reverse(), (loss) => loss.check, segment);
      const words = capText(score);
      setAttr(filled, "data-capped", words.main ? "" : null);
      cap.hidden = words.main === "";
      setText(capMain, words.main);
      setText(capMore, words.more);
      none.hidden = all.length > 0;
      setText(none, measured ? "Every component gives its full weight." : "Nothing counts yet: no check has been measured.");
      const isBlocked = (name) => snapshot.checks.find((check) => check.name === name)?.mark === "blocked";
      reconcile(list, lines.map((loss) => ({ ...loss, blocked: isBlocked(loss.check) })), (loss) => loss.check, lossLine);
      rest.hidden = tail === null;
      setText(restName, tail ? `${tail.number} more` : "");
      setText(restCost, tail ? cost(tail.cost) : "");
      sum.hidden = all.length === 0;
      setText(sumCost, cost(all.reduce((total, loss) => total + loss.cost, 0)));
      setText(monitor, monitorText(snapshot.monitoring, at.frozen));
      const who = snapshot.monitoring?.leader;
      setText(leader, who ? `Monitor: ${who} · Nocturne ${snapshot.version}` : "No monitor is running");
    },
  };
}
