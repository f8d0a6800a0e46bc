// The keys of the Thresholds page: Ctrl-S saves the draft, z undoes what was saved.

import { isTyping } from "./keyboard.mjs";

// `isHere` tells whether the page is shown, `mayUndo` whether there is something to undo.
export function startThresholdKeys({ isHere, mayUndo, save, undo }) {
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.altKey || !isHere() || document.querySelector("dialog[open]")) return;
    const command = event.ctrlKey || event.metaKey;
    if (event.key === "s" && command) {
      event.preventDefault();
      save();
    } else if (event.key === "z" && !command && !isTyping(event.target) && mayUndo()) {
      event.preventDefault();
      undo();
    }
  });
}
