// Addresses: links inside the app without a page load, the current entry of the navigation, and
// changes of the query that stay on the page.

const listeners = new Set();
const SETTLED_MS = 150;
const PATIENCE_MS = 10000;
// Where a page that is drawn step by step is to be scrolled to, and until when that is tried.
let returning = null;
let settling = 0;

export function onSearch(listener) {
  listeners.add(listener);
}

function changed() {
  for (const listener of listeners) listener();
}

export function checkAddress(name) {
  return `/checks/${encodeURIComponent(name)}`;
}

// Change the query of this page. `replace` while someone types: one entry in the history, not ten.
export function setSearch(search, { replace = false } = {}) {
  if (search === location.search) return;
  const address = location.pathname + search + location.hash;
  const state = { ...history.state, scroll: Math.round(window.scrollY) };
  history.replaceState(state, "");
  history[replace ? "replaceState" : "pushState"](state, "", address);
  changed();
}

function followed(event) {
  const plain = event.button === 0 && !(event.metaKey || event.ctrlKey || event.shiftKey || event.altKey);
  const link = plain && !event.defaultPrevented && event.target.closest?.("a[data-internal]");
  if (!link) return;
  event.preventDefault();
  go(link.href);
}

// To a page of this application, without loading it anew.
export function go(address) {
  const target = new URL(address, location.href);
  if (target.pathname === location.pathname) {
    setSearch(target.search);
    return;
  }
  clearTimeout(settling);
  letGo();
  history.replaceState({ ...history.state, scroll: Math.round(window.scrollY) }, "");
  history.pushState({}, "", target);
  // The event by which dcc.Link tells dcc.Location that the address changed.
  window.dispatchEvent(new CustomEvent("_dashprivate_pushstate"));
  window.scrollTo(0, 0);
  changed();
}

// React owns these anchors, but no prop of theirs is aria-current.
export function markCurrent() {
  for (const link of document.querySelectorAll(".rail-link[href]")) {
    const path = new URL(link.href).pathname;
    const current = path === "/" ? location.pathname === "/" : location.pathname.startsWith(path);
    if (current && !link.hasAttribute("aria-current")) link.setAttribute("aria-current", "page");
    if (!current && link.hasAttribute("aria-current")) link.removeAttribute("aria-current");
  }
}

// The browser puts the scroll back before the page is drawn again, when it is not yet high enough:
// so the place is kept with the address, and taken again once there is room for it.
function keepScroll() {
  clearTimeout(settling);
  settling = setTimeout(() => {
    if (!returning) history.replaceState({ ...history.state, scroll: Math.round(window.scrollY) }, "");
  }, SETTLED_MS);
}

function takeScroll() {
  if (!returning) return;
  window.scrollTo(0, returning.scroll);
  const there = Math.abs(window.scrollY - returning.scroll) < 2 && performance.now() > returning.earliest;
  if (there || performance.now() > returning.latest) returning = null;
  else requestAnimationFrame(takeScroll);
}

function returned() {
  const now = performance.now();
  clearTimeout(settling);
  // Some frames at least: what comes late may still move the page.
  returning = { scroll: history.state?.scroll ?? 0, earliest: now + SETTLED_MS, latest: now + PATIENCE_MS };
  changed();
  takeScroll();
}

function letGo() {
  returning = null;
}

export function startRouting() {
  history.scrollRestoration = "manual";
  // A page that was loaded again is taken where it was.
  if (history.state?.scroll) returned();
  document.addEventListener("click", followed);
  window.addEventListener("popstate", returned);
  window.addEventListener("scroll", keepScroll, { passive: true });
  for (const name of ["wheel", "touchstart", "keydown", "pointerdown"]) {
    window.addEventListener(name, letGo, { passive: true });
  }
  window.addEventListener("_dashprivate_pushstate", () => queueMicrotask(changed));
}
