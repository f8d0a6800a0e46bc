// The bar over the foot of the list of incidents while some are selected.

import { el, icon, setAttr, setText } from "./dom.mjs";
import { mayNot, session } from "./session.mjs";

export function selectedBar({ acknowledge, clear }) {
  const number = el("strong", { class: "number" });
  const label = el("span");
  const take = el("button", { type: "button", class: "button" }, icon("done"), label, el("kbd", { "aria-hidden": "true" }, "A"));
  const drop = el("button", { type: "button", class: "button plain" }, "Clear", el("kbd", { "aria-hidden": "true" }, "Esc"));
  take.addEventListener("click", acknowledge);
  drop.addEventListener("click", clear);
  const node = el("div", { class: "selected-bar", role: "group", "aria-label": "Selected incidents", hidden: "" }, el("span", {}, number, " selected"), take, drop);
  return {
    node,
    update({ chosen, fresh, operator }) {
      node.hidden = chosen === 0;
      setText(number, chosen);
      setText(label, `Acknowledge ${fresh}`);
      take.disabled = fresh === 0 || !operator;
      setAttr(take, "title", operator ? (fresh ? null : "All of them are acknowledged already.") : mayNot(session, "acknowledge"));
    },
  };
}
