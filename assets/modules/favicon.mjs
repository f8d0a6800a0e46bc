// Title and favicon. The icons are fetched once and kept as data: a dead server could not send the
// one that says so.

const STATES = ["healthy", "warning", "degraded", "critical", "unknown", "stale", "waiting"];
const icons = new Map();

export async function loadFavicons(base) {
  await Promise.allSettled(
    STATES.map(async (state) => {
      const response = await fetch(new URL(`${state}.svg`, base));
      if (!response.ok) return;
      icons.set(state, `data:image/svg+xml,${encodeURIComponent((await response.text()).trim())}`);
    }),
  );
}

export function showFavicon(state) {
  const address = icons.get(state);
  const link = document.querySelector('link[rel~="icon"]');
  if (!address || link?.dataset.state === state) return;
  // A fresh element: browsers do not reliably redraw one whose address changes.
  const fresh = document.createElement("link");
  fresh.rel = "icon";
  fresh.type = "image/svg+xml";
  fresh.href = address;
  fresh.dataset.state = state;
  link?.remove();
  document.head.append(fresh);
}

export function showTitle(text) {
  if (document.title !== text) document.title = text;
}
