// The bar on every page: the worst state and counts, the age of the data, paging, the clock.

import { el, icon, reconcile, setAttr, setText, svg } from "./dom.mjs";
import * as format from "./format.mjs";
import { redraw, shape } from "./shapes.mjs";
import { isProblem, ORDER, worst } from "./states.mjs";

// The chip and the counts behind it, in the order in which they are read.
export function countItems(tally, frozen) {
  const state = worst(tally);
  const others = ORDER.filter((each) => tally[each] > 0 && each !== state);
  const rest = others.map((each) => ({ state: each === "healthy" && frozen ? "stale" : each, key: each, number: tally[each], word: each === "healthy" && frozen ? "not measured" : each }));
  if (state === "waiting") return [];
  const alone = state === "healthy" && others.length === 0;
  const number = tally[state];
  const chip = { state, key: state, number, word: state, chip: isProblem(state), alone };
  if (frozen && state === "healthy") return [{ ...chip, state: "stale", word: "not measured" }, ...rest];
  return [frozen ? { ...chip, was: true } : chip, ...rest];
}

function countLink() {
  const mark = shape("pending");
  const was = el("span");
  const number = el("strong", { class: "number" });
  const word = el("span", { class: "count-word" });
  const node = el("a", { class: "count", "data-internal": "" }, mark, was, " ", number, " ", word);
  return {
    node,
    update(item) {
      node.setAttribute("href", `/?state=${encodeURIComponent(item.key)}`);
      setAttr(node, "data-state", item.state);
      setAttr(node, "data-chip", item.chip ? "" : null);
      const count = item.alone ? `All ${item.number}` : item.number.toLocaleString("en-GB");
      setAttr(node, "aria-label", `${item.was ? "was " : ""}${count} ${item.word}: show only these`);
      redraw(mark, item.state);
      setText(was, item.was ? "was" : "");
      setText(number, count);
      setText(word, item.word);
    },
  };
}

export function countsBar() {
  const node = el("nav", { class: "counts", "aria-label": "Checks by state" });
  return {
    node,
    update({ tally, frozen }) {
      reconcile(node, countItems(tally, frozen), (item) => item.key, countLink);
    },
  };
}

const BEATS = 8;

// Seven ticks that fade into the past and the newest, which jumps at each beat.
function pulse() {
  const rects = Array.from({ length: BEATS }, (_, index) => {
    const newest = index === BEATS - 1;
    return svg("rect", { class: newest ? "beat-now" : `beat beat-${index}`, x: index * 4, y: newest ? 0 : 4, width: 2, height: newest ? 14 : 7 });
  });
  return svg("svg", { class: "pulse", viewBox: "0 0 30 14", "aria-hidden": "true" }, ...rects);
}

// What the bar says of the data's age.
export function ageText({ level, age }) {
  if (level === "waiting") return { lead: "", main: "Connecting…" };
  if (age === null) return { lead: "", main: "No data yet" };
  return { lead: "Data ", main: `${format.age(age)} old` };
}

export function ageView() {
  const beats = pulse();
  const lead = el("span", { class: "age-lead" });
  const main = el("span", { class: "number" });
  const node = el("div", { class: "age" }, beats, el("span", {}, lead, main));
  let beat = null;
  return {
    node,
    update(judgement, latest) {
      const text = ageText(judgement);
      setAttr(node, "data-level", judgement.level);
      setText(lead, text.lead);
      setText(main, text.main);
      if (latest !== beat) setAttr(beats, "data-beat", beats.getAttribute("data-beat") === "a" ? "b" : "a");
      beat = latest;
    },
  };
}

// What the bar says of paging. It is the monitor that sends: while it is silent nobody knows.
export function pagingText(paging, frozen = false) {
  if (!paging?.configured) return { icon: "paging-off", text: "Nobody is paged" };
  if (frozen) return { icon: "paging-off", text: "Paging unknown" };
  const [first, ...others] = paging.failing ?? [];
  if (first) return { icon: "paging-off", level: "bad", text: `Paging fails: ${first}${others.length ? ` and ${others.length} more` : ""}` };
  if (paging.pending > 0) return { icon: "paging", text: `Paging: ${paging.pending.toLocaleString("en-GB")} waiting` };
  return { icon: "paging", text: "Paging works" };
}

export function pagingView() {
  const node = el("div", { class: "paging" });
  let last = null;
  return {
    node,
    update(paging, frozen) {
      // Without a channel a banner says on every page that nobody is paged: once is enough.
      const said = paging?.configured ? pagingText(paging, frozen) : { text: "" };
      if (said.text === last) return;
      last = said.text;
      setAttr(node, "data-level", said.level);
      setAttr(node, "title", said.text || null);
      node.replaceChildren(...(said.text ? [icon(said.icon), el("span", { class: "paging-text" }, said.text)] : []));
    },
  };
}

// With `onPress` a button, by which the zone is chosen; on a wall nobody is there to press it.
export function clockView(onPress = null) {
  const time = el("strong", { class: "number" });
  const seconds = el("strong", { class: "number clock-seconds" });
  const zone = el("span", { class: "clock-zone" });
  const node = onPress ? el("button", { type: "button", class: "clock", "aria-haspopup": "dialog" }) : el("div", { class: "clock" });
  node.append(time, seconds, " ", zone);
  if (onPress) node.addEventListener("click", onPress);
  return {
    node,
    update(now, timeZone) {
      if (onPress) setAttr(node, "title", `Times are told in ${timeZone.replaceAll("_", " ")}. Choose another time zone`);
      const text = format.clock(now, timeZone);
      setText(time, text.slice(0, 5));
      setText(seconds, text.slice(5));
      setText(zone, format.zoneName(now, timeZone));
    },
  };
}
