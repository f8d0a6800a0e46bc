// A check as a tile: shape, name, value, status word, sparkline, 48 half hours.

import { el, reconcile, setAttr, setText, svg } from "./dom.mjs";
import { checkAddress } from "./router.mjs";
import { redraw, shape } from "./shapes.mjs";
import { note, shown } from "./states.mjs";
import { bars, HEIGHT, SLOTS, sparkline, STEP } from "./strip.mjs";

const SPARK_WIDTH = 64;
const SPARK_HEIGHT = 16;
export const HATCH = "nocturne-hatch";

export function stripNode() {
  return svg("svg", {
    class: "strip",
    viewBox: `0 0 ${SLOTS * STEP - 1} ${HEIGHT}`,
    preserveAspectRatio: "none",
    "aria-hidden": "true",
  });
}

// Healthy bars of a stale screen are hatched: a pattern, which only an attribute can name.
export function drawStrip(node, ticks, frozen) {
  const paths = Object.entries(bars(ticks)).map(([letter, d]) => {
    const green = letter === "h" && frozen;
    return svg("path", { class: green ? "bar-stale" : `bar-${letter}`, d, fill: green ? `url(#${HATCH})` : null });
  });
  node.replaceChildren(...paths);
}

export function drawSpark(node, values, width, height, pad) {
  const line = sparkline(values, width, height, pad);
  if (line === null) {
    node.replaceChildren();
    return null;
  }
  node.replaceChildren(
    svg("path", { class: "spark-line", d: line.path }),
    line.missing === null ? svg("circle", { class: "spark-end", cx: line.end.x, cy: line.end.y, r: 2 }) : "",
  );
  return line;
}

export function tile(first) {
  const mark = shape("pending");
  const name = el("span", { class: "tile-name" });
  const value = el("span", { class: "tile-value" });
  const word = el("span", { class: "word" });
  const why = el("span", { class: "tile-note" });
  const spark = svg("svg", { class: "spark", viewBox: `0 0 ${SPARK_WIDTH} ${SPARK_HEIGHT}`, "aria-hidden": "true" });
  const strip = stripNode();
  const behind = el("span", { class: "tile-note tile-behind" });
  const status = el("span", { class: "tile-status" }, word, " ", why, behind);
  const node = el("a", { class: "tile", "data-internal": "", "data-nav": "" }, mark, name, value, status, spark, strip);
  node.href = checkAddress(first.name);
  let last = {};
  return {
    node,
    update(view) {
      const { check, now, frozen, carded } = view;
      const look = shown(check, now, frozen);
      if (last.check === check && last.state === look.state && last.frozen === frozen && last.carded === carded) return;
      setAttr(node, "data-state", look.state);
      setAttr(node, "data-was", look.was ? "" : null);
      setAttr(node, "data-carded", carded ? "" : null);
      redraw(mark, look.state);
      setText(name, check.name);
      setText(word, look.word);
      setText(why, frozen ? (check.kind ?? "") : note(check, look.state));
      setText(behind, look.state === "blocked" && check.blocked_by ? `by ${check.blocked_by}` : "");
      setText(value, check.value ?? (look.state === "pending" ? "" : "none"));
      const hint = check.message || check.sentence;
      setAttr(node, "title", hint ? `${check.name}: ${hint}` : check.name);
      const sparkKey = (check.spark ?? []).join();
      if (last.spark !== sparkKey) drawSpark(spark, check.spark, SPARK_WIDTH, SPARK_HEIGHT, 2.5);
      const grey = frozen || look.state === "stale";
      if (last.ticks !== check.ticks || last.grey !== grey) drawStrip(strip, check.ticks, grey);
      last = { check, state: look.state, frozen, carded, grey, spark: sparkKey, ticks: check.ticks };
    },
  };
}

export function tileRow() {
  const node = el("div", { class: "tiles" });
  return {
    node,
    update(views) {
      reconcile(node, views, (view) => view.check.name, (view) => tile(view.check));
    },
  };
}
