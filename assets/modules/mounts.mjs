// Keeps our own nodes inside the leaves that React lays out. A leaf vanishes with its page and
// comes back empty; what was drawn is put back as it was, with its focus.

// Told by the document when something was put into its leaf.
export const PLACED = "nocturne:placed";
const mounted = new Map();
let lastFocus = null;

// `root` will live in the element with this id whenever that element exists.
export function mount(id, root) {
  mounted.set(id, root);
}

export function place() {
  let placed = false;
  for (const [id, root] of mounted) {
    const leaf = document.getElementById(id);
    if (leaf && root.parentNode !== leaf) {
      const focused = root.contains(lastFocus) && document.activeElement === document.body ? lastFocus : null;
      leaf.replaceChildren(root);
      focused?.focus({ preventScroll: true });
      placed = true;
    }
  }
  if (placed) document.dispatchEvent(new Event(PLACED));
}

export function keepPlaced() {
  document.addEventListener("focusin", (event) => {
    lastFocus = event.target;
  });
  new MutationObserver(place).observe(document.body, { childList: true, subtree: true });
  place();
}

export function isPlaced(root) {
  return root.isConnected;
}
