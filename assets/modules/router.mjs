// Addresses: links inside the app without a page load, the current entry of the navigation, and
// changes of the query that stay on the page.

const listeners = new Set();

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
  history[replace ? "replaceState" : "pushState"](history.state, "", address);
  changed();
}

function followed(event) {
  const plain = event.button === 0 && !(event.metaKey || event.ctrlKey || event.shiftKey || event.altKey);
  const link = plain && !event.defaultPrevented && event.target.closest?.("a[data-internal]");
  if (!link) return;
  event.preventDefault();
  const target = new URL(link.href);
  if (target.pathname === location.pathname) {
    setSearch(target.search);
    return;
  }
  history.pushState({}, "", target);
  // The event by which dcc.Link tells dcc.Location that the address changed.
  window.dispatchEvent(new CustomEvent("_dashprivate_pushstate"));
  window.scrollTo(0, 0);
  changed();
}

// React owns these anchors, but no prop of theirs is aria-current.
export function markCurrent() {
  for (const link of document.querySelectorAll(".rail-link")) {
    const path = new URL(link.href).pathname;
    const current = path === "/" ? location.pathname === "/" : location.pathname.startsWith(path);
    if (current && !link.hasAttribute("aria-current")) link.setAttribute("aria-current", "page");
    if (!current && link.hasAttribute("aria-current")) link.removeAttribute("aria-current");
  }
}

export function startRouting() {
  document.addEventListener("click", followed);
  window.addEventListener("popstate", changed);
  window.addEventListener("_dashprivate_pushstate", () => queueMicrotask(changed));
}
