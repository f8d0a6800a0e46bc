// The upper part of a wall: its head line, the counts that are read first, the slab while stale.

import { el, icon, reconcile, setAttr, setText, svg } from "./dom.mjs";
import { age, clock, zoneName } from "./format.mjs";
import { redraw, shape } from "./shapes.mjs";

const REASONS = {
  silent: "The server does not answer",
  beat: "The monitor is silent",
  never: "No monitor ever reported",
  drawing: "The data could not be drawn",
  login: "Logged out, or the wall's link was revoked",
};
const LONG = 10;

function pip() {
  const node = el("li", { class: "wall-pip" });
  return { node, update: (item) => setAttr(node, "data-current", item.current ? "" : null) };
}

// Which page this is, and where among those that take turns.
export function placeView() {
  const label = el("span", { class: "wall-label" });
  const pips = el("ul", { class: "wall-pips", "aria-hidden": "true" });
  const held = el("span", { class: "wall-held" });
  const node = el("div", { class: "wall-place" }, el("a", { class: "wall-brand", href: "/", "data-internal": "", "aria-label": "Nocturne, overview" }, icon("brand")), label, pips, held);
  return {
    node,
    update({ pages, index, held: stays }) {
      setText(label, pages.length === 1 && pages[0].kind === "all" ? "Nocturne" : pages[index].label);
      reconcile(pips, pages.length > 1 ? pages.map((page, at) => ({ key: page.key, current: at === index })) : [], (item) => item.key, pip);
      setText(held, pages.length > 1 && stays ? "held" : "");
      setAttr(held, "title", "This page stays while nobody has a critical problem on it");
    },
  };
}

export function dateView() {
  const node = el("span", { class: "wall-date" });
  const formats = new Map();
  return {
    node,
    update(now, zone) {
      if (!formats.has(zone)) formats.set(zone, new Intl.DateTimeFormat("en-GB", { timeZone: zone, weekday: "short", day: "numeric", month: "short" }));
      setText(node, formats.get(zone).format(now).replace(",", ""));
    },
  };
}

function bigCount() {
  const mark = shape("pending");
  const total = el("strong", { class: "wall-figure" });
  const word = el("span", { class: "word" });
  const more = el("span", { class: "wall-below" });
  const node = el("li", { class: "wall-count" }, mark, total, el("div", { class: "wall-words" }, word, more));
  return {
    node,
    update(item) {
      setAttr(node, "data-state", item.state);
      redraw(mark, item.state);
      setText(total, item.total.toLocaleString("en-GB"));
      setText(word, item.state);
      setText(more, item.more);
    },
  };
}

// The counts of problems, as many as there is room for. Tells which.
export function headlineView() {
  const node = el("ul", { class: "wall-counts", "aria-label": "Problems by state" });
  return {
    node,
    update(items) {
      reconcile(node, items, (item) => item.state, bigCount);
      let shows = items.length;
      while (shows > 1 && node.scrollWidth > node.clientWidth + 1) {
        shows -= 1;
        reconcile(node, items.slice(0, shows), (item) => item.state, bigCount);
      }
      return items.slice(0, shows).map((item) => item.state);
    },
  };
}

export function calmView() {
  const mark = shape("healthy");
  const main = el("p", { class: "wall-calm-main" });
  const strong = el("strong");
  const more = el("span");
  const node = el("div", { class: "wall-calm" }, mark, main, el("p", { class: "wall-calm-side" }, strong, more));
  return {
    node,
    update(words) {
      setAttr(node, "data-state", words.state);
      redraw(mark, words.state);
      setText(main, words.main);
      setText(strong, words.strong);
      setText(more, words.more);
    },
  };
}

export function healthyView() {
  const total = el("strong", { class: "wall-figure" });
  const of = el("span", { class: "wall-below number" });
  const node = el("div", { class: "wall-healthy", "data-state": "healthy" }, shape("healthy"), total, el("div", { class: "wall-words" }, el("span", { class: "word" }, "healthy"), of));
  return {
    node,
    update(healthy, count) {
      setText(total, healthy.toLocaleString("en-GB"));
      setText(of, `of ${count.toLocaleString("en-GB")}`);
      setAttr(node, "data-long", healthy > 999 ? "" : null);
      setAttr(node, "data-none", healthy === 0 ? "" : null);
    },
  };
}

export function slabView() {
  const main = el("strong", { class: "wall-slab-main number" });
  const side = el("strong", { class: "number" });
  const known = el("span", { class: "number" });
  const reason = el("span", { class: "wall-slab-reason" });
  const sign = svg(
    "svg",
    { class: "wall-sign", viewBox: "0 0 24 24", "aria-hidden": "true" },
    svg("path", { class: "slab-sign-body", d: "M12 3.2 22.4 20.8H1.6Z" }),
    svg("path", { class: "slab-sign-mark", d: "M12 9.4v5.2M12 17.7v.2" }),
  );
  const node = el("section", { class: "wall-slab", "aria-label": "Stale data", hidden: "" }, el("div", { class: "wall-slab-row" }, sign, main, el("p", { class: "wall-slab-side" }, side, known, reason)), el("div", { class: "wall-slab-edge" }));
  return {
    node,
    update(judgement, beat, zone) {
      const stale = judgement.level === "stale";
      if (node.hidden === stale) node.hidden = !stale;
      if (!stale) return;
      const old = judgement.age === null ? "" : age(judgement.age);
      setText(main, `STALE ${old}`.trim());
      setAttr(main, "data-long", main.textContent.length > LONG ? "" : null);
      setText(side, old ? `Data ${old} old` : "No data");
      setText(known, beat === null ? "Last known: never" : `Last known: ${clock(beat, zone)} ${zoneName(beat, zone)}`);
      setText(reason, REASONS[judgement.reason] ?? REASONS.silent);
    },
  };
}
