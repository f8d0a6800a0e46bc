// The problems of a wall as tiles: as much of each as there is room for, and "+12 more" for the rest.

import { initials } from "./acknowledge.mjs";
import { el, reconcile, setAttr, setText } from "./dom.mjs";
import { lasting } from "./format.mjs";
import { sentenceOf, sinceOf } from "./problems.mjs";
import { redraw, shape } from "./shapes.mjs";
import { shown, stateOf } from "./states.mjs";
import { isTaken, isUrgent, overflowText, whoLine } from "./wallproblems.mjs";

// From all that is known of each to a line each; the first in which all fit is taken.
export const FORMS = ["whole", "short", "brief", "plain", "pairs", "lines"];
const MOST_BLOCKED = 8;
// More than this fit nowhere: no tile is made for them.
const MOST_TILES = 40;

function blockedName() {
  const name = el("span");
  const node = el("li", {}, shape("blocked"), name);
  return {
    node,
    update(item) {
      setText(name, item.name);
      setAttr(node, "data-state", "blocked");
    },
  };
}

function tile() {
  const mark = shape("pending");
  const name = el("h2", { class: "wall-name" });
  const word = el("span", { class: "word" });
  const ownerMark = el("span", { class: "wall-owner-mark", "aria-hidden": "true" });
  const ownerName = el("span", { class: "wall-owner-name" });
  const owner = el("span", { class: "wall-owner" }, ownerMark, ownerName);
  const time = el("strong", { class: "wall-time number" });
  const sentence = el("p", { class: "wall-sentence" });
  const lead = el("strong");
  const rest = el("span");
  const who = el("p", { class: "wall-who" }, lead, " ", rest);
  const names = el("ul", { class: "wall-names" });
  const more = el("span", { class: "wall-blocked-more" });
  const blocks = el("div", { class: "wall-blocks" }, el("span", { class: "wall-blocks-label" }, "Blocks"), names, more);
  const node = el("article", { class: "wall-tile" }, el("div", { class: "wall-line" }, mark, name, word, owner, time), sentence, who, blocks);
  return {
    node,
    update({ check, children, at, alarm }) {
      const { displayNow: now, frozen, zone } = at;
      const look = shown(check, now, frozen);
      const { state } = look;
      const told = whoLine(check, now, zone);
      const holder = check.incident?.assignee || check.incident?.acknowledged_by;
      setAttr(node, "data-state", state);
      setAttr(node, "data-was", frozen ? "" : null);
      setAttr(node, "data-urgent", isUrgent(check, now) ? "" : null);
      setAttr(node, "data-alarm", alarm ? "" : null);
      redraw(mark, state);
      setText(name, check.name);
      setText(word, look.word);
      const named = holder && holder !== "anonymous";
      owner.hidden = !isTaken(check);
      setText(ownerMark, named ? initials(holder) : "✓");
      setText(ownerName, named ? holder : "taken");
      setText(time, lasting(check, now, sinceOf(check, look.state)));
      setText(sentence, sentenceOf(check, look.state, now, zone));
      setText(lead, told.lead);
      setText(rest, told.rest);
      blocks.hidden = children.length === 0;
      reconcile(names, children.slice(0, MOST_BLOCKED), (each) => each.name, blockedName);
      setText(more, children.length > MOST_BLOCKED ? `+${children.length - MOST_BLOCKED}` : "");
    },
  };
}

function part() {
  const mark = shape("pending");
  const total = el("span", { class: "number" });
  const node = el("li", {}, mark, total);
  return {
    node,
    update(item) {
      setAttr(node, "data-state", item.state);
      redraw(mark, item.state);
      setText(total, `${item.total.toLocaleString("en-GB")} ${item.state}`);
    },
  };
}

// The largest number from 1 below `most` that is not too many.
export function halved(most, tooMany) {
  let [fits, fails] = [1, most];
  while (fails - fits > 1) {
    const middle = Math.floor((fits + fails) / 2);
    if (tooMany(middle)) fails = middle;
    else fits = middle;
  }
  return fits;
}

export function problemTiles() {
  const tiles = el("div", { class: "wall-tiles" });
  const main = el("strong", { class: "wall-more-main number" });
  const parts = el("ul", { class: "wall-more-parts" });
  const more = el("div", { class: "wall-more", hidden: "" }, main, parts);
  const node = el("div", { class: "wall-problems" }, tiles);
  let fitted = { key: "", shows: 0 };

  const draw = (problems, at, alarms) => {
    reconcile(tiles, problems.map((each) => ({ ...each, at, alarm: alarms.has(each.check.name) })), (each) => each.check.name, tile);
    more.remove();
    tiles.append(more);
  };
  const overflows = () => tiles.scrollHeight > tiles.clientHeight + 1;
  const rest = (hidden, now) => {
    more.hidden = hidden.length === 0;
    if (more.hidden) return;
    const text = overflowText(hidden, now);
    setText(main, text.main);
    reconcile(parts, text.parts, (each) => each.state, part);
  };

  return {
    node,
    // How many of them are shown. `room` says what else the room for them depends on.
    update({ problems, at, alarms, room }) {
      const content = problems.slice(0, MOST_TILES).map(({ check, children }) => `${check.name} ${stateOf(check, at.displayNow)} ${check.incident?.stage ?? ""} ${children.length} ${(check.sentence ?? "").length}`);
      const key = `${room} ${tiles.clientWidth} ${tiles.clientHeight} ${at.frozen} ${problems.length} ${content.join("\n")}`;
      if (key === fitted.key) {
        draw(problems.slice(0, fitted.shows), at, alarms);
        rest(problems.slice(fitted.shows), at.displayNow);
        return fitted.shows;
      }
      const show = (number) => {
        draw(problems.slice(0, number), at, alarms);
        rest(problems.slice(number), at.displayNow);
      };
      const most = Math.min(problems.length, MOST_TILES);
      show(most);
      for (const form of FORMS) {
        setAttr(tiles, "data-form", form);
        if (!overflows()) break;
      }
      fitted = { key, shows: overflows() ? halved(most, (number) => show(number) ?? overflows()) : most };
      show(fitted.shows);
      return fitted.shows;
    },
  };
}
