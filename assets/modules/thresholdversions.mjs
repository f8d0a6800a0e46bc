// The versions of a threshold: what each changed, who made it, and the button that restores it.

import { el, reconcile, setAttr, setText } from "./dom.mjs";
import { moment } from "./format.mjs";
import { showField } from "./thresholdtext.mjs";

// "warning 70 % › 80 %; for 1 min › 5 min", or what else was done.
export function versionText(version, unit) {
  const changes = Object.entries(version.changes);
  const first = changes.length > 0 && changes.every(([, { before }]) => before === null) && Object.hasOwn(version.changes, "metric");
  if (first) return version.action === "publish" ? "first read from the file" : "added";
  if (changes.length === 0) return version.action === "publish" ? "the file changed" : version.action;
  const said = changes.slice(0, 4).map(([key, { before, after }]) => `${key.replaceAll("_", " ")} ${showField(key, before, unit)} › ${showField(key, after, unit)}`);
  return `${said.join("; ")}${changes.length > 4 ? ` and ${changes.length - 4} more` : ""}`;
}

function versionRow(on) {
  return () => {
    const number = el("span", { class: "version-number number" });
    const what = el("span", { class: "version-what" });
    const who = el("span", { class: "version-who" });
    const restore = el("button", { type: "button", class: "text-button" }, "Restore");
    const node = el("li", { class: "version" }, number, what, who, restore);
    let held = null;
    restore.addEventListener("click", () => on.restore(held.version));
    return {
      node,
      update(item) {
        held = item;
        setText(number, String(item.version.version));
        setText(what, item.text);
        setText(who, item.who);
        restore.hidden = item.current || !item.restorable;
        setAttr(restore, "aria-label", `Restore version ${item.version.version}`);
        if (restore.disabled !== item.disabled) restore.disabled = item.disabled;
      },
    };
  };
}

export function thresholdVersions(on) {
  const list = el("ol", { class: "versions" });
  const node = el("section", { class: "threshold-versions", "aria-label": "Versions", hidden: "" }, el("h3", {}, "Versions"), list);
  const makeVersion = versionRow(on);
  return {
    node,
    update(model) {
      node.hidden = !model.versions;
      if (!model.versions) return;
      const { row, at } = model;
      const items = model.versions.map((version) => ({
        version,
        text: versionText(version, row.unit),
        who: `${version.actor}, ${moment(Date.parse(version.at), at.now, at.zone)}`,
        current: version.version === row.version || version === model.versions[0],
        restorable: row.editable,
        disabled: !at.operator || model.busy,
      }));
      reconcile(list, items, (item) => String(item.version.version), makeVersion);
    },
  };
}
