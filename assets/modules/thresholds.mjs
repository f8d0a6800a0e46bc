// The Thresholds page: reads the lists, makes what is shown agree with the address, and draws it.

import { setAttr } from "./dom.mjs";
import { beginningRange, courseHours } from "./measured.mjs";
import { isPlaced } from "./mounts.mjs";
import { setSearch } from "./router.mjs";
import { ThresholdAdding } from "./thresholdadding.mjs";
import { ask } from "./thresholdapi.mjs";
import { whole } from "./wholelist.mjs";
import { ThresholdBackTest } from "./thresholdbacktest.mjs";
import { ThresholdEditing } from "./thresholdediting.mjs";
import { thresholdEditor } from "./thresholdeditor.mjs";
import { startThresholdKeys } from "./thresholdkeys.mjs";
import { editorModel } from "./thresholdmodel.mjs";
import { NewThreshold } from "./thresholdnew.mjs";
import { RANGES, rangeOf, USUAL_RANGE } from "./thresholdrange.mjs";
import { matching, parse, withFields } from "./thresholdrows.mjs";
import { ThresholdSaving } from "./thresholdsaving.mjs";
import { ThresholdSeries } from "./thresholdseries.mjs";
import { NEW, ThresholdState } from "./thresholdstate.mjs";
import { thresholdTable, thresholdTools } from "./thresholdtable.mjs";

const LIST_MS = 15_000;
const SOON_MS = 1_500;

export class ThresholdsPage {
  constructor({ onChanged = () => {} } = {}) {
    this.failed = "";
    this.loading = false;
    this.revision = null;
    this.usual = new Map();
    this.state = new ThresholdState({ redraw: () => this.redraw() });
    this.tools = thresholdTools({ onNew: () => this.making.begin() });
    this.table = thresholdTable();
    this.editor = thresholdEditor(this.pressed());
    this.connect(onChanged);
    startThresholdKeys({
      isHere: () => isPlaced(this.table.node),
      mayUndo: () => this.state.undone !== null,
      save: () => this.editing.save(),
      undo: () => this.saving.undo(),
    });
  }

  // Those who do the work, each on the same state.
  connect(onChanged) {
    const { state } = this;
    const backtest = new ThresholdBackTest(state);
    this.series = new ThresholdSeries(state, {
      backtest,
      isDragging: () => this.editor.chart.dragging(),
      onCourse: (row, course) => {
        if (row.isNew) this.making.measured(course);
        else this.begin(row, course);
      },
    });
    this.saving = new ThresholdSaving(state, { backtest, onChanged });
    this.adding = new ThresholdAdding(state, this.saving);
    this.editing = new ThresholdEditing(state, { backtest, saving: this.saving, adding: this.adding });
    this.making = new NewThreshold(state, {
      backtest,
      show: () => {
        this.follow();
        this.draw();
      },
      focus: () => this.editor.focusName(),
      fetchCourse: () => this.series.fetchCourse(),
    });
  }

  // What the editor's controls do.
  pressed() {
    const replace = (fields) => setSearch(withFields(location.search, fields), { replace: true });
    return {
      change: (key, value) => this.editing.change(key, value),
      save: () => this.editing.save(),
      discard: () => this.editing.discard(),
      keepMine: () => this.editing.keepMine(),
      takeTheirs: () => this.editing.takeTheirs(),
      undo: () => this.saving.undo(),
      back: () => this.saving.backToFile(),
      versions: () => this.saving.toggleVersions(),
      restore: (version) => this.saving.restore(version),
      remove: () => this.adding.remove(),
      name: (text) => this.making.rename(text),
      pick: (text) => this.making.pick(text),
      series: (text) => replace({ series: text }),
      range: (range) => replace({ range: range === this.usualOf(this.state.selection.key) ? "" : range }),
      more: () => {
        this.state.selection.more = !this.state.selection.more;
        this.redraw();
      },
    };
  }

  // The three nodes that live in the page's leaves.
  get nodes() {
    return { tools: this.tools.node, list: this.table.node, editor: this.editor.node };
  }

  // With each new snapshot, each change of the address and each second.
  update({ snapshot, at }) {
    const { state } = this;
    Object.assign(state, { snapshot, at });
    if (!isPlaced(this.table.node)) return;
    this.fit();
    const news = snapshot.revision !== this.revision;
    const since = performance.now() - state.loadedAt;
    if (since > LIST_MS || (news && since > SOON_MS)) this.load();
    state.arrange();
    this.follow();
    this.draw();
  }

  // The editor ends where the window does, below whatever stands above the page.
  fit() {
    const page = this.table.node.closest(".thresholds");
    if (!page) return;
    const top = `${Math.round(page.getBoundingClientRect().top + window.scrollY)}px`;
    if (page.style.getPropertyValue("--top") !== top) page.style.setProperty("--top", top);
  }

  async load() {
    if (this.loading) return;
    const { state } = this;
    this.loading = true;
    state.loadedAt = performance.now();
    const revision = state.snapshot?.revision ?? null;
    const ofLevel = (each) => JSON.stringify([each.check, each.metric, each.title]);
    const [rules, levels] = await Promise.all([whole(ask, "/api/v1/rules", "rules"), whole(ask, "/api/v1/levels", "levels", ofLevel)]);
    this.loading = false;
    if (rules.status === 200 && levels.status === 200) {
      state.lists = { rules: rules.body.rules, levels: levels.body.levels };
      this.failed = "";
      this.revision = revision;
    } else if (!state.lists) this.failed = "The thresholds could not be read.";
    this.redraw();
    this.follow();
  }

  // Make the selection agree with the address. Without one the first row is shown.
  follow() {
    const { state } = this;
    if (!state.lists) return;
    const { shown } = parse(location.search);
    if (shown === NEW && !state.fresh && state.at.operator) this.making.begin({ quiet: true });
    if (shown !== NEW) state.fresh = null;
    const key = this.keyFor(shown);
    const range = rangeOf(location.search, this.usualOf(key));
    const wanted = new URLSearchParams(location.search).get("series") ?? "";
    const { selection } = state;
    if (!selection || selection.key !== key) {
      state.select(key, range, wanted);
      this.series.open();
      if (selection !== null && shown === key) this.bringIntoView();
    } else if (selection.range !== range || selection.wanted !== wanted) {
      Object.assign(selection, { range, wanted });
      this.series.choose();
    } else this.series.freshen();
  }

  // With which range the chart of a row begins: found with its first samples, once.
  begin(row, course) {
    if (!this.usual.has(row.key)) this.usual.set(row.key, beginningRange(RANGES, USUAL_RANGE, courseHours(course)));
  }

  usualOf(key) {
    return this.usual.get(key) ?? USUAL_RANGE;
  }

  keyFor(shown) {
    const { fresh, rows } = this.state;
    if (fresh) return NEW;
    return (rows.find((row) => row.key === shown) ?? matching(rows, parse(location.search))[0] ?? rows[0])?.key;
  }

  // On a phone the editor stands below the list.
  bringIntoView() {
    if (matchMedia("(max-width: 1100px)").matches) this.editor.node.scrollIntoView({ block: "start" });
  }

  redraw() {
    if (!this.state.at || !isPlaced(this.table.node)) return;
    this.state.arrange();
    this.draw();
  }

  draw() {
    const { state } = this;
    const { at, selection } = state;
    const filter = parse(location.search);
    const rows = matching(state.rows, filter);
    const all = state.rows.length;
    const ready = state.lists !== null;
    this.tools.update({ filter, shown: rows.length, all, operator: at.operator, ready });
    this.table.update({ rows, all, now: at.displayNow, frozen: at.frozen, selected: selection?.key, dirty: new Set(state.drafts.keys()), ready, failed: this.failed });
    if (state.undone && performance.now() > state.undone.until) state.undone = null;
    const model = selection && state.row ? editorModel(state) : null;
    setAttr(this.editor.node.parentNode ?? this.editor.node, "data-ready", model || this.failed || (ready && all === 0) ? "" : null);
    this.editor.update(model);
  }
}
