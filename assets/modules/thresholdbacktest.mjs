// The back-test of a threshold: asks when the draft and the rule in force would have fired.

import { ask, pointsPath, refusal, told, wrongIn } from "./thresholdapi.mjs";
import { tableToTest } from "./thresholddraft.mjs";
import { figures, labelText } from "./thresholdtext.mjs";

const TYPING_MS = 120;
const MAGNIFIED = 3;

// What a back-test of a draft depends on.
export function testKey(changes) {
  return JSON.stringify(changes.map(({ key, after }) => [key, after]));
}

export function findings(answer, selection) {
  // Of what was never measured nothing is found, not even that it would have been quiet.
  if (answer.status !== 200 || answer.body.message) return null;
  const series = answer.body.series;
  const wanted = labelText(selection.shown);
  const found = series.find((each) => labelText(each.labels) === wanted) ?? (series.length === 1 ? series[0] : null);
  return found ? figures(found) : { count: 0, totalS: 0, longestS: 0, blindS: 0, alerts: [] };
}

// Why nothing is found: what the server says of the metric, or of the request.
export function without(answer) {
  const message = answer.status === 200 ? answer.body.message : "";
  if (message) return `${message[0].toUpperCase()}${message.slice(1)}.`;
  return answer.status === 200 ? "" : refusal(answer.status, answer.body);
}

// The levels of one row on the series that is shown, with these changes on them.
async function run({ row, selection, hours, signal }, changes) {
  const table = tableToTest(row, changes, selection.shown);
  const post = (body) => ask("/api/v1/rules/backtest", { method: "POST", body: { table: body, hours }, signal });
  const answer = await post(table);
  // Between samples that come too seldom it says "unknown" each time: that hides what it fires at.
  selection.seldom = (answer.body?.series ?? []).some((each) => each.truncated && each.stretches.some(({ level }) => level === "unknown"));
  return selection.seldom ? post({ ...table, missing: "ignore" }) : answer;
}

export class ThresholdBackTest {
  constructor(state) {
    this.state = state;
  }

  // A moment after the last change: dragging asks a few times a second, not for each pixel.
  soon() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.test(), TYPING_MS);
  }

  async test({ inForce = false } = {}) {
    const { state } = this;
    const { selection, row, hours } = state;
    if (!selection || !row || !selection.shown) return;
    this.asked?.abort();
    this.asked = new AbortController();
    const { signal } = this.asked;
    const { changes, problems } = state.difference;
    // What can be read is judged beside what can't: all that is wrong is told at once.
    if (problems.length > 0 && changes.length === 0) return;
    // A new rule that has no level yet, or none for a moment while one is typed, says nothing.
    const { warning, critical } = tableToTest(row, changes, selection.shown);
    if (row.isNew && (warning ?? null) === null && (critical ?? null) === null) return;
    const asked = { row, selection, hours, signal };
    const stale = () => selection !== state.selection || hours !== state.hours || signal.aborted;
    if (!row.isNew && (inForce || !selection.foundInForce)) {
      const answer = await run(asked, []);
      if (stale()) return;
      selection.foundInForce = findings(answer, selection);
      if (!selection.foundInForce) selection.testing = answer.status === null ? "" : without(answer);
    }
    const answer = changes.length > 0 ? await run(asked, changes) : null;
    if (answer && stale()) return;
    this.takeDrafted(selection, answer);
    selection.tried = changes.length > 0;
    selection.triedKey = testKey(changes);
    selection.version = row.version;
    this.magnify();
    state.redraw();
  }

  // What the server has against the draft: its words, and which of the fields it names.
  takeReason(answer) {
    const { state } = this;
    const { selection } = state;
    state.refused = answer === null ? null : { key: selection.key, text: told(answer.body?.detail), wrong: wrongIn(answer.body) };
  }

  // What was found of the draft; without an answer there is none, and the rule in force stands.
  takeDrafted(selection, answer) {
    // Refused in the server's words; what was found before stays out of sight.
    const refused = answer !== null && (answer.status === 422 || answer.status === 400);
    this.takeReason(refused ? answer : null);
    selection.found = answer === null ? selection.foundInForce : findings(answer, selection);
    if (answer !== null) selection.testing = refused ? "Such levels can’t be tried." : without(answer);
    if (selection.found) selection.testing = "";
  }

  // The longest firings, each with its own samples around it.
  magnify() {
    const { state } = this;
    const { selection, row } = state;
    const longest = [...(selection.found?.alerts ?? [])].sort((a, b) => b.end - b.start - (a.end - a.start)).slice(0, MAGNIFIED);
    selection.firings = longest.sort((a, b) => a.start - b.start);
    for (const alert of selection.firings) {
      const key = `${alert.start} ${alert.end}`;
      if (selection.magnified.has(key)) continue;
      selection.magnified.set(key, null);
      const length = Math.max(alert.end - alert.start, 120_000);
      ask(pointsPath(row.metric, selection.shown, (3 * length) / 3_600_000, alert.end + length)).then((answer) => {
        if (answer.status === 200) selection.magnified.set(key, answer.body);
        else selection.magnified.delete(key);
        if (selection === state.selection) state.redraw();
      });
    }
  }
}
