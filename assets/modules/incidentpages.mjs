// The pages of incidents: which of them is looked at, what it needs, and what keys do there.

import { incidentActions } from "./incidentactions.mjs";
import { Desk } from "./incidentdesk.mjs";
import { incidentList } from "./incidentlist.mjs";
import { IncidentOrders } from "./incidentorders.mjs";
import { hoursOf, idOf, joined, parse } from "./incidents.mjs";
import { incidentView } from "./incidentview.mjs";
import { myName } from "./incidentname.mjs";
import { setAttr } from "./dom.mjs";
import { isTyping } from "./keyboard.mjs";
import { shown } from "./states.mjs";

const LIST = "/incidents";

export class IncidentPages {
  constructor({ clock, onDone, fetch }) {
    this.view = null;
    const changed = () => this.draw();
    const net = fetch ? { fetch } : {};
    this.desk = new Desk({ onChange: changed, ...net });
    this.orders = new IncidentOrders({
      clock,
      onChange: changed,
      onTold: (doc) => this.desk.put(doc),
      onDone,
      ...net,
    });
    this.list = incidentList({ desk: this.desk, orders: this.orders, changed, me: myName });
    this.one = incidentView();
    const done = () => {
      this.desk.why.outdate();
      onDone();
    };
    this.actions = incidentActions({ orders: this.orders, clock, changed, done, ...net });
    const { summary, filters, list, selected } = this.list.parts;
    const { head, timeline, side } = this.one.parts;
    // By the ids of the leaves that Python lays out for them.
    this.parts = {
      "incidents-summary": summary,
      "incidents-filters": filters,
      "incidents-list": list,
      "incidents-selected": selected,
      "incident-head": head,
      "incident-timeline": timeline,
      "incident-side": side,
      "incident-actions": this.actions.node,
    };
  }

  // With each snapshot, and each second for what tells how long.
  update({ snapshot, at }) {
    this.view = { snapshot, at };
    badge(snapshot.incidents, at.frozen);
    this.draw();
  }

  draw() {
    if (!this.view || document.visibilityState === "hidden") return;
    if (location.pathname === LIST) this.drawList(this.view);
    else if (idOf(location.pathname) !== null) this.drawOne(this.view, idOf(location.pathname));
  }

  drawList({ snapshot, at }) {
    if (!this.list.parts.list.isConnected) return;
    this.desk.followList(snapshot.revision, hoursOf(parse(location.search)), at.now);
    const incidents = joined(this.desk.open, this.desk.history.data?.incidents ?? []);
    this.list.update({ at, incidents, name: myName() });
  }

  drawOne({ snapshot, at }, id) {
    if (!this.one.parts.head.isConnected) return;
    const { desk } = this;
    desk.followOne(snapshot.revision, id, snapshot.incidents);
    const known = desk.told(id);
    const doc = known && this.orders.seen(known);
    const why = desk.why.data;
    const status = desk.one.status === 200 ? null : desk.one.status;
    this.one.update({ doc, wanted: id, status, at, me: myName(), open: desk.open, checks: snapshot.checks, why });
    this.actions.node.hidden = !doc;
    if (!doc) return;
    this.actions.update({ doc, operator: at.operator, me: myName(), bad: badWord(snapshot.checks, doc, at), at });
  }

  // What a key does on the page that is looked at; false when it does nothing.
  key(key) {
    if (location.pathname === LIST) return this.list.key(key);
    if (idOf(location.pathname) === null) return false;
    const link = { j: this.one.next, k: this.one.previous }[key];
    if (link?.hasAttribute("href")) link.click();
    return link ? true : this.actions.key(key);
  }

  start() {
    // Before the keys of every page, which do other things with some of them.
    document.addEventListener(
      "keydown",
      (event) => {
        if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
        if (isTyping(event.target) && !event.target.matches("input[type=checkbox]")) return;
        if (document.querySelector("dialog[open]")) return;
        if (!this.key(event.key)) return;
        event.preventDefault();
        event.stopPropagation();
      },
      { capture: true },
    );
    document.addEventListener("visibilitychange", () => this.draw());
  }
}

// The number beside the entry of the navigation, whose link React owns.
function badge(number, frozen) {
  const link = document.querySelector('.rail-link[href="/incidents"]');
  if (!link) return;
  setAttr(link, "data-count", number || null);
  setAttr(link, "title", number ? `${number} open${frozen ? " when last seen" : ""}` : null);
}

// What the check of an incident reads while that is bad; empty when it is not, or is not known.
function badWord(checks, doc, at) {
  const check = checks.find((each) => each.name === doc.component);
  if (!check || at.frozen) return "";
  const look = shown(check, at.now, false);
  return ["critical", "degraded", "warning", "unknown"].includes(look.state) ? look.state : "";
}
