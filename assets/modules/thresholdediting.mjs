// What somebody does with a draft: changes, discards or saves it, and decides between two edits.

import { setSearch } from "./router.mjs";
import { controlValue, fieldsToSend } from "./thresholddraft.mjs";
import { withFields } from "./thresholdrows.mjs";
import { NEW } from "./thresholdstate.mjs";

export class ThresholdEditing {
  constructor(state, { backtest, saving, adding }) {
    Object.assign(this, { state, backtest, saving, adding });
  }

  change(key, value) {
    const { state } = this;
    const { row } = state;
    if (!row?.editable) return;
    const draft = { ...state.draft, [key]: value };
    const given = controlValue(row, key);
    if (String(given) === String(value) && !row.isNew) delete draft[key];
    state.setDraft(draft);
    state.said = "";
    this.backtest.soon();
    state.redraw();
  }

  discard() {
    const { state } = this;
    if (state.fresh) {
      state.fresh = null;
      state.drop(NEW);
      setSearch(withFields(location.search, { rule: "" }));
      return;
    }
    state.setDraft({});
    state.conflict = null;
    state.said = "";
    this.backtest.test();
    state.redraw();
  }

  async save() {
    const { state } = this;
    const { row } = state;
    const { changes, problems } = state.difference;
    if (!state.at.operator || state.busy || state.conflict || problems.length > 0 || state.refused) return;
    if (row.isNew) await this.adding.add(changes);
    else if (changes.length > 0) {
      await this.saving.send(row, fieldsToSend(changes), { said: "Saved", drop: true, version: state.bases.get(row.key) });
    }
  }

  // The draft stays, now on top of what stands; it is saved again by hand.
  keepMine() {
    const { conflict, row, bases } = this.state;
    bases.set(row.key, conflict.current.version);
    this.settle();
  }

  takeTheirs() {
    this.state.setDraft({});
    this.settle();
  }

  settle() {
    const { state } = this;
    const { conflict, row } = state;
    state.conflict = null;
    state.take(row, conflict.body);
    this.backtest.test({ inForce: true });
    state.redraw();
  }
}
