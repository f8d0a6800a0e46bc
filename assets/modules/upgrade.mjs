// A new version of the server brings new modules: the page loads itself again, once.

const KEY = "nocturne.reloaded";
const PAUSE_MS = 60000;
let first = null;

// `last`: when this tab last reloaded for a version. Two servers of different versions behind one
// address would otherwise make it reload for ever.
export function shouldReload(known, version, last, now) {
  return known !== null && version !== known && now - last > PAUSE_MS;
}

export function reloadOnUpgrade(version) {
  first ??= version;
  if (version === first) return;
  try {
    const last = Number(sessionStorage.getItem(KEY) ?? -Infinity);
    if (!shouldReload(first, version, last, Date.now())) return;
    sessionStorage.setItem(KEY, String(Date.now()));
  } catch {
    return; // Without a memory there is no "once".
  }
  location.reload();
}
