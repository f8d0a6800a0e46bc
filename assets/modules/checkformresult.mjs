// What a try of a check found: its state in shape and word, the message, the numbers.

import { metricsOf } from "./checkformmodel.mjs";
import { el, setAttr, setText } from "./dom.mjs";
import { shape } from "./shapes.mjs";
import { known } from "./states.mjs";

const SHOWN = 8;

function number(value) {
  if (!Number.isFinite(value)) return "none";
  return value.toLocaleString("en-GB", { maximumFractionDigits: Math.abs(value) < 10 ? 3 : 1 });
}

function metricRows(metrics) {
  return metrics.map(({ name, value, main }) => el("div", { class: main ? "cf-metric cf-main" : "cf-metric" }, el("dt", {}, name), el("dd", { class: "number" }, number(value))));
}

function details(result) {
  const entries = Object.entries(result.details ?? {}).filter(([, value]) => value !== null && value !== "");
  if (entries.length === 0) return null;
  const rows = entries.map(([name, value]) => el("div", { class: "cf-detail" }, el("dt", {}, name), el("dd", {}, typeof value === "object" ? JSON.stringify(value) : String(value))));
  return el("details", { class: "cf-details" }, el("summary", {}, "Details"), el("dl", {}, ...rows));
}

function found(result) {
  const state = known(result.status);
  const metrics = metricsOf(result);
  const took = result.response_time_ms === null || result.response_time_ms === undefined ? null : el("span", { class: "cf-took number" }, `${number(result.response_time_ms)} ms`);
  const more = metrics.slice(SHOWN);
  return [
    el("div", { class: "cf-verdict", "data-state": state }, shape(state), el("span", { class: "word" }, state), took),
    el("p", { class: "cf-message" }, result.message),
    metrics.length > 0 ? el("dl", { class: "cf-metrics" }, ...metricRows(metrics.slice(0, SHOWN))) : null,
    more.length > 0 ? el("details", { class: "cf-details" }, el("summary", {}, `${more.length} more numbers`), el("dl", { class: "cf-metrics" }, ...metricRows(more))) : null,
    details(result),
    el("p", { class: "cf-note" }, "Nothing was stored, and nobody was told."),
  ].filter(Boolean);
}

export function resultPanel() {
  const title = el("h2", { class: "cf-side-title" }, "Try it");
  const body = el("div", { class: "cf-result" });
  const status = el("p", { class: "unseen", role: "status" });
  const node = el("div", { class: "cf-tried" }, title, body, status);
  const say = (...children) => body.replaceChildren(...children);
  return {
    node,
    idle() {
      setAttr(body, "aria-busy", null);
      say(el("p", { class: "cf-idle" }, "The monitor runs the check once, as it stands in the form, and shows what it finds. Nothing is saved."));
    },
    running() {
      setAttr(body, "aria-busy", "true");
      say(el("p", { class: "cf-idle" }, "The monitor runs it …"));
      setText(status, "Trying");
    },
    said(text) {
      setAttr(body, "aria-busy", null);
      say(el("p", { class: "cf-said" }, text));
      setText(status, text);
    },
    found(result) {
      setAttr(body, "aria-busy", null);
      say(...found(result));
      setText(status, `${known(result.status)}: ${result.message}`);
    },
    // The form was changed since.
    outdated() {
      if (body.querySelector(".cf-verdict")) setAttr(body, "data-outdated", "");
    },
    fresh() {
      setAttr(body, "data-outdated", null);
    },
  };
}
