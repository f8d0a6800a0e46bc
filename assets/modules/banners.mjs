// Above the page: the slab that says the data is stale, and quieter notices.

import { el, icon, reconcile, setAttr, setText, svg } from "./dom.mjs";
import { age, clock, count, moment, zoneName } from "./format.mjs";
import { loginNotices } from "./account.mjs";
import { loginLink } from "./session.mjs";
import { redraw, shape } from "./shapes.mjs";

const REASONS = {
  silent: "The server does not answer. This page keeps asking.",
  beat: "The monitor has stopped reporting: nothing is being measured.",
  never: "No monitor has ever reported to this server. Start it with: python app.py run",
  drawing: "This page could not draw the latest data. Reload it.",
  login: "You are logged out: what stands here is no longer kept up to date.",
};

// The words of the slab.
export function slabText({ age: old, reason }, beat, zone) {
  return {
    main: old === null ? "STALE" : `STALE ${age(old)}`,
    side: old === null ? "No data" : `Data ${age(old)} old`,
    known: beat === null ? "Last known: never" : `Last known: ${clock(beat, zone)} ${zoneName(beat, zone)}`,
    reason: REASONS[reason] ?? REASONS.silent,
  };
}

export function slab() {
  const main = el("strong", { class: "slab-main number" });
  const side = el("span", { class: "slab-side number" });
  const known = el("span", { class: "slab-known number" });
  const words = el("span");
  const login = loginLink("Log in", { class: "slab-login" });
  const reason = el("span", { class: "slab-reason" }, words, " ", login.node);
  const sign = svg(
    "svg",
    { class: "slab-sign", viewBox: "0 0 24 24", "aria-hidden": "true" },
    svg("path", { class: "slab-sign-body", d: "M12 2.5 22.8 21.5H1.2Z" }),
    svg("path", { class: "slab-sign-mark", d: "M12 9.5v5.5M12 18v.2" }),
  );
  const node = el(
    "section",
    { class: "slab", "aria-label": "Stale data", hidden: "" },
    el("div", { class: "slab-row" }, sign, main, reason, el("div", { class: "slab-facts" }, side, known)),
    el("div", { class: "slab-edge" }),
  );
  return {
    node,
    update(judgement, beat, zone) {
      const stale = judgement.level === "stale";
      if (node.hidden === stale) node.hidden = !stale;
      if (!stale) return;
      const text = slabText(judgement, beat, zone);
      setText(main, text.main);
      setText(side, text.side);
      setText(known, text.known);
      setText(words, text.reason);
      login.update(judgement.reason === "login");
    },
  };
}

// What was not delivered, and what does not get through at present.
export function pagingNotices(paging) {
  const lost = Object.entries(paging?.lost ?? {});
  const failing = paging?.failing ?? [];
  const silent = failing.filter((name) => !lost.some(([other]) => other === name));
  return [
    ...lost.map(([name, number]) => ({
      level: "critical",
      text: `${count(number, "alert")} could not be delivered by ${name}`,
      hint: failing.includes(name) ? "It still fails. Others are kept and tried again for 24 h." : "",
    })),
    ...silent.map((name) => ({
      level: "warning",
      text: `${name} takes no alerts at present`,
      hint: "They are kept and tried again for 24 h.",
    })),
  ];
}

// What keeps the store from being read or written, by the words of the header.
const STORE = {
  unreachable: "The database cannot be reached. What you see is what was last read.",
  full: "The disk of the store is full: nothing is stored until there is room on it.",
  quota: "The disk quota of the store is used up: nothing is stored until it is raised.",
  "read-only": "The disk of the store is read-only: nothing is stored until it is mounted for writing.",
};

// All that must be said above the page, most urgent first.
export function noticesOf({ snapshot, store }) {
  const notices = [];
  if (STORE[store]) notices.push({ level: "critical", text: STORE[store] });
  if (snapshot?.monitoring?.stopped) {
    notices.push({ level: "warning", text: "Monitoring is stopped: no check is being run." });
  }
  notices.push(...pagingNotices(snapshot?.paging), ...(snapshot?.notices ?? []));
  if (snapshot && snapshot.paging && !snapshot.paging.configured) {
    notices.push({ level: "info", icon: "paging-off", text: "Nobody is paged: no channel is configured.", hint: "Add a [[channel]] to config.toml: a webhook, for example." });
  }
  return notices;
}

const LEVELS = new Set(["warning", "degraded", "critical", "unknown"]);

function banner(first) {
  const level = LEVELS.has(first.level) ? first.level : "info";
  const mark = level === "info" ? icon(first.icon ?? "info") : shape(level);
  const text = el("span", { class: "banner-text" });
  const hint = el("span", { class: "banner-hint" });
  const link = first.link ? el("a", { class: "login-link", href: first.link.href }, first.link.text) : null;
  const time = el("span", { class: "banner-time number" });
  const node = el("div", { class: "banner", "data-state": level }, mark, text, hint, link, time);
  return {
    node,
    update({ notice, now, zone }) {
      if (level !== "info") redraw(mark, level);
      setText(text, notice.text);
      setText(hint, notice.hint ?? "");
      if (link) setAttr(link, "href", notice.link.href);
      setText(time, Number.isFinite(notice.at) ? moment(notice.at, now, zone) : "");
    },
  };
}

export function bannerList() {
  const node = el("div", { class: "banners" });
  return {
    node,
    update({ snapshot, store, now, zone }) {
      const notices = [...loginNotices(), ...noticesOf({ snapshot, store })];
      reconcile(
        node,
        notices.map((notice) => ({ ...notice, notice, now, zone })),
        ({ notice }) => `${notice.level} ${notice.at ?? ""} ${notice.text}`,
        banner,
      );
      setAttr(node, "data-empty", notices.length === 0 ? "" : null);
    },
  };
}
