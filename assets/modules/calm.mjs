// What stands where the problems would be: that all is well, that nothing is measured, or what to do.

import { el, icon, setAttr, setText } from "./dom.mjs";
import { count, lasting, moment } from "./format.mjs";
import { redraw, shape } from "./shapes.mjs";
import { stateOf } from "./states.mjs";

export function calm() {
  const mark = shape("healthy");
  const main = el("p", { class: "calm-main" });
  const more = el("p", { class: "calm-more" });
  const node = el("div", { class: "calm" }, mark, el("div", {}, main, more));
  return {
    node,
    update(view) {
      const { state, main: first, more: second } = calmText(view);
      setAttr(node, "data-state", state);
      redraw(mark, state);
      setText(main, first);
      setText(more, second);
    },
  };
}

// What stands where the problems would be.
export function calmText({ checks, now, displayNow, frozen, zone, filtered = false }) {
  const of = (state) => checks.filter((check) => stateOf(check, now) === state).length;
  const healthy = of("healthy");
  if (frozen) return { state: "stale", main: "Nothing is being measured", more: "What stands below is what was last known." };
  const changed = checks.filter((check) => Number.isFinite(check.since)).sort((a, b) => b.since - a.since)[0];
  const last = changed ? `Last change: ${changed.name}, ${lasting(changed, displayNow)} ago (${moment(changed.since, displayNow, zone)}).` : "";
  if (healthy === checks.length) {
    const matching = filtered ? "matching " : "";
    const main = healthy === 1 ? `The one ${matching}check is healthy` : `All ${healthy} ${matching}checks are healthy`;
    return { state: "healthy", main, more: last };
  }
  const rest = [["paused", of("paused")], ["pending", of("pending")], ["in maintenance", of("maintenance")]];
  const others = rest.filter(([, number]) => number > 0).map(([word, number]) => `${number} ${word}`);
  if (healthy === 0) return { state: of("pending") ? "pending" : "paused", main: "Nothing has been measured yet", more: `${others.join(", ")}.` };
  return { state: "healthy", main: `${count(healthy, "check")} healthy, ${others.join(", ")}`, more: last };
}

// No checks at all, or none that match: what to do next.
export function empty(onClear) {
  const main = el("p", { class: "empty-main" });
  const more = el("p", { class: "empty-more" });
  const example = el("pre", { class: "empty-example" }, '[[check]]\nname = "shop"\nkind = "http"\nurl = "https://shop.example/healthz"');
  const clear = el("button", { type: "button", class: "button" }, "Clear the filter");
  clear.addEventListener("click", onClear);
  return {
    node: el("div", { class: "empty" }, icon("search"), main, more, example, clear),
    update(kind) {
      setAttr(this.node, "data-kind", kind);
      const none = kind === "none";
      setText(main, none ? "No checks yet" : "No check matches the filter");
      setText(more, none ? "Add one to config.toml, then save the file: it is taken over without a restart, and the first result shows here within seconds." : "Try fewer words, another tag or another state.");
      example.hidden = !none;
      clear.hidden = none;
    },
  };
}
