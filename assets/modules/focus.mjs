// Keeps the focus where it is while Dash builds pieces of a page anew: the element that stands in
// the same place takes it over.

// The way from the nearest element with an id down to `node`, as [id, index, index, …].
export function pathOf(node) {
  const path = [];
  let at = node;
  while (at && !at.id) {
    const parent = at.parentElement;
    if (!parent) return null;
    path.unshift([...parent.children].indexOf(at));
    at = parent;
  }
  return at ? [at.id, ...path] : null;
}

export function follow(path) {
  let at = document.getElementById(path[0]);
  for (const index of path.slice(1)) at = at?.children[index];
  return at ?? null;
}

export class FocusKeeper {
  constructor() {
    this.node = null;
    this.path = null;
  }

  start(within) {
    document.addEventListener("focusin", (event) => {
      const inside = event.target.closest?.(within);
      this.node = inside ? event.target : null;
      this.path = inside ? pathOf(event.target) : null;
    });
    // Left on purpose: there is nothing to bring back. An element that is removed tells nothing.
    document.addEventListener("focusout", (event) => {
      if (event.target.isConnected) setTimeout(() => this.forget(event.target));
    });
  }

  forget(node) {
    if (node === this.node && node.isConnected && document.activeElement !== node) this.node = null;
  }

  restore(root) {
    if (!this.node || this.node.isConnected || document.activeElement !== document.body) return;
    const next = follow(this.path);
    if (next && root.contains(next) && next.tagName === this.node.tagName) {
      next.focus({ preventScroll: true });
    }
  }
}
