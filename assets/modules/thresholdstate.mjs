// The state of the Thresholds page: the rows, the drafts on them, what is selected, what can be undone.

import { differenceOf } from "./thresholddraft.mjs";
import { RANGES } from "./thresholdrange.mjs";
import { rowsOf } from "./thresholdrows.mjs";

// The key of the rule that is being made.
export const NEW = "new";
const UNDO_MS = 10_000;

function selectionOf(key, range, wanted) {
  return {
    key,
    range,
    wanted,
    series: [],
    shown: null,
    course: null,
    found: null,
    foundInForce: null,
    versions: null,
    magnified: new Map(),
    testing: "Reading the samples …",
  };
}

export class ThresholdState {
  // `redraw` shows the state as it has become.
  constructor({ redraw }) {
    this.redraw = redraw;
    this.snapshot = null;
    this.at = null;
    this.lists = null;
    this.loadedAt = -Infinity;
    this.rows = [];
    this.drafts = new Map();
    // The version that each draft was begun on: what is saved meanwhile must not be overwritten.
    this.bases = new Map();
    this.selection = null;
    // The rule that is being made, and what was given for it.
    this.fresh = null;
    this.naming = null;
    this.choices = [];
    this.refused = null;
    this.conflict = null;
    this.undone = null;
    this.busy = false;
    this.said = "";
    this.removing = 0;
  }

  get row() {
    if (this.fresh) return this.fresh;
    return this.rows.find((row) => row.key === this.selection?.key) ?? null;
  }

  get hours() {
    return RANGES[this.selection.range];
  }

  get draft() {
    return this.drafts.get(this.selection?.key) ?? {};
  }

  get difference() {
    return this.row ? differenceOf(this.row, this.draft) : { changes: [], problems: [], wrong: {} };
  }

  select(key, range, wanted) {
    this.selection = selectionOf(key, range, wanted);
    this.conflict = null;
    this.said = "";
  }

  arrange() {
    if (!this.lists) return;
    this.rows = rowsOf(this.lists.rules, this.lists.levels, this.snapshot?.checks ?? [], this.at.now);
  }

  // Put what the server answered into the lists, so that it shows before the next reading.
  take(row, body) {
    if (row.kind === "check") {
      const known = new Map(body.levels.map((each) => [`${each.check} ${each.metric}`, each]));
      this.lists.levels = this.lists.levels.map((each) => known.get(`${each.check} ${each.metric}`) ?? each);
    } else this.lists.rules = this.lists.rules.map((each) => (each.name === body.name ? body : each));
    this.arrange();
  }

  setDraft(draft) {
    const { key } = this.selection;
    if (Object.keys(draft).length > 0) {
      this.drafts.set(key, draft);
      if (!this.bases.has(key)) this.bases.set(key, this.row.version);
    } else this.drop(key);
    this.refused = null;
  }

  drop(key) {
    this.drafts.delete(key);
    this.bases.delete(key);
  }

  offerUndo(text, run) {
    this.undone = { until: performance.now() + UNDO_MS, text, run };
  }
}
