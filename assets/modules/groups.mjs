// The groups of the Overview: a label with its tally, then tiles, or hexes when there are too many.

import { el, reconcile, setText } from "./dom.mjs";
import { hexMap } from "./hexes.mjs";
import { stateOf } from "./states.mjs";
import { tileRow } from "./tiles.mjs";

export const MOST_TILES = 40;
const SLICE = 6;
export const UNGROUPED = "Others";

// The groups that have something to show, in the server's order. A check that no group lists
// stands under its own `group`, so that nothing goes unseen.
export function arrange(groups, checks) {
  const byName = new Map(checks.map((check) => [check.name, check]));
  const rows = new Map();
  const add = (name, check) => {
    if (!rows.has(name)) rows.set(name, []);
    rows.get(name).push(check);
  };
  for (const group of groups) {
    for (const name of group.checks) {
      if (!byName.has(name)) continue;
      add(group.name, byName.get(name));
      byName.delete(name);
    }
  }
  for (const check of byName.values()) add(check.group || UNGROUPED, check);
  return [...rows].map(([name, members]) => ({ name, members }));
}

export function tallyText(members, now, frozen) {
  if (frozen) return `${members.length} not measured`;
  const healthy = members.filter((check) => stateOf(check, now) === "healthy").length;
  return healthy === members.length ? `all ${healthy} healthy` : `${healthy} of ${members.length} healthy`;
}

function groupRow(first) {
  const heading = el("h2", { class: "group-name", title: first.name });
  const tally = el("p", { class: "group-tally" });
  const node = el("section", { class: "group" }, el("div", { class: "group-label" }, heading, tally));
  let body = null;
  let large = null;
  return {
    node,
    update({ name, members, whole, now, frozen, carded }) {
      setText(heading, name);
      setText(tally, tallyText(members, now, frozen));
      const wanted = whole > MOST_TILES;
      if (large !== wanted) {
        large = wanted;
        body?.node.remove();
        body = large ? hexMap() : tileRow();
        node.append(body.node);
      }
      body.update(members.map((check) => ({ check, now, frozen, carded: carded.has(check.name) })));
    },
  };
}

export function groupList() {
  const node = el("div", { class: "group-list" });
  // The first drawing of a thousand tiles comes in slices, so that no task blocks the page.
  let slices = 1;
  let latest = null;
  const draw = () => {
    const { snapshot, checks, now, frozen, carded } = latest;
    const rows = arrange(snapshot.groups, checks);
    reconcile(
      node,
      rows.slice(0, slices * SLICE).map((row) => ({ ...row, whole: row.members.length, now, frozen, carded })),
      (row) => row.name,
      groupRow,
    );
    if (rows.length <= slices * SLICE) return;
    slices += 1;
    setTimeout(draw, 0);
  };
  return {
    node,
    update(view) {
      latest = view;
      draw();
    },
  };
}
