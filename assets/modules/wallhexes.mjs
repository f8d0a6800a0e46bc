// The map of a wall: all its checks as hexagons, by group while nothing is wrong.

import { el, reconcile, setText } from "./dom.mjs";
import { arrange } from "./groups.mjs";
import { HexCanvas } from "./wallcanvas.mjs";
import { groupMap, oneMap } from "./wallmap.mjs";

function groupLabel() {
  const name = el("strong");
  const count = el("span", { class: "number" });
  const node = el("p", { class: "wall-group" }, name, " ", count);
  return {
    node,
    update(label) {
      setText(name, label.name);
      setText(count, label.count.toLocaleString("en-GB"));
      node.style.left = `${label.x}px`;
      node.style.top = `${label.y}px`;
    },
  };
}

export function hexMap() {
  const canvas = new HexCanvas();
  const labels = el("div", { class: "wall-groups" });
  const node = el("div", { class: "wall-field" }, canvas.node, labels);
  const text = document.createElement("canvas").getContext("2d");
  let planned = { key: "", plan: null };
  const plan = ({ rows, total, grouped, width, height, unit }) => {
    // The largest hexagons are those of a wall with few checks: more would look like a game.
    const most = Math.min(width / 3, unit * 7.2);
    const small = unit * 2.9;
    text.font = `600 ${small}px Inter, sans-serif`;
    const groups = rows.map((row) => ({ name: row.name, count: row.members.length, labelWidth: text.measureText(`${row.name}  ${row.members.length}`).width + unit }));
    const room = { width, height, most, least: unit * 1.6, label: small * 1.6, gap: unit * 2.4 };
    return (grouped && rows.length > 1 && groupMap(groups, room)) || oneMap(total, width, height, grouped ? most : Math.min(most, unit * 5.4));
  };
  return {
    node,
    canvas,
    // `unit` is the wall's own unit in pixels; `at` tells now and whether all is frozen.
    update({ snapshot, checks, at, grouped, unit, still, label }) {
      const { clientWidth: width, clientHeight: height } = node;
      if (width < 2 || height < 2) return;
      const rows = arrange(snapshot.groups, checks.filter((check) => !check.alert));
      const views = rows.flatMap((row) => row.members).map((check) => ({ check, now: at.displayNow, frozen: at.frozen }));
      const key = `${width} ${height} ${unit} ${grouped} ${rows.map((row) => `${row.name} ${row.members.length}`).join("\n")}`;
      if (key !== planned.key) planned = { key, plan: plan({ rows, total: views.length, grouped, width, height, unit }) };
      reconcile(labels, planned.plan.labels, (each) => each.name, groupLabel);
      canvas.update({ views, plan: planned.plan, width, height, still, label });
    },
  };
}
