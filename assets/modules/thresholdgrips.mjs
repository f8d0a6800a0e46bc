// The grips of a threshold's chart: each level is dragged with the pointer or moved with arrow keys.

import { el, icon, reconcile, setAttr, setText } from "./dom.mjs";
import { keySteps, LEVELS, snapped, stepFor } from "./thresholddraft.mjs";
import { LEFT, TOP, within } from "./thresholdplot.mjs";
import { isNumber, showValue } from "./thresholdtext.mjs";

const GRIP = 22;

function grip(level, { onPress, onKey }) {
  const word = el("span", {}, level);
  const value = el("strong", { class: "number" });
  const node = el("div", { class: "threshold-grip", "data-state": level, role: "slider", tabindex: "0", "aria-orientation": "vertical" }, icon("grip"), word, value);
  node.addEventListener("pointerdown", onPress);
  node.addEventListener("keydown", onKey);
  return {
    node,
    update({ at, text, place, domain, away }) {
      setText(value, `${text}${away}`);
      setAttr(node, "aria-label", `${level} level`);
      setAttr(node, "aria-valuenow", at);
      setAttr(node, "aria-valuemin", Math.min(domain[0], at));
      setAttr(node, "aria-valuemax", Math.max(domain[1], at));
      setAttr(node, "aria-valuetext", text);
      node.style.top = `${place.y - GRIP / 2}px`;
      node.style.left = `${place.x}px`;
    },
  };
}

// What each grip shows and where it stands on the sheet.
function placed({ model, scales, bottom }) {
  const shown = model.lined ? LEVELS.filter((level) => isNumber(model.draft[level])) : [];
  const taken = [];
  return [...shown].reverse().map((level) => {
    const value = model.draft[level];
    const y = Math.min(bottom, Math.max(TOP, scales.y(value)));
    // Two levels near to each other: the second grip stands beside the first.
    const beside = taken.some((other) => Math.abs(other - y) < GRIP + 1);
    taken.push(y);
    const away = within(value, scales) ? "" : value > scales.domain[1] ? " ↑" : " ↓";
    return { level, at: value, text: showValue(value, model.unit), domain: scales.domain, away, place: { x: LEFT + 10 + (beside ? 150 : 0), y } };
  });
}

// Follow the pointer until it is released, wherever that is.
function follow(onMoved, onEnded) {
  const moved = (event) => {
    // Released where nobody saw it.
    if (event.buttons === 0) return ended();
    return onMoved(event);
  };
  const ended = () => {
    window.removeEventListener("pointermove", moved);
    window.removeEventListener("pointerup", ended);
    window.removeEventListener("pointercancel", ended);
    onEnded();
  };
  window.addEventListener("pointermove", moved);
  window.addEventListener("pointerup", ended);
  window.addEventListener("pointercancel", ended);
}

// `sheet` gives what is drawn now, `top` where that begins in the window. `onDrag` tells when a
// level is taken, with the domain to keep, and with null when it is let go.
export function levelGrips({ sheet, top, onMove, onDrag }) {
  const node = el("div", { class: "threshold-grips" });

  function press(level, event) {
    if (event.button !== 0 || !sheet().scales) return;
    event.preventDefault();
    node.querySelector(`[data-state="${level}"]`)?.focus({ preventScroll: true });
    const clamped = (y) => Math.min(sheet().bottom, Math.max(TOP, y));
    const { model, scales } = sheet();
    const { domain } = scales;
    const offset = event.clientY - top() - clamped(scales.y(model.draft[level]));
    onDrag(domain);
    const step = stepFor(domain[1] - domain[0]);
    const valueAt = (moved) => {
      const value = snapped(sheet().scales.y.back(clamped(moved.clientY - top() - offset)), step);
      return Math.min(domain[1], Math.max(domain[0], value));
    };
    follow((moved) => onMove(level, valueAt(moved)), () => onDrag(null));
  }

  function key(level, event) {
    const steps = keySteps(event.key, event.shiftKey);
    const { model, scales } = sheet();
    if (steps === null || event.ctrlKey || event.metaKey || event.altKey || !scales) return;
    event.preventDefault();
    const step = stepFor(scales.domain[1] - scales.domain[0]);
    onMove(level, snapped(model.draft[level] + steps * step, step));
  }

  const make = ({ level }) => grip(level, { onPress: (event) => press(level, event), onKey: (event) => key(level, event) });
  return {
    node,
    press,
    update: () => reconcile(node, placed(sheet()), (item) => item.level, make),
  };
}
