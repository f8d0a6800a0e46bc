// The bar over the foot of the list of checks: what can be done with those that are selected, the
// two forms that some of it needs, and what became of the last of it.

import { about, lengthOf, tagCounts } from "./checkslist.mjs";
import { el, icon, reconcile, setAttr, setText } from "./dom.mjs";
import { setWords } from "./session.mjs";

const ACTIONS = [
  { verb: "acknowledge", label: "Acknowledge", key: "A", icon: "done" },
  { verb: "check-now", label: "Check now", key: "C", icon: "refresh" },
  { verb: "pause", label: "Pause", key: "P", icon: "pause" },
  { verb: "resume", label: "Resume", key: "R", icon: "play" },
  { verb: "maintenance", label: "Maintenance", key: "M", icon: "wrench", form: true },
  { verb: "tag", label: "Tag", key: "T", icon: "tag", form: true },
];
export const VERB_OF = Object.fromEntries(ACTIONS.map(({ key, verb }) => [key.toLowerCase(), verb]));
const LENGTHS = [["30m", "30 min"], ["1h", "1 h"], ["4h", "4 h"], ["", "Other"]];
const MOST_TAGS = 24;

function segmented(label, choices, name) {
  const inputs = choices.map(([value, text], index) => {
    const input = el("input", { type: "radio", name, value, ...(index === 0 ? { checked: "" } : {}) });
    return { input, node: el("label", { class: "segment-choice" }, input, el("span", {}, text)) };
  });
  const node = el("fieldset", { class: "segmented" }, el("legend", {}, label), ...inputs.map((each) => each.node));
  return { node, value: () => inputs.find((each) => each.input.checked)?.input.value ?? "", focus: () => inputs[0].input.focus() };
}

function labelled(text, field) {
  return el("label", { class: "labelled" }, el("span", {}, text), field);
}

function formOf(className, fields, submit, { cancel, send }) {
  const lacking = el("span", { class: "form-lacking", role: "alert" });
  const give = el("button", { type: "submit", class: "button action", "data-primary": "" }, submit);
  const drop = el("button", { type: "button", class: "button plain" }, "Cancel", el("kbd", { "aria-hidden": "true" }, "Esc"));
  const node = el("form", { class: `chk-form ${className}`, hidden: "", novalidate: "" }, ...fields, el("div", { class: "form-end" }, give, drop, lacking));
  drop.addEventListener("click", cancel);
  node.addEventListener("submit", (event) => {
    event.preventDefault();
    const missing = send();
    setText(lacking, missing);
  });
  return { node, say: (text) => setText(lacking, text) };
}

function maintenanceForm({ cancel, send }) {
  const lengths = segmented("For how long, from now on", LENGTHS, "chk-length");
  const other = el("input", { class: "inc-field chk-length", type: "text", placeholder: "such as 90m, 2h or 1d", "aria-label": "Another length", autocomplete: "off", spellcheck: "false" });
  const reason = el("input", { class: "inc-field", type: "text", placeholder: "What is done (optional)", maxlength: 1000, autocomplete: "off" });
  const otherBox = el("span", { class: "chk-other" }, other);
  const show = () => {
    otherBox.hidden = lengths.value() !== "";
  };
  lengths.node.append(otherBox);
  lengths.node.addEventListener("change", () => {
    show();
    if (!otherBox.hidden) other.focus();
  });
  show();
  const form = formOf("chk-form-maintenance", [lengths.node, labelled("Reason", reason)], "Begin maintenance", {
    cancel,
    send() {
      const length = lengths.value() || lengthOf(other.value);
      if (!length) {
        other.focus();
        return "Write a length such as 90m, 2h or 1d.";
      }
      send(length, reason.value.trim());
      return "";
    },
  });
  return { ...form, focus: lengths.focus, update() {} };
}

function tagToggle({ tag: first }) {
  const total = el("span", { class: "number" });
  const node = el("button", { type: "button", class: "chk-toggle", "aria-pressed": "false" }, el("span", { class: "chk-toggle-name" }, first), total);
  node.dataset.tag = first;
  node.addEventListener("click", () => setAttr(node, "aria-pressed", node.getAttribute("aria-pressed") === "true" ? "false" : "true"));
  return {
    node,
    update({ total: number }) {
      setText(total, number);
      setAttr(node, "title", `On ${number} of those selected: press to take it off`);
    },
  };
}

function tagForm({ cancel, send }) {
  const known = el("datalist", { id: "chk-known-tags" });
  const add = el("input", { class: "inc-field", type: "text", list: "chk-known-tags", placeholder: "one, or several with commas", maxlength: 400, autocomplete: "off", spellcheck: "false" });
  const present = el("div", { class: "chk-toggles", role: "group", "aria-label": "Tags to take off" });
  const presentBox = el("div", { class: "labelled" }, el("span", {}, "Take off"), present);
  let offered = "";
  const form = formOf("chk-form-tag", [labelled("Add", add), known, presentBox], "Change tags", {
    cancel,
    send() {
      const wanted = [...new Set(add.value.split(",").map((each) => each.trim()).filter(Boolean))];
      const off = [...present.querySelectorAll('[aria-pressed="true"]')].map((each) => each.dataset.tag).filter((tag) => !wanted.includes(tag));
      if (wanted.length === 0 && off.length === 0) {
        add.focus();
        return "Name a tag to add, or choose one to take off.";
      }
      send(wanted, off);
      return "";
    },
  });
  return {
    ...form,
    focus: () => add.focus(),
    clear() {
      add.value = "";
      for (const each of present.children) setAttr(each, "aria-pressed", "false");
    },
    update({ rows, tags }) {
      const found = tagCounts(rows).slice(0, MOST_TAGS);
      reconcile(present, found, (each) => each.tag, tagToggle);
      presentBox.hidden = found.length === 0;
      if (tags.join("\n") === offered) return;
      offered = tags.join("\n");
      known.replaceChildren(...tags.map((tag) => el("option", { value: tag })));
    },
  };
}

// What became of the last action, with the way back.
function replyLine({ orders }) {
  const text = el("span", { class: "chk-reply-text", role: "status" });
  const undo = el("button", { type: "button", class: "button" }, "Undo", el("kbd", { "aria-hidden": "true" }, "Z"));
  undo.addEventListener("click", () => orders.undo());
  const node = el("div", { class: "chk-reply", "data-empty": "" }, text, undo);
  return {
    node,
    update() {
      const reply = orders.reply;
      setAttr(node, "data-empty", reply ? null : "");
      setAttr(node, "data-refused", reply?.refused ? "" : null);
      setWords(text, reply?.text ?? "");
      undo.hidden = !reply?.undo;
    },
  };
}

export function checksBar({ orders, clear, refocus }) {
  let rows = [];
  let operator = false;
  let open = null;
  const number = el("strong", { class: "number" });
  const hidden = el("span", { class: "chk-unshown" });
  const forms = {};
  const close = () => {
    if (!open) return;
    const inside = forms[open].node.contains(document.activeElement);
    forms[open].node.hidden = true;
    setAttr(buttons[open].node, "aria-expanded", "false");
    open = null;
    setAttr(node, "data-form", null);
    if (inside) refocus();
  };
  const act = (verb, targets) => {
    const { names, refused } = about(verb, targets, operator);
    if (refused) orders.say(refused, { refused: true });
    else orders.give(verb, names);
  };
  forms.maintenance = maintenanceForm({
    cancel: () => close(),
    send: (length, reason) => {
      const { names } = about("maintenance", rows, operator);
      close();
      orders.maintain(names, length, reason);
    },
  });
  forms.tag = tagForm({
    cancel: () => close(),
    send: (add, remove) => {
      const { names } = about("tag", rows, operator);
      close();
      forms.tag.clear();
      orders.give("tag", names, { add, remove });
    },
  });
  const toggle = (verb) => {
    const again = open === verb;
    close();
    if (again) return;
    open = verb;
    forms[verb].update({ rows, tags: latest.tags });
    forms[verb].say("");
    forms[verb].node.hidden = false;
    setAttr(buttons[verb].node, "aria-expanded", "true");
    setAttr(node, "data-form", verb);
    forms[verb].focus();
  };
  const press = (verb, targets) => (ACTIONS.find((each) => each.verb === verb).form ? toggle(verb) : act(verb, targets));
  const buttons = Object.fromEntries(
    ACTIONS.map(({ verb, label, key, icon: sign, form }) => {
      const button = el("button", { type: "button", class: "button", "data-verb": verb, ...(form ? { "aria-expanded": "false" } : {}) }, icon(sign), el("span", {}, label), el("kbd", { "aria-hidden": "true" }, key));
      button.addEventListener("click", () => {
        if (button.getAttribute("aria-disabled") !== "true") press(verb, rows);
        else orders.say(button.title, { refused: true });
      });
      return [verb, { node: button }];
    }),
  );
  const drop = el("button", { type: "button", class: "button plain" }, "Clear", el("kbd", { "aria-hidden": "true" }, "Esc"));
  drop.addEventListener("click", clear);
  const bar = el("div", { class: "chk-actions" }, el("span", { class: "chk-selected" }, number, " selected", hidden), ...Object.values(buttons).map((each) => each.node), drop);
  const reply = replyLine({ orders });
  const panel = el("div", { class: "chk-bar", role: "group", "aria-label": "Selected checks", hidden: "" }, forms.maintenance.node, forms.tag.node, bar);
  const node = el("div", { class: "chk-foot" }, reply.node, panel);
  let latest = { tags: [] };
  return {
    node,
    // What a key does; `targets`: the selected rows, else the one in focus.
    key(key, targets) {
      if (key === "Escape") {
        if (open) close();
        else if (rows.length > 0) clear();
        else return false;
        return true;
      }
      const verb = VERB_OF[key];
      if (!verb || targets.length === 0) return false;
      // The forms are about what is selected: the row in focus becomes that.
      press(verb, targets);
      return true;
    },
    needsSelection: (key) => Boolean(ACTIONS.find((each) => each.verb === VERB_OF[key])?.form),
    get isTyping() {
      return open !== null;
    },
    update(view) {
      latest = view;
      ({ rows, operator } = view);
      reply.update();
      if (rows.length === 0) close();
      panel.hidden = rows.length === 0;
      setText(number, rows.length.toLocaleString("en-GB"));
      setText(hidden, view.unshown > 0 ? ` (${view.unshown.toLocaleString("en-GB")} not shown)` : "");
      for (const [verb, { node: button }] of Object.entries(buttons)) {
        const { names, refused } = about(verb, rows, operator);
        // Both stand there only where some are paused and some are not.
        if (verb === "pause" || verb === "resume") button.hidden = operator ? names.length === 0 : verb === "resume";
        // Not disabled: the focus would be lost, and nobody could ask why.
        setAttr(button, "aria-disabled", refused ? "true" : null);
        setAttr(button, "title", refused || null);
      }
      if (open) forms[open].update({ rows, tags: view.tags });
    },
  };
}
