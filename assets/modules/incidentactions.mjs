// What can be done with one incident: the buttons at the foot of its page, and their forms.

import { el, icon, setAttr, setText } from "./dom.mjs";
import { clock, zoneName } from "./format.mjs";
import { refusedBecause, exactly, viewerWords } from "./incident.mjs";
import { refusalOf, send } from "./incidentorders.mjs";
import { cleanName, myName, nameControl, rememberName } from "./incidentname.mjs";
import { session, setWords } from "./session.mjs";

const BUTTONS = [
  { key: "acknowledge", verb: "acknowledge", label: "Acknowledge", icon: "done", hint: "A" },
  { key: "acknowledge-for", verb: "acknowledge", label: "For …", title: "Acknowledge for a time, or so that it stays when things get worse", form: true },
  { key: "investigate", verb: "investigate", label: "Investigate", title: "Say that you look for the cause", icon: "search" },
  { key: "progress", verb: "progress", label: "Work on it", title: "Say that you repair it", icon: "person" },
  { key: "take", verb: "assign", label: "Assign to me", icon: "person" },
  { key: "assign", verb: "assign", label: "Assign", icon: "person", hint: "S", form: true },
  { key: "comment", verb: "comment", label: "Comment", icon: "comment", hint: "C", form: true },
  { key: "resolve", verb: "resolve", label: "Resolve", icon: "done", hint: "E", form: true },
  { key: "reopen", verb: "reopen", label: "Reopen", icon: "incidents" },
  { key: "silence", verb: "silence", label: "Silence", icon: "silence", hint: "M", form: true },
];
const KEYS = { a: "acknowledge", s: "assign", c: "comment", e: "resolve", m: "silence" };

function labelled(text, control) {
  return el("label", { class: "labelled" }, el("span", {}, text), control);
}

function textField(attributes = {}) {
  return el("input", { class: "inc-field", type: "text", maxlength: 200, autocomplete: "off", spellcheck: "false", ...attributes });
}

// One of a few values, as buttons that are radio buttons.
function choice(legend, name, options) {
  const inputs = options.map(([value], at) => el("input", { type: "radio", name, value, ...(at === 0 ? { checked: "" } : {}) }));
  const labels = options.map(([, text], at) => el("label", { class: "segment-choice" }, inputs[at], el("span", {}, text)));
  return {
    node: el("fieldset", { class: "segmented" }, el("legend", {}, legend), ...labels),
    value: () => inputs.find((input) => input.checked)?.value ?? options[0][0],
    reset: () => inputs.forEach((input, at) => (input.checked = at === 0)),
  };
}

// Each form: its node, what it sends (null: not yet), and how it is emptied. `orders` by verb.
function makeForms() {
  const who = textField({ autocomplete: "name" });
  const whoLabel = labelled("Your name", who);
  const lasts = choice("For how long", "lasts", [["", "until it is over"], ["30", "30 min"], ["120", "2 h"]]);
  const sticky = el("input", { type: "checkbox" });
  const assignee = textField({ autocomplete: "name" });
  const me = el("button", { type: "button", class: "text-button" }, "to me");
  const text = el("textarea", { class: "inc-field", rows: 3, maxlength: 10000 });
  const open = el("input", { type: "checkbox" });
  const asks = el("p", { class: "muted" });
  const notes = el("textarea", { class: "inc-field", rows: 2, maxlength: 10000 });
  const minutes = choice("For how long", "minutes", [["60", "1 h"], ["240", "4 h"], ["1440", "24 h"]]);
  const reason = textField({ maxlength: 500, "data-first": "" });
  const nobody = (name) => (name ? name : null);
  return {
    "acknowledge-for": {
      title: "Acknowledge for a time",
      submit: "Acknowledge",
      parts: [lasts.node, el("label", { class: "ticked" }, sticky, el("span", {}, "Keep it also when things get worse")), whoLabel],
      open(view) {
        who.value = view.me;
        whoLabel.hidden = session.loggedIn;
      },
      read() {
        const name = session.name || rememberName(who.value);
        return { ...(name ? { acknowledged_by: name } : {}), ...(lasts.value() ? { minutes: Number(lasts.value()) } : {}), ...(sticky.checked ? { sticky: true } : {}) };
      },
      clear() {
        lasts.reset();
        sticky.checked = false;
      },
    },
    assign: {
      title: "Whose is it?",
      submit: "Assign",
      parts: [labelled("Name; empty for nobody", assignee), me],
      open(view) {
        assignee.value = view.doc.assignee ?? "";
        me.hidden = !view.me;
        me.onclick = () => (assignee.value = view.me);
      },
      read: () => ({ assignee: nobody(cleanName(assignee.value)) }),
      clear: () => (assignee.value = ""),
    },
    comment: {
      title: "Comment",
      submit: "Add to the timeline",
      parts: [labelled("What do others need to know?", text), el("label", { class: "ticked" }, open, el("span", {}, "Public: show it on the status page"))],
      open: () => {},
      read: () => (text.value.trim() ? { text: text.value, ...(open.checked ? { public: true } : {}) } : null),
      clear() {
        text.value = "";
        open.checked = false;
      },
    },
    resolve: {
      title: "Resolve",
      submit: "Resolve",
      parts: [labelled("What was it, and what helped?", notes), asks],
      open: (view) => setText(asks, view.bad ? `${view.doc.component} still reads ${view.bad}: it resolves by itself when it recovers. You are asked again.` : ""),
      read: () => ({ notes: notes.value.trim() }),
      clear: () => (notes.value = ""),
    },
    silence: {
      title: "Silence",
      submit: "Silence it",
      parts: [minutes.node, labelled("Why? Others will read it", reason)],
      open: () => {},
      read: () => (reason.value.trim() ? { minutes: Number(minutes.value()), reason: reason.value.trim() } : null),
      clear() {
        reason.value = "";
        minutes.reset();
      },
    },
  };
}

export function incidentActions({ orders, clock: time, changed, done, fetch = globalThis.fetch?.bind(globalThis) }) {
  let view = null;
  let opened = null;
  let opener = null;
  const forms = makeForms();
  const name = nameControl({ onChange: changed });
  const reply = el("span", { class: "action-reply", role: "status" });
  const viewer = el("span", { class: "muted" });
  const force = el("button", { type: "button", class: "button action-force" }, "Resolve anyway");
  const more = el("button", { type: "button", class: "button action-more", "aria-expanded": "false" }, "More");
  const buttons = new Map();

  for (const each of BUTTONS) {
    const label = el("span", { class: "action-label" }, each.label);
    const hint = each.hint ? el("kbd", { "aria-hidden": "true" }, each.hint) : null;
    const node = el("button", { type: "button", class: "button action", "data-action": each.key, ...(each.form ? { "aria-expanded": "false" } : {}) }, each.icon ? icon(each.icon) : null, label, hint);
    node.addEventListener("click", () => press(each.key));
    buttons.set(each.key, { ...each, node, text: label });
  }
  const take = el("span", { class: "action-take" }, buttons.get("acknowledge").node, buttons.get("acknowledge-for").node);
  const rest = [...buttons.values()].filter((each) => !each.key.startsWith("acknowledge")).map((each) => each.node);

  const panels = Object.entries(forms).map(([key, form]) => {
    const submit = el("button", { type: "submit", class: "button" }, form.submit);
    const cancel = el("button", { type: "button", class: "button plain" }, "Cancel");
    const lacking = el("span", { class: "form-lacking", role: "status" });
    const node = el("form", { class: "action-form", "data-form": key, "aria-label": form.title, novalidate: "", hidden: "" }, el("h2", { class: "piece-title" }, form.title), ...form.parts, el("div", { class: "form-end" }, submit, cancel, lacking));
    cancel.addEventListener("click", close);
    node.addEventListener("submit", (event) => {
      event.preventDefault();
      carryOut(key, lacking);
    });
    node.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) carryOut(key, lacking);
      if (event.key !== "Escape") return;
      event.preventDefault();
      close();
    });
    Object.assign(form, { node, lacking });
    return node;
  });
  const panel = el("div", { class: "action-panel", hidden: "" }, ...panels);
  const line = el("div", { class: "action-line" }, reply, force);
  const bar = el("div", { class: "action-bar" }, take, ...rest, more, el("span", { class: "action-side" }, viewer, name.node));
  const node = el("div", { class: "action-root" }, panel, line, bar);

  function open(key) {
    close();
    opened = key;
    opener = buttons.get(key).node;
    setAttr(opener, "aria-expanded", "true");
    for (const [each, form] of Object.entries(forms)) form.node.hidden = each !== key;
    forms[key].open(view);
    setText(forms[key].lacking, "");
    panel.hidden = false;
    unfold(false);
    const first = forms[key].node.querySelector("[data-first]") ?? forms[key].node.querySelector("input, textarea");
    first.focus();
  }

  function close() {
    if (!opened) return;
    const had = panel.contains(document.activeElement);
    panel.hidden = true;
    setAttr(opener, "aria-expanded", "false");
    if (had) (opener.checkVisibility() && !opener.disabled ? opener : more.checkVisibility() ? more : bar.querySelector(".action:enabled"))?.focus({ preventScroll: true });
    opened = null;
  }

  function press(key) {
    const { verb, form } = buttons.get(key);
    if (!view || refusedBecause(view.doc, verb, view.operator)) return false;
    if (form) {
      if (opened === key) close();
      else open(key);
    } else if (key === "acknowledge") orders.give(view.doc.id, verb, myName() ? { acknowledged_by: myName() } : {});
    else if (key === "take") orders.give(view.doc.id, verb, { assignee: myName() });
    else orders.give(view.doc.id, verb);
    return true;
  }

  async function carryOut(key, lacking) {
    const body = forms[key].read();
    if (body === null) {
      setText(lacking, key === "silence" ? "A silence needs a reason." : "Write something first.");
      forms[key].node.querySelector("textarea, input:not([type=radio])")?.focus();
      return;
    }
    const id = view.doc.id;
    close();
    const fine = key === "silence" ? await silence(view.doc, body) : await orders.give(id, buttons.get(key).verb, body);
    if (fine) forms[key].clear();
    // What was written is not lost: the form comes back with it, unless something else is done now.
    else if (view?.doc.id === id && !opened && !orders.reply(id).force) open(key);
  }

  async function silence(doc, { minutes, reason }) {
    const body = { match: { name: [exactly(doc.component)] }, minutes, reason, ...(myName() ? { author: myName() } : {}) };
    orders.say(doc.id, { text: "Silencing …", refused: false, force: null });
    changed();
    const answer = await send(fetch, "/api/v1/silences", body);
    const refusal = refusalOf("silence", answer);
    const until = answer.ok ? Date.parse(answer.body.ends_at) : 0;
    const text = refusal || `Silenced until ${clock(until, view.zone).slice(0, 5)} ${zoneName(until, view.zone)}: it pages nobody before.`;
    orders.say(doc.id, { text, refused: Boolean(refusal), force: null });
    changed();
    done();
    return !refusal;
  }

  force.addEventListener("click", () => {
    const again = orders.reply(view.doc.id).force;
    if (again) orders.give(view.doc.id, "resolve", again).then((fine) => fine && forms.resolve.clear());
    bar.querySelector(".action:enabled")?.focus({ preventScroll: true });
  });
  more.addEventListener("click", () => {
    const on = more.getAttribute("aria-expanded") !== "true";
    close();
    unfold(on);
  });

  // On a phone: the other buttons are shown on demand, and make room for a form.
  function unfold(on) {
    setAttr(more, "aria-expanded", on ? "true" : "false");
    setAttr(bar, "data-more", on ? "" : null);
  }

  return {
    node,
    key(key) {
      return KEYS[key] ? press(KEYS[key]) : false;
    },
    update({ doc, operator, me, bad, at }) {
      const changedTo = view && view.doc.id !== doc.id;
      view = { doc, operator, me, bad, zone: at.zone };
      if (changedTo) {
        close();
        for (const form of Object.values(forms)) form.clear();
      }
      for (const { key, verb, node: button, text, label, title } of buttons.values()) {
        const why = refusedBecause(doc, verb, operator);
        button.disabled = why !== "";
        setAttr(button, "title", why || title || null);
        if (key === "acknowledge") {
          const by = doc.acknowledged_by && doc.open ? `Acknowledged by ${doc.mine || (me && doc.acknowledged_by === me) ? "you" : doc.acknowledged_by}` : label;
          setText(text, by.replace(/ by anonymous$/, ""));
          setAttr(button, "data-primary", why ? null : "");
        }
      }
      const is = (key, on) => (buttons.get(key).node.hidden = !on);
      is("acknowledge", doc.stage === "new" || (doc.open && doc.acknowledged_by));
      is("acknowledge-for", doc.stage === "new");
      setAttr(bar, "data-new", doc.stage === "new" ? "" : null);
      take.hidden = buttons.get("acknowledge").node.hidden;
      is("investigate", doc.open && doc.stage !== "investigating");
      is("progress", doc.open && doc.stage !== "in progress");
      is("take", operator && doc.open && me && doc.assignee !== me);
      is("resolve", doc.open);
      is("silence", doc.open);
      is("reopen", doc.stage === "resolved");
      const said = orders.reply(doc.id);
      setWords(reply, said.text);
      setAttr(reply, "data-refused", said.refused ? "" : null);
      force.hidden = !said.force;
      setWords(viewer, operator ? "" : viewerWords());
      name.node.hidden = !operator;
      name.update(me);
      const form = opened && buttons.get(opened);
      if (form && refusedBecause(doc, form.verb, operator)) close();
    },
  };
}
