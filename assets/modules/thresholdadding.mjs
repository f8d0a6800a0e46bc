// Whole rules: adding one, removing one, and taking either back.

import { setSearch } from "./router.mjs";
import { ask, refusal, rulePath, told, wrongIn } from "./thresholdapi.mjs";
import { tableToTest } from "./thresholddraft.mjs";
import { withFields } from "./thresholdrows.mjs";
import { NEW } from "./thresholdstate.mjs";

// How long "Really remove" waits for its second press.
const REMOVING_MS = 4_000;

export class ThresholdAdding {
  constructor(state, saving) {
    Object.assign(this, { state, saving });
  }

  async add(changes) {
    const { state } = this;
    const { naming, selection, fresh } = state;
    const labels = selection.shown && Object.keys(selection.shown).length > 0 ? { labels: tableToTest(fresh, [], selection.shown).labels } : {};
    const table = { id: naming.name, ...fresh.table, metric: fresh.metric, ...labels, ...Object.fromEntries(changes.filter(({ after }) => after !== null).map(({ key, after }) => [key, after])) };
    if (await this.put(table)) state.offerUndo(`${table.id} added.`, () => this.unput(table.id));
    state.redraw();
  }

  async put(table) {
    const { state } = this;
    let done = false;
    await this.saving.working(async () => {
      const answer = await ask("/api/v1/rules", { method: "POST", body: { table } });
      done = answer.status === 201;
      if (!done) {
        state.refused = { key: NEW, text: "", wrong: wrongIn(answer.body) };
        state.said = answer.status === 422 ? told(answer.body?.detail) : refusal(answer.status, answer.body);
        return;
      }
      state.lists.rules = [...state.lists.rules.filter((each) => each.name !== answer.body.name), answer.body];
      state.fresh = null;
      state.drop(NEW);
      state.arrange();
      setSearch(withFields(location.search, { rule: `rule/${answer.body.name}`, series: "" }), { replace: true });
    });
    return done;
  }

  async unput(name) {
    const { state } = this;
    const rule = state.lists.rules.find((each) => each.name === name);
    if (!rule) return;
    await this.saving.working(async () => {
      await this.removed(name, rule.version);
      state.arrange();
    });
    setSearch(withFields(location.search, { rule: "" }), { replace: true });
  }

  // Whether the server removed it; if not, why is said.
  async removed(name, version) {
    const { state } = this;
    const answer = await ask(rulePath(name, "remove"), { method: "POST", body: { version } });
    if (answer.status !== 200) state.said = refusal(answer.status, answer.body);
    else state.lists.rules = state.lists.rules.filter((each) => each.name !== name);
    return answer.status === 200;
  }

  // The first press asks, the second removes.
  async remove() {
    const { state } = this;
    const { row } = state;
    if (performance.now() > state.removing) {
      state.removing = performance.now() + REMOVING_MS;
      state.redraw();
      setTimeout(() => state.redraw(), REMOVING_MS + 50);
      return;
    }
    state.removing = 0;
    const table = state.lists.rules.find((each) => each.name === row.name)?.table;
    await this.saving.working(async () => {
      if (!(await this.removed(row.name, row.version))) return;
      state.drop(row.key);
      state.arrange();
      state.offerUndo(`${row.name} removed.`, () => this.put(table));
    });
    setSearch(withFields(location.search, { rule: "" }));
  }
}
