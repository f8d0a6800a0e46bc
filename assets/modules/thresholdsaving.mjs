// Saving a threshold: an edit and its undo, versions and going back to one, an edit meanwhile.

import { addressOf, ask, refusal } from "./thresholdapi.mjs";
import { restoring, takenBack } from "./thresholddraft.mjs";
import { checkRow, ruleRow } from "./thresholdrows.mjs";
import { showField } from "./thresholdtext.mjs";
import { whole } from "./wholelist.mjs";

// What stands now beside what was to be saved: `{current, body, text, rows}`.
function conflictOf(row, body, fields, now) {
  const current = body.current && (row.kind === "check" ? checkRow(body.current, null, now) : ruleRow(body.current));
  if (!current) return null;
  return {
    current,
    body: row.kind === "check" ? { levels: [body.current] } : body.current,
    text: `Somebody saved version ${current.version} while you edited version ${row.version}.`,
    rows: Object.entries(fields).map(([key, value]) => ({ key, yours: value === null ? "as in the file" : showField(key, value, row.unit), theirs: showField(key, current.table[key] ?? null, row.unit) })),
  };
}

export class ThresholdSaving {
  constructor(state, { backtest, onChanged }) {
    Object.assign(this, { state, backtest, onChanged });
  }

  // Do one thing at a time, and read the lists again after it.
  async working(what) {
    const { state } = this;
    state.busy = true;
    state.redraw();
    try {
      await what();
    } finally {
      state.busy = false;
      state.loadedAt = -Infinity;
      this.onChanged();
      state.redraw();
    }
  }

  // An edit, and what takes it back.
  async send(row, fields, { said, drop = false, undoable = true, version = row.version }) {
    const { state } = this;
    const { selection } = state;
    await this.working(async () => {
      const answer = await ask(addressOf(row), { method: "PATCH", body: { version, fields } });
      if (answer.status === 409) state.conflict = conflictOf({ ...row, version }, answer.body, fields, state.at.now);
      else if (answer.status !== 200) state.said = refusal(answer.status, answer.body);
      else {
        if (drop) state.drop(row.key);
        state.take(row, answer.body);
        state.undone = null;
        if (undoable) this.offerTakingBack(row, Object.keys(fields), said);
        selection.foundInForce = null;
        if (selection.versions) this.readVersions();
      }
    });
    if (selection === state.selection) this.backtest.test({ inForce: true });
  }

  offerTakingBack(row, keys, said) {
    const now = this.state.rows.find((each) => each.key === row.key) ?? row;
    this.state.offerUndo(`${said} as version ${now.version}.`, () => this.send(now, takenBack(row, keys), { said: "Taken back", undoable: false }));
  }

  undo() {
    const { state } = this;
    const { undone } = state;
    if (!undone || state.busy || !state.at.operator) return;
    state.undone = null;
    undone.run();
  }

  toggleVersions() {
    const { state } = this;
    if (state.selection.versions) state.selection.versions = null;
    else this.readVersions();
    state.redraw();
  }

  async readVersions() {
    const { state } = this;
    const { selection, row } = state;
    const answer = await whole(ask, addressOf(row, "versions"), "versions", "version");
    if (selection !== state.selection) return;
    if (answer.status === 200) selection.versions = answer.body.versions;
    else state.said = refusal(answer.status, answer.body);
    state.redraw();
  }

  restore(version) {
    const { selection, row } = this.state;
    const fields = restoring(selection.versions[0].table, version.table);
    if (Object.keys(fields).length > 0) this.send(row, fields, { said: `Version ${version.version} restored`, drop: true });
  }

  async backToFile() {
    const { row } = this.state;
    await this.send(row, Object.fromEntries(row.edited.map((key) => [key, null])), { said: "Back to the file", drop: true });
  }
}
