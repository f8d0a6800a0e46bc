// The series a threshold is shown on: which there are, which one is chosen, and its samples.

import { ask, pointsPath } from "./thresholdapi.mjs";
import { labelText } from "./thresholdtext.mjs";
import { whole } from "./wholelist.mjs";

// How a series is called where one is chosen: metric and labels.
export function seriesText({ metric, labels }) {
  const more = labelText(labels);
  return more ? `${metric}, ${more}` : metric;
}

export class ThresholdSeries {
  // `isDragging` tells whether a level is being moved; `onCourse` is told of new samples.
  constructor(state, { backtest, isDragging, onCourse }) {
    Object.assign(this, { state, backtest, isDragging, onCourse });
  }

  async open() {
    const { state } = this;
    const { selection, row } = state;
    if (!row || row.isNew) return;
    const wanted = row.kind === "check" ? { metric: row.metric, label: `check=${row.name}` } : { rule: row.name };
    const ofSeries = (each) => JSON.stringify([each.metric, each.labels]);
    const answer = await whole(ask, `/api/v1/series?${new URLSearchParams(wanted)}`, "series", ofSeries);
    if (selection !== state.selection) return;
    selection.series = (answer.body?.series ?? []).map((each) => each.labels);
    this.choose();
  }

  choose() {
    const { state } = this;
    const { selection } = state;
    const named = selection.series.find((labels) => (labelText(labels) || "no labels") === selection.wanted);
    // The one that fires says most; else the first.
    selection.shown = named ?? this.firingLabels() ?? selection.series[0] ?? null;
    selection.course = null;
    selection.testing = selection.shown || state.row?.isNew ? "Reading the samples …" : "";
    selection.courseAt = -Infinity;
    this.refresh();
    state.redraw();
  }

  firingLabels() {
    const { lists, selection } = this.state;
    const rule = lists.rules.find((each) => `rule/${each.name}` === selection.key);
    const firing = rule?.states.find((each) => each.level !== "healthy")?.labels;
    return firing && selection.series.find((labels) => labelText(labels) === labelText(firing));
  }

  // New samples show when they would move the line by a pixel or so, and not under a drag.
  freshen() {
    const { state } = this;
    const { selection } = state;
    if (!selection.shown || this.isDragging() || state.at.frozen) return;
    // Somebody else saved, or the file changed.
    if (selection.version !== undefined && selection.version !== state.row?.version && !state.busy) {
      selection.version = state.row?.version;
      this.backtest.test({ inForce: true });
    }
    const every = Math.max(10_000, (state.hours * 3_600_000) / 500);
    if (performance.now() - selection.courseAt < Math.min(every, 300_000)) return;
    this.refresh();
  }

  refresh() {
    this.fetchCourse();
    this.backtest.test({ inForce: true });
  }

  async fetchCourse() {
    const { state } = this;
    const { selection, row, hours } = state;
    if (!selection.shown || !row) return;
    selection.courseAt = performance.now();
    const answer = await ask(pointsPath(row.metric, selection.shown, hours));
    if (selection !== state.selection || hours !== state.hours) return;
    if (answer.status === 200) {
      selection.course = answer.body;
      this.onCourse(row, answer.body);
    }
    state.redraw();
  }
}
