// A rule that is being made: its name, its series, and a first level to take hold of.

import { setSearch } from "./router.mjs";
import { ask } from "./thresholdapi.mjs";
import { snapped, stepFor } from "./thresholddraft.mjs";
import { withFields } from "./thresholdrows.mjs";
import { seriesText } from "./thresholdseries.mjs";
import { NEW } from "./thresholdstate.mjs";
import { unitOf } from "./thresholdtext.mjs";

// As in domain/alertrules.py: so often a rule expects samples, unless it says otherwise.
const USUAL_INTERVAL_S = 10;

function blankRow() {
  return { key: NEW, isNew: true, kind: "rule", ruleKind: "threshold", name: "", title: "", metric: "", unit: "", table: {}, drift: {}, edited: [], inFile: false, editable: true, state: "waiting", version: 0, firing: 0 };
}

// A level just above all that was measured; null when nothing was.
function proposedLevel({ low, high }) {
  const known = [...low, ...high].filter(Number.isFinite);
  if (known.length === 0) return null;
  const most = known.reduce((a, b) => Math.max(a, b));
  const least = known.reduce((a, b) => Math.min(a, b));
  const step = stepFor(Math.max(most - Math.min(0, least), Math.abs(most)) || 1);
  return snapped(most + step, step);
}

export class NewThreshold {
  // `show` selects what the address names and draws it, `focus` goes to the field of the name.
  constructor(state, { backtest, show, focus, fetchCourse }) {
    Object.assign(this, { state, backtest, show, focus, fetchCourse });
  }

  async begin({ quiet = false } = {}) {
    const { state } = this;
    if (!state.at?.operator || state.fresh) return;
    state.fresh = blankRow();
    state.naming = { name: "", picked: "" };
    state.drafts.set(NEW, { operator: "gte" });
    state.selection = null;
    if (!quiet) setSearch(withFields(location.search, { rule: NEW, series: "" }));
    this.show();
    if (!quiet) this.focus();
    const answer = await ask("/api/v1/series");
    state.choices = answer.body?.series ?? [];
    state.redraw();
  }

  rename(text) {
    this.state.naming.name = text.trim();
    this.state.said = "";
    this.state.redraw();
  }

  pick(text) {
    const { state } = this;
    state.naming.picked = text;
    state.naming.proposed = false;
    const found = state.choices.find((each) => seriesText(each) === text) ?? null;
    const metric = found?.metric ?? text.trim();
    state.fresh = { ...state.fresh, metric, unit: unitOf(metric), table: {} };
    Object.assign(state.selection, {
      shown: found?.labels ?? null,
      series: found ? [found.labels] : [],
      course: null,
      found: null,
      testing: found ? "Reading the samples …" : "",
    });
    const draft = { ...state.draft };
    delete draft.warning;
    delete draft.critical;
    state.setDraft(draft);
    if (found) this.fetchCourse();
    state.redraw();
  }

  // The samples of the picked series have come.
  measured(course) {
    this.propose(course);
    if (course.step_s > USUAL_INTERVAL_S) this.state.fresh.table.interval = `${Math.round(course.step_s)}s`;
  }

  propose(course) {
    const { draft, naming } = this.state;
    // Once for each choice: what somebody emptied stays empty.
    if (naming.proposed || draft.warning || draft.critical) return;
    const level = proposedLevel(course);
    if (level === null) return;
    naming.proposed = true;
    this.state.setDraft({ ...draft, warning: String(level) });
    this.backtest.soon();
  }
}
