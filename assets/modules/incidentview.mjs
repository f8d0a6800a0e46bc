// The page of one incident: its head, its one timeline, and what stands around it.

import { initials } from "./acknowledge.mjs";
import { el, icon, reconcile, setAttr, setText } from "./dom.mjs";
import { clock, moment, span, zoneName } from "./format.mjs";
import { acknowledgedText, answersOf, entries, linked, neighbours, toldText, verdict } from "./incident.mjs";
import { ANONYMOUS, holder, incidentAddress, lookOf } from "./incidents.mjs";
import { sinceOf } from "./problems.mjs";
import { checkAddress } from "./router.mjs";
import { redraw, shape } from "./shapes.mjs";
import { shown } from "./states.mjs";
import { distance } from "./times.mjs";

const days = new Map();

function dayText(ms, timeZone) {
  if (!days.has(timeZone)) days.set(timeZone, new Intl.DateTimeFormat("en-GB", { timeZone, weekday: "short", day: "numeric", month: "short", year: "numeric" }));
  return days.get(timeZone).format(ms);
}

function setTime(node, ms, text, zone) {
  setAttr(node, "datetime", new Date(ms).toISOString());
  setAttr(node, "title", `${dayText(ms, zone)}, ${clock(ms, zone)} ${zoneName(ms, zone)}`);
  setText(node, text);
}

// A fact of the head: its label, its value, and a second line.
function fact(label, ...more) {
  const value = el("dd", { class: "inc-fact-value" });
  const note = el("dd", { class: "inc-fact-note" });
  return { node: el("div", { class: "inc-fact", ...Object.fromEntries(more) }, el("dt", {}, label), value, note), value, note };
}

function pager(text, key) {
  return el("a", { class: "pager", "data-internal": "", "aria-label": text }, el("kbd", {}, key));
}

function head() {
  const id = el("code", { class: "inc-row-id" });
  const place = el("span", { class: "number" });
  const next = pager("Next open incident", "J");
  const previous = pager("Previous open incident", "K");
  const pages = el("span", { class: "incident-place" }, place, next, previous);
  const mark = shape("pending");
  const title = el("span");
  const lasting = el("span", { class: "incident-lasting" });
  const length = el("strong", { class: "number" });
  const severity = fact("Severity");
  const severityMark = shape("pending");
  const word = el("span", { class: "word" });
  severity.value.append(el("span", { class: "inc-row-told" }, severityMark, word));
  const stage = fact("State");
  const since = fact("Since");
  const sinceTime = el("time", { class: "number" });
  since.value.append(sinceTime);
  const who = fact("Who has it");
  const whoMark = el("span", { class: "who-mark", "aria-hidden": "true" });
  const whoName = el("span");
  who.value.append(el("span", { class: "inc-row-told" }, whoMark, whoName));
  const told = fact("Told");
  const check = el("a", { class: "inc-fact-check", "data-internal": "" });
  const kind = el("span");
  severity.note.append(check, kind);
  const crumbs = el("nav", { class: "crumbs", "aria-label": "Breadcrumb" }, el("a", { href: "/incidents", "data-internal": "" }, "Incidents"), el("span", { "aria-hidden": "true" }, "›"), id, pages);
  const node = el(
    "div",
    { class: "incident-told" },
    crumbs,
    el("div", { class: "incident-line" }, el("h1", { class: "incident-title" }, mark, title), el("p", { class: "incident-length" }, lasting, " ", length)),
    el("dl", { class: "inc-facts" }, severity.node, stage.node, since.node, who.node, told.node),
  );
  return {
    node,
    previous,
    next,
    update({ doc, at, me, open }) {
      const { displayNow: now, zone, frozen } = at;
      const opened = Date.parse(doc.opened_at);
      const look = lookOf(doc.severity);
      setAttr(node, "data-state", look);
      setAttr(node, "data-over", doc.open ? null : "");
      redraw(mark, look);
      redraw(severityMark, look);
      setText(id, doc.id);
      setText(check, doc.component);
      check.hidden = doc.kind === "rule";
      setAttr(check, "href", checkAddress(doc.component));
      const near = neighbours(open, doc.id);
      pages.hidden = near.of < 1;
      setText(place, near.at ? `${near.at} of ${near.of} open` : `${near.of} open`);
      for (const [link, target] of [[next, near.next], [previous, near.previous]]) {
        setAttr(link, "href", target ? incidentAddress(target) : null);
        setAttr(link, "aria-disabled", target ? null : "true");
      }
      setText(title, doc.title);
      const end = doc.open || !doc.resolved_at ? now : Date.parse(doc.resolved_at);
      setText(lasting, doc.open ? (frozen ? "was open for" : "open for") : "lasted");
      setText(length, exactSpan((end - opened) / 1000));
      setText(word, doc.severity);
      setText(kind, [check.hidden ? doc.component : "", doc.kind, doc.flapping && "flapping", doc.parent && "nested", ...(doc.tags ?? [])].filter(Boolean).map((each) => `${check.hidden && each === doc.component ? "" : ", "}${each}`).join(""));
      setText(stage.value, frozen && doc.open ? `was ${doc.stage}` : doc.stage);
      setText(stage.note, stageNote(doc, now, zone));
      setTime(sinceTime, opened, `${clock(opened, zone)} ${zoneName(opened, zone)}`, zone);
      setText(since.note, `${dayText(opened, zone)}, ${distance(opened, now)}`);
      const name = holder(doc);
      const mine = doc.mine || (me && name === me);
      setText(whoMark, name && name !== ANONYMOUS ? initials(name) : "");
      whoMark.hidden = whoMark.textContent === "";
      setText(whoName, !name ? "nobody" : name === ANONYMOUS ? (mine ? "you" : "somebody") : mine ? `${name} (you)` : name);
      setText(who.note, whoNote(doc, now, zone));
      const pagesSent = toldText(doc);
      told.value.replaceChildren(...(pagesSent.all ? [el("span", { class: "number" }, pagesSent.done), " ", el("span", { class: "muted" }, pagesSent.text)] : [el("span", { class: "muted" }, pagesSent.text)]));
      setText(told.note, pagesSent.channels.join(", ") || (doc.page_held_by ? `held: ${doc.page_held_by}` : ""));
    },
  };
}

// "12 min 28 s" below an hour, where seconds are what somebody waits for.
export function exactSpan(seconds) {
  const rest = Math.floor(seconds) % 60;
  return seconds >= 60 && seconds < 3600 && rest ? `${span(seconds)} ${rest} s` : span(seconds);
}

function stageNote(doc, now, zone) {
  if (doc.resolved_at && !doc.open) {
    const how = doc.resolution && !/^(recovered|resolved by hand)$/.test(doc.resolution) ? "by hand" : doc.resolution;
    return [how, moment(Date.parse(doc.resolved_at), now, zone)].filter(Boolean).join(", ");
  }
  if (doc.page_held_by) return `pages are held: ${doc.page_held_by}`;
  return acknowledgedText(doc, now, zone);
}

function whoNote(doc, now, zone) {
  if (!doc.acknowledged_at) return doc.assignee ? "assigned, not acknowledged" : doc.open ? "nobody has acknowledged" : "nobody acknowledged";
  const at = Date.parse(doc.acknowledged_at);
  const by = doc.assignee && doc.acknowledged_by && doc.acknowledged_by !== doc.assignee ? ` by ${doc.acknowledged_by}` : "";
  return `acknowledged${by} ${moment(at, now, zone)}, ${distance(at, now)}`;
}

function entryView(first) {
  if (first.day) {
    const node = el("li", { class: "inc-entry-day" });
    return { node, update: ({ day }) => setText(node, day) };
  }
  const time = el("time", { class: "inc-entry-time number" });
  const sign = el("span", { class: "inc-entry-sign" });
  const initial = el("span", { class: "who-mark", "aria-hidden": "true" });
  const who = el("strong", { class: "inc-entry-who" });
  const main = el("span", { class: "inc-entry-main" });
  const channel = el("strong", { class: "inc-entry-who" });
  const state = el("span", { class: "inc-entry-state" });
  const more = el("span", { class: "inc-entry-more" });
  const quote = el("q", { class: "inc-entry-quote" });
  const side = el("span", { class: "inc-entry-side number" });
  const text = el("span", { class: "inc-entry-text" }, initial, who, main, channel, state, more, quote);
  const node = el("li", { class: "inc-entry" }, time, sign, text, side);
  let last = "";
  return {
    node,
    update({ entry, zone }) {
      const key = JSON.stringify([entry, zone]);
      if (key === last) return;
      last = key;
      setTime(time, entry.at, clock(entry.at, zone), zone);
      const drawn = entry.mark ? shape(entry.mark) : entry.icon ? icon(entry.icon) : el("span", { class: "inc-entry-dot" });
      sign.replaceChildren(drawn);
      setAttr(node, "data-state", entry.mark);
      setAttr(node, "data-given", entry.given ? "" : null);
      setAttr(node, "data-bad", entry.bad ? "" : null);
      const named = entry.who && entry.who !== "You" && entry.who !== "Somebody";
      setText(initial, named ? initials(entry.who) : "");
      initial.hidden = !named;
      for (const [part, value] of [[who, entry.who], [main, entry.main], [channel, entry.channel], [state, entry.state], [more, entry.more], [quote, entry.quote]]) {
        setText(part, value);
        part.hidden = !value;
      }
      setText(side, entry.side);
    },
  };
}

function timelineView() {
  const zone = el("span");
  const list = el("ol", { class: "inc-entries" });
  const node = el("div", {}, el("h2", { class: "piece-title" }, "Timeline", zone), list);
  return {
    node,
    update({ doc, at, me }) {
      setText(zone, `oldest first, times in ${zoneName(at.displayNow, at.zone)}`);
      let day = dayText(at.displayNow, at.zone);
      const items = entries(doc, me).flatMap((entry) => {
        const item = { key: entry.key, entry, zone: at.zone };
        const its = dayText(entry.at, at.zone);
        if (its === day) return [item];
        day = its;
        return [{ key: `day ${its}`, day: its }, item];
      });
      reconcile(list, items, (item) => item.key, entryView);
    },
  };
}

function behindRow() {
  const mark = shape("unknown");
  const link = el("a", { class: "behind-name", "data-internal": "" });
  const word = el("span", { class: "word" });
  const time = el("span", { class: "muted number" });
  const node = el("li", { class: "behind" }, mark, link, word, time);
  return {
    node,
    update(item) {
      setAttr(node, "data-state", item.state);
      redraw(mark, item.state);
      setText(link, item.name);
      setAttr(link, "href", item.href);
      setText(word, item.word);
      setText(time, item.time);
    },
  };
}

// What is behind an incident, as rows: checks that it blocks, and incidents nested under it.
export function behindOf(doc, open, checks, at) {
  const nested = (doc.nested ?? []).map((id) => {
    const found = open.find((each) => each.id === id);
    return { key: id, name: found?.component ?? id, href: incidentAddress(id), state: found ? lookOf(found.severity) : "unknown", word: found ? `own incident, ${found.severity}` : "own incident", time: found ? span((at.displayNow - Date.parse(found.opened_at)) / 1000) : "" };
  });
  const own = new Set(nested.map((each) => each.name));
  const blocked = (doc.affected ?? []).filter((name) => !own.has(name)).map((name) => {
    const check = checks.find((each) => each.name === name);
    if (!check) return { key: name, name, href: checkAddress(name), state: "unknown", word: "not known", time: "" };
    const look = shown(check, at.now, at.frozen);
    const from = sinceOf(check, look.state);
    return { key: name, name, href: checkAddress(name), state: look.state, word: look.word, time: Number.isFinite(from) ? span((at.displayNow - from) / 1000) : "" };
  });
  return [...nested, ...blocked];
}

function answersView() {
  const title = el("h2", { class: "piece-title" });
  const more = el("span");
  const groups = el("div", { class: "inc-gates" });
  const node = el("section", { class: "side-piece" }, el("div", { class: "piece-head" }, title, el("span", { class: "piece-more" }, more)), groups);
  let last = "";
  return {
    node,
    update(body) {
      const found = answersOf(body);
      const key = JSON.stringify(found);
      node.hidden = found.length === 0;
      if (key === last) return;
      last = key;
      const said = verdict(found);
      setText(title, said.title);
      setText(more, said.more);
      groups.replaceChildren(
        ...found.flatMap((group, at) => [
          el("h3", { class: "inc-gate" }, el("span", { class: "number" }, at + 1), ` ${group.title}`),
          el("ol", { class: "inc-answers" }, ...group.answers.map((answer) => el("li", { class: "inc-answer", "data-says": answer.says }, icon(answer.icon), el("span", {}, el("span", { class: "unseen" }, { passes: "passes: ", stops: "stops: ", waits: "waits: " }[answer.says] ?? ""), answer.question), answer.text ? el("p", { class: "inc-answer-text" }, answer.text) : null))),
        ]),
      );
    },
  };
}

function runbookView() {
  const text = el("p", { class: "runbook" });
  const node = el("section", { class: "side-piece" }, el("h2", { class: "piece-title" }, "Runbook"), text);
  let last = null;
  return {
    node,
    update(runbook) {
      node.hidden = !runbook;
      if (runbook === last) return;
      last = runbook;
      text.replaceChildren(...linked(runbook ?? "").map(([part, address]) => (address ? el("a", { href: address, rel: "noopener noreferrer", target: "_blank" }, part) : el("span", {}, part))));
    },
  };
}

function sideView() {
  const behindTitle = el("span", { class: "number" });
  const list = el("ul", { class: "behind-list" });
  const behind = el("section", { class: "side-piece" }, el("h2", { class: "piece-title" }, "Affected behind it", behindTitle), list);
  const parentLink = el("a", { "data-internal": "", class: "behind-name" });
  const parent = el("section", { class: "side-piece" }, el("h2", { class: "piece-title" }, "Nested under"), parentLink);
  const runbook = runbookView();
  const answers = answersView();
  const node = el("div", {}, parent, behind, runbook.node, answers.node);
  return {
    node,
    update({ doc, at, open, checks, why }) {
      const items = behindOf(doc, open, checks, at);
      behind.hidden = items.length === 0;
      setText(behindTitle, items.length);
      reconcile(list, items, (item) => item.key, behindRow);
      parent.hidden = !doc.parent;
      if (doc.parent) {
        setAttr(parentLink, "href", incidentAddress(doc.parent));
        setText(parentLink, open.find((each) => each.id === doc.parent)?.title ?? doc.parent);
      }
      runbook.update(doc.runbook);
      answers.update(why);
    },
  };
}

function missing() {
  const main = el("h1", { class: "incident-title" });
  const id = el("code", { class: "inc-row-id" });
  const more = el("p", { class: "muted" });
  const node = el("div", { class: "incident-unknown", hidden: "" }, main, el("p", {}, id), more, el("a", { class: "button", href: "/incidents", "data-internal": "" }, "Back to the incidents"));
  return {
    node,
    update({ wanted, status }) {
      const away = status !== 404;
      setText(main, away ? "This incident could not be read" : "No incident has this number");
      setText(id, wanted.slice(0, 200));
      setText(more, away ? "The store does not answer just now. This page keeps asking." : "It may have been mistyped, or be older than what is kept.");
    },
  };
}

export function incidentView() {
  const top = head();
  const unknown = missing();
  const lines = timelineView();
  const side = sideView();
  const headNode = el("div", {}, top.node, unknown.node);
  return {
    parts: { head: headNode, timeline: lines.node, side: side.node },
    next: top.next,
    previous: top.previous,
    // `doc` is null while nothing is known of the incident that is wanted.
    update({ doc, wanted, status, ...view }) {
      const page = headNode.closest(".incident-page");
      if (page) setAttr(page, "data-known", doc ? "" : null);
      if (page) setAttr(page, "data-lost", !doc && status !== null ? "" : null);
      top.node.hidden = !doc;
      unknown.node.hidden = Boolean(doc) || status === null;
      if (!unknown.node.hidden) unknown.update({ wanted, status });
      if (!doc) return;
      top.update({ doc, ...view });
      lines.update({ doc, ...view });
      side.update({ doc, ...view });
    },
  };
}
