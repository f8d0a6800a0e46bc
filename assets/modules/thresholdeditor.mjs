// The editor of one threshold: head, chart, what the draft would have done, fields, difference,
// versions. It shows a model and tells what was pressed; it asks the server nothing.

import { el } from "./dom.mjs";
import { thresholdChart } from "./thresholdchart.mjs";
import { thresholdConflict } from "./thresholdconflict.mjs";
import { thresholdDiff, thresholdUndo } from "./thresholddiff.mjs";
import { thresholdFields } from "./thresholdfields.mjs";
import { thresholdFindings } from "./thresholdfindings.mjs";
import { thresholdHead, thresholdStateLine } from "./thresholdhead.mjs";
import { thresholdNaming } from "./thresholdnaming.mjs";
import { thresholdSeriesBar } from "./thresholdseriesbar.mjs";
import { thresholdVersions } from "./thresholdversions.mjs";

export function thresholdEditor(on) {
  const head = thresholdHead(on);
  const naming = thresholdNaming(on);
  const bar = thresholdSeriesBar(on);
  const state = thresholdStateLine();
  const versions = thresholdVersions(on);
  const chart = thresholdChart({ onMove: (level, value) => on.change(level, String(value)) });
  const findings = thresholdFindings();
  const fields = thresholdFields(on);
  const conflict = thresholdConflict(on);
  const undo = thresholdUndo(on);
  const diff = thresholdDiff(on);
  const parts = [head, naming, bar, state, versions, conflict, undo, diff];
  const node = el("div", { class: "editor", hidden: "" }, head.node, naming.node, bar.node, state.node, versions.node, chart.node, ...findings.nodes, ...fields.nodes, conflict.node, undo.node, diff.node);
  return {
    node,
    chart,
    focusName: naming.focus,
    update(model) {
      node.hidden = !model;
      if (!model) return;
      for (const part of parts) part.update(model);
      chart.update(model.chart);
      findings.update(model, chart.step());
      fields.update(model);
    },
  };
}
